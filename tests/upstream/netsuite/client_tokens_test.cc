#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "daemon/upstream/netsuite/client.h"
#include "tests/support/status_matchers.h"
#include "tests/upstream/netsuite/client_fixture.h"

namespace keyturn::netsuite {
namespace {

using ::testing::AllOf;
using testing::HasCode;
using testing::HasReason;
using ::testing::HasSubstr;
using testing::IsOk;
using testing::MessageIs;
using Verdict = ProbeResult::Verdict;

constexpr char kRoles[] =
    R"({"items":[{"id":"3","name":"Administrator"}],"hasMore":false})";
constexpr char kIdentity[] =
    R"({"companyName":"Acme","companyId":"123456","roleName":"R",)"
    R"("roleId":1042,"entityId":"57"})";
constexpr char kInvalidLogin[] =
    R"({"error":{"code":"INVALID_LOGIN_ATTEMPT","message":"x"}})";

class ClientTokensTest : public ClientFixture {
 protected:
  absl::StatusOr<IssuedToken> Issue(const std::string& name = "keyturn a&b") {
    Login login{.email = "jira@example.com",
                .password = secret::Secret("pass word")};
    return Run(client_.IssueToken(std::move(login), "1042",
                                  secret::Secret("key"), name));
  }
};

TEST_F(ClientTokensTest, ReadsForWhomTheTokenStands) {
  transport_.Then(200, kIdentity);
  const auto identity = Run(client_.TokenInfo());
  ASSERT_THAT(identity, IsOk());
  EXPECT_EQ(sent(0).method, http::Method::kGet);
  EXPECT_EQ(sent(0).url, std::string(kRestlets) + "/rest/tokeninfo");
  EXPECT_EQ(identity->company_id, "123456");
  EXPECT_EQ(identity->company_name, "Acme");
  EXPECT_EQ(identity->role_id, "1042");
  EXPECT_EQ(identity->role_name, "R");
  EXPECT_EQ(identity->entity_id, "57");
}

TEST_F(ClientTokensTest, TakesTheKeysInAnySpelling) {
  for (const char* body :
       {R"({"COMPANYID":"123456","role_id":"1042"})",
        R"({"company":{"id":"123456"},"role":{"id":1042}})",
        R"({"Company-Id":"123456","RoleID":"1042","other":[1,null]})"}) {
    transport_.Then(200, body);
    const auto identity = Run(client_.TokenInfo());
    ASSERT_THAT(identity, IsOk());
    EXPECT_EQ(identity->company_id, "123456") << body;
    EXPECT_EQ(identity->role_id, "1042") << body;
  }
}

TEST_F(ClientTokensTest, TakesABodyOfAnotherFormForALoginAllTheSame) {
  for (const char* body : {"", "OK", "[]", "{}"}) {
    transport_.Then(200, body);
    const auto identity = Run(client_.TokenInfo());
    ASSERT_THAT(identity, IsOk());
    EXPECT_EQ(identity->company_id, "");
  }
}

TEST_F(ClientTokensTest, ProbeProvesTheFeatureByATokenLogin) {
  transport_.Then(200, kIdentity);
  transport_.Then(200, kRoles);
  const auto probe = Run(client_.Probe());
  ASSERT_THAT(probe, IsOk());
  EXPECT_EQ(probe->verdict, Verdict::kWorks);
  EXPECT_TRUE(probe->token_authentication_on);
  EXPECT_EQ(probe->identity.role_id, "1042");
  EXPECT_EQ(transport_.sent().size(), 2u);
}

TEST_F(ClientTokensTest, ProbeStopsAtTheFirstRefusedLogin) {
  transport_.Then(401, kInvalidLogin);
  const auto probe = Run(client_.Probe());
  ASSERT_THAT(probe, IsOk());
  EXPECT_EQ(probe->verdict, Verdict::kLoginRefused);
  EXPECT_FALSE(probe->token_authentication_on);
  EXPECT_THAT(probe->summary,
              AllOf(HasSubstr("FeatureDisabled"), HasSubstr("token_rejected"),
                    HasSubstr("permission_denied"),
                    HasSubstr("View Login Audit Trail")));
  EXPECT_EQ(transport_.sent().size(), 1u);
}

TEST_F(ClientTokensTest, ProbeTellsARoleWithoutRestFromARefusedLogin) {
  for (const int status : {401, 403, 400}) {
    transport_.Then(200, kIdentity);
    transport_.Then(
        status, R"({"o:errorDetails":[{"o:errorCode":"INVALID_PARAMETER"}]})");
    const auto probe = Run(client_.Probe());
    ASSERT_THAT(probe, IsOk());
    EXPECT_EQ(probe->verdict, Verdict::kNoSuiteQl) << status;
    EXPECT_TRUE(probe->token_authentication_on);
    EXPECT_THAT(probe->summary, AllOf(HasSubstr("REST Web Services"),
                                      HasSubstr("SuiteAnalytics Workbook")));
  }
}

TEST_F(ClientTokensTest, ProbeAsksOnWhereTokenInfoIsNotOffered) {
  transport_.Then(405);
  transport_.Then(200, kRoles);
  const auto works = Run(client_.Probe());
  ASSERT_THAT(works, IsOk());
  EXPECT_EQ(works->verdict, Verdict::kWorks);

  for (const int status : {401, 403, 400}) {
    transport_.Then(status == 400 ? 400 : 405);
    transport_.Then(status);
    const auto refused = Run(client_.Probe());
    ASSERT_THAT(refused, IsOk());
    EXPECT_EQ(refused->verdict, Verdict::kLoginRefused) << status;
    EXPECT_FALSE(refused->token_authentication_on);
    EXPECT_FALSE(refused->reads);
  }
}

TEST_F(ClientTokensTest, ProbeReadsOnWhereOnlyTheTableOfRolesIsHidden) {
  for (const int status : {400, 403}) {
    transport_.Then(200, kIdentity);
    transport_.Then(status);
    const auto probe = Run(client_.Probe());
    ASSERT_THAT(probe, IsOk());
    EXPECT_EQ(probe->verdict, Verdict::kNoSuiteQl);
    EXPECT_EQ(probe->reads, status == 400);
  }
}

TEST_F(ClientTokensTest, ProbeKnowsAWrongAddress) {
  transport_.Then(302);
  const auto probe = Run(client_.Probe());
  ASSERT_THAT(probe, IsOk());
  EXPECT_EQ(probe->verdict, Verdict::kWrongHost);
  EXPECT_THAT(probe->summary, HasSubstr("account id"));
}

TEST_F(ClientTokensTest, ProbeFailsWhenNothingWasLearnt) {
  for (int i = 0; i < kReadAttemptsMax; ++i) transport_.Then(503);
  EXPECT_THAT(Run(client_.Probe()), HasReason(kBusy));
  transport_.Then(200, kIdentity);
  for (int i = 0; i < kReadAttemptsMax; ++i) {
    transport_.Then(absl::UnavailableError("unreachable"));
  }
  EXPECT_THAT(Run(client_.Probe()), HasCode(absl::StatusCode::kUnavailable));
}

TEST_F(ClientTokensTest, IssuesATokenUnderALoginWithoutAnyAccessCredential) {
  transport_.Then(200, R"({"tokenId":"the-id","tokenSecret":"the-secret"})");
  const auto token = Issue();
  ASSERT_THAT(token, IsOk());
  EXPECT_EQ(token->id.Expose(), "the-id");
  EXPECT_EQ(token->secret.Expose(), "the-secret");
  EXPECT_EQ(sent(0).method, http::Method::kGet);
  EXPECT_EQ(sent(0).url, std::string(kRestlets) +
                             "/rest/issuetoken?consumerKey=key&name="
                             "keyturn%20a%26b");
  EXPECT_EQ(sent(0).authorization,
            "NLAuth nlauth_account=123456_SB1, "
            "nlauth_email=jira%40example.com, "
            "nlauth_signature=pass%20word, nlauth_role=1042");
  EXPECT_EQ(credentials_opened_, 0);
}

TEST_F(ClientTokensTest, TakesTheNewTokenUnderKeysInAnySpelling) {
  for (const char* body : {R"({"tokenid":"the-id","tokensecret":"s"})",
                           R"({"token_id":"the-id","token_secret":"s"})"}) {
    transport_.Then(200, body);
    const auto token = Issue();
    ASSERT_THAT(token, IsOk());
    EXPECT_EQ(token->id.Expose(), "the-id");
    EXPECT_EQ(token->secret.Expose(), "s");
  }
}

TEST_F(ClientTokensTest, IssuesAtMostOnce) {
  transport_.Then(503);
  const auto busy = Issue();
  EXPECT_EQ(http::EffectOf(busy.status()), http::Effect::kUnknown);
  transport_.Then(200, "rubbish");
  const auto rubbish = Issue();
  EXPECT_THAT(rubbish, HasReason(kUnexpectedAnswer));
  EXPECT_EQ(http::EffectOf(rubbish.status()), http::Effect::kUnknown);
  transport_.Then(401, kInvalidLogin);
  EXPECT_THAT(Issue(), HasReason(kLoginRefused));
  transport_.Then(401, R"({"error":{"code":"TWO_FA_REQD"}})");
  EXPECT_THAT(Issue(), MessageIs(HasSubstr("two-factor")));
  transport_.Then(403);
  EXPECT_THAT(Issue(), AllOf(HasReason(kForbidden),
                             MessageIs(HasSubstr("User Access Tokens"))));
  EXPECT_EQ(transport_.sent().size(), 5u);
}

TEST_F(ClientTokensTest, RefusesATokenNameThatNoScreenWouldTake) {
  for (const std::string& name :
       {std::string(), std::string("a\nb"), std::string("\xff"),
        std::string(kTokenNameSizeMax + 1, 'a')}) {
    EXPECT_THAT(Issue(name), HasCode(absl::StatusCode::kInvalidArgument));
  }
  EXPECT_TRUE(transport_.sent().empty());
}

TEST_F(ClientTokensTest, RevokesATokenWithThatToken) {
  transport_.Then(204);
  EXPECT_THAT(Run(client_.RevokeToken(TestTba())), IsOk());
  EXPECT_EQ(sent(0).method, http::Method::kGet);
  EXPECT_EQ(sent(0).url,
            std::string(kRestlets) +
                "/rest/revoketoken?consumerKey=consumer-key&token=token-id");
  const SigningKeys keys{"consumer-key", "consumer-secret", "token-id",
                         "token-secret"};
  const SignedRequest request{"GET", sent(0).url, {}};
  const auto header =
      OAuthHeader(client_.account(), request, keys, {"nonce1", clock_.Now()});
  ASSERT_THAT(header, IsOk());
  EXPECT_EQ(sent(0).authorization, header->Expose());
}

TEST_F(ClientTokensTest, RevokesAtMostOnce) {
  transport_.Then(503);
  EXPECT_THAT(Run(client_.RevokeToken(TestTba())), HasReason(kBusy));
  transport_.Then(401, kInvalidLogin);
  EXPECT_THAT(Run(client_.RevokeToken(TestTba())), HasReason(kLoginRefused));
  EXPECT_EQ(transport_.sent().size(), 2u);
}

}  // namespace
}  // namespace keyturn::netsuite
