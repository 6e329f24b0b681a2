#include "daemon/upstream/celigo/document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/status_matchers.h"

namespace keyturn::celigo {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::HasCode;
using testing::HasReason;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::IsOk;
using testing::MessageIs;
using ::testing::Not;

constexpr char kIClient[] = "58c9c2b1e4b0a1d2c3e4f5a6";

// As GET gives it: an integration app's NetSuite connection on a password, with
// fields that nobody documents.
constexpr char kBasic[] = R"({
  "_id": "5f3a00000000000000000001",
  "lastModified": "2026-01-01T00:00:00.000Z",
  "type": "netsuite", "name": "NetSuite Connection", "offline": false,
  "_connectorId": "56cc2a64a42f08124832753a",
  "_integrationId": "5f3a00000000000000000002",
  "zebra": {"unknown": [1, 2.50, null, {"deep": "value"}]},
  "netsuite": {
    "authType": "basic", "email": "jira@example.com", "password": "******",
    "account": "123456_SB1", "environment": "sandbox2.0", "roleId": "1042",
    "requestLevelCredentials": false, "wsdlVersion": "current",
    "concurrencyLevel": 7, "linkSuiteScript": true,
    "concurrencyLevelRESTlet": 1,
    "dataCenterURLs": {"restDomain": "https://rest.netsuite.com"}
  },
  "microServices": {"disableNetSuiteWebServices": false}
})";

Document Parse(std::string_view text) { return *http::ParseJson(text); }
Document Basic() { return Parse(kBasic); }

absl::StatusOr<secret::Secret> ToToken(const Document& document) {
  return MakeTokenDocument(document, secret::Secret("1d1d"),
                           secret::Secret("5ec5e7"), kIClient);
}

// What a correct server shows after ToToken(Basic()) was written.
Document AfterSwitch() {
  Document after = Parse(ToToken(Basic())->Expose());
  after["netsuite"]["tokenId"] = "******";
  after["netsuite"]["tokenSecret"] = "******";
  after["lastModified"] = "2026-01-02T00:00:00.000Z";
  return after;
}

std::vector<std::string> Paths(const std::vector<Difference>& differences) {
  std::vector<std::string> paths;
  for (const Difference& difference : differences) {
    paths.push_back(difference.path);
  }
  return paths;
}

Comparison CompareToSwitch(const Document& read_back) {
  return UnexpectedDifferences(Basic(), read_back, TokenIntent(kIClient));
}

TEST(MaskTest, IsAStringOfAsterisksOnly) {
  EXPECT_TRUE(IsMask(Document("******")));
  EXPECT_TRUE(IsMask(Document("*")));
  EXPECT_FALSE(IsMask(Document("")));
  EXPECT_FALSE(IsMask(Document("***x")));
  EXPECT_FALSE(IsMask(Document(6)));
  EXPECT_FALSE(IsMask(Document()));
}

TEST(AuthTypeTest, IsNamedOrInferredFromTheSecretsThatExist) {
  const auto auth_type = [](std::string_view netsuite) {
    return AuthTypeOf(Parse(R"({"netsuite":)" + std::string(netsuite) + "}"));
  };
  EXPECT_EQ(AuthTypeOf(Basic()), "basic");
  EXPECT_EQ(auth_type(R"({"authType":"Token"})"), "token");
  EXPECT_EQ(auth_type(R"({"authType":"token-auto"})"), "token-auto");
  EXPECT_EQ(auth_type(R"({"tokenId":"******","email":"a@b.c"})"), "token");
  EXPECT_EQ(auth_type(R"({"email":"a@b.c"})"), "basic");
  EXPECT_EQ(auth_type(R"({"password":"******"})"), "basic");
  EXPECT_EQ(auth_type("{}"), "");
  EXPECT_EQ(AuthTypeOf(Parse("{}")), "");
  EXPECT_EQ(AuthTypeOf(Parse("[]")), "");
}

TEST(MakeTokenDocumentTest, ChangesExactlyTheIntendedFieldsInPlace) {
  absl::StatusOr<secret::Secret> sent = ToToken(Basic());
  ASSERT_THAT(sent, IsOk());

  Document expected = Basic();
  Document& netsuite = expected["netsuite"];
  netsuite.erase("email");
  netsuite.erase("password");
  netsuite["authType"] = "token";
  netsuite["requestLevelCredentials"] = true;
  netsuite["tokenId"] = "1d1d";
  netsuite["tokenSecret"] = "5ec5e7";
  netsuite["_iClientId"] = kIClient;
  // As text: the order of the fields is part of it.
  EXPECT_EQ(sent->Expose(), expected.dump());
}

