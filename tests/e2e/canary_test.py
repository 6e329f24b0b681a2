"""Marked secrets go through every RPC, as the descriptors tell them, through the
steps of a migration and through outside systems that send them back; then they
are looked for wherever the daemon or the command line writes."""

import base64
import json
import re
import signal
import subprocess

import harness
import leaks

PASSPHRASE = 'canary: "six" words & 100% of them \\ or ü'
WRONG_PASSPHRASE = 'canary: the "former" words & 50% of them'
# The kinds of credentials, in the order of the alternatives of CredentialSecret.
KINDS = ('celigo', 'tba', 'm2m', 'login')
ECHO_STATUSES = (401, 500)
# Where the outside systems send back what was sent to them.
ECHOED = ('/v1/**', '/services/**', '/rest/**')


class CanaryTest(harness.EndToEndTest):

    def setUp(self):
        self.watcher = leaks.ProcessWatcher()
        self.addCleanup(self.watcher.stop)

    # ---- Sending. ----

    def values(self, world, task, invitation):
        """What the fields of requests are set to, see canary.cc."""
        credentials = [f'credentials/canary-{kind}' for kind in KINDS]
        return {
            'keyturn.v1.SubmitTaskSecretRequest.name': [task['name']],
            'keyturn.v1.CreateCredentialRequest.credential_id':
                [f'canary-{kind}' for kind in KINDS],
            'keyturn.v1.RotateCredentialRequest.name': credentials,
            'keyturn.v1.UnsealRequest.passphrase': [WRONG_PASSPHRASE, PASSPHRASE],
            # Of no use, and not good for this daemon, and good.
            'keyturn.v1.EnrollRequest.token': ['kti1.' + 'c' * 43 + '.' + 'd' * 43, invitation],
            'keyturn.v1.InviteIdentityRequest.identity_id': ['canary-invited'],
            'keyturn.v1.InviteIdentityRequest.roles': ['reader'],
            'keyturn.v1.GetTaskRequest.name': [task['name']],
            'keyturn.v1.GetMigrationRequest.name': [task['migration']],
            'keyturn.v1.ListEventsRequest.parent': ['migrations/-'],
            'keyturn.v1.WatchMigrationsRequest.name': ['migrations/-'],
            'keyturn.v1.TestAccountRequest.name': ['accounts/acme'],
            'keyturn.v1.TestCredentialRequest.name': credentials[:1],
            'keyturn.v1.DiscoverRequest.account': ['accounts/acme'],
        }

    def call_everything(self, world, task, invitation):
        """What keyturn-canary sent and got."""
        values = world.file('values.json', json.dumps(self.values(world, task, invitation)))
        done = subprocess.run(
            [harness.binary('KEYTURN_CANARY'), f'unix:{world.directory / "k.sock"}', str(values)],
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=harness.COMMAND_MAX_S, check=True)
        return json.loads(done.stdout)

    def assert_covered(self, report):
        """Every field that carries a secret was sent in a call that was accepted: an
        RPC that is new and needs more than the others must be taught above."""
        accepted = {f"{call['rpc']} {call['number']}" for call in report['calls']
                    if call['code'] == 0}
        sent = {(name.split(' ')[0], name.split(' ')[2]) for name in report['secrets']
                if ' '.join(name.split(' ')[:2]) in accepted}
        refused = [field for field in report['fields'] if tuple(field.split(' ')) not in sent
                   # No back-up, therefore refused; a good one is sealed.
                   and field != 'keyturn.v1.Admin/Restore keyturn.v1.RestoreRequest.data']
        self.assertEqual(refused, [], 'sent, but never in a call that was accepted')
        self.assertGreaterEqual(len(report['fields']), 2 * 10 + 2 + 2 + 1)
        self.assertIn('keyturn.v1.Access/InviteIdentity 0 given keyturn.v1.Invitation.token',
                      report['secrets'])

    def work_with_them(self, world):
        """The outside systems get the marked credentials, and send them back."""
        account = world.sandbox.info['netsuite_accounts'][0]['account_id']
        world.keyturn('account', 'add', 'celigo', 'canary', '--credential', 'canary-celigo',
                      *world.address)
        for kind in ('tba', 'm2m'):
            world.keyturn('account', 'add', 'netsuite', f'canary-{kind}', '--account-id', account,
                          '--credential', f'canary-{kind}', *world.address)
        spec = world.file('canary-spec.yaml', world.spec(
            name='spec-with-old-login.yaml').read_text().replace('acme-old-login', 'canary-login'))
        for status in ECHO_STATUSES:
            for path in ECHOED:
                world.sandbox.fault('echo', path, status=status, count=100000)
            for name in ('canary', 'canary-tba', 'canary-m2m'):
                world.keyturn('account', 'test', name, expect=None)
            for kind in KINDS:
                world.keyturn('credential', 'test', f'canary-{kind}', expect=None)
            world.keyturn('discover', 'canary', expect=None)
            world.sandbox.control('DELETE', '/faults')
        world.keyturn('account', 'test', 'canary-tba', expect=None)
        world.keyturn('discover', 'canary', expect=None)
        world.keyturn('plan', '-f', spec, expect=None)

    # ---- Everything that prints. ----

    def commands(self, world, migration, task):
        """Every command of the command line, as it is run here."""
        spec = world.spec()
        campaign = world.keyturn('campaign', 'create', '-f', spec).json['name']
        return {
            'campaign create': ['-f', spec], 'campaign list': [], 'campaign show': [campaign],
            'campaign pause': [campaign], 'campaign resume': [campaign],
            'campaign add': [campaign, '-f', spec], 'campaign remove': [campaign, '1'],
            'campaign cancel': [campaign],
            'plan': ['-f', spec], 'migrate': ['-f', spec, '--yes', '--detach'],
            'show': [migration], 'history': [migration], 'report': [migration], 'list': [],
            'task list': ['--all'], 'task show': [task],
            'task done': [task, '--evidence', 'made'],
            'task submit': [task, '--from-file', world.file('no-token.json', '{}')],
            'discover': ['acme'], 'account list': [], 'account show': ['acme'],
            'account test': ['acme'], 'credential list': [],
            'account add': ['celigo', 'acme', '--credential', 'canary-celigo', *world.address],
            'credential add': ['canary-tba', '--kind', 'netsuite-tba', '--from-file',
                               world.sandbox.info['netsuite']['tba_file']],
            'credential show': ['canary-tba'], 'credential test': ['canary-celigo'],
            'credential rotate': ['canary-tba', '--from-file',
                                  world.sandbox.info['netsuite']['m2m_file']],
            'context list': [], 'context show': [], 'context use': ['nothing'],
            'context remove': ['nothing'], 'identity list': [],
            'identity revoke': ['canary-invited'], 'whoami': [], 'server': [],
            'server support-bundle': ['--file', world.directory / 'bundle.log'],
            'admin status': [], 'admin rotate-key': [],
            'admin backup': [world.directory / 'backup.log'],
            'admin restore': [world.directory / 'backup.log'],
            'pause': [migration], 'resume': [migration], 'retry': [migration],
            'start': [migration], 'approve': [migration, '--plan', '0' * 64],
            'reject': [migration], 'rollback': [migration], 'cancel': [migration],
            'attach': [migration, '--progress', 'json'], 'confirm': [migration],
            'account remove': ['canary'], 'credential delete': ['canary-login'],
            'completion': ['bash'], 'audit verify': [],
        }

    # Run elsewhere in this test, each with what it needs.
    RUN_APART = {'identity invite', 'enroll', 'audit list', 'audit tail', 'admin seal',
                 'admin unseal'}

    def known_commands(self):
        """All commands that the help tells of."""
        def below(*command):
            told = subprocess.run([harness.binary('KEYTURN'), *command, '--help'], check=True,
                                  capture_output=True, text=True, timeout=harness.COMMAND_MAX_S)
            part = told.stdout.partition('Subcommands:\n')[2].partition('\n\n')[0]
            return re.findall(r'^  (\S+)', part, re.MULTILINE)
        found = set()
        for command in below():
            parts = below(command)
            found.update(f'{command} {part}' for part in parts)
            if not parts or command == 'server':
                found.add(command)
        return found

    def print_everything(self, world, migration, task):
        commands = self.commands(world, migration, task)
        self.assertEqual(set(commands) | self.RUN_APART, self.known_commands(),
                         'every command is run here')
        for command, options in commands.items():
            for output in ('json', 'yaml', 'table'):
                world.keyturn(*command.split(), *options, output=output, expect=None)

    def enroll(self, world, name, token):
        """That person's file of contexts, made from a token that came on standard input."""
        path = world.directory / f'{name}-context.yaml'
        server = re.search(r'tcp: (\S+)', (world.data / 'keyturnd.yaml').read_text()).group(1)
        done = subprocess.run(
            [harness.binary('KEYTURN'), '--config', str(path), '-o', 'json', 'enroll', server,
             '--token-from', '-'], input=token, capture_output=True, text=True,
            timeout=harness.COMMAND_MAX_S, check=True)
        world.outputs.append(done.stdout + done.stderr)
        return path

    def read_the_trail(self, world, context):
        """What the auditor is told, and what the tail has told before Ctrl-C."""
        begin = [harness.binary('KEYTURN'), '--config', str(context)]
        for output in ('json', 'yaml', 'table'):
            done = subprocess.run(begin + ['-o', output, 'audit', 'list', '--limit', '1000'],
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                  timeout=harness.COMMAND_MAX_S, check=True)
            world.outputs.append(done.stdout + done.stderr)
        self.assertTrue('SubmitTaskSecret' in world.outputs[-1], 'the trail tells of all calls')
        tailed = world.directory / 'tail.log'

        def told():
            # The tail begins at some time after its process has.
            world.keyturn('credential', 'rotate', 'canary-celigo', '--from-file',
                          world.sandbox.info['celigo_token_file'])
            return tailed.read_bytes()
        with open(tailed, 'wb') as out, subprocess.Popen(
                begin + ['-o', 'json', 'audit', 'tail'], stdin=subprocess.DEVNULL, stdout=out,
                stderr=subprocess.STDOUT) as tail:
            harness.wait_until(told, 'the tail tells of a change')
            tail.send_signal(signal.SIGINT)

    # ---- Looking. ----

    def invite(self, world, name, *options):
        token = world.keyturn('identity', 'invite', name, *options).json['token']
        # The one command whose purpose it is to print a secret.
        world.outputs.pop()
        return token

    def secrets(self, world, report, tokens):
        found = {name: base64.b64decode(value) for name, value in report['secrets'].items()}
        found.update({f'the token of {name}': token.split('.')[2] for name, token in tokens.items()})
        for name, value in list(found.items()):
            # Of a token the middle is a fingerprint, which is public.
            if 'oken' in name and isinstance(value, bytes) and value.startswith(b'kti1.'):
                found[name] = value.split(b'.')[2]
        info = world.sandbox.info
        return {**found, 'passphrase': PASSPHRASE, 'wrong passphrase': WRONG_PASSPHRASE,
                'celigo token': info['celigo_token'], **leaks.key_lines(world)}

    def texts(self, world, report):
        texts = {**leaks.texts_of(world), **self.watcher.texts()}
        for number, call in enumerate(report['calls']):
            # Its protocol gives the caller's own request back to the caller.
            if call['rpc'].startswith('grpc.reflection.'):
                continue
            for part, said in enumerate(call['said']):
                texts[f"answer {number}.{part} of {call['rpc']}"] = base64.b64decode(said)
        for path in world.directory.glob('*context.yaml'):
            texts[path.name] = path.read_bytes()
        return texts

    def test_what_is_handed_in_is_found_nowhere(self):
        world = self.world(log_level='debug', access='tba', old_login=True, passphrase=PASSPHRASE)
        migration = world.migrate()
        task = harness.Person(world).work_until_asked(migration, 'ISSUE_TOKEN')
        tokens = {name: self.invite(world, name, '--role', role) for name, role in (
            ('canary-enrolled', 'reader'), ('canary-auditor', 'auditor'))}

        report = self.call_everything(world, task, tokens['canary-enrolled'])
        self.assert_covered(report)
        self.work_with_them(world)
        self.print_everything(world, migration, task['name'])
        auditor = self.enroll(world, 'canary-auditor', tokens['canary-auditor'])
        self.read_the_trail(world, auditor)
        world.keyturn('admin', 'seal')
        world.keyturn('admin', 'unseal', text=WRONG_PASSPHRASE, expect=None)
        world.keyturn('admin', 'unseal', text=PASSPHRASE)

        secrets = self.secrets(world, report, tokens)
        running = self.texts(world, report)
        self.assert_searched(running)
        self.assertEqual(leaks.find(secrets, running), [])
        world.kill_daemon()
        world.start_daemon()
        world.keyturn('admin', 'unseal', text=PASSPHRASE)
        world.stop_daemon()
        stopped = self.texts(world, report)
        self.assertTrue([place for place in stopped if place.endswith('audit-checkpoints')])
        self.assertEqual(leaks.find(secrets, stopped), [])

    def assert_searched(self, texts):
        """What the search is about is really there."""
        for ending in ('keyturn.db', '-wal', '/cmdline', '/environ',
                       'canary-auditor-context.yaml', 'bundle.log'):
            self.assertTrue([place for place in texts if place.endswith(ending)], ending)
        log = texts['keyturnd.log'].decode()
        for rpc in ('Credentials/CreateCredential', 'Tasks/SubmitTaskSecret', 'Admin/Unseal',
                    'Access/Enroll'):
            self.assertRegex(log, rf'rpc=keyturn.v1.{rpc} .*code=OK.*asked=".*\(hidden\)')


if __name__ == '__main__':
    harness.main()
