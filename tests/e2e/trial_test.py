"""On trial (`confirmWithin` in the spec): somebody confirms in time, or it goes back."""

import harness

OLD_LOGIN = 'spec-with-old-login.yaml'
LONG, SHORT = '1h', '3s'


class TrialTest(harness.EndToEndTest):

    def on_trial(self, world, within, name='spec.yaml'):
        """A migration that waits to be confirmed."""
        spec = world.spec({'approvals: 0': f'approvals: 0\nconfirmWithin: {within}'}, name=name)
        migration = world.migrate(spec)
        return migration, harness.Person(world).work_until_asked(migration, 'FINISH')

    def test_confirmed_it_stays_on_the_token(self):
        world = self.world(old_login=True)
        before = world.sandbox.state()
        migration, task = self.on_trial(world, LONG, OLD_LOGIN)
        shown = world.show(migration)
        self.assertEqual(shown['state'], 'AWAITING_TASK')
        self.assertEqual(shown['spec']['confirmWithin'], '3600s')
        self.assertTrue(task['expireTime'])
        self.assertEqual(world.flow_states(), world.flow_states(before), 'the flows run meanwhile')
        page = world.keyturn('task', 'show', task['name'], output='table').out
        self.assertIn(f'keyturn confirm {migration}', page)
        self.assertIn('then the migration goes back', page)

        world.keyturn('confirm', migration, '--evidence', 'orders are there')

        shown = world.wait(migration)
        self.assert_switched(world, before, shown)
        self.assertTrue(shown['confirmation']['by'])
        self.assertIn('confirmed by', world.keyturn('report', migration, output='table').out)
        answer = world.keyturn('confirm', migration, expect=harness.REFUSED)
        self.assertIn('does not wait to be confirmed', answer.err)

    def test_unconfirmed_it_goes_back_by_itself(self):
        world = self.world(old_login=True)
        before = world.sandbox.state()
        migration, task = self.on_trial(world, SHORT, OLD_LOGIN)
        shown = world.wait(migration)
        self.assertEqual(shown['state'], 'ROLLED_BACK', harness.describe(shown))
        self.assertIn('nobody answered in time', shown['failure'])
        after = world.sandbox.state()
        changed = harness.differences(world.connection(before), world.connection(after))
        self.assertLessEqual(set(changed), self.BY_THE_SERVER)
        self.assertEqual(world.flow_states(after), world.flow_states(before))
        self.assertEqual(after['lost_records'], 0)
        self.assertEqual(world.keyturn('task', 'show', task['name']).json['state'], 'WITHDRAWN')
        world.keyturn('confirm', migration, expect=harness.REFUSED)

    def test_the_time_goes_on_while_the_daemon_is_down(self):
        world = self.world(old_login=True)
        migration, _ = self.on_trial(world, SHORT, OLD_LOGIN)
        world.kill_daemon()
        world.start_daemon()
        self.assertEqual(world.wait(migration)['state'], 'ROLLED_BACK')

    def test_where_no_way_leads_back_it_waits(self):
        world = self.world()
        before = world.sandbox.state()
        migration, task = self.on_trial(world, '1s')
        self.assertFalse(task.get('expireTime'))
        self.assertIn('no way back', ' '.join(task['instructions']))
        finish = [step for step in world.show(migration)['plan']['steps']
                  if step['step'] == 'FINISH']
        self.assertEqual(finish[0]['actor'], 'PERSON')
        self.assertIn('however long that takes', finish[0]['what'])
        world.keyturn('confirm', migration)
        self.assert_switched(world, before, world.wait(migration))

    def test_a_way_back_that_is_closed_meanwhile_is_tried_once(self):
        world = self.world(old_login=True)
        before = world.sandbox.state()
        migration, task = self.on_trial(world, SHORT, OLD_LOGIN)
        world.sandbox.switch(put_basic='refused')
        again = []

        def asked_again():
            again[:] = [found for found in world.open_tasks()
                        if found['step'] == 'FINISH' and found['name'] != task['name']]
            return again
        world.watch_until(asked_again, 'it asks again')
        self.assertFalse(again[0].get('expireTime'))
        self.assertIn('closed', again[0]['problem'])
        world.keyturn('confirm', migration)
        self.assert_switched(world, before, world.wait(migration))

    def test_a_time_that_is_none_is_refused_with_its_line(self):
        world = self.world()
        for within in ('soon', '0s', '-1h'):
            spec = world.spec({'approvals: 0': f'approvals: 0\nconfirmWithin: {within}'})
            answer = world.keyturn('plan', '-f', spec, expect=harness.USAGE)
            self.assertRegex(answer.err, r'\.yaml:\d+: confirmWithin: must be a time')
        spec = world.spec({'approvals: 0': 'approvals: 0\nconfirmWithin: 1000h'})
        answer = world.keyturn('plan', '-f', spec, expect=harness.USAGE)
        self.assertIn('confirmWithin', answer.err)


if __name__ == '__main__':
    harness.main()