TEST(MakeTokenDocumentTest, KeepsFieldsItDoesNotKnow) {
  const Document sent = Parse(ToToken(Basic())->Expose());

  EXPECT_EQ(sent["zebra"].dump(), Basic()["zebra"].dump());
  EXPECT_EQ(sent["netsuite"]["linkSuiteScript"], true);
  EXPECT_EQ(sent["netsuite"]["wsdlVersion"], "current");
  EXPECT_EQ(sent["netsuite"]["concurrencyLevel"], 7);
}

TEST(MakeTokenDocumentTest, ReplacesATokenThatIsThereAlready) {
  Document old_token = AfterSwitch();

  const Document sent = Parse(ToToken(old_token)->Expose());

  EXPECT_EQ(sent["netsuite"]["tokenId"], "1d1d");
  EXPECT_EQ(sent["netsuite"]["tokenSecret"], "5ec5e7");
}

TEST(MakeTokenDocumentTest, NeverSendsAMask) {
  Document document = Basic();
  document["zebra"]["unknown"][3]["deep"] = "****";

  absl::StatusOr<secret::Secret> sent = ToToken(document);

  EXPECT_THAT(sent, HasReason("MASK_IN_DOCUMENT"));
  EXPECT_THAT(sent, MessageIs(HasSubstr("zebra.unknown.3.deep")));
}

TEST(MakeTokenDocumentTest, RefusesAWrongTokenWithoutRepeatingIt) {
  const auto make = [](std::string_view id, std::string_view token_secret,
                       std::string_view iclient) {
    return MakeTokenDocument(Basic(), secret::Secret(id),
                             secret::Secret(token_secret), iclient);
  };
  EXPECT_THAT(make("", "s", kIClient), HasReason("INVALID_CREDENTIAL"));
  EXPECT_THAT(make("i", "", kIClient), HasReason("INVALID_CREDENTIAL"));
  EXPECT_THAT(make("i", "s", ""), HasReason("INVALID_CREDENTIAL"));
  EXPECT_THAT(make("******", "s", kIClient), HasReason("INVALID_CREDENTIAL"));
  EXPECT_THAT(make("i", "c0ffee\n", kIClient),
              AllOf(HasReason("INVALID_CREDENTIAL"),
                    MessageIs(AllOf(HasSubstr("token secret"),
                                    Not(HasSubstr("c0ffee"))))));
  EXPECT_THAT(make(std::string(513, 'a'), "s", kIClient),
              HasCode(absl::StatusCode::kInvalidArgument));
}

TEST(MakeTokenDocumentTest, RefusesWhatIsNoNetSuiteConnection) {
  for (const char* text :
       {"{}", "[]", "null", R"({"type":"rest","netsuite":{}})",
        R"({"type":"netsuite"})", R"({"type":"netsuite","netsuite":[]})"}) {
    EXPECT_THAT(ToToken(Parse(text)), HasReason("NOT_NETSUITE")) << text;
  }
}

TEST(MakeBasicDocumentTest, IsThePreImageWithItsLogin) {
  absl::StatusOr<secret::Secret> sent = MakeBasicDocument(
      Basic(), secret::Secret("jira@example.com"), secret::Secret("pass word"));
  ASSERT_THAT(sent, IsOk());

  Document expected = Basic();
  expected["netsuite"]["password"] = "pass word";
  EXPECT_EQ(sent->Expose(), expected.dump());
}

TEST(MakeBasicDocumentTest, LeavesMaskedRemainsOfATokenOut) {
  Document pre_image = Basic();
  pre_image["netsuite"]["tokenId"] = "******";

  absl::StatusOr<secret::Secret> sent = MakeBasicDocument(
      pre_image, secret::Secret("a@b.c"), secret::Secret("p"));

  ASSERT_THAT(sent, IsOk());
  EXPECT_FALSE(Parse(sent->Expose())["netsuite"].contains("tokenId"));
}

TEST(MakeBasicDocumentTest, GoesBackOnlyToWhatWasBasic) {
  EXPECT_THAT(MakeBasicDocument(AfterSwitch(), secret::Secret("a@b.c"),
                                secret::Secret("p")),
              HasReason("NOT_BASIC"));
}

