#ifndef KEYTURN_CLI_CONTEXT_H_
#define KEYTURN_CLI_CONTEXT_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/console.h"
#include "cli/wipe.h"

namespace keyturn::cli {

// A daemon and how to talk to it.
struct Context {
  std::string name;
  // "127.0.0.1:7443", or "unix:/path/of/socket".
  std::string server;
  // The name that the server's certificate must bear. TLS only, as the three
  // below, which are PEM.
  std::string server_name;
  std::string authority;
  std::string certificate;
  SecretText key;

  bool OverUnixSocket() const { return server.rfind("unix:", 0) == 0; }
};

// The file of contexts, as `keyturnd init` writes it:
//
//   currentContext: default
//   contexts:
//     - name: default
//       server: 127.0.0.1:7443
//       serverName: keyturnd
//       ca: |  (PEM)
//       certificate: |  (PEM)
//       key: |  (PEM)
//
// Not thread-safe.
class ContextFile {
 public:
  // $XDG_CONFIG_HOME/keyturn/config.yaml, or ~/.config/keyturn/config.yaml.
  static std::string DefaultPath(const Console& console);

  // InvalidArgument when the file does not exist, cannot be read, is larger
  // than 1 MiB, holds a key and can be read by anybody but its owner (mode 0600
  // or stricter is required), or breaks the format; the latter as
  // "FILE:LINE: field: what is allowed".
  static absl::StatusOr<ContextFile> Read(const std::string& path);

  const std::string& path() const { return path_; }
  const std::string& current() const { return current_; }
  const std::vector<Context>& contexts() const { return contexts_; }

  // As Read, or a file without contexts when there is none yet; its directory
  // is made then (mode 0700).
  static absl::StatusOr<ContextFile> ReadOrNew(const std::string& path);

  // The context of this name, or the current one for "". InvalidArgument when
  // there is none. The pointer lives as long as this object is unchanged.
  absl::StatusOr<const Context*> Find(std::string_view name) const;

  // Make `name` the current context, or forget it (also as the current one).
  // InvalidArgument when there is no such context. Durable only after Write.
  absl::Status Use(const std::string& name);
  absl::Status Remove(const std::string& name);

  // Adds a context and makes it the current one. InvalidArgument when its name
  // is taken. Durable only after Write.
  absl::Status Add(Context context);
  // Takes the place of the context of the same name, if there is one.
  void Replace(Context context);
  absl::Status CheckFree(const std::string& name) const;
  // `name`, or "name-2" and so on where that is taken.
  std::string FreeName(const std::string& name) const;

  // Replaces the file as a whole, mode 0600. Internal with the system's reason
  // when it cannot; the former file is then still there.
  absl::Status Write() const;

 private:
  std::string path_;
  std::string current_;
  std::vector<Context> contexts_;
};

// While it lives, no other run of the program changes the file of contexts. A
// file is read, changed and written under it; reading alone needs none.
class ContextLock {
 public:
  // Waits for others. Internal with the system's reason when the file's
  // directory, which is made when it is not there, cannot be locked.
  static absl::StatusOr<std::unique_ptr<ContextLock>> Take(
      const std::string& path);
  // As Take, but null when another run holds it.
  static absl::StatusOr<std::unique_ptr<ContextLock>> TryTake(
      const std::string& path);
  ~ContextLock();
  ContextLock(const ContextLock&) = delete;
  ContextLock& operator=(const ContextLock&) = delete;

 private:
  explicit ContextLock(int directory) : directory_(directory) {}
  static absl::StatusOr<std::unique_ptr<ContextLock>> Lock(
      const std::string& path, bool wait);

  const int directory_;
};

}  // namespace keyturn::cli

#endif  // KEYTURN_CLI_CONTEXT_H_
