// The daemon's configuration file:
//
//   dataDir: .                        # where the store is
//   listen:
//     tcp: 127.0.0.1:7443             # with TLS; this or unix or both
//     unix: keyturnd.sock
//   unix:                             # who else may connect to the socket
//     peers:                          # by number or by name
//       - {uid: 1001, roles: [operator]}
//       - {user: ann, roles: [reader, approver]}
//       - {user: ci, roles: [automation], accounts: [acme, acme-ns]}
//     group: keyturn-operators        # else everybody is asked for the user id
//   tls:
//     ca: ca.pem                      # whose callers are let in
//     certificate: server.pem
//     key: server-key.pem
//     caKey: ca-key.pem               # signs callers' certificates; without it
//                                     # somebody else gives them out
//     outsideCa:                      # an authority of your own beside it
//       file: acme-ca.pem
//       identities:                   # by SPIFFE id; /* at the end: all below
//         - {spiffeId: "spiffe://acme.example/ops/ann", roles: [operator]}
//         - {spiffeId: "spiffe://acme.example/ci/*", roles: [automation],
//            accounts: [acme, acme-ns]}
//   rootKey:                          # one of the three, see vault/root_key.h
//     file: root.key
//     systemdCredential: keyturn-root
//     passphrase: {file: root.scrypt}
//     previous: {file: former.key}    # while the root key is changed; as above
//   outside:
//     allowedHosts: [api.integrator.io]
//   log:
//     level: info                     # debug, info, warning, error
//   audit:
//     checkpoints: audit-checkpoints  # the trail's second place, see audit/
//     checkpointSeconds: 60
//   limits:
//     stopSeconds: 10                 # how long running calls may take to end
//     lockedMemoryKib: 4096           # what secrets must get; 0: nothing
//
// Relative paths are relative to the file. Unknown keys are errors. Names of
// users and groups are looked up when the file is read.
#ifndef KEYTURN_DAEMON_APP_CONFIG_H_
#define KEYTURN_DAEMON_APP_CONFIG_H_

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "daemon/access/identity.h"
#include "daemon/access/spiffe.h"
#include "daemon/app/log.h"
#include "daemon/audit/checkpointer.h"
#include "daemon/secret/memory.h"
#include "daemon/vault/root_key.h"

namespace keyturn::app {

inline constexpr int kStopSecondsDefault = 10;
inline constexpr int kStopSecondsMax = 3600;
// Some thousand credentials' worth. A process that may lock less must be told
// so by its configuration.
inline constexpr int kLockedMemoryKibDefault = 4096;
inline constexpr int kLockedMemoryKibMax = secret::kArenaBytesMax >> 10;
inline constexpr int kCheckpointSecondsMax = 24 * 3600;
// Mistakes that are told at once.
inline constexpr size_t kMistakesToldMax = 20;

// Where outside calls may go unless the configuration says otherwise: the
// vendors' own API hosts.
const std::vector<std::string>& DefaultAllowedHosts();

// Whose certificates are let in beside those of tls.ca.
struct OutsideCaConfig {
  // Empty: there is none.
  std::string file;
  access::SpiffeGrants grants;
};

struct Config {
  // The file that was read.
  std::string path;
  // Absolute, as all paths here.
  std::string data_dir;
  // "HOST:PORT"; empty: no TCP.
  std::string listen_tcp;
  // Empty: no unix socket.
  std::string listen_unix;
  // Beside the daemon's own user and root.
  access::UnixPeers unix_peers;
  // None: the socket's file belongs to the daemon's own group.
  std::optional<gid_t> unix_group;
  // The first three with TCP, else empty.
  std::string tls_ca;
  std::string tls_certificate;
  std::string tls_key;
  // Empty: nobody can enrol.
  std::string tls_ca_key;
  OutsideCaConfig outside_ca;
  vault::RootKeySources root_key;
  std::vector<std::string> allowed_hosts = DefaultAllowedHosts();
  LogLevel log_level = LogLevel::kInfo;
  std::string audit_checkpoints;
  absl::Duration checkpoint_interval = audit::kCheckpointInterval;
  absl::Duration stop_deadline = absl::Seconds(kStopSecondsDefault);
  // See secret::RequireLockedMemory.
  size_t locked_memory_bytes = size_t{kLockedMemoryKibDefault} << 10;

  // The database below the data directory.
  std::string StorePath() const;
};

// InvalidArgument with one line for each mistake, "FILE:LINE: key: what is
// wrong and what is allowed"; else as of ReadFile, and as of
// RefuseIfOthersMayWrite for the file and the data directory.
absl::StatusOr<Config> ReadConfig(const std::string& path);

// Of the same file tls.outsideCa alone, for a daemon that runs; errors as
// above, but other keys are not looked at.
absl::StatusOr<OutsideCaConfig> ReadOutsideCa(const std::string& path);

// As ReadConfig for a text; `path` is the file's name in messages and the start
// of relative paths.
absl::StatusOr<Config> ParseConfig(const std::string& text,
                                   const std::string& path);

}  // namespace keyturn::app

#endif  // KEYTURN_DAEMON_APP_CONFIG_H_
