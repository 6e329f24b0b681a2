// The files that the command line reads: specs, contexts, secrets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>

#include "absl/strings/str_replace.h"
#include "cli/context.h"
#include "cli/errors.h"
#include "cli/secret_file.h"
#include "cli/spec_file.h"
#include "tests/cli/harness.h"
#include "tests/cli/samples.h"

namespace keyturn::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

std::string SpecError(const std::string& text) {
  return std::string(SpecFile::Parse(text, "spec.yaml").status().message());
}

std::string SampleWith(const std::string& from, const std::string& to) {
  return absl::StrReplaceAll(SampleSpec(), {{from, to}});
}

TEST(SpecFileTest, ReadsEveryField) {
  const auto file = SpecFile::Parse(R"(recipe: jira
celigo: {account: acme, connection: c1, tile: t1}
netsuite: {account: ns, user: u@example.com}
role: {name: R, from: Source, addPermissions: [A, B]}
token: {application: App, consumer: pair}
iclient: I
oldLogin: old
flows: {test: [f1, f2], run: [f3]}
approvals: 2
confirmWithin: 2h30m
drainWithin: 90m
adopt: true
)",
                                    "spec.yaml");
  ASSERT_TRUE(file.ok()) << file.status();
  const v1::Spec& spec = file->spec();
  EXPECT_EQ(spec.recipe(), "jira");
  EXPECT_EQ(spec.celigo().account(), "acme");
  EXPECT_EQ(spec.celigo().connection(), "c1");
  EXPECT_EQ(spec.celigo().tile(), "t1");
  EXPECT_EQ(spec.netsuite().account(), "ns");
  EXPECT_EQ(spec.netsuite().user(), "u@example.com");
  EXPECT_EQ(spec.role().name(), "R");
  EXPECT_EQ(spec.role().from(), "Source");
  EXPECT_THAT(spec.role().add_permissions(), ElementsAre("A", "B"));
  EXPECT_EQ(spec.token().application(), "App");
  EXPECT_EQ(spec.token().consumer(), "pair");
  EXPECT_EQ(spec.iclient(), "I");
  EXPECT_EQ(spec.old_login(), "old");
  EXPECT_EQ(spec.flows().test(), "ids");
  EXPECT_THAT(spec.flows().test_ids(), ElementsAre("f1", "f2"));
  EXPECT_THAT(spec.flows().run_ids(), ElementsAre("f3"));
  EXPECT_EQ(spec.approvals(), 2);
  EXPECT_EQ(spec.confirm_within().seconds(), 9000);
  EXPECT_EQ(spec.drain_within().seconds(), 5400);
  EXPECT_TRUE(spec.adopt());
}

TEST(SpecFileTest, LeavesOutWhatTheRecipeFills) {
  const auto file = SpecFile::Parse(SampleSpec(), "spec.yaml");
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_FALSE(file->spec().has_token());
  EXPECT_EQ(file->spec().flows().test(), "all");
  EXPECT_EQ(file->spec().role().from(), "");
}

TEST(SpecFileTest, TakesAllNoneOrIdsForTheFlowsThatAreRun) {
  const auto run = [](const std::string& value) {
    const auto file =
        SpecFile::Parse(SampleWith("run: []", "run: " + value), "spec.yaml");
    EXPECT_TRUE(file.ok()) << file.status();
    return file->spec().flows();
  };
  EXPECT_THAT(run("all").run_ids(), ElementsAre("all"));
  EXPECT_THAT(run("none").run_ids(), testing::IsEmpty());
  EXPECT_THAT(run("[]").run_ids(), testing::IsEmpty());
  EXPECT_THAT(run("[f1]").run_ids(), ElementsAre("f1"));
}

TEST(SpecFileTest, TakesAnIdOfDigitsForText) {
  const auto file = SpecFile::Parse(
      SampleWith("5f3a00000000000000000001", "123456789012345678901234"),
      "spec.yaml");
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->spec().celigo().connection(), "123456789012345678901234");
}

