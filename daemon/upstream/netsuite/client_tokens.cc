// What Client asks about logins and tokens.
#include <cstddef>
#include <initializer_list>
#include <optional>
#include <utility>
#include <variant>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/upstream/http/json.h"
#include "daemon/upstream/http/url.h"
#include "daemon/upstream/netsuite/client.h"
#include "daemon/upstream/netsuite/secret_json.h"
#include "daemon/upstream/netsuite/values.h"

namespace keyturn::netsuite {
namespace {

using http::Document;

constexpr size_t kIssuedValueSizeMax = 256;
// The names in tokeninfo's answer are not published; inner objects are followed
// this deep.
constexpr int kIdentityDepthMax = 3;
// Every account has a role of this name.
constexpr char kStandardRole[] = "Administrator";

// "companyId", "company_id" and {"company":{"id":…}} all become "companyid".
std::string PlainKey(std::string_view prefix, std::string_view name) {
  std::string key(prefix);
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (absl::ascii_isalnum(byte)) key.push_back(absl::ascii_tolower(byte));
  }
  return key;
}

void Flatten(const Document& object, const std::string& prefix, int depth,
             Row& flat) {
  if (!object.is_object() || depth == kIdentityDepthMax) return;
  for (const auto& [name, value] : object.items()) {
    const std::string key = PlainKey(prefix, name);
    if (value.is_object()) {
      Flatten(value, key, depth + 1, flat);
    } else if (!value.is_null() && !value.is_array()) {
      flat[key] = ToText(value);
    }
  }
}

TokenIdentity ParseIdentity(const http::Response& response) {
  Row flat;
  const auto body = http::ParseJson(response.body.Expose());
  if (body.ok()) Flatten(*body, "", 0, flat);
  return TokenIdentity{
      .company_id = std::string(ValueOf(flat, "companyid")),
      .company_name = std::string(ValueOf(flat, "companyname")),
      .role_id = std::string(ValueOf(flat, "roleid")),
      .role_name = std::string(ValueOf(flat, "rolename")),
      .entity_id = std::string(ValueOf(flat, "entityid")),
  };
}

TokenIdentity ToIdentity(const BearerHint& hint) {
  TokenIdentity identity;
  identity.company_id = hint.account;
  identity.role_id = hint.role_id;
  identity.entity_id = hint.entity_id;
  return identity;
}

// The value under the first of `keys` that is there: the spelling is not
// published.
std::string_view FindFirst(std::string_view json,
                           std::initializer_list<std::string_view> keys) {
  for (const std::string_view key : keys) {
    const std::optional<std::string_view> value = FindScalar(json, key);
    if (value.has_value()) return *value;
  }
  return {};
}

absl::StatusOr<IssuedToken> ParseIssuedToken(const http::Response& response,
                                             std::string_view doing) {
  const std::string_view body = response.body.Expose();
  const std::string_view id =
      FindFirst(body, {"tokenId", "tokenid", "token_id"});
  const std::string_view secret =
      FindFirst(body, {"tokenSecret", "tokensecret", "token_secret"});
  if (id.empty() || secret.empty() || id.size() > kIssuedValueSizeMax ||
      secret.size() > kIssuedValueSizeMax) {
    return http::WithEffect(UnexpectedAnswer(doing, "no token in it"),
                            http::Effect::kUnknown);
  }
  return IssuedToken{.id = secret::Secret(id),
                     .secret = secret::Secret(secret)};
}

absl::Status CheckTokenName(std::string_view name) {
  if (!name.empty() && name.size() <= kTokenNameSizeMax && IsPlainText(name)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("the name of an access token must have 1 to ",
                   kTokenNameSizeMax, " characters without line breaks"));
}

ProbeResult RefusedProbe(const absl::Status& refusal) {
  ProbeResult result;
  if (base::ReasonOf(refusal) == kWrongHost) {
    result.verdict = ProbeResult::Verdict::kWrongHost;
    result.summary = base::MessageOf(refusal);
    return result;
  }
  result.verdict = ProbeResult::Verdict::kLoginRefused;
  result.summary = absl::StrCat(
      refusal.message(),
      " If Detail says FeatureDisabled, Token-Based Authentication is off "
      "(Setup > Company > Enable Features > SuiteCloud); token_rejected or "
      "consumer_key_unknown: the credential is wrong or of another account; "
      "permission_denied: its role lacks Log in using Access Tokens, or is "
      "not given to its user.");
  return result;
}

ProbeResult NoSuiteQlProbe(const absl::Status& refusal, bool token_login) {
  ProbeResult result;
  result.verdict = ProbeResult::Verdict::kNoSuiteQl;
  result.token_authentication_on = token_login;
  result.reads = base::ReasonOf(refusal) == kTableNotVisible;
  result.summary = absl::StrCat(
      "The login works, but Keyturn's role cannot read through REST: ",
      refusal.message(),
      " The role needs REST Web Services (Full), Log in using Access Tokens "
      "(Full) and SuiteAnalytics Workbook (Edit), and the account the "
      "features REST Web Services and SuiteAnalytics Workbook. Until then "
      "people do this part in the browser.");
  return result;
}

ProbeResult WorkingProbe(bool token_login) {
  ProbeResult result;
  result.verdict = ProbeResult::Verdict::kWorks;
  result.token_authentication_on = token_login;
  result.reads = true;
  result.summary =
      token_login
          ? "The token login and SuiteQL work, so Token-Based Authentication "
            "is on."
          : "The certificate login and SuiteQL work. Whether Token-Based "
            "Authentication is on cannot be seen with a certificate login.";
  return result;
}

// What a query may be answered with by an account that is there: a finding. All
// else says nothing about the account.
bool IsFinding(const absl::Status& status) {
  const std::string reason = base::ReasonOf(status);
  return reason == kLoginRefused || reason == kForbidden ||
         reason == kTableNotVisible || reason == kWrongHost ||
         reason == kNotOffered || reason == kRequestRefused ||
         reason == kNotFound;
}

}  // namespace