TEST(DiffTest, NamesEveryLeafThatDiffers) {
  const Document before = Parse(
      R"({"a":1,"b":{"c":"x","d":[1,2]},"gone":true,"same":{"y":1,"x":2}})");
  const Document after = Parse(
      R"({"same":{"x":2.0,"y":1},"a":"1","b":{"c":"y","d":[1,3,4]},"new":{"e":null}})");

  EXPECT_THAT(
      Diff(before, after),
      ElementsAre(Difference{"a", "1", "1"}, Difference{"b.c", "x", "y"},
                  Difference{"b.d.1", "2", "3"},
                  Difference{"b.d.2", std::nullopt, "4"},
                  Difference{"gone", "true", std::nullopt},
                  Difference{"new.e", std::nullopt, "null"}));
  EXPECT_THAT(Diff(before, before), IsEmpty());
}

TEST(DiffTest, ShowsNoSecret) {
  const Document before = Parse(
      R"({"netsuite":{"password":"hunter2","tokenSecret":"c0ffee"},"x":"***"})");
  const Document after =
      Parse(R"({"netsuite":{"password":"other","tokenId":"1d1d"},"x":"open"})");

  EXPECT_THAT(
      Diff(before, after),
      ElementsAre(Difference{"netsuite.password", "(secret)", "(secret)"},
                  Difference{"netsuite.tokenSecret", "(secret)", std::nullopt},
                  Difference{"netsuite.tokenId", std::nullopt, "(secret)"},
                  Difference{"x", "(secret)", "open"}));
}

TEST(DiffTest, MasksOfAnyLengthAreEqual) {
  EXPECT_THAT(Diff(Parse(R"({"a":"***"})"), Parse(R"({"a":"******"})")),
              IsEmpty());
}

TEST(DiffTest, AnEmptyObjectIsSomething) {
  EXPECT_THAT(Diff(Parse("{}"), Parse(R"({"a":{},"b":[]})")),
              ElementsAre(Difference{"a", std::nullopt, "{}"},
                          Difference{"b", std::nullopt, "[]"}));
  EXPECT_THAT(Diff(Parse(R"({"a":{}})"), Parse(R"({"a":[]})")),
              ElementsAre(Difference{"a", "{}", "[]"}));
}

TEST(DiffTest, CutsAndCleansWhatItShows) {
  const Document before = Parse("{}");
  Document after = Parse("{}");
  after["name"] = "two\nlines";
  after["long"] = std::string(5000, 'x');

  const std::vector<Difference> differences = Diff(before, after);

  EXPECT_EQ(differences[0].after, "two lines");
  EXPECT_LT(differences[1].after->size(), 300u);
}

TEST(UnexpectedDifferencesTest, ACorrectSwitchIsClean) {
  const Comparison comparison = CompareToSwitch(AfterSwitch());

  EXPECT_TRUE(comparison.clean());
  EXPECT_THAT(comparison.notes, IsEmpty());
}

TEST(UnexpectedDifferencesTest, TheServersOwnFieldsMayChange) {
  Document after = AfterSwitch();
  after["lastModified"] = "later";
  after["lastModifiedBy"] = "somebody";
  after["offline"] = true;
  after["needsAuthorization"] = false;
  after["queueSize"] = 3;
  after["queues"] = Parse(R"([{"name":"q","size":3}])");
  after["netsuite"]["dataCenterURLs"]["systemDomain"] = "https://system";
  after["netsuite"].erase("concurrencyLevelRESTlet");
  after["netsuite"]["concurrencyLevelWebServices"] = 4;
  after["netsuite"]["suiteAppInstalled"] = true;
  after["netsuite"]["useSsoLogin"] = false;

  EXPECT_TRUE(CompareToSwitch(after).clean());
}

TEST(UnexpectedDifferencesTest, AFieldOfASimilarNameMayNot) {
  Document after = AfterSwitch();
  after["offlineReason"] = "x";

  EXPECT_THAT(Paths(CompareToSwitch(after).unexpected),
              ElementsAre("offlineReason"));
}