TEST(SpecFileTest, NamesLineAndFieldOfEachMistake) {
  EXPECT_THAT(SpecError(SampleWith("recipe: jira", "recepie: jira")),
              HasSubstr("spec.yaml:1: recepie: is not known here; allowed: "
                        "recipe, celigo"));
  EXPECT_THAT(SpecError(SampleWith("  name: CeligoJiraTBA\n", "")),
              HasSubstr("spec.yaml:5: role.name: is missing"));
  EXPECT_THAT(SpecError(SampleWith("approvals: 0", "approvals: few")),
              HasSubstr("spec.yaml:11: approvals: must be a whole number"));
  for (const char* time : {"soon", "2", "-1h", "0s"}) {
    EXPECT_THAT(SpecError(SampleWith("approvals: 0",
                                     std::string("confirmWithin: ") + time)),
                HasSubstr("spec.yaml:11: confirmWithin: must be a time such"));
    EXPECT_THAT(SpecError(SampleWith("approvals: 0",
                                     std::string("drainWithin: ") + time)),
                HasSubstr("spec.yaml:11: drainWithin: must be a time such"));
  }
  for (const char* word : {"maybe", "yes", "1", "True", "[true]"}) {
    EXPECT_THAT(
        SpecError(SampleWith("approvals: 0", std::string("adopt: ") + word)),
        HasSubstr("spec.yaml:11: adopt: "));
  }
  EXPECT_THAT(SpecError(SampleWith("test: all", "test: some")),
              HasSubstr("spec.yaml:9: flows.test: must be all, none"));
  EXPECT_THAT(SpecError(SampleWith("run: []", "run: some")),
              HasSubstr("spec.yaml:10: flows.run: must be all, none, or a"));
  EXPECT_THAT(SpecError(SampleWith("recipe: jira", "recipe: [jira]")),
              HasSubstr("spec.yaml:1: recipe: must be a single value"));
  EXPECT_THAT(
      SpecError(SampleSpec() + "recipe: jira\n"),
      HasSubstr("spec.yaml:12: recipe: is given twice, first in line 1"));
  EXPECT_THAT(
      SpecError(SampleWith(", connection: 5f3a00000000000000000001", "")),
      HasSubstr("spec.yaml:2: celigo.connection: is missing"));
  EXPECT_THAT(
      SpecError(SampleWith("user: jira.integration@example.com", "user: ")),
      HasSubstr("spec.yaml:3: netsuite.user"));
}

TEST(SpecFileTest, TellsAllMistakesAtOnce) {
  const std::string error =
      SpecError(SampleWith("recipe: jira", "recepie: jira\nextra: 1"));
  EXPECT_THAT(error, HasSubstr("spec.yaml:1: recepie"));
  EXPECT_THAT(error, HasSubstr("spec.yaml:2: extra"));
}

