"""Ways out: cancel, pause and resume, and going back after the switch."""

import harness

SLOW_JOBS = {'job_run_ms': '3000', 'job_queue_ms': '30'}
OLD_LOGIN = 'spec-with-old-login.yaml'


class CancelTest(harness.EndToEndTest):

    def assert_as_before(self, world, before):
        """Celigo is as it was: the connection to the letter, every flow in its state."""
        after = world.sandbox.state()
        self.assertEqual(world.connection(after), world.connection(before))
        self.assertEqual(world.flow_states(after), world.flow_states(before))
        self.assertEqual(after['lost_records'], 0)

    def test_cancelled_before_any_step(self):
        world = self.world()
        before = world.sandbox.state()
        world.sandbox.forget_calls()
        spec = world.spec({'approvals: 0': 'approvals: 1'})
        migration = world.migrate(spec)
        self.assertEqual(world.show(migration)['state'], 'AWAITING_APPROVAL')
        world.keyturn('cancel', migration, '--reason', 'not today')
        shown = world.wait(migration)
        self.assertEqual(shown['state'], 'CANCELLED')
        self.assert_celigo_untouched(world, before)
        self.assertIn('not today', world.keyturn('history', migration).out)
        world.keyturn('cancel', migration, expect=harness.REFUSED)
        self.assertEqual(world.open_tasks(), [])

    def test_cancelled_while_a_person_is_asked(self):
        world = self.world()
        before = world.sandbox.state()
        world.sandbox.forget_calls()
        migration = world.migrate()
        task = harness.Person(world).work_until_asked(migration, 'ENABLE_TBA')
        world.keyturn('cancel', migration)
        self.assertEqual(world.wait(migration)['state'], 'ROLLED_BACK')
        self.assert_celigo_untouched(world, before)
        world.keyturn('task', 'done', task['name'], expect=harness.REFUSED)
        self.assertEqual(world.keyturn('task', 'show', task['name']).json['state'], 'WITHDRAWN')
        world.keyturn('attach', migration, '--progress', 'quiet', expect=harness.ROLLED_BACK)

    def test_cancelled_after_the_token_was_handed_in_asks_to_revoke_it(self):
        world = self.world(switches=SLOW_JOBS)
        before = world.sandbox.state()
        person = harness.Person(world)
        migration = world.migrate()
        # A job runs, so the migration waits in quiesce with the flows off.
        world.sandbox.act('start-job', flow=world.sandbox.info['flows'][0])
        person.answer(person.work_until_asked(migration, 'ISSUE_TOKEN'))
        world.wait_step(migration, 'QUIESCE')
        world.keyturn('cancel', migration)
        shown = world.wait(migration)
        self.assertEqual(shown['state'], 'ROLLED_BACK', harness.describe(shown))
        self.assert_as_before(world, before)
        self.assertTrue(shown['leftToDo'])
        tasks = world.open_tasks()
        self.assertEqual({task['step'] for task in tasks}, {'ISSUE_TOKEN', 'ASSIGN_ROLE'})
        self.assertEqual({task['blocking'] for task in tasks}, {False})
        for task in tasks:
            person.answer(task)
        self.assertEqual(world.open_tasks(), [])
        self.assertEqual(harness.live_tokens(world.sandbox.state()), [])
        # The same connection may be migrated again.
        again = person.work_to_the_end(world.migrate())
        self.assertEqual(again['state'], 'SUCCEEDED', harness.describe(again))

    def test_paused_and_resumed(self):
        world = self.world()
        before = world.sandbox.state()
        person = harness.Person(world)
        migration = world.migrate()
        task = person.work_until_asked(migration, 'ISSUE_TOKEN')
        world.keyturn('pause', migration)
        self.assertEqual(world.wait(migration, ('PAUSED',))['state'], 'PAUSED')
        # A token that comes while paused is kept, and nothing goes on.
        person.answer(task)
        self.assertEqual(world.show(migration)['state'], 'PAUSED')
        self.assert_connection_untouched(world, before)
        world.kill_daemon()
        world.start_daemon()
        self.assertEqual(world.show(migration)['state'], 'PAUSED')
        world.keyturn('pause', migration, expect=harness.REFUSED)
        world.keyturn('resume', migration)
        self.assert_switched(world, before, world.wait(migration))

    def test_a_drain_that_takes_too_long_is_the_operators_choice(self):
        world = self.world(switches={'job_run_ms': '600000', 'job_queue_ms': '30'})
        before = world.sandbox.state()
        flow = world.sandbox.info['flows'][0]
        job = world.sandbox.act('start-job', flow=flow)['_jobId']
        spec = world.spec({'approvals: 0': 'approvals: 0\ndrainWithin: 1s'})
        migration = world.migrate(spec)
        shown = harness.Person(world).work_to_the_end(migration)
        self.assertEqual(shown['state'], 'NEEDS_ATTENTION', harness.describe(shown))
        attention = shown['attention']
        self.assertEqual(attention['reason'], 'DRAIN_TIMEOUT')
        self.assertEqual(attention['owner'], 'operator')
        self.assertIn(job, attention['message'])
        ways = ' '.join(attention['waysOut'])
        for way in ('keyturn retry', 'keyturn cancel', 'by hand in Celigo'):
            self.assertIn(way, ways)
        world.keyturn('cancel', migration)
        shown = world.wait(migration)
        self.assertEqual(shown['state'], 'ROLLED_BACK', harness.describe(shown))
        self.assertEqual(world.flow_states(), world.flow_states(before))
        self.assert_connection_untouched(world, before)
        self.assertEqual(world.sandbox.state()['lost_records'], 0)

    def test_paused_while_draining(self):
        world = self.world(switches=SLOW_JOBS)
        before = world.sandbox.state()
        person = harness.Person(world)
        migration = world.migrate()
        world.sandbox.act('start-job', flow=world.sandbox.info['flows'][0])
        person.answer(person.work_until_asked(migration, 'ISSUE_TOKEN'))
        world.wait_step(migration, 'QUIESCE')
        world.keyturn('pause', migration)
        world.wait(migration, ('PAUSED',))
        world.keyturn('resume', migration)
        self.assert_switched(world, before, world.wait(migration))


