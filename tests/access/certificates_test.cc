#include "daemon/access/certificates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

#include "tests/support/certificate_request.h"
#include "tests/support/status_matchers.h"

namespace keyturn::access {
namespace {

using ::testing::AllOf;
using testing::HasCode;
using testing::HasReason;
using ::testing::HasSubstr;
using testing::IsOk;
using testing::MessageIs;
using ::testing::StartsWith;

const absl::Time kNow =
    absl::FromCivil(absl::CivilDay(2026, 6, 1), absl::UTCTimeZone());

using CertificatePtr = std::unique_ptr<X509, decltype(&X509_free)>;

CertificatePtr Parse(const std::string& pem) {
  const std::unique_ptr<BIO, decltype(&BIO_free_all)> bio(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())), &BIO_free_all);
  return {PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), &X509_free};
}

// Whether OpenSSL takes `pem` for `purpose` under `ca_pem` at `when`.
bool Verifies(const std::string& ca_pem, const std::string& pem, int purpose,
              absl::Time when = kNow) {
  const CertificatePtr ca = Parse(ca_pem);
  const CertificatePtr certificate = Parse(pem);
  const std::unique_ptr<X509_STORE, decltype(&X509_STORE_free)> store(
      X509_STORE_new(), &X509_STORE_free);
  X509_STORE_add_cert(store.get(), ca.get());
  const std::unique_ptr<X509_STORE_CTX, decltype(&X509_STORE_CTX_free)> context(
      X509_STORE_CTX_new(), &X509_STORE_CTX_free);
  X509_STORE_CTX_init(context.get(), store.get(), certificate.get(), nullptr);
  X509_STORE_CTX_set_purpose(context.get(), purpose);
  X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(context.get()),
                             absl::ToTimeT(when));
  return X509_verify_cert(context.get()) == 1;
}

class CertificatesTest : public ::testing::Test {
 protected:
  CertifiedKey IssueClient(std::string_view name, Roles roles) {
    return IssueClientCertificate(ca_, name, roles, kNow, kClientLifetime)
        .value();
  }

  const CertifiedKey ca_ = MakeCa("test-ca", kNow).value();
  const CertifiedKey server_ =
      IssueServerCertificate(ca_, {"keyturn.example", "192.0.2.7"}, kNow)
          .value();
};

TEST_F(CertificatesTest, AServersCertificateServesAndDoesNotCall) {
  EXPECT_TRUE(Verifies(ca_.certificate_pem, server_.certificate_pem,
                       X509_PURPOSE_SSL_SERVER));
  EXPECT_FALSE(Verifies(ca_.certificate_pem, server_.certificate_pem,
                        X509_PURPOSE_SSL_CLIENT));
}

TEST_F(CertificatesTest, AClientsCertificateCallsAndDoesNotServe) {
  const CertifiedKey client = IssueClient("ann", {Role::kReader});

  EXPECT_TRUE(Verifies(ca_.certificate_pem, client.certificate_pem,
                       X509_PURPOSE_SSL_CLIENT));
  EXPECT_FALSE(Verifies(ca_.certificate_pem, client.certificate_pem,
                        X509_PURPOSE_SSL_SERVER));
}

TEST_F(CertificatesTest, AClientsCertificateSignsNoOther) {
  const CertifiedKey client = IssueClient("ann", {Role::kReader});
  const CertifiedKey forged =
      IssueClientCertificate(client, "bob", {Role::kAdministrator}, kNow,
                             kClientLifetime)
          .value();

  EXPECT_FALSE(Verifies(ca_.certificate_pem, forged.certificate_pem,
                        X509_PURPOSE_SSL_CLIENT));
}

TEST_F(CertificatesTest, AnotherAuthoritysCertificateIsRefused) {
  const CertifiedKey other = MakeCa("test-ca", kNow).value();

  EXPECT_FALSE(Verifies(other.certificate_pem, server_.certificate_pem,
                        X509_PURPOSE_SSL_SERVER));
}

