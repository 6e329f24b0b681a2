// Runs the stories in scenarios/*.txt. Each block is commands, a line of four
// hyphens, and the transcript they must give, up to an empty line.
//
//   new [start] [reversible] [approvals=N]     creates the migration
//   plan | done | progress | wait | again | failed | blocked | turn-forward
//                                              outcome of the attempt in hand
//   task ID                                    outcome: a person is needed
//   settle                                     a waiting command takes effect
//   success [until STEP]                       success after success, to STEP,
//                                              or to the next person, or rest
//   start | approve | reject | pause | resume | cancel | retry | rollback
//   answer ID | token ID                       a person answers a task
//   pass DURATION                              time goes by
//   show                                       the steps as they stand
//
// Any event takes by=WHO, after=DURATION (not before), jitter=0.5, turn=-1,
// etag=N, hash=TEXT, and a text for people in double quotes.
//
// KEYTURN_REWRITE=1 in the environment writes what came out into the files
// instead of complaining; read the difference before you keep it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "daemon/base/status.h"
#include "tests/migration/walk.h"

namespace keyturn::migration {
namespace {

using base::ToAbsl;
using ::testing::IsEmpty;
using testing::Variant;
using testing::Walk;

constexpr std::string_view kDivider = "----";
// More than the longest way from one person to the next.
constexpr int kSuccessesMax = 40;

struct Command {
  std::string name;
  std::vector<std::string> words;
  std::map<std::string, std::string> options;
  std::string text;

  std::string word(size_t index) const {
    return index < words.size() ? words[index] : "";
  }
  std::optional<std::string> option(const std::string& key) const {
    const auto found = options.find(key);
    if (found == options.end()) return std::nullopt;
    return found->second;
  }
};

Command Parse(const std::string& line) {
  Command command;
  const size_t quote = line.find('"');
  if (quote != std::string::npos) {
    command.text = line.substr(quote + 1, line.rfind('"') - quote - 1);
  }
  std::istringstream words(line.substr(0, quote));
  words >> command.name;
  for (std::string word; words >> word;) {
    const size_t equals = word.find('=');
    if (equals == std::string::npos) {
      command.words.push_back(word);
    } else {
      command.options[word.substr(0, equals)] = word.substr(equals + 1);
    }
  }
  return command;
}

const std::map<std::string, EventKind>& Events() {
  static const auto* const kEvents = new std::map<std::string, EventKind>{
      {"start", EventKind::kStart},
      {"approve", EventKind::kApprove},
      {"reject", EventKind::kReject},
      {"pause", EventKind::kPause},
      {"resume", EventKind::kResume},
      {"cancel", EventKind::kCancel},
      {"retry", EventKind::kRetry},
      {"rollback", EventKind::kRollBack},
      {"answer", EventKind::kTaskDone},
      {"token", EventKind::kTokenSubmitted},
      {"plan", EventKind::kPlanMade},
      {"done", EventKind::kStepDone},
      {"progress", EventKind::kStepProgress},
      {"wait", EventKind::kStepWait},
      {"again", EventKind::kStepRetry},
      {"task", EventKind::kTaskNeeded},
      {"failed", EventKind::kStepFailed},
      {"blocked", EventKind::kStepBlocked},
      {"turn-forward", EventKind::kTurnForward},
      {"settle", EventKind::kSettle},
  };
  return *kEvents;
}

absl::Duration ParseDuration(const std::string& text) {
  absl::Duration duration;
  if (!absl::ParseDuration(text, &duration)) {
    ADD_FAILURE() << "no duration: " << text;
  }
  return duration;
}

int64_t ParseNumber(const std::string& text) {
  int64_t number = 0;
  if (!absl::SimpleAtoi(text, &number)) ADD_FAILURE() << "no number: " << text;
  return number;
}

class Story {
 public:
  std::string Run(const std::string& line) {
    const Command command = Parse(line);
    if (command.name == "new") return New(command);
    if (!walk_.has_value()) return "  ! begin with `new`\n";
    if (command.name == "show") return Show();
    if (command.name == "success") return Success(command);
    if (command.name == "pass") {
      walk_->Pass(ParseDuration(command.word(0)));
      return Where();
    }
    const auto kind = Events().find(command.name);
    if (kind == Events().end()) return "  ! no such command\n";
    return Send(Fill(kind->second, command));
  }

  // What no story may break, whatever its transcript says.
  std::vector<std::string> flaws() const {
    return walk_.has_value() ? walk_->flaws() : std::vector<std::string>{};
  }

 private:
  std::string New(const Command& command) {
    const auto has = [&](std::string_view word) {
      return std::find(command.words.begin(), command.words.end(), word) !=
             command.words.end();
    };
    const int64_t approvals =
        ParseNumber(command.option("approvals").value_or("0"));
    walk_.emplace(Variant{.approvals = static_cast<int>(approvals),
                          .start = has("start"),
                          .reversible = has("reversible")});
    return Where();
  }

  Event Fill(EventKind kind, const Command& command) const {
    Event event = walk_->Make(kind);
    event.message = command.text;
    event.actor = command.option("by").value_or(event.actor);
    event.plan_hash = command.option("hash").value_or(event.plan_hash);
    if (!command.words.empty()) event.task_id = command.word(0);
    if (event.task.has_value()) event.task->id = command.word(0);
    if (const auto after = command.option("after")) {
      event.not_before = event.at + ParseDuration(*after);
    }
    if (const auto turn = command.option("turn")) {
      event.turn += ParseNumber(*turn);
    }
    if (const auto etag = command.option("etag")) {
      event.expected_revision = ParseNumber(*etag);
    }
    if (const auto jitter = command.option("jitter")) {
      EXPECT_TRUE(absl::SimpleAtod(*jitter, &event.jitter)) << *jitter;
    }
    return event;
  }