TEST(UnexpectedDifferencesTest, DocumentedNormalizationsAreNotes) {
  Document before = Basic();
  before["netsuite"]["account"] = "123456_sb1";
  before["netsuite"]["concurrencyLevel"] = 50;
  Document after = AfterSwitch();
  after["netsuite"]["wsdlVersion"] = "latest";
  after["netsuite"]["concurrencyLevel"] = 25;

  const Comparison comparison =
      UnexpectedDifferences(before, after, TokenIntent(kIClient));

  EXPECT_TRUE(comparison.clean());
  EXPECT_THAT(Paths(comparison.notes),
              ElementsAre("netsuite.account", "netsuite.wsdlVersion",
                          "netsuite.concurrencyLevel"));
}

TEST(UnexpectedDifferencesTest, DocumentedDefaultsAreNotes) {
  Document before = Basic();
  before["netsuite"].erase("environment");
  before["netsuite"].erase("concurrencyLevel");
  Document after = AfterSwitch();
  after["netsuite"]["environment"] = "production";
  after["netsuite"]["concurrencyLevel"] = 5;

  const Comparison comparison =
      UnexpectedDifferences(before, after, TokenIntent(kIClient));

  EXPECT_TRUE(comparison.clean());
  EXPECT_THAT(Paths(comparison.notes),
              ElementsAre("netsuite.environment", "netsuite.concurrencyLevel"));

  after["netsuite"]["environment"] = "beta";
  after["netsuite"]["concurrencyLevel"] = 500;
  EXPECT_THAT(Paths(UnexpectedDifferences(before, after, TokenIntent(kIClient))
                        .unexpected),
              ElementsAre("netsuite.environment", "netsuite.concurrencyLevel"));
}

TEST(UnexpectedDifferencesTest, WhatLooksLikeANormalizationButIsNoneCounts) {
  Document after = AfterSwitch();
  after["netsuite"]["account"] = "999999";
  after["netsuite"]["wsdlVersion"] = "2016.2";
  after["netsuite"]["concurrencyLevel"] = 8;

  EXPECT_THAT(Paths(CompareToSwitch(after).unexpected),
              ElementsAre("netsuite.account", "netsuite.wsdlVersion",
                          "netsuite.concurrencyLevel"));
}

TEST(UnexpectedDifferencesTest, FindsWhatWasErasedOrAdded) {
  Document after = AfterSwitch();
  after.erase("zebra");
  after["netsuite"].erase("roleId");
  after["surprise"] = 1;

  EXPECT_THAT(
      Paths(CompareToSwitch(after).unexpected),
      ElementsAre("zebra.unknown.0", "zebra.unknown.1", "zebra.unknown.2",
                  "zebra.unknown.3.deep", "netsuite.roleId", "surprise"));
}

TEST(UnexpectedDifferencesTest, FindsWhatWasIntendedAndDidNotHappen) {
  const Comparison comparison = CompareToSwitch(Basic());

  EXPECT_FALSE(comparison.clean());
  EXPECT_THAT(
      comparison.missing,
      ElementsAre(
          Difference{"netsuite.authType", "token", "basic"},
          Difference{"netsuite.tokenId", "(secret)", std::nullopt},
          Difference{"netsuite.tokenSecret", "(secret)", std::nullopt},
          Difference{"netsuite._iClientId", kIClient, std::nullopt},
          Difference{"netsuite.requestLevelCredentials", "true", "false"}));
  EXPECT_THAT(comparison.unexpected, IsEmpty());
}

// Whether leaving the old login out erases it is an open question.
TEST(UnexpectedDifferencesTest, AnOldLoginThatCeligoKeepsIsANote) {
  Document after = AfterSwitch();
  after["netsuite"]["email"] = "jira@example.com";
  after["netsuite"]["password"] = "******";

  const Comparison comparison = CompareToSwitch(after);

  EXPECT_TRUE(comparison.clean());
  EXPECT_THAT(
      comparison.notes,
      ElementsAre(
          Difference{"netsuite.email", std::nullopt, "jira@example.com"},
          Difference{"netsuite.password", std::nullopt, "(secret)"}));

  after["netsuite"]["email"] = "somebody.else@example.com";
  EXPECT_THAT(Paths(CompareToSwitch(after).missing),
              ElementsAre("netsuite.email"));
}

TEST(UnexpectedDifferencesTest, TheWrongIClientIsNotIntended) {
  Document after = AfterSwitch();
  after["netsuite"]["_iClientId"] = "000000000000000000000000";

  EXPECT_THAT(Paths(CompareToSwitch(after).missing),
              ElementsAre("netsuite._iClientId"));
}

