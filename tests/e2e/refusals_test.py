"""Bad input and impossible requests: each is refused with its reason, its exit
code and the place where it is wrong, and changes nothing."""

import json
import unittest

import harness

ABSENT_ID = 'ffffffffffffffffffffffff'
# What is named but is not there is a failure, not a conflict.
NOT_FOUND = harness.FAILED


class RefusalsTest(harness.EndToEndTest):
    """Nothing here may change anything outside or make a migration."""

    def setUp(self):
        self.w = self.world(old_login=True)
        self.w.sandbox.forget_calls()
        self.before = self.w.sandbox.state()

    def tearDown(self):
        self.assert_celigo_untouched(self.w, self.before)
        migrations = self.w.keyturn('list', expect=None)
        if migrations.code == harness.DONE:
            self.assertEqual(migrations.json['migrations'], [])

    def refuses(self, spec, code, *words):
        """Both `plan` and `migrate` refuse a spec, and say the words."""
        for command in (['plan', '-f', spec], ['migrate', '-f', spec, '--yes', '--detach']):
            answer = self.w.keyturn(*command, expect=code)
            for word in words:
                self.assertIn(word, answer.err)

    def test_specs_that_do_not_read(self):
        good = self.w.spec().read_text()
        connection = self.w.sandbox.info['connection']
        cases = {
            'unknown field': (good + 'rolle: {name: x}\n', ':7:', 'rolle'),
            'unknown field inside': (good.replace('user:', 'usr:'), ':3:', 'usr'),
            'duplicate key': (good + 'recipe: jira\n', ':7:', 'recipe'),
            'not a mapping': ('[1, 2]\n', ':1:', ''),
            'empty': ('', '', ''),
            'not YAML': ('recipe: [jira\n', ':', ''),
            'missing role': ('\n'.join(line for line in good.splitlines()
                                       if not line.startswith('role')), '', 'role'),
            'missing user': (good.replace(', user: jira.integration@example.com', ''), ':3',
                             'user'),
            'role with a blank': (good.replace('CeligoJiraTBA', 'Celigo Jira TBA'), ':4',
                                  'letters and digits'),
            'user that is no address': (good.replace('jira.integration@example.com', 'jira'), ':3',
                                        'e-mail'),
            'connection that is no id': (good.replace(connection, 'abc'), ':2', '24'),
            'approvals too many': (good.replace('approvals: 0', 'approvals: 10000'), ':6',
                                   'approvals'),
            'approvals no number': (good.replace('approvals: 0', 'approvals: many'), ':6',
                                    'approvals'),
            'flows neither all nor none': (good.replace('test: all', 'test: some'), ':5', 'all'),
            'permission with a small letter': (good.replace('ADMI_LOGIN_OAUTH', 'login'), ':4',
                                               'ADMI_LOGIN_OAUTH'),
            'unknown recipe': (good.replace('jira\n', 'jirra\n', 1), ':1', 'jira'),
            'list for a text': (good.replace('recipe: jira', 'recipe: [jira]'), ':1', 'recipe'),
        }
        for name, (text, *words) in cases.items():
            with self.subTest(name):
                spec = self.w.file('bad.yaml', text)
                self.refuses(spec, harness.USAGE, 'bad.yaml', *words)

    def test_specs_that_name_what_is_not_there(self):
        info = self.w.sandbox.info
        others = {document['type']: connection for connection, document
                  in self.before['celigo']['connections'].items()
                  if connection != info['connection']}
        flow = info['flows'][2]
        cases = {
            'unknown Celigo account': ({'account: acme,': 'account: nobody,'}, NOT_FOUND,
                                       'nobody'),
            'unknown NetSuite account': ({'acme-ns': 'other-ns'}, NOT_FOUND, 'other-ns'),
            'unknown connection': ({info['connection']: ABSENT_ID}, NOT_FOUND, ABSENT_ID),
            'not NetSuite': ({info['connection']: others['http']}, harness.REFUSED,
                             'not a NetSuite connection'),
            'unknown flow': ({flow: ABSENT_ID}, NOT_FOUND, ABSENT_ID),
            'unknown old login': ({'approvals: 0': 'oldLogin: nobody-login'}, NOT_FOUND,
                                  'nobody-login'),
            'unknown iClient': ({'approvals: 0': 'iclient: No such iClient'}, harness.REFUSED,
                                'SmartConnector (HT) NetSuite iClient'),
        }
        for name, (replace, code, word) in cases.items():
            with self.subTest(name):
                self.refuses(self.w.spec(replace), code, word)

    def test_a_connection_of_another_tile(self):
        connection = f"connection: {self.w.sandbox.info['connection']}"
        others = [tile for tile in self.before['celigo']['integrations']
                  if tile != self.w.sandbox.info['tile']]
        for tile in others or [ABSENT_ID]:
            with self.subTest(tile=tile):
                self.refuses(self.w.spec({connection: f'{connection}, tile: {tile}'}),
                             harness.REFUSED, 'tile')

    def test_a_netsuite_account_that_is_not_the_connections(self):
        self.w.keyturn('account', 'add', 'netsuite', 'wrong-ns', '--account-id', '1111111',
                       *self.w.address)
        self.refuses(self.w.spec({'acme-ns': 'wrong-ns'}), harness.REFUSED, '1111111')

    def test_credential_files(self):
        good = {'consumerKey': 'ck-value-1', 'consumerSecret': 'cs-value-2',
                'tokenId': 'ti-value-3', 'tokenSecret': 'ts-value-4'}
        cases = {
            'not JSON': '{"consumerKey": ck-value-1',
            'missing field': json.dumps({**good, 'tokenId': None}).replace('null', '""'),
            'unknown field': json.dumps({**good, 'more': 'x-value-5'}),
            'given twice': json.dumps(good)[:-1] + ', "tokenId": "ti-value-6"}',
            'a number': json.dumps({**good, 'tokenId': 12345678}),
            'a list': json.dumps([good]),
            'empty': '',
            'other kind': '{"token": "to-value-7"}',
        }
        for name, text in cases.items():
            with self.subTest(name):
                path = self.w.file('secret.json', text)
                answer = self.w.add_credential('bad', 'netsuite-tba', path, expect=harness.USAGE)
                self.assertIn('secret.json', answer.err)
                self.assertNotIn('-value-', answer.text)
                self.assertNotIn('12345678', answer.text)
        names = [entry['name'] for entry in self.w.keyturn('credential', 'list').json['credentials']]
        self.assertEqual(sorted(names), ['credentials/acme-celigo', 'credentials/acme-old-login'])
        self.w.keyturn('credential', 'add', 'bad', '--kind', 'netsuite-tba', '--from-file',
                       self.w.directory / 'missing.json', expect=harness.USAGE)
        self.w.keyturn('credential', 'add', 'Bad Name', '--kind', 'celigo-token', '--from-file',
                       self.w.sandbox.info['celigo_token_file'], expect=harness.USAGE)
        self.w.keyturn('credential', 'add', 'bad', '--kind', 'nonsense', '--from-file',
                       self.w.sandbox.info['celigo_token_file'], expect=harness.USAGE)

    def test_names_that_are_taken_and_things_in_use(self):
        token = self.w.sandbox.info['celigo_token_file']
        self.w.add_credential('acme-celigo', 'celigo-token', token, expect=harness.REFUSED)
        self.w.keyturn('account', 'add', 'celigo', 'acme', '--credential', 'acme-celigo',
                       *self.w.address, expect=harness.REFUSED)
        self.w.keyturn('credential', 'delete', 'acme-celigo', expect=harness.REFUSED)
        self.w.keyturn('credential', 'show', 'nobody', expect=NOT_FOUND)
        self.w.keyturn('account', 'show', 'nobody', expect=NOT_FOUND)

    def test_accounts(self):
        w = self.w
        cases = [
            ('credential of another kind', harness.USAGE,
             ['celigo', 'b', '--credential', 'acme-old-login', *w.address]),
            ('unknown credential', NOT_FOUND,
             ['celigo', 'b', '--credential', 'nobody', *w.address]),
            ('host that is not allowed', harness.REFUSED,
             ['celigo', 'b', '--credential', 'acme-celigo', '--base-url', 'https://example.com']),
            ('plain http', harness.USAGE,
             ['celigo', 'b', '--credential', 'acme-celigo', '--base-url', 'http://127.0.0.1:1']),
            ('address with a password', harness.USAGE,
             ['celigo', 'b', '--credential', 'acme-celigo', '--base-url',
              'https://me:secret@127.0.0.1:1']),
            ('unknown region', harness.USAGE,
             ['celigo', 'b', '--credential', 'acme-celigo', '--region', 'mars']),
            ('account id that is none', harness.USAGE,
             ['netsuite', 'b', '--account-id', '76 54321', *w.address]),
            ('authority that is no certificate', harness.USAGE,
             ['netsuite', 'b', '--account-id', '7654321', '--base-url',
              w.sandbox.info['base_url'], '--ca-file', w.file('no.pem', 'nothing')]),
        ]
        for name, code, arguments in cases:
            with self.subTest(name):
                answer = w.keyturn('account', 'add', *arguments, expect=None)
                # A refusal may be the caller's mistake or a precondition.
                self.assertIn(answer.code, {code} if code == NOT_FOUND else
                              {harness.USAGE, harness.REFUSED}, str(answer))
                self.assertTrue(answer.err)
                self.assertNotIn('me:secret', answer.text)
        names = [entry['name'] for entry in w.keyturn('account', 'list').json['accounts']]
        self.assertEqual(sorted(names), ['accounts/acme', 'accounts/acme-ns'])

    def test_usage(self):
        for arguments in ([], ['nonsense'], ['migrate'], ['show'], ['task', 'done'],
                          ['migrate', '-f', 'x', '--progress', 'colourful'],
                          ['plan', '-f', self.w.directory / 'missing.yaml'],
                          ['show', 'not an id'], ['show', '../../etc/passwd']):
            with self.subTest(arguments=arguments):
                self.w.keyturn(*arguments, expect=harness.USAGE)

    def test_ids_of_nothing(self):
        for command in ('show', 'report', 'history', 'attach', 'pause', 'resume', 'retry', 'cancel',
                        'rollback'):
            with self.subTest(command):
                answer = self.w.keyturn(command, 'aaaaaaaaaaaaaaaa', expect=NOT_FOUND)
                self.assertIn('aaaaaaaaaaaaaaaa', answer.err)
        self.w.keyturn('task', 'show', 'aaaaaaaaaaaaaaaa', expect=NOT_FOUND)
        self.w.keyturn('task', 'done', 'aaaaaaaaaaaaaaaa', expect=NOT_FOUND)

    def test_daemon_that_is_down(self):
        self.w.stop_daemon()
        answer = self.w.keyturn('list', expect=harness.UNREACHABLE)
        self.assertIn('keyturnd', answer.err)
        self.w.keyturn('migrate', '-f', self.w.spec(), '--yes', expect=harness.UNREACHABLE)
        self.w.start_daemon()

    def test_celigo_that_refuses_the_token(self):
        self.w.sandbox.act('revoke-api-token', revoked=True)
        answer = self.w.keyturn('account', 'test', 'acme', expect=harness.FAILED)
        self.assertIn('token', answer.text.lower())
        answer = self.w.keyturn('plan', '-f', self.w.spec(), expect=None)
        self.assertNotEqual(answer.code, harness.DONE, str(answer))
        self.assertIn('does not accept', answer.err)
        self.assertIn('keyturn credential rotate', answer.err)
        answer = self.w.keyturn('discover', 'acme', expect=None)
        self.assertNotEqual(answer.code, harness.DONE, str(answer))

    def test_celigo_that_cannot_be_reached(self):
        self.w.keyturn('account', 'add', 'celigo', 'nowhere', '--credential', 'acme-celigo',
                       '--base-url', 'https://127.0.0.1:1')
        answer = self.w.keyturn('plan', '-f', self.w.spec({'account: acme,': 'account: nowhere,'}),
                                expect=None)
        self.assertNotEqual(answer.code, harness.DONE, str(answer))
        self.assertIn('connect', answer.err)

    def test_a_certificate_that_the_authority_did_not_sign_is_not_accepted(self):
        other = self.world(accounts=False)
        self.w.keyturn('account', 'add', 'celigo', 'forged', '--credential', 'acme-celigo',
                       '--base-url', self.w.sandbox.info['base_url'], '--ca-file',
                       other.sandbox.info['ca_file'])
        answer = self.w.keyturn('plan', '-f', self.w.spec({'account: acme,': 'account: forged,'}),
                                expect=None)
        self.assertNotEqual(answer.code, harness.DONE, str(answer))
        self.assertIn('certificate', answer.err.lower())
        bearer = [call for call in self.w.sandbox.calls() if call['path'].startswith('/v1/')]
        self.assertEqual(bearer, [], 'no request left before the certificate was checked')


