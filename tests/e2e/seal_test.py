"""Sealing in the middle of migrations, and changing every key while they run: the
migration ends SUCCEEDED as if nothing had been, and tampering is found out."""

import random
import sqlite3

import harness

SEED = 20261124
# A migration of the quick start has about this many events.
EVENTS = 36
RUNS = 6


class SealTest(harness.EndToEndTest):

    def check(self, run):
        number, when = run
        world = self.world(access='tba' if number % 3 == 2 else None)
        before = world.sandbox.state()
        world.administrator()
        migration = world.migrate()
        harness.wait_until(
            lambda: self.events(world, migration) >= when
            or world.show(migration)['state'] in harness.AT_REST,
            f'{when} events', harness.MIGRATION_MAX_S)
        self.assertTrue(world.keyturn('admin', 'seal').json['sealed'])
        refused = world.keyturn('account', 'test', 'acme', expect=harness.REFUSED)
        self.assertIn('SEALED', refused.text)
        self.assertIn('keyturn admin unseal', refused.text)
        self.assertFalse(world.keyturn('admin', 'unseal').json.get('sealed', False))
        world.keyturn('admin', 'rotate-key')
        self.assert_switched(world, before, world.wait(migration))
        self.assert_one_effect(world, before)
        harness.wait_until(
            lambda: int(world.keyturn('admin', 'status').json.get('versionsToReseal', 0)) == 0,
            'everything is sealed under the new key')

    @staticmethod
    def events(world, migration):
        return int(world.show(migration).get('lastSequence', 0))

    def test_a_seal_at_any_moment_loses_nothing(self):
        chance = random.Random(SEED)
        self.each([(number, 1 + int((number + chance.random()) * EVENTS / RUNS))
                   for number in range(RUNS)], self.check)

    def test_a_changed_label_is_found_at_the_start_and_on_use(self):
        world = self.world()
        world.stop_daemon()
        with sqlite3.connect(world.data / 'store' / 'keyturn.db') as database:
            database.execute("UPDATE credential_versions SET creator = 'mallory'")
        database.close()
        world.start_daemon()
        refused = world.keyturn('account', 'test', 'acme', expect=harness.FAILED)
        self.assertIn('was altered', refused.text)
        harness.wait_until(lambda: 'its rows are not those' in world.daemon_log.read_text(),
                           'the log names what was altered')


if __name__ == '__main__':
    harness.main()
