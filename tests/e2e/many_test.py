"""Two hundred migrations at once."""

import harness

MIGRATIONS = 200
ALL_MAX_S = 300


class ManyTest(harness.EndToEndTest):

    def test_two_hundred_migrations_at_once(self):
        world = self.world(options=['--seed', 'many', '--connections', str(MIGRATIONS)],
                           switches={'job_run_ms': '500', 'job_queue_ms': '50'})
        before = world.sandbox.state()
        connections = world.sandbox.info['connections']
        self.assertEqual(len(connections), MIGRATIONS)
        refused = []
        for _, error in harness.in_parallel(
                lambda entry: world.migrate(entry['spec']), connections):
            if error is not None:
                refused.append(str(error))
        self.assertEqual(refused, [])
        world.administrator()

        def all_at_rest():
            migrations = world.keyturn('list').json['migrations']
            self.assertEqual(len(migrations), MIGRATIONS)
            moving = [migration for migration in migrations
                      if migration['state'] not in harness.AT_REST + ('NEEDS_ATTENTION',)]
            return None if moving else migrations
        migrations = harness.wait_until(all_at_rest, 'all are at rest', ALL_MAX_S, pause_s=1)
        for migration in migrations:
            self.assertEqual(migration['state'], 'SUCCEEDED', harness.describe(migration))

        after = self.assert_all_switched(world, before)
        self.assertEqual(after['requests']['unauthorized'], {'celigo': 0, 'netsuite': 0})


if __name__ == '__main__':
    harness.main()
