#include <algorithm>
#include <memory>

#include "absl/strings/str_cat.h"
#include "cli/commands/command.h"
#include "cli/output/resource_page.h"
#include "cli/wipe.h"

namespace keyturn::cli {
namespace {

constexpr size_t kPassphraseFileBytesMax = 8 * 1024;

void PrintStatus(Invocation& invocation, const v1::VaultStatus& status) {
  invocation.Print(status, [&status](const Style& style) {
    return VaultPage(status, style);
  });
}

// The next line of `text`, which is left without it.
SecretText TakeLine(std::string& text) {
  const size_t end = std::min(text.find('\n'), text.size());
  SecretText line(text.substr(0, end));
  text.erase(0, std::min(end + 1, text.size()));
  return line;
}

// Fills in what the daemon needs: from lines of the file, or of standard input
// where that is no terminal, or from prompts; the current passphrase first.
absl::Status ReadPassphrases(const v1::VaultStatus& vault,
                             const std::string& file, Console& console,
                             v1::UnsealRequest& request) {
  absl::StatusOr<SecretText> text = SecretText();
  const bool asks = file.empty() && console.InIsTerminal();
  if (!asks) {
    text = file.empty() || file == "-"
               ? console.ReadIn(kPassphraseFileBytesMax)
               : ReadFile(file, kPassphraseFileBytesMax);
    if (!text.ok()) return text.status();
  }
  const auto next = [&](std::string_view question) {
    return asks ? console.Ask(question, Echo::kOff)
                : absl::StatusOr<SecretText>(TakeLine(text->Reveal()));
  };
  if (vault.needs_passphrase()) {
    const absl::StatusOr<SecretText> given = next("Passphrase (not shown): ");
    if (!given.ok()) return given.status();
    request.set_passphrase(given->Reveal());
  }
  if (vault.needs_previous_passphrase()) {
    const absl::StatusOr<SecretText> given =
        next("Former passphrase (not shown): ");
    if (!given.ok()) return given.status();
    request.set_previous_passphrase(given->Reveal());
  }
  return absl::OkStatus();
}

Outcome Seal(Invocation& invocation) {
  const absl::StatusOr<Client*> client = invocation.Connect();
  if (!client.ok()) return client.status();
  v1::SealRequest request;
  const absl::StatusOr<v1::VaultStatus> status =
      (*client)->Call(&v1::Admin::Stub::Seal, request);
  if (!status.ok()) return WhileDoing(status.status(), "cannot seal");
  PrintStatus(invocation, *status);
  return ExitCode::kDone;
}

Outcome Unseal(Invocation& invocation, const std::string& from_file) {
  const absl::StatusOr<Client*> client = invocation.Connect();
  if (!client.ok()) return client.status();
  v1::GetServerInfoRequest question;
  const absl::StatusOr<v1::ServerInfo> server =
      (*client)->Call(&v1::Admin::Stub::GetServerInfo, question);
  if (!server.ok()) return WhileDoing(server.status(), "cannot unseal");
  const v1::VaultStatus& vault = server->vault();
  v1::UnsealRequest request;
  const MessageWiper wiper(request);
  if (vault.sealed() &&
      (vault.needs_passphrase() || vault.needs_previous_passphrase())) {
    const absl::Status read =
        ReadPassphrases(vault, from_file, invocation.console(), request);
    if (!read.ok()) return WhileDoing(read, "cannot unseal");
  }
  const absl::StatusOr<v1::VaultStatus> status =
      (*client)->Call(&v1::Admin::Stub::Unseal, request);
  if (!status.ok()) return WhileDoing(status.status(), "cannot unseal");
  PrintStatus(invocation, *status);
  return ExitCode::kDone;
}

Outcome RotateKey(Invocation& invocation, bool root) {
  const absl::StatusOr<Client*> client = invocation.Connect();
  if (!client.ok()) return client.status();
  v1::RotateKeyRequest request;
  request.set_root(root);
  const absl::StatusOr<v1::VaultStatus> status =
      (*client)->Call(&v1::Admin::Stub::RotateKey, request);
  if (!status.ok()) return WhileDoing(status.status(), "cannot rotate the key");
  PrintStatus(invocation, *status);
  return ExitCode::kDone;
}

Outcome Status(Invocation& invocation) {
  const absl::StatusOr<Client*> client = invocation.Connect();
  if (!client.ok()) return client.status();
  v1::GetServerInfoRequest request;
  const absl::StatusOr<v1::ServerInfo> server =
      (*client)->Call(&v1::Admin::Stub::GetServerInfo, request);
  if (!server.ok()) {
    return WhileDoing(server.status(), "cannot ask how the vault stands");
  }
  PrintStatus(invocation, server->vault());
  return ExitCode::kDone;
}

}  // namespace

void AddAdminCommands(CLI::App& top, Invocation& invocation) {
  CLI::App& noun =
      AddNoun(top, "admin",
              "The daemon's own keys and store: seal, unseal, rotate, back up");
  AddCommand(noun, invocation, "status",
             "Tells whether the daemon is sealed, and under which keys the "
             "credentials rest",
             {"keyturn admin status", "keyturn admin status -o json"},
             [&invocation] { return Status(invocation); });
  AddCommand(noun, invocation, "seal",
             "Drops the keys of the stored credentials from the daemon's "
             "memory; migrations stand still until it is unsealed",
             {"keyturn admin seal"},
             [&invocation] { return Seal(invocation); });
  const auto root = std::make_shared<bool>(false);
  AddCommand(noun, invocation, "rotate-key",
             "Makes a new data key; what is stored is sealed again under it in "
             "the background (admin status tells how far that is)",
             {"keyturn admin rotate-key", "keyturn admin rotate-key --root"},
             [&invocation, root] { return RotateKey(invocation, *root); })
      .add_flag("--root", *root,
                "Wrap the data keys by the root key that the daemon's "
                "configuration names now, instead");
  const auto from_file = std::make_shared<std::string>();
  CLI::App& unseal = AddCommand(
      noun, invocation, "unseal",
      "Lets the daemon read its root key again; everything goes on. Where the "
      "root key comes from a passphrase, it is asked for",
      {"keyturn admin unseal", "pass show keyturn | keyturn admin unseal",
       "keyturn admin unseal --from-file passphrase.txt"},
      [&invocation, from_file] { return Unseal(invocation, *from_file); });
  unseal
      .add_option("--from-file", *from_file,
                  "File with the passphrase in its first line (and the former "
                  "one in the second), - for standard input [asks on the "
                  "terminal]")
      ->type_name(kFileType);
  AddBackUpCommands(noun, invocation);
}

}  // namespace keyturn::cli
