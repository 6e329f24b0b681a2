#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "cli/commands/command.h"
#include "cli/commands/paging.h"
#include "cli/errors.h"
#include "cli/names.h"
#include "cli/output/migration_page.h"
#include "cli/output/report_document.h"
#include "cli/output/text.h"

namespace keyturn::cli {
namespace {

struct Arguments {
  std::string id;
  std::string reason;
  std::string plan;
  std::string report_format;
  std::vector<std::string> states;
};

absl::StatusOr<v1::Migration> Get(Invocation& invocation,
                                  const std::string& name) {
  const absl::StatusOr<Client*> client = invocation.Connect();
  if (!client.ok()) return client.status();
  v1::GetMigrationRequest request;
  request.set_name(name);
  absl::StatusOr<v1::Migration> migration =
      (*client)->Call(&v1::Migrations::Stub::GetMigration, request);
  if (!migration.ok()) {
    return WhileDoing(migration.status(), "cannot show " + name, name);
  }
  return migration;
}

// "AWAITING_TASK", in whatever case.
absl::StatusOr<v1::Migration::State> ParseState(const std::string& text) {
  v1::Migration::State state = v1::Migration::STATE_UNSPECIFIED;
  const bool known =
      v1::Migration::State_Parse(absl::AsciiStrToUpper(text), &state);
  if (known && state != v1::Migration::STATE_UNSPECIFIED) return state;
  std::vector<std::string> names;
  for (int i = v1::Migration::State_MIN + 1; i <= v1::Migration::State_MAX;
       ++i) {
    names.push_back(StateName(static_cast<v1::Migration::State>(i)));
  }
  return UsageError(
      absl::StrCat("--state: \"", OneLine(text),
                   "\" is no state; allowed: ", absl::StrJoin(names, ", ")));
}

Outcome List(Invocation& invocation, const Arguments& arguments) {
  v1::ListMigrationsRequest request;
  for (const std::string& text : arguments.states) {
    const absl::StatusOr<v1::Migration::State> state = ParseState(text);
    if (!state.ok()) return state.status();
    request.add_states(*state);
  }
  const absl::StatusOr<Client*> client = invocation.Connect();
  if (!client.ok()) return client.status();
  const absl::StatusOr<v1::ListMigrationsResponse> response =
      ListAll(**client, &v1::Migrations::Stub::ListMigrations, request);
  if (!response.ok()) {
    return WhileDoing(response.status(), "cannot list the migrations");
  }
  invocation.Print(*response, [&response](const Style& style) {
    return MigrationTable(
        {response->migrations().begin(), response->migrations().end()},
        absl::Now(), style);
  });
  return ExitCode::kDone;
}

Outcome Show(Invocation& invocation, const Arguments& arguments) {
  const absl::StatusOr<std::string> name =
      ResourceName("migrations", arguments.id);
  if (!name.ok()) return name.status();
  const absl::StatusOr<v1::Migration> migration = Get(invocation, *name);
  if (!migration.ok()) return migration.status();
  invocation.Print(*migration, [&migration](const Style& style) {
    return ShowPage(*migration, absl::Now(), style);
  });
  return ExitCode::kDone;
}

Outcome PrintDocument(Invocation& invocation, const Arguments& arguments,
                      const v1::Migration& migration) {
  const absl::StatusOr<Client*> client = invocation.Connect();
  if (!client.ok()) return client.status();
  v1::ListTasksRequest request;
  request.set_migration(migration.name());
  request.set_show_closed(true);
  const absl::StatusOr<v1::ListTasksResponse> tasks =
      ListAll(**client, &v1::Tasks::Stub::ListTasks, request);
  if (!tasks.ok()) {
    return WhileDoing(tasks.status(),
                      "cannot list the tasks of " + migration.name(),
                      migration.name());
  }
  const Document document = ReportDocument(
      migration, {tasks->tasks().begin(), tasks->tasks().end()}, absl::Now());
  invocation.console().Write(Stream::kOut, arguments.report_format == "html"
                                               ? ToHtml(document)
                                               : ToMarkdown(document));
  return ExitCode::kDone;
}

Outcome Report(Invocation& invocation, const Arguments& arguments) {
  const absl::StatusOr<std::string> name =
      ResourceName("migrations", arguments.id);
  if (!name.ok()) return name.status();
  const bool document = !arguments.report_format.empty();
  if (document && invocation.format() != OutputFormat::kTable) {
    return UsageError("--format and --output exclude each other");
  }
  const absl::StatusOr<v1::Migration> migration = Get(invocation, *name);
  if (!migration.ok()) return migration.status();
  if (document) return PrintDocument(invocation, arguments, *migration);
  invocation.Print(*migration, [&migration](const Style& style) {
    return ReportPage(*migration, style);
  });
  return ExitCode::kDone;
}

Outcome History(Invocation& invocation, const Arguments& arguments) {
  const absl::StatusOr<std::string> name =
      ResourceName("migrations", arguments.id);
  if (!name.ok()) return name.status();
  const absl::StatusOr<Client*> client = invocation.Connect();
  if (!client.ok()) return client.status();
  v1::ListEventsRequest request;
  request.set_parent(*name);
  const absl::StatusOr<v1::ListEventsResponse> response =
      ListAll(**client, &v1::Migrations::Stub::ListEvents, request);
  if (!response.ok()) {
    return WhileDoing(response.status(), "cannot tell the history of " + *name,
                      *name);
  }
  invocation.Print(*response, [&response](const Style& style) {
    return EventTable({response->events().begin(), response->events().end()},
                      style);
  });
  return ExitCode::kDone;
}

// A call that moves one migration and answers it as it is then.
template <typename Request>
Outcome Move(Invocation& invocation, const Arguments& arguments,
             const std::string& verb,
             grpc::Status (v1::Migrations::Stub::*method)(grpc::ClientContext*,
                                                          const Request&,
                                                          v1::Migration*)) {
  const absl::StatusOr<std::string> name =
      ResourceName("migrations", arguments.id);
  if (!name.ok()) return name.status();
  const absl::StatusOr<Client*> client = invocation.Connect();
  if (!client.ok()) return client.status();
  Request request;
  request.set_name(*name);
  if constexpr (requires { request.set_reason(arguments.reason); }) {
    request.set_reason(arguments.reason);
  }
  if constexpr (requires { request.set_plan_hash(arguments.plan); }) {
    request.set_plan_hash(arguments.plan);
  }
  const absl::StatusOr<v1::Migration> migration =
      (*client)->Call(method, request);
  if (!migration.ok()) {
    return WhileDoing(migration.status(), "cannot " + verb + " " + *name,
                      *name);
  }
  invocation.Print(*migration, [&migration](const Style& style) {
    std::string page = OneLine(migration->name()) + " is " +
                       style.Paint(ColorOf(migration->state()),
                                   StateName(migration->state())) +
                       "\n";
    for (const std::string& command : NextCommands(*migration)) {
      page += "  next: " + command + "\n";
    }
    return page;
  });
  return ExitCode::kDone;
}

template <typename Request>
CLI::App& AddMove(CLI::App& top, Invocation& invocation,
                  const std::shared_ptr<Arguments>& arguments,
                  const std::string& verb, const std::string& description,
                  grpc::Status (v1::Migrations::Stub::*method)(
                      grpc::ClientContext*, const Request&, v1::Migration*)) {
  CLI::App& command =
      AddCommand(top, invocation, verb, description,
                 {"keyturn " + verb + " k3q7n2x5a4bcdefg" +
                  (verb == "approve" ? " --plan HASH" : "")},
                 [&invocation, arguments, verb, method] {
                   return Move(invocation, *arguments, verb, method);
                 });
  AddPositional(command, "ID", arguments->id, "The migration", kMigrationType);
  if constexpr (requires(Request request) { request.set_reason(""); }) {
    command
        .add_option("--reason", arguments->reason,
                    "Why; kept in the history, no secrets")
        ->type_name("TEXT");
  }
  return command;
}

void AddMoves(CLI::App& top, Invocation& invocation,
              const std::shared_ptr<Arguments>& arguments) {
  using Stub = v1::Migrations::Stub;
  CLI::App& approve = AddMove(top, invocation, arguments, "approve",
                              "Approves exactly one plan of a migration",
                              &Stub::ApproveMigration);
  approve
      .add_option("--plan", arguments->plan,
                  "The hash of the plan you have read, see keyturn show")
      ->type_name("HASH")
      ->required();
  AddMove(top, invocation, arguments, "reject",
          "Ends a migration that awaits approval", &Stub::RejectMigration);
  AddMove(top, invocation, arguments, "start", "Lets a planned migration begin",
          &Stub::StartMigration);
  AddMove(top, invocation, arguments, "pause",
          "Stops after the attempt that is under way", &Stub::PauseMigration);
  AddMove(top, invocation, arguments, "resume", "Lets a paused one go on",
          &Stub::ResumeMigration);
  AddMove(top, invocation, arguments, "retry",
          "Tries the failed step again, with a fresh count of attempts",
          &Stub::RetryMigration);
  AddMove(top, invocation, arguments, "cancel",
          "Undoes what was done, before the connection was switched",
          &Stub::CancelMigration);
  AddMove(top, invocation, arguments, "rollback",
          "Goes back also after that, where the plan says it is possible",
          &Stub::RollBackMigration);
}

}  // namespace

void AddMigrationCommands(CLI::App& top, Invocation& invocation) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App& list = AddCommand(
      top, invocation, "list", "Lists the migrations, newest first",
      {"keyturn list", "keyturn list --state AWAITING_TASK --state PAUSED",
       "keyturn list -o json"},
      [&invocation, arguments] { return List(invocation, *arguments); });
  list.add_option("--state", arguments->states, "Only those in this state")
      ->type_name(kStateType)
      ->take_all();

