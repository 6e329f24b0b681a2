#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "cli/commands/command.h"
#include "cli/commands/paging.h"
#include "cli/errors.h"
#include "cli/names.h"
#include "cli/new_file.h"
#include "cli/output/resource_page.h"
#include "cli/spec_draft.h"

namespace keyturn::cli {
namespace {

struct Arguments {
  std::string account;
  std::string auth;
  bool ready = false;
  bool blocked = false;
  std::string write_specs;
  SpecAnswers answers;
};

bool IsAskedFor(const v1::DiscoveredConnection& connection,
                const Arguments& arguments) {
  if (arguments.ready && !connection.migratable()) return false;
  if (arguments.blocked && connection.migratable()) return false;
  // "token-auto" is a token as well.
  return absl::StartsWith(connection.auth_type(), arguments.auth);
}

void TakeOutOthers(const Arguments& arguments, v1::DiscoverResponse& response) {
  auto& connections = *response.mutable_connections();
  connections.erase(
      std::remove_if(connections.begin(), connections.end(),
                     [&arguments](const v1::DiscoveredConnection& connection) {
                       return !IsAskedFor(connection, arguments);
                     }),
      connections.end());
}

// "1234567-sb1" and "1234567_SB1" are one account.
std::string PlainAccountId(const std::string& id) {
  return absl::StrReplaceAll(absl::AsciiStrToUpper(id), {{"-", "_"}});
}

// The daemon's names for NetSuite accounts.
class NetSuiteNames {
 public:
  // `preferred` is the only one that counts where it is given: NotFound when
  // the daemon has no NetSuite account of that name.
  static absl::StatusOr<NetSuiteNames> Ask(Client& client,
                                           const std::string& preferred) {
    const absl::StatusOr<v1::ListAccountsResponse> response =
        ListAll(client, &v1::Accounts::Stub::ListAccounts, {});
    if (!response.ok()) return response.status();
    NetSuiteNames names;
    for (const v1::Account& account : response->accounts()) {
      const std::string name = ShortId(account.name());
      if (!account.has_netsuite()) continue;
      if (!preferred.empty() && name != ShortId(preferred)) continue;
      names.by_id_[PlainAccountId(account.netsuite().account_id())].push_back(
          name);
    }
    if (preferred.empty() || !names.by_id_.empty()) return names;
    return WithNext(
        absl::NotFoundError("the daemon has no such NetSuite account: " +
                            ShortId(preferred)),
        "keyturn account list");
  }

  // Empty where none has this id, and where more than one has: which one is
  // meant is a person's to say.
  std::string Find(const std::string& account_id) const {
    const auto names = by_id_.find(PlainAccountId(account_id));
    if (names == by_id_.end() || names->second.size() > 1) return "";
    return names->second.front();
  }

