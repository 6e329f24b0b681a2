"""The audit trail as an invited auditor sees it, and what shows of a database that
somebody changed or put back while the daemon stood still."""

import re
import shutil
import sqlite3
import subprocess

import harness

# Of keyturnd: see the run book.
ROLLED_BACK = 72


class AuditTest(harness.EndToEndTest):
    def setUp(self):
        self.w = self.world()
        self.w.enroll_auditor('aude')

    def audit(self, *arguments, **more):
        return self.w.as_person('aude', 'audit', *arguments, **more)

    def tamper(self, *statements):
        """Changes the database of a daemon that was stopped, and starts it again."""
        self.w.stop_daemon()
        with sqlite3.connect(self.w.data / 'store' / 'keyturn.db') as database:
            for statement in statements:
                database.execute(statement)
        database.close()
        self.w.start_daemon()

    def actions(self, *options):
        entries = self.audit('list', *options).json['auditEntries']
        return [(entry['action'].split('/')[-1], entry['actor']) for entry in entries]

    def test_an_auditor_reads_the_trail_and_that_is_in_the_trail(self):
        self.assertIn(('CreateCredential', 'admin'), self.actions('--action', 'CreateCredential'))
        self.assertIn(('Enroll', 'aude'), self.actions('--target', 'identities/aude'))
        verdict = self.audit('verify').json
        self.assertTrue(verdict['intact'])
        self.assertGreater(int(verdict['entries']), 5)
        for action in ('ListAuditEntries', 'VerifyAudit'):
            self.assertIn((action, 'aude'), self.actions('--action', action))

    def test_an_administrator_without_the_role_learns_nothing(self):
        for command in ('list', 'tail', 'verify'):
            refused = self.w.keyturn('audit', command, expect=harness.NOT_PERMITTED)
            self.assertNotIn('CreateCredential', refused.out)
        self.assertIn(('VerifyAudit', 'admin'), self.actions('--actor', 'admin'))

    def opened(self, *options):
        """By step or RPC, what the entries say was opened: {'step/cut_over': {…}}."""
        opened = {}
        for entry in self.audit('list', '--limit', '500', *options).json['auditEntries']:
            if entry['result'] != 'INTENDED':
                names = re.findall(r'credentials/(\S+ version \d+)', entry.get('detail', ''))
                opened.setdefault(entry['action'].split('.')[-1], set()).update(names)
        return opened

    def test_the_trail_tells_which_credentials_a_migration_opened(self):
        self.w.administrator()
        self.w.keyturn('migrate', '-f', self.w.spec(), '--yes', '--progress', 'quiet')
        name = self.w.keyturn('list').json['migrations'][0]['name']
        celigo, token = 'acme-celigo version 1', f'token-{name.split("/")[1]} version 1'

        self.assertEqual(self.opened('--target', name), {
            'Migrations/CreateMigration': {celigo},
            # People did these, so no secret of Keyturn's was needed.
            'step/enable_tba': set(), 'step/create_role': set(), 'step/assign_role': set(),
            'step/issue_token': {token},
            'step/test_candidate': {celigo, token},
            'step/quiesce': {celigo},
            'step/cut_over': {celigo, token},
            'step/verify_connection': {celigo}, 'step/verify_flows': {celigo},
            'step/resume_flows': {celigo}, 'step/prove_traffic': {celigo},
            'step/finish': {celigo}})
        for entry in self.audit('list', '--target', name, '--limit', '500').json['auditEntries']:
            if entry['result'] == 'INTENDED':
                self.assertIn('credentials/acme-celigo', entry['detail'])

    def test_the_trail_tells_what_a_question_opened(self):
        self.w.keyturn('account', 'test', 'acme')
        self.w.keyturn('discover', 'acme')
        opened = self.opened()
        for rpc in ('Accounts/TestAccount', 'Inventory/Discover'):
            self.assertEqual(opened[rpc], {'acme-celigo version 1'})

    def test_an_edited_entry_is_named(self):
        row = self.audit('list', '--action', 'CreateAccount').json['auditEntries'][0]['sequence']
        self.tamper(f"UPDATE audit SET actor = 'mallory' WHERE sequence = {row}")
        self.assertIn(f'row {row} is not as it was written', self.w.daemon_log.read_text())
        verdict = self.audit('verify', expect=harness.FAILED).json
        self.assertEqual([(f['kind'], f['firstSequence']) for f in verdict['findings']],
                         [('ROW_EDITED', row)])

    def keyturnd(self, *arguments):
        return subprocess.run([harness.binary('KEYTURND'), *arguments], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=harness.START_MAX_S,
                              check=False)

    def test_an_old_copy_of_the_database_is_refused_until_somebody_accepts_it(self):
        store, copy = self.w.data / 'store', self.w.directory / 'copy'
        config = str(self.w.data / 'keyturnd.yaml')
        self.w.stop_daemon()
        shutil.copytree(store, copy)
        self.w.start_daemon()
        self.w.keyturn('account', 'remove', 'acme')
        self.w.stop_daemon()
        shutil.rmtree(store)
        shutil.copytree(copy, store)

        refused = self.keyturnd('--config', config)
        self.assertEqual(refused.returncode, ROLLED_BACK, refused)
        self.assertIn('STORE_ROLLED_BACK', refused.stderr)
        self.assertIn('keyturnd accept-restored', refused.stderr)
        accepted = self.keyturnd('accept-restored', '--config', config)
        self.assertEqual(accepted.returncode, harness.DONE, accepted)

        self.w.start_daemon()
        self.w.keyturn('account', 'show', 'acme')
        self.assertTrue(self.audit('verify').json['intact'])
        self.assertIn(('accept-restored', 'daemon'), self.actions())


if __name__ == '__main__':
    harness.main()