  CLI::App& show = AddCommand(
      top, invocation, "show", "Shows how a migration stands now",
      {"keyturn show k3q7n2x5a4bcdefg"},
      [&invocation, arguments] { return Show(invocation, *arguments); });
  AddPositional(show, "ID", arguments->id, "The migration", kMigrationType);

  CLI::App& history = AddCommand(
      top, invocation, "history", "Lists everything that happened to it",
      {"keyturn history k3q7n2x5a4bcdefg"},
      [&invocation, arguments] { return History(invocation, *arguments); });
  AddPositional(history, "ID", arguments->id, "The migration", kMigrationType);

  CLI::App& report = AddCommand(
      top, invocation, "report",
      "Reports who did what and when, with proofs, and what is left to do",
      {"keyturn report k3q7n2x5a4bcdefg",
       "keyturn report k3q7n2x5a4bcdefg --format html > report.html",
       "keyturn report k3q7n2x5a4bcdefg -o json"},
      [&invocation, arguments] { return Report(invocation, *arguments); });
  AddPositional(report, "ID", arguments->id, "The migration", kMigrationType);
  report
      .add_option(
          "--format", arguments->report_format,
          "As a document to pass on, instead of text for this terminal; "
          "html is one page that needs nothing else")
      ->type_name("")
      ->check(CLI::IsMember({"markdown", "html"}));

  AddMoves(top, invocation, arguments);
}

}  // namespace keyturn::cli
