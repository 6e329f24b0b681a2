#include "tests/sandbox/switches.h"

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <iterator>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tests/sandbox/text.h"

namespace keyturn::sandbox {
namespace {

constexpr SwitchRow kCeligoRows[] = {
    {"ping_failure",
     {"errors_200", "envelope_4xx"},
     0,
     "form of a failed ping: 200 with errors[], or 4xx with the envelope"},
    {"ping_failure_status",
     {"number"},
     422,
     "status of a failed ping that comes as 4xx"},
    {"ping_error_code",
     {"text", "number"},
     0,
     "code inside a failed ping's errors[]: INVALID_LOGIN_ATTEMPT or 401"},
    {"ping_success",
     {"code", "empty_200", "empty_204"},
     0,
     "body of a good ping: {\"code\":200}, empty with 200, empty with 204"},
    {"ping_delay_ms", {"number"}, 0, "how long a ping takes"},
    {"mask_in_put",
     {"literal", "keep", "refuse"},
     0,
     "PUT of a connection with ******: stored as it is, old secret kept, or "
     "422"},
    {"iclient_mask_in_put",
     {"keep", "literal"},
     0,
     "PUT of an iClient with ******"},
    {"put_basic",
     {"accepted", "refused"},
     0,
     "PUT of a connection with authType basic: taken, or 422 "
     "netsuite_wsdl_tba_mandatory"},
    {"connector_put",
     {"accepted", "refused"},
     0,
     "PUT of a connector-owned connection by bearer token: taken, or 403"},
    {"put_answer",
     {"document", "empty_200", "empty_204"},
     0,
     "PUT of a connection: answered with the document, or with nothing"},
    {"omitted_login_in_put",
     {"erased", "kept"},
     0,
     "login fields left out of a PUT: erased like any other, or kept"},
    {"read_only_fields_in_put",
     {"kept", "dropped"},
     0,
     "read-only netsuite fields in a PUT: as they were, or gone"},
    {"put_defaults",
     {"left_out", "filled_in"},
     0,
     "environment and concurrencyLevel left out of a PUT: stay so, or get "
     "their defaults"},
    {"put_tests_connection",
     {"no", "yes"},
     0,
     "whether PUT itself tests the connection and sets offline"},
    {"leftover_basic_fields",
     {"ignored", "harmful"},
     0,
     "email/password left in a token connection: no matter, or login fails"},
    {"wsdl_normalised",
     {"yes", "no"},
     0,
     "whether PUT turns an old wsdlVersion into latest"},
    {"concurrency_licence", {"number"}, 25, "concurrencyLevel is cut to this"},
    {"iclient_ref_check",
     {"yes", "no"},
     0,
     "PUT with an unknown _iClientId: 422 invalid_ref, or taken"},
    {"iclient_connector_check",
     {"no", "yes"},
     0,
     "PUT with an iClient that is not the connector's: taken, or 422"},
    {"iclients_endpoint",
     {"open", "forbidden", "missing", "empty"},
     0,
     "GET /v1/connections/:id/iclients by bearer token: 200, 403, 404, or no "
     "entries"},
    {"connection_jobs_endpoint",
     {"open", "forbidden", "missing"},
     0,
     "GET /v1/connections/:id/jobs by bearer token: 200, 403, 404"},
    {"tile_connections",
     {"owned", "registered"},
     0,
     "GET /v1/integrations/:id/connections of an IA 1.0 tile: what it owns, or "
     "what is registered, which is nothing"},
    {"queue_fields",
     {"both", "queues"},
     0,
     "fetchQueueSize: queueSize and queues, or queues alone"},
    {"malformed_id_status",
     {"number"},
     422,
     "status of invalid_ref for an id that is not 24 hex digits"},
    {"connection_patch_answer",
     {"204", "200"},
     0,
     "PATCH of a connection: empty, or the document"},
    {"flow_patch_answer",
     {"204", "200"},
     0,
     "PATCH of a flow: empty, or the document"},
    {"patch_refusal_status",
     {"number"},
     422,
     "status for a PATCH path that is not on the list"},
    {"persist_settings",
     {"changes", "unchanged", "refused", "forbidden"},
     0,
     "persistSettings of an IA 1.0 flow: changes it; says success and does "
     "nothing; 422; 403"},
    {"ia1_flow_patch",
     {"accepted", "refused"},
     0,
     "direct PATCH of /disabled on an IA 1.0 flow: taken, or 422"},
    {"enable_flow",
     {"accepted", "subscription_required", "entitlement_reached"},
     0,
     "what enabling a flow by PATCH or PUT answers"},
    {"enable_starts_run",
     {"no", "yes"},
     0,
     "whether enabling a scheduled flow starts it at once"},
    {"schedule_period_ms",
     {"number"},
     0,
     "an enabled flow with a schedule starts this often; 0: never"},
    {"run_status", {"201", "200"}, 0, "POST /flows/:id/run"},
    {"run_disabled_status",
     {"number"},
     422,
     "status of inactive_flow when a disabled flow is run"},
    {"run_offline",
     {"queues", "refused"},
     0,
     "run over an offline connection: stays queued, or 422"},
    {"test_run",
     {"supported", "refused"},
     0,
     "test run of an IA 1.0 flow: works, or 422"},
    {"test_run_status", {"200", "201"}, 0, "POST /flows/:id/test/run"},
    {"test_run_job",
     {"finished", "running"},
     0,
     "flowJob in the answer of a test run: ended, or to be polled"},
    {"test_run_answer",
     {"with_jobs", "metadata"},
     0,
     "answer of a test run: names its jobs, or not"},
    {"test_run_listed",
     {"yes", "no"},
     0,
     "GET /v1/jobs/:id of a test run's job: the job, or 404"},
    {"test_run_detail",
     {"json", "base64"},
     0,
     "body of a test run's step: JSON, or a base64 string of it"},
    {"job_queue_ms", {"number"}, 300, "how long a job stays queued"},
    {"job_run_ms", {"number"}, 1500, "how long a job runs"},
    {"job_advance",
     {"time", "poll"},
     0,
     "jobs move on with the clock, or one state per read"},
    {"jobs_on_credential_change",
     {"lose", "continue"},
     0,
     "a running job whose connection changes under it: fails and loses its "
     "records, or goes on"},
    {"cancel_answer", {"200", "204"}, 0, "PUT /jobs/:id/cancel"},
    {"cancel_terminal_status",
     {"number"},
     422,
     "cancelling a job that has ended"},
    {"page_size", {"number"}, 100, "entries per page when none is asked"},
    {"page_cursor",
     {"after", "skip"},
     0,
     "form of the next page's address in lists"},
    {"link_host",
     {"own", "other"},
     0,
     "host in Link and nextPageURL: ours, or another one"},
    {"next_page_url",
     {"path", "api_path", "absolute"},
     0,
     "nextPageURL: /v1/…, /api/…, or a whole URL"},
    {"empty_list", {"204", "200"}, 0, "an empty list: 204 without body, or []"},
    {"error_form",
     {"envelope", "message", "error", "strings", "text"},
     0,
     "body of Celigo's errors"},
    {"etag", {"no", "yes"}, 0, "whether documents come with an ETag"},
    {"rate_limit", {"on", "off"}, 0, "the account's bucket"},
    {"rate_limit_bucket", {"number"}, 1000, "size of the bucket"},
    {"rate_limit_per_second", {"number"}, 300, "how fast it fills"},
    {"audit_masks_secrets",
     {"yes", "no"},
     0,
     "whether audit entries mask secrets"},
    {"environments",
     {"enabled", "feature_not_enabled"},
     0,
     "GET /v1/environments"},
    {"metadata_failure",
     {"envelope_4xx", "errors_200"},
     0,
     "metadata read over a bad connection"},
    {"basic_login",
     {"accepted", "refused"},
     0,
     "whether NetSuite still lets basic connections in"},
    {"celigo_latency_ms", {"number"}, 0, "added to every Celigo answer"},
};

constexpr SwitchRow kNetsuiteRows[] = {
    {"roles_sublist",
     {"keyed", "append", "replace"},
     0,
     "PATCH of an employee's roles: merged by role, always appended, or the "
     "whole list replaced"},
    {"give_access_needs_password",
     {"no", "yes"},
     0,
     "PATCH giveAccess true on an employee without access: taken, or 400"},
    {"employee_patch_status", {"204", "200"}, 0, "PATCH employee"},
    {"feature_off_answer",
     {"generic_401", "forbidden_403"},
     0,
     "what a caller sees while TBA is off"},
    {"rest_permission_missing",
     {"401", "403"},
     0,
     "role without REST Web Services: INVALID_LOGIN or "
     "INSUFFICIENT_PERMISSION"},
    {"audience_status",
     {"403", "401"},
     0,
     "RESTlet whose audience does not hold the role"},
    {"www_authenticate",
     {"fixed", "by_cause", "absent"},
     0,
     "header WWW-Authenticate of a 401"},
    {"error_type_url", {"new", "old"}, 0, "`type` of a REST error"},
    {"tokeninfo_keys",
     {"camel", "lower", "snake"},
     0,
     "companyName, companyname or company_name"},
    {"issuetoken_keys",
     {"camel", "lower", "snake"},
     0,
     "tokenId, tokenid or token_id"},
    {"revoke_status", {"200", "204"}, 0, "GET /rest/revoketoken"},
    {"request_token_seconds", {"number"}, 600, "life of a request token"},
    {"authorization_flow",
     {"offered", "missing"},
     0,
     "/rest/requesttoken: works, or 405 with empty body"},
    {"flow_permission",
     {"own_tokens", "any"},
     0,
     "role of the three-step flow needs User Access Tokens, or any token "
     "permission"},
    {"issuetoken_two_factor",
     {"code", "refused"},
     0,
     "issuetoken for a role that requires 2FA: nlauth_otp works, or never"},
    {"token_limit", {"number"}, 25, "active tokens; 0: no limit"},
    {"token_limit_scope", {"user_role", "user"}, 0, "what it counts over"},
    {"token_limit_counts_inactive",
     {"no", "yes"},
     0,
     "whether inactive tokens count"},
    {"token_limit_for_screen",
     {"yes", "no"},
     0,
     "whether it holds for tokens made on the screen"},
    {"oauth_token_table",
     {"visible", "hidden", "empty"},
     0,
     "SuiteQL table oAuthToken for a role that manages tokens; empty: no rows "
     "for anybody"},
    {"oauth_token_names",
     {"names", "ids", "numbered"},
     0,
     "raw Entity_Name, Role_Name of oAuthToken; BUILTIN.DF always names; "
     "numbered: the user's with a number before it"},
    {"role_tables",
     {"by_permission", "all", "none", "empty", "no_permissions"},
     0,
     "who may read role and rolepermissions; empty: no rows for anybody; "
     "no_permissions: rolepermissions has none"},
    {"suiteql_values",
     {"text", "native"},
     0,
     "values in SuiteQL rows: all text, or numbers and booleans as such"},
    {"suiteql_columns", {"lower", "upper"}, 0, "column names in SuiteQL rows"},
    {"roles_form",
     {"lines", "links", "bare", "pages"},
     0,
     "employee/ID/roles: lines, links to lines, lines with a bare role id, or "
     "one line a page"},
    {"field_case",
     {"camel", "lower"},
     0,
     "selectedRole or selectedrole in the employee record"},
    {"suiteql_params",
     {"refused", "accepted"},
     0,
     "array params in the body of suiteql"},
    {"session_cookie",
     {"yes", "no"},
     0,
     "whether answers set JSESSIONID (sent back, it spoils a TBA call)"},
    {"nonce_scope", {"token", "account"}, 0, "where a nonce is unique"},
    {"nonce_seconds", {"number"}, 900, "how long nonces are remembered"},
    {"timestamp_backwards",
     {"accepted", "refused"},
     0,
     "a timestamp older than the token's last one"},
    {"clock_skew_seconds", {"number"}, 0, "NetSuite's clock runs ahead"},
    {"lockout", {"on", "off"}, 0, "five failures lock a user for 30 minutes"},
    {"netsuite_latency_ms",
     {"number"},
     0,
     "how long a call takes; it holds a concurrency slot meanwhile"},
    {"new_tba_integrations",
     {"allowed", "refused"},
     0,
     "2027.1: integration records are no longer installed by themselves"},
    {"tba_support",
     {"present", "ended"},
     0,
     "2028.1: every TBA login is refused"},
};

// "a, b, c"
std::string Allowed(const SwitchRow& row) {
  std::string text;
  for (const std::string_view answer : row.answers) {
    if (!answer.empty()) {
      absl::StrAppend(&text, text.empty() ? "" : ", ", View(answer));
    }
  }
  return text;
}

}  // namespace

const std::vector<SwitchRow>& SwitchTable() {
  static const auto* const table = [] {
    auto* rows = new std::vector<SwitchRow>(std::begin(kCeligoRows),
                                            std::end(kCeligoRows));
    rows->insert(rows->end(), std::begin(kNetsuiteRows),
                 std::end(kNetsuiteRows));
    return rows;
  }();
  return *table;
}

Switches::Switches() {
  for (const SwitchRow& row : SwitchTable()) {
    values_[std::string(row.name)] = row.answers.front() == "number"
                                         ? std::to_string(row.number)
                                         : std::string(row.answers.front());
  }
}

const std::string& Switches::Get(std::string_view name) const {
  const auto found = values_.find(name);
  if (found == values_.end()) {
    std::cerr << "no switch is named " << name << std::endl;
    std::abort();
  }
  return found->second;
}

bool Switches::Is(std::string_view name, std::string_view answer) const {
  return Get(name) == answer;
}

int64_t Switches::Count(std::string_view name) const {
  int64_t count = 0;
  return absl::SimpleAtoi(Get(name), &count) ? count : 0;
}

absl::Status Switches::Set(const std::string& name, const std::string& answer) {
  for (const SwitchRow& row : SwitchTable()) {
    if (row.name != name) continue;
    int64_t number = 0;
    const bool allowed =
        row.answers.front() == "number"
            ? absl::SimpleAtoi(answer, &number) && number >= 0
            : !answer.empty() &&
                  std::find(row.answers.begin(), row.answers.end(), answer) !=
                      row.answers.end();
    if (!allowed) {
      return absl::InvalidArgumentError(absl::StrCat(
          "switch ", name, " takes ", Allowed(row), ", not \"", answer, "\""));
    }
    values_[name] = answer;
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "there is no switch \"", name, "\"; see GET /control/switches"));
}

Json Switches::ToJson() const {
  Json all = Json::object();
  for (const SwitchRow& row : SwitchTable()) {
    all[std::string(row.name)] = Get(row.name);
  }
  return all;
}

}  // namespace keyturn::sandbox
