#include "daemon/upstream/celigo/tile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/status_matchers.h"

namespace keyturn::celigo {
namespace {

using http::Document;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::Eq;
using testing::HasReason;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::IsOk;
using testing::MessageIs;
using ::testing::Optional;

Document Parse(std::string_view text) { return *http::ParseJson(text); }

std::vector<Document> Connections() {
  return {Parse(R"({"_id":"n1","type":"netsuite","_integrationId":"t1"})"),
          Parse(R"({"_id":"j1","type":"rest","_integrationId":"t1"})"),
          Parse(R"({"_id":"n2","type":"netsuite","_integrationId":"t2"})")};
}

constexpr char kTile[] = R"({
  "_id":"t1","_connectorId":"c1",
  "settings":{"commonresources":{"netsuiteConnectionId":"n1"}},
  "install":[{"_connectionId":"j1"},{"_connectionId":"n1"},{"name":"bundle"}]
})";

TEST(FindNetSuiteConnectionTest, AllThreeWaysAgree) {
  absl::StatusOr<TileConnection> found =
      FindNetSuiteConnection(Parse(kTile), Connections());

  ASSERT_THAT(found, IsOk());
  EXPECT_EQ(found->connection_id, "n1");
  EXPECT_TRUE(found->by_integration_id);
  EXPECT_TRUE(found->by_common_resources);
  EXPECT_TRUE(found->by_install_step);
}

TEST(FindNetSuiteConnectionTest, OneWayIsEnough) {
  absl::StatusOr<TileConnection> by_id =
      FindNetSuiteConnection(Parse(R"({"_id":"t1"})"), Connections());
  ASSERT_THAT(by_id, IsOk());
  EXPECT_EQ(by_id->connection_id, "n1");
  EXPECT_FALSE(by_id->by_common_resources);

  absl::StatusOr<TileConnection> by_step = FindNetSuiteConnection(
      Parse(R"({"_id":"t9","install":[{"_connectionId":"n2"}]})"),
      Connections());
  ASSERT_THAT(by_step, IsOk());
  EXPECT_EQ(by_step->connection_id, "n2");
}

TEST(FindNetSuiteConnectionTest, WaysThatDisagreeAreNamed) {
  Document tile = Parse(kTile);
  tile["settings"]["commonresources"]["netsuiteConnectionId"] = "n2";

  absl::StatusOr<TileConnection> found =
      FindNetSuiteConnection(tile, Connections());

  EXPECT_THAT(found, HasReason("CONNECTION_AMBIGUOUS"));
  EXPECT_THAT(found, MessageIs(AllOf(HasSubstr("n1"), HasSubstr("n2"))));
}

// It would be repeated in messages and asked for by its path.
TEST(FindNetSuiteConnectionTest, WhatCannotBeAnIdNamesNothing) {
  Document tile = Parse(kTile);
  tile["settings"]["commonresources"]["netsuiteConnectionId"] = "n 1\x1b[2J";
  std::vector<Document> connections = Connections();
  connections.push_back(
      Parse(R"({"_id":"n/3","type":"netsuite","_integrationId":"t1"})"));

  absl::StatusOr<TileConnection> found =
      FindNetSuiteConnection(tile, connections);

  ASSERT_THAT(found, IsOk());
  EXPECT_EQ(found->connection_id, "n1");
  EXPECT_FALSE(found->by_common_resources);
}

TEST(FindNetSuiteConnectionTest, TwoConnectionsOfOneTileAreAmbiguous) {
  std::vector<Document> connections = Connections();
  connections[2]["_integrationId"] = "t1";

  EXPECT_THAT(FindNetSuiteConnection(Parse(kTile), connections),
              HasReason("CONNECTION_AMBIGUOUS"));
}

TEST(FindNetSuiteConnectionTest, SaysWhenThereIsNone) {
  EXPECT_THAT(FindNetSuiteConnection(Parse(R"({"_id":"t3"})"), Connections()),
              HasReason("CONNECTION_NOT_FOUND"));
  EXPECT_THAT(FindNetSuiteConnection(Parse("{}"), {}),
              HasReason("CONNECTION_NOT_FOUND"));
}

TEST(IntegrationAppTest, VersionFollowsFromConnectorAndSteps) {
  using Version = IntegrationAppVersion;
  EXPECT_EQ(IntegrationAppVersionOf(Parse("{}")), Version::kNone);
  EXPECT_EQ(IntegrationAppVersionOf(Parse(kTile)), Version::k1);
  EXPECT_EQ(IntegrationAppVersionOf(
                Parse(R"({"_connectorId":"c","installSteps":[]})")),
            Version::k1);
  EXPECT_EQ(IntegrationAppVersionOf(
                Parse(R"({"_connectorId":"c","installSteps":[{}]})")),
            Version::k2);
  EXPECT_EQ(IntegrationAppVersionOf(
                Parse(R"({"_connectorId":"c","uninstallSteps":[{}]})")),
            Version::k2);
}

TEST(StoreTest, IsTheSectionThatHoldsTheFlow) {
  const Document tile = Parse(R"({"settings":{"supportsMultiStore":true,
    "sections":[
      {"id":"s1","title":"A","sections":[{"title":"x","flows":[{"_id":"f1"}]}]},
      {"id":22,"title":"B","sections":[{"flows":[{"_id":"f2"},"f3"]}]}]}})");

  EXPECT_TRUE(IsMultiStore(tile));
  EXPECT_THAT(StoreIdOf(tile, "f1"), Optional(Eq("s1")));
  EXPECT_THAT(StoreIdOf(tile, "f2"), Optional(Eq("22")));
  EXPECT_THAT(StoreIdOf(tile, "f3"), Optional(Eq("22")));
  EXPECT_THAT(StoreIdOf(tile, "f4"), Eq(std::nullopt));
}

TEST(StoreTest, ThereIsNoneInAnAppOfOneStore) {
  const Document tile = Parse(
      R"({"settings":{"sections":[{"id":"s1","flows":[{"_id":"f1"}]}]}})");

  EXPECT_FALSE(IsMultiStore(tile));
  EXPECT_THAT(StoreIdOf(tile, "f1"), Eq(std::nullopt));
}

TEST(IntegrationAppTest, KnowsAnUpdateInProgress) {
  EXPECT_TRUE(UpdateInProgress(Parse(R"({"updateInProgress":true})")));
  EXPECT_FALSE(UpdateInProgress(Parse(R"({"updateInProgress":false})")));
  EXPECT_FALSE(UpdateInProgress(Parse("{}")));
}

TEST(FlowTest, ExportsAreItsPageGenerators) {
  EXPECT_THAT(
      ExportIdsOf(Parse(
          R"({"pageGenerators":[{"_exportId":"e1"},{"_exportId":"e2"},{}],
                      "_exportId":"old"})")),
      ElementsAre("e1", "e2"));
  EXPECT_THAT(ExportIdsOf(Parse(R"({"_exportId":"old"})")), ElementsAre("old"));
  EXPECT_THAT(ExportIdsOf(Parse("{}")), IsEmpty());
}

}  // namespace
}  // namespace keyturn::celigo
