"""Somebody ran the seed by hand: `adopt: true` proves it and writes nothing."""

import harness

HAND = 'made by hand'


class AdoptTest(harness.EndToEndTest):

    def do_it_by_hand(self, world):
        """What a person does in NetSuite's and Celigo's screens."""
        info, act = world.sandbox.info, world.sandbox.act
        act('enable-feature')
        act('clone-role', **{'from': 'Celigo Jira Connector', 'name': 'CeligoJiraTBA',
                             'add_permissions': ['ADMI_LOGIN_OAUTH']})
        act('assign-role', user=info['user'], role='CeligoJiraTBA')
        self.switch_by_hand(world)

    def switch_by_hand(self, world):
        info, act = world.sandbox.info, world.sandbox.act
        token = act('create-token', application='High Tech Connectors Token-based Auth',
                    user=info['user'], role='CeligoJiraTBA', name=HAND)
        act('edit-connection', connection=info['connection'],
            set={'netsuite.authType': 'token', 'netsuite.tokenId': token['tokenId'],
                 'netsuite.tokenSecret': token['tokenSecret'],
                 'netsuite._iClientId': info['iclient'],
                 'netsuite.requestLevelCredentials': True},
            remove=['netsuite.email', 'netsuite.password'])

    def adoption(self, world):
        return world.spec({'approvals: 0': 'approvals: 0\nadopt: true'})

    def assert_nothing_written(self, world, before):
        after = world.sandbox.state()
        self.assertEqual(world.connection(after), world.connection(before))
        self.assertEqual(world.flow_states(after), world.flow_states(before))
        self.assertEqual([call for call in world.writes()
                          if call['method'] != 'POST' or '/run' not in call['path']], [])
        # What ran at that moment was cut off by whoever switched it.
        self.assertEqual(after['lost_records'], before['lost_records'])
        self.assertEqual(harness.live_tokens(after), harness.live_tokens(before))
        self.assertEqual(len(harness.live_tokens(after, HAND)), 1)

    def test_what_is_done_is_proved_and_not_repeated(self):
        world = self.world()
        self.do_it_by_hand(world)
        answer = world.migrate(expect=harness.REFUSED)
        self.assertIn('adopt: true', answer.err)
        before = world.sandbox.state()
        world.sandbox.forget_calls()

        shown = world.wait(world.migrate(self.adoption(world)))

        self.assertEqual(shown['state'], 'SUCCEEDED', harness.describe(shown))
        self.assert_nothing_written(world, before)
        self.assertIs(shown['spec']['adopt'], True)
        self.assertFalse(shown['plan'].get('changes'))
        self.assertIn('does not hold the token', ' '.join(shown['leftToDo']))
        names = [credential['name'] for credential
                 in world.keyturn('credential', 'list').json['credentials']]
        self.assertFalse([name for name in names if 'keyturn-' in name or 'token' in name
                          and shown['name'].split('/')[1] in name], names)
        report = world.keyturn('report', shown['name'], output='table').out
        self.assertIn('adopted', report)

    def test_a_cancelled_adoption_changes_nothing(self):
        world = self.world()
        self.do_it_by_hand(world)
        before = world.sandbox.state()
        world.sandbox.forget_calls()
        world.sandbox.switch(job_run_ms='600000')
        migration = world.migrate(self.adoption(world))
        world.wait_step(migration, 'PROVE_TRAFFIC')
        world.keyturn('cancel', migration)
        shown = world.wait(migration)
        self.assertEqual(shown['state'], 'ROLLED_BACK', harness.describe(shown))
        self.assert_nothing_written(world, before)

    def test_a_connection_on_its_password_is_not_adopted(self):
        world = self.world()
        before = world.sandbox.state()
        answer = world.keyturn('plan', '-f', self.adoption(world), expect=harness.REFUSED)
        self.assertIn('nothing to adopt', answer.err)
        self.assert_celigo_untouched(world, before)

    def test_overtaken_by_hand_it_goes_back_and_is_adopted(self):
        world = self.world()
        person = harness.Person(world)
        migration = world.migrate()
        task = person.work_until_asked(migration, 'ISSUE_TOKEN')
        self.switch_by_hand(world)
        before = world.sandbox.state()
        person.answer(task)
        shown = person.work_to_the_end(migration)
        self.assertEqual(shown['state'], 'ROLLED_BACK', harness.describe(shown))
        self.assertIn('adopt: true', shown['failure'])
        self.assertIn('plan again', shown['failure'])
        self.assertEqual(world.connection(), world.connection(before))
        shown = world.wait(world.migrate(self.adoption(world)))
        self.assertEqual(shown['state'], 'SUCCEEDED', harness.describe(shown))
        self.assertEqual(world.connection(), world.connection(before))


if __name__ == '__main__':
    harness.main()
