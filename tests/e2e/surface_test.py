"""The outside surface that scripts rely on (design, section 7): one JSON value,
short and full names, every exit code, choices of flows, and texts from outside
that no terminal obeys."""

import json
import subprocess

import harness

DEAD = 'https://127.0.0.1:1'
HOSTILE = 'Ev\x1b[31mil\x9b32m\u202e\x07\r\nname'


def obeyed_by_a_terminal(text):
    return [character for character in text
            if character != '\n' and (ord(character) < 0x20 or 0x7f <= ord(character) < 0xa0
                                      or 0x202a <= ord(character) <= 0x202e)]


class SurfaceTest(harness.EndToEndTest):

    def setUp(self):
        self.w = self.world()

    def test_every_reading_command_prints_one_json_value(self):
        plan = self.w.keyturn('plan', '-f', '-', text=self.w.spec().read_text())
        self.assertEqual(plan.json['name'], '')
        migration = self.w.migrate()
        task = self.w.watch_until(self.w.open_tasks, 'a task is open')[0]['name'].split('/')[1]
        commands = [('whoami',), ('server',), ('list',), ('task', 'list'), ('account', 'list'),
                    ('credential', 'list'), ('context', 'list'), ('context', 'show')]
        for named in (('show', 'migrations/', migration), ('history', 'migrations/', migration),
                      ('report', 'migrations/', migration),
                      ('attach', '--stop-at-task', '--progress', 'quiet', 'migrations/',
                       migration),
                      ('task', 'show', 'tasks/', task), ('account', 'show', 'accounts/', 'acme'),
                      ('credential', 'show', 'credentials/', 'acme-celigo'),
                      ('discover', 'accounts/', 'acme')):
            *words, collection, name = named
            commands += [(*words, name), (*words, collection + name)]
        for command in commands:
            with self.subTest(command):
                expect = harness.WAITS if command[0] == 'attach' else harness.DONE
                before = self.w.keyturn(*command, expect=expect)
                self.assertIsInstance(before.json, dict)
                after = self.run_plainly(*command, '-o', 'json')
                self.assertEqual(after.returncode, expect, after.stderr)
                self.assertEqual(json.loads(after.stdout).keys(), before.json.keys())

    def run_plainly(self, *arguments):
        return subprocess.run([harness.binary('KEYTURN'), '--config', str(self.w.context),
                               *arguments], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=harness.COMMAND_MAX_S, check=False)

    def test_an_outside_system_that_is_away_is_not_the_daemon_being_away(self):
        options = ['--base-url', DEAD, '--ca-file', self.w.sandbox.info['ca_file']]
        self.w.keyturn('account', 'add', 'celigo', 'away', '--credential', 'acme-celigo', *options)
        away = self.w.spec({'account: acme,': 'account: accounts/away,'})
        for command in (('account', 'test', 'away'), ('discover', 'away'), ('plan', '-f', away)):
            with self.subTest(command):
                answer = self.w.keyturn(*command, expect=harness.FAILED)
                self.assertEqual(json.loads(answer.err)['error']['reason'], 'OUTSIDE_UNAVAILABLE')

    def test_exit_codes_of_an_approval(self):
        asked = self.w.spec({'approvals: 0': 'approvals: 1'})
        migration = self.w.migrate(asked)
        self.w.keyturn('attach', migration, '--stop-at-task', expect=harness.WAITS)
        plan = self.w.show(migration)['plan']['hash']
        answer = self.w.keyturn('approve', migration, '--plan', plan,
                                expect=harness.NOT_PERMITTED)
        self.assertIn('SELF_APPROVAL', answer.err)
        answer = self.w.keyturn('approve', migration, '--plan', 'a' * 64, expect=None)
        self.assertIn(answer.code, (harness.REFUSED, harness.NOT_PERMITTED))
        self.w.keyturn('reject', migration)
        self.w.keyturn('attach', migration, expect=harness.ROLLED_BACK)
        self.w.keyturn('resume', migration, expect=harness.REFUSED)
        self.w.stop_daemon()
        self.w.keyturn('show', migration, '--timeout', '1s', expect=harness.UNREACHABLE)

    def test_all_flows_that_are_on_may_be_run(self):
        spec = self.w.file('all.yaml', '\n'.join(
            line if not line.startswith('flows:') else 'flows: {test: none, run: all}'
            for line in self.w.spec().read_text().splitlines()))
        flows = self.w.keyturn('plan', '-f', spec).json['plan']['flows']
        self.assertEqual([flow['run'] for flow in flows], [flow['enabled'] for flow in flows])
        self.assertFalse(any(flow['test'] for flow in flows))

    def test_no_terminal_obeys_a_name_from_outside(self):
        self.w.sandbox.act('edit-connection', connection=self.w.sandbox.info['connection'],
                           set={'name': HOSTILE})
        migration = self.w.migrate()
        for command in (('discover', 'acme'), ('list',), ('show', migration),
                        ('history', migration), ('report', migration),
                        ('attach', migration, '--stop-at-task')):
            for output in ('table', 'json', 'yaml'):
                with self.subTest((command, output)):
                    answer = self.w.keyturn(*command, expect=None, output=output)
                    self.assertEqual(obeyed_by_a_terminal(answer.text), [])
        names = [found['name'] for found in self.w.keyturn('discover', 'acme').json['connections']]
        self.assertIn(HOSTILE, names)


if __name__ == '__main__':
    harness.main()
