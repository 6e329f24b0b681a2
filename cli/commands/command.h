#ifndef KEYTURN_CLI_COMMANDS_COMMAND_H_
#define KEYTURN_CLI_COMMANDS_COMMAND_H_

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cli/client.h"
#include "cli/console.h"
#include "cli/context.h"
#include "cli/exit_code.h"
#include "cli/output/structured.h"
#include "cli/output/style.h"

namespace keyturn::cli {

// How a command ended, or why it could not.
using Outcome = absl::StatusOr<ExitCode>;

// One run of the program: the options that every command has, and what
// commands need of the outside. Not thread-safe.
class Invocation {
 public:
  explicit Invocation(Console& console) : console_(console) {}
  Invocation(const Invocation&) = delete;
  Invocation& operator=(const Invocation&) = delete;

  // Adds the options that every command has to the program's top. They are
  // accepted before and after the command's name.
  void AddGlobalOptions(CLI::App& top);

  Console& console() { return console_; }
  OutputFormat format() const;

  // Without --config the user's own file.
  absl::StatusOr<ContextFile> ReadContexts() const;

  // The file that ReadContexts reads.
  std::string context_path() const;

  // Any daemon; --timeout counts.
  absl::StatusOr<std::unique_ptr<Client>> ConnectTo(
      const Context& context) const;

  // The daemon of --context, or of the current context. Made once; the
  // reference lives as long as this object.
  absl::StatusOr<Client*> Connect();

  // Where `table` is what was asked for, writes `text()` to standard output,
  // otherwise the message as JSON or YAML.
  void Print(const google::protobuf::Message& message,
             const std::function<std::string(const Style&)>& text);

  // The same for what is no message of the API.
  void Print(const nlohmann::ordered_json& value,
             const std::function<std::string(const Style&)>& text);

  // Takes these for --config, --context and --timeout where they are not empty.
  void Prefer(const std::string& config, const std::string& context,
              const std::string& timeout);

  // What the parsed command is to do; set while the arguments are parsed.
  std::function<Outcome()> action;

 private:
  absl::StatusOr<std::optional<absl::Duration>> Timeout() const;
  // The file, after its certificate was renewed where that is due.
  absl::StatusOr<ContextFile> ReadRenewed();

  Console& console_;
  std::string config_;
  std::string context_;
  std::string output_ = "table";
  std::string timeout_;
  std::unique_ptr<Client> client_;
};

// Adds a command that does `run`. Its help shows `description` and, below the
// options, `examples`, one a line.
CLI::App& AddCommand(CLI::App& parent, Invocation& invocation,
                     const std::string& name, const std::string& description,
                     const std::vector<std::string>& examples,
                     std::function<Outcome()> run);

// Adds a noun: a command that only holds other commands.
CLI::App& AddNoun(CLI::App& parent, const std::string& name,
                  const std::string& description);

// Positionals say what they name by these type names; completion goes by them.
inline constexpr char kMigrationType[] = "MIGRATION";
inline constexpr char kCampaignType[] = "CAMPAIGN";
inline constexpr char kTaskType[] = "TASK";
inline constexpr char kCredentialType[] = "CREDENTIAL";
inline constexpr char kAccountType[] = "ACCOUNT";
inline constexpr char kCeligoAccountType[] = "CELIGO-ACCOUNT";
inline constexpr char kContextType[] = "CONTEXT";
inline constexpr char kIdentityType[] = "IDENTITY";
inline constexpr char kFileType[] = "FILE";
// These are words of the API, which no daemon has to be asked for.
inline constexpr char kStateType[] = "STATE";
inline constexpr char kStepType[] = "STEP";

// A required positional.
CLI::Option& AddPositional(CLI::App& command, const std::string& name,
                           std::string& value, const std::string& description,
                           const std::string& type);

// Each noun's commands, in a file of its name.
void AddContextCommands(CLI::App& top, Invocation& invocation);
void AddServerCommands(CLI::App& top, Invocation& invocation);
void AddIdentityCommands(CLI::App& top, Invocation& invocation);
void AddAdminCommands(CLI::App& top, Invocation& invocation);
// Below `admin`.
void AddBackUpCommands(CLI::App& admin, Invocation& invocation);
void AddCredentialCommands(CLI::App& top, Invocation& invocation);
void AddAccountCommands(CLI::App& top, Invocation& invocation);
void AddInventoryCommands(CLI::App& top, Invocation& invocation);
void AddMigrateCommands(CLI::App& top, Invocation& invocation);
void AddMigrationCommands(CLI::App& top, Invocation& invocation);
void AddCampaignCommands(CLI::App& top, Invocation& invocation);
void AddTaskCommands(CLI::App& top, Invocation& invocation);
void AddAuditCommands(CLI::App& top, Invocation& invocation);
void AddCompletionCommands(CLI::App& top, Invocation& invocation);

}  // namespace keyturn::cli

#endif  // KEYTURN_CLI_COMMANDS_COMMAND_H_
