#include "daemon/upstream/netsuite/account_id.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace keyturn::netsuite {
namespace {

using testing::HasCode;
using ::testing::HasSubstr;
using testing::MessageIs;

TEST(AccountIdTest, HasOneFormForTheRealmAndOneForTheHost) {
  for (const char* text :
       {"1234567_SB1", "1234567-sb1", "1234567_sb1", "1234567-SB1"}) {
    const auto account = AccountId::Parse(text);
    ASSERT_TRUE(account.ok()) << text;
    EXPECT_EQ(account->realm(), "1234567_SB1");
    EXPECT_EQ(account->host(), "1234567-sb1");
    EXPECT_EQ(*account, *AccountId::Parse("1234567_SB1"));
  }
}

TEST(AccountIdTest, TakesThePlainAndTheTestAccounts) {
  EXPECT_EQ(AccountId::Parse("123456")->realm(), "123456");
  EXPECT_EQ(AccountId::Parse("tstdrv12345")->realm(), "TSTDRV12345");
  EXPECT_EQ(AccountId::Parse("TSTDRV12345")->host(), "tstdrv12345");
}

TEST(AccountIdTest, RefusesWhatCouldChangeTheHost) {
  for (const char* text :
       {"", "-1", "1_", "1__2", "1-_2", "12 34", "12.34", "12/34", "12@34",
        "12:34", "12\n", "\xC3\xA9", "123456789012345678901234567890123"}) {
    EXPECT_THAT(AccountId::Parse(text),
                HasCode(absl::StatusCode::kInvalidArgument))
        << text;
  }
  EXPECT_THAT(AccountId::Parse("12.34"), MessageIs(HasSubstr("1234567_SB1")));
}

TEST(EndpointsTest, FollowFromTheAccount) {
  const Endpoints endpoints = Endpoints::Of(*AccountId::Parse("123456_SB1"));
  EXPECT_EQ(endpoints.suitetalk,
            "https://123456-sb1.suitetalk.api.netsuite.com");
  EXPECT_EQ(endpoints.restlets, "https://123456-sb1.restlets.api.netsuite.com");
  EXPECT_EQ(endpoints.app, "https://123456-sb1.app.netsuite.com");
}

TEST(EndpointsTest, OneBaseUrlStandsForWhatProgramsCallNotForWhatPeopleOpen) {
  const AccountId account = *AccountId::Parse("1234567_SB1");
  const auto endpoints =
      Endpoints::AtBaseUrl(account, "https://127.0.0.1:8443/");
  ASSERT_THAT(endpoints, testing::IsOk());
  EXPECT_EQ(endpoints->suitetalk, "https://127.0.0.1:8443");
  EXPECT_EQ(endpoints->restlets, endpoints->suitetalk);
  EXPECT_EQ(endpoints->app, "https://1234567-sb1.app.netsuite.com");
}

TEST(EndpointsTest, RefuseABaseUrlThatIsNone) {
  for (const char* text : {"", "http://host", "host", "https://host?x=1",
                           "https://user@host", "https://host/path"}) {
    EXPECT_THAT(Endpoints::AtBaseUrl(*AccountId::Parse("1"), text),
                HasCode(absl::StatusCode::kInvalidArgument))
        << text;
  }
}

}  // namespace
}  // namespace keyturn::netsuite
