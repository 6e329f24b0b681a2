#include <CLI/CLI.hpp>
#include <csignal>
#include <filesystem>
#include <functional>
#include <iostream>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/sandbox/administrator.h"
#include "tests/sandbox/certificates.h"
#include "tests/sandbox/control_client.h"
#include "tests/sandbox/files.h"
#include "tests/sandbox/seed.h"
#include "tests/sandbox/server.h"

namespace keyturn::sandbox {
namespace {

constexpr int kFailed = 1;
constexpr int kUsage = 2;

constexpr char kActsHelp[] =
    "Acts (arguments as --name value; lists with commas; see README.md):\n"
    "  enable-feature | disable-feature   [--feature TBA]\n"
    "  clone-role        --from ROLE --name NAME [--add-permissions A,B]\n"
    "  edit-role         --role ROLE [--add-permissions …] "
    "[--remove-permissions …]\n"
    "  assign-role | unassign-role        --user EMAIL --role ROLE\n"
    "  create-token      --application NAME --user EMAIL --role ROLE --name "
    "NAME [--out FILE]\n"
    "  revoke-token      --name NAME\n"
    "  block-integration | unblock-integration   --application NAME\n"
    "  edit-user         --user EMAIL [--inactive true] [--unlock true]\n"
    "  edit-connection   --connection ID --set PATH=JSON\n"
    "  edit-flow         --flow ID --set PATH=JSON\n"
    "  start-job         --flow ID\n"
    "and edit-token, edit-integration, create-integration, sandbox-refresh,\n"
    "set-tier, browser-login, authorize-token, deploy-restlet, edit-tile,\n"
    "edit-iclient, set-queue, break-connection, switch-role, "
    "revoke-api-token.\n"
    "With several NetSuite accounts each takes --account ID.";

int Report(const absl::Status& status) {
  std::cerr << "keyturn-sandbox: " << status.message() << std::endl;
  return kFailed;
}

struct ServeOptions {
  std::vector<int> ports = {0};
  std::string data_directory;
  std::string kind = "jira";
  int connections = 200;
  int accounts = 1;
  bool netsuite_access = false;
  bool no_schedules = false;
  uint64_t random_seed = 0;
  std::vector<std::string> switches;
};

// Makes every path of sandbox.json absolute.
void ResolvePaths(const std::string& directory, Json& value) {
  for (auto& [key, member] : value.items()) {
    const bool path = key == "spec" || key.ends_with("_file");
    if (member.is_string() && path) {
      member = directory + "/" + member.get<std::string>();
    } else if (member.is_structured()) {
      ResolvePaths(directory, member);
    }
  }
}

absl::Status WriteDataDirectory(const std::string& directory, Seeded seeded,
                                const std::string& ca_pem, Json ready) {
  for (const SeedFile& file : seeded.files) {
    absl::Status status =
        WritePrivateFile(directory + "/" + file.path, file.content);
    if (!status.ok()) return status;
  }
  absl::Status status = WritePrivateFile(directory + "/ca.pem", ca_pem);
  if (!status.ok()) return status;
  ResolvePaths(directory, seeded.info);
  ready.update(seeded.info);
  return WritePrivateFile(directory + "/sandbox.json",
                          ready.dump(/*indent=*/2) + "\n");
}

absl::Status SetSwitches(World& world, const std::vector<std::string>& pairs) {
  return world.Seed([&](World& unlocked) -> absl::Status {
    for (const std::string& pair : pairs) {
      const size_t equals = pair.find('=');
      if (equals == std::string::npos) {
        return absl::InvalidArgumentError("--set takes NAME=ANSWER");
      }
      absl::Status status = unlocked.switches().Set(pair.substr(0, equals),
                                                    pair.substr(equals + 1));
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  });
}

int Serve(const ServeOptions& options) {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  std::random_device device;
  const uint64_t seed = options.random_seed != 0
                            ? options.random_seed
                            : static_cast<uint64_t>(device()) << 32 | device();
  RealClock clock;
  const std::string control_key = Random(seed ^ 0x5bd1e995).Hex(32);
  World world({.control_key = control_key, .seed = seed}, &clock);
  const bool many = options.kind == "many";
  absl::StatusOr<Seeded> seeded =
      SeedWorld({.connections = many ? options.connections : 1,
                 .accounts = many ? options.accounts : 1,
                 .netsuite_access = options.netsuite_access,
                 .schedules = !many && !options.no_schedules},
                &world);
  if (!seeded.ok()) return Report(seeded.status());
  if (absl::Status set = SetSwitches(world, options.switches); !set.ok()) {
    return Report(set);
  }
  absl::StatusOr<KeyAndCertificate> authority =
      MakeAuthority("Keyturn sandbox");
  if (!authority.ok()) return Report(authority.status());
  absl::StatusOr<KeyAndCertificate> certificate =
      MakeServerCertificate(*authority, {"localhost"}, {"127.0.0.1"});
  if (!certificate.ok()) return Report(certificate.status());
  absl::StatusOr<std::unique_ptr<Server>> server = Server::Start(
      {.certificate = *certificate, .ports = options.ports}, &world);
  if (!server.ok()) return Report(server.status());

  const std::string directory =
      std::filesystem::absolute(options.data_directory).string();
  Json urls = Json::array();
  for (const int port : (*server)->ports()) {
    urls.push_back(absl::StrCat("https://127.0.0.1:", port));
  }
  Json ready = {{"base_url", urls[0]},
                {"base_urls", urls},
                {"ca_file", directory + "/ca.pem"},
                {"control_key", control_key},
                {"random_seed", std::to_string(seed)}};
  absl::Status written = WriteDataDirectory(directory, *std::move(seeded),
                                            authority->certificate_pem, ready);
  if (!written.ok()) return Report(written);
  std::cout << Dump({{"ready", true},
                     {"base_url", urls[0]},
                     {"sandbox_file", directory + "/sandbox.json"}})
            << std::endl;
  int received = 0;
  sigwait(&signals, &received);
  return 0;
}

bool IsList(const std::string& name) {
  static const auto* const lists =
      new std::set<std::string>({"add_permissions", "omit_permissions",
                                 "remove_permissions", "remove", "roles"});
  return lists->contains(name);
}

// "true", "7" and "{…}" as JSON, anything else as text.
Json ArgumentValue(const std::string& text) {
  const Json parsed = ParseJson(text);
  const bool plain = parsed.is_boolean() || parsed.is_structured() ||
                     parsed.is_null() || parsed.is_number();
  return !parsed.is_discarded() && plain ? parsed : Json(text);
}

// --some-name value … into {"some_name": value}.
absl::StatusOr<Json> Arguments(const std::vector<std::string>& words) {
  Json arguments = Json::object();
  for (size_t i = 0; i < words.size(); i += 2) {
    if (!words[i].starts_with("--") || i + 1 >= words.size()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "expected --name value, not \"", words[i], "\"\n", kActsHelp));
    }
    std::string name = words[i].substr(2);
    std::replace(name.begin(), name.end(), '-', '_');
    const std::string& value = words[i + 1];
    if (name == "set") {
      const size_t equals = value.find('=');
      if (equals == std::string::npos) {
        return absl::InvalidArgumentError("--set takes PATH=JSON");
      }
      arguments["set"][value.substr(0, equals)] =
          ArgumentValue(value.substr(equals + 1));
    } else if (IsList(name)) {
      for (const auto& part : absl::StrSplit(value, ',', absl::SkipEmpty())) {
        arguments[name].push_back(std::string(part.data(), part.size()));
      }
    } else if (name == "records" || name == "concurrency_limit" ||
               name == "level" || value == "true" || value == "false") {
      arguments[name] = ArgumentValue(value);
    } else {
      arguments[name] = value;
    }
  }
  return arguments;
}

int RunAct(const std::string& data_directory, const std::string& act,
           const std::vector<std::string>& words) {
  absl::StatusOr<ControlClient> client = ControlClient::Open(data_directory);
  if (!client.ok()) return Report(client.status());
  absl::StatusOr<Json> arguments = Arguments(words);
  if (!arguments.ok()) {
    Report(arguments.status());
    return kUsage;
  }
  const std::string out = Text(*arguments, "out");
  arguments->erase("out");
  absl::StatusOr<Json> shown = client->Act(act, *arguments);
  if (!shown.ok()) return Report(shown.status());
  if (!out.empty()) {
    const Json secret = {{"tokenId", Text(*shown, "tokenId")},
                         {"tokenSecret", Text(*shown, "tokenSecret")}};
    absl::Status written = WritePrivateFile(out, Dump(secret) + "\n");
    if (!written.ok()) return Report(written);
    shown = Json({{"name", Text(*shown, "name")}, {"written_to", out}});
  }
  std::cout << shown->dump(/*indent=*/2) << std::endl;
  return 0;
}

int RunCall(const std::string& data_directory, const std::string& method,
            const std::string& path, const Json& body) {
  absl::StatusOr<ControlClient> client = ControlClient::Open(data_directory);
  if (!client.ok()) return Report(client.status());
  absl::StatusOr<Json> answer = client->Call(method, path, body);
  if (!answer.ok()) return Report(answer.status());
  std::cout << answer->dump(/*indent=*/2) << std::endl;
  return 0;
}

int RunAdministrator(const std::string& data_directory,
                     const Administrator::Options& options) {
  if (absl::Status status = Administrator::CheckMistakes(options.mistakes);
      !status.ok()) {
    Report(status);
    return kUsage;
  }
  absl::StatusOr<ControlClient> client = ControlClient::Open(data_directory);
  if (!client.ok()) return Report(client.status());
  std::signal(SIGPIPE, SIG_IGN);
  const absl::Status status = Administrator(options, &*client).Run();
  return status.ok() ? 0 : Report(status);
}

// The subcommands; the chosen one's work is left in `chosen`.
class Commands {
 public:
  explicit Commands(CLI::App& app) {
    app.require_subcommand(1);
    AddServe(app);
    AddAct(app);
    AddAdministrator(app);
    AddControl(app);
  }

