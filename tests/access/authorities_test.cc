// Our own authority beside one outside: neither's certificates pass for the
// other's.
#include "daemon/access/authorities.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/time/clock.h"
#include "daemon/access/certificates.h"
#include "daemon/base/status.h"
#include "tests/support/status_matchers.h"
#include "tests/support/svid.h"

namespace keyturn::access {
namespace {

using testing::AuthoritySvid;
using testing::HasCode;
using testing::HasReason;
using testing::IsOk;
using testing::IssueSvid;
using testing::PemPair;
using testing::Svid;

constexpr char kCi[] = "spiffe://acme.example/ci/main";

TEST(SpiffeIdTest, IsATrustDomainAndAPath) {
  for (const char* good :
       {"spiffe://acme.example/ci", "spiffe://a/B/c.d-e_f/9",
        "spiffe://10.0.0.1/x", "spiffe://a/...", "spiffe://a_b-c.d/x"}) {
    EXPECT_TRUE(IsSpiffeId(good)) << good;
  }
  for (const char* bad : {"",
                          "spiffe://",
                          "spiffe://acme.example",
                          "spiffe://acme.example/",
                          "spiffe:///ci",
                          "spiffe://Acme.example/ci",
                          "SPIFFE://a/ci",
                          "spiffe://a/ci/",
                          "spiffe://a//ci",
                          "spiffe://a/./ci",
                          "spiffe://a/../ci",
                          "spiffe://a/ci?x",
                          "spiffe://a/ci#x",
                          "spiffe://a/c%69",
                          "spiffe://a:1/ci",
                          "spiffe://u@a/ci",
                          "spiffe://a/ci*",
                          "spiffe://a/c i",
                          "https://a/ci",
                          "ann",
                          "uid:0"}) {
    EXPECT_FALSE(IsSpiffeId(bad)) << bad;
  }
  const std::string domain(kTrustDomainSizeMax, 'a');
  EXPECT_TRUE(IsSpiffeId("spiffe://" + domain + "/x"));
  EXPECT_FALSE(IsSpiffeId("spiffe://" + domain + "a/x"));
  const std::string longest =
      "spiffe://a/" + std::string(kSpiffeIdSizeMax - 11, 'x');
  EXPECT_TRUE(IsSpiffeId(longest));
  EXPECT_FALSE(IsSpiffeId(longest + "x"));
}

TEST(SpiffeGrantsTest, TheOwnNameCountsBeforeALongerAndAShorterBeginning) {
  SpiffeGrants grants;
  ASSERT_THAT(grants.Add("spiffe://a/*", {{Role::kReader}}), IsOk());
  ASSERT_THAT(grants.Add("spiffe://a/ci/*", {{Role::kAutomation}}), IsOk());
  ASSERT_THAT(grants.Add("spiffe://a/ci/main", {{Role::kOperator}}), IsOk());

  EXPECT_EQ(grants.Find("spiffe://a/ci/main")->roles, Roles({Role::kOperator}));
  EXPECT_EQ(grants.Find("spiffe://a/ci/main/x")->roles,
            Roles({Role::kAutomation}));
  EXPECT_EQ(grants.Find("spiffe://a/ci/x")->roles, Roles({Role::kAutomation}));
  EXPECT_EQ(grants.Find("spiffe://a/ci")->roles, Roles({Role::kReader}))
      << "it is not below itself";
  EXPECT_EQ(grants.Find("spiffe://a/cider")->roles, Roles({Role::kReader}));
  EXPECT_EQ(grants.Find("spiffe://ab/ci/main"), nullptr);
  EXPECT_EQ(grants.Find("spiffe://a/ci/../x"), nullptr);
  EXPECT_EQ(grants.Find("uid:0"), nullptr);
}

TEST(SpiffeGrantsTest, RefusesWhatIsNoId) {
  SpiffeGrants grants;
  for (const char* bad :
       {"*", "spiffe://*", "spiffe://*/ci", "spiffe://a", "spiffe://a/*/b",
        "spiffe://a/ci*", "spiffe://a/**", "ann", "/*", ""}) {
    EXPECT_THAT(grants.Add(bad, {}),
                HasCode(absl::StatusCode::kInvalidArgument))
        << bad;
  }
  EXPECT_THAT(grants.Add("spiffe://a/x", {}), IsOk());
  EXPECT_THAT(grants.Add("spiffe://a/x", {}),
              HasCode(absl::StatusCode::kAlreadyExists));
}

class AuthoritiesTest : public ::testing::Test {
 protected:
  AuthoritiesTest() { Use({{Role::kAutomation}}); }