class RollBackTest(harness.EndToEndTest):

    def stopped_after_cut_over(self, world, spec):
        """A migration whose connection is switched and whose run in NetSuite fails."""
        person = harness.Person(world)
        migration = world.migrate(spec)
        task = person.work_until_asked(migration, 'ISSUE_TOKEN')
        # Metadata cannot be read through the new connection: verify_connection asks for help.
        world.sandbox.fault('status', '/v1/netsuite/metadata/**', status=422, count=1000)
        person.answer(task)
        shown = person.work_until(
            migration, lambda shown, tasks: tasks or shown['state'] in harness.RESTING)
        self.assertEqual(harness.step_state(shown, 'CUT_OVER'), 'DONE', harness.describe(shown))
        self.assertEqual(world.connection()['netsuite']['authType'], 'token')
        world.sandbox.control('DELETE', '/faults')
        return migration

    def test_goes_back_to_the_old_login_where_it_is_held(self):
        world = self.world(old_login=True)
        before = world.sandbox.state()
        migration = self.stopped_after_cut_over(world, world.spec(name=OLD_LOGIN))
        self.assertTrue(world.show(migration)['plan']['reversibleAfterCutOver'])
        world.keyturn('rollback', migration, '--reason', 'the flows fail')
        shown = world.wait(migration)
        self.assertEqual(shown['state'], 'ROLLED_BACK', harness.describe(shown))
        after = world.sandbox.state()
        changed = harness.differences(world.connection(before), world.connection(after))
        self.assertLessEqual(set(changed), self.BY_THE_SERVER)
        self.assertEqual(world.flow_states(after), world.flow_states(before))
        self.assertEqual(after['lost_records'], 0)
        self.assertFalse(world.connection(after)['offline'])

    def test_without_the_old_login_it_is_one_way_and_says_so(self):
        world = self.world()
        migration = self.stopped_after_cut_over(world, world.spec())
        shown = world.show(migration)
        self.assertFalse(shown['plan']['reversibleAfterCutOver'])
        self.assertTrue(shown['plan']['reversibility'])
        answer = world.keyturn('rollback', migration, expect=harness.REFUSED)
        self.assertIn('old login', answer.err)
        world.keyturn('cancel', migration, expect=harness.REFUSED)
        self.assertEqual(world.connection()['netsuite']['authType'], 'token')
        shown = harness.Person(world).work_to_the_end(migration)
        self.assertEqual(shown['state'], 'SUCCEEDED', harness.describe(shown))

    def test_where_celigo_refuses_passwords_it_turns_forward_again(self):
        world = self.world(old_login=True)
        before = world.sandbox.state()
        migration = self.stopped_after_cut_over(world, world.spec(name=OLD_LOGIN))
        world.sandbox.switch(put_basic='refused')
        world.keyturn('rollback', migration)
        shown = harness.Person(world).work_to_the_end(migration)
        self.assert_switched(world, before, shown)
        self.assertIn('cannot go back', world.keyturn('history', migration).out)


if __name__ == '__main__':
    harness.main()
