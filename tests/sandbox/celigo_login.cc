#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/sandbox/celigo.h"

// State rules a and b: when a connection is good.
namespace keyturn::sandbox {
namespace {

constexpr std::string_view kLoginCode = "INVALID_LOGIN_ATTEMPT";
constexpr std::string_view kLoginMessage = "Invalid login attempt.";

// Old documents may lack authType; then the secrets tell.
std::string AuthType(const Json& netsuite) {
  const std::string type = Text(netsuite, "authType");
  if (!type.empty()) return type;
  return Text(netsuite, "tokenId").empty() ? "basic" : "token";
}

}  // namespace

Celigo::LoginTest Celigo::TestLogin(const Json& connection, absl::Time now) {
  const LoginTest refused{false, std::string(kLoginCode),
                          std::string(kLoginMessage)};
  if (state_.broken_connections.contains(Text(connection, "_id"))) {
    return {false, "ECONNREFUSED", "The application does not answer."};
  }
  if (Text(connection, "type") != "netsuite") return {};
  const Json& netsuite = Member(connection, "netsuite");
  const std::string account = Text(netsuite, "account");
  const std::string environment = Text(netsuite, "environment", "production");
  const bool sandbox_account = account.find("_SB") != std::string::npos;
  if (environment != "beta" &&
      sandbox_account != environment.starts_with("sandbox")) {
    return refused;
  }
  const std::string type = AuthType(netsuite);
  if (type == "basic") {
    if (switches_.Is("basic_login", "refused")) return refused;
    const Login login = netsuite_.LogInByPassword(
        account, Text(netsuite, "email"), Text(netsuite, "password"),
        Channel::kCeligo, now);
    return login.ok() ? LoginTest{} : refused;
  }
  if (type == "token") return TestToken(connection, now);
  return {false, "needs_authorization", "The connection is not authorised."};
}

Celigo::LoginTest Celigo::TestToken(const Json& connection, absl::Time now) {
  const LoginTest refused{false, std::string(kLoginCode),
                          std::string(kLoginMessage)};
  const Json& netsuite = Member(connection, "netsuite");
  if (switches_.Is("leftover_basic_fields", "harmful") &&
      (netsuite.contains("email") || netsuite.contains("password"))) {
    return refused;
  }
  std::string iclient_id = Text(netsuite, "_iClientId");
  if (iclient_id.empty()) iclient_id = state_.own_iclient;
  const Json* iclient = state_.iclients.Find(iclient_id);
  if (iclient == nullptr) return refused;
  const Json& keys = Member(*iclient, "netsuite");
  TokenLogin credentials;
  credentials.account = Text(netsuite, "account");
  credentials.consumer_key = Text(keys, "consumerKey");
  credentials.consumer_secret = Text(keys, "consumerSecret");
  credentials.token_id = Text(netsuite, "tokenId");
  credentials.token_secret = Text(netsuite, "tokenSecret");
  return netsuite_.LogInByToken(credentials, now).ok() ? LoginTest{} : refused;
}

Celigo::LoginTest Celigo::TestSaved(Json& stored, absl::Time now) {
  LoginTest test = TestLogin(stored, now);
  SetOffline(stored, !test.ok, now);
  if (test.ok && stored.contains("netsuite")) {
    Json& netsuite = stored["netsuite"];
    if (!netsuite.contains("dataCenterURLs")) {
      const std::string host = HostForm(Text(netsuite, "account"));
      netsuite["dataCenterURLs"] = {
          {"restDomain",
           absl::StrCat("https://", host, ".restlets.api.netsuite.com")},
          {"webservicesDomain",
           absl::StrCat("https://", host, ".suitetalk.api.netsuite.com")},
          {"systemDomain",
           absl::StrCat("https://", host, ".app.netsuite.com")}};
    }
  }
  return test;
}

void Celigo::SetOffline(Json& stored, bool offline, absl::Time now) {
  stored["offline"] = offline;
  const std::string id = Text(stored, "_id");
  if (offline) {
    state_.offline_since[id] = now;
  } else {
    state_.offline_since.erase(id);
  }
}

}  // namespace keyturn::sandbox