TEST_F(CertificatesTest, HoldFromShortlyBeforeUntilTheirLifetimeIsOver) {
  const CertifiedKey client = IssueClient("ann", {Role::kReader});
  const auto holds_at = [&](absl::Time when) {
    return Verifies(ca_.certificate_pem, client.certificate_pem,
                    X509_PURPOSE_SSL_CLIENT, when);
  };

  EXPECT_TRUE(holds_at(kNow - absl::Minutes(4)));
  EXPECT_TRUE(holds_at(kNow + kClientLifetime - absl::Seconds(1)));
  EXPECT_FALSE(holds_at(kNow + kClientLifetime + absl::Seconds(1)));
  EXPECT_EQ(ExpiryOfCertificate(client.certificate_pem).value(),
            kNow + kClientLifetime);
}

TEST_F(CertificatesTest, AServerBearsEveryNameThatItIsReachedBy) {
  const CertificatePtr certificate = Parse(server_.certificate_pem);
  for (const char* name : {"keyturnd", "localhost", "keyturn.example"}) {
    EXPECT_EQ(X509_check_host(certificate.get(), name, 0, 0, nullptr), 1)
        << name;
  }
  for (const char* address : {"127.0.0.1", "::1", "192.0.2.7"}) {
    EXPECT_EQ(X509_check_ip_asc(certificate.get(), address, 0), 1) << address;
  }
  EXPECT_EQ(X509_check_host(certificate.get(), "evil.example", 0, 0, nullptr),
            0);
}

TEST_F(CertificatesTest, AServerIsNotGivenNonsenseForAName) {
  for (const char* host : {"", "a b", "-a.example", "a..b", "*.example",
                           "a.example,DNS:evil", "a\n"}) {
    EXPECT_THAT(IssueServerCertificate(ca_, {host}, kNow),
                HasCode(absl::StatusCode::kInvalidArgument))
        << host;
  }
}

TEST_F(CertificatesTest, AnIdentityIsReadBackAsItWasIssued) {
  const CertifiedKey client =
      IssueClient("ann@example.com", {Role::kOperator, Role::kApprover});

  const Identity identity =
      IdentityOfCertificate(client.certificate_pem).value();
  EXPECT_EQ(identity.name, "ann@example.com");
  EXPECT_EQ(identity.roles, Roles({Role::kOperator, Role::kApprover}));
  EXPECT_EQ(identity.transport, Transport::kTls);
  EXPECT_EQ(identity.certificate_expires_at, kNow + kClientLifetime);
  EXPECT_EQ(identity.certificate_serial.size(), 32u);
}

TEST_F(CertificatesTest, SerialsDiffer) {
  EXPECT_NE(IdentityOfCertificate(IssueClient("ann", {}).certificate_pem)
                ->certificate_serial,
            IdentityOfCertificate(IssueClient("ann", {}).certificate_pem)
                ->certificate_serial);
}

TEST_F(CertificatesTest, AServersCertificateStandsForACallerWithoutRoles) {
  EXPECT_TRUE(IdentityOfCertificate(server_.certificate_pem)->roles.empty());
}

TEST_F(CertificatesTest, WhatIsNoCertificateIsNobody) {
  for (const char* pem : {"", "nonsense",
                          "-----BEGIN CERTIFICATE-----\nAAAA\n"
                          "-----END CERTIFICATE-----\n"}) {
    EXPECT_THAT(IdentityOfCertificate(pem),
                AllOf(HasCode(absl::StatusCode::kUnauthenticated),
                      HasReason("BAD_CERTIFICATE")))
        << pem;
  }
}

