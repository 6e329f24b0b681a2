"""What the end-to-end tests stand on: a sandbox, a daemon and the command line.

A World is one sandbox (simulated Celigo and NetSuite) with one daemon in a
directory of its own, on ports that the system chose. Everything goes through
the real binaries: the command line for what an operator does, the sandbox's
control interface for what people, other programs and the network do. The paths
of the binaries come from the environment: KEYTURND, KEYTURN, KEYTURN_SANDBOX.

Nothing here waits a fixed time for something to happen: `wait_until` looks
again until a condition holds or a named limit is over. A test that fails gets
the logs of its worlds printed.
"""

import concurrent.futures
import copy
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.parse

START_MAX_S = 60
STOP_MAX_S = 30
COMMAND_MAX_S = 120
MIGRATION_MAX_S = 120
LOOK_AGAIN_S = 0.02
# So long nothing is asked of the daemon while its log tells of no change.
PATIENCE_S = 0.5
# Worlds at once: most of a migration is waiting.
WORKERS = 6
LOG_LINES_SHOWN = 60

AT_REST = ('SUCCEEDED', 'ROLLED_BACK', 'CANCELLED')
RESTING = AT_REST + ('NEEDS_ATTENTION', 'PLANNED', 'PAUSED')

# Exit codes of the command line (design, section 7).
DONE, FAILED, USAGE, REFUSED, WAITS, ROLLED_BACK, ATTENTION, UNREACHABLE, NOT_PERMITTED = range(9)

# Jobs that end soon: most tests are not about waiting.
QUICK = {'job_run_ms': '150', 'job_queue_ms': '30'}

MISTAKES = ('wrong_role', 'wrong_application', 'missing_permission', 'integration_blocked',
            'feature_off', 'secret_mistyped')


def binary(variable):
    path = os.environ.get(variable)
    if not path:
        raise unittest.SkipTest(f'{variable} does not say where the binary is')
    return path


def wait_until(condition, what, limit_s=START_MAX_S, pause_s=LOOK_AGAIN_S):
    """The first true value of `condition()`, or TimeoutError."""
    deadline = time.monotonic() + limit_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f'after {limit_s} s still not: {what}')
        time.sleep(pause_s)


def in_parallel(work, items, workers=WORKERS):
    """[(item, None or the exception)], in the order of `items`."""
    def attempt(item):
        try:
            work(item)
        except Exception as error:  # reported by the caller, per item
            return item, error
        return item, None
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        return list(pool.map(attempt, items))


class Answer:
    """What a command printed, and how it ended."""

    def __init__(self, arguments, code, out, err):
        self.arguments = arguments
        self.code = code
        self.out = out
        self.err = err

    @property
    def text(self):
        return self.out + self.err

    @property
    def json(self):
        return json.loads(self.out)

    def __str__(self):
        return (f'keyturn {" ".join(self.arguments)}\nexit code {self.code}\n'
                f'{self.out}\n{self.err}')


class Sandbox:
    """keyturn-sandbox, and its control interface."""

    def __init__(self, directory, options, switches):
        self.directory = directory
        command = [binary('KEYTURN_SANDBOX'), 'serve', '--port', '0', '--data-dir', str(directory)]
        command += options
        for name, answer in switches.items():
            command += ['--set', f'{name}={answer}']
        self.log = directory.parent / 'sandbox.log'
        with open(self.log, 'wb') as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=subprocess.STDOUT)
        wait_until(self._is_ready, 'the sandbox is ready')
        self.info = json.loads((directory / 'sandbox.json').read_text())
        self._address = urllib.parse.urlparse(self.info['base_url'])
        self._tls = ssl.create_default_context(cafile=self.info['ca_file'])
        self._lock = threading.Lock()
        self._connection = None

    def _is_ready(self):
        if self.process.poll() is not None:
            raise RuntimeError(f'the sandbox ended: {self.log.read_text()}')
        return b'"ready"' in self.log.read_bytes()

    def control(self, method, path, body=None):
        headers = {'X-Control-Key': self.info['control_key'], 'Content-Type': 'application/json'}
        text = None if body is None else json.dumps(body)
        # Asking twice does no harm; acting twice does.
        repeatable = method in ('GET', 'DELETE')
        with self._lock:
            if not repeatable:
                # The server may be about to end a connection that was idle, and
                # then nobody knows whether it acted.
                self._hang_up()
            for last in (False, True) if repeatable else (True,):
                if self._connection is None:
                    self._connection = http.client.HTTPSConnection(
                        self._address.hostname, self._address.port, context=self._tls,
                        timeout=COMMAND_MAX_S)
                try:
                    self._connection.request(method, '/control' + path, text, headers)
                    response = self._connection.getresponse()
                    content = response.read()
                    break
                except (http.client.HTTPException, ConnectionError, ssl.SSLError):
                    self._hang_up()
                    if last:
                        raise
        if response.status >= 300:
            raise RuntimeError(f'{method} /control{path}: {response.status} {content!r}')
        return json.loads(content) if content else {}

    def state(self):
        return self.control('GET', '/state')

    def calls(self):
        """Every call since the start or the last forget_calls."""
        return self.control('GET', '/log')['requests']

    def forget_calls(self):
        self.control('DELETE', '/log')

    def act(self, name, /, **arguments):
        return self.control('POST', f'/act/{name}', arguments)

    def switch(self, **answers):
        self.control('POST', '/switches', answers)

    def fault(self, kind, path='/v1/**', method=None, **more):
        body = {'kind': kind, 'path': path, **more}
        if method:
            body['method'] = method
        return self.control('POST', '/faults', body)

    def _hang_up(self):
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def stop(self):
        self._hang_up()
        stop(self.process)


