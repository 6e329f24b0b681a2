// Back-ups: a copy of the store that nobody reads, changes or cuts without the
// root key.
//
// The file, format 1: a line of text,
//
//     keyturn back-up 1 ID SECONDS
//
// (ID: 16 characters; SECONDS: when it was made, since 1970), then frames. A
// frame is the length of an envelope, 4 bytes, big endian, and the envelope
// (see sealing.h). The first one holds a key of this back-up alone and is
// sealed under the root key; the others are sealed under that key. They hold
// the copy, piece by piece; the last one is empty. Each envelope's identity
// names the line, the frame's number, and whether it is the last: so none can
// be left out, moved, or put in from another back-up.
#ifndef KEYTURN_DAEMON_VAULT_BACK_UP_H_
#define KEYTURN_DAEMON_VAULT_BACK_UP_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "daemon/secret/secret.h"
#include "daemon/vault/root_key.h"

namespace keyturn::vault {

// What one frame holds of the copy.
inline constexpr size_t kBackUpPieceBytesMax = 64 * 1024;

// Seals a copy, piece by piece. Not thread-safe.
class BackUpSealer {
 public:
  static absl::StatusOr<BackUpSealer> Make(const RootKey& root_key,
                                           absl::Time now);

  // What the file begins with; once.
  std::string TakeHead() { return std::move(head_); }
  // The frame of the next piece, 1 to kBackUpPieceBytesMax bytes.
  absl::StatusOr<std::string> Seal(std::string_view piece);
  // The last frame.
  absl::StatusOr<std::string> End();

 private:
  BackUpSealer() = default;

  std::string line_;
  std::string head_;
  std::string id_;
  secret::Secret key_;
  int64_t frames_ = 0;
};

// Opens what is sealed under one of the root keys: FailedPrecondition
// (WRONG_ROOT_KEY) for another one, DataLoss when it was altered.
absl::StatusOr<secret::Secret> OpenUnderRoot(const RootKeys& root_keys,
                                             std::string_view envelope,
                                             std::string_view identity);

// Opens a back-up as it comes. Not thread-safe. After an error it is of no use.
class BackUpOpener {
 public:
  // As OpenUnderRoot.
  using KeyOpener = std::function<absl::StatusOr<secret::Secret>(
      std::string_view envelope, std::string_view identity)>;
  using Sink = std::function<absl::Status(std::string_view piece)>;
  explicit BackUpOpener(KeyOpener open_key) : open_key_(std::move(open_key)) {}

  // Takes the file's next bytes, however many, and hands on what they complete.
  // InvalidArgument (BACK_UP_FOREIGN) when it is no back-up of ours,
  // (BACK_UP_ALTERED) naming the place when it was changed;
  // FailedPrecondition (BACK_UP_NEWER) for a later format; those of `open_key`
  // and of `sink`.
  absl::Status Add(std::string_view bytes, const Sink& sink);

  // InvalidArgument (BACK_UP_CUT) unless the last frame has come.
  absl::Status CheckComplete() const;

  // Valid once anything was handed on.
  absl::Time made_at() const { return made_at_; }

 private:
  absl::Status TakeLine();
  absl::Status OpenFrame(std::string_view envelope, const Sink& sink);
  absl::Status Altered() const;

  const KeyOpener open_key_;
  // What belongs to a frame that has not come whole.
  std::string waiting_;
  std::string line_;
  absl::Time made_at_;
  secret::Secret key_;
  int64_t frames_ = 0;
  bool complete_ = false;
};

}  // namespace keyturn::vault

#endif  // KEYTURN_DAEMON_VAULT_BACK_UP_H_
