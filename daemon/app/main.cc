#include <CLI/CLI.hpp>
#include <iostream>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "daemon/app/config.h"
#include "daemon/app/daemon.h"
#include "daemon/app/exit_codes.h"
#include "daemon/app/init.h"
#include "daemon/app/log.h"
#include "daemon/app/process.h"
#include "daemon/base/status.h"

namespace keyturn::app {
namespace {

struct Arguments {
  std::string config;
  bool check_config = false;
  InitOptions init;
};

int Complain(const absl::Status& status, ExitCode code) {
  std::cerr << "keyturnd: " << status.message() << "\n";
  return code;
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

int RunInit(const InitOptions& options) {
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
  const CLI::App* init = AddInit(app, arguments.init);
  app.require_subcommand(0, 1);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kStopped : kBadConfiguration;
  }
  if (init->parsed()) return RunInit(arguments.init);
  if (config->count() > 0) return RunConfigured(arguments);
  std::cerr << app.help();
  return kBadConfiguration;
}

}  // namespace
}  // namespace keyturn::app

int main(int argc, char** argv) { return keyturn::app::Main(argc, argv); }
