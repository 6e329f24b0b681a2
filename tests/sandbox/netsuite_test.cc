#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "tests/sandbox/certificates.h"
#include "tests/sandbox/fixture.h"
#include "tests/sandbox/jwt.h"

namespace keyturn::sandbox {
namespace {

using testing::HasSubstr;
using testing::UnorderedElementsAre;

class NetsuiteTest : public SandboxTest {
 protected:
  NetsuiteTest() : user_id_(UserId()) {}

  Json RoleIds() {
    Json ids = Json::array();
    const Json roles =
        ParseJson(Netsuite("GET", "/services/rest/record/v1/employee/" +
                                      UserId() + "/roles")
                      .body);
    for (const Json& item : roles["items"]) {
      ids.push_back(Text(item["selectedRole"], "id"));
    }
    return ids;
  }
  Response PatchRoles(const std::string& role, const std::string& query = "") {
    return Netsuite(
        "PATCH", "/services/rest/record/v1/employee/" + user_id_ + query,
        {{"roles",
          {{"items", Json::array({{{"selectedRole", {{"id", role}}}}})}}}});
  }

  const std::string user_id_;
};

TEST_F(NetsuiteTest, TellsWhomATokenStandsFor) {
  const Response response = Netsuite("GET", "/rest/tokeninfo");
  EXPECT_EQ(response.status, 200);
  EXPECT_THAT(response.body, HasSubstr("\"roleName\":\"Keyturn Access\""));
  EXPECT_THAT(response.Header("Set-Cookie"), HasSubstr("JSESSIONID"));
}

TEST_F(NetsuiteTest, RefusesTheSameNonceTwice) {
  const Request request = Signed("GET", "/rest/tokeninfo", access_);
  EXPECT_EQ(world_.Handle(request).status, 200);
  EXPECT_EQ(world_.Handle(request).status, 401);
  EXPECT_EQ(LastAuditDetail(), "NonceUsed");
}

TEST_F(NetsuiteTest, RefusesAWrongSignatureWithOneGenericAnswer) {
  Quadruple wrong = access_;
  wrong.token_secret = "wrong";
  const Response rest = world_.Handle(
      Signed("POST", "/services/rest/query/v1/suiteql", wrong, "{}"));
  EXPECT_EQ(rest.status, 401);
  EXPECT_THAT(rest.body, HasSubstr("\"o:errorCode\":\"INVALID_LOGIN\""));
  EXPECT_THAT(rest.Header("WWW-Authenticate"), HasSubstr("token_rejected"));
  EXPECT_EQ(LastAuditDetail(), "InvalidSignature");
  const Response endpoint =
      world_.Handle(Signed("GET", "/rest/tokeninfo", wrong));
  EXPECT_EQ(endpoint.status, 401);
  EXPECT_THAT(endpoint.body, HasSubstr("INVALID_LOGIN_ATTEMPT"));
}

TEST_F(NetsuiteTest, LocksAUserAfterFiveFailures) {
  Quadruple wrong = access_;
  wrong.token_secret = "wrong";
  for (int i = 0; i < 5; ++i) {
    world_.Handle(Signed("GET", "/rest/tokeninfo", wrong));
  }
  EXPECT_EQ(Netsuite("GET", "/rest/tokeninfo").status, 401);
  EXPECT_EQ(LastAuditDetail(), "temporary_locked");
  clock_.Advance(absl::Minutes(30));
  EXPECT_EQ(Netsuite("GET", "/rest/tokeninfo").status, 200);
}

TEST_F(NetsuiteTest, WantsTheRealmInItsOwnForm) {
  EXPECT_EQ(
      world_
          .Handle(Signed("GET", "/rest/tokeninfo", access_, "", "7654321-sb1"))
          .status,
      401);
}

TEST_F(NetsuiteTest, RefusesAClockThatIsOff) {
  Request request = Signed("GET", "/rest/tokeninfo", access_);
  clock_.Advance(absl::Minutes(6));
  EXPECT_EQ(world_.Handle(request).status, 401);
  EXPECT_EQ(LastAuditDetail(), "InvalidTimestamp");
  Switch("clock_skew_seconds", "400");
  EXPECT_EQ(Netsuite("GET", "/rest/tokeninfo").status, 401);
}

TEST_F(NetsuiteTest, ASessionCookieSpoilsTheCall) {
  Request request = Signed("GET", "/rest/tokeninfo", access_);
  request.headers.emplace_back("Cookie", "JSESSIONID=abc");
  EXPECT_NE(world_.Handle(request).status, 200);
}

TEST_F(NetsuiteTest, RefusesEverybodyWhileTheFeatureIsOff) {
  Act("disable-feature", Json::object());
  EXPECT_EQ(Netsuite("GET", "/rest/tokeninfo").status, 401);
  EXPECT_EQ(LastAuditDetail(), "FeatureDisabled");
  Switch("feature_off_answer", "forbidden_403");
  EXPECT_EQ(Netsuite("GET", "/rest/tokeninfo").status, 403);
}

TEST_F(NetsuiteTest, QueriesRolesPermissionsAndTokens) {
  MakeGoodToken();
  const Json role = Query(
      "SELECT id, scriptid, name, isinactive FROM role WHERE name = "
      "'CeligoJiraTBA'");
  ASSERT_EQ(role.size(), 1u);
  EXPECT_EQ(Text(role[0], "isinactive"), "F");
  const Json permissions = Query(
      "SELECT permkey, permlevel, restriction FROM rolepermissions WHERE "
      "role = " +
      Text(role[0], "id") + " ORDER BY permkey");
  EXPECT_EQ(permissions.size(), 27u);
  EXPECT_FALSE(permissions[0].contains("restriction"));
  const Json tokens = Query(
      "SELECT TBA_Token_Name, BUILTIN.DF(TBA_App_Name) AS app, "
      "BUILTIN.DF(Role_Name) AS role, BREVOKED FROM oAuthToken WHERE "
      "TBA_Token_Name = 'keyturn 1'");
  ASSERT_EQ(tokens.size(), 1u);
  EXPECT_EQ(Text(tokens[0], "app"), "High Tech Connectors Token-based Auth");
  EXPECT_EQ(Text(tokens[0], "role"), "CeligoJiraTBA");
  EXPECT_EQ(Text(tokens[0], "brevoked"), "F");
  EXPECT_THAT(tokens[0].dump(), Not(HasSubstr(access_.token_id)));
}

TEST_F(NetsuiteTest, PagesQueriesByLimitAndOffset) {
  const auto page = [&](const std::string& query) {
    return Netsuite("POST", "/services/rest/query/v1/suiteql" + query,
                    {{"q", "SELECT id FROM role ORDER BY id"}});
  };
  const Json first = ParseJson(page("?limit=3&offset=0").body);
  EXPECT_EQ(first["count"], 3);
  EXPECT_EQ(first["hasMore"], true);
  EXPECT_EQ(first["totalResults"], 7);
  const Json last = ParseJson(page("?limit=3&offset=6").body);
  EXPECT_EQ(last["count"], 1);
  EXPECT_EQ(last["hasMore"], false);
  EXPECT_EQ(page("?limit=3&offset=4").status, 400);
  EXPECT_EQ(page("?limit=1001").status, 400);
}

TEST_F(NetsuiteTest, HidesTablesFromRolesThatMayNotSeeThem) {
  Switch("oauth_token_table", "hidden");
  const Response hidden = Netsuite("POST", "/services/rest/query/v1/suiteql",
                                   {{"q", "SELECT BREVOKED FROM oAuthToken"}});
  EXPECT_EQ(hidden.status, 400);
  EXPECT_THAT(hidden.body, HasSubstr("INVALID_PARAMETER"));
  EXPECT_THAT(hidden.body, HasSubstr("Record 'oauthtoken' was not found."));
  Act("edit-role", {{"role", "Keyturn Access"},
                    {"remove_permissions", {"ADMI_MANAGEROLES"}}});
  EXPECT_EQ(Netsuite("POST", "/services/rest/query/v1/suiteql",
                     {{"q", "SELECT id FROM role"}})
                .status,
            400);
}

TEST_F(NetsuiteTest, NeedsThePreferHeaderForQueries) {
  Request request = Signed("POST", "/services/rest/query/v1/suiteql", access_,
                           "{\"q\":\"SELECT id FROM role\"}");
  std::erase_if(request.headers, [](const NameValue& header) {
    return header.first == "Prefer";
  });
  EXPECT_EQ(world_.Handle(request).status, 400);
}

TEST_F(NetsuiteTest, MergesARoleIntoTheListOrAppendsIt) {
  const size_t before = RoleIds().size();
  EXPECT_EQ(PatchRoles("1008").status, 204);
  EXPECT_EQ(RoleIds().size(), before + 1);
  PatchRoles("1008");
  EXPECT_EQ(RoleIds().size(), before + 1);
  Switch("roles_sublist", "append");
  PatchRoles("1008");
  EXPECT_EQ(RoleIds().size(), before + 2);
  PatchRoles("1008", "?replace=roles");
  EXPECT_EQ(RoleIds(), Json::array({"1008"}));
}

TEST_F(NetsuiteTest, RefusesUnknownFieldsOnlyWhenAskedTo) {
  const std::string path = "/services/rest/record/v1/employee/" + UserId();
  EXPECT_EQ(Netsuite("PATCH", path, {{"giveAcess", true}}).status, 204);
  Request strict = Signed("PATCH", path, access_, "{\"giveAcess\":true}");
  strict.headers.emplace_back("X-NetSuite-PropertyNameValidation", "error");
  EXPECT_EQ(world_.Handle(strict).status, 400);
}

TEST_F(NetsuiteTest, EnforcesThePermissionsOfTheCallersRole) {
  Act("edit-role", {{"role", "Keyturn Access"},
                    {"remove_permissions", {"LIST_EMPLOYEE_ACCESS"}}});
  const Response response = PatchRoles("1008");
  EXPECT_EQ(response.status, 403);
  EXPECT_THAT(response.body, HasSubstr("INSUFFICIENT_PERMISSION"));
  Act("edit-role", {{"role", "Keyturn Access"},
                    {"remove_permissions", {"ADMI_RESTWEBSERVICES"}}});
  EXPECT_EQ(PatchRoles("1008").status, 401);
}

TEST_F(NetsuiteTest, FindsEmployeesByFilterAndById) {
  const Json found = ParseJson(
      Netsuite("GET",
               "/services/rest/record/v1/employee?q=" +
                   PercentEncode("email IS \"jira.integration@example.com\""))
          .body);
  ASSERT_EQ(found["totalResults"], 1);
  const std::string id = Text(found["items"][0], "id");
  EXPECT_EQ(id, UserId());
  const Json record =
      ParseJson(Netsuite("GET", "/services/rest/record/v1/employee/" + id +
                                    "?expandSubResources=true")
                    .body);
  EXPECT_EQ(record["giveAccess"], true);
  EXPECT_EQ(record["roles"]["count"], 2);
  const Response missing =
      Netsuite("GET", "/services/rest/record/v1/employee/999999");
  EXPECT_EQ(missing.status, 404);
  EXPECT_THAT(missing.body, HasSubstr("NONEXISTENT_ID"));
}

TEST_F(NetsuiteTest, LimitsConcurrentCallsPerAccount) {
  Act("set-tier", {{"concurrency_limit", 2}});
  Switch("netsuite_latency_ms", "1000");
  const std::string path = "/services/rest/record/v1/employee";
  EXPECT_EQ(Netsuite("GET", path).status, 200);
  EXPECT_EQ(Netsuite("GET", path).status, 200);
  const Response third = Netsuite("GET", path);
  EXPECT_EQ(third.status, 429);
  EXPECT_THAT(third.body, HasSubstr("CONCURRENCY_LIMIT_EXCEEDED"));
  clock_.Advance(absl::Seconds(2));
  EXPECT_EQ(Netsuite("GET", path).status, 200);
}

TEST_F(NetsuiteTest, RevokesOnlyTheCallersOwnTokens) {
  const auto [id, secret] = MakeGoodToken();
  const std::string consumer =
      Text(State()["netsuite"]["7654321"]["integrations"][0], "consumer_key");
  EXPECT_EQ(Netsuite("GET", "/rest/revoketoken?consumerKey=" + consumer +
                                "&token=" + id)
                .status,
            401);
  EXPECT_EQ(
      Netsuite("GET", "/rest/revoketoken?consumerKey=" + access_.consumer_key +
                          "&token=" + access_.token_id)
          .status,
      200);
  EXPECT_EQ(Netsuite("GET", "/rest/tokeninfo").status, 401);
}

TEST_F(NetsuiteTest, IssuesATokenByPassword) {
  MakeGoodToken();
  Act("edit-integration",
      {{"application", "Keyturn"}, {"issue_token_endpoint", true}});
  Act("edit-role", {{"role", "CeligoJiraTBA"},
                    {"add_permissions", {"ADMI_MANAGE_OWN_OAUTH_TOKENS"}}});
  Act("edit-user",
      {{"user", "jira.integration@example.com"}, {"password", "pa ss"}});
  const std::string role =
      Text(Query("SELECT id FROM role WHERE name = 'CeligoJiraTBA'")[0], "id");
  Request request;
  request.method = "GET";
  request.host = "localhost:1";
  request.target =
      "/rest/issuetoken?consumerKey=" + access_.consumer_key + "&name=mine";
  request.headers = {{"Authorization",
                      "NLAuth nlauth_account=7654321, "
                      "nlauth_email=jira.integration%40example.com, "
                      "nlauth_signature=pa%20ss, nlauth_role=" +
                          role}};
  const Response issued = world_.Handle(request);
  ASSERT_EQ(issued.status, 200) << issued.body;
  const Json token = ParseJson(issued.body);
  const Quadruple own = {access_.consumer_key, access_.consumer_secret,
                         Text(token, "tokenId"), Text(token, "tokenSecret")};
  EXPECT_EQ(world_.Handle(Signed("GET", "/rest/tokeninfo", own)).status, 200);
}

TEST_F(NetsuiteTest, StopsAtTwentyFiveActiveTokens) {
  MakeGoodToken();
  const Json token = {{"application", "integrator.io"},
                      {"user", "jira.integration@example.com"},
                      {"role", "CeligoJiraTBA"}};
  for (int i = 0; i < 24; ++i) Act("create-token", token);
  Request request;
  request.method = "POST";
  request.host = "localhost:1";
  request.target = "/control/act/create-token";
  request.headers = {{"X-Control-Key", "key"}};
  request.body = Dump(token);
  const Response refused = world_.Handle(request);
  EXPECT_EQ(refused.status, 409);
  EXPECT_THAT(refused.body, HasSubstr("exceeded the number of active"));
}

TEST_F(NetsuiteTest, HidesTokenPermissionsWhileTheFeatureIsOff) {
  Act("disable-feature", Json::object());
  Request request;
  request.method = "POST";
  request.host = "localhost:1";
  request.target = "/control/act/clone-role";
  request.headers = {{"X-Control-Key", "key"}};
  request.body = Dump({{"from", "Celigo Jira Connector"},
                       {"name", "X"},
                       {"add_permissions", {"ADMI_LOGIN_OAUTH"}}});
  EXPECT_EQ(world_.Handle(request).status, 409);
}

TEST_F(NetsuiteTest, ASandboxRefreshTakesEveryToken) {
  Act("sandbox-refresh", Json::object());
  EXPECT_EQ(Netsuite("GET", "/rest/tokeninfo").status, 401);
  EXPECT_EQ(LastAuditDetail(), "token_rejected");
}

TEST_F(NetsuiteTest, CallsADeployedRestletWithinItsAudience) {
  const std::string path =
      "/app/site/hosting/restlet.nl?script=customscript_keyturn&deploy="
      "customdeploy_keyturn";
  EXPECT_EQ(Netsuite("GET", path).status, 404);
  Act("deploy-restlet", Json::object());
  EXPECT_THAT(Netsuite("GET", path).body, HasSubstr("\"TBA\":true"));
  Act("deploy-restlet", {{"roles", {"Employee Center"}}});
  EXPECT_EQ(Netsuite("GET", path).status, 403);
}

TEST_F(NetsuiteTest, NamesTheDomainsOfAnAccount) {
  Request request;
  request.method = "GET";
  request.host = "localhost:1";
  request.target = "/rest/datacenterurls?account=7654321";
  EXPECT_THAT(world_.Handle(request).body,
              HasSubstr("\"restDomain\":\"https://localhost:1\""));
}

TEST_F(NetsuiteTest, GivesATokenByTheThreeSteps) {
  Act("edit-integration", {{"application", "Keyturn"},
                           {"authorization_flow", true},
                           {"callback", "https://x.example.com/cb"}});
  Act("edit-role", {{"role", "Keyturn Access"},
                    {"add_permissions", {"ADMI_MANAGE_OWN_OAUTH_TOKENS"}}});
  const auto call = [&](const std::string& target, const std::string& secret,
                        std::vector<NameValue> extra) {
    OAuthHeader header;
    header.fields = {
        {"oauth_consumer_key", access_.consumer_key},
        {"oauth_signature_method", "HMAC-SHA256"},
        {"oauth_timestamp", std::to_string(absl::ToUnixSeconds(clock_.Now()))},
        {"oauth_nonce", "flow-nonce" + std::to_string(++nonce_)}};
    for (NameValue& field : extra) header.fields.push_back(std::move(field));
    header.fields.emplace_back(
        "oauth_signature",
        Signature(
            SignatureBase("POST", "https://localhost:1" + target, header, {}),
            access_.consumer_secret, secret));
    std::string text = "OAuth ";
    for (const auto& [name, value] : header.fields) {
      text += (text.size() > 6 ? "," : "") + name + "=\"" +
              PercentEncode(value) + "\"";
    }
    Request request;
    request.method = "POST";
    request.host = "localhost:1";
    request.target = target;
    request.headers = {{"Authorization", text}};
    return world_.Handle(request);
  };
  const auto field = [](const Response& response, const std::string& name) {
    for (const auto& [key, value] : ParseQuery(response.body)) {
      if (key == name) return value;
    }
    return std::string();
  };
  const Response first = call("/rest/requesttoken", "",
                              {{"oauth_callback", "https://x.example.com/cb"}});
  ASSERT_EQ(first.status, 200) << first.body;
  const std::string asked = field(first, "oauth_token");
  const Json allowed =
      Act("authorize-token", {{"user", "keyturn.access@example.com"},
                              {"role", "Keyturn Access"},
                              {"oauth_token", asked},
                              {"state", "abc"}});
  const std::string redirect = Text(allowed, "redirect");
  std::string verifier;
  for (const auto& [name, value] :
       ParseQuery(redirect.substr(redirect.find('?') + 1))) {
    if (name == "oauth_verifier") verifier = value;
  }
  const std::string secret = field(first, "oauth_token_secret");
  EXPECT_EQ(call("/rest/accesstoken", secret,
                 {{"oauth_token", asked}, {"oauth_verifier", "wrong"}})
                .status,
            401);
  EXPECT_EQ(LastAuditDetail(), "InvalidVerifier");
  const Response second =
      call("/rest/accesstoken", secret,
           {{"oauth_token", asked}, {"oauth_verifier", verifier}});
  ASSERT_EQ(second.status, 200) << second.body;
  const Quadruple own = {access_.consumer_key, access_.consumer_secret,
                         field(second, "oauth_token"),
                         field(second, "oauth_token_secret")};
  EXPECT_EQ(world_.Handle(Signed("GET", "/rest/tokeninfo", own)).status, 200);
}

std::string SignJwt(const std::string& text, EVP_PKEY* key, bool pss) {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  EVP_PKEY_CTX* key_context = nullptr;
  EVP_DigestSignInit(context, &key_context, EVP_sha256(), nullptr, key);
  if (pss) {
    EVP_PKEY_CTX_set_rsa_padding(key_context, RSA_PKCS1_PSS_PADDING);
    EVP_PKEY_CTX_set_rsa_pss_saltlen(key_context, RSA_PSS_SALTLEN_DIGEST);
  }
  std::string signature(1024, '\0');
  size_t size = signature.size();
  EVP_DigestSign(context, reinterpret_cast<unsigned char*>(signature.data()),
                 &size, reinterpret_cast<const unsigned char*>(text.data()),
                 text.size());
  EVP_MD_CTX_free(context);
  signature.resize(size);
  if (pss) return signature;
  const auto* der = reinterpret_cast<const unsigned char*>(signature.data());
  ECDSA_SIG* parsed = d2i_ECDSA_SIG(nullptr, &der, static_cast<long>(size));
  std::string raw(64, '\0');
  auto* out = reinterpret_cast<unsigned char*>(raw.data());
  BN_bn2binpad(ECDSA_SIG_get0_r(parsed), out, 32);
  BN_bn2binpad(ECDSA_SIG_get0_s(parsed), out + 32, 32);
  ECDSA_SIG_free(parsed);
  return raw;
}

class ClientCredentialsTest : public NetsuiteTest {
 protected:
  ClientCredentialsTest() {
    // The seed's own key is in its file; the world here is filled with another
    // certificate through the same fields.
    absl::StatusOr<KeyAndCertificate> pair = MakeAuthority("test");
    EXPECT_TRUE(pair.ok());
    BIO* bio = BIO_new_mem_buf(pair->private_key_pem.data(), -1);
    key_ = PEM_read_bio_PrivateKey(bio, nullptr, nullptr, nullptr);
    BIO_free(bio);
    world_.Seed([&](World& world) {
      auto& certificates =
          world.netsuite().FindAccount("7654321")->certificates;
      certificates.begin()->second.pem = pair->certificate_pem;
      // The clock of this test stands in another year than the certificate's.
      certificates.begin()->second.not_after = absl::InfiniteFuture();
      kid_ = certificates.begin()->first;
      return true;
    });
  }
  ~ClientCredentialsTest() override { EVP_PKEY_free(key_); }

