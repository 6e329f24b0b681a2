"""A campaign over several connections: a canary first, then waves, never more at
once than it says, and `kill -9` in the middle changes nothing."""

import harness

CONNECTIONS = 7
MAX_RUNNING = 2
ALL_MAX_S = 240


class CampaignTest(harness.EndToEndTest):

    def create(self, world, *options):
        files = [entry['spec'] for entry in world.sandbox.info['connections']]
        answer = world.keyturn('campaign', 'create', '-f', *files, *options)
        return answer.json['name'].split('/')[1]

    def test_canary_then_waves_and_a_kill_in_the_middle(self):
        world = self.world(options=['--seed', 'many', '--connections', str(CONNECTIONS)])
        before = world.sandbox.state()
        world.administrator()
        campaign = self.create(world, '--canary', '1', '--wave', '3', '--max-running',
                               str(MAX_RUNNING))
        seen = {'killed': False, 'running': 0}

        def finished():
            shown = world.keyturn('campaign', 'show', campaign).json
            begun = [member for member in shown['members'] if member['state'] == 'BEGUN']
            moving = [member for member in begun
                      if member['migrationState'] not in harness.AT_REST]
            seen['running'] = max(seen['running'], len(moving))
            if begun and begun[0]['migrationState'] != 'SUCCEEDED':
                self.assertEqual(len(begun), 1, 'the canary goes alone')
            if len(begun) >= 3 and not seen['killed']:
                seen['killed'] = True
                world.kill_daemon()
                world.start_daemon()
            self.assertIn(shown['state'], ('RUNNING', 'FINISHED'), shown)
            return shown if shown['state'] == 'FINISHED' else None
        shown = harness.wait_until(finished, 'the campaign has finished', ALL_MAX_S)
        self.assertTrue(seen['killed'])
        self.assertLessEqual(seen['running'], MAX_RUNNING)
        self.assertEqual([member['migrationState'] for member in shown['members']],
                         ['SUCCEEDED'] * CONNECTIONS)
        migrations = world.keyturn('list').json['migrations']
        self.assertEqual(sorted(migration['name'] for migration in migrations),
                         sorted(member['migration'] for member in shown['members']),
                         'each member has one migration, and there is no other')
        self.assert_all_switched(world, before)


if __name__ == '__main__':
    harness.main()
