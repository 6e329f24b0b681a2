// `keyturnd init`: everything that a new daemon needs.
#ifndef KEYTURN_DAEMON_APP_INIT_H_
#define KEYTURN_DAEMON_APP_INIT_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "daemon/secret/secret.h"
#include "daemon/vault/root_key.h"

namespace keyturn::app {

// The name in the first administrator's certificate.
inline constexpr char kFirstAdministrator[] = "admin";

struct InitOptions {
  std::string data_dir;
  // Port 0: a free one is chosen and written down.
  std::string tcp = "127.0.0.1:7443";
  // Empty: keyturnd.sock in the data directory, unless that path is too long.
  std::string unix_path;
  // Added to the default list.
  std::vector<std::string> allowed_hosts;
  // Empty: the user's own file.
  std::string context_out;
  // Empty: the root key is a file.
  secret::Secret passphrase;
};

// Makes in `data_dir`, which must be empty or not be there:
//
//   keyturnd.yaml                  the configuration
//   ca.pem, ca-key.pem             the authority that signs all certificates
//   server.pem, server-key.pem
//   root.key                       what the vault hangs on; with a passphrase
//                                  root.scrypt, how the key comes from it
//   store/                         an empty store with its data key
//
// and then a context with the first administrator's certificate. Everything is
// durable on return, files with mode 0600, directories with 0700. Returns what
// was made and what to do next, as text for the person who called.
//
// FailedPrecondition when the directory is not empty; InvalidArgument, naming
// the option, for a value that is wrong; else what the system refuses. After an
// error everything that was made is gone again.
absl::StatusOr<std::string> Init(const InitOptions& options, absl::Time now);

// Makes a new root key where `source` says, which must not be there yet;
// durable on return. The passphrase is for a source of that kind:
// InvalidArgument (PASSPHRASE_WEAK).
absl::Status MakeRootKey(const vault::RootKeySource& source,
                         const secret::Secret& passphrase);

}  // namespace keyturn::app

#endif  // KEYTURN_DAEMON_APP_INIT_H_