TEST_F(CertificatesTest, NamesThatCouldPassForOthersAreNotGivenOut) {
  for (const char* name :
       {"", "daemon", "uid:0", "a b", "-a", "a\nb", "ann/../bob"}) {
    EXPECT_THAT(IssueClientCertificate(ca_, name, {}, kNow, kClientLifetime),
                HasCode(absl::StatusCode::kInvalidArgument))
        << name;
  }
  EXPECT_THAT(CheckCommonName(std::string(64, 'a')), IsOk());
  EXPECT_THAT(CheckCommonName(std::string(65, 'a')),
              HasCode(absl::StatusCode::kInvalidArgument));
}

TEST_F(CertificatesTest, ChecksLists) {
  EXPECT_THAT(CheckCertificates(ca_.certificate_pem + "\n# a comment\n" +
                                server_.certificate_pem),
              IsOk());
  EXPECT_THAT(CheckCertificates("no certificate at all"),
              MessageIs(HasSubstr("holds no certificate")));
  EXPECT_THAT(CheckCertificates(ca_.certificate_pem +
                                "-----BEGIN CERTIFICATE-----\nAAAA\n"
                                "-----END CERTIFICATE-----\n"),
              MessageIs(HasSubstr("certificate 2 cannot be read")));
  EXPECT_THAT(CheckCertificates(ca_.certificate_pem +
                                std::string(ca_.key_pem.Expose())),
              MessageIs(HasSubstr("private key")));
  EXPECT_THAT(CheckCertificates(std::string(kPemSizeMax + 1, '#')),
              HasCode(absl::StatusCode::kInvalidArgument));
}

TEST_F(CertificatesTest, TellsAKeyFromAnothers) {
  EXPECT_THAT(CheckKeyFits(server_.certificate_pem, server_.key_pem), IsOk());
  EXPECT_THAT(CheckKeyFits(server_.certificate_pem, ca_.key_pem),
              HasCode(absl::StatusCode::kInvalidArgument));
}

secret::Secret NewKey(EVP_PKEY* key) {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> owned(
      key, &EVP_PKEY_free);
  const std::unique_ptr<BIO, decltype(&BIO_free_all)> bio(BIO_new(BIO_s_mem()),
                                                          &BIO_free_all);
  PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr,
                                nullptr);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return secret::Secret(std::string_view(data, static_cast<size_t>(size)));
}

TEST(CheckSigningKeyTest, TakesTheKindsThatSignLogins) {
  for (const char* curve : {"P-256", "P-384", "P-521"}) {
    EXPECT_THAT(CheckSigningKey(NewKey(EVP_EC_gen(curve))), IsOk()) << curve;
  }
  EXPECT_THAT(CheckSigningKey(NewKey(EVP_RSA_gen(3072))), IsOk());
}

