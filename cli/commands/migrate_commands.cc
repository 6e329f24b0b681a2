#include <memory>

#include "absl/strings/str_cat.h"
#include "cli/commands/command.h"
#include "cli/names.h"
#include "cli/output/migration_page.h"
#include "cli/output/paragraphs.h"
#include "cli/output/task_page.h"
#include "cli/output/text.h"
#include "cli/progress/display.h"
#include "cli/progress/follow.h"
#include "cli/spec_file.h"

namespace keyturn::cli {
namespace {

struct Arguments {
  std::string id;
  std::string spec;
  std::string progress = "auto";
  bool detach = false;
  bool stop_at_task = false;
  bool yes = false;
  std::string request_id;
};

// With -o json or yaml, standard output is for the one value alone.
Stream ProgressStream(const Invocation& invocation) {
  return invocation.format() == OutputFormat::kTable ? Stream::kOut
                                                     : Stream::kError;
}

FollowOptions MakeOptions(Invocation& invocation, const Arguments& arguments) {
  Console& console = invocation.console();
  Stream stream = ProgressStream(invocation);
  const ProgressMode mode = ChooseProgress(arguments.progress, console, stream);
  if (mode == ProgressMode::kJson) stream = Stream::kOut;
  const bool talkative =
      mode == ProgressMode::kTty || mode == ProgressMode::kPlain;
  return {.mode = mode,
          .stream = stream,
          .interactive =
              talkative && console.InIsTerminal() && console.IsTerminal(stream),
          .stop_at_task = arguments.stop_at_task};
}

void PrintMigration(Invocation& invocation, const v1::Migration& migration) {
  invocation.Print(migration, [&migration](const Style& style) {
    std::string page = absl::StrCat(
        OneLine(migration.name()), " is ",
        style.Paint(ColorOf(migration.state()), StateName(migration.state())),
        "\n");
    for (const std::string& command : NextCommands(migration)) {
      absl::StrAppend(&page, "  next: ", command, "\n");
    }
    return page;
  });
}

// What is written when a person must act: the task as a page where it is one.
std::string WaitingPage(Client& client, const v1::Migration& migration,
                        const Style& style) {
  const absl::StatusOr<v1::Task> task =
      migration.state() == v1::Migration::AWAITING_TASK
          ? BlockingTask(client, migration)
          : absl::StatusOr<v1::Task>(absl::NotFoundError("no task"));
  if (task.ok()) {
    return "\n" + TaskPage(*task, style) + TaskAnswerSection(*task, style);
  }
  return absl::StrCat("\n", OneLine(migration.name()), " ",
                      OneLine(WaitsFor(migration)), "\n",
                      Commands(NextCommands(migration), style));
}

std::string EndPage(Client& client, const Followed& followed,
                    const Style& style) {
  const v1::Migration& migration = followed.migration;
  switch (followed.end) {
    case FollowEnd::kAtRest:
      return "\n" + ResultPage(migration, style);
    case FollowEnd::kNeedsAttention:
      return AttentionPage(migration, style) + Heading("Next", style) +
             Commands(NextCommands(migration), style);
    case FollowEnd::kWaitsForPerson:
      return WaitingPage(client, migration, style);
    case FollowEnd::kDetached:
    case FollowEnd::kTerminated:
    case FollowEnd::kPlanned:
      break;
  }
  return absl::StrCat("\nDetached; the work goes on.\n  next: keyturn attach ",
                      ShortId(migration.name()), "\n");
}

ExitCode EndCode(const Followed& followed) {
  switch (followed.end) {
    case FollowEnd::kAtRest:
      return followed.migration.state() == v1::Migration::SUCCEEDED
                 ? ExitCode::kDone
                 : ExitCode::kRolledBack;
    case FollowEnd::kNeedsAttention:
      return ExitCode::kNeedsAttention;
    case FollowEnd::kWaitsForPerson:
      return ExitCode::kWaitsForPerson;
    case FollowEnd::kPlanned:
    case FollowEnd::kDetached:
      return ExitCode::kDone;
    case FollowEnd::kTerminated:
      return ExitCode::kFailed;
  }
  return ExitCode::kFailed;
}

absl::StatusOr<v1::Migration> Get(Client& client, const std::string& name) {
  v1::GetMigrationRequest request;
  request.set_name(name);
  absl::StatusOr<v1::Migration> migration =
      client.Call(&v1::Migrations::Stub::GetMigration, request);
  if (!migration.ok()) {
    return WhileDoing(migration.status(), "cannot show " + name, name);
  }
  return migration;
}

void PrintEnd(Invocation& invocation, Client& client,
              const FollowOptions& options, const Followed& followed) {
  if (options.mode == ProgressMode::kJson) return;
  invocation.Print(followed.migration, [&](const Style& style) {
    return EndPage(client, followed, style);
  });
}

// Follows to the end and tells how it ended.
Outcome FollowToEnd(Invocation& invocation, Client& client,
                    const v1::Migration& migration,
                    const FollowOptions& options) {
  absl::StatusOr<Followed> followed =
      Follow(client, invocation.console(), migration, options);
  if (!followed.ok()) return followed.status();
  const absl::StatusOr<v1::Migration> last = Get(client, migration.name());
  if (last.ok() && last->state() == followed->migration.state()) {
    followed->migration = *last;
  }
  PrintEnd(invocation, client, options, *followed);
  return EndCode(*followed);
}

// Reads the spec and has a migration of it made, or only its plan.
absl::StatusOr<v1::Migration> Create(Invocation& invocation,
                                     const Arguments& arguments,
                                     const std::string& doing,
                                     v1::CreateMigrationRequest request) {
  const absl::StatusOr<SpecFile> file =
      SpecFile::Read(arguments.spec, invocation.console());
  if (!file.ok()) return WhileDoing(file.status(), doing);
  const absl::StatusOr<Client*> client = invocation.Connect();
  if (!client.ok()) return client.status();
  *request.mutable_spec() = file->spec();
  absl::StatusOr<v1::Migration> migration = (*client)->Call(
      &v1::Migrations::Stub::CreateMigration, request, kOutsideCallTimeout);
  if (!migration.ok()) {
    return WhileDoing(file->Locate(migration.status()), doing);
  }
  return migration;
}

Outcome Plan(Invocation& invocation, const Arguments& arguments) {
  v1::CreateMigrationRequest request;
  request.set_validate_only(true);
  const absl::StatusOr<v1::Migration> migration =
      Create(invocation, arguments, "cannot make a plan", request);
  if (!migration.ok()) return migration.status();
  invocation.Print(*migration, [&](const Style& style) {
    return PlanPage(*migration, style) +
           "\nNothing was changed anywhere.\n  next: keyturn migrate -f " +
           OneLine(arguments.spec) + "\n";
  });
  return ExitCode::kDone;
}

// Shows the plan and asks whether to go on.
absl::StatusOr<bool> AskToStart(Console& console, const v1::Migration& planned,
                                Stream stream) {
  const std::string& name = planned.name();
  const Style style = Style::For(console, stream);
  console.Write(stream, "\n" + PlanPage(planned, style) + "\n");
  const absl::StatusOr<SecretText> answer =
      console.Ask("Start this migration? [y/N] ", Echo::kOn);
  if (!answer.ok()) {
    return WithNext(
        WhileDoing(answer.status(), name + " stays planned, not started"),
        absl::StrCat("keyturn start ", ShortId(name), ", or keyturn cancel ",
                     ShortId(name)));
  }
  const std::string& word = answer->Reveal();
  return word == "y" || word == "Y" || word == "yes";
}

Outcome StartAndFollow(Invocation& invocation, Client& client,
                       const v1::Migration& planned, FollowOptions options) {
  const std::string& name = planned.name();
  v1::StartMigrationRequest request;
  request.set_name(name);
  request.set_etag(planned.etag());
  const absl::StatusOr<v1::Migration> migration =
      client.Call(&v1::Migrations::Stub::StartMigration, request);
  if (!migration.ok()) {
    return WhileDoing(migration.status(), "cannot start " + name, name);
  }
  options.watch.snapshot_first = true;
  options.started = true;
  return FollowToEnd(invocation, client, *migration, options);
}

Outcome CancelUnwanted(Client& client, const std::string& name) {
  v1::CancelMigrationRequest request;
  request.set_name(name);
  request.set_reason("not wanted after reading the plan");
  const absl::StatusOr<v1::Migration> migration =
      client.Call(&v1::Migrations::Stub::CancelMigration, request);
  if (!migration.ok()) {
    return WhileDoing(migration.status(), "cannot cancel " + name, name);
  }
  return WithNext(absl::FailedPreconditionError(
                      name + " was cancelled, nothing was changed"),
                  "keyturn migrate -f SPEC");
}

// Waits until planning is over, shows the plan and lets the person decide.
Outcome AskAndFollow(Invocation& invocation, Client& client,
                     const v1::Migration& created,
                     const FollowOptions& options) {
  Followed planned = {.end = FollowEnd::kPlanned, .migration = created};
  if (created.state() == v1::Migration::PLANNING) {
    FollowOptions until_planned = options;
    until_planned.until_planned = true;
    absl::StatusOr<Followed> followed =
        Follow(client, invocation.console(), created, until_planned);
    if (!followed.ok()) return followed.status();
    planned = *std::move(followed);
  }
  if (planned.end != FollowEnd::kPlanned) {
    PrintEnd(invocation, client, options, planned);
    return EndCode(planned);
  }
  if (planned.migration.state() != v1::Migration::PLANNED) {
    FollowOptions rest = options;
    rest.watch.snapshot_first = true;
    return FollowToEnd(invocation, client, planned.migration, rest);
  }
  const absl::StatusOr<v1::Migration> shown = Get(client, created.name());
  if (!shown.ok()) return shown.status();
  const absl::StatusOr<bool> wanted =
      AskToStart(invocation.console(), *shown, options.stream);
  if (!wanted.ok()) return wanted.status();
  return *wanted ? StartAndFollow(invocation, client, *shown, options)
                 : CancelUnwanted(client, shown->name());
}

Outcome Migrate(Invocation& invocation, const Arguments& arguments) {
  FollowOptions options = MakeOptions(invocation, arguments);
  // A repeated request gets the migration as it is by now.
  options.watch.snapshot_first = !arguments.request_id.empty();
  options.started = true;
  const bool ask = options.interactive && !arguments.yes && !arguments.detach &&
                   arguments.spec != "-";
  v1::CreateMigrationRequest request;
  request.set_start(!ask);
  request.set_request_id(arguments.request_id);
  const absl::StatusOr<v1::Migration> migration =
      Create(invocation, arguments, "cannot migrate", request);
  if (!migration.ok()) return migration.status();
  if (arguments.detach) {
    PrintMigration(invocation, *migration);
    return ExitCode::kDone;
  }
  const absl::StatusOr<Client*> client = invocation.Connect();
  if (!client.ok()) return client.status();
  return ask ? AskAndFollow(invocation, **client, *migration, options)
             : FollowToEnd(invocation, **client, *migration, options);
}

Outcome Attach(Invocation& invocation, const Arguments& arguments) {
  const absl::StatusOr<std::string> name =
      ResourceName("migrations", arguments.id);
  if (!name.ok()) return name.status();
  const absl::StatusOr<Client*> client = invocation.Connect();
  if (!client.ok()) return client.status();
  const absl::StatusOr<v1::Migration> migration = Get(**client, *name);
  if (!migration.ok()) return migration.status();
  return FollowToEnd(invocation, **client, *migration,
                     MakeOptions(invocation, arguments));
}

void AddFollowOptions(CLI::App& command, Arguments& arguments) {
  command.add_flag("--stop-at-task", arguments.stop_at_task,
                   "End with code 4 where a person must act");
  command
      .add_option("--progress", arguments.progress,
                  "How to show progress: a live display, lines, JSON events, "
                  "nothing [auto]")
      ->type_name("")
      ->check(CLI::IsMember({"auto", "tty", "plain", "json", "quiet"}));
}

void AddSpecOption(CLI::App& command, Arguments& arguments) {
  command
      .add_option("-f,--file", arguments.spec,
                  "The spec, a YAML file; - for standard input")
      ->type_name(kFileType)
      ->required();
}

}  // namespace

void AddMigrateCommands(CLI::App& top, Invocation& invocation) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App& plan = AddCommand(
      top, invocation, "plan",
      "Looks at everything and says what a migration would do; changes nothing "
      "anywhere",
      {"keyturn plan -f spec.yaml", "keyturn plan -f spec.yaml -o json"},
      [&invocation, arguments] { return Plan(invocation, *arguments); });
  AddSpecOption(plan, *arguments);

