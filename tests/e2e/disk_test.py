"""The disk of a real daemon fails. The daemon answers rightly or ends with its own
exit code and a line that says what to do; nothing that it acknowledged is lost,
and after a restart on a disk that works the migration ends well."""

import collections
import os

import harness

# Of keyturnd: see the run book.
STOPPED = 0
STORE_BROKEN = 70

CREDENTIALS_MAX = 200

Case = collections.namedtuple('Case', 'call kind nth more')


def faults(world, **plan):
    """The environment of a daemon whose disk fails; see disk_faults.cc."""
    words = {'under': world.data, 'log': world.directory / 'disk-calls.txt', **plan}
    environment = {
        'LD_PRELOAD': harness.binary('KEYTURN_DISK_FAULTS_OBJECT'),
        'KEYTURN_DISK_FAULTS': ','.join(f'{name}={value}'
                                        for name, value in words.items()),
        # Under AddressSanitizer, whose runtime wants to be the first.
        'ASAN_OPTIONS': ':'.join(filter(None, [os.environ.get('ASAN_OPTIONS'),
                                               'verify_asan_link_order=0']))}
    return environment


class DiskTest(harness.EndToEndTest):

    def migration_of(self, world):
        """The one migration, made unless it is there; None when that did not work."""
        listed = world.keyturn('list', expect=None)
        if listed.code != harness.DONE:
            return None
        names = [migration['name'] for migration in listed.json['migrations']]
        self.assertLessEqual(len(names), 1)
        if names:
            return names[0].split('/')[1]
        made = world.keyturn('migrate', '-f', world.spec(), '--yes', '--detach', expect=None)
        return made.json['name'].split('/')[1] if made.code == harness.DONE else None

    def work(self, world):
        """Migrates and adds credentials until the migration rests or the daemon ends;
        gives the names of what was acknowledged."""
        acknowledged = {'credentials': set(), 'migrations': set()}

        def over():
            if world.daemon.poll() is not None:
                return True
            number = len(acknowledged['credentials'])
            if number < CREDENTIALS_MAX:
                name = f'extra-{number}'
                if world.add_credential(name, 'netsuite-login', world.sandbox.info['old_login_file'],
                                        expect=None).code == harness.DONE:
                    acknowledged['credentials'].add(f'credentials/{name}')
            migration = self.migration_of(world)
            if migration is None:
                return False
            acknowledged['migrations'].add(f'migrations/{migration}')
            shown = world.keyturn('show', migration, expect=None)
            return (shown.code == harness.DONE
                    and shown.json['state'] in harness.AT_REST + ('NEEDS_ATTENTION',))
        harness.wait_until(over, 'the migration rests or the daemon ends', harness.MIGRATION_MAX_S,
                           pause_s=0.2)
        return acknowledged

    def assert_said(self, world, code):
        """A daemon that ended by itself has said why, once, and what to do."""
        self.assertEqual(code, STORE_BROKEN)
        lines = [line for line in world.log_since_start().splitlines()
                 if 'msg="the store is broken"' in line or 'msg="cannot start"' in line]
        self.assertEqual(len(lines), 1, lines)
        self.assertRegex(lines[0], r'level=error .* reason=\w+ cause=')
        self.assertRegex(lines[0], r'then (restart|start) keyturnd|then start again')

    def assert_whole(self, world, before, acknowledged):
        migration = harness.wait_until(lambda: self.migration_of(world), 'a migration')
        shown = world.wait(migration)
        self.assert_switched(world, before, shown)
        self.assert_one_effect(world, before)
        events = world.history(migration)
        self.assertEqual([int(event['sequence']) for event in events],
                         list(range(1, len(events) + 1)))
        self.assertLessEqual(acknowledged['migrations'], {shown['name']})
        listed = world.keyturn('credential', 'list').json['credentials']
        names = [credential['name'] for credential in listed]
        self.assertEqual(len(names), len(set(names)))
        self.assertLessEqual(acknowledged['credentials'], set(names))

    def check(self, case):
        world = self.world()
        before = world.sandbox.state()
        world.administrator()
        world.stop_daemon()
        world.start_daemon(wait=False, environment=faults(
            world, calls=case.call, nth=case.nth, kind=case.kind, more=case.more))
        harness.wait_until(
            lambda: world.daemon.poll() is not None or 'msg=ready' in world.log_since_start(),
            'the daemon serves or ends')
        acknowledged = self.work(world)
        if world.daemon.poll() is not None:
            self.assert_said(world, world.daemon.returncode)
        elif world.stop_daemon() != STOPPED:
            self.assert_said(world, world.daemon.returncode)
        calls = (world.directory / 'disk-calls.txt').read_text()
        world.start_daemon()
        self.assert_whole(world, before, acknowledged)
        return 'fault ' in calls

    def test_a_failed_sync_ends_the_daemon_and_nothing_is_lost(self):
        self.assertTrue(self.check(Case('sync', 'EIO', 30, 0)))


if __name__ == '__main__':
    harness.main()
