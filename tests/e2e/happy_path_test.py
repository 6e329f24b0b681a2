"""The seed's migration, from password to token, with and without access to NetSuite."""

import harness

STEPS = ['PREFLIGHT', 'APPROVE', 'ENABLE_TBA', 'CREATE_ROLE', 'ASSIGN_ROLE', 'ISSUE_TOKEN',
         'TEST_CANDIDATE', 'QUIESCE', 'CUT_OVER', 'VERIFY_CONNECTION', 'VERIFY_FLOWS',
         'RESUME_FLOWS', 'PROVE_TRAFFIC', 'FINISH']


class HappyPathTest(harness.EndToEndTest):

    def migrate_and_follow(self, world):
        """As the quick start does it: `migrate` stays until the end."""
        before = world.sandbox.state()
        world.administrator()
        followed = world.keyturn('migrate', '-f', world.spec(), '--yes', '--progress', 'quiet')
        migrations = world.keyturn('list').json['migrations']
        self.assertEqual(len(migrations), 1)
        self.assertIn('SUCCEEDED', followed.out)
        migration = migrations[0]['name'].split('/')[1]
        shown = world.show(migration)
        return shown, self.assert_switched(world, before, shown)

    def test_without_access_people_do_the_netsuite_part(self):
        world = self.world()
        shown, _ = self.migrate_and_follow(world)
        self.assertEqual([step['name'] for step in shown['steps']], STEPS)
        self.assertEqual({step['state'] for step in shown['steps']}, {'DONE'})
        tasks = world.keyturn('task', 'list', '--all').json['tasks']
        self.assertEqual([task['step'] for task in tasks],
                         ['ENABLE_TBA', 'CREATE_ROLE', 'ASSIGN_ROLE', 'ISSUE_TOKEN'])
        self.assertEqual({task['state'] for task in tasks}, {'DONE'})
        self.assertEqual(world.open_tasks(), [])

    def test_with_a_tba_credential_the_daemon_assigns_the_role_and_proves_the_token(self):
        world = self.world(access='tba')
        shown, after = self.migrate_and_follow(world)
        tasks = world.keyturn('task', 'list', '--all').json['tasks']
        self.assertEqual([task['step'] for task in tasks], ['CREATE_ROLE', 'ISSUE_TOKEN'])
        self.assert_roles_were_kept(world, after)
        proofs = {proof['what']: proof['value'] for step in shown['steps']
                  if step['name'] == 'ISSUE_TOKEN' for proof in step['proofs']}
        self.assertEqual(proofs['application'], world.sandbox.info['application'])
        self.assertEqual(proofs['role'], world.sandbox.info['role'])
        self.assertEqual(proofs['revoked'], 'no')

    def test_with_an_m2m_credential_the_feature_is_a_persons_word(self):
        world = self.world(access='m2m')
        _, after = self.migrate_and_follow(world)
        tasks = world.keyturn('task', 'list', '--all').json['tasks']
        self.assertEqual([task['step'] for task in tasks],
                         ['ENABLE_TBA', 'CREATE_ROLE', 'ISSUE_TOKEN'])
        self.assert_roles_were_kept(world, after)

    def assert_roles_were_kept(self, world, after):
        account = after['netsuite'][world.sandbox.info['netsuite']['account_id']]
        ids = {role['name']: role['id'] for role in account['roles']}
        employee = [employee for employee in account['employees']
                    if employee['email'] == world.sandbox.info['user']][0]
        self.assertIn(ids[world.sandbox.info['role']], employee['roles'])
        self.assertIn(ids['Celigo Jira Connector'], employee['roles'])

    def test_the_outside_calls_are_those_of_a_careful_person(self):
        world = self.world()
        world.sandbox.forget_calls()
        self.migrate_and_follow(world)
        requests = world.sandbox.state()['requests']['by_endpoint']
        self.assertEqual(requests['PUT /v1/connections/:id'], 1)
        self.assertEqual(requests['POST /v1/connections/ping'], 1)
        self.assertEqual(requests['POST /v1/connections/:id/ping'], 1)
        self.assertEqual(requests['POST /v1/flows/:id/run'], 1)
        self.assertEqual(requests['POST /v1/flows/:id/test/run'], 5)
        # Four flows are on: each is switched off once and on once.
        self.assertEqual(
            requests['PUT /v1/integrations/:id/settings/persistSettings'], 8)

    def test_output_as_json_has_the_documented_shapes(self):
        world = self.world()
        plan = world.keyturn('plan', '-f', world.spec()).json
        self.assertEqual(world.keyturn('list').json['migrations'], [])
        found = world.keyturn('discover', 'acme').json['connections']
        ours = [entry for entry in found if entry['id'] == world.sandbox.info['connection']]
        self.assertEqual(ours[0]['authType'], 'basic')
        self.assertTrue(ours[0]['migratable'])
        self.assertEqual(ours[0]['recipe'], 'jira')
        shown, _ = self.migrate_and_follow(world)
        migration = shown['name'].split('/')[1]
        planned = plan.get('plan', plan)
        self.assertEqual(planned['changes'], shown['plan']['changes'])
        self.assertEqual({change['field'] for change in planned['changes']}, self.INTENDED)

        report = world.keyturn('report', migration).json
        self.assertEqual(report['state'], 'SUCCEEDED')
        self.assertTrue(report['leftToDo'])
        events = world.history(migration)
        self.assertEqual([int(event['sequence']) for event in events],
                         list(range(1, len(events) + 1)))
        self.assertEqual(events[0]['kind'], 'CREATED')
        self.assertEqual(events[-1]['kind'], 'SUCCEEDED')
        tasks = world.keyturn('task', 'list', '--all').json['tasks']
        token = [task for task in tasks if task['step'] == 'ISSUE_TOKEN'][0]
        self.assertTrue(token['tokenName'].startswith('keyturn-'), token['tokenName'])
        self.assertEqual(world.keyturn('task', 'show', token['name']).json, token)
        credentials = world.keyturn('credential', 'list').json['credentials']
        labels = {credential['name']: [version['label'] for version in credential['versions']]
                  for credential in credentials}
        self.assertEqual(labels[f'credentials/token-{migration}'], ['CURRENT'])
        # The id may be the short one or the full resource name; streams print
        # one value a line.
        self.assertEqual(world.show(shown['name']), world.show(migration))
        attached = world.keyturn('attach', shown['name'], '--progress', 'json')
        for line in attached.out.splitlines():
            harness.json.loads(line)
        for command in ('show', 'report', 'history'):
            self.assertTrue(world.keyturn(command, shown['name'], output='table').out)
            self.assertTrue(world.keyturn(command, migration, output='yaml').out)


if __name__ == '__main__':
    harness.main()
