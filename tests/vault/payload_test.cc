#include "daemon/vault/payload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "tests/support/status_matchers.h"
#include "tests/vault/golden.h"

namespace keyturn::vault {
namespace {

using secret::Secret;
using testing::Golden;
using testing::HasCode;
using testing::IsOk;

std::vector<Payload> OneOfEachKind() {
  std::vector<Payload> payloads;
  payloads.push_back(CeligoToken{Secret("celigo-token")});
  payloads.push_back(NetSuiteTba{Secret("consumer-key"),
                                 Secret("consumer-secret"), Secret("token-id"),
                                 Secret("token-secret")});
  payloads.push_back(NetSuiteM2m{Secret("client-id"), Secret("certificate-id"),
                                 Secret("private-key-pem")});
  payloads.push_back(NetSuiteLogin{Secret("email"), Secret("password")});
  payloads.push_back(
      ConnectionToken{Secret("token-id"), Secret("token-secret")});
  return payloads;
}

constexpr const char* kGoldenNames[] = {
    "payload_celigo_token", "payload_netsuite_tba", "payload_netsuite_m2m",
    "payload_netsuite_login", "payload_connection_token"};

TEST(PayloadTest, EncodesAsTheGoldenFileSays) {
  const std::vector<Payload> payloads = OneOfEachKind();
  for (size_t i = 0; i < payloads.size(); ++i) {
    const auto encoded = EncodePayload(payloads[i]);
    ASSERT_THAT(encoded, IsOk());
    EXPECT_EQ(encoded->Expose(), Golden(kGoldenNames[i]));
    EXPECT_EQ(KindOf(payloads[i]), store::kAllCredentialKinds[i]);
  }
}

TEST(PayloadTest, DecodesTheGoldenFile) {
  for (const char* name : kGoldenNames) {
    const auto decoded = DecodePayload(Golden(name));
    ASSERT_THAT(decoded, IsOk()) << name;
    EXPECT_EQ(EncodePayload(*decoded)->Expose(), Golden(name));
  }
  const auto tba = DecodePayload(Golden("payload_netsuite_tba"));
  EXPECT_EQ(std::get<NetSuiteTba>(*tba).consumer_secret.Expose(),
            "consumer-secret");
  EXPECT_EQ(std::get<NetSuiteTba>(*tba).token_id.Expose(), "token-id");
}

TEST(PayloadTest, RefusesEveryTruncationAndExtension) {
  const std::string bytes = Golden("payload_netsuite_login");
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THAT(DecodePayload(bytes.substr(0, size)),
                HasCode(absl::StatusCode::kDataLoss));
  }
  EXPECT_THAT(DecodePayload(bytes + "x"), HasCode(absl::StatusCode::kDataLoss));
}

TEST(PayloadTest, RefusesUnknownFormatsKindsAndLengths) {
  std::string bytes = Golden("payload_celigo_token");
  bytes[0] = 2;
  EXPECT_THAT(DecodePayload(bytes), HasCode(absl::StatusCode::kDataLoss));
  bytes = Golden("payload_celigo_token");
  bytes[1] = 77;
  EXPECT_THAT(DecodePayload(bytes), HasCode(absl::StatusCode::kDataLoss));
  bytes = Golden("payload_celigo_token");
  bytes[2] = '\xff';
  EXPECT_THAT(DecodePayload(bytes), HasCode(absl::StatusCode::kDataLoss));
}

TEST(PayloadTest, LimitsEachField) {
  const std::string longest(kFieldBytesMax, 'x');
  EXPECT_THAT(EncodePayload(CeligoToken{Secret(longest)}), IsOk());
  EXPECT_THAT(EncodePayload(CeligoToken{Secret(longest + "x")}),
              HasCode(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace keyturn::vault
