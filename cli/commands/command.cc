#include "cli/commands/command.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cli/errors.h"
#include "cli/identity/renewal.h"
#include "cli/output/text.h"

namespace keyturn::cli {
namespace {

constexpr absl::Duration kTimeoutMax = absl::Hours(24);

std::string ExamplesText(const std::vector<std::string>& examples) {
  std::string text = "Examples:";
  for (const std::string& example : examples) {
    absl::StrAppend(&text, "\n  ", example);
  }
  return text;
}

}  // namespace

void Invocation::AddGlobalOptions(CLI::App& top) {
  top.add_option("--config", config_,
                 "File of contexts [$XDG_CONFIG_HOME/keyturn/config.yaml]")
      ->type_name(kFileType);
  top.add_option("--context", context_,
                 "Which daemon [the file's current context]")
      ->type_name(kContextType);
  top.add_option("-o,--output", output_, "How to print results [table]")
      ->type_name("")
      ->check(CLI::IsMember({"table", "json", "yaml"}));
  top.add_option("--timeout", timeout_,
                 "How long one call may take: 30s, 5m [30s, or 5m where "
                 "outside systems are asked]")
      ->type_name("TIME");
}

OutputFormat Invocation::format() const {
  if (output_ == "json") return OutputFormat::kJson;
  return output_ == "yaml" ? OutputFormat::kYaml : OutputFormat::kTable;
}

absl::StatusOr<ContextFile> Invocation::ReadContexts() const {
  return ContextFile::Read(context_path());
}

std::string Invocation::context_path() const {
  return config_.empty() ? ContextFile::DefaultPath(console_) : config_;
}

absl::StatusOr<std::unique_ptr<Client>> Invocation::ConnectTo(
    const Context& context) const {
  const absl::StatusOr<std::optional<absl::Duration>> timeout = Timeout();
  if (!timeout.ok()) return timeout.status();
  return Client::Make(context, *timeout);
}

absl::StatusOr<std::optional<absl::Duration>> Invocation::Timeout() const {
  if (timeout_.empty()) return std::nullopt;
  absl::Duration timeout;
  int seconds = 0;
  if (absl::SimpleAtoi(timeout_, &seconds)) {
    timeout = absl::Seconds(seconds);
  } else if (!absl::ParseDuration(timeout_, &timeout)) {
    timeout = absl::ZeroDuration();
  }
  if (timeout <= absl::ZeroDuration() || timeout > kTimeoutMax) {
    return UsageError(
        "--timeout must be a time such as 30s or 5m, at most 24h");
  }
  return timeout;
}

absl::StatusOr<Client*> Invocation::Connect() {
  if (client_ != nullptr) return client_.get();
  const absl::StatusOr<ContextFile> file = ReadRenewed();
  if (!file.ok()) return file.status();
  const absl::StatusOr<const Context*> context = file->Find(context_);
  if (!context.ok()) return context.status();
  absl::StatusOr<std::unique_ptr<Client>> client = ConnectTo(**context);
  if (!client.ok()) return client.status();
  client_ = *std::move(client);
  return client_.get();
}

absl::StatusOr<ContextFile> Invocation::ReadRenewed() {
  absl::StatusOr<ContextFile> file = ReadContexts();
  if (!file.ok()) return file;
  const absl::StatusOr<const Context*> context = file->Find(context_);
  if (!context.ok()) return context.status();
  const absl::Time now = absl::Now();
  if (absl::Status valid = CheckNotExpired(**context, now); !valid.ok()) {
    return valid;
  }
  if (!IsRenewalDue(**context, now)) return file;
  const absl::Status renewed =
      Renew(context_path(), (*context)->name, now,
            [this](const Context& one) { return ConnectTo(one); });
  if (renewed.ok()) return ReadContexts();
  // A daemon that cannot be reached is told by the command itself; one whose
  // certificates somebody else gives out renews none.
  if (!absl::IsUnavailable(renewed) && !absl::IsFailedPrecondition(renewed)) {
    console_.Write(Stream::kError,
                   absl::StrCat("note: the certificate could not be renewed: ",
                                OneLine(std::string(renewed.message())), "\n"));
  }
  return file;
}

void Invocation::Prefer(const std::string& config, const std::string& context,
                        const std::string& timeout) {
  if (!config.empty()) config_ = config;
  if (!context.empty()) context_ = context;
  if (!timeout.empty()) timeout_ = timeout;
}

void Invocation::Print(const google::protobuf::Message& message,
                       const std::function<std::string(const Style&)>& text) {
  console_.Write(Stream::kOut, format() == OutputFormat::kTable
                                   ? text(Style::For(console_, Stream::kOut))
                                   : ToStructured(message, format()));
}

void Invocation::Print(const nlohmann::ordered_json& value,
                       const std::function<std::string(const Style&)>& text) {
  console_.Write(Stream::kOut, format() == OutputFormat::kTable
                                   ? text(Style::For(console_, Stream::kOut))
                                   : ToStructured(value, format()));
}

CLI::App& AddCommand(CLI::App& parent, Invocation& invocation,
                     const std::string& name, const std::string& description,
                     const std::vector<std::string>& examples,
                     std::function<Outcome()> run) {
  CLI::App& command = *parent.add_subcommand(name, description);
  command.footer(ExamplesText(examples));
  command.callback(
      [&invocation, run = std::move(run)] { invocation.action = run; });
  return command;
}

CLI::App& AddNoun(CLI::App& parent, const std::string& name,
                  const std::string& description) {
  CLI::App& noun = *parent.add_subcommand(name, description);
  noun.require_subcommand(1);
  noun.footer(
      absl::StrCat("keyturn ", name, " COMMAND --help tells more about each."));
  return noun;
}

CLI::Option& AddPositional(CLI::App& command, const std::string& name,
                           std::string& value, const std::string& description,
                           const std::string& type) {
  return *command.add_option(name, value, description)
              ->type_name(type)
              ->required();
}

}  // namespace keyturn::cli
