"""How people and programs come by a certificate, and lose it: the real daemon and
command line, each person with a file of contexts of their own."""

import json
import os
import signal
import stat
import unittest

import harness


class EnrolmentTest(harness.EndToEndTest):
    def setUp(self):
        self.w = self.world(accounts=False)

    def invite(self, name, *options):
        return self.w.keyturn('identity', 'invite', name, *options).json['token']

    def as_person(self, name, *arguments, **more):
        return self.w.as_person(name, *arguments, **more)

    def enroll(self, name, token, *options, **more):
        return self.w.enroll(name, token, *options, **more)

    def test_an_invitation_becomes_a_context_that_works(self):
        token = self.invite('bob@acme.example', '--role', 'operator', '--role', 'approver')
        self.enroll('bob', token + '\n', '--name', 'production')

        caller = self.as_person('bob', 'whoami').json
        self.assertEqual(caller['identity'], 'bob@acme.example')
        self.assertEqual(caller['roles'], ['operator', 'approver'])
        contexts = self.as_person('bob', 'context', 'list').json
        self.assertEqual(contexts['currentContext'], 'production')
        path = self.w.directory / 'bob' / 'config.yaml'
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        self.as_person('bob', 'identity', 'list', expect=harness.NOT_PERMITTED)

    def test_the_token_may_come_as_the_table_or_the_json_wrote_it(self):
        table = self.w.keyturn('identity', 'invite', 'ann', '--role', 'reader', output='table')
        self.assertRegex(table.out, r'\Akti1\.[\w-]{43}\.[\w-]{43}\n\Z')
        self.assertIn('shown only now', table.err)
        self.enroll('ann', table.out)
        whole = self.w.keyturn('identity', 'invite', 'cy', '--role', 'reader').out
        self.enroll('cy', whole)
        self.assertEqual(self.as_person('cy', 'whoami').json['identity'], 'cy')

    def test_a_used_token_is_refused_and_leaves_no_context(self):
        token = self.invite('bob', '--role', 'reader')
        self.enroll('bob', token)
        answer = self.enroll('eve', token, expect=harness.NOT_PERMITTED)
        self.assertEqual(json.loads(answer.err)['error']['reason'], 'INVITATION_REFUSED')
        self.as_person('eve', 'whoami', expect=harness.USAGE)

    def test_a_token_is_not_sent_to_another_daemon(self):
        other = self.world(accounts=False)
        token = other.keyturn('identity', 'invite', 'bob', '--role', 'reader').json['token']
        answer = self.enroll('bob', token, expect=harness.NOT_PERMITTED)
        self.assertIn('The token was not sent', answer.err)
        self.assertNotIn('rpc=keyturn.v1.Access/Enroll', self.w.daemon_log.read_text())

    def test_what_is_no_token_is_a_mistake_of_the_caller(self):
        self.enroll('bob', 'hello', expect=harness.USAGE)
        self.as_person('bob', 'enroll', self.w.server, '--token-from', '/nowhere',
                       expect=harness.USAGE)

    def test_who_is_revoked_is_out_at_once_and_stays_out_after_a_restart(self):
        self.enroll('bob', self.invite('bob', '--role', 'operator'))
        self.as_person('bob', 'list')
        self.w.keyturn('identity', 'revoke', 'bob')
        answer = self.as_person('bob', 'list', expect=harness.NOT_PERMITTED)
        self.assertEqual(json.loads(answer.err)['error']['reason'], 'CERTIFICATE_REVOKED')

        self.w.kill_daemon()
        self.w.start_daemon()
        self.as_person('bob', 'list', expect=harness.NOT_PERMITTED)
        states = {i['name']: i['state'] for i in self.w.keyturn('identity', 'list').json['identities']}
        self.assertEqual(states, {'identities/admin': 'ACTIVE', 'identities/bob': 'REVOKED'})
        self.w.keyturn('identity', 'revoke', 'nobody', expect=harness.FAILED)

    def test_an_invitation_survives_a_kill(self):
        token = self.invite('bob', '--role', 'reader')
        self.w.kill_daemon()
        self.w.start_daemon()
        self.enroll('bob', token)

    def test_new_certificates_are_taken_up_without_a_restart(self):
        path = self.w.data / 'ca.pem'
        good = path.read_text()

        def hang_up(text, line):
            path.write_text(text)
            self.w.daemon.send_signal(signal.SIGHUP)
            harness.wait_until(lambda: line in self.w.daemon_log.read_text(), line)
            self.w.keyturn('whoami')
        hang_up(good + good, 'new certificates are served')
        hang_up('nonsense', 'certificates cannot be renewed or used')

    def test_an_outside_authority_is_taken_up_without_a_restart(self):
        path = self.w.data / 'keyturnd.yaml'
        good = path.read_text()

        def hang_up(ca, line):
            path.write_text(good.replace('tls:\n', 'tls:\n  outsideCa:\n'
                                         f'    file: {ca}\n    identities:\n'
                                         '      - {spiffeId: "spiffe://a.example/b", roles: [reader]}\n'))
            self.w.daemon.send_signal(signal.SIGHUP)
            harness.wait_until(lambda: line in self.w.daemon_log.read_text(), line)
            self.w.keyturn('whoami')
        hang_up('ca.pem', 'certificates cannot be renewed or used')
        hang_up(self.world(accounts=False).data / 'ca.pem', 'new certificates are served')

    def test_no_file_of_the_daemon_holds_a_token_or_the_new_key(self):
        token = self.invite('bob', '--role', 'reader')
        self.enroll('bob', token)
        secret = token.split('.')[2]
        context = (self.w.directory / 'bob' / 'config.yaml').read_text()
        key = [line.strip() for line in context.splitlines()
               if len(line.strip()) == 64][-1]
        for folder, _, names in os.walk(self.w.data):
            for name in names:
                content = open(os.path.join(folder, name), 'rb').read()
                self.assertNotIn(secret.encode(), content, name)
                self.assertNotIn(key.encode(), content, name)
        self.assertNotIn(secret, self.w.daemon_log.read_text())


if __name__ == '__main__':
    unittest.main()
