#include "daemon/upstream/netsuite/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <utility>

#include "tests/support/status_matchers.h"
#include "tests/upstream/netsuite/client_fixture.h"
#include "tests/upstream/netsuite/keys.h"

namespace keyturn::netsuite {
namespace {

using ::testing::AllOf;
using testing::HasCode;
using testing::HasReason;
using ::testing::HasSubstr;
using testing::IsOk;
using testing::MessageIs;

constexpr char kEmptyPage[] = R"({"items":[],"hasMore":false})";

// How attempts are signed, repeated and given up.
class ClientTest : public ClientFixture {};

TEST_F(ClientTest, SignsEveryAttemptAnewAndLeavesRepeatingToNobodyElse) {
  transport_.Then(503);
  transport_.Then(200, kEmptyPage);
  EXPECT_THAT(Run(client_.SuiteQl("SELECT id FROM role ORDER BY id")), IsOk());
  ASSERT_EQ(transport_.sent().size(), 2u);
  EXPECT_THAT(sent(0).authorization, HasSubstr("oauth_nonce=\"nonce1\""));
  EXPECT_THAT(sent(1).authorization, HasSubstr("oauth_nonce=\"nonce2\""));
  EXPECT_NE(sent(0).authorization, sent(1).authorization);
  EXPECT_FALSE(sent(0).repeatable);
  EXPECT_FALSE(sent(1).repeatable);
  EXPECT_EQ(sent(0).body, sent(1).body);
}

TEST_F(ClientTest, SendsASignatureThatFitsTheRequest) {
  transport_.Then(200, kEmptyPage);
  EXPECT_THAT(Run(client_.SuiteQl("SELECT 1")), IsOk());
  const SigningKeys keys{"consumer-key", "consumer-secret", "token-id",
                         "token-secret"};
  const SignedRequest request{"POST", sent(0).url, {}};
  const auto header =
      OAuthHeader(client_.account(), request, keys, {"nonce1", clock_.Now()});
  ASSERT_THAT(header, IsOk());
  EXPECT_EQ(sent(0).authorization, header->Expose());
  EXPECT_THAT(sent(0).authorization, HasSubstr("realm=\"123456_SB1\""));
}

TEST_F(ClientTest, RepeatsAReadAfterOverloadAndBrokenExchanges) {
  transport_.Then(429, "");
  transport_.Then(http::WithEffect(absl::UnavailableError("broken"),
                                   http::Effect::kUnknown));
  transport_.Then(200, kEmptyPage);
  const absl::Time start = clock_.Now();
  EXPECT_THAT(Run(client_.SuiteQl("SELECT 1")), IsOk());
  EXPECT_EQ(clock_.Now() - start, kBackoffFirst + 2 * kBackoffFirst);
  EXPECT_EQ(credentials_opened_, 1);
}

TEST_F(ClientTest, GivesUpAfterTheLastAttemptAndKeepsTheReason) {
  for (int i = 0; i < kReadAttemptsMax; ++i) transport_.Then(503);
  EXPECT_THAT(Run(client_.SuiteQl("SELECT 1")),
              AllOf(HasCode(absl::StatusCode::kUnavailable), HasReason(kBusy)));
  EXPECT_EQ(transport_.sent().size(), static_cast<size_t>(kReadAttemptsMax));
}

TEST_F(ClientTest, HonoursRetryAfter) {
  http::Response busy = Reply(429);
  busy.retry_after = absl::Seconds(7);
  transport_.Then(std::move(busy));
  transport_.Then(200, kEmptyPage);
  const absl::Time start = clock_.Now();
  EXPECT_THAT(Run(client_.SuiteQl("SELECT 1")), IsOk());
  EXPECT_EQ(clock_.Now() - start, absl::Seconds(7) + kBackoffFirst);
}

TEST_F(ClientTest, LeavesALongWaitToTheCaller) {
  http::Response busy = Reply(429);
  busy.retry_after = absl::Minutes(10);
  transport_.Then(std::move(busy));
  EXPECT_THAT(Run(client_.SuiteQl("SELECT 1")), HasReason(kBusy));
  EXPECT_EQ(transport_.sent().size(), 1u);
}

TEST_F(ClientTest, NeverRepeatsARefusal) {
  for (const int status : {400, 401, 403, 404}) {
    const size_t before = transport_.sent().size();
    transport_.Then(status);
    EXPECT_FALSE(Run(client_.SuiteQl("SELECT 1")).ok()) << status;
    EXPECT_EQ(transport_.sent().size(), before + 1) << status;
  }
}

TEST_F(ClientTest, NeverRepeatsAWriteAndSaysWhetherItMayHaveArrived) {
  transport_.Then(503);
  transport_.Then(429);
  transport_.Then(http::WithEffect(absl::UnavailableError("no route"),
                                   http::Effect::kNone));
  const auto write = [this] {
    return Run(client_.AddEmployeeRole("42", "1042", Access::kLeaveAsIs));
  };
  EXPECT_EQ(http::EffectOf(write()), http::Effect::kUnknown);
  EXPECT_EQ(http::EffectOf(write()), http::Effect::kNone);
  const absl::Status unreachable = write();
  EXPECT_EQ(http::EffectOf(unreachable), http::Effect::kNone);
  EXPECT_THAT(unreachable, MessageIs(HasSubstr("to give an employee a role")));
  EXPECT_EQ(transport_.sent().size(), 3u);
}

TEST_F(ClientTest, SaysWhatToDoWithoutAnAccessCredential) {
  Client bare(PartsFor(nullptr), transport_, clock_);
  EXPECT_THAT(Run(bare.TokenInfo()),
              AllOf(HasCode(absl::StatusCode::kFailedPrecondition),
                    HasReason(kNoAccessCredential),
                    MessageIs(HasSubstr("netsuite-tba"))));
  EXPECT_TRUE(transport_.sent().empty());
}

TEST_F(ClientTest, HandsOnWhatTheVaultSays) {
  Client sealed(PartsFor([]() -> absl::StatusOr<AccessCredential> {
                  return absl::UnavailableError("the vault is sealed");
                }),
                transport_, clock_);
  EXPECT_THAT(Run(sealed.FindRoles("x")),
              MessageIs(HasSubstr("the vault is sealed")));
  EXPECT_TRUE(transport_.sent().empty());
}

TEST_F(ClientTest, UsesABearerTokenForAnM2mCredentialAndForgetsARefusedOne) {
  const Key key = NewEcKey("P-256");
  Client client(
      PartsFor([key]() -> absl::StatusOr<AccessCredential> {
        return AccessCredential(M2m{.client_id = secret::Secret("client"),
                                    .certificate_id = "certificate",
                                    .private_key_pem = ToPem(key)});
      }),
      transport_, clock_);
  transport_.Then(200, R"({"access_token":"one","expires_in":"3600"})");
  transport_.Then(200, kEmptyPage);
  transport_.Then(401);
  transport_.Then(200, R"({"access_token":"two","expires_in":"3600"})");
  transport_.Then(200, kEmptyPage);
  EXPECT_THAT(Run(client.SuiteQl("SELECT 1")), IsOk());
  EXPECT_EQ(sent(1).authorization, "Bearer one");
  EXPECT_THAT(Run(client.SuiteQl("SELECT 1")), HasReason(kLoginRefused));
  EXPECT_THAT(Run(client.SuiteQl("SELECT 1")), IsOk());
  EXPECT_EQ(sent(4).authorization, "Bearer two");
  EXPECT_TRUE(transport_.finished());
}

// Through the layers that the daemon stacks, each nonce is seen once, although
// these layers repeat a GET by default.
TEST_F(ClientTest, IsNotRepeatedByTheLayersBelowWhenTheyAreBuiltAsItAsks) {
  auto wire = std::make_unique<ScriptedTransport>();
  ScriptedTransport& script = *wire;
  for (int i = 0; i < kReadAttemptsMax; ++i) script.Then(503);
  const auto random = http::NewRandomSource();
  const auto layers =
      http::NewRetryTransport(std::move(wire), AccountRetry(), clock_, *random);
  Client client(PartsFor([]() -> absl::StatusOr<AccessCredential> {
                  return AccessCredential(TestTba());
                }),
                *layers, clock_);
  EXPECT_THAT(Run(client.TokenInfo()), HasReason(kBusy));
  std::set<std::string> headers;
  for (const SentRequest& request : script.sent()) {
    EXPECT_TRUE(headers.insert(request.authorization).second);
  }
  EXPECT_EQ(headers.size(), static_cast<size_t>(kReadAttemptsMax));
}

TEST_F(ClientTest, SendsNeitherCookieNorApplicationId) {
  transport_.Then(200, kEmptyPage);
  EXPECT_THAT(Run(client_.SuiteQl("SELECT 1")), IsOk());
  EXPECT_EQ(sent(0).HeaderOf("Cookie"), "");
  EXPECT_EQ(sent(0).headers.size(), 3u);
}

}  // namespace
}  // namespace keyturn::netsuite
