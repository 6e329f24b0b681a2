"""Other people and other programs act at the same time, or systems are closed to us."""

import harness


class BehindOurBackTest(harness.EndToEndTest):

    def test_a_document_that_somebody_edited_is_not_overwritten(self):
        world = self.world()
        before = world.sandbox.state()
        person = harness.Person(world)
        migration = world.migrate()
        task = person.work_until_asked(migration, 'ISSUE_TOKEN')
        world.sandbox.act('edit-connection', connection=world.sandbox.info['connection'],
                          set={'netsuite.concurrencyLevel': 9, 'settings.team': 'Sales'})
        edited = world.connection()
        person.answer(task)
        shown = person.work_to_the_end(migration)
        self.assertEqual(shown['state'], 'ROLLED_BACK', harness.describe(shown))
        self.assertIn('netsuite.concurrencyLevel', shown['failure'])
        self.assertEqual(world.connection(), edited)
        self.assertEqual(world.flow_states(), world.flow_states(before))

    def test_a_document_edited_while_flows_drain_is_not_overwritten(self):
        world = self.world(switches={'job_run_ms': '3000', 'job_queue_ms': '30'})
        before = world.sandbox.state()
        person = harness.Person(world)
        migration = world.migrate()
        task = person.work_until_asked(migration, 'ISSUE_TOKEN')
        world.sandbox.act('start-job', flow=world.sandbox.info['flows'][0])
        person.answer(task)
        world.wait_step(migration, 'QUIESCE')
        world.sandbox.act('edit-connection', connection=world.sandbox.info['connection'],
                          set={'netsuite.concurrencyLevel': 9})
        shown = person.work_to_the_end(migration)
        self.assertEqual(shown['state'], 'ROLLED_BACK', harness.describe(shown))
        self.assertEqual(world.connection()['netsuite']['concurrencyLevel'], 9)
        self.assertEqual(world.connection()['netsuite']['authType'], 'basic')
        self.assertEqual(world.flow_states(), world.flow_states(before))
        self.assertEqual(world.sandbox.state()['lost_records'], 0)

    def test_somebody_else_switched_the_connection_meanwhile(self):
        world = self.world()
        person = harness.Person(world)
        migration = world.migrate()
        task = person.work_until_asked(migration, 'ISSUE_TOKEN')
        world.sandbox.act('edit-connection', connection=world.sandbox.info['connection'],
                          set={'netsuite.authType': 'token', 'netsuite.tokenId': 'x' * 64,
                               'netsuite.tokenSecret': 'y' * 64})
        edited = world.connection()
        person.answer(task)
        shown = person.work_to_the_end(migration)
        self.assertIn(shown['state'], ('ROLLED_BACK', 'NEEDS_ATTENTION'), harness.describe(shown))
        # What that person saved does not log in, which Celigo notices by itself.
        self.assertLessEqual(set(harness.differences(edited, world.connection())), {'offline'})

    def test_a_flow_that_was_disabled_stays_so_and_one_deleted_stops_nothing(self):
        world = self.world()
        before = world.flow_states()
        self.assertIn(True, before.values(), 'one flow is disabled from the start')
        shown = harness.Person(world).work_to_the_end(world.migrate())
        self.assertEqual(shown['state'], 'SUCCEEDED', harness.describe(shown))
        self.assertEqual(world.flow_states(), before)

    def test_a_flow_switched_on_by_somebody_during_the_drain_loses_nothing(self):
        world = self.world(switches={'job_run_ms': '3000', 'job_queue_ms': '30'})
        before = world.sandbox.state()
        flow = world.sandbox.info['flows'][0]
        person = harness.Person(world)
        migration = world.migrate()
        world.sandbox.act('start-job', flow=flow)
        person.answer(person.work_until_asked(migration, 'ISSUE_TOKEN'))
        world.wait_step(migration, 'QUIESCE')
        harness.wait_until(lambda: world.flow_states()[flow], 'the flow is switched off')
        world.sandbox.act('edit-flow', flow=flow, set={'disabled': False})
        self.assert_switched(world, before, person.work_to_the_end(migration))

    def test_a_token_revoked_before_the_switch_is_found_and_replaced(self):
        world = self.world(switches={'job_run_ms': '150', 'job_queue_ms': '30'})
        before = world.sandbox.state()
        person = harness.Person(world)
        migration = world.migrate()
        task = person.work_until_asked(migration, 'ISSUE_TOKEN')
        token = person.token(task)
        world.sandbox.act('revoke-token', token_id=token['tokenId'])
        world.sandbox.forget_calls()
        person.hand_in(task, token)
        problem = person.work_until_problem(migration)
        self.assert_celigo_untouched(world, before)
        person.token_is_wrong = True
        person.answer(problem)
        self.assert_switched(world, before, person.work_to_the_end(migration))


