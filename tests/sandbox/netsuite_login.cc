#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tests/sandbox/netsuite.h"
#include "tests/sandbox/oauth1.h"

// The order of the checks is the fact sheet's: header, method and version,
// timestamp, nonce, feature, integration record, token, signature, user and
// role, lock.
namespace keyturn::sandbox {
namespace {

constexpr absl::Duration kTimestampTolerance = absl::Minutes(5);
constexpr size_t kNonceLengthMin = 6;
constexpr int kFailedLoginsMax = 5;
constexpr absl::Duration kLockTime = absl::Minutes(30);
constexpr size_t kNoncesMax = 1'000'000;

std::string_view ChannelName(Channel channel) {
  switch (channel) {
    case Channel::kRest:
      return "REST Web Services";
    case Channel::kRestlet:
      return "RESTlet";
    case Channel::kTokenEndpoint:
      return "Token Endpoint";
    case Channel::kCeligo:
      return "Celigo";
  }
  return "";
}

std::vector<NameValue> SignedParameters(const Request& request) {
  std::vector<NameValue> parameters = request.Query();
  if (Lower(request.Header("Content-Type"))
          .starts_with("application/x-www-form-urlencoded")) {
    for (NameValue& field : ParseQuery(request.body)) {
      parameters.push_back(std::move(field));
    }
  }
  return parameters;
}

// The audit word for a header that cannot be right, or "".
std::string CheckForm(const Request& request, const OAuthHeader& header) {
  for (const char* name :
       {"realm", "oauth_consumer_key", "oauth_token", "oauth_signature_method",
        "oauth_timestamp", "oauth_nonce", "oauth_signature"}) {
    if (header.Field(name).empty()) return "parameter_rejected";
  }
  const std::string cookie = request.Header("Cookie");
  if (cookie.find("JSESSIONID") != std::string::npos) {
    return "parameter_rejected";
  }
  if (header.Field("oauth_signature_method") != "HMAC-SHA256") {
    return "UnknownAlgorithm";
  }
  if (header.Has("oauth_version") && header.Field("oauth_version") != "1.0") {
    return "VersionRejected";
  }
  return "";
}

}  // namespace

Login Netsuite::LogIn(const Request& request, Channel channel, absl::Time now) {
  const std::string authorization = request.Header("Authorization");
  const bool bearer = Lower(authorization.substr(0, 7)) == "bearer ";
  Login login =
      bearer ? LogInByBearer(request, now) : LogInByOAuth(request, now);
  Record(login, channel, now);
  return login;
}

std::string Netsuite::CheckFreshness(Login& login, const OAuthHeader& header,
                                     absl::Time now) {
  NetsuiteAccount& account = *login.account;
  int64_t seconds = 0;
  if (!absl::SimpleAtoi(header.Field("oauth_timestamp"), &seconds)) {
    login.malformed = true;
    return "InvalidTimestamp";
  }
  const absl::Time stamp = absl::FromUnixSeconds(seconds);
  const absl::Duration off = stamp > now ? stamp - now : now - stamp;
  if (off > kTimestampTolerance) return "InvalidTimestamp";
  AccessToken* token = account.FindToken(header.Field("oauth_token"));
  if (token != nullptr) {
    if (stamp < token->last_timestamp &&
        switches_.Is("timestamp_backwards", "refused")) {
      return "InvalidTimestamp";
    }
    token->last_timestamp = std::max(token->last_timestamp, stamp);
  }
  const std::string nonce = header.Field("oauth_nonce");
  if (nonce.size() < kNonceLengthMin) return "nonce_rejected";
  const absl::Duration memory = absl::Seconds(switches_.Count("nonce_seconds"));
  while (!account.nonce_order.empty() &&
         (account.nonce_order.front().first + memory < now ||
          account.nonce_order.size() > kNoncesMax)) {
    account.nonces.erase(account.nonce_order.front().second);
    account.nonce_order.pop_front();
  }
  const std::string key = switches_.Is("nonce_scope", "account")
                              ? nonce
                              : absl::StrCat(header.Field("oauth_token"), "\n",
                                             seconds, "\n", nonce);
  if (!account.nonces.emplace(key, now).second) return "NonceUsed";
  account.nonce_order.emplace_back(now, key);
  return "";
}

template <typename SignatureMatches>
void Netsuite::CheckToken(Login& login, const std::string& consumer_key,
                          const std::string& token_id,
                          const SignatureMatches& signature_matches,
                          absl::Time now) {
  NetsuiteAccount& account = *login.account;
  if (!account.Has("TBA") || switches_.Is("tba_support", "ended")) {
    login.refusal = "FeatureDisabled";
    return;
  }
  login.integration = account.FindIntegrationByKey(consumer_key);
  login.token = account.FindToken(token_id);
  if (login.token != nullptr) {
    login.employee = account.EmployeeById(login.token->employee);
    login.role = account.RoleById(login.token->role);
  }
  if (login.integration == nullptr) {
    login.refusal = "consumer_key_unknown";
  } else if (login.integration->state != IntegrationState::kEnabled ||
             !login.integration->token_based) {
    login.refusal = "consumer_key_refused";
  } else if (login.token == nullptr || login.token->inactive ||
             login.token->revoked ||
             login.token->integration != login.integration->id) {
    login.refusal = "token_rejected";
  } else if (!signature_matches(login.integration->consumer_secret,
                                login.token->secret)) {
    login.refusal = "InvalidSignature";
  } else {
    login.refusal = CheckAssignment(login);
  }
  if (login.refusal.empty() && login.employee->locked_until > now) {
    login.refusal = "temporary_locked";
    return;
  }
  if (!login.refusal.empty()) {
    CountFailure(login, now);
  } else {
    login.employee->failed_logins = 0;
  }
}

std::string Netsuite::CheckAssignment(const Login& login) {
  const Employee* employee = login.employee;
  const Role* role = login.role;
  const bool allowed = employee != nullptr && role != nullptr &&
                       !employee->inactive && employee->give_access &&
                       !role->inactive && employee->HasRole(role->id) &&
                       !employee->switched_off_roles.contains(role->id) &&
                       role->MayLogInByToken();
  return allowed ? "" : "permission_denied";
}

void Netsuite::CountFailure(Login& login, absl::Time now) {
  if (login.employee == nullptr || switches_.Is("lockout", "off")) return;
  if (login.employee->locked_until > now) return;
  if (++login.employee->failed_logins >= kFailedLoginsMax) {
    login.employee->failed_logins = 0;
    login.employee->locked_until = now + kLockTime;
  }
}

void Netsuite::Record(const Login& login, Channel channel, absl::Time now) {
  if (login.account == nullptr) return;
  LoginAuditEntry entry;
  entry.time = now;
  entry.success = login.ok();
  entry.detail = login.refusal;
  entry.channel = ChannelName(channel);
  if (login.employee != nullptr) entry.user = login.employee->email;
  if (login.role != nullptr) entry.role = login.role->name;
  if (login.token != nullptr) entry.token_name = login.token->name;
  if (login.integration != nullptr) {
    entry.application_name = login.integration->name;
  }
  login.account->AddAudit(std::move(entry));
}

Login Netsuite::LogInByOAuth(const Request& request, absl::Time now) {
  Login login;
  const std::optional<OAuthHeader> header =
      ParseOAuthHeader(request.Header("Authorization"));
  if (!header.has_value()) {
    login.malformed = true;
    login.refusal = "parameter_rejected";
    return login;
  }
  // The realm must have its own form: a host form is another account.
  const auto account = accounts_.find(header->Field("realm"));
  if (account != accounts_.end()) login.account = &account->second;
  login.refusal = CheckForm(request, *header);
  login.malformed = !login.refusal.empty();
  if (!login.refusal.empty()) return login;
  if (login.account == nullptr) {
    login.refusal = "token_rejected";
    return login;
  }
  login.refusal = CheckFreshness(login, *header, now);
  if (!login.refusal.empty()) return login;
  const std::string base =
      SignatureBase(request.method, BaseUrl(request) + request.Path(), *header,
                    SignedParameters(request));
  CheckToken(
      login, header->Field("oauth_consumer_key"), header->Field("oauth_token"),
      [&](std::string_view consumer_secret, std::string_view token_secret) {
        return Signature(base, consumer_secret, token_secret) ==
               header->Field("oauth_signature");
      },
      now);
  return login;
}

Login Netsuite::LogInByToken(const TokenLogin& credentials, absl::Time now) {
  Login login;
  const auto account = accounts_.find(credentials.account);
  if (account == accounts_.end()) {
    login.refusal = "token_rejected";
    return login;
  }
  login.account = &account->second;
  CheckToken(
      login, credentials.consumer_key, credentials.token_id,
      [&](std::string_view consumer_secret, std::string_view token_secret) {
        return consumer_secret == credentials.consumer_secret &&
               token_secret == credentials.token_secret;
      },
      now);
  Record(login, Channel::kCeligo, now);
  return login;
}

Login Netsuite::LogInByPassword(std::string_view account,
                                std::string_view email,
                                std::string_view password, Channel channel,
                                absl::Time now) {
  Login login;
  login.account = FindAccount(account);
  if (login.account == nullptr) {
    login.refusal = "INVALID_LOGIN_CREDENTIALS";
    return login;
  }
  login.employee = login.account->FindEmployee(email);
  if (login.employee == nullptr || login.employee->password != password ||
      login.employee->inactive || !login.employee->give_access) {
    login.refusal = "INVALID_LOGIN_CREDENTIALS";
    CountFailure(login, now);
  } else if (login.employee->locked_until > now) {
    login.refusal = "temporary_locked";
  } else {
    login.employee->failed_logins = 0;
  }
  Record(login, channel, now);
  return login;
}

Login Netsuite::LogInByBearer(const Request& request, absl::Time now) {
  Login login;
  const std::string token = request.Header("Authorization").substr(7);
  for (auto& [id, account] : accounts_) {
    const auto found = account.bearers.find(token);
    if (found == account.bearers.end()) continue;
    login.account = &account;
    login.employee = account.EmployeeById(found->second.employee);
    login.role = account.RoleById(found->second.role);
    login.integration = account.IntegrationById(found->second.integration);
    if (found->second.expires <= now) {
      login.refusal = "AccessTokenExpired";
    } else if (!account.Has("OAUTH2")) {
      login.refusal = "FeatureDisabled";
    } else if (login.employee == nullptr || login.role == nullptr ||
               login.employee->inactive || login.role->inactive ||
               !login.employee->HasRole(login.role->id) ||
               login.role->Level("ADMI_LOGIN_OAUTH2") == 0) {
      login.refusal = "EntityOrRoleDisabled";
    } else if (login.integration == nullptr ||
               login.integration->state != IntegrationState::kEnabled) {
      login.refusal = "InvalidIntegration";
    }
    return login;
  }
  login.refusal = "TokenRejected";
  return login;
}

Login Netsuite::LogInByNlAuth(const Request& request, absl::Time now) {
  const std::optional<NlAuth> auth =
      ParseNlAuth(request.Header("Authorization"));
  if (!auth.has_value()) {
    Login login;
    login.malformed = true;
    login.refusal = "INVALID_REQUEST";
    return login;
  }
  Login login = LogInByPassword(auth->account, auth->email, auth->password,
                                Channel::kTokenEndpoint, now);
  if (!login.ok()) return login;
  int role = 0;
  if (!absl::SimpleAtoi(auth->role, &role)) role = 0;
  login.role = login.account->RoleById(role);
  if (login.role == nullptr || !login.employee->HasRole(role) ||
      login.role->inactive) {
    login.refusal = "INVALID_LOGIN_CREDENTIALS";
    return login;
  }
  if (login.role->requires_two_factor) {
    const bool right =
        !login.employee->totp_secret.empty() &&
        auth->one_time_password ==
            TimeBasedPassword(login.employee->totp_secret, now) &&
        switches_.Is("issuetoken_two_factor", "code");
    if (!right) login.refusal = "TWO_FA_REQD";
  }
  return login;
}

Response Netsuite::Refuse(const Login& login, Channel channel) const {
  const bool feature_off = login.refusal == "FeatureDisabled" &&
                           switches_.Is("feature_off_answer", "forbidden_403");
  Response response;
  if (channel == Channel::kRest) {
    response = feature_off
                   ? RestError(403, "Forbidden", "INSUFFICIENT_PERMISSION",
                               "The Token-based Authentication feature is not "
                               "enabled in this account.")
                   : RestError(401, "Unauthorized", "INVALID_LOGIN",
                               "Invalid login attempt. For more details, see "
                               "the Login Audit Trail in the NetSuite UI at "
                               "Setup > Users/Roles > User Management > View "
                               "Login Audit Trail.");
  } else if (login.malformed) {
    return RestletError(400, "INVALID_REQUEST",
                        "The request could not be understood by the server "
                        "due to malformed syntax.");
  } else {
    response = feature_off ? RestletError(403, "FEATURE_DISABLED",
                                          "The feature is not enabled.")
                           : RestletError(401, "INVALID_LOGIN_ATTEMPT",
                                          "Invalid login attempt.");
  }
  if (response.status == 401 && !switches_.Is("www_authenticate", "absent")) {
    const std::string word = switches_.Is("www_authenticate", "by_cause")
                                 ? login.refusal
                                 : "token_rejected";
    response.headers.emplace_back(
        "WWW-Authenticate",
        absl::StrCat("OAuth realm=\"",
                     login.account == nullptr ? "" : login.account->id,
                     "\", error=\"", word,
                     "\", error_description=\"Invalid login attempt.\""));
  }
  return response;
}

}  // namespace keyturn::sandbox