def stop(process):
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_MAX_S)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()


class World:
    """A sandbox and a daemon.

    `access`: None, 'tba' or 'm2m'; `old_login`: the credential acme-old-login
    is held; `accounts`: whether the accounts are added; `before_daemon()` runs in
    the process that becomes the daemon; `passphrase`: where the root key comes
    from, instead of a file; `log_level`: as in the configuration.
    """

    def __init__(self, directory, options=(), switches=None, access=None, old_login=False,
                 accounts=True, before_daemon=None, passphrase=None,
                 log_level='info'):
        self.directory = pathlib.Path(directory)
        self.passphrase = passphrase
        self.before_daemon = before_daemon
        self.outputs = []
        self.daemon = None
        self._people = []
        self._news = [0, 0]
        options = list(options)
        if access == 'tba':
            options.append('--netsuite-access')
        sandbox_directory = self.directory / 'sandbox'
        sandbox_directory.mkdir(parents=True)
        self.sandbox = Sandbox(sandbox_directory, options, QUICK if switches is None else switches)
        try:
            self.init()
            self.configure('level: info', f'level: {log_level}')
            self.start_daemon()
            if passphrase:
                self.keyturn('admin', 'unseal', text=passphrase)
            if accounts:
                self.add_accounts(access, old_login)
        except BaseException:
            self.close()
            raise

    # ---- The daemon. ----

    @property
    def data(self):
        return self.directory / 'data'

    @property
    def context(self):
        return self.directory / 'context.yaml'

    @property
    def daemon_log(self):
        return self.directory / 'keyturnd.log'

    def init(self):
        arguments = ['init', '--data-dir', self.data, '--tcp', '127.0.0.1:0', '--unix',
                     self.directory / 'k.sock', '--allow-host', '127.0.0.1', '--context-out',
                     self.context]
        if self.passphrase:
            arguments += ['--root-key', 'passphrase']
        self.run_daemon_command(*arguments, text=self.passphrase)

    def run_daemon_command(self, *arguments, text=None):
        """Runs `keyturnd …`, which must end well."""
        command = [binary('KEYTURND')] + [str(argument) for argument in arguments]
        done = subprocess.run(command, input=text or '', capture_output=True, text=True,
                              timeout=COMMAND_MAX_S, check=False)
        self.outputs.append(done.stdout + done.stderr)
        if done.returncode != 0:
            raise RuntimeError(f'{arguments}: {done.stdout}{done.stderr}')

    def configure(self, old, new):
        """Changes the configuration, for the next start."""
        path = self.data / 'keyturnd.yaml'
        text = path.read_text()
        assert old in text, f'{old!r} is not in the configuration:\n{text}'
        path.write_text(text.replace(old, new))

    def start_daemon(self, wait=True, environment=None):
        """`environment`: what the process gets beside our own."""
        with open(self.daemon_log, 'ab') as log:
            self._log_start = log.tell()
            self.daemon = subprocess.Popen(
                [binary('KEYTURND'), '--config', str(self.data / 'keyturnd.yaml')],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                preexec_fn=self.before_daemon, env={**os.environ, **(environment or {})})
        if wait:
            wait_until(self._serves, 'the daemon serves')

    def _serves(self):
        if self.daemon.poll() is not None:
            raise RuntimeError(f'the daemon ended: {self.daemon_log.read_text()[-3000:]}')
        if 'msg=ready' not in self.log_since_start():
            return False
        return self.keyturn('server', expect=None).code == DONE

    def log_since_start(self):
        """What the daemon that was started last has logged."""
        with open(self.daemon_log, 'rb') as log:
            log.seek(self._log_start)
            return log.read().decode(errors='replace')

    def kill_daemon(self):
        self.daemon.send_signal(signal.SIGKILL)
        self.daemon.wait()

    def stop_daemon(self):
        stop(self.daemon)
        return self.daemon.returncode

    def news(self):
        """How many changes of migrations the daemon's log tells of."""
        with open(self.daemon_log, 'rb') as log:
            log.seek(self._news[0])
            self._news[1] += log.read().count(b'msg="migration ')
            self._news[0] = log.tell()
        return self._news[1]

    def watch_until(self, condition, what, limit_s=MIGRATION_MAX_S):
        """As wait_until; looks when the daemon's log tells of a change, which costs
        less than asking all the time."""
        seen = [self.news() - 1, 0.0]

        def look():
            now = time.monotonic()
            news = self.news()
            if news == seen[0] and now < seen[1]:
                return None
            seen[:] = [news, now + PATIENCE_S]
            return condition()
        return wait_until(look, what, limit_s)

    # ---- The command line. ----

    def keyturn(self, *arguments, expect=DONE, text=None, output='json'):
        """Runs `keyturn -o json …`; `expect` is the exit code asked for, or None."""
        arguments = [str(argument) for argument in arguments]
        command = [binary('KEYTURN'), '--config', str(self.context), '-o', output] + arguments
        done = subprocess.run(command, input=text or '', capture_output=True, text=True,
                              timeout=COMMAND_MAX_S, check=False)
        answer = Answer(arguments, done.returncode, done.stdout, done.stderr)
        self.outputs.append(answer.text)
        if expect is not None and done.returncode != expect:
            raise AssertionError(f'expected exit code {expect}: {answer}')
        return answer

    def as_person(self, name, *arguments, text='', expect=DONE):
        """As `keyturn`, with that person's own file of contexts."""
        path = self.directory / name / 'config.yaml'
        command = [binary('KEYTURN'), '--config', str(path), '-o', 'json', *arguments]
        done = subprocess.run(command, input=text, capture_output=True, text=True,
                              timeout=COMMAND_MAX_S, check=False)
        answer = Answer(arguments, done.returncode, done.stdout, done.stderr)
        self.outputs.append(answer.text)
        if done.returncode != expect:
            raise AssertionError(f'expected exit code {expect}: {answer}')
        return answer

    @property
    def server(self):
        return re.search(r'tcp: (\S+)', (self.data / 'keyturnd.yaml').read_text()).group(1)

    def enroll(self, name, token, *options, **more):
        """Makes that person's file of contexts."""
        return self.as_person(name, 'enroll', self.server, '--token-from', '-', *options,
                              text=token, **more)

    def enroll_auditor(self, name):
        token = self.keyturn('identity', 'invite', name, '--role', 'auditor').json['token']
        self.enroll(name, token)

    def add_accounts(self, access=None, old_login=False):
        info = self.sandbox.info
        self.add_credential('acme-celigo', 'celigo-token', info['celigo_token_file'])
        self.keyturn('account', 'add', 'celigo', 'acme', '--credential', 'acme-celigo',
                     *self.address)
        for account in info['netsuite_accounts']:
            options = list(self.address)
            if access:
                name = account['name'] + '-access'
                self.add_credential(name, 'netsuite-' + access, account[access + '_file'])
                options += ['--credential', name]
            self.keyturn('account', 'add', 'netsuite', account['name'], '--account-id',
                         account['account_id'], *options)
        if old_login:
            self.add_credential('acme-old-login', 'netsuite-login', info['old_login_file'])

    @property
    def address(self):
        """The options that lead an account to the sandbox."""
        return ['--base-url', self.sandbox.info['base_url'], '--ca-file',
                self.sandbox.info['ca_file']]

    def add_credential(self, name, kind, path, expect=DONE):
        return self.keyturn('credential', 'add', name, '--kind', kind, '--from-file', path,
                            expect=expect)

    def spec(self, replace=None, name='spec.yaml'):
        """The path of the sandbox's spec; `replace` {text: text} makes a copy."""
        path = self.sandbox.directory / name
        if not replace:
            return path
        text = path.read_text()
        for old, new in replace.items():
            assert old in text, f'{old!r} is not in the spec:\n{text}'
            text = text.replace(old, new)
        return self.file('spec-changed.yaml', text)

    def file(self, name, text):
        path = self.directory / name
        path.write_text(text)
        path.chmod(0o600)
        return path

    def migrate(self, spec=None, expect=DONE):
        """Starts a migration and gives its id."""
        answer = self.keyturn('migrate', '-f', spec or self.spec(), '--yes', '--detach',
                              expect=expect)
        return answer.json['name'].split('/')[1] if expect == DONE else answer

    def show(self, migration):
        return self.keyturn('show', migration).json

    def wait(self, migration, states=AT_REST + ('NEEDS_ATTENTION',), limit_s=MIGRATION_MAX_S):
        """The migration, once it is in one of `states`."""
        last = {}

        def there():
            answer = self.keyturn('show', migration, expect=None)
            if answer.code == DONE:
                last.update(answer.json)
                if last['state'] in states:
                    return copy.deepcopy(last)
            return None
        try:
            return self.watch_until(there, f'{migration} is one of {states}', limit_s)
        except TimeoutError as error:
            raise AssertionError(f'{error}; it is {describe(last)}') from None

    def wait_step(self, migration, step, limit_s=MIGRATION_MAX_S):
        """The migration, once `step` is its current one, or a later one is."""
        def there():
            shown = self.show(migration)
            return shown if step_state(shown, step) not in ('PENDING',) else None
        return self.watch_until(there, f'{migration} reaches {step}', limit_s)

    def history(self, migration):
        return self.keyturn('history', migration).json['events']

    def open_tasks(self):
        return self.keyturn('task', 'list').json['tasks']

    # ---- People. ----

    def administrator(self, *mistakes):
        """Starts the sandbox's automatic administrator."""
        command = [binary('KEYTURN_SANDBOX'), 'administrator', '--data-dir',
                   str(self.sandbox.directory), '--keyturn', binary('KEYTURN'), '--config',
                   str(self.context)]
        if mistakes:
            command += ['--mistakes', ','.join(mistakes)]
        with open(self.directory / 'administrator.log', 'ab') as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log,
                                       stderr=subprocess.STDOUT)
        self._people.append(process)
        return process

    # ---- What is true. ----

    def connection(self, state=None):
        state = state or self.sandbox.state()
        return state['celigo']['connections'][self.sandbox.info['connection']]

    def flow_states(self, state=None):
        state = state or self.sandbox.state()
        return {flow: bool(document.get('disabled'))
                for flow, document in state['celigo']['flows'].items()}

    def writes(self):
        """Calls that may have changed something in Celigo, tests left out."""
        return [call for call in self.sandbox.calls()
                if call['method'] in ('PUT', 'PATCH', 'POST', 'DELETE')
                and call['path'].startswith('/v1/')
                and not call['path'].endswith(('/ping', '/jobs/current', '/runs/stats'))]

    def close(self):
        for process in self._people:
            stop(process)
        if self.daemon is not None:
            stop(self.daemon)
        self.sandbox.stop()

    def logs(self):
        for path in sorted(self.directory.glob('*.log')):
            lines = path.read_text(errors='replace').splitlines()
            yield f'---- {path.name}, the last of {len(lines)} lines'
            yield from lines[-LOG_LINES_SHOWN:]


