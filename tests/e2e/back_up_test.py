"""A back-up of a daemon at work comes back in an empty place, and what was done
outside since then is found there, not done again."""

import os
import shutil

import harness

# What an operator keeps beside the back-ups: all but the store.
KEPT = ('keyturnd.yaml', '*.pem', 'root.key')


class BackUpTest(harness.EndToEndTest):

    def lose_the_store(self, world):
        """A new machine, to which what was kept beside the back-ups was copied."""
        lost = world.directory / 'lost'
        world.data.rename(lost)
        world.data.mkdir(mode=0o700)
        for pattern in KEPT:
            for path in lost.glob(pattern):
                shutil.copy2(path, world.data)
        shutil.copy2(world.context, world.directory / 'kept-context.yaml')
        world.context.write_text('currentContext: local\ncontexts:\n  - name: local\n'
                                 f'    server: unix:{world.directory / "k.sock"}\n')
        world.start_daemon()

    def restore(self, world, path, expect=harness.DONE):
        answer = world.keyturn('admin', 'restore', path, expect=expect)
        if expect == harness.DONE:
            harness.wait_until(
                lambda: world.keyturn('admin', 'status', expect=None).json.get('sealed', False),
                'the daemon starts anew, sealed')
            shutil.copy2(world.directory / 'kept-context.yaml', world.context)
        return answer

    def test_an_old_copy_goes_on_from_what_is_outside(self):
        world = self.world()
        before = world.sandbox.state()
        person = harness.Person(world)
        migration = world.migrate()
        person.work_until_asked(migration, 'ISSUE_TOKEN')
        path = world.directory / 'keyturn.backup'
        world.keyturn('admin', 'backup', path)
        self.assertEqual(path.stat().st_mode & 0o777, 0o600)
        self.assert_switched(world, before, person.work_to_the_end(migration))
        world.stop_daemon()

        self.lose_the_store(world)
        self.assertEqual(world.keyturn('list').json['migrations'], [])
        restored = self.restore(world, path).json
        self.assertEqual((restored['migrations'], restored['credentials'], restored['accounts']),
                         ('1', '1', '2'))
        self.assertIn('msg="a back-up takes the store\'s place"', world.daemon_log.read_text())
        self.assertEqual(world.show(migration)['state'], 'AWAITING_TASK', 'nothing goes on sealed')
        world.kill_daemon()
        world.start_daemon()
        self.assertTrue(world.keyturn('admin', 'status').json['sealed'],
                        'also after a restart, until somebody says so')
        world.keyturn('admin', 'unseal')
        # The token that is in use outside is not known here: it was handed in after the
        # back-up was made.
        shown = harness.Person(world).work_to_the_end(migration)
        self.assertEqual(shown['state'], 'ROLLED_BACK', harness.describe(shown))
        after = world.sandbox.state()
        self.assertEqual(world.connection(after)['netsuite']['authType'], 'token',
                         'a connection that somebody moved meanwhile is left alone')
        self.assertEqual(world.open_tasks(), [], 'nobody is asked to take its token or role away')
        self.assertEqual(world.flow_states(after), world.flow_states(before))
        self.assertEqual(after['lost_records'], 0)

    def test_a_copy_from_after_the_end_is_as_it_was(self):
        world = self.world()
        before = world.sandbox.state()
        migration = world.migrate()
        harness.Person(world).work_to_the_end(migration)
        history = world.keyturn('history', migration).out
        token = world.keyturn('identity', 'invite', 'aude', '--role', 'auditor').json['token']
        world.enroll('aude', token)
        path = world.directory / 'keyturn.backup'
        world.keyturn('admin', 'backup', path)
        world.keyturn('admin', 'backup', path, expect=harness.REFUSED)
        refused = world.keyturn('admin', 'restore', path, expect=harness.REFUSED)
        self.assertIn('keyturnd init', refused.text)
        world.stop_daemon()

        self.lose_the_store(world)
        torn = world.directory / 'torn.backup'
        torn.write_bytes(path.read_bytes()[:-1])
        self.assertIn('cut off', self.restore(world, torn, expect=harness.USAGE).text)
        altered = bytearray(path.read_bytes())
        altered[len(altered) // 2] ^= 1
        torn.write_bytes(altered)
        self.assertIn('altered', self.restore(world, torn, expect=harness.USAGE).text)
        self.restore(world, path)
        world.keyturn('admin', 'unseal')
        world.stop_daemon()
        world.start_daemon()
        self.assertFalse(world.keyturn('admin', 'status').json['sealed'])
        self.assertEqual(world.keyturn('history', migration).out, history)
        self.assert_switched(world, before, world.show(migration))
        world.keyturn('account', 'test', 'acme')
        # The trail goes on from the back-up's, whole, and tells who brought it back.
        verdict = world.as_person('aude', 'audit', 'verify').json
        self.assertTrue(verdict['intact'], verdict)
        told = world.as_person('aude', 'audit', 'list', '--action', 'Restore').json['auditEntries']
        self.assertEqual([entry['actor'] for entry in told], [f'uid:{os.getuid()}'])
        self.assertFalse(list((world.data / 'store').glob('*.co*')), 'no copy is left')

    def test_another_root_key_opens_nothing_until_it_is_named_as_the_former(self):
        world = self.world()
        path = world.directory / 'keyturn.backup'
        world.keyturn('admin', 'backup', path)
        world.stop_daemon()
        self.lose_the_store(world)
        world.stop_daemon()
        shutil.rmtree(world.data / 'store')
        former = (world.data / 'root.key').rename(world.directory / 'former.key')
        world.run_daemon_command('new-root-key', world.data / 'root.key')
        world.start_daemon()
        self.assertIn('rootKey.previous',
                      self.restore(world, path, expect=harness.REFUSED).text)
        configuration = world.data / 'keyturnd.yaml'
        configuration.write_text(configuration.read_text().replace(
            'file: root.key', f'file: root.key\n  previous: {{file: {former}}}'))
        world.stop_daemon()
        world.start_daemon()
        self.restore(world, path)
        world.keyturn('admin', 'unseal')
        world.keyturn('account', 'test', 'acme')
        world.keyturn('admin', 'rotate-key', '--root')


if __name__ == '__main__':
    harness.main()
