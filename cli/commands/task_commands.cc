#include <algorithm>
#include <functional>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/commands/command.h"
#include "cli/commands/paging.h"
#include "cli/errors.h"
#include "cli/names.h"
#include "cli/output/markdown.h"
#include "cli/output/task_page.h"
#include "cli/output/text.h"
#include "cli/secret_file.h"

namespace keyturn::cli {
namespace {

constexpr char kOpenTask[] = "open";

std::string TaskStateName(v1::Task::State state) {
  return absl::AsciiStrToLower(v1::Task::State_Name(state));
}

// OK for "issue_token", in whatever case, and for none at all.
absl::Status CheckStep(const std::string& text) {
  std::vector<std::string> names;
  for (int i = v1::Step::Name_MIN + 1; i <= v1::Step::Name_MAX; ++i) {
    names.push_back(StepName(static_cast<v1::Step::Name>(i)));
    if (names.back() == absl::AsciiStrToLower(text)) return absl::OkStatus();
  }
  if (text.empty()) return absl::OkStatus();
  return UsageError(
      absl::StrCat("--step: \"", OneLine(text),
                   "\" is no step; allowed: ", absl::StrJoin(names, ", ")));
}

struct Arguments {
  std::string id;
  std::string migration;
  std::string account;
  std::string step;
  std::string state;
  std::string sort = "since";
  bool all = false;
  bool markdown = false;
  std::string evidence;
  std::string from_file;
};

void PrintTask(Invocation& invocation, const v1::Task& task) {
  invocation.Print(task, [&task](const Style& style) {
    return TaskPage(task, style) + TaskAnswerSection(task, style);
  });
}

void PrintAnswered(Invocation& invocation, const v1::Task& task) {
  invocation.Print(task, [&task](const Style&) {
    return "answered " + task.name() +
           "; the daemon now looks for itself: " + "keyturn attach " +
           ShortId(task.migration()) + "\n";
  });
}

bool IsAskedFor(const v1::Task& task, const Arguments& arguments) {
  const auto fits = [](const std::string& asked, const std::string& is) {
    return asked.empty() || asked == is;
  };
  return fits(ShortId(arguments.account), ShortId(task.account())) &&
         fits(absl::AsciiStrToLower(arguments.step), StepName(task.step())) &&
         fits(arguments.state, TaskStateName(task.state()));
}

// Takes out what was not asked for and sorts the rest. What is equal stays
// oldest first.
void Arrange(const Arguments& arguments, v1::ListTasksResponse& response) {
  auto& tasks = *response.mutable_tasks();
  tasks.erase(std::remove_if(tasks.begin(), tasks.end(),
                             [&arguments](const v1::Task& task) {
                               return !IsAskedFor(task, arguments);
                             }),
              tasks.end());
  const auto due = [](const v1::Task& task) {
    return task.has_expire_time() ? ToTime(task.expire_time())
                                  : absl::InfiniteFuture();
  };
  const auto sort = [&tasks](const auto& key) {
    std::stable_sort(tasks.begin(), tasks.end(),
                     [&key](const v1::Task& a, const v1::Task& b) {
                       return key(a) < key(b);
                     });
  };
  if (arguments.sort == "until") sort(due);
  if (arguments.sort == "account") sort(std::mem_fn(&v1::Task::account));
  if (arguments.sort == "step") sort(std::mem_fn(&v1::Task::step));
}

Outcome List(Invocation& invocation, const Arguments& arguments) {
  if (absl::Status step = CheckStep(arguments.step); !step.ok()) return step;
  v1::ListTasksRequest request;
  request.set_show_closed(arguments.all || !(arguments.state.empty() ||
                                             arguments.state == kOpenTask));
  if (!arguments.migration.empty()) {
    const absl::StatusOr<std::string> migration =
        ResourceName("migrations", arguments.migration);
    if (!migration.ok()) return migration.status();
    request.set_migration(*migration);
  }
  const absl::StatusOr<Client*> client = invocation.Connect();
  if (!client.ok()) return client.status();
  absl::StatusOr<v1::ListTasksResponse> response =
      ListAll(**client, &v1::Tasks::Stub::ListTasks, request);
  if (!response.ok()) {
    return WhileDoing(response.status(), "cannot list the tasks");
  }
  Arrange(arguments, *response);
  invocation.Print(*response, [&response](const Style& style) {
    return TaskTable({response->tasks().begin(), response->tasks().end()},
                     style);
  });
  return ExitCode::kDone;
}

Outcome Show(Invocation& invocation, const Arguments& arguments) {
  const absl::StatusOr<std::string> name = ResourceName("tasks", arguments.id);
  if (!name.ok()) return name.status();
  if (arguments.markdown && invocation.format() != OutputFormat::kTable) {
    return UsageError("--markdown and --output exclude each other");
  }
  const absl::StatusOr<Client*> client = invocation.Connect();
  if (!client.ok()) return client.status();
  v1::GetTaskRequest request;
  request.set_name(*name);
  const absl::StatusOr<v1::Task> task =
      (*client)->Call(&v1::Tasks::Stub::GetTask, request);
  if (!task.ok())
    return WhileDoing(task.status(), "cannot show " + *name, *name);
  if (arguments.markdown) {
    invocation.console().Write(Stream::kOut, TaskMarkdown(*task));
  } else {
    PrintTask(invocation, *task);
  }
  return ExitCode::kDone;
}

Outcome Done(Invocation& invocation, const Arguments& arguments) {
  const absl::StatusOr<std::string> name = ResourceName("tasks", arguments.id);
  if (!name.ok()) return name.status();
  const absl::StatusOr<Client*> client = invocation.Connect();
  if (!client.ok()) return client.status();
  v1::CompleteTaskRequest request;
  request.set_name(*name);
  request.set_evidence(arguments.evidence);
  const absl::StatusOr<v1::Task> task =
      (*client)->Call(&v1::Tasks::Stub::CompleteTask, request);
  if (!task.ok()) {
    return WhileDoing(task.status(), "cannot answer " + *name, *name);
  }
  PrintAnswered(invocation, *task);
  return ExitCode::kDone;
}

Outcome Submit(Invocation& invocation, const Arguments& arguments) {
  const absl::StatusOr<std::string> name = ResourceName("tasks", arguments.id);
  if (!name.ok()) return name.status();
  const std::string doing = "cannot hand in the token for " + *name;
  const absl::StatusOr<Client*> client = invocation.Connect();
  if (!client.ok()) return client.status();
  v1::SubmitTaskSecretRequest request;
  const MessageWiper wiper(request);
  const absl::StatusOr<SecretValues> values =
      ReadSecret(TokenForm(), arguments.from_file, invocation.console());
  if (!values.ok()) return WhileDoing(values.status(), doing, *name);
  request.set_name(*name);
  Fill(*values, request);
  const absl::StatusOr<v1::Task> task =
      (*client)->Call(&v1::Tasks::Stub::SubmitTaskSecret, request);
  if (!task.ok()) return WhileDoing(task.status(), doing, *name);
  PrintAnswered(invocation, *task);
  return ExitCode::kDone;
}

// The task of `finish` that `migration` waits for.
absl::StatusOr<v1::Task> OpenTrial(Client& client,
                                   const std::string& migration) {
  v1::ListTasksRequest request;
  request.set_migration(migration);
  const absl::StatusOr<v1::ListTasksResponse> tasks =
      ListAll(client, &v1::Tasks::Stub::ListTasks, request);
  if (!tasks.ok()) return tasks.status();
  for (const v1::Task& task : tasks->tasks()) {
    if (task.step() == v1::Step::FINISH && task.blocking()) return task;
  }
  return WithNext(absl::FailedPreconditionError(
                      migration + " does not wait to be confirmed"),
                  "keyturn show " + ShortId(migration));
}

Outcome Confirm(Invocation& invocation, const Arguments& arguments) {
  const absl::StatusOr<std::string> name =
      ResourceName("migrations", arguments.id);
  if (!name.ok()) return name.status();
  const std::string doing = "cannot confirm " + *name;
  const absl::StatusOr<Client*> client = invocation.Connect();
  if (!client.ok()) return client.status();
  const absl::StatusOr<v1::Task> trial = OpenTrial(**client, *name);
  if (!trial.ok()) return WhileDoing(trial.status(), doing, *name);
  v1::CompleteTaskRequest request;
  request.set_name(trial->name());
  request.set_evidence(arguments.evidence);
  const absl::StatusOr<v1::Task> task =
      (*client)->Call(&v1::Tasks::Stub::CompleteTask, request);
  if (!task.ok()) return WhileDoing(task.status(), doing, *name);
  invocation.Print(*task, [&name](const Style&) {
    return "confirmed " + *name + "; it stays on the token: keyturn attach " +
           ShortId(*name) + "\n";
  });
  return ExitCode::kDone;
}

void AddConfirm(CLI::App& top, Invocation& invocation) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App& confirm = AddCommand(
      top, invocation, "confirm",
      "Says that all works on the token, where the spec has confirmWithin",
      {"keyturn confirm k3q7n2x5a4bcdefg",
       "keyturn confirm k3q7n2x5a4bcdefg --evidence \"orders of today are "
       "there\""},
      [&invocation, arguments] { return Confirm(invocation, *arguments); });
  AddPositional(confirm, "ID", arguments->id, "The migration", kMigrationType);
  confirm
      .add_option("--evidence", arguments->evidence,
                  "What you saw; kept in the history, no secrets")
      ->type_name("TEXT");
}

void AddAnsweringCommands(CLI::App& noun, Invocation& invocation) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App& done = AddCommand(
      noun, invocation, "done",
      "Says that a task was done; the daemon then looks for itself",
      {"keyturn task done k3q7n2x5a4bcdefg",
       "keyturn task done k3q7n2x5a4bcdefg --evidence \"ticket OPS-123\""},
      [&invocation, arguments] { return Done(invocation, *arguments); });
  AddPositional(done, "ID", arguments->id, "The task", kTaskType);
  done.add_option("--evidence", arguments->evidence,
                  "What you did or saw; kept in the history, no secrets")
      ->type_name("TEXT");

