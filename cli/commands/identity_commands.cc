#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "cli/commands/command.h"
#include "cli/commands/paging.h"
#include "cli/errors.h"
#include "cli/identity/certificates.h"
#include "cli/identity/invitation_token.h"
#include "cli/names.h"
#include "cli/output/resource_page.h"
#include "cli/output/text.h"

namespace keyturn::cli {
namespace {

// The name in every daemon's certificate.
constexpr char kServerName[] = "keyturnd";
constexpr absl::Duration kFetchTimeout = absl::Seconds(15);

struct InviteArguments {
  std::string name;
  std::vector<std::string> roles;
  std::vector<std::string> accounts;
  std::string ttl;
  int uses = 1;
};

struct EnrollArguments {
  std::string server;
  std::string token_file;
  std::string name;
};

// What the id of an identity may hold is the daemon's business: an address, for
// example, is no resource name elsewhere.
std::string IdentityName(const std::string& text) {
  return absl::StrCat("identities/", ShortId(text));
}

absl::StatusOr<v1::InviteIdentityRequest> MakeRequest(
    const InviteArguments& arguments) {
  v1::InviteIdentityRequest request;
  request.set_identity_id(ShortId(arguments.name));
  for (const std::string& role : arguments.roles) request.add_roles(role);
  for (const std::string& account : arguments.accounts) {
    request.add_accounts(account);
  }
  request.set_uses(arguments.uses);
  if (arguments.ttl.empty()) return request;
  absl::Duration ttl;
  if (!absl::ParseDuration(arguments.ttl, &ttl) || ttl < absl::Seconds(1)) {
    return UsageError("--ttl must be a time such as 30m or 24h");
  }
  request.mutable_ttl()->set_seconds(absl::ToInt64Seconds(ttl));
  return request;
}

// To standard output goes the token alone, so that it can be sent to a file;
// what a person should know goes beside it.
void PrintInvitation(Invocation& invocation, const v1::Invitation& invitation) {
  invocation.Print(invitation, [&invitation](const Style&) {
    return invitation.token() + "\n";
  });
  if (invocation.format() != OutputFormat::kTable) return;
  invocation.console().Write(
      Stream::kError,
      absl::StrCat("This invitation for ",
                   OneLine(ShortId(invitation.identity())), " (",
                   OneLine(absl::StrJoin(invitation.roles(), ", ")),
                   ") is open until ", FormatInstant(invitation.expire_time()),
                   " and is shown only now. Hand it over where nobody listens; "
                   "there:\n  keyturn enroll HOST:PORT --token-from FILE\n"));
}

Outcome Invite(Invocation& invocation, const InviteArguments& arguments) {
  absl::StatusOr<v1::InviteIdentityRequest> request = MakeRequest(arguments);
  if (!request.ok()) return request.status();
  const absl::StatusOr<Client*> client = invocation.Connect();
  if (!client.ok()) return client.status();
  absl::StatusOr<v1::Invitation> invitation =
      (*client)->Call(&v1::Access::Stub::InviteIdentity, *request);
  if (!invitation.ok()) {
    return WhileDoing(invitation.status(), "cannot invite " + arguments.name);
  }
  const MessageWiper wiper(*invitation);
  PrintInvitation(invocation, *invitation);
  return ExitCode::kDone;
}

Outcome List(Invocation& invocation) {
  const absl::StatusOr<Client*> client = invocation.Connect();
  if (!client.ok()) return client.status();
  const absl::StatusOr<v1::ListIdentitiesResponse> response =
      ListAll(**client, &v1::Access::Stub::ListIdentities, {});
  if (!response.ok()) {
    return WhileDoing(response.status(), "cannot list the identities");
  }
  invocation.Print(*response, [&response](const Style& style) {
    return IdentityTable(*response, absl::Now(), style);
  });
  return ExitCode::kDone;
}

Outcome Revoke(Invocation& invocation, const std::string& text) {
  const std::string name = IdentityName(text);
  const absl::StatusOr<Client*> client = invocation.Connect();
  if (!client.ok()) return client.status();
  v1::RevokeIdentityRequest request;
  request.set_name(name);
  const absl::StatusOr<v1::Identity> identity =
      (*client)->Call(&v1::Access::Stub::RevokeIdentity, request);
  if (!identity.ok()) {
    return WhileDoing(identity.status(), "cannot revoke " + name, name);
  }
  invocation.Print(*identity, [&name](const Style&) {
    return "revoked " + OneLine(name) +
           ": its certificates and invitations are refused from now on\n";
  });
  return ExitCode::kDone;
}

// The host of "HOST:PORT": what a context is called unless told otherwise.
std::string HostOf(const std::string& server) {
  return server.substr(0, server.rfind(':'));
}

// A context with a certificate for a key that was made here.
absl::StatusOr<Context> Enrolled(Invocation& invocation,
                                 const EnrollArguments& arguments,
                                 const InvitationToken& token) {
  Context context;
  context.name =
      arguments.name.empty() ? HostOf(arguments.server) : arguments.name;
  context.server = arguments.server;
  context.server_name = kServerName;
  absl::StatusOr<std::string> authority =
      FetchAuthority(context.server, token.ca_fingerprint, kFetchTimeout);
  if (!authority.ok()) return authority.status();
  context.authority = *std::move(authority);
  absl::StatusOr<KeyAndRequest> own = MakeKeyAndRequest();
  if (!own.ok()) return own.status();
  const absl::StatusOr<std::unique_ptr<Client>> client =
      invocation.ConnectTo(context);
  if (!client.ok()) return client.status();
  v1::EnrollRequest request;
  const MessageWiper wiper(request);
  request.set_token(token.text.Reveal());
  request.set_certificate_request_pem(own->request_pem);
  const absl::StatusOr<v1::IssuedCertificate> issued =
      (*client)->Call(&v1::Access::Stub::Enroll, request);
  if (!issued.ok()) return issued.status();
  if (const absl::Status fits =
          CheckPair(issued->certificate_pem(), own->key_pem);
      !fits.ok()) {
    return absl::InternalError(
        absl::StrCat("the daemon's answer is of no use: ", fits.message()));
  }
  context.certificate = issued->certificate_pem();
  if (!issued->ca_pem().empty()) context.authority = issued->ca_pem();
  context.key = std::move(own->key_pem);
  return context;
}

Outcome Enroll(Invocation& invocation, const EnrollArguments& arguments) {
  const std::string what = "cannot enroll at " + arguments.server;
  const absl::StatusOr<InvitationToken> token =
      ReadToken(arguments.token_file, invocation.console());
  if (!token.ok()) return WhileDoing(token.status(), what);
  // Everything that can go wrong here is tried before the invitation is used.
  const absl::StatusOr<std::unique_ptr<ContextLock>> lock =
      ContextLock::Take(invocation.context_path());
  if (!lock.ok()) return WhileDoing(lock.status(), what);
  absl::StatusOr<ContextFile> file =
      ContextFile::ReadOrNew(invocation.context_path());
  if (!file.ok()) return WhileDoing(file.status(), what);
  EnrollArguments named = arguments;
  named.name = arguments.name.empty() ? file->FreeName(HostOf(arguments.server))
                                      : arguments.name;
  if (const absl::Status free = file->CheckFree(named.name); !free.ok()) {
    return WhileDoing(free, what);
  }
  if (const absl::Status writable = file->Write(); !writable.ok()) {
    return WhileDoing(writable, what);
  }
  absl::StatusOr<Context> context = Enrolled(invocation, named, *token);
  if (!context.ok()) return WhileDoing(context.status(), what);
  nlohmann::ordered_json value = {{"context", context->name},
                                  {"server", context->server},
                                  {"file", file->path()}};
  absl::Status stored = file->Add(*std::move(context));
  if (stored.ok()) stored = file->Write();
  if (!stored.ok()) return WhileDoing(stored, what);
  invocation.Print(value, [&](const Style&) {
    return absl::StrCat("enrolled; now using the context ", OneLine(named.name),
                        " in ", file->path(), "\n");
  });
  return ExitCode::kDone;
}

void AddInvite(CLI::App& noun, Invocation& invocation) {
  const auto arguments = std::make_shared<InviteArguments>();
  CLI::App& invite = AddCommand(
      noun, invocation, "invite",
      "Writes a token with which somebody gets a certificate, once",
      {"keyturn identity invite bob@acme.example --role operator > token",
       "keyturn identity invite ci --role automation --account acme "
       "--account acme-ns --ttl 10m",
       "keyturn identity invite eve --role approver --role reader"},
      [&invocation, arguments] { return Invite(invocation, *arguments); });
  AddPositional(invite, "NAME", arguments->name,
                "How the daemon is to call the caller", kIdentityType);
  invite
      .add_option("--role", arguments->roles,
                  "administrator, operator, approver, auditor, automation or "
                  "reader; may be repeated")
      ->type_name("ROLE")
      ->required()
      ->allow_extra_args(false);
  invite
      .add_option("--account", arguments->accounts,
                  "For the role automation: the only accounts that it may use "
                  "and see [all]; may be repeated")
      ->type_name("ACCOUNT")
      ->allow_extra_args(false);
  invite
      .add_option("--ttl", arguments->ttl,
                  "How long it is open, at most 168h [1h]")
      ->type_name("TIME");
  invite
      .add_option("--uses", arguments->uses,
                  "How many certificates it is good for, at most 100 [1]")
      ->type_name("COUNT");
}

void AddEnroll(CLI::App& top, Invocation& invocation) {
  const auto arguments = std::make_shared<EnrollArguments>();
  CLI::App& enroll = AddCommand(
      top, invocation, "enroll",
      "Turns an invitation into a certificate and a context; the key is made "
      "here and stays here",
      {"keyturn enroll keyturn.acme.example:7443 --token-from token",
       "keyturn enroll 127.0.0.1:7443 --token-from - --name production"},
      [&invocation, arguments] { return Enroll(invocation, *arguments); });
  AddPositional(enroll, "SERVER", arguments->server, "Where the daemon listens",
                "HOST:PORT");
  enroll
      .add_option("--token-from", arguments->token_file,
                  "File with the token, or - for standard input")
      ->type_name(kFileType)
      ->required();
  enroll
      .add_option("--name", arguments->name,
                  "How to call the context [the host]")
      ->type_name("NAME");
}

}  // namespace

void AddIdentityCommands(CLI::App& top, Invocation& invocation) {
  AddEnroll(top, invocation);
  CLI::App& noun =
      AddNoun(top, "identity", "Who may call the daemon over the network");
  AddInvite(noun, invocation);
  AddCommand(noun, invocation, "list",
             "Lists who has a certificate or an invitation",
             {"keyturn identity list", "keyturn -o json identity list"},
             [&invocation] { return List(invocation); });
  const auto name = std::make_shared<std::string>();
  CLI::App& revoke = AddCommand(
      noun, invocation, "revoke",
      "Refuses all certificates of a name from now on, on open streams too",
      {"keyturn identity revoke bob@acme.example"},
      [&invocation, name] { return Revoke(invocation, *name); });
  AddPositional(revoke, "NAME", *name, "Whose", kIdentityType);
}

}  // namespace keyturn::cli
