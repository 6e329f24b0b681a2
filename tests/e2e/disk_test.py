"""The disk of a real daemon fails: at any write, sync, truncation or opening, once
or from then on, full, read-only, or full for a while; or it loses power, and with
it whatever was not synced. The daemon answers rightly or ends with its own exit
code and a line that says what to do; nothing that it
acknowledged is lost, and after a restart on a disk that works the migration ends
well."""

import collections
import os
import random

import harness

# Of keyturnd: see the run book.
STOPPED = 0
STORE_BROKEN = 70

SEED = int(os.environ.get('KEYTURN_DISK_SEED', '0')) or random.SystemRandom().randrange(1, 2**31)
# Places at which each kind of fault is tried, of each call.
PLACES = int(os.environ.get('KEYTURN_DISK_PLACES', '0')) or 1
# A start and a migration of the quick start make about so many calls; the places
# are spread over them. Files are opened and cut at the start alone.
CALLS = {'sync': 30, 'write': 600, 'open': 10, 'truncate': 3}
# So many of the chosen places are reached at least: how many calls there are
# hangs on how many batches came together.
REACHED_MIN = 0.75
# The power goes: the daemon can say nothing.
POWER = ('power', 'torn')
POWER_LOST = 137
# A sync and an opening do nothing by half.
KINDS = {'sync': ('EIO', 'ENOSPC', *POWER),
         'write': ('EIO', 'ENOSPC', 'EROFS', 'short', *POWER),
         'open': ('EIO', 'ENOSPC', 'EROFS'), 'truncate': ('EIO', 'ENOSPC')}
ONCE = 0
FROM_THEN_ON = 10**9
# Acknowledged beside the migration.
CREDENTIALS_MAX = 100

Case = collections.namedtuple('Case', 'call kind nth more')


def cases():
    chance = random.Random(SEED)
    for call, kinds in KINDS.items():
        ways = [(kind, more) for kind in kinds for more in (ONCE, FROM_THEN_ON)
                if more == ONCE or kind not in POWER] * PLACES
        chance.shuffle(ways)
        for number, (kind, more) in enumerate(ways):
            yield Case(call, kind, 1 + int((number + chance.random()) * CALLS[call] / len(ways)),
                       more)


def faults(world, **plan):
    """The environment of a daemon whose disk fails; see disk_faults.cc."""
    words = {'under': world.data, 'log': disk_log(world), **plan}
    return {
        'LD_PRELOAD': harness.binary('KEYTURN_DISK_FAULTS_OBJECT'),
        'KEYTURN_DISK_FAULTS': ','.join(f'{name}={value}' for name, value in words.items()),
        # AddressSanitizer's runtime wants to be the first.
        'ASAN_OPTIONS': ':'.join(filter(None, [os.environ.get('ASAN_OPTIONS'),
                                               'verify_asan_link_order=0']))}


def disk_log(world):
    return world.directory / 'disk-calls.txt'


