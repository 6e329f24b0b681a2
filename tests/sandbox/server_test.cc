#include "tests/sandbox/server.h"

#include <httplib.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "tests/sandbox/control_client.h"
#include "tests/sandbox/files.h"
#include "tests/sandbox/fixture.h"

namespace keyturn::sandbox {
namespace {

class ServerTest : public SandboxTest {
 protected:
  ServerTest() {
    directory_ =
        (std::filesystem::temp_directory_path() / "sandbox-XXXXXX").string();
    EXPECT_NE(mkdtemp(directory_.data()), nullptr);
    absl::StatusOr<KeyAndCertificate> authority = MakeAuthority("test");
    absl::StatusOr<KeyAndCertificate> certificate =
        MakeServerCertificate(*authority, {"localhost"}, {"127.0.0.1"});
    EXPECT_TRUE(
        WritePrivateFile(directory_ + "/ca.pem", authority->certificate_pem)
            .ok());
    auto server = Server::Start({.certificate = *certificate}, &world_);
    EXPECT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  ~ServerTest() override { std::filesystem::remove_all(directory_); }

  std::string Url() const {
    return "https://127.0.0.1:" + std::to_string(server_->ports()[0]);
  }
  std::unique_ptr<httplib::Client> Connect() const {
    auto client = std::make_unique<httplib::Client>(Url());
    client->set_ca_cert_path((directory_ + "/ca.pem").c_str());
    client->enable_server_certificate_verification(true);
    client->set_keep_alive(true);
    client->set_default_headers(
        {{"Authorization", "Bearer " + Text(info_, "celigo_token")}});
    return client;
  }

  std::string directory_;
  std::unique_ptr<Server> server_;
};

TEST_F(ServerTest, AnswersOverTls) {
  auto client = Connect();
  for (int i = 0; i < 3; ++i) {
    const auto result = client->Get("/v1/tokenInfo");
    ASSERT_TRUE(result) << httplib::to_string(result.error());
    EXPECT_EQ(result->status, 200);
  }
  const auto put = client->Put(ConnectionPath(), "{}", "application/json");
  ASSERT_TRUE(put);
  EXPECT_EQ(put->status, 422);
}

TEST_F(ServerTest, DropsTheConnectionWhereAFaultSaysSo) {
  Fault({{"kind", "reset_after"}, {"path", "/v1/tokeninfo"}});
  EXPECT_FALSE(Connect()->Get("/v1/tokenInfo"));
  Fault({{"kind", "cut_body"}, {"path", "/v1/tokeninfo"}});
  EXPECT_FALSE(Connect()->Get("/v1/tokenInfo"));
  EXPECT_TRUE(Connect()->Get("/v1/tokenInfo"));
}

TEST_F(ServerTest, ServesManyKeptConnectionsAtOnceAndStopsAtOnce) {
  constexpr int kClients = 300;
  std::vector<std::unique_ptr<httplib::Client>> clients;
  for (int i = 0; i < kClients; ++i) {
    clients.push_back(Connect());
    ASSERT_TRUE(clients.back()->Get("/v1/tokenInfo"));
  }
  for (auto& client : clients) ASSERT_TRUE(client->Get("/v1/tokenInfo"));
  server_.reset();
  EXPECT_FALSE(clients.front()->Get("/v1/tokenInfo"));
}

TEST_F(ServerTest, TheControlClientActs) {
  const Json file = {{"base_url", Url()},
                     {"ca_file", directory_ + "/ca.pem"},
                     {"control_key", "key"}};
  ASSERT_TRUE(WritePrivateFile(directory_ + "/sandbox.json", Dump(file)).ok());
  absl::StatusOr<ControlClient> client = ControlClient::Open(directory_);
  ASSERT_TRUE(client.ok());
  EXPECT_TRUE(client->Act("enable-feature", Json::object()).ok());
  const absl::StatusOr<Json> refused =
      client->Act("revoke-token", {{"name", "none"}});
  EXPECT_THAT(std::string(refused.status().message()),
              testing::HasSubstr("no access token named"));
}

TEST(ControlClientTest, SaysHowToStartTheSandbox) {
  const absl::StatusOr<ControlClient> client =
      ControlClient::Open("/no/such/directory");
  EXPECT_THAT(std::string(client.status().message()),
              testing::HasSubstr("keyturn-sandbox serve"));
}

}  // namespace
}  // namespace keyturn::sandbox
