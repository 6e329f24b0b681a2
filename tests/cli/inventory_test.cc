// `keyturn discover`: what it shows, and the spec files that it writes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "cli/spec_draft.h"
#include "cli/spec_file.h"
#include "tests/cli/fake_daemon.h"
#include "tests/cli/harness.h"
#include "tests/cli/samples.h"

namespace keyturn::cli {
namespace {

using nlohmann::json;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// The one that FakeDaemon finds by itself.
constexpr char kFound[] = "5f3a00000000000000000001";
constexpr char kOther[] = "5f3a00000000000000000002";

v1::DiscoveredConnection Connection(const std::string& id) {
  v1::DiscoveredConnection connection;
  connection.set_id(id);
  connection.set_name("NetSuite of sales");
  connection.set_auth_type("basic");
  connection.set_environment("sandbox");
  connection.set_netsuite_account("7654321_SB1");
  connection.set_tile("5f3c00000000000000000001");
  connection.set_tile_name("Sales");
  connection.set_recipe("high-tech");
  connection.set_migratable(true);
  connection.add_flows()->set_enabled(true);
  connection.add_flows();
  connection.add_needs("a role made from Celigo Role");
  return connection;
}

v1::DiscoveredConnection BlockedConnection() {
  v1::DiscoveredConnection connection = Connection("5f3a00000000000000000009");
  connection.set_name("Moved long ago");
  connection.set_auth_type("token-auto");
  connection.set_migratable(false);
  connection.clear_needs();
  connection.add_blockers("logs in with a token already");
  return connection;
}

class InventoryTest : public testing::Test {
 protected:
  InventoryTest() {
    daemon_.Start();
    config_ = directory_.Write("config.yaml", daemon_.ContextYaml());
    specs_ = directory_.path() + "/made/specs";
  }

  Result Keyturn(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"--config", config_});
    return RunKeyturn(arguments);
  }

  // Of `discover acme` with these arguments.
  json Discovered(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"discover", "acme", "-o", "json"});
    const Result result = Keyturn(arguments);
    EXPECT_EQ(result.code, ExitCode::kDone) << result.error;
    return json::parse(result.out);
  }

  void AddNetSuiteAccount(const std::string& name, const std::string& id) {
    ASSERT_EQ(
        Keyturn({"account", "add", "netsuite", name, "--account-id", id}).code,
        ExitCode::kDone);
  }

  std::string Spec(const std::string& id) const {
    return ReadText(absl::StrCat(specs_, "/", id, ".yaml"));
  }

  TemporaryDirectory directory_;
  FakeDaemon daemon_;
  std::string config_;
  std::string specs_;
};

TEST_F(InventoryTest, ShowsOnlyWhatWasAskedFor) {
  *daemon_.discovered.add_connections() = BlockedConnection();
  const auto ids = [this](const std::vector<std::string>& arguments) {
    std::vector<std::string> found;
    const json response = Discovered(arguments);
    for (const json& connection : response["connections"]) {
      found.push_back(connection["id"]);
    }
    return found;
  };
  EXPECT_EQ(ids({}).size(), 2u);
  EXPECT_THAT(ids({"--auth", "basic"}), ElementsAre(kFound));
  EXPECT_THAT(ids({"--auth", "token"}), ElementsAre(BlockedConnection().id()));
  EXPECT_THAT(ids({"--ready"}), ElementsAre(kFound));
  EXPECT_THAT(ids({"--blocked"}), ElementsAre(BlockedConnection().id()));
  EXPECT_THAT(ids({"--blocked", "--auth", "basic"}), IsEmpty());
  EXPECT_EQ(Keyturn({"discover", "acme", "--ready", "--blocked"}).code,
            ExitCode::kUsage);
  EXPECT_EQ(Keyturn({"discover", "acme", "--user", "a@example.com"}).code,
            ExitCode::kUsage);
}