def step_state(migration, name):
    for step in migration['steps']:
        if step['name'] == name:
            return step['state']
    return 'PENDING'


def describe(migration):
    """A migration in a few lines, for the message of a failed test."""
    if not migration:
        return 'unknown'
    steps = [f"{step['name']} {step['state']} ({step['attempt']}): {step['message']}"
             for step in migration['steps'] if step['attempt']]
    attention = migration.get('attention') or {}
    return '\n  '.join([f"{migration['state']} {migration.get('failure', '')} {attention}"] + steps)


def differences(before, after, path=''):
    """{path: (before, after)} of two JSON documents; absent is None."""
    if isinstance(before, dict) and isinstance(after, dict):
        found = {}
        for key in {**before, **after}:
            found.update(differences(before.get(key), after.get(key),
                                     f'{path}.{key}' if path else key))
        return found
    return {} if before == after else {path: (before, after)}


def live_tokens(state, name=None):
    """The tokens of NetSuite that are in force and were not there from the start."""
    return [token for account in state['netsuite'].values() for token in account['tokens']
            if not token['revoked'] and not token['inactive']
            and (token['name'] == name if name else token['name'].startswith('keyturn-'))]


def runs_by_hand(before, after):
    """The jobs of flows that somebody started in between."""
    known = {job['_id'] for job in before['celigo']['jobs']}
    return [job for job in after['celigo']['jobs'] if job['type'] == 'flow'
            and job['triggeredBy'] == 'user' and job['_id'] not in known]


