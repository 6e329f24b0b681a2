#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "cli/commands/command.h"
#include "cli/commands/paging.h"
#include "cli/names.h"
#include "cli/output/resource_page.h"
#include "cli/secret_file.h"

namespace keyturn::cli {
namespace {

struct Arguments {
  std::string name;
  std::string kind;
  std::string from_file;
};

void PrintCredential(Invocation& invocation, const v1::Credential& credential) {
  invocation.Print(credential, [&credential](const Style& style) {
    return CredentialPage(credential, style);
  });
}

Outcome Add(Invocation& invocation, const Arguments& arguments) {
  const absl::StatusOr<std::string> name =
      ResourceName("credentials", arguments.name);
  if (!name.ok()) return name.status();
  const std::string doing = "cannot add " + *name;
  const v1::Credential::Kind kind = ParseKind(arguments.kind);
  const absl::StatusOr<Client*> client = invocation.Connect();
  if (!client.ok()) return client.status();
  v1::CreateCredentialRequest request;
  const MessageWiper wiper(request);
  absl::StatusOr<SecretValues> values =
      ReadSecret(SecretForm(kind), arguments.from_file, invocation.console());
  if (!values.ok()) return WhileDoing(values.status(), doing, *name);
  request.set_credential_id(ShortId(*name));
  Fill(kind, *values, *request.mutable_secret());
  const absl::StatusOr<v1::Credential> credential =
      (*client)->Call(&v1::Credentials::Stub::CreateCredential, request);
  if (!credential.ok()) return WhileDoing(credential.status(), doing, *name);
  PrintCredential(invocation, *credential);
  return ExitCode::kDone;
}

absl::StatusOr<v1::Credential> Get(Client& client, const std::string& name) {
  v1::GetCredentialRequest request;
  request.set_name(name);
  return client.Call(&v1::Credentials::Stub::GetCredential, request);
}

Outcome Rotate(Invocation& invocation, const Arguments& arguments) {
  const absl::StatusOr<std::string> name =
      ResourceName("credentials", arguments.name);
  if (!name.ok()) return name.status();
  const std::string doing = "cannot rotate " + *name;
  const absl::StatusOr<Client*> client = invocation.Connect();
  if (!client.ok()) return client.status();
  const absl::StatusOr<v1::Credential> present = Get(**client, *name);
  if (!present.ok()) return WhileDoing(present.status(), doing, *name);
  if (SecretForm(present->kind()).empty()) {
    return WhileDoing(absl::FailedPreconditionError(absl::StrCat(
                          "a credential of kind ", KindName(present->kind()),
                          " is made by a migration, not handed in")),
                      doing, *name);
  }
  v1::RotateCredentialRequest request;
  const MessageWiper wiper(request);
  absl::StatusOr<SecretValues> values = ReadSecret(
      SecretForm(present->kind()), arguments.from_file, invocation.console());
  if (!values.ok()) return WhileDoing(values.status(), doing, *name);
  request.set_name(*name);
  Fill(present->kind(), *values, *request.mutable_secret());
  const absl::StatusOr<v1::Credential> credential =
      (*client)->Call(&v1::Credentials::Stub::RotateCredential, request);
  if (!credential.ok()) return WhileDoing(credential.status(), doing, *name);
  PrintCredential(invocation, *credential);
  return ExitCode::kDone;
}

Outcome List(Invocation& invocation) {
  const absl::StatusOr<Client*> client = invocation.Connect();
  if (!client.ok()) return client.status();
  const absl::StatusOr<v1::ListCredentialsResponse> response =
      ListAll(**client, &v1::Credentials::Stub::ListCredentials, {});
  if (!response.ok()) {
    return WhileDoing(response.status(), "cannot list the credentials");
  }
  invocation.Print(*response, [&response](const Style& style) {
    return CredentialTable(
        {response->credentials().begin(), response->credentials().end()},
        style);
  });
  return ExitCode::kDone;
}

Outcome Show(Invocation& invocation, const std::string& text) {
  const absl::StatusOr<std::string> name = ResourceName("credentials", text);
  if (!name.ok()) return name.status();
  const absl::StatusOr<Client*> client = invocation.Connect();
  if (!client.ok()) return client.status();
  const absl::StatusOr<v1::Credential> credential = Get(**client, *name);
  if (!credential.ok()) {
    return WhileDoing(credential.status(), "cannot show " + *name, *name);
  }
  PrintCredential(invocation, *credential);
  return ExitCode::kDone;
}

Outcome Test(Invocation& invocation, const std::string& text) {
  const absl::StatusOr<std::string> name = ResourceName("credentials", text);
  if (!name.ok()) return name.status();
  const absl::StatusOr<Client*> client = invocation.Connect();
  if (!client.ok()) return client.status();
  v1::TestCredentialRequest request;
  request.set_name(*name);
  const absl::StatusOr<v1::TestCredentialResponse> response = (*client)->Call(
      &v1::Credentials::Stub::TestCredential, request, kOutsideCallTimeout);
  if (!response.ok()) {
    return WhileDoing(response.status(), "cannot test " + *name, *name);
  }
  invocation.Print(*response, [&response](const Style& style) {
    return TestPage(response->accepted(), response->findings(), style);
  });
  return response->accepted() ? ExitCode::kDone : ExitCode::kFailed;
}

Outcome Delete(Invocation& invocation, const std::string& text) {
  const absl::StatusOr<std::string> name = ResourceName("credentials", text);
  if (!name.ok()) return name.status();
  const absl::StatusOr<Client*> client = invocation.Connect();
  if (!client.ok()) return client.status();
  v1::DeleteCredentialRequest request;
  request.set_name(*name);
  const absl::StatusOr<v1::DeleteCredentialResponse> response =
      (*client)->Call(&v1::Credentials::Stub::DeleteCredential, request);
  if (!response.ok()) {
    return WhileDoing(response.status(), "cannot delete " + *name, *name);
  }
  invocation.Print(*response,
                   [&name](const Style&) { return "deleted " + *name + "\n"; });
  return ExitCode::kDone;
}

void AddFromFile(CLI::App& command, Arguments& arguments) {
  command
      .add_option("--from-file", arguments.from_file,
                  "JSON file with the secret, - for standard input [asks on "
                  "the terminal]")
      ->type_name(kFileType);
}

void AddWritingCommands(CLI::App& noun, Invocation& invocation) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App& add = AddCommand(
      noun, invocation, "add",
      "Hands a secret to the daemon, which keeps it sealed and never gives it "
      "out",
      {"keyturn credential add acme-celigo --kind celigo-token",
       "keyturn credential add acme-ns --kind netsuite-tba --from-file "
       "tba.json",
       "pass show celigo | keyturn credential add acme-celigo --kind "
       "celigo-token --from-file -",
       "", "What the file holds, by kind:", "celigo-token    {\"token\"}",
       "netsuite-tba    {\"consumerKey\", \"consumerSecret\", \"tokenId\", "
       "\"tokenSecret\"}",
       "netsuite-m2m    {\"clientId\", \"certificateId\", \"privateKeyPem\"}",
       "netsuite-login  {\"email\", \"password\"}"},
      [&invocation, arguments] { return Add(invocation, *arguments); });
  AddPositional(add, "NAME", arguments->name, "How to call it", "NAME");
  add.add_option("--kind", arguments->kind, "What it is")
      ->type_name("")
      ->required()
      ->check(CLI::IsMember(
          {"celigo-token", "netsuite-tba", "netsuite-m2m", "netsuite-login"}));
  AddFromFile(add, *arguments);

