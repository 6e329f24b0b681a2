#ifndef KEYTURN_CLI_SECRET_FILE_H_
#define KEYTURN_CLI_SECRET_FILE_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/console.h"
#include "cli/wipe.h"
#include "keyturn/v1/credentials.pb.h"
#include "keyturn/v1/tasks.pb.h"

namespace keyturn::cli {

// Secrets come in from a JSON file, from standard input or from a prompt
// without echo; never from an argument or the environment, which other
// processes can see.

// One value that a secret consists of.
struct SecretField {
  // As the file calls it: "tokenId".
  std::string_view key;
  // As the prompt calls it.
  std::string_view label;
  // An e-mail address may be seen while it is typed; a password may not.
  Echo echo = Echo::kOff;
  // The prompt asks for a file that holds the value: a PEM key has lines.
  bool asked_as_file = false;
};

using SecretValues = std::map<std::string, SecretText, std::less<>>;

// Reads exactly the values of `form` as strings from `file` (a path, or "-" for
// standard input), or, when `file` is empty, asks for them on the terminal.
//
// InvalidArgument for a file that is longer than 64 KiB, is no JSON object of
// strings, or has a key too many, twice or too few, naming file, line and key.
// No error repeats a value. InvalidArgument too when there is neither a file
// nor a terminal; Cancelled when the person broke off.
absl::StatusOr<SecretValues> ReadSecret(const std::vector<SecretField>& form,
                                        const std::string& file,
                                        Console& console);

// The same for a text; `name` is what errors call it.
absl::StatusOr<SecretValues> ParseSecret(const std::vector<SecretField>& form,
                                         const std::string& text,
                                         const std::string& name);

// What a credential of this kind consists of; empty for a kind that nobody
// hands in (CONNECTION_TOKEN).
const std::vector<SecretField>& SecretForm(v1::Credential::Kind kind);

// What `task submit` takes: the token id and secret.
const std::vector<SecretField>& TokenForm();

// "celigo-token" and its like; KIND_UNSPECIFIED for anything else.
v1::Credential::Kind ParseKind(std::string_view text);

// Copies the values of SecretForm(kind) into the message.
void Fill(v1::Credential::Kind kind, const SecretValues& values,
          v1::CredentialSecret& secret);

// Copies the values of TokenForm() into the message.
void Fill(const SecretValues& values, v1::SubmitTaskSecretRequest& request);

}  // namespace keyturn::cli

#endif  // KEYTURN_CLI_SECRET_FILE_H_
