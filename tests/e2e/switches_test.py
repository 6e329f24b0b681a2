"""One migration for every open question of the fact sheets, answered the other
way than the sandbox's default.

SUCCEEDS: no answer may matter. ENDS names the others: what the migration ends
in, and the words that say what to do.
"""

import sys

import harness

# What a person does is done by one, and what needs no person is not asked of one.
CELIGO = [
    ('ping_failure', 'envelope_4xx'), ('ping_failure_status', '401'), ('ping_error_code', 'number'), ('ping_success', 'empty_200'),
    ('ping_success', 'empty_204'), ('ping_delay_ms', '700'), ('mask_in_put', 'keep'),
    ('mask_in_put', 'refuse'), ('iclient_mask_in_put', 'literal'), ('put_basic', 'refused'),
    ('put_answer', 'empty_200'), ('put_answer', 'empty_204'), ('omitted_login_in_put', 'kept'),
    ('read_only_fields_in_put', 'dropped'), ('put_defaults', 'filled_in'),
    ('put_tests_connection', 'yes'), ('leftover_basic_fields', 'harmful'),
    ('wsdl_normalised', 'no'), ('concurrency_licence', '2'), ('iclient_ref_check', 'no'),
    ('iclient_connector_check', 'yes'), ('malformed_id_status', '400'),
    ('connection_patch_answer', '200'), ('flow_patch_answer', '200'),
    ('patch_refusal_status', '400'), ('persist_settings', 'unchanged'),
    ('persist_settings', 'refused'), ('persist_settings', 'forbidden'),
    ('ia1_flow_patch', 'refused'), ('enable_starts_run', 'yes'), ('schedule_period_ms', '900'),
    ('connection_jobs_endpoint', 'forbidden'), ('connection_jobs_endpoint', 'missing'),
    ('tile_connections', 'registered'), ('queue_fields', 'queues'),
    ('test_run_answer', 'metadata'), ('test_run_listed', 'no'), ('run_status', '200'), ('run_disabled_status', '400'), ('run_offline', 'refused'),
    ('test_run', 'refused'), ('test_run_status', '201'), ('test_run_job', 'running'),
    ('test_run_detail', 'base64'), ('job_advance', 'poll'),
    ('jobs_on_credential_change', 'continue'), ('cancel_answer', '204'),
    ('cancel_terminal_status', '404'), ('page_size', '2'), ('page_cursor', 'skip'),
    ('link_host', 'other'), ('next_page_url', 'api_path'), ('next_page_url', 'absolute'),
    ('empty_list', '200'), ('error_form', 'message'), ('error_form', 'error'),
    ('error_form', 'strings'), ('error_form', 'text'), ('etag', 'yes'), ('rate_limit', 'off'),
    ('rate_limit_bucket', '5'), ('rate_limit_per_second', '20'), ('audit_masks_secrets', 'no'),
    ('environments', 'feature_not_enabled'), ('metadata_failure', 'errors_200'),
    ('basic_login', 'refused'), ('celigo_latency_ms', '40')]
NETSUITE = [
    ('roles_sublist', 'append'), ('give_access_needs_password', 'yes'),
    ('employee_patch_status', '200'), ('feature_off_answer', 'forbidden_403'),
    ('rest_permission_missing', '403'), ('audience_status', '401'),
    ('www_authenticate', 'by_cause'), ('www_authenticate', 'absent'), ('error_type_url', 'old'),
    ('tokeninfo_keys', 'lower'), ('tokeninfo_keys', 'snake'), ('revoke_status', '204'),
    ('request_token_seconds', '5'), ('authorization_flow', 'missing'), ('flow_permission', 'any'),
    ('issuetoken_two_factor', 'refused'), ('token_limit', '2'), ('token_limit_scope', 'user'),
    ('token_limit_counts_inactive', 'yes'), ('token_limit_for_screen', 'no'),
    ('oauth_token_table', 'hidden'), ('oauth_token_table', 'empty'),
    ('oauth_token_names', 'ids'), ('oauth_token_names', 'numbered'), ('role_tables', 'all'),
    ('role_tables', 'none'), ('role_tables', 'empty'), ('role_tables', 'no_permissions'),
    ('suiteql_values', 'native'), ('suiteql_columns', 'upper'), ('roles_form', 'links'),
    ('roles_form', 'bare'), ('roles_form', 'pages'), ('field_case', 'lower'),
    ('issuetoken_keys', 'lower'), ('suiteql_params', 'accepted'), ('session_cookie', 'no'),
    ('nonce_scope', 'account'), ('nonce_seconds', '60'), ('timestamp_backwards', 'refused'),
    ('clock_skew_seconds', '200'), ('lockout', 'off'), ('netsuite_latency_ms', '40'),
    ('new_tba_integrations', 'refused')]