class LiveMigrationTest(harness.EndToEndTest):

    def test_one_live_migration_per_connection_and_none_for_a_token_connection(self):
        world = self.world()
        person = harness.Person(world)
        first = world.migrate()
        person.work_until_asked(first, 'CREATE_ROLE')
        answer = world.migrate(expect=harness.REFUSED)
        self.assertIn(first, answer.err)
        self.assertEqual(len(world.keyturn('list').json['migrations']), 1)
        self.assertEqual(person.work_to_the_end(first)['state'], 'SUCCEEDED')
        answer = world.migrate(expect=harness.REFUSED)
        self.assertIn('token', answer.err)
        for command in ('pause', 'resume', 'retry', 'cancel', 'rollback'):
            with self.subTest(command):
                answer = world.keyturn(command, first, expect=harness.REFUSED)
                self.assertIn('SUCCEEDED', answer.err)
        task = world.keyturn('task', 'list', '--all').json['tasks'][0]['name']
        world.keyturn('task', 'done', task, expect=harness.REFUSED)

    def test_tasks_are_answered_only_as_they_ask(self):
        world = self.world()
        person = harness.Person(world)
        migration = world.migrate()
        task = person.work_until_asked(migration, 'ENABLE_TBA')
        token = {'tokenId': 'a' * 64, 'tokenSecret': 'b' * 64}
        person.hand_in(task, token, expect=harness.REFUSED)
        person.answer(task)
        task = person.work_until_asked(migration, 'ISSUE_TOKEN')
        world.keyturn('task', 'done', task['name'], expect=harness.REFUSED)
        for text in ('{"tokenId": "only"}', '{"tokenId": "", "tokenSecret": ""}', 'nonsense', '',
                     json.dumps({**token, 'tokenId': 'a\nb'}),
                     json.dumps({**token, 'tokenSecret': '****'})):
            with self.subTest(text=text[:30]):
                world.keyturn('task', 'submit', task['name'], '--from-file', '-', text=text,
                              expect=harness.USAGE)
        self.assertEqual(world.show(migration)['state'], 'AWAITING_TASK')
        self.assertEqual(person.work_to_the_end(migration)['state'], 'SUCCEEDED')

    def test_exit_codes_of_a_migration_that_is_followed(self):
        world = self.world()
        answer = world.keyturn('migrate', '-f', world.spec(), '--yes', '--stop-at-task',
                               '--progress', 'quiet', expect=harness.WAITS)
        migration = world.keyturn('list').json['migrations'][0]['name']
        self.assertIn(migration.split('/')[1], answer.text)
        world.keyturn('attach', migration, '--stop-at-task', '--progress', 'quiet',
                      expect=harness.WAITS)
        world.keyturn('cancel', migration)
        world.wait(migration.split('/')[1])
        world.keyturn('attach', migration, '--progress', 'quiet', expect=harness.ROLLED_BACK)


if __name__ == '__main__':
    unittest.main(verbosity=2)
