#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tests/sandbox/netsuite.h"
#include "tests/sandbox/oauth1.h"

// Rows 1 to 6 of the contract: the endpoints that make, take away and describe
// access tokens (Oracle help chapter_157017286140, section_156338994830).
namespace keyturn::sandbox {
namespace {

constexpr absl::Duration kTimestampTolerance = absl::Minutes(5);
constexpr size_t kNonceLengthMin = 6;
constexpr size_t kRequestTokensMax = 10000;

Response FormResponse(const std::vector<NameValue>& fields) {
  std::string body;
  for (const auto& [name, value] : fields) {
    absl::StrAppend(&body, body.empty() ? "" : "&", name, "=",
                    PercentEncode(value));
  }
  return TextResponse(200, "text/plain; charset=utf-8", std::move(body));
}

bool CallbackAllowed(std::string_view registered, std::string_view asked) {
  if (registered == asked) return true;
  return registered == "http://localhost:*" &&
         asked.substr(0, 17) == "http://localhost:";
}

// "company_name" from "company", "name" in the spelling that `name` answers.
std::string Spelt(const Switches& switches, std::string_view name,
                  std::string_view first, std::string_view second) {
  const std::string tail(second);
  if (switches.Is(name, "snake")) return std::string(first) + "_" + tail;
  if (switches.Is(name, "lower")) return std::string(first) + tail;
  return std::string(first) + Upper(tail.substr(0, 1)) + tail.substr(1);
}

std::string Key(const Switches& switches, std::string_view first,
                std::string_view second) {
  return Spelt(switches, "tokeninfo_keys", first, second);
}

}  // namespace

absl::StatusOr<AccessToken*> Netsuite::MakeToken(
    NetsuiteAccount& account, int integration, int employee, int role,
    std::string name, std::string created_by, bool on_screen, absl::Time now) {
  if (!account.Has("TBA")) {
    return absl::FailedPreconditionError(
        "Token-based Authentication is not enabled; the page Access Tokens is "
        "not there");
  }
  const int64_t limit = switches_.Count("token_limit");
  if (limit > 0 &&
      (!on_screen || switches_.Is("token_limit_for_screen", "yes"))) {
    const bool by_role = switches_.Is("token_limit_scope", "user_role");
    const bool inactive = switches_.Is("token_limit_counts_inactive", "yes");
    const int64_t active = std::count_if(
        account.tokens.begin(), account.tokens.end(), [&](const auto& entry) {
          const AccessToken& token = entry.second;
          return token.employee == employee && !token.revoked &&
                 (!by_role || token.role == role) &&
                 (inactive || !token.inactive);
        });
    if (active >= limit) {
      return absl::FailedPreconditionError(
          "You have exceeded the number of active access tokens for this "
          "role");
    }
  }
  AccessToken token;
  token.id = random_.Hex(64);
  token.secret = random_.Hex(64);
  token.name = std::move(name);
  token.integration = integration;
  token.employee = employee;
  token.role = role;
  token.created = now;
  token.created_by = std::move(created_by);
  return &account.AddToken(std::move(token));
}

std::string Netsuite::CheckFlowCall(const OAuthHeader& header,
                                    NetsuiteAccount*& account,
                                    Integration*& integration, absl::Time now) {
  const std::string key = header.Field("oauth_consumer_key");
  for (auto& [id, candidate] : accounts_) {
    if (header.Has("realm") && header.Field("realm") != id) continue;
    integration = candidate.FindIntegrationByKey(key);
    if (integration == nullptr) continue;
    account = &candidate;
    break;
  }
  if (account == nullptr) return "UnknownIntegration";
  if (header.Field("oauth_signature_method") != "HMAC-SHA256") {
    return "UnknownAlgorithm";
  }
  if (header.Has("oauth_version") && header.Field("oauth_version") != "1.0") {
    return "VersionRejected";
  }
  int64_t seconds = 0;
  if (!absl::SimpleAtoi(header.Field("oauth_timestamp"), &seconds) ||
      absl::AbsDuration(absl::FromUnixSeconds(seconds) - now) >
          kTimestampTolerance) {
    return "InvalidTimestamp";
  }
  const std::string nonce = header.Field("oauth_nonce");
  if (nonce.size() < kNonceLengthMin) return "NonceRejected";
  const std::string seen = absl::StrCat("flow\n", seconds, "\n", nonce);
  if (!account->nonces.emplace(seen, now).second) return "NonceUsed";
  account->nonce_order.emplace_back(now, seen);
  if (!account->Has("TBA")) return "FeatureDisabled";
  if (integration->state != IntegrationState::kEnabled) {
    return "IntegrationBlocked";
  }
  if (!integration->authorization_flow) return "AuthorizationFlowRequired";
  return "";
}

Response Netsuite::RefuseFlow(NetsuiteAccount* account,
                              const Integration* integration,
                              const std::string& detail, absl::Time now) {
  if (account != nullptr) {
    LoginAuditEntry entry;
    entry.time = now;
    entry.detail = detail;
    entry.channel = "Token Endpoint";
    if (integration != nullptr) entry.application_name = integration->name;
    account->AddAudit(std::move(entry));
  }
  return RestletError(401, "INVALID_LOGIN_ATTEMPT", "Invalid login attempt.");
}

Response Netsuite::RequestTokenCall(const Request& request, absl::Time now) {
  if (switches_.Is("authorization_flow", "missing")) {
    return TextResponse(405, "text/plain", "");
  }
  const std::optional<OAuthHeader> header =
      ParseOAuthHeader(request.Header("Authorization"));
  if (!header.has_value()) {
    return RestletError(400, "INVALID_REQUEST", "Malformed syntax.");
  }
  NetsuiteAccount* account = nullptr;
  Integration* integration = nullptr;
  std::string refusal = CheckFlowCall(*header, account, integration, now);
  if (refusal.empty() && !header->Has("oauth_callback")) {
    refusal = "MissingRequiredParameter";
  }
  if (refusal.empty() && !CallbackAllowed(integration->callback,
                                          header->Field("oauth_callback"))) {
    refusal = "InvalidCallback " + header->Field("oauth_callback");
  }
  if (refusal.empty()) {
    const std::string base =
        SignatureBase(request.method, BaseUrl(request) + request.Path(),
                      *header, request.Query());
    if (Signature(base, integration->consumer_secret, "") !=
        header->Field("oauth_signature")) {
      refusal = "InvalidSignature";
    }
  }
  if (!refusal.empty()) return RefuseFlow(account, integration, refusal, now);
  if (account->request_tokens.size() >= kRequestTokensMax) {
    account->request_tokens.erase(account->request_tokens.begin());
  }
  RequestToken token;
  token.id = random_.Hex(64);
  token.secret = random_.Hex(64);
  token.callback = header->Field("oauth_callback");
  token.role_hint = header->Field("role");
  token.integration = integration->id;
  token.expires = now + absl::Seconds(switches_.Count("request_token_seconds"));
  std::vector<NameValue> fields = {{"oauth_token", token.id},
                                   {"oauth_token_secret", token.secret},
                                   {"oauth_callback_confirmed", "true"}};
  if (!token.role_hint.empty()) fields.emplace_back("role", token.role_hint);
  account->request_tokens[token.id] = std::move(token);
  return FormResponse(fields);
}

absl::StatusOr<std::string> Netsuite::AuthorizeRequestToken(
    NetsuiteAccount& account, const std::string& token_id,
    const std::string& state, int employee, int role, bool allow,
    absl::Time now) {
  const auto found = account.request_tokens.find(token_id);
  if (found == account.request_tokens.end() || found->second.expires <= now) {
    return absl::NotFoundError("the request token is unknown or has expired");
  }
  RequestToken& token = found->second;
  token.employee = employee;
  token.role = role;
  token.verifier = allow ? random_.Hex(64) : "";
  std::string url = token.callback;
  absl::StrAppend(&url, url.find('?') == std::string::npos ? "?" : "&",
                  "oauth_token=", token.id, "&oauth_verifier=", token.verifier,
                  "&company=", account.id, "&role=", role, "&entity=", employee,
                  "&state=", PercentEncode(state));
  return url;
}

Response Netsuite::AuthorizePage(const Request& request, absl::Time now) {
  const std::string token = request.Parameter("oauth_token");
  for (auto& [id, account] : accounts_) {
    if (!account.request_tokens.contains(token)) continue;
    if (account.browser_employee == 0) break;
    absl::StatusOr<std::string> url = AuthorizeRequestToken(
        account, token, request.Parameter("state"), account.browser_employee,
        account.browser_role, /*allow=*/true, now);
    if (!url.ok()) break;
    Response response = TextResponse(302, "text/html", "");
    response.headers.emplace_back("Location", *url);
    return response;
  }
  return TextResponse(200, "text/html",
                      "<html><body>Log in. The sandbox's act browser-login "
                      "says who sits here.</body></html>");
}

Response Netsuite::AccessTokenCall(const Request& request, absl::Time now) {
  const std::optional<OAuthHeader> header =
      ParseOAuthHeader(request.Header("Authorization"));
  if (!header.has_value()) {
    return RestletError(400, "INVALID_REQUEST", "Malformed syntax.");
  }
  NetsuiteAccount* account = nullptr;
  Integration* integration = nullptr;
  std::string refusal = CheckFlowCall(*header, account, integration, now);
  if (!refusal.empty()) return RefuseFlow(account, integration, refusal, now);
  const auto found = account->request_tokens.find(header->Field("oauth_token"));
  if (found == account->request_tokens.end() ||
      found->second.integration != integration->id ||
      found->second.expires <= now) {
    return RefuseFlow(account, integration, "TokenRejected", now);
  }
  const RequestToken asked = found->second;
  if (asked.verifier.empty() ||
      asked.verifier != header->Field("oauth_verifier")) {
    return RefuseFlow(account, integration, "InvalidVerifier", now);
  }
  const std::string base =
      SignatureBase(request.method, BaseUrl(request) + request.Path(), *header,
                    request.Query());
  if (Signature(base, integration->consumer_secret, asked.secret) !=
      header->Field("oauth_signature")) {
    return RefuseFlow(account, integration, "InvalidSignature", now);
  }
  Login who{.account = account,
            .employee = account->EmployeeById(asked.employee),
            .role = account->RoleById(asked.role)};
  const bool permitted = CheckAssignment(who).empty() &&
                         (switches_.Is("flow_permission", "any") ||
                          who.role->Level("ADMI_MANAGE_OWN_OAUTH_TOKENS") > 0);
  if (!permitted) {
    return RefuseFlow(account, integration, "EntityOrRoleDisabled", now);
  }
  absl::StatusOr<AccessToken*> token =
      MakeToken(*account, integration->id, asked.employee, asked.role,
                absl::StrCat(integration->name, " - ", who.employee->entity_id),
                who.employee->email, /*on_screen=*/false, now);
  if (!token.ok()) {
    return RestletError(400, "UNEXPECTED_ERROR",
                        std::string(token.status().message()));
  }
  account->request_tokens.erase(found);
  return FormResponse({{"oauth_token", (*token)->id},
                       {"oauth_token_secret", (*token)->secret}});
}

Response Netsuite::IssueToken(const Request& request, absl::Time now) {
  Login login = LogInByNlAuth(request, now);
  if (login.malformed) {
    return RestletError(400, "INVALID_REQUEST", "Malformed syntax.");
  }
  if (!login.ok()) {
    const std::string code = login.refusal == "TWO_FA_REQD"
                                 ? "TWO_FA_REQD"
                                 : "INVALID_LOGIN_CREDENTIALS";
    return RestletError(401, code, "Invalid login attempt.");
  }
  NetsuiteAccount& account = *login.account;
  Integration* integration =
      account.FindIntegrationByKey(request.Parameter("consumerKey"));
  if (integration == nullptr || !account.Has("TBA") ||
      integration->state != IntegrationState::kEnabled) {
    return RestletError(401, "INVALID_LOGIN_CREDENTIALS",
                        "Invalid login attempt.");
  }
  if (!integration->issue_token_endpoint) {
    return RestletError(403, "INSUFFICIENT_PERMISSION",
                        "The IssueToken endpoint is not enabled.");
  }
  if (login.role->Level("ADMI_MANAGE_OWN_OAUTH_TOKENS") == 0) {
    return RestletError(403, "INSUFFICIENT_PERMISSION",
                        "The role lacks User Access Tokens.");
  }
  std::string name = request.Parameter("name");
  if (name.empty()) {
    name = absl::StrCat(integration->name, " - ", login.employee->entity_id);
  }
  absl::StatusOr<AccessToken*> token = MakeToken(
      account, integration->id, login.employee->id, login.role->id,
      std::move(name), login.employee->email, /*on_screen=*/false, now);
  if (!token.ok()) {
    return RestletError(400, "UNEXPECTED_ERROR",
                        std::string(token.status().message()));
  }
  return JsonResponse(
      200, {{Spelt(switches_, "issuetoken_keys", "token", "id"), (*token)->id},
            {Spelt(switches_, "issuetoken_keys", "token", "secret"),
             (*token)->secret}});
}

Response Netsuite::RevokeToken(const Request& request, absl::Time now) {
  const bool nlauth =
      Lower(request.Header("Authorization")).starts_with("nlauth ");
  Login login = nlauth ? LogInByNlAuth(request, now)
                       : LogIn(request, Channel::kTokenEndpoint, now);
  if (!login.ok()) return Refuse(login, Channel::kTokenEndpoint);
  AccessToken* token = login.account->FindToken(request.Parameter("token"));
  Integration* integration =
      login.account->FindIntegrationByKey(request.Parameter("consumerKey"));
  if (token == nullptr || integration == nullptr ||
      token->integration != integration->id ||
      token->employee != login.employee->id) {
    return RestletError(401, "INVALID_LOGIN_ATTEMPT", "Invalid login attempt.");
  }
  token->revoked = true;
  return TextResponse(switches_.Is("revoke_status", "204") ? 204 : 200,
                      "text/plain", "");
}

Response Netsuite::TokenInfo(const Request& request, absl::Time now) {
  const Login login = LogIn(request, Channel::kTokenEndpoint, now);
  if (!login.ok()) return Refuse(login, Channel::kTokenEndpoint);
  return JsonResponse(
      200,
      {{Key(switches_, "company", "name"), login.account->company_name},
       {Key(switches_, "company", "id"), login.account->id},
       {Key(switches_, "role", "name"), login.role->name},
       {Key(switches_, "role", "id"), std::to_string(login.role->id)},
       {Key(switches_, "entity", "id"), std::to_string(login.employee->id)}});
}

}  // namespace keyturn::sandbox