TEST(SpecFileTest, RefusesWhatIsNoSpecAtAll) {
  EXPECT_THAT(SpecError(""), HasSubstr("spec.yaml:1: is empty"));
  EXPECT_THAT(SpecError("- a\n- b\n"), HasSubstr("must be a mapping"));
  EXPECT_THAT(SpecError("a: [1\nb: 2\n"),
              HasSubstr("spec.yaml:2: is not YAML"));
  EXPECT_THAT(SpecError(SampleSpec() + "---\n" + SampleSpec()),
              HasSubstr("a second document begins here"));
  EXPECT_EQ(ExitCodeOf(SpecFile::Parse("", "spec.yaml").status()),
            ExitCode::kUsage);
  EXPECT_THAT(SpecError("recipe: jira\niclient: \xFF\n"),
              HasSubstr("spec.yaml:2: is not UTF-8 text"));
  EXPECT_THAT(SpecError("celigo:\n\taccount: acme\n"),
              HasSubstr("spec.yaml:2: is not YAML: a tab indents this line"));
  EXPECT_THAT(SpecError(std::string(100'000, '[')),
              HasSubstr("is nested too deeply"));
}

// yaml-cpp goes on for ever over what is left here, document by document.
TEST(SpecFileTest, EndsWhereTheLibraryDoesNot) {
  EXPECT_THAT(SpecError("\"\":1\n? a\n"),
              HasSubstr("spec.yaml:1: a second document begins here"));
}

TEST(SpecFileTest, RepeatsNothingOfATextThatIsNoYaml) {
  EXPECT_EQ(SpecError("recipe: \"\\\x01\"\n"),
            "spec.yaml:1: is not YAML: unknown escape character");
  EXPECT_EQ(SpecError("recipe: *hunter2\n"),
            "spec.yaml:1: is not YAML: the referenced anchor is not defined");
}

TEST(SecretFileTest, ReadsExactlyTheFieldsOfItsForm) {
  const auto values = ParseSecret(
      TokenForm(), R"({"tokenId": "id", "tokenSecret": "se\"cret"})", "t.json");
  ASSERT_TRUE(values.ok()) << values.status();
  EXPECT_EQ(values->find("tokenId")->second.Reveal(), "id");
  EXPECT_EQ(values->find("tokenSecret")->second.Reveal(), "se\"cret");
}

TEST(ContextFileTest, KeepsTextsAsTheyAre) {
  const TemporaryDirectory directory;
  const std::string path = directory.Write("config.yaml", R"(contexts:
  - {name: a, server: "h:1", ca: " x\ny", certificate: "x\n\n", key: "x\r\n"}
)");
  const absl::StatusOr<ContextFile> before = ContextFile::Read(path);
  ASSERT_TRUE(before.ok()) << before.status();
  ASSERT_TRUE(before->Write().ok());

  const absl::StatusOr<ContextFile> after = ContextFile::Read(path);
  ASSERT_TRUE(after.ok()) << after.status();
  EXPECT_EQ(after->contexts()[0].authority, " x\ny");
  EXPECT_EQ(after->contexts()[0].certificate, "x\n\n");
  EXPECT_EQ(after->contexts()[0].key.Reveal(), "x\r\n");
}

// Where a comma or a key is missing, a secret stands in the place of a key.
TEST(SecretFileTest, RepeatsNoKeyThatIsNone) {
  for (const char* text : {R"({"tokenId": "a", "hunter2"})",
                           R"({"hunter2", "tokenId": "a"})", R"({"hunter2)"}) {
    const auto values = ParseSecret(TokenForm(), text, "t.json");
    EXPECT_THAT(std::string(values.status().message()),
                testing::AllOf(HasSubstr("t.json:1: is not JSON"),
                               Not(HasSubstr("hunter2"))))
        << text;
  }
}

TEST(SecretFileTest, NamesWhatIsWrongAndNeverAValue) {
  const auto error = [](const std::string& text) {
    const std::string message(
        ParseSecret(TokenForm(), text, "t.json").status().message());
    EXPECT_THAT(message, Not(HasSubstr("hunter2")));
    return message;
  };
  EXPECT_THAT(
      error("{\n\"tokenId\": \"hunter2\",\n\"tokenSecrt\": \"hunter2\"}"),
      HasSubstr("t.json:3: \"tokenSecrt\" is not known here; allowed: "
                "\"tokenId\", \"tokenSecret\""));
  EXPECT_THAT(error("{\"tokenId\": \"hunter2\"}"),
              HasSubstr("\"tokenSecret\" is missing"));
  EXPECT_THAT(error("{\"tokenId\": \"hunter2\",\n \"tokenId\": \"x\"}"),
              HasSubstr("t.json:2: \"tokenId\" is given twice"));
  EXPECT_THAT(error("{\"tokenId\": 42, \"tokenSecret\": \"hunter2\"}"),
              HasSubstr("\"tokenId\" must be a string"));
  EXPECT_THAT(error("{\"tokenId\": \"\", \"tokenSecret\": \"hunter2\"}"),
              HasSubstr("\"tokenId\" is empty"));
  EXPECT_THAT(error("{\"tokenId\": {\"hunter2\": \"hunter2\"}}"),
              HasSubstr("\"tokenId\" must be a string"));
  EXPECT_THAT(error("{\"tokenId\": \"hunter2"), HasSubstr("is not JSON"));
  EXPECT_THAT(error("hunter2"), HasSubstr("is not JSON"));
  EXPECT_THAT(error("\"hunter2\""), HasSubstr("must be an object"));
  EXPECT_THAT(error(""), HasSubstr("is not JSON"));
  EXPECT_THAT(
      error("{\"tokenId\": \"hunter2\", \"tokenSecret\": \"hunter2\"} hunter2"),
      HasSubstr("is not JSON"));
}

TEST(SecretFileTest, KnowsEveryKindThatIsHandedIn) {
  EXPECT_EQ(SecretForm(ParseKind("celigo-token")).size(), 1u);
  EXPECT_EQ(SecretForm(ParseKind("netsuite-tba")).size(), 4u);
  EXPECT_EQ(SecretForm(ParseKind("netsuite-m2m")).size(), 3u);
  EXPECT_EQ(SecretForm(ParseKind("netsuite-login")).size(), 2u);
  EXPECT_EQ(ParseKind("connection-token"), v1::Credential::KIND_UNSPECIFIED);
}

TEST(ContextFileTest, RefusesAFileWithAKeyThatOthersMayRead) {
  const TemporaryDirectory directory;
  const std::string path = directory.Write("config.yaml", R"(contexts:
  - {name: a, server: "h:1", ca: x, certificate: y, key: z}
)");
  ASSERT_TRUE(ContextFile::Read(path).ok());
  chmod(path.c_str(), 0640);
  const absl::Status status = ContextFile::Read(path).status();
  EXPECT_THAT(std::string(status.message()), HasSubstr("open to other users"));
  EXPECT_THAT(Explain(status).next, HasSubstr("chmod 600"));
}

TEST(ContextFileTest, NamesLineAndFieldOfEachMistake) {
  const TemporaryDirectory directory;
  const auto error = [&](const std::string& text) {
    return std::string(
        ContextFile::Read(directory.Write("c.yaml", text)).status().message());
  };
  EXPECT_THAT(error("contexts:\n  - name: a\n    server: h:1\n    ca: x\n"),
              HasSubstr("c.yaml:2: contexts[0].certificate: is missing"));
  EXPECT_THAT(error("contexts:\n  - {name: a, server: 'unix:/s', sever: x}\n"),
              HasSubstr("c.yaml:2: contexts[0].sever: is not known here"));
  EXPECT_THAT(error("currentContext: a\n"),
              HasSubstr("contexts: must be a list"));
  EXPECT_THAT(error("contexts:\n  - {name: a, server: 'unix:/s'}\n"
                    "  - {name: a, server: 'unix:/s'}\n"),
              HasSubstr("c.yaml:3: contexts: the name \"a\" is given twice"));
}

TEST(ContextFileTest, SurvivesBeingWrittenAndReadAgain) {
  const TemporaryDirectory directory;
  const std::string pem = "-----BEGIN X-----\nabc\n-----END X-----\n";
  const std::string indented =
      "|\n      " + absl::StrReplaceAll(pem, {{"\n", "\n      "}}) + "\n";
  const std::string path = directory.Write(
      "config.yaml",
      "currentContext: a\ncontexts:\n  - name: a\n    server: "
      "h:1\n    serverName: keyturnd\n    ca: " +
          indented + "    certificate: " + indented + "    key: " + indented +
          "  - name: b\n    server: unix:/run/keyturn.sock\n");
  auto file = ContextFile::Read(path);
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_TRUE(file->Use("b").ok());
  ASSERT_TRUE(file->Write().ok());

  const auto again = ContextFile::Read(path);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->current(), "b");
  ASSERT_EQ(again->contexts().size(), 2u);
  EXPECT_EQ(again->contexts()[0].authority, pem);
  EXPECT_EQ(again->contexts()[0].key.Reveal(), pem);
  EXPECT_EQ(again->contexts()[0].server_name, "keyturnd");
  EXPECT_TRUE(again->contexts()[1].OverUnixSocket());
  struct stat status = {};
  ASSERT_EQ(stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

}  // namespace
}  // namespace keyturn::cli