  CLI::App& migrate = AddCommand(
      top, invocation, "migrate",
      "Migrates a connection and follows it to the end; Ctrl-C detaches, the "
      "work goes on",
      {"keyturn migrate -f spec.yaml",
       "keyturn migrate -f spec.yaml --yes --progress plain",
       "keyturn migrate -f spec.yaml --stop-at-task    in a pipeline",
       "keyturn migrate -f spec.yaml --detach -o json",
       "keyturn migrate -f spec.yaml --yes --request-id nightly-42"},
      [&invocation, arguments] { return Migrate(invocation, *arguments); });
  AddSpecOption(migrate, *arguments);
  CLI::Option* detach = migrate.add_flag("--detach", arguments->detach,
                                         "Start it, print it, and do not wait");
  AddFollowOptions(migrate, *arguments);
  migrate.get_option("--stop-at-task")->excludes(detach);
  migrate.add_flag("--yes", arguments->yes,
                   "Start without showing the plan and asking");
  migrate
      .add_option("--request-id", arguments->request_id,
                  "A name for this request, 8 to 64 of [A-Za-z0-9_-]: the same "
                  "command again follows the same migration")
      ->type_name("ID");

  CLI::App& attach = AddCommand(
      top, invocation, "attach",
      "Follows a migration to the end; Ctrl-C detaches, the work goes on",
      {"keyturn attach k3q7n2x5a4bcdefg",
       "keyturn attach k3q7n2x5a4bcdefg --progress json"},
      [&invocation, arguments] { return Attach(invocation, *arguments); });
  AddPositional(attach, "ID", arguments->id, "The migration", kMigrationType);
  AddFollowOptions(attach, *arguments);
}

}  // namespace keyturn::cli