# Pairs that need each other.
TOGETHER = {('rate_limit_per_second', '20'): {'rate_limit_bucket': '5'},
            ('ping_failure_status', '401'): {'ping_failure': 'envelope_4xx'}}

# (switch, answer): (state, words of failure, attention, or of a refused request).
ENDS = {
    ('connector_put', 'refused'): ('ROLLED_BACK', 'writing the connection'),
    ('iclients_endpoint', 'forbidden'): ('REFUSED', 'iclient'),
    ('iclients_endpoint', 'missing'): ('REFUSED', 'iclient'),
    ('iclients_endpoint', 'empty'): ('REFUSED', 'iclient'),
    ('enable_flow', 'subscription_required'): ('TASK', 'Switch these flows on'),
    ('enable_flow', 'entitlement_reached'): ('TASK', 'Switch these flows on'),
    ('roles_sublist', 'replace'): ('NEEDS_ATTENTION', 'has lost roles'),
    ('tba_support', 'ended'): ('TASK', 'could not log in'),
}


class SwitchesTest(harness.EndToEndTest):

    def switched(self, case, access):
        name, answer = case
        switches = {**harness.QUICK, name: answer, **TOGETHER.get(case, {})}
        return self.world(switches=switches, access=access)

    def succeeds(self, case, access):
        world = self.switched(case, access)
        before = world.sandbox.state()
        shown = harness.Person(world).work_to_the_end(world.migrate())
        self.assertEqual(shown['state'], 'SUCCEEDED', harness.describe(shown))
        if case[0] in ('concurrency_licence', 'schedule_period_ms', 'enable_starts_run',
                       'basic_login', 'omitted_login_in_put', 'read_only_fields_in_put'):
            # Celigo changes what it is told, starts runs, or had the connection
            # offline before: only the rest can be compared.
            self.assertEqual(world.flow_states(), world.flow_states(before))
            self.assertEqual(world.sandbox.state()['lost_records'], 0)
            return
        self.assert_switched(world, before, shown)

    def ends(self, case):
        state, words = ENDS[case]
        world = self.switched(case, 'tba' if case[0] == 'roles_sublist' else None)
        before = world.sandbox.state()
        if state == 'REFUSED':
            self.assertIn(words, world.migrate(expect=harness.REFUSED).err)
            self.assert_connection_untouched(world, before)
            return
        person = harness.Person(world)
        migration = world.migrate()
        if state == 'TASK':
            task = person.work_until_problem(migration)
            self.assertIn(words, task['title'] + task['problem'])
            self.assertEqual(world.sandbox.state()['lost_records'], 0)
            return
        shown = person.work_to_the_end(migration)
        self.assertEqual(shown['state'], state, harness.describe(shown))
        self.assertIn(words, str(shown.get('attention')) + shown['failure'])
        self.assert_connection_untouched(world, before)
        self.assertEqual(world.flow_states(), world.flow_states(before))
        if state == 'NEEDS_ATTENTION':
            self.assertTrue(shown['attention']['waysOut'])


class CeligoSwitchesTest(SwitchesTest):

    def test_celigos_open_questions_do_not_matter(self):
        self.each(CELIGO, lambda case: self.succeeds(case, None))


class NetSuiteSwitchesTest(SwitchesTest):

    def test_netsuites_open_questions_do_not_matter(self):
        self.each(NETSUITE, lambda case: self.succeeds(case, 'tba'))

    def test_the_others_end_in_a_state_that_says_what_to_do(self):
        self.each(ENDS, self.ends)

    def test_no_switch_is_forgotten(self):
        table = self.world(accounts=False).sandbox.control('GET', '/switches')['switches']
        known = {name for name, _ in CELIGO + NETSUITE} | {name for name, _ in ENDS}
        # How fast jobs go is set by every test.
        self.assertEqual(set(table) - known, {'job_queue_ms', 'job_run_ms'})
        self.assertEqual(known - set(table), set())


if __name__ == '__main__':
    sys.exit(harness.main())
