#include "daemon/vault/back_up.h"

#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "daemon/base/id.h"
#include "daemon/base/status.h"
#include "daemon/vault/sealing.h"

namespace keyturn::vault {
namespace {

constexpr std::string_view kMagic = "keyturn back-up ";
constexpr std::string_view kFormat = "1";
// Of the first line.
constexpr size_t kLineBytesMax = 80;
constexpr size_t kLengthBytes = 4;
constexpr size_t kFrameBytesMax = kBackUpPieceBytesMax + kEnvelopeOverhead;

std::string IdentityOf(std::string_view line, int64_t frame, bool last) {
  return RowIdentity(
      {"back-up", line, absl::StrCat(frame), last ? "last" : "more"});
}

std::string Framed(std::string_view envelope) {
  const auto size = static_cast<uint32_t>(envelope.size());
  std::string frame;
  for (int shift = 24; shift >= 0; shift -= 8) {
    frame.push_back(static_cast<char>(size >> shift));
  }
  frame.append(envelope);
  return frame;
}

size_t LengthOf(std::string_view frame) {
  uint32_t size = 0;
  for (size_t i = 0; i < kLengthBytes; ++i) {
    size = (size << 8) | static_cast<unsigned char>(frame[i]);
  }
  return size;
}

absl::Status Foreign() {
  return base::WithReason(
      absl::InvalidArgumentError(
          "this is no back-up of Keyturn: give a file that `keyturn admin "
          "backup` wrote"),
      "BACK_UP_FOREIGN");
}

}  // namespace

// --- BackUpSealer ---

absl::StatusOr<BackUpSealer> BackUpSealer::Make(const RootKey& root_key,
                                                absl::Time now) {
  BackUpSealer sealer;
  sealer.id_ = base::NewId();
  sealer.key_ = FreshKey();
  sealer.line_ = absl::StrCat(base::ToAbsl(kMagic), base::ToAbsl(kFormat), " ",
                              sealer.id_, " ", absl::ToUnixSeconds(now));
  ASSIGN_OR_RETURN(const std::string root_id, KeyIdOf(root_key.key));
  ASSIGN_OR_RETURN(
      const std::string envelope,
      vault::Seal(root_key.key, root_id, sealer.key_.Expose(),
                  IdentityOf(sealer.line_, sealer.frames_++, /*last=*/false),
                  FreshRandomness()));
  sealer.head_ = absl::StrCat(sealer.line_, "\n", Framed(envelope));
  return sealer;
}

absl::StatusOr<std::string> BackUpSealer::Seal(std::string_view piece) {
  ASSIGN_OR_RETURN(const std::string envelope,
                   vault::Seal(key_, id_, piece,
                               IdentityOf(line_, frames_++, /*last=*/false),
                               FreshRandomness()));
  return Framed(envelope);
}

absl::StatusOr<std::string> BackUpSealer::End() {
  ASSIGN_OR_RETURN(
      const std::string envelope,
      vault::Seal(key_, id_, "", IdentityOf(line_, frames_++, /*last=*/true),
                  FreshRandomness()));
  return Framed(envelope);
}

// --- BackUpOpener ---

absl::StatusOr<secret::Secret> OpenUnderRoot(const RootKeys& root_keys,
                                             std::string_view envelope,
                                             std::string_view identity) {
  ASSIGN_OR_RETURN(const std::string_view named, EnvelopeKeyId(envelope));
  ASSIGN_OR_RETURN(const std::string current, KeyIdOf(root_keys.current.key));
  if (named == current) {
    return OpenEnvelope(root_keys.current.key, envelope, identity);
  }
  if (root_keys.previous) {
    ASSIGN_OR_RETURN(const std::string previous,
                     KeyIdOf(root_keys.previous->key));
    if (named == previous) {
      return OpenEnvelope(root_keys.previous->key, envelope, identity);
    }
  }
  return base::WithReason(
      absl::FailedPreconditionError(absl::StrCat(
          "this was sealed under another root key than that of ",
          root_keys.current.source,
          ": name the root key of that time under rootKey.previous in the "
          "configuration, restart, and try again")),
      "WRONG_ROOT_KEY");
}

absl::Status BackUpOpener::Altered() const {
  return base::WithReason(
      absl::InvalidArgumentError(
          absl::StrCat("the back-up was altered or is damaged in its frame ",
                       frames_, ": give another copy of it")),
      "BACK_UP_ALTERED");
}

absl::Status BackUpOpener::TakeLine() {
  const size_t end = waiting_.find('\n');
  // Where there is none, npos is more than any line may have.
  if (end > kLineBytesMax) {
    return waiting_.size() > kLineBytesMax ? Foreign() : absl::OkStatus();
  }
  const std::string line = waiting_.substr(0, end);
  const std::vector<std::string> words = absl::StrSplit(line, ' ');
  int64_t format = 0;
  int64_t seconds = 0;
  if (!line.starts_with(kMagic) || words.size() < 3 ||
      !absl::SimpleAtoi(words[2], &format)) {
    return Foreign();
  }
  if (words[2] != kFormat) {
    return base::WithReason(
        absl::FailedPreconditionError(
            "the back-up was made by a newer keyturnd: restore it with that"),
        "BACK_UP_NEWER");
  }
  if (words.size() != 5 || !absl::SimpleAtoi(words[4], &seconds)) {
    return Foreign();
  }
  made_at_ = absl::FromUnixSeconds(seconds);
  waiting_.erase(0, end + 1);
  line_ = line;
  return absl::OkStatus();
}

absl::Status BackUpOpener::OpenFrame(std::string_view envelope,
                                     const Sink& sink) {
  if (frames_ == 0) {
    absl::StatusOr<secret::Secret> key =
        open_key_(envelope, IdentityOf(line_, frames_, /*last=*/false));
    if (absl::IsDataLoss(key.status())) return Altered();
    RETURN_IF_ERROR(key.status());
    key_ = *std::move(key);
    ++frames_;
    return absl::OkStatus();
  }
  const bool last = envelope.size() == kEnvelopeOverhead;
  const absl::StatusOr<secret::Secret> piece =
      OpenEnvelope(key_, envelope, IdentityOf(line_, frames_, last));
  if (!piece.ok()) return Altered();
  ++frames_;
  complete_ = last;
  return last ? absl::OkStatus() : sink(piece->Expose());
}

absl::Status BackUpOpener::Add(std::string_view bytes, const Sink& sink) {
  waiting_.append(bytes);
  if (line_.empty()) {
    RETURN_IF_ERROR(TakeLine());
    if (line_.empty()) return absl::OkStatus();
  }
  std::string_view left = waiting_;
  while (left.size() >= kLengthBytes) {
    const size_t size = LengthOf(left);
    if (complete_ || size > kFrameBytesMax) return Altered();
    if (left.size() < kLengthBytes + size) break;
    RETURN_IF_ERROR(OpenFrame(left.substr(kLengthBytes, size), sink));
    left.remove_prefix(kLengthBytes + size);
  }
  if (complete_ && !left.empty()) return Altered();
  waiting_.erase(0, waiting_.size() - left.size());
  return absl::OkStatus();
}

absl::Status BackUpOpener::CheckComplete() const {
  if (complete_) return absl::OkStatus();
  if (line_.empty()) return Foreign();
  return base::WithReason(
      absl::InvalidArgumentError(
          "the back-up was cut off: give a whole copy of it"),
      "BACK_UP_CUT");
}

}  // namespace keyturn::vault
