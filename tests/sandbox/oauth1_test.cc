#include "tests/sandbox/oauth1.h"

#include <string>

#include "gtest/gtest.h"
#include "tests/sandbox/files.h"
#include "tests/sandbox/http.h"
#include "tests/sandbox/json.h"

namespace keyturn::sandbox {
namespace {

// Published or recomputed signatures: Oracle's help pages and the tests of
// public clients, with their inputs.
const Json& Vectors() {
  static const auto* const vectors = new Json(ParseJson(
      ReadFile(SANDBOX_SOURCE_DIR "/oauth1_vectors.json").value_or("")));
  return *vectors;
}

OAuthHeader HeaderOf(const Json& vector) {
  OAuthHeader header;
  header.fields = {{"realm", "IGNORED"},
                   {"oauth_consumer_key", Text(vector, "consumer_key")},
                   {"oauth_signature_method", "HMAC-SHA256"},
                   {"oauth_timestamp", Text(vector, "timestamp")},
                   {"oauth_nonce", Text(vector, "nonce")},
                   {"oauth_version", Text(vector, "version")},
                   {"oauth_signature", "ignored"}};
  if (Member(vector, "token").is_string()) {
    header.fields.emplace_back("oauth_token", Text(vector, "token"));
  }
  for (const auto& [name, value] : Member(vector, "extra").items()) {
    header.fields.emplace_back(name, value.get<std::string>());
  }
  return header;
}

TEST(OAuth1Test, AgreesWithEveryHttpVector) {
  ASSERT_EQ(Vectors()["http"].size(), 10u);
  for (const Json& vector : Vectors()["http"]) {
    const std::string url = Text(vector, "url");
    const size_t question = url.find('?');
    const std::vector<NameValue> query =
        question == std::string::npos ? std::vector<NameValue>()
                                      : ParseQuery(url.substr(question + 1));
    const std::string base =
        SignatureBase(Text(vector, "method"), url, HeaderOf(vector), query);
    EXPECT_EQ(Signature(base, Text(vector, "consumer_secret"),
                        Text(vector, "token_secret")),
              Text(vector, "signature"))
        << Text(vector, "id");
  }
}

TEST(OAuth1Test, AgreesWithEverySoapVector) {
  ASSERT_EQ(Vectors()["soap"].size(), 2u);
  for (const Json& vector : Vectors()["soap"]) {
    EXPECT_EQ(PassportSignature(
                  Text(vector, "account"), Text(vector, "consumer_key"),
                  Text(vector, "token"), Text(vector, "nonce"),
                  Text(vector, "timestamp"), Text(vector, "consumer_secret"),
                  Text(vector, "token_secret")),
              Text(vector, "signature"))
        << Text(vector, "id");
  }
}

TEST(OAuth1Test, AgreesWithEveryEncodingVector) {
  ASSERT_EQ(Vectors()["encode"].size(), 2u);
  for (const Json& vector : Vectors()["encode"]) {
    EXPECT_EQ(PercentEncode(Text(vector, "in")), Text(vector, "out"));
    EXPECT_EQ(PercentDecode(Text(vector, "out")), Text(vector, "in"));
  }
}

TEST(OAuth1Test, ReadsTheNlAuthVector) {
  const Json& vector = Vectors()["nlauth"][0];
  const std::optional<NlAuth> auth = ParseNlAuth(Text(vector, "header"));
  ASSERT_TRUE(auth.has_value());
  EXPECT_EQ(auth->account, Text(vector, "account"));
  EXPECT_EQ(auth->email, Text(vector, "email"));
  EXPECT_EQ(auth->password, Text(vector, "password"));
  EXPECT_EQ(auth->role, Text(vector, "role"));
}

TEST(OAuth1Test, BuildsTheBaseStringOfV2ToTheLetter) {
  const Json& vector = Vectors()["http"][2];
  ASSERT_EQ(Text(vector, "id"), "V2");
  EXPECT_EQ(
      SignatureBase("GET", Text(vector, "url"), HeaderOf(vector), {}),
      "GET&https%3A%2F%2F123456.suitetalk.api.netsuite.com%2Fservices%2Frest%"
      "2Frecord%2Fv1%2Femployee%2F40&oauth_consumer_key%"
      "3Def40afdd8abaac111b13825dd5e5e2ddddb44f86d5a0dd6dcf38c20aae6b67e4%"
      "26oauth_nonce%3DfjaLirsIcCGVZWzBX0pg%26oauth_signature_method%3DHMAC-"
      "SHA256%26oauth_timestamp%3D1508242306%26oauth_token%"
      "3D2b0ce516420110bcbd36b69e99196d1b7f6de3c6234c5afb799b73d87569f5cc%"
      "26oauth_version%3D1.0");
}

TEST(OAuth1Test, IgnoresHostCaseAndDefaultPort) {
  const OAuthHeader header = HeaderOf(Vectors()["http"][2]);
  EXPECT_EQ(SignatureBase("get", "HTTPS://A.Example.COM:443/p", header, {}),
            SignatureBase("GET", "https://a.example.com/p", header, {}));
  EXPECT_NE(SignatureBase("GET", "https://a.example.com:8443/p", header, {}),
            SignatureBase("GET", "https://a.example.com/p", header, {}));
}

TEST(OAuth1Test, RefusesAMalformedHeader) {
  EXPECT_FALSE(ParseOAuthHeader("OAuth realm=1").has_value());
  EXPECT_FALSE(ParseOAuthHeader("OAuth a=\"1\", a=\"2\"").has_value());
  EXPECT_FALSE(ParseOAuthHeader("OAuth a=\"1\" b=\"2\"").has_value());
  EXPECT_FALSE(ParseOAuthHeader("Bearer a=\"1\"").has_value());
  const auto header = ParseOAuthHeader("OAuth a=\"x%2By\",b=\"\"");
  ASSERT_TRUE(header.has_value());
  EXPECT_EQ(header->Field("a"), "x+y");
  EXPECT_TRUE(header->Has("b"));
}

// RFC 6238, appendix B, of whose eight digits these are the last six.
TEST(OAuth1Test, MakesTheOneTimePasswordsOfRfc6238) {
  const std::string secret = "12345678901234567890";
  EXPECT_EQ(TimeBasedPassword(secret, absl::FromUnixSeconds(59)), "287082");
  EXPECT_EQ(TimeBasedPassword(secret, absl::FromUnixSeconds(1111111109)),
            "081804");
}

}  // namespace
}  // namespace keyturn::sandbox