  CLI::App& submit = AddCommand(
      noun, invocation, "submit",
      "Hands in the token id and secret that NetSuite shows only once",
      {"keyturn task submit k3q7n2x5a4bcdefg",
       "keyturn task submit k3q7n2x5a4bcdefg --from-file token.json", "",
       "The file holds {\"tokenId\": \"…\", \"tokenSecret\": \"…\"}."},
      [&invocation, arguments] { return Submit(invocation, *arguments); });
  AddPositional(submit, "ID", arguments->id, "The task", kTaskType);
  submit
      .add_option("--from-file", arguments->from_file,
                  "JSON file with the token, - for standard input [asks on the "
                  "terminal]")
      ->type_name(kFileType);
}

void AddList(CLI::App& noun, Invocation& invocation) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App& list = AddCommand(
      noun, invocation, "list", "Lists the open tasks, oldest first",
      {"keyturn task list", "keyturn task list --migration k3q7n2x5a4bcdefg",
       "keyturn task list --account acme-ns --sort until",
       "keyturn task list --all -o json"},
      [&invocation, arguments] { return List(invocation, *arguments); });
  list.add_option("--migration", arguments->migration, "Only those of this one")
      ->type_name(kMigrationType);
  list.add_option("--account", arguments->account,
                  "Only those to be done in this account")
      ->type_name(kAccountType);
  list.add_option("--step", arguments->step,
                  "Only those of this step, for example issue_token")
      ->type_name(kStepType);
  CLI::Option* const all =
      list.add_flag("--all", arguments->all, "Also those that are not open");
  list.add_option("--state", arguments->state, "Only those in this state")
      ->type_name("")
      ->check(CLI::IsMember({kOpenTask, "done", "withdrawn"}))
      ->excludes(all);
  list.add_option("--sort", arguments->sort,
                  "What comes first: the oldest, the soonest to be too late, "
                  "or by account or step [since]")
      ->type_name("")
      ->check(CLI::IsMember({"since", "until", "account", "step"}));
}

}  // namespace

void AddTaskCommands(CLI::App& top, Invocation& invocation) {
  CLI::App& noun = AddNoun(top, "task", "What only a person can do");
  const auto arguments = std::make_shared<Arguments>();

  AddList(noun, invocation);
  CLI::App& show = AddCommand(
      noun, invocation, "show",
      "Shows a task: what to do, where, and what must stand in each field",
      {"keyturn task show k3q7n2x5a4bcdefg",
       "keyturn task show k3q7n2x5a4bcdefg --markdown > task.md"},
      [&invocation, arguments] { return Show(invocation, *arguments); });
  AddPositional(show, "ID", arguments->id, "The task", kTaskType);
  show.add_flag("--markdown", arguments->markdown,
                "As Markdown, to be sent to somebody without Keyturn");

  AddAnsweringCommands(noun, invocation);
  AddConfirm(top, invocation);
}

}  // namespace keyturn::cli
