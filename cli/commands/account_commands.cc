#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/commands/command.h"
#include "cli/commands/paging.h"
#include "cli/names.h"
#include "cli/output/resource_page.h"

namespace keyturn::cli {
namespace {

constexpr size_t kAuthorityBytesMax = 256 * 1024;

struct Arguments {
  std::string name;
  std::string credential;
  std::string region;
  std::string account_id;
  std::string base_url;
  std::string ca_file;
};

v1::CeligoAccount::Region ParseRegion(const std::string& text) {
  static const auto& regions =
      *new std::map<std::string, v1::CeligoAccount::Region>{
          {"us", v1::CeligoAccount::US},
          {"eu", v1::CeligoAccount::EU},
          {"au", v1::CeligoAccount::AU},
          {"ca", v1::CeligoAccount::CA}};
  const auto region = regions.find(text);
  return region == regions.end() ? v1::CeligoAccount::REGION_UNSPECIFIED
                                 : region->second;
}

// What both kinds of account have in common.
absl::StatusOr<v1::CreateAccountRequest> MakeRequest(
    const Arguments& arguments) {
  const absl::StatusOr<std::string> name =
      ResourceName("accounts", arguments.name);
  if (!name.ok()) return name.status();
  v1::CreateAccountRequest request;
  request.set_account_id(ShortId(*name));
  if (!arguments.credential.empty()) {
    const absl::StatusOr<std::string> credential =
        ResourceName("credentials", arguments.credential);
    if (!credential.ok()) return credential.status();
    request.mutable_account()->set_credential(*credential);
  }
  if (!arguments.ca_file.empty()) {
    const absl::StatusOr<SecretText> pem =
        ReadFile(arguments.ca_file, kAuthorityBytesMax);
    if (!pem.ok()) return pem.status();
    request.mutable_account()->set_ca_pem(pem->Reveal());
  }
  return request;
}

Outcome Create(Invocation& invocation, v1::CreateAccountRequest request) {
  const std::string name = "accounts/" + request.account_id();
  const absl::StatusOr<Client*> client = invocation.Connect();
  if (!client.ok()) return client.status();
  const absl::StatusOr<v1::Account> account =
      (*client)->Call(&v1::Accounts::Stub::CreateAccount, request);
  if (!account.ok()) {
    return WhileDoing(account.status(), "cannot add " + name, name);
  }
  invocation.Print(*account, [&account](const Style& style) {
    return AccountPage(*account, style);
  });
  return ExitCode::kDone;
}

Outcome AddCeligo(Invocation& invocation, const Arguments& arguments) {
  absl::StatusOr<v1::CreateAccountRequest> request = MakeRequest(arguments);
  if (!request.ok()) return request.status();
  v1::CeligoAccount& celigo = *request->mutable_account()->mutable_celigo();
  celigo.set_region(ParseRegion(arguments.region));
  celigo.set_base_url(arguments.base_url);
  return Create(invocation, *std::move(request));
}

Outcome AddNetSuite(Invocation& invocation, const Arguments& arguments) {
  absl::StatusOr<v1::CreateAccountRequest> request = MakeRequest(arguments);
  if (!request.ok()) return request.status();
  v1::NetSuiteAccount& netsuite =
      *request->mutable_account()->mutable_netsuite();
  netsuite.set_account_id(arguments.account_id);
  netsuite.set_base_url(arguments.base_url);
  return Create(invocation, *std::move(request));
}

Outcome List(Invocation& invocation) {
  const absl::StatusOr<Client*> client = invocation.Connect();
  if (!client.ok()) return client.status();
  const absl::StatusOr<v1::ListAccountsResponse> response =
      ListAll(**client, &v1::Accounts::Stub::ListAccounts, {});
  if (!response.ok()) {
    return WhileDoing(response.status(), "cannot list the accounts");
  }
  invocation.Print(*response, [&response](const Style& style) {
    return AccountTable(
        {response->accounts().begin(), response->accounts().end()}, style);
  });
  return ExitCode::kDone;
}

Outcome Show(Invocation& invocation, const std::string& text) {
  const absl::StatusOr<std::string> name = ResourceName("accounts", text);
  if (!name.ok()) return name.status();
  const absl::StatusOr<Client*> client = invocation.Connect();
  if (!client.ok()) return client.status();
  v1::GetAccountRequest request;
  request.set_name(*name);
  const absl::StatusOr<v1::Account> account =
      (*client)->Call(&v1::Accounts::Stub::GetAccount, request);
  if (!account.ok()) {
    return WhileDoing(account.status(), "cannot show " + *name, *name);
  }
  invocation.Print(*account, [&account](const Style& style) {
    return AccountPage(*account, style);
  });
  return ExitCode::kDone;
}

Outcome Test(Invocation& invocation, const std::string& text) {
  const absl::StatusOr<std::string> name = ResourceName("accounts", text);
  if (!name.ok()) return name.status();
  const absl::StatusOr<Client*> client = invocation.Connect();
  if (!client.ok()) return client.status();
  v1::TestAccountRequest request;
  request.set_name(*name);
  const absl::StatusOr<v1::TestAccountResponse> response = (*client)->Call(
      &v1::Accounts::Stub::TestAccount, request, kOutsideCallTimeout);
  if (!response.ok()) {
    return WhileDoing(response.status(), "cannot test " + *name, *name);
  }
  invocation.Print(*response, [&response](const Style& style) {
    return TestPage(response->accepted(), response->findings(), style);
  });
  return response->accepted() ? ExitCode::kDone : ExitCode::kFailed;
}

Outcome Remove(Invocation& invocation, const std::string& text) {
  const absl::StatusOr<std::string> name = ResourceName("accounts", text);
  if (!name.ok()) return name.status();
  const absl::StatusOr<Client*> client = invocation.Connect();
  if (!client.ok()) return client.status();
  v1::DeleteAccountRequest request;
  request.set_name(*name);
  const absl::StatusOr<v1::DeleteAccountResponse> response =
      (*client)->Call(&v1::Accounts::Stub::DeleteAccount, request);
  if (!response.ok()) {
    return WhileDoing(response.status(), "cannot remove " + *name, *name);
  }
  invocation.Print(*response,
                   [&name](const Style&) { return "removed " + *name + "\n"; });
  return ExitCode::kDone;
}

void AddCommonOptions(CLI::App& command, Arguments& arguments) {
  AddPositional(command, "NAME", arguments.name, "How to call it", "NAME");
  command
      .add_option("--base-url", arguments.base_url,
                  "https address instead of the usual one, for rehearsal and "
                  "proxies")
      ->type_name("URL");
  command
      .add_option("--ca-file", arguments.ca_file,
                  "PEM certificates that its server must be signed by")
      ->type_name(kFileType);
}

void AddAddCommands(CLI::App& account, Invocation& invocation) {
  CLI::App& noun = *account.add_subcommand("add", "Makes an account known");
  noun.require_subcommand(1);
  const auto arguments = std::make_shared<Arguments>();

  CLI::App& celigo = AddCommand(
      noun, invocation, "celigo", "Adds a Celigo integrator.io account",
      {"keyturn account add celigo acme --credential acme-celigo",
       "keyturn account add celigo acme --credential acme-celigo --region eu"},
      [&invocation, arguments] { return AddCeligo(invocation, *arguments); });
  AddCommonOptions(celigo, *arguments);
  celigo
      .add_option("--credential", arguments->credential,
                  "The celigo-token credential it uses")
      ->type_name(kCredentialType)
      ->required();
  CLI::Option* region =
      celigo.add_option("--region", arguments->region, "Where it lives [us]")
          ->type_name("")
          ->check(CLI::IsMember({"us", "eu", "au", "ca"}));
  region->excludes("--base-url");

  CLI::App& netsuite = AddCommand(
      noun, invocation, "netsuite", "Adds a NetSuite account",
      {"keyturn account add netsuite acme-ns --account-id 1234567",
       "keyturn account add netsuite acme-ns --account-id 1234567_SB1 "
       "--credential acme-ns-tba"},
      [&invocation, arguments] { return AddNetSuite(invocation, *arguments); });
  AddCommonOptions(netsuite, *arguments);
  netsuite
      .add_option("--account-id", arguments->account_id,
                  "As NetSuite shows it, e.g. 1234567_SB1")
      ->type_name("ID")
      ->required();
  netsuite
      .add_option("--credential", arguments->credential,
                  "The netsuite-tba or netsuite-m2m credential it uses [none: "
                  "people do the NetSuite part]")
      ->type_name(kCredentialType);
}

}  // namespace

void AddAccountCommands(CLI::App& top, Invocation& invocation) {
  CLI::App& noun =
      AddNoun(top, "account", "Celigo and NetSuite accounts to work on");
  AddAddCommands(noun, invocation);
  const auto name = std::make_shared<std::string>();

  AddCommand(noun, invocation, "list", "Lists the accounts",
             {"keyturn account list"},
             [&invocation] { return List(invocation); });

  CLI::App& show =
      AddCommand(noun, invocation, "show", "Shows an account",
                 {"keyturn account show acme"},
                 [&invocation, name] { return Show(invocation, *name); });
  AddPositional(show, "NAME", *name, "The account", kAccountType);

  CLI::App& test = AddCommand(
      noun, invocation, "test",
      "Asks the outside system who we are there (exit code 1 when it refuses)",
      {"keyturn account test acme"},
      [&invocation, name] { return Test(invocation, *name); });
  AddPositional(test, "NAME", *name, "The account", kAccountType);

  CLI::App& remove = AddCommand(
      noun, invocation, "remove", "Forgets an account that nothing uses",
      {"keyturn account remove acme"},
      [&invocation, name] { return Remove(invocation, *name); });
  AddPositional(remove, "NAME", *name, "The account", kAccountType);
}

}  // namespace keyturn::cli