 private:
  std::map<std::string, std::vector<std::string>> by_id_;
};

SpecFate Blocked(const v1::DiscoveredConnection& connection) {
  return {.connection = connection,
          .kind = SpecFate::kBlocked,
          .why = {connection.blockers().begin(), connection.blockers().end()}};
}

absl::StatusOr<SpecFate> WriteSpec(const v1::DiscoveredConnection& connection,
                                   const Arguments& arguments,
                                   const NetSuiteNames& netsuite) {
  if (!connection.migratable()) return Blocked(connection);
  SpecFate fate = {.connection = connection, .kind = SpecFate::kBlocked};
  const std::string name = SpecFileName(connection);
  if (name.empty()) {
    fate.why.push_back("its id is not 24 hexadecimal digits");
    return fate;
  }
  SpecAnswers answers = arguments.answers;
  answers.netsuite_account = netsuite.Find(connection.netsuite_account());
  SpecDraft draft = DraftSpec(ShortId(arguments.account), connection, answers);
  fate.file = (std::filesystem::path(arguments.write_specs) / name).string();
  const absl::StatusOr<std::unique_ptr<NewFile>> file =
      NewFile::Make(fate.file);
  if (absl::IsFailedPrecondition(file.status())) {
    fate.kind = SpecFate::kLeft;
    return fate;
  }
  if (!file.ok()) return file.status();
  absl::Status written = (*file)->Write(draft.text);
  if (written.ok()) written = (*file)->Keep();
  if (!written.ok()) return written;
  fate.kind = SpecFate::kWritten;
  fate.to_fill_in = std::move(draft.to_fill_in);
  return fate;
}

nlohmann::ordered_json ToJson(const std::vector<SpecFate>& fates,
                              const std::string& directory) {
  nlohmann::ordered_json specs = nlohmann::ordered_json::array();
  for (const SpecFate& fate : fates) {
    specs.push_back({{"connection", fate.connection.id()},
                     {"name", fate.connection.name()},
                     {"spec", SpecFateName(fate.kind)},
                     {"file", fate.file},
                     {"fillIn", fate.to_fill_in},
                     {"why", fate.why}});
  }
  return {{"directory", directory}, {"specs", std::move(specs)}};
}

Outcome WriteSpecs(Invocation& invocation, Client& client,
                   const Arguments& arguments,
                   const v1::DiscoverResponse& response) {
  const std::string& directory = arguments.write_specs;
  const std::string doing = "cannot write the specs to " + directory;
  const absl::StatusOr<NetSuiteNames> netsuite =
      NetSuiteNames::Ask(client, arguments.answers.netsuite_account);
  if (!netsuite.ok()) return WhileDoing(netsuite.status(), doing);
  std::error_code failed;
  std::filesystem::create_directories(directory, failed);
  if (failed) {
    return WhileDoing(UsageError(failed.message()), doing);
  }
  std::vector<SpecFate> fates;
  for (const v1::DiscoveredConnection& connection : response.connections()) {
    absl::StatusOr<SpecFate> fate = WriteSpec(connection, arguments, *netsuite);
    if (!fate.ok()) return WhileDoing(fate.status(), doing);
    fates.push_back(*std::move(fate));
  }
  invocation.Print(ToJson(fates, directory), [&fates](const Style& style) {
    return SpecsPage(fates, style);
  });
  return ExitCode::kDone;
}

Outcome Discover(Invocation& invocation, const Arguments& arguments) {
  const absl::StatusOr<std::string> name =
      ResourceName("accounts", arguments.account);
  if (!name.ok()) return name.status();
  const absl::StatusOr<Client*> client = invocation.Connect();
  if (!client.ok()) return client.status();
  v1::DiscoverRequest request;
  request.set_account(ShortId(*name));
  absl::StatusOr<v1::DiscoverResponse> response = (*client)->Call(
      &v1::Inventory::Stub::Discover, request, kOutsideCallTimeout);
  if (!response.ok()) {
    return WhileDoing(response.status(), "cannot discover " + *name, *name);
  }
  TakeOutOthers(arguments, *response);
  if (!arguments.write_specs.empty()) {
    return WriteSpecs(invocation, **client, arguments, *response);
  }
  invocation.Print(*response, [&response](const Style& style) {
    return DiscoverPage(*response, style);
  });
  return ExitCode::kDone;
}

void AddSpecOptions(CLI::App& discover, Arguments& arguments) {
  CLI::Option* const write =
      discover
          .add_option("--write-specs", arguments.write_specs,
                      "Writes a spec file into this directory for each "
                      "connection that can be migrated; leaves files that are "
                      "there")
          ->type_name(kFileType);
  discover
      .add_option("--netsuite-account", arguments.answers.netsuite_account,
                  "The daemon's name for the connections' NetSuite account "
                  "[the one that has its id]")
      ->type_name(kAccountType)
      ->needs(write);
  discover
      .add_option("--user", arguments.answers.user,
                  "For all specs: the e-mail address of the integration's user "
                  "[to be filled in]")
      ->type_name("EMAIL")
      ->needs(write);
  discover
      .add_option("--role", arguments.answers.role,
                  "For all specs: the token's role [to be filled in]")
      ->type_name("NAME")
      ->needs(write);
}

}  // namespace

void AddInventoryCommands(CLI::App& top, Invocation& invocation) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App& discover = AddCommand(
      top, invocation, "discover",
      "Describes every NetSuite connection of a Celigo account: how it logs "
      "in, what blocks a migration, what one would need",
      {"keyturn discover acme", "keyturn discover acme --auth basic --ready",
       "keyturn discover acme --write-specs specs --role CeligoJiraTBA",
       "keyturn discover acme -o json"},
      [&invocation, arguments] { return Discover(invocation, *arguments); });
  AddPositional(discover, "ACCOUNT", arguments->account, "The Celigo account",
                kCeligoAccountType);
  discover
      .add_option("--auth", arguments->auth, "Only those that log in by this")
      ->type_name("")
      ->check(CLI::IsMember({"basic", "token"}));
  CLI::Option* const ready = discover.add_flag(
      "--ready", arguments->ready, "Only those that can be migrated");
  discover
      .add_flag("--blocked", arguments->blocked,
                "Only those that cannot be migrated")
      ->excludes(ready);
  AddSpecOptions(discover, *arguments);
}

}  // namespace keyturn::cli