  Response Ask(const Json& payload_changes, bool break_signature = false) {
    const int64_t now = absl::ToUnixSeconds(clock_.Now());
    Json payload = {
        {"iss", access_.consumer_key},
        {"scope", {"rest_webservices"}},
        {"aud", "https://localhost:1/services/rest/auth/oauth2/v1/token"},
        {"iat", now},
        {"exp", now + 300}};
    payload.update(payload_changes);
    const Json header = {{"typ", "JWT"}, {"alg", "ES256"}, {"kid", kid_}};
    const std::string text =
        Base64UrlEncode(Dump(header)) + "." + Base64UrlEncode(Dump(payload));
    const std::string jwt =
        text + "." +
        Base64UrlEncode(
            SignJwt(break_signature ? text + "x" : text, key_, false));
    Request request;
    request.method = "POST";
    request.host = "localhost:1";
    request.target = "/services/rest/auth/oauth2/v1/token";
    request.headers = {{"Content-Type", "application/x-www-form-urlencoded"}};
    request.body =
        "grant_type=client_credentials&client_assertion_type=" +
        PercentEncode(
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer") +
        "&client_assertion=" + PercentEncode(jwt);
    return world_.Handle(request);
  }

  EVP_PKEY* key_ = nullptr;
  std::string kid_;
};

TEST_F(ClientCredentialsTest, GivesABearerForAnHour) {
  const Response answer = Ask(Json::object());
  ASSERT_EQ(answer.status, 200) << answer.body;
  Request query;
  query.method = "POST";
  query.host = "localhost:1";
  query.target = "/services/rest/query/v1/suiteql";
  query.headers = {{"Authorization",
                    "Bearer " + Text(ParseJson(answer.body), "access_token")},
                   {"Prefer", "transient"}};
  query.body = "{\"q\":\"SELECT id FROM role\"}";
  EXPECT_EQ(world_.Handle(query).status, 200);
  clock_.Advance(absl::Minutes(61));
  EXPECT_EQ(world_.Handle(query).status, 401);
}

TEST_F(ClientCredentialsTest, RefusesWhatDoesNotFit) {
  EXPECT_EQ(Ask(Json::object(), /*break_signature=*/true).status, 401);
  EXPECT_EQ(Ask({{"iss", "someone"}}).status, 401);
  EXPECT_EQ(Ask({{"aud", "https://elsewhere"}}).status, 400);
  EXPECT_EQ(Ask({{"exp", absl::ToUnixSeconds(clock_.Now()) + 7200}}).status,
            400);
  EXPECT_EQ(Ask({{"scope", {"restlets"}}}).status, 400);
}

TEST(JwtTest, RefusesAnUnsignedToken) {
  const std::string none =
      Base64UrlEncode("{\"alg\":\"none\"}") + "." + Base64UrlEncode("{}") + ".";
  const std::optional<Jwt> jwt = ParseJwt(none);
  ASSERT_TRUE(jwt.has_value());
  EXPECT_FALSE(VerifyJwt(*jwt, MakeAuthority("x")->certificate_pem));
}

}  // namespace
}  // namespace keyturn::sandbox
