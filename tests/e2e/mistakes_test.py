"""Every mistake that the people in NetSuite can make is found before Celigo's
document is touched, is said in words, and once mended the migration goes on."""

import harness

# What the report must say, where NetSuite can be asked: the right cause.
CAUSE_WITH_ACCESS = {
    'wrong_role': 'made for another role',
    'wrong_application': 'made for another application',
    'missing_permission': 'Log in using Access Tokens',
    'integration_blocked': 'blocked',
    'feature_off': 'Token-Based Authentication',
    'secret_mistyped': 'mistyped',
}
# Where it cannot be asked, the causes that an administrator looks through.
CAUSE_WITHOUT_ACCESS = {
    'wrong_role': 'another application, user or role',
    'wrong_application': 'another application, user or role',
    'missing_permission': 'Log in using Access Tokens',
    'integration_blocked': 'blocked',
    'feature_off': 'Token-Based Authentication off',
    'secret_mistyped': 'mistyped token id or secret',
}


class MistakesTest(harness.EndToEndTest):

    def check(self, mistake, access, causes):
        world = self.world(access=access)
        if access and mistake == 'feature_off':
            world.sandbox.act('disable-feature')
        world.sandbox.forget_calls()
        before = world.sandbox.state()
        person = harness.Person(world, mistake)
        migration = world.migrate()
        task = person.work_until_problem(migration)
        while person.mistakes:  # The probe saw the state of things before anybody did anything.
            person.answer(task)
            task = person.work_until_problem(migration)
        self.assertIn(causes[mistake], task['problem'])
        self.assertTrue(task['instructions'])
        self.assertTrue(task['menuPath'])
        self.assert_celigo_untouched(world, before)
        self.assert_switched(world, before, person.work_to_the_end(migration))

    def test_without_access_celigos_own_test_finds_it(self):
        self.each(harness.MISTAKES,
                  lambda mistake: self.check(mistake, None, CAUSE_WITHOUT_ACCESS))

    def test_with_access_the_right_cause_is_named(self):
        self.each(harness.MISTAKES,
                  lambda mistake: self.check(mistake, 'tba', CAUSE_WITH_ACCESS))

    def test_with_access_the_problem_is_found_at_the_step_that_it_belongs_to(self):
        for mistake, step in (('missing_permission', 'CREATE_ROLE'),
                              ('wrong_role', 'ISSUE_TOKEN'),
                              ('wrong_application', 'ISSUE_TOKEN')):
            with self.subTest(mistake=mistake):
                world = self.world(access='tba')
                person = harness.Person(world, mistake)
                task = person.work_until_problem(world.migrate())
                self.assertEqual(task['step'], step)

    def test_refused_tests_of_several_connections_do_not_close_the_account(self):
        # Celigo may answer 401 where it is the connection that could not log in.
        world = self.world(options=['--seed', 'many', '--connections', '4'],
                           switches={**harness.QUICK, 'ping_failure': 'envelope_4xx',
                                     'ping_failure_status': '401', 'ping_delay_ms': '2000'})

        def check(entry):
            person = harness.Person(world, 'secret_mistyped')
            task = person.work_until_problem(world.migrate(entry['spec']))
            self.assertIn('could not log in', task['problem'])
            self.assertEqual(task['step'], 'TEST_CANDIDATE')
        self.each(world.sandbox.info['connections'], check)

    def test_a_secret_that_was_cut_off_is_found_without_a_login(self):
        def check(access):
            world = self.world(access=access)
            before = world.sandbox.state()
            person = harness.Person(world)
            migration = world.migrate()
            asked = person.work_until_asked(migration, 'ISSUE_TOKEN')
            token = person.token(asked)
            person.hand_in(asked, {**token, 'tokenSecret': token['tokenSecret'][:-1]})
            task = person.work_until_problem(migration)
            self.assertEqual(task['step'], 'ISSUE_TOKEN')
            self.assertIn('63 characters', task['problem'])
            self.assert_celigo_untouched(world, before)
            self.assertFalse([call for call in world.sandbox.calls()
                              if call['path'].endswith('/ping')])
            person.hand_in(task, token)
            self.assert_switched(world, before, person.work_to_the_end(migration))
        self.each([None, 'tba'], check)

    def test_an_access_of_our_own_that_is_refused_stops_nothing(self):
        world = self.world(access='tba')
        world.sandbox.act('revoke-token', name='Keyturn - Keyturn Access, Keyturn Access')
        before = world.sandbox.state()
        shown = harness.Person(world).work_to_the_end(world.migrate())
        self.assert_switched(world, before, shown)
        refused = [call for call in world.sandbox.calls() if call['status'] == 401]
        self.assertEqual(len(refused), 2, 'five refused logins lock a user out')

    def test_all_mistakes_one_after_the_other(self):
        def check(access):
            world = self.world(access=access)
            before = world.sandbox.state()
            world.administrator(*harness.MISTAKES)
            self.assert_switched(world, before, world.wait(world.migrate()))
        self.each([None, 'tba'], check)


if __name__ == '__main__':
    harness.main()
