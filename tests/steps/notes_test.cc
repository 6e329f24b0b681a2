#include "daemon/steps/notes.h"

#include "tests/support/status_matchers.h"

namespace keyturn::steps {
namespace {

using ::keyturn::testing::HasCode;

FlowNote FullFlow() {
  FlowNote flow;
  flow.id = "f1";
  flow.name = "Größe";
  flow.store_id = "s1";
  flow.foreign = true;
  flow.unplanned = true;
  flow.export_ids = {"e1", "e2"};
  flow.test = true;
  flow.run = true;
  flow.was_enabled = false;
  flow.run_requested_at = absl::FromUnixMicros(1'700'000'000'123'456);
  flow.jobs_before = {"j0"};
  flow.job_id = "j1";
  return flow;
}

// Every field differs from its default, so that one that is forgotten in
// FormatNotes or ParseNotes shows as an absent key or a lost value.
TEST(NotesTest, EveryFieldSurvives) {
  Notes notes;
  notes.recipe = "jira";
  notes.source_role = "source";
  notes.application = "application";
  notes.permissions = {"A", "B"};
  notes.tile_id = "t1";
  notes.tile_name = "tile";
  notes.app_version_1 = true;
  notes.connection_id = "c1";
  notes.connection_name = "connection";
  notes.pre_image = http::ParseJson(R"({"z":1,"a":{"b":null}})").value();
  notes.iclient_id = "i1";
  notes.iclient_name = "iclient";
  notes.flows = {FullFlow()};
  notes.login_problem = "refused";
  notes.access_closed = true;
  notes.role_id = "7";
  notes.employee_id = "8";
  notes.employee_name = "Jira";
  notes.employee_full_name = "Jira Integration";
  notes.roles_before = std::vector<std::string>{};
  notes.role_added = true;
  notes.tokens_asked = 2;
  notes.token_version = 3;
  notes.token_number = 2;
  notes.token_numbers = {1, 1, 2};
  notes.token_proved = 3;
  notes.form_asked = 3;
  notes.name_asked = true;
  notes.issue_sent = true;
  notes.issue_calls = 1;
  notes.token_listed = true;
  notes.token_twins = 1;
  notes.revoke_sent = true;
  notes.sent_version = 4;
  notes.sent_over = http::ParseJson(R"({"b":[1,2]})").value();
  notes.sent_at = absl::FromUnixSeconds(1700000000);
  notes.back_version = 5;
  notes.back_over = "2026-01-01T00:00:00.000Z";
  notes.flows_restored = true;
  notes.tests_lost = 1;

  const std::string text = FormatNotes(notes);
  const Notes read = ParseNotes(text).value();

  EXPECT_EQ(FormatNotes(read), text);
  const http::Document object = http::ParseJson(text).value();
  const http::Document fresh = http::ParseJson(FormatNotes(Notes())).value();
  for (const auto& [key, value] : object.items()) {
    EXPECT_FALSE(fresh.contains(key) && fresh.at(key) == value) << key;
  }
  EXPECT_EQ(read.pre_image.dump(), R"({"z":1,"a":{"b":null}})");
  ASSERT_TRUE(read.roles_before.has_value());
  EXPECT_EQ(read.flows[0].run_requested_at, FullFlow().run_requested_at);
  EXPECT_EQ(read.flows[0].was_enabled, false);
  EXPECT_EQ(read.flows[0].jobs_before, FullFlow().jobs_before);
}

TEST(NotesTest, WhatIsUnsetStaysUnset) {
  Notes notes;
  notes.flows.emplace_back();
  const Notes read = ParseNotes(FormatNotes(notes)).value();
  EXPECT_FALSE(read.roles_before.has_value());
  EXPECT_FALSE(read.flows[0].was_enabled.has_value());
  EXPECT_FALSE(read.flows[0].run_requested_at.has_value());
}

TEST(NotesTest, OlderAndNewerNotesAreRead) {
  EXPECT_EQ(ParseNotes("").value().tokens_asked, 0);
  const Notes read =
      ParseNotes(R"({"tokensAsked":2,"ofALaterVersion":{"x":1}})").value();
  EXPECT_EQ(read.tokens_asked, 2);
  EXPECT_EQ(read.token_version, 0);
}

TEST(NotesTest, WhatIsNoNotesIsDataLoss) {
  for (const char* text :
       {"{", "[]", "7", R"({"flows":7})", R"({"tokensAsked":"two"})",
        R"({"flows":[{"wasEnabled":"yes"}]})", R"({"tokensAsked":1e30})",
        R"({"tokenNumbers":[1.5]})", R"({"sentAt":1e300})"}) {
    EXPECT_THAT(ParseNotes(text), HasCode(absl::StatusCode::kDataLoss)) << text;
  }
}

TEST(NotesTest, ATokenHasTheNameThatItWasAskedForUnder) {
  Notes notes;
  notes.tokens_asked = 1;
  NoteToken(notes, 1);
  TakeNextTokenName(notes);
  EXPECT_EQ(notes.tokens_asked, 2);
  TakeNextTokenName(notes);
  EXPECT_EQ(notes.tokens_asked, 2) << "that name is free still";
  NoteToken(notes, 2);
  EXPECT_EQ(notes.token_number, 2);
  EXPECT_EQ(notes.token_numbers, (std::vector<int>{1, 2}));
}

TEST(NotesTest, NamesAreStable) {
  EXPECT_EQ(TokenName("abc", 2), "keyturn-abc-2");
  EXPECT_EQ(TokenCredential("abc"), "token-abc");
}

}  // namespace
}  // namespace keyturn::steps
