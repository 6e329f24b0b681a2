#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tests/sandbox/jwt.h"
#include "tests/sandbox/netsuite.h"

// Rows 7 to 9 of the contract: OAuth 2.0 client credentials with a certificate
// (Oracle help section_162755359851, section_162790605110).
namespace keyturn::sandbox {
namespace {

constexpr absl::Duration kBearerLife = absl::Hours(1);
constexpr absl::Duration kAssertionLifeMax = absl::Hours(1);
constexpr absl::Duration kCertificateLifeMax = absl::Hours(24 * 731);
constexpr std::string_view kAssertionType =
    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
constexpr int kActiveCertificatesMax = 5;
constexpr size_t kBearersMax = 10000;

Response OAuth2Error(int status, std::string_view error) {
  Response response = JsonResponse(status, {{"error", error}});
  if (status == 401) {
    response.headers.emplace_back("WWW-Authenticate", "Basic");
  }
  return response;
}

std::string Field(const std::vector<NameValue>& form, std::string_view name) {
  for (const auto& [key, value] : form) {
    if (key == name) return value;
  }
  return "";
}

// Whether the times and the audience of an assertion are in order.
bool AssertionInOrder(const Json& payload, const std::string& token_url,
                      absl::Time now) {
  const Json& audience = Member(payload, "aud");
  bool for_us = audience.is_string() && audience == token_url;
  for (const std::string& one : Texts(payload, "aud")) {
    for_us = for_us || one == token_url;
  }
  const absl::Time issued = absl::FromUnixSeconds(Number(payload, "iat"));
  const absl::Time expires = absl::FromUnixSeconds(Number(payload, "exp"));
  return for_us && issued <= now + absl::Minutes(5) && expires > now &&
         expires - issued <= kAssertionLifeMax;
}

bool AsksForRestWebServices(const Json& payload) {
  const Json& scope = Member(payload, "scope");
  if (scope.is_string()) {
    return scope.get<std::string>().find("rest_webservices") !=
           std::string::npos;
  }
  const std::vector<std::string> scopes = Texts(payload, "scope");
  return std::find(scopes.begin(), scopes.end(), "rest_webservices") !=
         scopes.end();
}

bool KeyAccepted(const CertificateFacts& facts) {
  if (facts.key_type == "RSA") {
    return facts.key_bits == 3072 || facts.key_bits == 4096;
  }
  return facts.key_type == "EC" &&
         (facts.key_bits == 256 || facts.key_bits == 384 ||
          facts.key_bits == 521);
}

Json CertificateJson(const Certificate& certificate) {
  return {{"id", certificate.id},
          {"algorithm", certificate.algorithm},
          {"validFrom", FormatInstant(certificate.not_before)},
          {"validUntil", FormatInstant(certificate.not_after)},
          {"role", std::to_string(certificate.role)},
          {"entity", std::to_string(certificate.employee)},
          {"revoked", certificate.revoked}};
}

}  // namespace

std::string Netsuite::MakeBearer(NetsuiteAccount& account,
                                 const Certificate& mapping, absl::Time now) {
  // A readable JWT as in the vendor's sample. Its signature is random: only
  // NetSuite itself would check it, and here it looks the token up instead.
  const Json header = {{"kid", "sandbox"}, {"typ", "JWT"}, {"alg", "RS256"}};
  const int64_t issued = absl::ToUnixSeconds(now);
  const Json payload = {
      {"sub", absl::StrCat(mapping.role, ";", mapping.employee)},
      {"aud",
       {absl::StrCat(random_.Hex(32), ";", account.id),
        account.integrations[mapping.integration].consumer_key}},
      {"scope", {"rest_webservices"}},
      {"iss", "https://system.netsuite.com"},
      {"oit", issued},
      {"exp", issued + absl::ToInt64Seconds(kBearerLife)},
      {"iat", issued},
      {"jti", random_.Hex(32)}};
  const std::string token = Base64UrlEncode(Dump(header)) + "." +
                            Base64UrlEncode(Dump(payload)) + "." +
                            random_.Hex(86);
  if (account.bearers.size() >= kBearersMax) {
    std::erase_if(account.bearers, [&](const auto& entry) {
      return entry.second.expires <= now;
    });
  }
  account.bearers[token] = {mapping.integration, mapping.employee, mapping.role,
                            now + kBearerLife};
  return token;
}

Response Netsuite::OAuth2Token(const Request& request, absl::Time now) {
  if (request.method != "POST") return OAuth2Error(400, "invalid_request");
  const std::vector<NameValue> form = ParseQuery(request.body);
  if (Field(form, "grant_type") != "client_credentials") {
    return OAuth2Error(400, "unsupported_grant_type");
  }
  if (Field(form, "client_assertion_type") != kAssertionType) {
    return OAuth2Error(400, "invalid_request");
  }
  const std::optional<Jwt> jwt = ParseJwt(Field(form, "client_assertion"));
  if (!jwt.has_value()) return OAuth2Error(400, "invalid_request");
  if (!AssertionInOrder(jwt->payload, BaseUrl(request) + request.Path(), now)) {
    return OAuth2Error(400, "invalid_grant");
  }
  if (!AsksForRestWebServices(jwt->payload)) {
    return OAuth2Error(400, "invalid_scope");
  }
  for (auto& [id, account] : accounts_) {
    const auto found = account.certificates.find(Text(jwt->header, "kid"));
    if (found == account.certificates.end()) continue;
    const Certificate& mapping = found->second;
    const Integration* integration =
        account.IntegrationById(mapping.integration);
    const bool known = integration != nullptr && !mapping.revoked &&
                       integration->consumer_key == Text(jwt->payload, "iss") &&
                       integration->client_credentials &&
                       account.Has("OAUTH2") &&
                       integration->state == IntegrationState::kEnabled &&
                       mapping.not_after > now;
    if (!known || !VerifyJwt(*jwt, mapping.pem)) {
      return OAuth2Error(401, "invalid_client");
    }
    return JsonResponse(200,
                        {{"access_token", MakeBearer(account, mapping, now)},
                         {"expires_in", absl::ToInt64Seconds(kBearerLife)},
                         {"token_type", "bearer"}});
  }
  return OAuth2Error(401, "invalid_client");
}

Response Netsuite::Certificates(const Request& request,
                                const std::vector<std::string>& segments,
                                absl::Time now) {
  const Login login = LogIn(request, Channel::kRest, now);
  if (!login.ok()) {
    Response response = JsonResponse(401, {{"error", "invalid_token"}});
    response.headers.emplace_back(
        "WWW-Authenticate",
        "Bearer realm=\"sandbox\", error=\"invalid_token\", "
        "error_description=\"Invalid login attempt.\"");
    return response;
  }
  // services/rest/auth/oauth2/v1/clients/{id}/certificates[/{cert}/revoke]
  NetsuiteAccount& account = *login.account;
  Integration* integration = segments.size() >= 8
                                 ? account.FindIntegrationByKey(segments[6])
                                 : nullptr;
  if (integration == nullptr || segments[7] != "certificates") {
    return OAuth2Error(400, "invalid_request");
  }
  if (segments.size() == 10 && segments[9] == "revoke" &&
      request.method == "POST") {
    const auto found = account.certificates.find(segments[8]);
    if (found == account.certificates.end()) {
      return OAuth2Error(400, "invalid_request");
    }
    found->second.revoked = true;
    return TextResponse(200, "text/plain",
                        "The certificate was revoked successfully.");
  }
  if (request.method == "GET" && segments.size() == 8) {
    Json all = Json::array();
    for (const auto& [id, certificate] : account.certificates) {
      if (certificate.integration == integration->id) {
        all.push_back(CertificateJson(certificate));
      }
    }
    return JsonResponse(200, all);
  }
  const Json body = ParseJson(request.body);
  const std::string pem = Text(body, "fileContent", Text(body, "file"));
  const std::optional<CertificateFacts> facts = InspectCertificate(pem);
  const int active = static_cast<int>(
      std::count_if(account.certificates.begin(), account.certificates.end(),
                    [&](const auto& entry) {
                      return entry.second.integration == integration->id &&
                             !entry.second.revoked;
                    }));
  int role = 0;
  int entity = 0;
  const bool named = absl::SimpleAtoi(Text(body, "role"), &role) &&
                     absl::SimpleAtoi(Text(body, "entity"), &entity) &&
                     account.RoleById(role) != nullptr &&
                     account.EmployeeById(entity) != nullptr;
  if (request.method != "POST" || !facts || !KeyAccepted(*facts) || !named ||
      facts->not_after - facts->not_before > kCertificateLifeMax ||
      active >= kActiveCertificatesMax) {
    return OAuth2Error(400, "invalid_request");
  }
  Certificate certificate;
  certificate.id = random_.Hex(43);
  certificate.pem = pem;
  certificate.integration = integration->id;
  certificate.employee = entity;
  certificate.role = role;
  certificate.not_before = facts->not_before;
  certificate.not_after = facts->not_after;
  certificate.algorithm = facts->key_type;
  const Json answer = CertificateJson(certificate);
  account.certificates[certificate.id] = std::move(certificate);
  return JsonResponse(200, answer);
}

}  // namespace keyturn::sandbox
