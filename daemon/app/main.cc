#include <CLI/CLI.hpp>
#include <iostream>
#include <string>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "daemon/app/config.h"
#include "daemon/app/daemon.h"
#include "daemon/app/exit_codes.h"
#include "daemon/app/init.h"
#include "daemon/app/log.h"
#include "daemon/app/process.h"
#include "daemon/app/prompt.h"
#include "daemon/app/restored.h"
#include "daemon/base/status.h"

namespace keyturn::app {
namespace {

struct Arguments {
  std::string config;
  bool check_config = false;
  InitOptions init;
  // "file" or "passphrase".
  std::string root_key = "file";
  // Of `new-root-key`.
  std::string new_root_key;
};

int Complain(const absl::Status& status, ExitCode code) {
  std::cerr << "keyturnd: " << status.message() << "\n";
  return code;
}

void AddRootKeyKind(CLI::App& command, std::string& kind) {
  command
      .add_option("--root-key", kind,
                  "what the root key is: a file, or a passphrase that is asked "
                  "for now and at each unsealing (keyturn admin unseal)")
      ->check(CLI::IsMember({"file", "passphrase"}))
      ->capture_default_str();
}

CLI::App* AddInit(CLI::App& app, InitOptions& options) {
  CLI::App* init = app.add_subcommand(
      "init",
      "make certificates, root key, store, configuration and a context");
  init->add_option("--data-dir", options.data_dir,
                   "directory to be made; everything goes there")
      ->type_name("DIR")
      ->required();
  init->add_option("--tcp", options.tcp,
                   "address to listen at; port 0 chooses a free one")
      ->type_name("HOST:PORT")
      ->capture_default_str();
  init->add_option(
          "--unix", options.unix_path,
          "path of the unix socket (default: keyturnd.sock in the data "
          "directory)")
      ->type_name("PATH");
  init->add_option("--allow-host", options.allowed_hosts,
                   "a further host that outside calls may go to: host, "
                   "host:port or *.domain; may be repeated")
      ->type_name("HOST")
      ->allow_extra_args(false);
  init->add_option("--context-out", options.context_out,
                   "file that gets the command line's context (default: your "
                   "own, ~/.config/keyturn/config.yaml)")
      ->type_name("FILE");
  return init;
}

CLI::App* AddNewRootKey(CLI::App& app, Arguments& arguments) {
  CLI::App* command = app.add_subcommand(
      "new-root-key",
      "make the file of another root key, to change to; see the run book");
  command
      ->add_option("PATH", arguments.new_root_key,
                   "file to be made: the key, or how it comes from the "
                   "passphrase")
      ->required();
  AddRootKeyKind(*command, arguments.root_key);
  return command;
}

int RunNewRootKey(const Arguments& arguments) {
  vault::RootKeySource source = vault::RootKeyFile{arguments.new_root_key};
  secret::Secret passphrase;
  if (arguments.root_key == "passphrase") {
    source = vault::PassphraseFile{arguments.new_root_key};
    absl::StatusOr<secret::Secret> asked = AskForNewPassphrase();
    if (!asked.ok()) return Complain(asked.status(), kBadConfiguration);
    passphrase = *std::move(asked);
  }
  const absl::Status made = MakeRootKey(source, passphrase);
  if (!made.ok()) return Complain(made, kFailed);
  std::cout << "made " << arguments.new_root_key << "\n";
  return kStopped;
}

CLI::App* AddAcceptRestored(CLI::App& app, Arguments& arguments) {
  CLI::App* command = app.add_subcommand(
      "accept-restored",
      "say that the store was put back on purpose from a back-up, so that the "
      "daemon starts with it; see the run book");
  command
      ->add_option("--config", arguments.config,
                   "the daemon's configuration; no daemon may be running")
      ->type_name("FILE")
      ->required();
  return command;
}

// Asks for what `sources` need.
absl::StatusOr<vault::Passphrases> AskForAll(
    const vault::RootKeySources& sources) {
  const auto is_asked = [](const vault::RootKeySource& source) {
    return std::holds_alternative<vault::PassphraseFile>(source);
  };
  vault::Passphrases given;
  if (is_asked(sources.current)) {
    ASSIGN_OR_RETURN(given.current, AskForPassphrase("passphrase"));
  }
  if (sources.previous.has_value() && is_asked(*sources.previous)) {
    ASSIGN_OR_RETURN(given.previous,
                     AskForPassphrase("former root key's passphrase"));
  }
  return given;
}

int RunAcceptRestored(const Arguments& arguments) {
  const absl::StatusOr<Config> config = ReadConfig(arguments.config);
  if (!config.ok()) return Complain(config.status(), kBadConfiguration);
  const absl::StatusOr<vault::Passphrases> given = AskForAll(config->root_key);
  if (!given.ok()) return Complain(given.status(), kBadConfiguration);
  const absl::StatusOr<std::string> report =
      AcceptRestored(*config, *given, absl::Now());
  if (!report.ok()) {
    return Complain(report.status(), ExitCodeOf(report.status()));
  }
  std::cout << *report;
  return kStopped;
}

int RunInit(Arguments& arguments) {
  InitOptions& options = arguments.init;
  if (arguments.root_key == "passphrase") {
    absl::StatusOr<secret::Secret> asked = AskForNewPassphrase();
    if (!asked.ok()) return Complain(asked.status(), kBadConfiguration);
    options.passphrase = *std::move(asked);
  }
  const absl::StatusOr<std::string> report = Init(options, absl::Now());
  if (!report.ok()) {
    return Complain(report.status(),
                    report.status().code() == absl::StatusCode::kInvalidArgument
                        ? kBadConfiguration
                        : kFailed);
  }
  std::cout << *report;
  return kStopped;
}

int RunConfigured(const Arguments& arguments) {
  const absl::StatusOr<Config> config = ReadConfig(arguments.config);
  if (!config.ok()) return Complain(config.status(), kBadConfiguration);
  if (arguments.check_config) {
    const absl::Status status = CheckFiles(*config);
    if (!status.ok()) return Complain(status, kBadConfiguration);
    std::cout << arguments.config << " is good\n";
    return kStopped;
  }
  Log log(config->log_level);
  return RunDaemon(*config, log);
}

int Main(int argc, char** argv) {
  if (const absl::Status status = HardenProcess(); !status.ok()) {
    return Complain(status, kFailed);
  }
  Arguments arguments;
  CLI::App app("Keyturn's daemon: owns credentials and runs migrations.",
               "keyturnd");
  app.set_version_flag("--version", absl::StrCat("keyturnd ", KEYTURN_VERSION));
  CLI::Option* config =
      app.add_option("--config", arguments.config, "serve as this file says")
          ->type_name("FILE");
  app.add_flag("--check-config", arguments.check_config,
               "only say whether the file is good")
      ->needs(config);
  app.footer(
      "Examples:\n"
      "  keyturnd init --data-dir /var/lib/keyturn\n"
      "  keyturnd --config /var/lib/keyturn/keyturnd.yaml");
  CLI::App* init = AddInit(app, arguments.init);
  AddRootKeyKind(*init, arguments.root_key);
  const CLI::App* new_root_key = AddNewRootKey(app, arguments);
  const CLI::App* accept_restored = AddAcceptRestored(app, arguments);
  app.require_subcommand(0, 1);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kStopped : kBadConfiguration;
  }
  if (init->parsed()) return RunInit(arguments);
  if (new_root_key->parsed()) return RunNewRootKey(arguments);
  if (accept_restored->parsed()) return RunAcceptRestored(arguments);
  if (config->count() > 0) return RunConfigured(arguments);
  std::cerr << app.help();
  return kBadConfiguration;
}

}  // namespace
}  // namespace keyturn::app

int main(int argc, char** argv) { return keyturn::app::Main(argc, argv); }
