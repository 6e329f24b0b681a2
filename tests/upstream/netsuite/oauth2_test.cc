#include "daemon/upstream/netsuite/oauth2.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_split.h"
#include "asio/io_context.hpp"
#include "daemon/upstream/netsuite/errors.h"
#include "tests/support/fake_clock.h"
#include "tests/support/run_awaitable.h"
#include "tests/support/status_matchers.h"
#include "tests/upstream/netsuite/keys.h"
#include "tests/upstream/netsuite/scripted_transport.h"

namespace keyturn::netsuite {
namespace {

using nlohmann::json;
using testing::HasCode;
using testing::HasReason;
using ::testing::HasSubstr;
using testing::IsOk;
using testing::MessageIs;
using ::testing::StartsWith;

constexpr char kTokenUrl[] =
    "https://1.suitetalk.api.netsuite.com/services/rest/auth/oauth2/v1/token";

M2m Credential(const Key& key, const char* client_id = "client-1") {
  return M2m{.client_id = secret::Secret(client_id),
             .certificate_id = "certificate-1",
             .private_key_pem = ToPem(key)};
}

std::string Decode(const std::string& part) {
  std::string text;
  EXPECT_TRUE(absl::WebSafeBase64Unescape(part, &text));
  return text;
}

// JWT signatures of EC keys are r and s side by side.
std::string ToDer(const std::string& raw) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(raw.data());
  const int half = static_cast<int>(raw.size() / 2);
  ECDSA_SIG* signature = ECDSA_SIG_new();
  ECDSA_SIG_set0(signature, BN_bin2bn(bytes, half, nullptr),
                 BN_bin2bn(bytes + half, half, nullptr));
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(signature, &der);
  std::string text(reinterpret_cast<char*>(der), static_cast<size_t>(size));
  OPENSSL_free(der);
  ECDSA_SIG_free(signature);
  return text;
}

bool Verifies(const Key& key, const EVP_MD* digest, const std::string& text,
              std::string signature) {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  EVP_PKEY_CTX* parameters = nullptr;
  EVP_DigestVerifyInit(context, &parameters, digest, nullptr, key.get());
  if (EVP_PKEY_is_a(key.get(), "RSA") == 1) {
    EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING);
    EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_DIGEST);
  } else {
    signature = ToDer(signature);
  }
  const int result = EVP_DigestVerify(
      context, reinterpret_cast<const unsigned char*>(signature.data()),
      signature.size(), reinterpret_cast<const unsigned char*>(text.data()),
      text.size());
  EVP_MD_CTX_free(context);
  return result == 1;
}

struct AlgorithmCase {
  Key key;
  std::string algorithm;
  const EVP_MD* digest;
};

TEST(ClientAssertionTest, IsSignedAsTheKeyAsksAndSaysWhatNetSuiteWants) {
  const absl::Time now = absl::FromUnixSeconds(1700000000);
  const std::vector<AlgorithmCase> cases = {
      {NewRsaKey(3072), "PS256", EVP_sha256()},
      {NewEcKey("P-256"), "ES256", EVP_sha256()},
      {NewEcKey("P-384"), "ES384", EVP_sha384()},
      {NewEcKey("P-521"), "ES512", EVP_sha512()},
  };
  for (const AlgorithmCase& test : cases) {
    const auto assertion =
        ClientAssertion(Credential(test.key), kTokenUrl, now);
    ASSERT_THAT(assertion, IsOk());
    const std::vector<std::string> parts =
        absl::StrSplit(std::string(assertion->Expose()), '.');
    ASSERT_EQ(parts.size(), 3u);
    const json header = json::parse(Decode(parts[0]));
    EXPECT_EQ(header, (json{{"typ", "JWT"},
                            {"alg", test.algorithm},
                            {"kid", "certificate-1"}}));
    const json claims = json::parse(Decode(parts[1]));
    EXPECT_EQ(claims["iss"], "client-1");
    EXPECT_EQ(claims["scope"], json::array({"rest_webservices"}));
    EXPECT_EQ(claims["aud"], kTokenUrl);
    EXPECT_EQ(claims["iat"], 1700000000);
    EXPECT_EQ(claims["exp"], 1700000000 + 300);
    EXPECT_TRUE(Verifies(test.key, test.digest, parts[0] + "." + parts[1],
                         Decode(parts[2])))
        << test.algorithm;
  }
}

TEST(ClientAssertionTest, RefusesKeysThatNetSuiteWouldNotTake) {
  std::vector<secret::Secret> keys;
  keys.push_back(ToPem(NewRsaKey(1024)));
  keys.push_back(ToPem(NewEcKey("secp256k1")));
  keys.push_back(secret::Secret("not a key"));
  keys.push_back(secret::Secret());
  for (secret::Secret& key : keys) {
    const M2m credential{.client_id = secret::Secret("c"),
                         .certificate_id = "k",
                         .private_key_pem = std::move(key)};
    EXPECT_THAT(ClientAssertion(credential, kTokenUrl, absl::Now()),
                HasCode(absl::StatusCode::kInvalidArgument));
  }
}

