#include "cli/run.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "cli/commands/command.h"
#include "cli/commands/help.h"
#include "cli/errors.h"
#include "cli/output/text.h"
#include "cli/version.h"

namespace keyturn::cli {
namespace {

void BuildCommands(CLI::App& top, Invocation& invocation) {
  top.fallthrough();
  top.formatter(std::make_shared<HelpFormatter>());
  top.set_version_flag("--version", absl::StrCat("keyturn ", kVersion));
  top.require_subcommand(1);
  top.footer(
      "Examples:\n"
      "  keyturn discover acme\n"
      "  keyturn plan -f spec.yaml\n"
      "  keyturn migrate -f spec.yaml\n"
      "  keyturn task list\n"
      "\n"
      "keyturn COMMAND --help tells more about each. Exit codes: 0 done, 1 "
      "failed,\n2 usage, 3 refused, 4 waits for a person, 5 rolled back, 6 "
      "needs attention,\n7 daemon not reachable, 8 not permitted.");
  invocation.AddGlobalOptions(top);
  AddMigrateCommands(top, invocation);
  AddMigrationCommands(top, invocation);
  AddCampaignCommands(top, invocation);
  AddTaskCommands(top, invocation);
  AddInventoryCommands(top, invocation);
  AddAccountCommands(top, invocation);
  AddCredentialCommands(top, invocation);
  AddContextCommands(top, invocation);
  AddIdentityCommands(top, invocation);
  AddServerCommands(top, invocation);
  AddAuditCommands(top, invocation);
  AddAdminCommands(top, invocation);
  AddCompletionCommands(top, invocation);
}

ExitCode Tell(const absl::Status& status, const std::string& command,
              OutputFormat format, Console& console) {
  const Problem problem = Explain(status, command);
  console.Write(Stream::kError, format == OutputFormat::kJson
                                    ? ToJson(problem)
                                    : ToText(problem));
  return problem.exit_code;
}

// The innermost command that was named, for "see its --help".
std::string NamedCommand(const CLI::App& top) {
  std::string name = "keyturn";
  for (const CLI::App* at = &top; !at->get_subcommands().empty();) {
    at = at->get_subcommands().front();
    absl::StrAppend(&name, " ", at->get_name());
  }
  return name;
}

// Help and version are told by exceptions too; they are no errors.
absl::StatusOr<bool> Parse(CLI::App& top, std::vector<std::string> arguments,
                           Console& console) {
  for (const std::string& argument : arguments) {
    if (IsUtf8(argument)) continue;
    return UsageError(absl::StrCat("the argument \"", OneLine(argument),
                                   "\" is not UTF-8 text"));
  }
  std::reverse(arguments.begin(), arguments.end());
  try {
    top.parse(std::move(arguments));
    return true;
  } catch (const CLI::CallForHelp&) {
    console.Write(Stream::kOut, top.help());
    return false;
  } catch (const CLI::CallForVersion& version) {
    console.Write(Stream::kOut, std::string(version.what()) + "\n");
    return false;
  } catch (const CLI::Error& error) {
    // What was not understood explains better what is then missing.
    const std::vector<std::string> unknown = top.remaining(/*recurse=*/true);
    if (unknown.empty()) return UsageError(error.what());
    return UsageError(
        absl::StrCat("\"", OneLine(unknown.front()), "\" is not known here"));
  }
}

}  // namespace

ExitCode Run(const std::vector<std::string>& arguments, Console& console) {
  CLI::App top("Moves integrations from passwords to tokens.", "keyturn");
  Invocation invocation(console);
  BuildCommands(top, invocation);
  const absl::StatusOr<bool> parsed = Parse(top, arguments, console);
  if (!parsed.ok()) {
    return Tell(parsed.status(), NamedCommand(top), invocation.format(),
                console);
  }
  if (!*parsed) return ExitCode::kDone;
  const Outcome outcome = invocation.action();
  if (!outcome.ok()) {
    return Tell(outcome.status(), NamedCommand(top), invocation.format(),
                console);
  }
  return *outcome;
}

}  // namespace keyturn::cli
