#pragma once

#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/sandbox/oauth1.h"
#include "tests/sandbox/seed.h"
#include "tests/sandbox/world.h"

namespace keyturn::sandbox {

// The default world on a clock that stands still, with verbs for the calls that
// clients make and for what people do.
class SandboxTest : public testing::Test {
 protected:
  struct Quadruple {
    std::string consumer_key, consumer_secret, token_id, token_secret;
  };

  SandboxTest() { Fill({.netsuite_access = true, .schedules = false}); }

  void Fill(const SeedOptions& options) {
    absl::StatusOr<Seeded> seeded = SeedWorld(options, &world_);
    if (!seeded.ok()) {
      std::cerr << seeded.status() << std::endl;
      std::abort();
    }
    info_ = seeded->info;
    for (const SeedFile& file : seeded->files) {
      if (file.path != "netsuite-tba.json") continue;
      const Json keys = ParseJson(file.content);
      access_ = {Text(keys, "consumerKey"), Text(keys, "consumerSecret"),
                 Text(keys, "tokenId"), Text(keys, "tokenSecret")};
    }
    connection_ = Text(info_, "connection");
  }

  Response Celigo(const std::string& method, const std::string& target,
                  const Json& body = Json()) {
    Request request;
    request.method = method;
    request.host = "localhost:1";
    request.target = target;
    request.headers = {
        {"Authorization", "Bearer " + Text(info_, "celigo_token")},
        {"Content-Type", "application/json"}};
    if (!body.is_null()) request.body = Dump(body);
    return world_.Handle(request);
  }

  Json Document(const std::string& target) {
    const Response response = Celigo("GET", target);
    EXPECT_EQ(response.status, 200) << target << ": " << response.body;
    return ParseJson(response.body);
  }

  std::string ConnectionPath(const std::string& tail = "") const {
    return "/v1/connections/" + connection_ + tail;
  }
  std::string FlowId(int index) const {
    return Member(info_, "flows")[index].get<std::string>();
  }
  std::string FlowPath(int index, const std::string& tail = "") const {
    return "/v1/flows/" + FlowId(index) + tail;
  }

  Json Control(const std::string& method, const std::string& path,
               const Json& body = Json::object()) {
    Request request;
    request.method = method;
    request.host = "localhost:1";
    request.target = path;
    request.headers = {{"X-Control-Key", "key"}};
    request.body = Dump(body);
    const Response response = world_.Handle(request);
    EXPECT_EQ(response.status, 200) << path << ": " << response.body;
    return ParseJson(response.body);
  }
  Json Act(const std::string& act, const Json& arguments) {
    return Control("POST", "/control/act/" + act, arguments);
  }
  Json State() { return Control("GET", "/control/state"); }
  void Switch(const std::string& name, const std::string& answer) {
    Control("POST", "/control/switches", {{name, answer}});
  }
  void Fault(const Json& fault) { Control("POST", "/control/faults", fault); }

  Request Signed(const std::string& method, const std::string& target,
                 const Quadruple& keys, const std::string& body = "",
                 const std::string& realm = "7654321") {
    Request request;
    request.method = method;
    request.host = "localhost:1";
    request.target = target;
    request.body = body;
    request.headers = {{"Content-Type", "application/json"},
                       {"Prefer", "transient"}};
    OAuthHeader header;
    header.fields = {
        {"oauth_consumer_key", keys.consumer_key},
        {"oauth_token", keys.token_id},
        {"oauth_signature_method", "HMAC-SHA256"},
        {"oauth_timestamp", std::to_string(absl::ToUnixSeconds(clock_.Now()))},
        {"oauth_nonce", "nonce" + std::to_string(++nonce_)},
        {"oauth_version", "1.0"}};
    const std::string signature =
        Signature(SignatureBase(method, "https://localhost:1" + request.Path(),
                                header, request.Query()),
                  keys.consumer_secret, keys.token_secret);
    std::string text = "OAuth realm=\"" + realm + "\"";
    for (const auto& [name, value] : header.fields) {
      text += ", " + name + "=\"" + PercentEncode(value) + "\"";
    }
    text += ", oauth_signature=\"" + PercentEncode(signature) + "\"";
    request.headers.emplace_back("Authorization", text);
    return request;
  }
  Response Netsuite(const std::string& method, const std::string& target,
                    const Json& body = Json()) {
    return world_.Handle(
        Signed(method, target, access_, body.is_null() ? "" : Dump(body)));
  }
  Json Query(const std::string& query) {
    const Response response =
        Netsuite("POST", "/services/rest/query/v1/suiteql", {{"q", query}});
    EXPECT_EQ(response.status, 200) << query << ": " << response.body;
    return Member(ParseJson(response.body), "items");
  }
  std::string UserId() {
    return Text(Query("SELECT id FROM employee WHERE email = "
                      "'jira.integration@example.com'")[0],
                "id");
  }

  // Plays steps A to D; returns the token's id and secret.
  std::pair<std::string, std::string> MakeGoodToken() {
    Act("enable-feature", Json::object());
    Act("clone-role", {{"from", "Celigo Jira Connector"},
                       {"name", "CeligoJiraTBA"},
                       {"add_permissions", {"ADMI_LOGIN_OAUTH"}}});
    Act("assign-role",
        {{"user", "jira.integration@example.com"}, {"role", "CeligoJiraTBA"}});
    const Json token =
        Act("create-token",
            {{"application", "High Tech Connectors Token-based Auth"},
             {"user", "jira.integration@example.com"},
             {"role", "CeligoJiraTBA"},
             {"name", "keyturn 1"}});
    return {Text(token, "tokenId"), Text(token, "tokenSecret")};
  }

  // The document as read, turned to token as the seed's last part says.
  Json TokenDocument(const std::string& id, const std::string& secret) {
    Json document = Document(ConnectionPath());
    Json& netsuite = document["netsuite"];
    netsuite.erase("email");
    netsuite.erase("password");
    netsuite["authType"] = "token";
    netsuite["tokenId"] = id;
    netsuite["tokenSecret"] = secret;
    netsuite["requestLevelCredentials"] = true;
    netsuite["_iClientId"] = Text(info_, "iclient");
    return document;
  }
  Response PingUnsaved(const Json& document) {
    return Celigo("POST", "/v1/connections/ping", document);
  }
  // NetSuite's word for the latest login.
  std::string LastAuditDetail() {
    const Json audit = State()["netsuite"]["7654321"]["audit"];
    return audit.empty() ? "" : Text(audit.back(), "detail");
  }

  ManualClock clock_{absl::FromUnixSeconds(1'800'000'000)};
  World world_{{.control_key = "key", .seed = 7}, &clock_};
  Json info_;
  Quadruple access_;
  std::string connection_;
  int nonce_ = 0;
};

}  // namespace keyturn::sandbox