  int Run() const { return chosen_(); }

 private:
  void AddDirectory(CLI::App* command) {
    command
        ->add_option("--data-dir", serve_.data_directory,
                     "where sandbox.json and the credential files are")
        ->required();
  }
  void AddServe(CLI::App& app);
  void AddAct(CLI::App& app);
  void AddAdministrator(CLI::App& app);
  void AddControl(CLI::App& app);

  std::function<int()> chosen_;
  ServeOptions serve_;
  std::string act_;
  Administrator::Options administrator_;
  int interval_ms_ = 300;
  std::vector<std::string> pairs_;
  bool summary_ = false;
  std::string fault_;
};

void Commands::AddServe(CLI::App& app) {
  CLI::App* serve =
      app.add_subcommand("serve", "run the simulated Celigo and NetSuite");
  AddDirectory(serve);
  serve->add_option("--port", serve_.ports, "one or several; 0: a free one");
  serve->add_option("--seed", serve_.kind, "jira: one tile; many: see below")
      ->check(CLI::IsMember({"jira", "many"}));
  serve->add_option("--connections", serve_.connections,
                    "with --seed many: how many tiles");
  serve->add_option("--accounts", serve_.accounts,
                    "with --seed many: over how many NetSuite accounts");
  serve->add_flag("--netsuite-access", serve_.netsuite_access,
                  "token-based authentication is on, so netsuite-tba.json "
                  "works from the beginning");
  serve->add_flag("--no-schedules", serve_.no_schedules,
                  "flows with a schedule do not start by themselves");
  serve->add_option("--random-seed", serve_.random_seed,
                    "makes ids and secrets repeatable");
  serve->add_option("--set", serve_.switches, "a switch: NAME=ANSWER");
  serve->callback([this] { chosen_ = [this] { return Serve(serve_); }; });
}

void Commands::AddAct(CLI::App& app) {
  CLI::App* act = app.add_subcommand(
      "act", "do at the screens what a person would do there");
  act->footer(kActsHelp);
  AddDirectory(act);
  act->add_option("act", act_, "what to do")->required();
  act->allow_extras();
  act->callback([this, act] {
    chosen_ = [this, act] {
      return RunAct(serve_.data_directory, act_, act->remaining());
    };
  });
}

void Commands::AddAdministrator(CLI::App& app) {
  CLI::App* command = app.add_subcommand(
      "administrator", "answer the daemon's tasks as a person would");
  AddDirectory(command);
  command->add_option("--keyturn", administrator_.keyturn, "the program")
      ->required();
  command
      ->add_option("--config", administrator_.config,
                   "configuration file of the command line")
      ->required();
  command
      ->add_option("--mistakes", administrator_.mistakes,
                   "do these wrongly first: wrong_role, wrong_application, "
                   "missing_permission, integration_blocked, feature_off, "
                   "secret_mistyped")
      ->delimiter(',');
  command->add_flag("--until-migration-ends",
                    administrator_.until_migration_ends,
                    "end when no migration is under way");
  command->add_option("--interval-ms", interval_ms_, "between two looks")
      ->check(CLI::Range(1, 60000));
  command->add_option("--workers", administrator_.workers, "tasks at once")
      ->check(CLI::Range(1, 64));
  command->callback([this] {
    chosen_ = [this] {
      administrator_.interval = absl::Milliseconds(interval_ms_);
      return RunAdministrator(serve_.data_directory, administrator_);
    };
  });
}

void Commands::AddControl(CLI::App& app) {
  CLI::App* state = app.add_subcommand("state", "print the whole truth");
  AddDirectory(state);
  state->add_flag("--summary", summary_, "only counts and switches");
  state->callback([this] {
    chosen_ = [this] {
      return RunCall(
          serve_.data_directory, "GET",
          summary_ ? "/control/state?part=summary" : "/control/state",
          Json::object());
    };
  });
  CLI::App* switches = app.add_subcommand("switch", "set NAME=ANSWER …");
  AddDirectory(switches);
  switches->add_option("pairs", pairs_, "NAME=ANSWER")->required();
  switches->callback([this] {
    chosen_ = [this] {
      Json body = Json::object();
      for (const std::string& pair : pairs_) {
        const size_t equals = pair.find('=');
        if (equals == std::string::npos) return kUsage;
        body[pair.substr(0, equals)] = pair.substr(equals + 1);
      }
      return RunCall(serve_.data_directory, "POST", "/control/switches", body);
    };
  });
  CLI::App* fault = app.add_subcommand("fault", "inject a fault, as JSON");
  AddDirectory(fault);
  fault->add_option("fault", fault_, "e.g. {\"kind\":\"status\",…}")
      ->required();
  fault->callback([this] {
    chosen_ = [this] {
      return RunCall(serve_.data_directory, "POST", "/control/faults",
                     ParseJson(fault_));
    };
  });
}

}  // namespace
}  // namespace keyturn::sandbox

int main(int argc, char** argv) {
  CLI::App app("Simulated Celigo and NetSuite for Keyturn's tests");
  keyturn::sandbox::Commands commands(app);
  CLI11_PARSE(app, argc, argv);
  return commands.Run();
}