  CLI::App& rotate = AddCommand(
      noun, invocation, "rotate",
      "Adds a version, which is used from now on; the former one is kept",
      {"keyturn credential rotate acme-celigo",
       "keyturn credential rotate acme-celigo --from-file token.json"},
      [&invocation, arguments] { return Rotate(invocation, *arguments); });
  AddPositional(rotate, "NAME", arguments->name, "The credential",
                kCredentialType);
  AddFromFile(rotate, *arguments);
}

}  // namespace

void AddCredentialCommands(CLI::App& top, Invocation& invocation) {
  CLI::App& noun = AddNoun(top, "credential", "Secrets that the daemon keeps");
  AddWritingCommands(noun, invocation);
  const auto name = std::make_shared<std::string>();

  AddCommand(noun, invocation, "list", "Lists the credentials",
             {"keyturn credential list", "keyturn credential list -o json"},
             [&invocation] { return List(invocation); });

  CLI::App& show = AddCommand(
      noun, invocation, "show", "Shows a credential and its versions",
      {"keyturn credential show acme-celigo"},
      [&invocation, name] { return Show(invocation, *name); });
  AddPositional(show, "NAME", *name, "The credential", kCredentialType);

  CLI::App& test = AddCommand(
      noun, invocation, "test",
      "Uses a credential once and tells whether it is accepted (exit code 1 "
      "when it is not)",
      {"keyturn credential test acme-celigo"},
      [&invocation, name] { return Test(invocation, *name); });
  AddPositional(test, "NAME", *name, "The credential", kCredentialType);

  CLI::App& remove = AddCommand(
      noun, invocation, "delete", "Erases a credential that nothing uses",
      {"keyturn credential delete acme-old"},
      [&invocation, name] { return Delete(invocation, *name); });
  AddPositional(remove, "NAME", *name, "The credential", kCredentialType);
}

}  // namespace keyturn::cli