class ClosedDoorsTest(harness.EndToEndTest):

    def test_an_explicit_iclient_id_where_the_list_is_closed(self):
        world = self.world(switches={**harness.QUICK, 'iclients_endpoint': 'forbidden'})
        before = world.sandbox.state()
        answer = world.migrate(expect=harness.REFUSED)
        self.assertIn('iclient', answer.err)
        spec = world.spec({'approvals: 0': f"iclient: {world.sandbox.info['iclient']}"})
        shown = harness.Person(world).work_to_the_end(world.migrate(spec))
        self.assert_switched(world, before, shown)

    def test_celigo_that_goes_away_is_waited_for_and_the_state_says_so(self):
        world = self.world()
        before = world.sandbox.state()
        person = harness.Person(world)
        migration = world.migrate()
        task = person.work_until_asked(migration, 'ISSUE_TOKEN')
        world.sandbox.fault('reset_before', '/v1/**', count=100000)
        person.answer(task)

        def said():
            shown = world.show(migration)
            step = [step for step in shown['steps'] if step['name'] == 'TEST_CANDIDATE'][0]
            return shown if step.get('nextAttemptTime') or shown.get('attention') else None
        shown = harness.wait_until(said, 'the state says that Celigo does not answer')
        step = [step for step in shown['steps'] if step['name'] == 'TEST_CANDIDATE'][0]
        self.assertIn('broke before the answer', step['message'] + str(shown.get('attention')))
        world.sandbox.control('DELETE', '/faults')
        world.keyturn('retry', migration)
        self.assert_switched(world, before, person.work_to_the_end(migration))

    def test_a_celigo_token_revoked_on_the_way_needs_attention_until_rotated(self):
        world = self.world()
        before = world.sandbox.state()
        person = harness.Person(world)
        migration = world.migrate()
        task = person.work_until_asked(migration, 'ISSUE_TOKEN')
        world.sandbox.act('revoke-api-token', revoked=True)
        person.answer(task)
        shown = world.wait(migration)
        self.assertEqual(shown['state'], 'NEEDS_ATTENTION', harness.describe(shown))
        self.assertEqual(shown['attention']['reason'], 'OUTSIDE_LOGIN_REFUSED')
        self.assertIn('keyturn credential rotate', str(shown['attention']['waysOut']))
        world.keyturn('attach', migration, '--progress', 'quiet', expect=harness.ATTENTION)
        world.sandbox.act('revoke-api-token', revoked=False)
        world.keyturn('credential', 'rotate', 'acme-celigo', '--from-file',
                      world.sandbox.info['celigo_token_file'])
        world.keyturn('retry', migration)
        self.assert_switched(world, before, person.work_to_the_end(migration))

    def test_a_connection_that_is_offline_already_is_migrated(self):
        world = self.world(switches={**harness.QUICK, 'basic_login': 'refused'})
        before = world.sandbox.state()
        shown = harness.Person(world).work_to_the_end(world.migrate())
        self.assertEqual(shown['state'], 'SUCCEEDED', harness.describe(shown))
        self.assertFalse(world.connection()['offline'])
        self.assertEqual(world.flow_states(), world.flow_states(before))


if __name__ == '__main__':
    harness.main()