class Person:
    """A NetSuite administrator who does what tasks say, with chosen mistakes.

    Unlike the sandbox's automatic one it answers one task at a time and only
    when it is asked to, so that a test can look at the world in between.
    """

    WRONG_ROLE = 'Celigo Jira Connector'
    WRONG_APPLICATION = 'integrator.io'

    def __init__(self, world, *mistakes):
        self.world = world
        self.mistakes = set(mistakes)
        self.answered = []
        self._mends = []
        self.token_is_wrong = False
        self._fields = {}

    def mistake(self, name):
        if name not in self.mistakes:
            return False
        self.mistakes.remove(name)
        return True

    def mend(self):
        """Puts right what was done wrongly."""
        for act, arguments in self._mends:
            self.world.sandbox.act(act, **arguments)
        self._mends.clear()

    def answer(self, task):
        fields = {field['name']: field['value'] for field in task['fields']}
        self._fields.update(fields)
        self.answered.append(task)
        if task['problem']:
            self.mend()
        if task['answer'] == 'TOKEN' or (task['answer'] == 'DONE_OR_TOKEN'
                                         and self.token_is_wrong):
            return self.submit(task)
        if task['step'] == 'ENABLE_TBA' and not self.mistake('feature_off'):
            self.world.sandbox.act('enable-feature')
        elif task['step'] == 'ENABLE_TBA':
            self._mends.append(('enable-feature', {}))
        elif task['step'] == 'CREATE_ROLE':
            self.make_role(fields)
        elif task['step'] == 'ASSIGN_ROLE' and task['blocking']:
            self.world.sandbox.act('assign-role', user=fields['user'], role=fields['role_name'])
        elif task['step'] == 'ASSIGN_ROLE':
            self.world.sandbox.act('unassign-role', user=fields['user'], role=fields['role_name'])
        elif task['step'] == 'ISSUE_TOKEN' and not task['blocking']:
            self.world.sandbox.act('revoke-token', name=task['tokenName'] or fields['token_name'])
        elif 'flows' in fields:
            for name in fields['flows'].split(', '):
                self.world.sandbox.act('edit-flow', tile=self.world.sandbox.info['tile'], name=name,
                                       set={'disabled': ' off ' in task['title']})
        return self.world.keyturn('task', 'done', task['name'])

    def make_role(self, fields):
        permissions = [name.strip() for name in fields.get('permissions', '').split(',')
                       if name.strip()]
        if 'source_role' not in fields:
            return self.world.sandbox.act('edit-role', role=fields['role_name'], inactive=False,
                                          add_permissions=permissions)
        made = {'from': fields['source_role'], 'name': fields['role_name'],
                'add_permissions': permissions, 'force': True}
        if self.mistake('missing_permission'):
            made['omit_permissions'] = permissions
            self._mends.append(('edit-role', {'role': fields['role_name'],
                                              'add_permissions': permissions}))
        try:
            return self.world.sandbox.act('clone-role', **made)
        except RuntimeError as error:
            if 'already exists' not in str(error):
                raise
            return None

    def token(self, task, **wrong):
        self._fields.update({field['name']: field['value'] for field in task['fields']})
        made = {'application': self._fields['application_name'], 'user': self._fields['user'],
                'role': self._fields['role_name'], 'name': task['tokenName'], 'force': True, **wrong}
        return self.world.sandbox.act('create-token', **made)

    def submit(self, task):
        self.token_is_wrong = False
        wrong = {}
        if self.mistake('wrong_role'):
            wrong = {'role': self.WRONG_ROLE}
        elif self.mistake('wrong_application'):
            wrong = {'application': self.WRONG_APPLICATION}
        token = self.token(task, **wrong)
        if self.mistake('secret_mistyped'):
            secret = token['tokenSecret']
            token['tokenSecret'] = secret[:-1] + ('1' if secret[-1] == '0' else '0')
            wrong = {'secret': True}
        if wrong:
            self.token_is_wrong = True
            self._mends.append(('revoke-token', {'token_id': token['tokenId']}))
        if self.mistake('integration_blocked'):
            self.world.sandbox.act('block-integration', application=self._fields['application_name'])
            self._mends.append(('unblock-integration',
                                {'application': self._fields['application_name']}))
        return self.hand_in(task, token)

    def hand_in(self, task, token, expect=DONE):
        text = json.dumps({'tokenId': token['tokenId'], 'tokenSecret': token['tokenSecret']})
        return self.world.keyturn('task', 'submit', task['name'], '--from-file', '-', text=text,
                                  expect=expect)

    def work_until(self, migration, done, limit_s=MIGRATION_MAX_S):
        """Answers tasks until `done(migration, open tasks)`; gives the migration."""
        last = {}

        def step():
            # In this order what is shown is never older than the tasks.
            tasks = [task for task in self.world.open_tasks()
                     if task['migration'].endswith(migration) and task['blocking']]
            shown = self.world.show(migration)
            last.update(shown)
            if done(shown, tasks):
                return shown
            for task in tasks:
                self.answer(task)
            return None
        try:
            return self.world.watch_until(step, f'{migration} is where the test wants it',
                                          limit_s)
        except TimeoutError as error:
            raise AssertionError(f'{error}; it is {describe(last)}') from None

    def work_to_the_end(self, migration):
        return self.work_until(
            migration, lambda shown, _: shown['state'] in AT_REST + ('NEEDS_ATTENTION',))

    def work_until_problem(self, migration):
        """The first task that reports a problem."""
        found = []

        def done(shown, tasks):
            found[:] = [task for task in tasks if task['problem']]
            return found or shown['state'] in AT_REST + ('NEEDS_ATTENTION',)
        shown = self.work_until(migration, done)
        if not found:
            raise AssertionError(f'no task reported a problem: {describe(shown)}')
        return found[0]

    def work_until_asked(self, migration, step):
        """The open task of `step`, everything before it answered."""
        found = []

        def done(shown, tasks):
            found[:] = [task for task in tasks if task['step'] == step]
            return found or shown['state'] in AT_REST + ('NEEDS_ATTENTION',)
        shown = self.work_until(migration, done)
        if not found:
            raise AssertionError(f'no task for {step}: {describe(shown)}')
        return found[0]


