#include "daemon/upstream/netsuite/oauth1.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "daemon/upstream/http/url.h"
#include "tests/support/status_matchers.h"
#include "tests/upstream/netsuite/vectors.h"

namespace keyturn::netsuite {
namespace {

using nlohmann::json;
using testing::HasCode;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

const json& Vectors() {
  static const json& vectors = *new json(json::parse(kVectors));
  return vectors;
}

// Keeps what the views of SigningKeys look at.
struct Vector {
  explicit Vector(const json& value)
      : id(value["id"]),
        method(value.value("method", "")),
        url(value.value("url", "")),
        consumer_key(value["consumer_key"]),
        consumer_secret(value["consumer_secret"]),
        token(value["token"].is_null() ? "" : value["token"]),
        token_secret(value["token_secret"]),
        signature(value["signature"]) {
    int64_t seconds = 0;
    EXPECT_TRUE(
        absl::SimpleAtoi(value["timestamp"].get<std::string>(), &seconds));
    freshness = {value["nonce"], absl::FromUnixSeconds(seconds)};
    if (!value.contains("extra")) return;
    for (const auto& [name, text] : value["extra"].items()) {
      extra.push_back({name, text});
    }
  }

  SigningKeys keys() const {
    return {consumer_key, consumer_secret, token, token_secret};
  }
  SignedRequest request() const { return {method, url, extra}; }