asio::awaitable<absl::StatusOr<TokenIdentity>> Client::TokenInfo() {
  CO_ASSIGN_OR_RETURN(const AccessCredential credential, OpenCredential());
  if (const M2m* m2m = std::get_if<M2m>(&credential)) {
    const absl::StatusOr<secret::Secret> bearer = co_await bearer_->Get(*m2m);
    if (!bearer.ok()) co_return bearer.status();
    co_return ToIdentity(DescribeBearer(*bearer));
  }
  Call call = TokenInfoCall();
  const absl::StatusOr<http::Response> response =
      co_await Read(std::move(call));
  if (!response.ok()) co_return response.status();
  co_return ParseIdentity(*response);
}

Client::Call Client::TokenInfoCall() const {
  Call call;
  call.url = absl::StrCat(parts_.endpoints.restlets, "/rest/tokeninfo");
  call.headers = {{"Accept", "application/json"}};
  call.purpose.channel = Channel::kRestlet;
  call.purpose.doing = "to say whom the access token stands for";
  return call;
}

asio::awaitable<absl::StatusOr<ProbeResult>> Client::Probe() {
  CO_ASSIGN_OR_RETURN(const AccessCredential credential, OpenCredential());
  const bool token_login = std::holds_alternative<Tba>(credential);
  const absl::StatusOr<TokenIdentity> identity = co_await TokenInfo();
  const std::string reason = base::ReasonOf(identity.status());
  if (reason == kLoginRefused || reason == kWrongHost || reason == kForbidden) {
    co_return RefusedProbe(identity.status());
  }
  // An account that does not offer tokeninfo, or not in the form that is known,
  // is asked the next question.
  const bool says_nothing = reason == kNotOffered || reason == kRequestRefused;
  if (!identity.ok() && !says_nothing) co_return identity.status();
  std::string role = kStandardRole;
  const absl::StatusOr<std::vector<Role>> roles =
      co_await FindRoles(std::move(role));
  if (!roles.ok() && !IsFinding(roles.status())) co_return roles.status();
  // Neither answer proves that a login was accepted.
  if (!roles.ok() && !identity.ok()) co_return RefusedProbe(roles.status());
  ProbeResult result = roles.ok() ? WorkingProbe(token_login)
                                  : NoSuiteQlProbe(roles.status(), token_login);
  if (identity.ok()) result.identity = *identity;
  co_return result;
}

asio::awaitable<absl::StatusOr<IssuedToken>> Client::IssueToken(
    Login login, std::string role_id, secret::Secret consumer_key,
    std::string token_name) {
  CO_RETURN_IF_ERROR(CheckInternalId(role_id, "a role"));
  CO_RETURN_IF_ERROR(CheckTokenName(token_name));
  Purpose purpose;
  purpose.channel = Channel::kRestlet;
  purpose.doing = "to make an access token";
  purpose.permissions = {{"ADMI_MANAGE_OWN_OAUTH_TOKENS", "Full"}};
  http::Request request;
  request.url =
      absl::StrCat(parts_.endpoints.restlets, "/rest/issuetoken?consumerKey=",
                   http::PercentEncode(consumer_key.Expose()),
                   "&name=", http::PercentEncode(token_name));
  request.headers = {{"Accept", "application/json"}};
  request.authorization =
      NlAuthHeader(parts_.account, login.email, login.password, role_id);
  CO_ASSIGN_OR_RETURN(const http::Response response,
                      co_await Exchange(std::move(request), purpose));
  co_return ParseIssuedToken(response, purpose.doing);
}

asio::awaitable<absl::Status> Client::RevokeToken(Tba token) {
  Purpose purpose;
  purpose.channel = Channel::kRestlet;
  purpose.doing = "to revoke an access token";
  http::Request request;
  request.url =
      absl::StrCat(parts_.endpoints.restlets, "/rest/revoketoken?consumerKey=",
                   http::PercentEncode(token.consumer_key.Expose()),
                   "&token=", http::PercentEncode(token.token_id.Expose()));
  request.headers = {{"Accept", "application/json"}};
  CO_ASSIGN_OR_RETURN(request.authorization, SignTba(token, request));
  const absl::StatusOr<http::Response> response =
      co_await Exchange(std::move(request), purpose);
  co_return response.status();
}

}  // namespace keyturn::netsuite