TEST_F(InventoryTest, WritesASpecThatIsReadyWhenAllIsSaid) {
  AddNetSuiteAccount("acme-ns", "1234567");
  const Result result =
      Keyturn({"discover", "acme", "--write-specs", specs_, "--user",
               "me@example.com", "--role", "CeligoJiraTBA"});
  EXPECT_EQ(result.code, ExitCode::kDone) << result.error;
  EXPECT_THAT(result.out, HasSubstr("written"));
  EXPECT_THAT(result.out,
              HasSubstr(absl::StrCat("keyturn plan -f ", specs_, "/", kFound)));
  EXPECT_THAT(result.out, Not(HasSubstr("fill in")));
  const absl::StatusOr<SpecFile> spec =
      SpecFile::Parse(Spec(kFound), "spec.yaml");
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->spec().recipe(), "jira");
  EXPECT_EQ(spec->spec().celigo().account(), "acme");
  EXPECT_EQ(spec->spec().celigo().connection(), kFound);
  EXPECT_EQ(spec->spec().netsuite().account(), "acme-ns");
  EXPECT_EQ(spec->spec().netsuite().user(), "me@example.com");
  EXPECT_EQ(spec->spec().role().name(), "CeligoJiraTBA");
  EXPECT_EQ(spec->spec().flows().test(), "all");
  daemon_.Put(SampleMigration());
  EXPECT_EQ(
      Keyturn({"plan", "-f", absl::StrCat(specs_, "/", kFound, ".yaml")}).code,
      ExitCode::kDone);
}

TEST_F(InventoryTest, WhatIsLeftOpenIsRefusedByItsName) {
  v1::DiscoveredConnection unknown = Connection(kOther);
  unknown.clear_recipe();
  *daemon_.discovered.add_connections() = unknown;
  const json specs = Discovered({"--write-specs", specs_})["specs"];
  EXPECT_EQ(specs[0]["fillIn"],
            json({"netsuite.account", "netsuite.user", "role.name"}));
  EXPECT_EQ(specs[1]["fillIn"],
            json({"recipe", "netsuite.account", "netsuite.user", "role.name"}));
  const std::string file = absl::StrCat(specs_, "/", kOther, ".yaml");
  const Result refused = Keyturn({"plan", "-f", file});
  EXPECT_EQ(refused.code, ExitCode::kUsage);
  for (const json& field : specs[1]["fillIn"]) {
    EXPECT_THAT(refused.error,
                HasSubstr(": " + field.get<std::string>() + ": "));
  }
  EXPECT_THAT(refused.error, HasSubstr(file));
  EXPECT_THAT(Spec(kOther), HasSubstr("FILL IN"));
  EXPECT_THAT(Spec(kOther), HasSubstr("NetSuite account 7654321_SB1"));
}

TEST_F(InventoryTest, FindsTheNetSuiteAccountByItsIdUnlessTwoHaveIt) {
  AddNetSuiteAccount("sales-ns", "7654321-sb1");
  *daemon_.discovered.add_connections() = Connection(kOther);
  Discovered({"--write-specs", specs_});
  EXPECT_THAT(Spec(kOther), HasSubstr("  account: sales-ns\n"));
  EXPECT_THAT(Spec(kFound), HasSubstr("  account:  # FILL IN"));

  AddNetSuiteAccount("sales-too", "7654321_SB1");
  specs_ += "2";
  Discovered({"--write-specs", specs_});
  EXPECT_THAT(Spec(kOther), HasSubstr("  account:  # FILL IN"));

  specs_ += "3";
  Discovered({"--write-specs", specs_, "--netsuite-account", "sales-too"});
  EXPECT_THAT(Spec(kOther), HasSubstr("  account: sales-too\n"));
  // Another account's connection does not get the name either.
  EXPECT_THAT(Spec(kFound), HasSubstr("  account:  # FILL IN"));

  const Result nobody = Keyturn({"discover", "acme", "--write-specs", specs_,
                                 "--netsuite-account", "nobody"});
  EXPECT_EQ(nobody.code, ExitCode::kFailed);
  EXPECT_THAT(nobody.error, HasSubstr("keyturn account list"));
}