  void Use(const Grant& grant) {
    OutsideCa outside{outside_.certificate_pem, {}};
    EXPECT_THAT(outside.grants.Add("spiffe://acme.example/ci/*", grant),
                IsOk());
    EXPECT_THAT(authorities_.Use(own_.certificate_pem, std::move(outside)),
                IsOk());
  }
  absl::StatusOr<Identity> Of(const PemPair& pair,
                              std::string_view chain = "") {
    return authorities_.IdentityOf(pair.certificate_pem, chain);
  }
  // By the outside authority.
  absl::StatusOr<Identity> Of(const Svid& svid) {
    return Of(IssueSvid(&outside_, svid));
  }

  const CertifiedKey own_ = MakeCa("test-ca", absl::Now()).value();
  // Its subject is that of our own.
  const PemPair outside_ = IssueSvid(nullptr, AuthoritySvid("test-ca"));
  Authorities authorities_;
};

TEST_F(AuthoritiesTest, AnOutsideCertificateStandsForItsSpiffeId) {
  const absl::StatusOr<Identity> identity = Of(Svid{.uris = {kCi}});

  ASSERT_THAT(identity, IsOk());
  EXPECT_EQ(identity->name, kCi);
  EXPECT_EQ(identity->roles, Roles({Role::kAutomation}));
  EXPECT_TRUE(identity->outside);
  EXPECT_EQ(identity->transport, Transport::kTls);
  EXPECT_EQ(identity->certificate_serial, "77");
  EXPECT_LT(*identity->certificate_expires_at, absl::Now() + absl::Hours(2));
}

TEST_F(AuthoritiesTest, OurOwnCertificatesAreReadAsBefore) {
  const CertifiedKey client =
      IssueClientCertificate(own_, "ann", {Role::kReader}, absl::Now(),
                             kClientLifetime)
          .value();
  const absl::StatusOr<Identity> identity =
      authorities_.IdentityOf(client.certificate_pem, "");

  ASSERT_THAT(identity, IsOk());
  EXPECT_EQ(identity->name, "ann");
  EXPECT_FALSE(identity->outside);
}

TEST_F(AuthoritiesTest, AnOutsideCertificateWithOurNamesIsNotOurs) {
  const Svid svid{.uris = {"keyturn:role:administrator"}, .common_name = "ann"};
  EXPECT_THAT(Of(svid), HasReason("BAD_CERTIFICATE"));
  EXPECT_THAT(Of(Svid{.common_name = "ann"}), HasReason("BAD_CERTIFICATE"));
}

TEST_F(AuthoritiesTest, OurCertificateWithASpiffeIdIsNoOutsideOne) {
  const PemPair own{own_.certificate_pem, std::string(own_.key_pem.Expose())};
  const absl::StatusOr<Identity> identity =
      Of(IssueSvid(&own, Svid{.uris = {kCi}, .common_name = "ann"}));

  ASSERT_THAT(identity, IsOk());
  EXPECT_EQ(identity->name, "ann");
  EXPECT_FALSE(identity->outside);
  EXPECT_TRUE(identity->roles.empty());
}

TEST_F(AuthoritiesTest, ACertificateOfAThirdAuthorityIsRefused) {
  const PemPair third = IssueSvid(nullptr, AuthoritySvid("test-ca"));
  EXPECT_THAT(Of(IssueSvid(&third, Svid{.uris = {kCi}})),
              HasReason("BAD_CERTIFICATE"));
  EXPECT_THAT(Of(IssueSvid(nullptr, Svid{.uris = {kCi}})),
              HasReason("BAD_CERTIFICATE"));
}

TEST_F(AuthoritiesTest, AnIdThatIsNotNamedIsNotLetIn) {
  for (const char* id : {"spiffe://acme.example/ci", "spiffe://acme.example/x",
                         "spiffe://other.example/ci/main"}) {
    EXPECT_THAT(Of(Svid{.uris = {id}}), HasReason("IDENTITY_UNKNOWN")) << id;
  }
}

TEST_F(AuthoritiesTest, ThereIsExactlyOneUriAndItIsASpiffeId) {
  for (const Svid& svid :
       {Svid{.uris = {kCi, kCi}}, Svid{.uris = {kCi, "https://a.example/"}},
        Svid{.uris = {"keyturn:role:administrator", kCi}}, Svid{},
        Svid{.uris = {"https://acme.example/ci/main"}},
        Svid{.uris = {"spiffe://acme.example/ci/../admin"}},
        Svid{.uris = {"spiffe://acme.example"}}}) {
    EXPECT_THAT(Of(svid), HasReason("BAD_CERTIFICATE")) << svid.uris.size();
  }
}

TEST_F(AuthoritiesTest, ACallersCertificateIsForClientsAndSignsNothing) {
  for (const Svid& svid :
       {Svid{.uris = {kCi}, .extended_key_usage = "serverAuth"},
        Svid{.uris = {kCi}, .extended_key_usage = nullptr},
        Svid{.uris = {kCi}, .key_usage = "critical,keyEncipherment"},
        Svid{.uris = {kCi}, .key_usage = "digitalSignature,keyCertSign"},
        Svid{.uris = {kCi}, .key_usage = "digitalSignature,cRLSign"},
        Svid{.uris = {kCi}, .constraints = "critical,CA:TRUE"}}) {
    EXPECT_THAT(Of(svid), HasReason("BAD_CERTIFICATE")) << svid.key_usage;
  }
}

TEST_F(AuthoritiesTest, ACertificateBetweenIsShownAlongAndItsEndCounts) {
  Svid between = AuthoritySvid("between");
  between.ends_seconds = 600;
  const PemPair intermediate = IssueSvid(&outside_, between);
  const PemPair client = IssueSvid(&intermediate, Svid{.uris = {kCi}});

  EXPECT_THAT(Of(client), HasReason("BAD_CERTIFICATE"));
  const absl::StatusOr<Identity> identity =
      Of(client, intermediate.certificate_pem);
  ASSERT_THAT(identity, IsOk());
  EXPECT_LT(*identity->certificate_expires_at, absl::Now() + absl::Minutes(11));
  EXPECT_THAT(Of(client), IsOk()) << "it is known by now";

  // A caller's certificate is none that another hangs on.
  const PemPair forged = IssueSvid(&client, Svid{.uris = {kCi}});
  EXPECT_THAT(Of(forged, client.certificate_pem + intermediate.certificate_pem),
              HasReason("BAD_CERTIFICATE"));
}

TEST_F(AuthoritiesTest, WhatIsUsedNextCountsAtOnceAlsoForThoseWhoAreKnown) {
  const PemPair client = IssueSvid(&outside_, Svid{.uris = {kCi}});
  const Identity before = Of(client).value();
  EXPECT_TRUE(authorities_.StillGrants(before));

  Use({{Role::kReader}});
  EXPECT_EQ(Of(client)->roles, Roles({Role::kReader}));
  EXPECT_FALSE(authorities_.StillGrants(before));

  ASSERT_THAT(authorities_.Use(own_.certificate_pem, std::nullopt), IsOk());
  EXPECT_THAT(Of(client), HasReason("BAD_CERTIFICATE"));
  EXPECT_FALSE(authorities_.StillGrants(before));
}

TEST_F(AuthoritiesTest, AnAuthorityIsEitherOursOrOutside) {
  EXPECT_THAT(
      authorities_.Use(
          own_.certificate_pem,
          OutsideCa{outside_.certificate_pem + own_.certificate_pem, {}}),
      HasCode(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(authorities_.Use(own_.certificate_pem, OutsideCa{"none", {}}),
              HasCode(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Of(Svid{.uris = {kCi}}), IsOk()) << "nothing has changed";
}

}  // namespace
}  // namespace keyturn::access