  std::string Send(const Event& event) {
    const absl::StatusOr<Transition> sent = walk_->Send(event);
    if (!sent.ok()) {
      return absl::StrCat("  refused ", base::ReasonOf(sent.status()), ": ",
                          sent.status().message(), "\n");
    }
    std::string text;
    for (const Happening& happening : sent->happenings) {
      absl::StrAppend(&text, "  ", happening.kind);
      if (happening.step.has_value()) {
        absl::StrAppend(&text, " ", ToAbsl(Name(*happening.step)));
      }
      if (!happening.message.empty()) {
        absl::StrAppend(&text, ": ", happening.message);
      }
      text.push_back('\n');
    }
    for (const Transition::ClosedTask& task : sent->closed_tasks) {
      absl::StrAppend(
          &text, "  task ", task.id,
          task.state == Task::State::kDone ? " done by " : " withdrawn by ",
          task.by, "\n");
    }
    for (const Task& task : sent->opened_tasks) {
      absl::StrAppend(&text, "  task ", task.id, " opened\n");
    }
    return text + Where();
  }

  std::string Success(const Command& command) {
    const std::string until = command.word(1);
    std::string text;
    for (int i = 0; i < kSuccessesMax; ++i) {
      if (until == Name(walk_->migration().current)) return text;
      const Action action = walk_->Next();
      if (action.kind != Action::Kind::kRun &&
          action.kind != Action::Kind::kUndo) {
        return text;
      }
      absl::StrAppend(&text, Send(Fill(walk_->Success(), {})));
    }
    return text + "  ! does not end\n";
  }

  std::string Where() const {
    const Migration& migration = walk_->migration();
    std::string text =
        absl::StrCat(ToAbsl(Name(migration.state)), " at ",
                     ToAbsl(Name(migration.current)), ", ", NextText());
    if (migration.attention.has_value()) {
      absl::StrAppend(&text, "\n  ", migration.attention->reason, " for ",
                      migration.attention->owner, ": ",
                      migration.attention->message);
      for (const std::string& way : migration.attention->ways_out) {
        absl::StrAppend(&text, "\n  or: ", way);
      }
    }
    return text + "\n";
  }

  std::string NextText() const {
    const Action action = walk_->Next();
    switch (action.kind) {
      case Action::Kind::kNone:
        return "nothing to do";
      case Action::Kind::kRun:
        return absl::StrCat("run ", ToAbsl(Name(action.step)));
      case Action::Kind::kUndo:
        return absl::StrCat("undo ", ToAbsl(Name(action.step)));
      case Action::Kind::kSettle:
        return "settle";
      case Action::Kind::kWait:
        return absl::StrCat("wait ",
                            absl::FormatDuration(action.at - walk_->now()));
    }
    return "";
  }

  std::string Show() const {
    std::string text;
    for (const Step step : kAllSteps) {
      const StepRecord& record = walk_->migration().record(step);
      if (record.state == StepState::kPending) continue;
      absl::StrAppendFormat(&text, "  %-17s %-13s attempt %d",
                            ToAbsl(Name(step)), ToAbsl(Name(record.state)),
                            record.attempt);
      if (!record.message.empty()) absl::StrAppend(&text, ": ", record.message);
      text.push_back('\n');
    }
    return text;
  }

  std::optional<Walk> walk_;
};

// The file as it should read, given what really comes out.
std::string Replay(const std::string& file, Story& story) {
  std::istringstream lines(file);
  std::string replayed;
  std::vector<std::string> commands;
  for (std::string line; std::getline(lines, line);) {
    absl::StrAppend(&replayed, line, "\n");
    if (line != kDivider) {
      if (!line.empty() && line[0] != '#') commands.push_back(line);
      continue;
    }
    for (const std::string& command : commands) {
      absl::StrAppend(&replayed, story.Run(command));
    }
    commands.clear();
    while (std::getline(lines, line) && !line.empty()) {
    }
    if (lines) absl::StrAppend(&replayed, "\n");
  }
  return replayed;
}

std::vector<std::filesystem::path> Files() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry :
       std::filesystem::directory_iterator(KEYTURN_SCENARIOS)) {
    files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

class ScenarioTest : public ::testing::TestWithParam<std::filesystem::path> {};

TEST_P(ScenarioTest, GivesItsTranscript) {
  std::ifstream in(GetParam());
  const std::string file((std::istreambuf_iterator<char>(in)),
                         std::istreambuf_iterator<char>());
  Story story;
  const std::string replayed = Replay(file, story);
  EXPECT_THAT(story.flaws(), IsEmpty());
  if (std::getenv("KEYTURN_REWRITE") != nullptr) {
    std::ofstream(GetParam()) << replayed;
    return;
  }
  EXPECT_EQ(replayed, file);
}

INSTANTIATE_TEST_SUITE_P(All, ScenarioTest, ::testing::ValuesIn(Files()),
                         [](const auto& info) {
                           return info.param.stem().string();
                         });

TEST(ReplayTest, NoticesATranscriptThatIsWrong) {
  Story story;
  const std::string wrong = "new\n----\nSUCCEEDED at finish, nothing to do\n";
  EXPECT_EQ(Replay(wrong, story),
            "new\n----\nPLANNING at preflight, run preflight\n");
}

}  // namespace
}  // namespace keyturn::migration