TEST(UnexpectedDifferencesTest, AnEmptiedFieldCountsAsRemoved) {
  Document after = AfterSwitch();
  after["netsuite"]["email"] = "";
  after["netsuite"]["password"] = nullptr;

  EXPECT_TRUE(CompareToSwitch(after).clean());
}

TEST(UnexpectedDifferencesTest, TheWayBackIsComparedToo) {
  Document pre_image = Basic();
  pre_image["netsuite"]["tokenId"] = "******";
  Document restored = Basic();
  restored["lastModified"] = "later";

  EXPECT_TRUE(UnexpectedDifferences(pre_image, restored, BasicIntent(pre_image))
                  .clean());
  EXPECT_THAT(Paths(UnexpectedDifferences(pre_image, AfterSwitch(),
                                          BasicIntent(pre_image))
                        .missing),
              ElementsAre("netsuite.email", "netsuite.password"));
}

TEST(ForeignChangesTest, AreWhatNobodyIntended) {
  const std::vector<Document> entries = {
      Parse(R"({"fieldChanges":[{"fieldPath":"netsuite.authType"},
                                {"fieldPath":"netsuite.wsdlVersion"},
                                {"fieldPath":"netsuite.tokenSecret"},
                                {"fieldPath":"netsuite.email"},
                                {"fieldPath":"netsuite"},
                                {"fieldPath":"_iClientId"},
                                {"fieldPath":"lastModified"},
                                {"fieldPath":"offline"}]})"),
      Parse(R"({"fieldChanges":[{"fieldPath":"settings.team"},
                                {"fieldPath":"settings.team"},
                                {"fieldPath":"<script>"}, "text", {}]})"),
      Parse(R"({"event":"view"})"), Parse(R"({"fieldChanges":null})")};

  EXPECT_THAT(ForeignChanges(
                  entries, TokenIntent(kIClient),
                  {.document = Basic(), .known_until = absl::InfinitePast()}),
              ElementsAre("settings.team"));
}

TEST(ForeignChangesTest, OfTheFirstSecondsAreThoseThatTheDocumentHasNot) {
  Document replaced = Basic();
  replaced["name"] = "NetSuite";
  replaced["debugLevel"] = 2;
  const std::vector<Document> entries = {
      // Our own write puts the name back, and tells so.
      Parse(R"({"time":"2026-05-06T07:08:12Z","fieldChanges":[
          {"fieldPath":"name","oldValue":"Theirs","newValue":"NetSuite"}]})"),
      Parse(R"({"time":"2026-05-06T07:08:11Z","fieldChanges":[
          {"fieldPath":"name","oldValue":"NetSuite","newValue":"Theirs"}]})"),
      // The edit that gave the document its lastModified.
      Parse(R"({"time":"2026-05-06T07:08:10Z","fieldChanges":[
          {"fieldPath":"debugLevel","newValue":"2"},
          {"fieldPath":"written.otherwise","newValue":1}]})")};
  const absl::Time last_modified = absl::FromCivil(
      absl::CivilSecond(2026, 5, 6, 7, 8, 10), absl::UTCTimeZone());
  const auto foreign = [&](absl::Time known_until) {
    return ForeignChanges(entries, TokenIntent(kIClient),
                          {.document = replaced, .known_until = known_until});
  };

  EXPECT_THAT(foreign(last_modified + absl::Seconds(5)), ElementsAre("name"));
  EXPECT_THAT(foreign(last_modified), ElementsAre("name"));
  EXPECT_THAT(foreign(absl::InfinitePast()),
              ElementsAre("name", "debugLevel", "written.otherwise"));
}

TEST(ChangedSincePlanTest, SeesWhatSomebodyElseChanged) {
  Document now = Basic();
  now["lastModified"] = "later";
  now["offline"] = true;
  EXPECT_THAT(ChangedSincePlan(Basic(), now), IsEmpty());

  now["netsuite"]["roleId"] = "3";
  now["netsuite"]["concurrencyLevel"] = 1;
  EXPECT_THAT(Paths(ChangedSincePlan(Basic(), now)),
              ElementsAre("netsuite.roleId", "netsuite.concurrencyLevel"));
}

}  // namespace
}  // namespace keyturn::celigo