TEST(ClientAssertionTest, NeverAsksForAPassphrase) {
  const Key key = NewEcKey("P-256");
  BIO* bio = BIO_new(BIO_s_mem());
  unsigned char passphrase[] = "secret";
  PEM_write_bio_PrivateKey(bio, key.get(), EVP_aes_128_cbc(), passphrase, 6,
                           nullptr, nullptr);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  const M2m credential{.client_id = secret::Secret("c"),
                       .certificate_id = "k",
                       .private_key_pem = secret::Secret(
                           std::string_view(data, static_cast<size_t>(size)))};
  BIO_free(bio);
  EXPECT_THAT(ClientAssertion(credential, kTokenUrl, absl::Now()),
              MessageIs(HasSubstr("without a passphrase")));
}

class BearerCacheTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::string> Get(const M2m& credential) {
    auto token = testing::RunAwaitable(io_, cache_.Get(credential), &clock_);
    if (!token.ok()) return token.status();
    return std::string(token->Expose());
  }

  asio::io_context io_;
  testing::FakeClock clock_;
  ScriptedTransport transport_;
  BearerCache cache_{"https://1.suitetalk.api.netsuite.com", transport_,
                     clock_};
  const M2m credential_ = Credential(NewEcKey("P-256"));
};

TEST_F(BearerCacheTest, AsksOnceAndKeepsTheTokenUntilShortlyBeforeItsEnd) {
  transport_.Then(200, R"({"access_token":"one","expires_in":"3600",)"
                       R"("token_type":"bearer"})");
  transport_.Then(200, R"({"access_token":"two","expires_in":3600})");
  EXPECT_EQ(*Get(credential_), "one");
  clock_.Advance(absl::Minutes(57));
  EXPECT_EQ(*Get(credential_), "one");
  clock_.Advance(absl::Minutes(1));
  EXPECT_EQ(*Get(credential_), "two");
  EXPECT_EQ(transport_.sent().size(), 2u);
}

TEST_F(BearerCacheTest, SendsTheFormThatNetSuiteDocuments) {
  transport_.Then(200, R"({"access_token":"one"})");
  EXPECT_EQ(*Get(credential_), "one");
  const SentRequest& sent = transport_.sent()[0];
  EXPECT_EQ(sent.method, http::Method::kPost);
  EXPECT_EQ(sent.url, kTokenUrl);
  EXPECT_EQ(sent.HeaderOf("Content-Type"), "application/x-www-form-urlencoded");
  EXPECT_EQ(sent.authorization, "");
  EXPECT_FALSE(sent.repeatable);
  EXPECT_THAT(sent.body,
              StartsWith("grant_type=client_credentials&client_assertion_type="
                         "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type"
                         "%3Ajwt-bearer&client_assertion=ey"));
}

TEST_F(BearerCacheTest, AsksAgainForAnotherCredentialAndAfterForget) {
  for (const char* token : {"one", "two", "three"}) {
    transport_.Then(200, std::string(R"({"access_token":")") + token + "\"}");
  }
  EXPECT_EQ(*Get(credential_), "one");
  EXPECT_EQ(*Get(Credential(NewEcKey("P-256"), "client-2")), "two");
  cache_.Forget();
  EXPECT_EQ(*Get(Credential(NewEcKey("P-256"), "client-2")), "three");
}

TEST_F(BearerCacheTest, TellsARefusedAssertionFromTrouble) {
  transport_.Then(400, R"({"error":"invalid_request"})");
  transport_.Then(401, R"({"error":"invalid_client"})");
  transport_.Then(503, "");
  transport_.Then(200, R"({"token_type":"bearer"})");
  transport_.Then(200, R"({"access_token":"x","expires_in":"soon"})");
  EXPECT_THAT(Get(credential_), HasReason(kLoginRefused));
  EXPECT_THAT(Get(credential_), HasReason(kLoginRefused));
  EXPECT_THAT(Get(credential_), HasReason(kBusy));
  EXPECT_THAT(Get(credential_), HasReason(kUnexpectedAnswer));
  EXPECT_THAT(Get(credential_), HasReason(kUnexpectedAnswer));
}

TEST(DescribeBearerTest, ReadsAccountRoleAndUser) {
  const std::string payload = absl::WebSafeBase64Escape(
      R"({"sub":"1042;57","aud":["0a1b-2c;1234567_SB1","client"],"exp":1})");
  const BearerHint hint =
      DescribeBearer(secret::Secret("aaaa." + payload + ".bbbb"));
  EXPECT_EQ(hint.account, "1234567_SB1");
  EXPECT_EQ(hint.role_id, "1042");
  EXPECT_EQ(hint.entity_id, "57");
}

TEST(DescribeBearerTest, IsEmptyForATokenOfAnotherForm) {
  for (const char* token :
       {"", "opaque", "a.b.c", "..", "a.e30.c", "a.W10.c", "a.!!.c"}) {
    const BearerHint hint = DescribeBearer(secret::Secret(token));
    EXPECT_EQ(hint.account + hint.role_id + hint.entity_id, "") << token;
  }
}

}  // namespace
}  // namespace keyturn::netsuite
