#include "tests/sandbox/world.h"

#include "tests/sandbox/files.h"
#include "tests/sandbox/fixture.h"

namespace keyturn::sandbox {
namespace {

using testing::HasSubstr;

class WorldTest : public SandboxTest {};

TEST_F(WorldTest, ControlNeedsItsKey) {
  Request request;
  request.method = "GET";
  request.target = "/control/state";
  EXPECT_EQ(world_.Handle(request).status, 403);
}

TEST_F(WorldTest, FaultsStrikeAsOftenAsAskedAndWithOrWithoutEffect) {
  const Json rename =
      Json::array({{{"op", "replace"}, {"path", "/name"}, {"value", "One"}}});
  Fault({{"kind", "status"},
         {"method", "PATCH"},
         {"path", "/v1/connections/*"},
         {"status", 503},
         {"count", 2},
         {"skip", 1}});
  EXPECT_EQ(Celigo("PATCH", ConnectionPath(), rename).status, 204);
  EXPECT_EQ(Celigo("PATCH", ConnectionPath(), rename).status, 503);
  EXPECT_EQ(Celigo("GET", ConnectionPath()).status, 200);
  EXPECT_EQ(Celigo("PATCH", ConnectionPath(), rename).status, 503);
  EXPECT_EQ(Celigo("PATCH", ConnectionPath(), rename).status, 204);

  const auto name_after = [&](const char* kind, const char* name) {
    Fault({{"kind", kind}, {"method", "PATCH"}, {"path", "/v1/connections/*"}});
    const Response response = Celigo(
        "PATCH", ConnectionPath(),
        Json::array({{{"op", "replace"}, {"path", "/name"}, {"value", name}}}));
    return std::make_pair(response, Text(Document(ConnectionPath()), "name"));
  };
  const auto before = name_after("reset_before", "A");
  EXPECT_EQ(before.first.ending, Ending::kReset);
  EXPECT_EQ(before.second, "One");
  const auto after = name_after("reset_after", "B");
  EXPECT_EQ(after.first.ending, Ending::kReset);
  EXPECT_EQ(after.second, "B");
  const auto status_after = name_after("status_after", "C");
  EXPECT_EQ(status_after.first.status, 503);
  EXPECT_EQ(status_after.second, "C");
  EXPECT_EQ(name_after("cut_body", "D").first.ending, Ending::kCutBody);
  EXPECT_TRUE(ParseJson(name_after("rubbish", "E").first.body).is_discarded());
  const auto limited = name_after("rate_limit", "F");
  EXPECT_EQ(limited.first.status, 429);
  EXPECT_EQ(limited.first.Header("Retry-After"), "1");
  EXPECT_EQ(limited.second, "E");
  const auto echo = name_after("echo", "a-secret");
  EXPECT_EQ(echo.first.status, 503);
  EXPECT_NE(echo.first.body.find("a-secret"), std::string::npos);
  EXPECT_NE(echo.first.body.find("Authorization"), std::string::npos);
  EXPECT_EQ(echo.second, "E");
}

TEST_F(WorldTest, ADelayIsTheCarriersToWait) {
  Fault({{"kind", "delay"}, {"path", "/v1/**"}, {"delay_ms", 5000}});
  const Response response = Celigo("GET", "/v1/tokenInfo");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.delay, absl::Seconds(5));
}

TEST_F(WorldTest, CountsCallsByEndpoint) {
  Document(ConnectionPath());
  Document(ConnectionPath());
  const Json state = State();
  EXPECT_EQ(state["requests"]["by_endpoint"]["GET /v1/connections/:id"], 2);
  EXPECT_EQ(state["requests"]["by_status"]["200"], 2);
}

TEST_F(WorldTest, MovesItsClock) {
  Control("POST", "/control/clock", {{"advance_seconds", 3600}});
  EXPECT_EQ(Text(State(), "now"), FormatInstant(clock_.Now() + absl::Hours(1)));
}

TEST_F(WorldTest, SurvivesBodiesOfTheWrongShape) {
  for (const char* body : {"[]", "7", "null", "{\"netsuite\":[1]}",
                           "{\"name\":{},\"type\":1}", "{\"pending\":[[]]}"}) {
    for (const std::string& target :
         {ConnectionPath(), FlowPath(0),
          "/v1/integrations/" + Text(info_, "tile") +
              "/settings/persistSettings"}) {
      EXPECT_GE(Celigo("PUT", target, ParseJson(body)).status, 400)
          << target << " " << body;
    }
  }
}

TEST_F(WorldTest, TheSameSeedGivesTheSameWorld) {
  World other({.control_key = "key", .seed = 7}, &clock_);
  absl::StatusOr<Seeded> seeded =
      SeedWorld({.netsuite_access = true, .schedules = false}, &other);
  ASSERT_TRUE(seeded.ok());
  EXPECT_EQ(Text(seeded->info, "connection"), connection_);
  EXPECT_EQ(Text(seeded->info, "celigo_token"), Text(info_, "celigo_token"));
}

TEST(SeedTest, SpreadsManyConnectionsOverAccounts) {
  ManualClock clock(absl::FromUnixSeconds(1'800'000'000));
  World world({.control_key = "key", .seed = 1}, &clock);
  absl::StatusOr<Seeded> seeded =
      SeedWorld({.connections = 20, .accounts = 3}, &world);
  ASSERT_TRUE(seeded.ok());
  EXPECT_EQ(seeded->info["connections"].size(), 20u);
  EXPECT_EQ(seeded->info["netsuite_accounts"].size(), 3u);
  EXPECT_EQ(Text(seeded->info["connections"][4], "netsuite_name"),
            "acme-ns-0002");
  EXPECT_FALSE(SeedWorld({.connections = 2, .accounts = 3}, &world).ok());
}

TEST(SwitchTest, EverySwitchIsInTheReadme) {
  const std::string readme =
      ReadFile(SANDBOX_SOURCE_DIR "/README.md").value_or("");
  for (const SwitchRow& row : SwitchTable()) {
    EXPECT_THAT(readme, HasSubstr("| `" + std::string(row.name) + "` |"));
  }
}

TEST(SwitchTest, RefusesWhatTheTableDoesNotList) {
  Switches switches;
  EXPECT_FALSE(switches.Set("ping_failure", "sometimes").ok());
  EXPECT_FALSE(switches.Set("no_such_switch", "yes").ok());
  EXPECT_FALSE(switches.Set("page_size", "-1").ok());
  EXPECT_TRUE(switches.Set("page_size", "7").ok());
  EXPECT_EQ(switches.Count("page_size"), 7);
}

TEST(GlobTest, StaysWithinASegmentUnlessDoubled) {
  EXPECT_TRUE(MatchesGlob("/v1/connections/*", "/v1/connections/7"));
  EXPECT_FALSE(MatchesGlob("/v1/connections/*", "/v1/connections/7/ping"));
  EXPECT_TRUE(MatchesGlob("/v1/**", "/v1/connections/7/ping"));
  EXPECT_TRUE(MatchesGlob("/v1/*/x", "/v1//x"));
}

}  // namespace
}  // namespace keyturn::sandbox