class DiskTest(harness.EndToEndTest):

    def start_on_faults(self, world, **plan):
        """Starts the daemon; it serves or has ended when this returns."""
        world.start_daemon(wait=False, environment=faults(world, **plan))
        harness.wait_until(
            lambda: world.daemon.poll() is not None or 'msg=ready' in world.log_since_start(),
            'the daemon serves or ends')

    def add_credential(self, world, name, expect=harness.DONE):
        return world.add_credential(name, 'netsuite-login', world.sandbox.info['old_login_file'],
                                    expect)

    def migration_of(self, world):
        """The id of the one migration, which is made unless it is there; None when
        that did not work."""
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
        acknowledged = {'migrations': set(), 'credentials': set()}

        def is_over():
            if world.daemon.poll() is not None:
                return True
            name = f'extra-{len(acknowledged["credentials"])}'
            if (len(acknowledged['credentials']) < CREDENTIALS_MAX
                    and self.add_credential(world, name, expect=None).code == harness.DONE):
                acknowledged['credentials'].add(f'credentials/{name}')
            migration = self.migration_of(world)
            if migration is None:
                return False
            acknowledged['migrations'].add(f'migrations/{migration}')
            shown = world.keyturn('show', migration, expect=None)
            return (shown.code == harness.DONE
                    and shown.json['state'] in harness.AT_REST + ('NEEDS_ATTENTION',))
        harness.wait_until(is_over, 'the migration rests or the daemon ends',
                           harness.MIGRATION_MAX_S, pause_s=0.2)
        return acknowledged

    def assert_says_why(self, world, reason=r'\w+'):
        """The daemon has ended, or ends now, and said why, once, and what to do."""
        code = world.daemon.wait(harness.STOP_MAX_S)
        lines = [line for line in world.log_since_start().splitlines()
                 if 'msg="the store is broken"' in line or 'msg="cannot start"' in line]
        self.assertEqual(len(lines), 1, lines)
        self.assertRegex(lines[0],
                         rf'level=error .* reason={reason} cause=".*" next=".*start keyturnd again')
        self.assertEqual(code, STORE_BROKEN, lines[0])

    def assert_nothing_is_synced_after_a_failed_sync(self, world):
        calls = [line for line in disk_log(world).read_text().splitlines()
                 if 'sync ' in line and '/store/keyturn.db' in line]
        failed = [number for number, line in enumerate(calls) if line.startswith('fault ')]
        if failed:
            self.assertEqual([line for line in calls[failed[0]:] if line.startswith('sync ')], [])

    def assert_whole(self, world, before, acknowledged):
        """The migration ends well, and all that was acknowledged is there once."""
        migration = harness.wait_until(lambda: self.migration_of(world), 'a migration')
        shown = world.wait(migration)
        self.assert_switched(world, before, shown)
        self.assert_one_effect(world, before)
        self.assert_no_gap(world, migration)
        self.assertLessEqual(acknowledged['migrations'], {shown['name']})
        listed = world.keyturn('credential', 'list').json['credentials']
        names = [credential['name'] for credential in listed]
        self.assertEqual(len(names), len(set(names)))
        self.assertLessEqual(acknowledged['credentials'], set(names))
        self.assert_trail_intact(world)

    def check(self, case):
        world = self.world()
        before = world.sandbox.state()
        world.administrator()
        world.stop_daemon()
        self.start_on_faults(world, calls=case.call, nth=case.nth, kind=case.kind, more=case.more)
        acknowledged = self.work(world)
        # Some fail only at the end, when the log is moved into the database.
        code = world.stop_daemon()
        if case.kind in POWER:
            self.assertIn(code, (STOPPED, POWER_LOST))
        elif code != STOPPED:
            self.assert_says_why(world)
        self.assert_nothing_is_synced_after_a_failed_sync(world)
        world.start_daemon()
        self.assert_whole(world, before, acknowledged)
        return 'fault ' in disk_log(world).read_text()

    def test_a_disk_that_fails_anywhere_loses_nothing(self):
        print(f'KEYTURN_DISK_SEED={SEED}')
        reached = []
        tried = list(cases())
        self.each(tried, lambda case: reached.append(self.check(case)))
        print(f'{sum(reached)} of {len(tried)} faults of the disk were met')
        self.assertGreaterEqual(sum(reached), REACHED_MIN * len(tried))

    def test_a_full_disk_says_so_and_is_used_again_once_there_is_room(self):
        world = self.world()
        full = world.directory / 'full'
        world.stop_daemon()
        self.start_on_faults(world, calls='write+open+truncate', nth=1, kind='ENOSPC',
                             more=FROM_THEN_ON, **{'while': full})
        self.add_credential(world, 'before')
        full.touch()
        for _ in range(3):
            refused = self.add_credential(world, 'meanwhile', expect=harness.FAILED)
            self.assertIn('disk of the data directory is full: make room there', refused.err)
        self.assertEqual(world.keyturn('credential', 'list').code, harness.DONE)
        full.unlink()
        self.add_credential(world, 'meanwhile')
        self.assertEqual(world.stop_daemon(), STOPPED)

    def test_a_disk_that_gets_full_in_a_migration_stops_the_daemon_until_there_is_room(self):
        world = self.world()
        before = world.sandbox.state()
        full = world.directory / 'full'
        world.stop_daemon()
        on_a_small_disk = {'calls': 'write+open+truncate', 'nth': 1, 'kind': 'ENOSPC',
                           'more': FROM_THEN_ON, 'while': full}
        self.start_on_faults(world, **on_a_small_disk)
        migration = world.migrate()
        full.touch()
        world.administrator()
        self.assert_says_why(world, 'DISK_FULL')
        self.start_on_faults(world, **on_a_small_disk)
        self.assert_says_why(world, 'DISK_FULL')
        full.unlink()
        world.start_daemon()
        self.assert_whole(world, before, {'migrations': {f'migrations/{migration}'},
                                          'credentials': set()})

    def test_a_read_only_disk_is_named(self):
        world = self.world()
        world.stop_daemon()
        self.start_on_faults(world, calls='open+write+sync+truncate', nth=1, kind='EROFS',
                             more=FROM_THEN_ON)
        self.assert_says_why(world, 'DISK_READ_ONLY')

    def test_a_database_that_opens_for_reading_only_is_refused(self):
        world = self.world()
        world.stop_daemon()
        # The first opening makes sure that there is a file; the second is SQLite's.
        self.start_on_faults(world, only='/keyturn.db', calls='open', nth=2, kind='EIO', more=ONCE)
        self.assert_says_why(world, 'DISK_ERROR')
        self.assertIn('keyturn.db for writing', world.log_since_start())

    def test_a_stop_that_the_trail_cannot_tell_of_is_no_good_stop(self):
        world = self.world()
        full = world.directory / 'full'
        world.stop_daemon()
        self.start_on_faults(world, calls='write+open+truncate', nth=1, kind='ENOSPC',
                             more=FROM_THEN_ON, **{'while': full})
        full.touch()
        world.stop_daemon()
        self.assert_says_why(world, 'DISK_FULL')

    def test_the_checkpoints_place_delays_nothing(self):
        world = self.world()
        before = world.sandbox.state()
        world.administrator()
        broken = world.directory / 'broken'
        broken.touch()
        world.configure('level: info', 'level: info\naudit: {checkpointSeconds: 1}')
        world.stop_daemon()
        self.start_on_faults(world, only='audit-checkpoints', calls='open+write+sync', nth=1,
                             kind='EIO', more=FROM_THEN_ON, **{'while': broken})
        acknowledged = self.work(world)
        told = 'audit: no checkpoint could be written'
        harness.wait_until(lambda: told in world.log_since_start(), 'the log tells')
        broken.unlink()
        harness.wait_until(lambda: 'audit: checkpoints are written again' in
                           world.log_since_start(), 'checkpoints are written again')
        self.assertEqual(world.log_since_start().count(told), 1)
        self.assert_whole(world, before, acknowledged)
        self.assertEqual(world.stop_daemon(), STOPPED)


if __name__ == '__main__':
    harness.main()
