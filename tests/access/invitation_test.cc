#include "daemon/access/invitation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "daemon/access/certificates.h"
#include "tests/support/status_matchers.h"

namespace keyturn::access {
namespace {

using testing::HasCode;
using ::testing::Not;
using ::testing::StartsWith;

const std::string kFingerprint(64, 'a');

std::string TokenOf(const secret::Secret& secret) {
  return std::string(EncodeToken({kFingerprint, secret.Clone()}).Expose());
}

TEST(InvitationTokenTest, ReadsBackWhatItSays) {
  const secret::Secret secret = NewInvitationSecret().value();

  const auto token = ParseToken(TokenOf(secret));

  ASSERT_TRUE(token.ok());
  EXPECT_EQ(token->ca_fingerprint, kFingerprint);
  EXPECT_TRUE(secret::Equal(token->secret, secret));
}

TEST(InvitationTokenTest, IsOneWordThatScannersKnow) {
  const std::string text = TokenOf(NewInvitationSecret().value());

  EXPECT_THAT(text, StartsWith("kti1."));
  for (const char c : text) {
    EXPECT_TRUE(absl::ascii_isalnum(c) || c == '.' || c == '-' || c == '_');
  }
}

TEST(InvitationTokenTest, RefusesWhatIsNone) {
  const std::string good = TokenOf(NewInvitationSecret().value());
  for (const std::string& bad :
       {std::string(), std::string("kti1"), std::string("kti1.."),
        "kti2" + good.substr(4), good + ".x", good.substr(0, good.size() - 4),
        good + "AAAA", good + "\n", good.substr(0, 9) + " " + good.substr(9),
        std::string(1000, 'x'),
        absl::StrCat("kti1.", std::string(43, '!'), ".",
                     std::string(43, 'A'))}) {
    EXPECT_THAT(ParseToken(bad), HasCode(absl::StatusCode::kInvalidArgument))
        << bad;
  }
}

TEST(InvitationTokenTest, TwoSecretsDiffer) {
  const secret::Secret one = NewInvitationSecret().value();
  const secret::Secret two = NewInvitationSecret().value();

  EXPECT_EQ(one.size(), kInvitationSecretSize);
  EXPECT_FALSE(secret::Equal(one, two));
  EXPECT_NE(HashOfSecret(one), HashOfSecret(two));
}

}  // namespace
}  // namespace keyturn::access