  std::string id, method, url, consumer_key, consumer_secret, token,
      token_secret, signature;
  Freshness freshness;
  std::vector<Parameter> extra;
};

Vector VectorOf(std::string_view id) {
  for (const json& value : Vectors()["http"]) {
    if (value["id"] == id) return Vector(value);
  }
  ADD_FAILURE() << "no vector " << id;
  return Vector(Vectors()["http"][0]);
}

std::string SignatureOf(const Vector& vector, const std::string& url) {
  const SignedRequest request{vector.method, url, vector.extra};
  const auto base_string =
      SignatureBaseString(request, vector.keys(), vector.freshness);
  EXPECT_THAT(base_string, testing::IsOk());
  return Sign(base_string->Expose(), vector.keys());
}

std::string HeaderOf(const Vector& vector, std::string_view account) {
  const auto header = OAuthHeader(*AccountId::Parse(account), vector.request(),
                                  vector.keys(), vector.freshness);
  EXPECT_THAT(header, testing::IsOk());
  return std::string(header->Expose());
}

TEST(SignTest, GivesTheSignatureOfEveryPublishedVector) {
  ASSERT_EQ(Vectors()["http"].size(), 10u);
  for (const json& value : Vectors()["http"]) {
    const Vector vector(value);
    EXPECT_EQ(SignatureOf(vector, vector.url), vector.signature) << vector.id;
  }
}

TEST(SignTest, GivesTheBaseStringOfV2) {
  const Vector vector = VectorOf("V2");
  const auto base_string =
      SignatureBaseString(vector.request(), vector.keys(), vector.freshness);
  ASSERT_THAT(base_string, testing::IsOk());
  EXPECT_EQ(base_string->Expose(), kBaseStringOfV2);
}

TEST(SignTest, EncodesTheCallbackTwiceAndSortsTheRoleLast) {
  const Vector vector = VectorOf("V4");
  const auto base_string =
      SignatureBaseString(vector.request(), vector.keys(), vector.freshness);
  ASSERT_THAT(base_string, testing::IsOk());
  EXPECT_THAT(std::string(base_string->Expose()),
              HasSubstr("oauth_callback%3Dhttps%253A%252F%252Fmy.example.com"
                        "%252FTBA%252F%253FcallbackRequest"));
  EXPECT_TRUE(base_string->Expose().ends_with("%26role%3D45678"));
}

TEST(SignTest, DropsTheDefaultPortAndKeepsAnother) {
  const Vector vector = VectorOf("V2");
  const std::string with_port =
      "https://123456.suitetalk.api.netsuite.com:443/services/rest/record/v1/"
      "employee/40";
  EXPECT_EQ(SignatureOf(vector, with_port), vector.signature);

  const SignedRequest other{"GET", "https://127.0.0.1:8443/rest/tokeninfo", {}};
  const auto base_string =
      SignatureBaseString(other, vector.keys(), vector.freshness);
  ASSERT_THAT(base_string, testing::IsOk());
  EXPECT_THAT(std::string(base_string->Expose()),
              StartsWith("GET&https%3A%2F%2F127.0.0.1%3A8443%2Frest"));
}

TEST(SignTest, DoesNotMindUpperCaseInTheHost) {
  const Vector vector = VectorOf("V2");
  std::string url = vector.url;
  url.replace(url.find("suitetalk"), 9, "SuiteTalk");
  EXPECT_EQ(SignatureOf(vector, url), vector.signature);
}

TEST(SignTest, DecodesTheQueryBeforeItSigns) {
  const Vector vector = VectorOf("V2");
  const std::string base = "https://123456.suitetalk.api.netsuite.com/x?";
  EXPECT_EQ(SignatureOf(vector, base + "q=a%20b"),
            SignatureOf(vector, base + "q=a+b"));
  EXPECT_EQ(SignatureOf(vector, base + "q=%41"),
            SignatureOf(vector, base + "q=A"));
  EXPECT_NE(SignatureOf(vector, base + "q=a%2Bb"),
            SignatureOf(vector, base + "q=a+b"));
}

TEST(SignTest, SortsEqualNamesByValueAndKeepsEmptyOnes) {
  const Vector vector = VectorOf("V2");
  const std::string base = "https://123456.suitetalk.api.netsuite.com/x?";
  EXPECT_EQ(SignatureOf(vector, base + "a=2&a=1&b"),
            SignatureOf(vector, base + "b=&a=1&a=2"));
  EXPECT_NE(SignatureOf(vector, base + "b="), SignatureOf(vector, base));
}

TEST(SignTest, RefusesAUrlThatCannotBeSigned) {
  const Vector vector = VectorOf("V2");
  for (const char* url : {"", "/rest/tokeninfo", "https://host/x?a=%4",
                          "https://host/x?a=%zz", "https://host/x?a=%"}) {
    const SignedRequest request{"GET", url, {}};
    EXPECT_THAT(SignatureBaseString(request, vector.keys(), vector.freshness),
                HasCode(absl::StatusCode::kInvalidArgument))
        << url;
  }
}

TEST(OAuthHeaderTest, HasEveryFieldQuotedAndTheSignatureEncoded) {
  const std::string header = HeaderOf(VectorOf("V1"), "123456");
  EXPECT_THAT(header, StartsWith("OAuth realm=\"123456\", "));
  EXPECT_THAT(header, HasSubstr("oauth_signature_method=\"HMAC-SHA256\""));
  EXPECT_THAT(header, HasSubstr("oauth_nonce=\"fjaLirsIcCGVZWzBX0pg\""));
  EXPECT_THAT(header, HasSubstr("oauth_timestamp=\"1508242306\""));
  EXPECT_THAT(header, HasSubstr("oauth_version=\"1.0\""));
  EXPECT_THAT(header, HasSubstr("oauth_signature=\"%2BKK4SKNgz4ZiILGLwOMtf"
                                "YlgcXSy1eis8ldE9X90azQ%3D\""));
  EXPECT_THAT(header, Not(HasSubstr("script")));
}

TEST(OAuthHeaderTest, NeverSignsTheRealm) {
  const Vector vector = VectorOf("V7");
  const std::string signature = http::PercentEncode(vector.signature);
  for (const char* account : {"TSTDRV12345", "tstdrv12345", "999_SB1"}) {
    EXPECT_THAT(HeaderOf(vector, account), HasSubstr(signature)) << account;
  }
  EXPECT_THAT(HeaderOf(vector, "tstdrv12345"),
              HasSubstr("realm=\"TSTDRV12345\""));
}

TEST(OAuthHeaderTest, LeavesTheTokenOutWhenThereIsNone) {
  const std::string header = HeaderOf(VectorOf("V8a"), "1234567_SB1");
  EXPECT_THAT(header, Not(HasSubstr("oauth_token")));
  EXPECT_THAT(header, HasSubstr("realm=\"1234567_SB1\""));
  EXPECT_THAT(
      header,
      HasSubstr(
          "oauth_callback=\"https%3A%2F%2Flocalhost%3A8899%2Fcallback\""));
}

TEST(TokenPassportTest, GivesTheSignatureOfEveryPublishedVector) {
  ASSERT_EQ(Vectors()["soap"].size(), 2u);
  for (const json& value : Vectors()["soap"]) {
    const Vector vector(value);
    const auto account = AccountId::Parse(value["account"].get<std::string>());
    ASSERT_THAT(account, testing::IsOk());
    EXPECT_EQ(TokenPassportSignature(*account, vector.keys(), vector.freshness),
              vector.signature)
        << vector.id;
  }
}

// The signer has its own encoder, which leaves no copies; both must agree with
// the vectors. What it writes shows in an NLAuth header.
TEST(EncodingTest, FollowsRfc3986InBothEncoders) {
  ASSERT_EQ(Vectors()["encode"].size(), 2u);
  for (const json& value : Vectors()["encode"]) {
    const std::string in = value["in"];
    const std::string out = value["out"];
    EXPECT_EQ(http::PercentEncode(in), out);
    const secret::Secret header =
        NlAuthHeader(*AccountId::Parse("1"), in, secret::Secret(in), "3");
    EXPECT_EQ(header.Expose(), "NLAuth nlauth_account=1, nlauth_email=" + out +
                                   ", nlauth_signature=" + out +
                                   ", nlauth_role=3");
  }
}

TEST(NlAuthTest, GivesTheHeaderOfV10) {
  ASSERT_EQ(Vectors()["nlauth"].size(), 1u);
  const json& value = Vectors()["nlauth"][0];
  const std::string email = value["email"];
  const std::string role = value["role"];
  const secret::Secret password(value["password"].get<std::string>());
  const auto account = AccountId::Parse(value["account"].get<std::string>());
  ASSERT_THAT(account, testing::IsOk());
  EXPECT_EQ(NlAuthHeader(*account, email, password, role).Expose(),
            value["header"].get<std::string>());
}

TEST(NonceTest, IsTwentyLettersAndDigitsAndNeverTheSame) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    const std::string nonce = NewNonce();
    EXPECT_EQ(nonce.size(), kNonceSize);
    EXPECT_TRUE(std::all_of(nonce.begin(), nonce.end(), [](char c) {
      return absl::ascii_isalnum(static_cast<unsigned char>(c));
    })) << nonce;
    EXPECT_TRUE(seen.insert(nonce).second);
  }
}

}  // namespace
}  // namespace keyturn::netsuite