class EndToEndTest(unittest.TestCase):
    """Makes worlds, ends them whatever happens, prints their logs on failure."""

    maxDiff = None

    def run(self, result=None):
        self._directories = []
        self._lock = threading.Lock()
        before = len(result.failures) + len(result.errors)
        try:
            return super().run(result)
        finally:
            failed = len(result.failures) + len(result.errors) > before
            for directory, world in self._directories:
                if failed and world is not None and world.failed:
                    print('\n'.join([f'==== logs of {self.id()}'] + list(world.logs())),
                          file=sys.stderr)
                shutil.rmtree(directory, ignore_errors=True)

    def world(self, **how):
        directory = tempfile.mkdtemp(prefix='keyturn-')
        with self._lock:
            self._directories.append((directory, None))
            slot = len(self._directories) - 1
        world = World(directory, **how)
        world.failed = True
        with self._lock:
            self._directories[slot] = (directory, world)
        self.addCleanup(world.close)
        return world

    def each(self, cases, work, workers=WORKERS):
        """Runs `work(case)` for every case, several at a time, each a sub-test."""
        for case, error in in_parallel(work, list(cases), workers):
            with self.subTest(case=str(case)):
                if error is not None:
                    raise error

    # ---- What must hold at the end. ----

    INTENDED = {'netsuite.authType', 'netsuite.tokenId', 'netsuite.tokenSecret',
                'netsuite._iClientId', 'netsuite.requestLevelCredentials', 'netsuite.email',
                'netsuite.password'}
    # Set by the server on every PUT (fact sheet Celigo, 2.2, 2.3, contract row 10).
    BY_THE_SERVER = {'lastModified', 'netsuite.wsdlVersion'}

    def assert_switched(self, world, before, shown):
        """The migration succeeded, and the world differs as intended and no more."""
        self.assertEqual(shown['state'], 'SUCCEEDED', describe(shown))
        after = world.sandbox.state()
        changed = differences(world.connection(before), world.connection(after))
        self.assertEqual(set(changed) - self.BY_THE_SERVER, self.INTENDED)
        netsuite = world.connection(after)['netsuite']
        self.assertEqual(netsuite['authType'], 'token')
        self.assertIs(netsuite['requestLevelCredentials'], True)
        self.assertEqual(netsuite['_iClientId'], world.sandbox.info['iclient'])
        self.assertNotIn('email', netsuite)
        self.assertNotIn('password', netsuite)
        self.assertEqual(world.flow_states(after), world.flow_states(before))
        self.assertEqual(after['lost_records'], 0)
        self.assert_other_documents_untouched(world, before, after)
        used = [token for token in live_tokens(after) if token['id'] == netsuite['tokenId']]
        self.assertEqual(len(used), 1, 'the connection uses a token that is in force')
        self.assertEqual(used[0]['secret'], netsuite['tokenSecret'])
        self.assertEqual(len(live_tokens(after)), 1, 'exactly one token was made and is in force')
        return after

    def assert_all_switched(self, world, before):
        """Every connection of a sandbox of many was written once, as intended, proved by
        one real run, and uses a token of its own."""
        after = world.sandbox.state()
        self.assertEqual(after['lost_records'], 0)
        self.assertEqual(world.flow_states(after), world.flow_states(before))
        connections = [entry['connection'] for entry in world.sandbox.info['connections']]
        tokens = live_tokens(after)
        self.assertEqual(len(tokens), len(connections))
        used = set()
        for connection in connections:
            changed = differences(before['celigo']['connections'][connection],
                                  after['celigo']['connections'][connection])
            self.assertEqual(set(changed) - self.BY_THE_SERVER, self.INTENDED)
            used.add(changed['netsuite.tokenId'][1])
        self.assertEqual(used, {token['id'] for token in tokens}, 'each uses a token of its own')
        edited = [entry['_resourceId'] for entry in after['celigo']['audit']
                  if entry['_resourceId'] in connections and entry['event'] == 'update']
        self.assertEqual(sorted(edited), sorted(connections))
        self.assertEqual(len(runs_by_hand(before, after)), len(connections))
        return after

    def assert_other_documents_untouched(self, world, before, after):
        own = world.sandbox.info['connection']
        for connection, document in before['celigo']['connections'].items():
            if connection != own:
                self.assertEqual(after['celigo']['connections'][connection], document)
        self.assertEqual(after['celigo']['iclients'], before['celigo']['iclients'])
        for flow, document in before['celigo']['flows'].items():
            changed = differences(document, after['celigo']['flows'][flow])
            self.assertLessEqual(set(changed), {'lastModified', 'lastExecutedAt'})

    def assert_one_effect(self, world, before):
        """One PUT of the connection and one real run took effect, however often asked for."""
        state = world.sandbox.state()
        runs = runs_by_hand(before, state)
        self.assertEqual(len(runs), 1, runs)
        edits = [entry for entry in state['celigo']['audit']
                 if entry['_resourceId'] == world.sandbox.info['connection']
                 and entry['event'] == 'update']
        self.assertEqual(len(edits), 1, edits)

    def assert_no_gap(self, world, *migrations):
        """`migrations`: all that there are. Their events are numbered as one."""
        sequences = []
        for _, error in in_parallel(
                lambda name: sequences.extend(int(event['sequence'])
                                              for event in world.history(name)), migrations):
            self.assertIsNone(error)
        self.assertEqual(sorted(sequences), list(range(1, len(sequences) + 1)))

    def assert_trail_intact(self, world):
        """As somebody who is invited for it sees it."""
        world.enroll_auditor('aude')
        verdict = world.as_person('aude', 'audit', 'verify').json
        self.assertTrue(verdict['intact'], verdict)

    def assert_connection_untouched(self, world, before):
        self.assertEqual(world.connection(), world.connection(before))

    def assert_celigo_untouched(self, world, before):
        """Nothing was written: no document differs, no call that writes was made."""
        after = world.sandbox.state()
        self.assertEqual(after['celigo']['connections'], before['celigo']['connections'])
        self.assertEqual(world.flow_states(after), world.flow_states(before))
        self.assertEqual(world.writes(), [])


def main():
    unittest.main(verbosity=2)