TEST(CheckSigningKeyTest, RefusesOthersWithoutShowingThem) {
  EXPECT_THAT(CheckSigningKey(NewKey(EVP_RSA_gen(2048))),
              HasCode(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(CheckSigningKey(NewKey(EVP_EC_gen("secp256k1"))),
              HasCode(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(CheckSigningKey(secret::Secret("hunter2")),
              AllOf(HasCode(absl::StatusCode::kInvalidArgument),
                    MessageIs(::testing::Not(HasSubstr("hunter2")))));
}

TEST(KeysTest, AreWrittenAsPkcs8) {
  EXPECT_THAT(std::string(MakeCa("a", kNow)->key_pem.Expose()),
              StartsWith("-----BEGIN PRIVATE KEY-----"));
}

class SignTest : public CertificatesTest {
 protected:
  absl::StatusOr<std::string> Sign(const std::string& request) {
    return SignCertificateRequest(ca_, request, "bob", {Role::kReader}, kNow,
                                  kClientLifetime);
  }
};

TEST_F(SignTest, TakesOverTheKeyAndNothingElse) {
  const testing::KeyAndRequest own = testing::MakeCertificateRequest();
  const auto pem = Sign(own.request_pem);
  ASSERT_THAT(pem, IsOk());

  EXPECT_TRUE(Verifies(ca_.certificate_pem, *pem, X509_PURPOSE_SSL_CLIENT));
  EXPECT_FALSE(Verifies(ca_.certificate_pem, *pem, X509_PURPOSE_SSL_SERVER));
  EXPECT_THAT(CheckKeyFits(*pem, secret::Secret(own.key_pem)), IsOk());
  const auto identity = IdentityOfCertificate(*pem);
  EXPECT_EQ(identity->name, "bob");
  EXPECT_EQ(identity->roles, Roles({Role::kReader}));
  EXPECT_EQ(identity->certificate_expires_at, kNow + kClientLifetime);
}

TEST_F(SignTest, RefusesARequestThatAnotherKeySigned) {
  EXPECT_THAT(Sign(testing::MakeForgedRequest()),
              AllOf(HasCode(absl::StatusCode::kInvalidArgument),
                    MessageIs(HasSubstr("not signed with its own key"))));
}

TEST_F(SignTest, RefusesWeakKeysAndWhatIsNoRequest) {
  EXPECT_THAT(Sign(testing::MakeCertificateRequest("P-384").request_pem),
              IsOk());
  for (const std::string& bad :
       {testing::MakeCertificateRequest("secp256k1").request_pem,
        testing::MakeCertificateRequest("P-224").request_pem,
        server_.certificate_pem, std::string(), std::string(20'000, 'x')}) {
    EXPECT_THAT(Sign(bad), HasCode(absl::StatusCode::kInvalidArgument));
  }
}

TEST_F(CertificatesTest, AServerCertificateIsDueInItsLastThirdOrWhenNotOurs) {
  const auto due = [this](const std::string& ca, absl::Time now) {
    return IsServerCertificateDue(ca, server_.certificate_pem, now).value();
  };
  EXPECT_FALSE(due(ca_.certificate_pem, kNow));
  EXPECT_FALSE(due(ca_.certificate_pem, kNow + kServerLifetime * 0.66));
  EXPECT_TRUE(due(ca_.certificate_pem, kNow + kServerLifetime * 0.67));
  EXPECT_TRUE(due(MakeCa("test-ca", kNow)->certificate_pem, kNow));
}

TEST_F(CertificatesTest, ARenewedServerCertificateHasTheSameKeyAndNames) {
  const CertifiedKey next = MakeCa("next-ca", kNow).value();
  const absl::Time later = kNow + absl::Hours(24 * 600);
  const auto renewed =
      RenewServerCertificate(next, server_.certificate_pem, later);
  ASSERT_THAT(renewed, IsOk());

  EXPECT_THAT(CheckKeyFits(*renewed, server_.key_pem), IsOk());
  EXPECT_TRUE(
      Verifies(next.certificate_pem, *renewed, X509_PURPOSE_SSL_SERVER, later));
  EXPECT_EQ(*ExpiryOfCertificate(*renewed), later + kServerLifetime);
  const CertificatePtr certificate = Parse(*renewed);
  for (const char* host : {"keyturnd", "localhost", "keyturn.example"}) {
    EXPECT_EQ(X509_check_host(certificate.get(), host, 0, 0, nullptr), 1)
        << host;
  }
  EXPECT_EQ(X509_check_ip_asc(certificate.get(), "192.0.2.7", 0), 1);
  EXPECT_EQ(X509_check_host(certificate.get(), "other.example", 0, 0, nullptr),
            0);
}

TEST_F(CertificatesTest, AFingerprintIsThatOfTheWholeCertificate) {
  const auto fingerprint = CertificateFingerprint(ca_.certificate_pem);

  EXPECT_EQ(fingerprint->size(), 64u);
  EXPECT_EQ(*fingerprint, *CertificateFingerprint(ca_.certificate_pem +
                                                  server_.certificate_pem));
  EXPECT_NE(*fingerprint, *CertificateFingerprint(server_.certificate_pem));
  EXPECT_THAT(CertificateFingerprint("none"),
              HasCode(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace keyturn::access