TEST_F(InventoryTest, LeavesFilesThatAreThere) {
  *daemon_.discovered.add_connections() = Connection(kOther);
  mkdir((directory_.path() + "/made").c_str(), 0700);
  mkdir(specs_.c_str(), 0700);
  const std::string mine =
      directory_.Write(absl::StrCat("made/specs/", kFound, ".yaml"), "mine\n");
  // Nor does it write through a link.
  const std::string elsewhere = directory_.path() + "/elsewhere";
  ASSERT_EQ(symlink(elsewhere.c_str(),
                    absl::StrCat(specs_, "/", kOther, ".yaml").c_str()),
            0);
  const Result result = Keyturn({"discover", "acme", "--write-specs", specs_});
  EXPECT_EQ(result.code, ExitCode::kDone);
  EXPECT_THAT(result.out, HasSubstr("left"));
  EXPECT_THAT(result.out, HasSubstr("as it was"));
  EXPECT_EQ(ReadText(mine), "mine\n");
  EXPECT_NE(access(elsewhere.c_str(), F_OK), 0);
}

TEST_F(InventoryTest, WritesNoSpecForWhatIsBlockedAndSaysWhy) {
  *daemon_.discovered.add_connections() = BlockedConnection();
  const json specs = Discovered({"--write-specs", specs_})["specs"];
  EXPECT_EQ(specs[1]["spec"], "blocked");
  EXPECT_EQ(specs[1]["file"], "");
  EXPECT_EQ(specs[1]["why"], json({"logs in with a token already"}));
  EXPECT_NE(
      access(
          absl::StrCat(specs_, "/", BlockedConnection().id(), ".yaml").c_str(),
          F_OK),
      0);
  EXPECT_THAT(Keyturn({"discover", "acme", "--write-specs", specs_}).out,
              HasSubstr("no spec: logs in with a token already"));
}

TEST_F(InventoryTest, NamesFilesByNothingThatLeadsElsewhere) {
  for (const char* id :
       {"../../escaped", "/escaped", "", "..", "5f3a0000000000000000000",
        "5f3a0000000000000000/../x", "5f3a0000000000000000000g"}) {
    EXPECT_EQ(SpecFileName(Connection(id)), "") << id;
  }
  EXPECT_EQ(SpecFileName(Connection(kOther)), absl::StrCat(kOther, ".yaml"));
  *daemon_.discovered.add_connections() = Connection("../../escaped");
  const json specs = Discovered({"--write-specs", specs_})["specs"];
  EXPECT_EQ(specs[1]["spec"], "blocked");
  EXPECT_NE(access((directory_.path() + "/escaped.yaml").c_str(), F_OK), 0);
}

TEST_F(InventoryTest, TellsWhereItCannotWrite) {
  const std::string file = directory_.Write("file", "");
  const Result result = Keyturn({"discover", "acme", "--write-specs", file});
  EXPECT_EQ(result.code, ExitCode::kUsage);
  EXPECT_THAT(result.error, HasSubstr("cannot write the specs to " + file));
}

TEST(SpecDraftTest, OutsideTextsStayCommentsAndValues) {
  const std::string nasty =
      "x\nrole: {name: Administrator}\r\noldLogin: a\u2028b: c\x1b[2J\u0085d";
  v1::DiscoveredConnection connection = Connection(kOther);
  connection.set_name(nasty);
  connection.set_environment(nasty);
  connection.set_netsuite_account(nasty);
  connection.set_tile_name(nasty);
  connection.add_needs(nasty);
  const SpecAnswers answers = {
      .netsuite_account = "ns", .user = "a: b # c\n\x1b\"'{", .role = "true"};
  const SpecDraft draft = DraftSpec("acme", connection, answers);
  const absl::StatusOr<SpecFile> spec =
      SpecFile::Parse(draft.text, "spec.yaml");
  ASSERT_TRUE(spec.ok()) << spec.status() << "\n" << draft.text;
  EXPECT_EQ(spec->spec().role().name(), "true");
  EXPECT_EQ(spec->spec().old_login(), "");
  EXPECT_EQ(spec->spec().netsuite().user(), answers.user);
  EXPECT_THAT(draft.text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(draft.text, Not(HasSubstr("\u2028")));
  for (const std::string& line :
       std::vector<std::string>(absl::StrSplit(draft.text, '\n'))) {
    EXPECT_FALSE(absl::StrContains(line, "Administrator") &&
                 !absl::StartsWith(line, "#"))
        << line;
  }
}

TEST(SpecDraftTest, LooksLikeThis) {
  const SpecDraft draft = DraftSpec("acme", Connection(kOther), {});
  EXPECT_EQ(CompareWithGolden("spec_draft.txt", draft.text), "");
}

}  // namespace
}  // namespace keyturn::cli
