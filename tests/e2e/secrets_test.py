"""No secret that was handed in is found anywhere but where it belongs: not in
logs, the data directory, output, /proc/*/cmdline or environ."""

import base64
import json
import os
import pathlib
import subprocess

import harness
import leaks
from leaks import find

CANARY = 'canary-3f9c1d7a55e84b20'

# Where a credential goes along, or stands in the body: each is answered with all
# that was sent, as the text of an error.
ECHOES = (('PUT', '/v1/connections/*'), ('POST', '/v1/connections/ping'),
          ('POST', '/v1/connections/*/ping'), ('GET', '/v1/tokenInfo'),
          ('GET', '/v1/connections/*'), ('POST', '/services/rest/query/v1/suiteql'),
          ('PATCH', '/services/rest/record/v1/employee/*'),
          ('POST', '/services/rest/auth/oauth2/v1/token'), ('GET', '/rest/**'),
          ('POST', '/rest/**'))
ECHO_STATUSES = (400, 401, 403, 422, 500)


class SecretsTest(harness.EndToEndTest):

    def setUp(self):
        self.watcher = leaks.ProcessWatcher()
        self.addCleanup(self.watcher.stop)

    def texts(self, world):
        """Everything that we or the daemon wrote, and what ran."""
        return {**leaks.texts_of(world), **self.watcher.texts()}

    def handed_in(self, world, tokens):
        info = world.sandbox.info
        secrets = {'celigo token': info['celigo_token']}
        for name, path in (('tba', info['netsuite']['tba_file']),
                           ('m2m', info['netsuite']['m2m_file']),
                           ('old login', info['old_login_file'])):
            for key, value in json.loads(pathlib.Path(path).read_text()).items():
                if key != 'email':
                    secrets[f'{name} {key}'] = value
        for number, token in enumerate(tokens):
            secrets[f'token {number} id'] = token['id']
            secrets[f'token {number} secret'] = token['secret']
        key = (world.data / 'root.key').read_bytes()
        secrets['root key'] = key.strip()
        secrets.update(leaks.key_lines(world))
        for name, value in list(secrets.items()):
            text = value if isinstance(value, bytes) else value.encode()
            try:
                secrets[name + ' decoded'] = bytes.fromhex(text.decode())
            except ValueError:
                pass
        return secrets

    def use_everything(self, world):
        """A migration with mistakes, bad input with secrets in it, and all that prints."""
        info = world.sandbox.info
        world.add_credential('spare', 'netsuite-m2m', info['netsuite']['m2m_file'])
        world.keyturn('credential', 'rotate', 'acme-celigo', '--from-file',
                      info['celigo_token_file'])
        tba = json.loads(pathlib.Path(info['netsuite']['tba_file']).read_text())
        half = world.file('half.json', json.dumps({**tba, 'surplus': tba['tokenSecret']}))
        world.add_credential('half', 'netsuite-tba', half, expect=harness.USAGE)
        half.unlink()
        world.keyturn('discover', 'acme')
        migration = world.migrate(world.spec(name='spec-with-old-login.yaml'))
        person = harness.Person(world, 'secret_mistyped', 'wrong_application')
        task = person.work_until_asked(migration, 'ISSUE_TOKEN')
        world.keyturn('task', 'submit', task['name'], '--from-file', '-', expect=harness.USAGE,
                      text='{"tokenId": "' + tba['tokenId'] + '", "tokenSecret": ' +
                      tba['tokenSecret'] + '}')
        shown = person.work_until(migration, lambda shown, _: harness.step_state(
            shown, 'QUIESCE') != 'PENDING' or shown['state'] in harness.RESTING)
        world.kill_daemon()
        world.start_daemon()
        shown = person.work_to_the_end(migration)
        self.assertEqual(shown['state'], 'SUCCEEDED', harness.describe(shown))
        for command in (['show', migration], ['report', migration], ['history', migration],
                        ['task', 'list', '--all'], ['credential', 'list'], ['account', 'list'],
                        ['account', 'test', 'acme'], ['credential', 'test', 'acme-celigo'],
                        ['server'], ['whoami'], ['context', 'show'], ['list']):
            for output in ('json', 'yaml', 'table'):
                world.keyturn(*command, output=output)
        world.keyturn('attach', migration, '--progress', 'json')

    def test_no_secret_is_where_it_does_not_belong(self):
        world = self.world(access='tba', old_login=True)
        known = {token['id'] for account in world.sandbox.state()['netsuite'].values()
                 for token in account['tokens']}
        self.use_everything(world)
        tokens = [token for account in world.sandbox.state()['netsuite'].values()
                  for token in account['tokens'] if token['id'] not in known]
        self.assertGreaterEqual(len(tokens), 2)
        secrets = self.handed_in(world, tokens)
        running = self.texts(world)
        self.assertTrue([place for place in running if place.endswith('-wal')],
                        'the write-ahead log is searched while it is there')
        self.assertEqual(find(secrets, running), [])
        world.stop_daemon()
        self.assertEqual(find(secrets, self.texts(world)), [])

    def test_no_secret_is_told_when_outside_systems_echo_them_and_the_log_tells_all(self):
        world = self.world(log_level='debug', access='tba', old_login=True)
        info = world.sandbox.info
        known = {token['id'] for account in world.sandbox.state()['netsuite'].values()
                 for token in account['tokens']}
        world.add_credential('m2m', 'netsuite-m2m', info['netsuite']['m2m_file'])
        netsuite = info['netsuite_accounts'][0]
        world.keyturn('account', 'add', 'netsuite', 'by-m2m', '--account-id',
                      netsuite['account_id'], '--credential', 'm2m', *world.address)
        for status in ECHO_STATUSES:
            for method, path in ECHOES:
                world.sandbox.fault('echo', path, method, status=status)
            for command in (['account', 'test', 'acme'], ['account', 'test', netsuite['name']],
                            ['account', 'test', 'by-m2m'], ['credential', 'test', 'acme-celigo'],
                            ['credential', 'test', 'm2m'], ['discover', 'acme']):
                world.keyturn(*command, expect=None)
            migration = world.migrate(world.spec(name='spec-with-old-login.yaml'), expect=None)
            if migration.code == harness.DONE:
                self.end(world, migration.json['name'].split('/')[1])
            world.sandbox.control('DELETE', '/faults')
        bundle = world.directory / 'bundle.log'
        world.keyturn('server', 'support-bundle', '--file', bundle)
        told = json.loads(bundle.read_text())
        self.assertIn('m2m', [item['name'].split('/')[1] for item in told['credentials']])
        self.assertTrue(told['logLines'] and told['events'] and told['configuration'])
        tokens = [token for account in world.sandbox.state()['netsuite'].values()
                  for token in account['tokens'] if token['id'] not in known]
        secrets = self.handed_in(world, tokens)
        texts = self.texts(world)
        self.assertIn('bundle.log', texts)
        log = texts['keyturnd.log']
        for what in (b'level=debug', b'private_key_pem: (hidden)', b'status=422'):
            self.assertTrue(what in log, f'the log does not tell {what}: nothing was tried')
        self.assertEqual(find(secrets, texts), [])

    def end(self, world, migration):
        """Works on it until it rests, then makes it end, and prints what there is to print."""
        shown = harness.Person(world).work_to_the_end(migration)
        for command in (['show', migration], ['history', migration], ['report', migration]):
            for output in ('json', 'table'):
                world.keyturn(*command, output=output, expect=None)
        if shown['state'] == 'NEEDS_ATTENTION':
            world.keyturn('cancel', migration, expect=None)
            harness.Person(world).work_to_the_end(migration)

    def test_the_search_finds_what_is_there(self):
        world = self.world(accounts=False)
        for name, text in (('data/planted', CANARY), ('planted.log', CANARY[::-1]),
                           ('data/encoded', 'x' + base64.b64encode(CANARY.encode()).decode()),
                           ('data/hex', CANARY.encode().hex().upper())):
            (world.directory / name).write_text(text)
        environment = {**os.environ, 'PLANTED': CANARY}
        with subprocess.Popen([harness.binary('KEYTURN_SANDBOX'), 'serve', '--port', '0',
                               '--data-dir', str(world.directory / CANARY)],
                              env=environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE) as process:
            process.stdout.readline()
            self.watcher.look()
            harness.stop(process)
        world.keyturn('context', 'use', CANARY, expect=None)
        found = find({'canary': CANARY}, self.texts(world))
        for place in ('data/planted', 'planted.log', 'data/encoded', 'data/hex',
                      f'/proc/{process.pid}/cmdline', f'/proc/{process.pid}/environ'):
            self.assertIn(f'{place}: canary', found)
        self.assertTrue([entry for entry in found if entry.startswith('output ')], found)


if __name__ == '__main__':
    harness.main()
