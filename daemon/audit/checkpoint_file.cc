#include "daemon/audit/checkpoint_file.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "daemon/base/status.h"

namespace keyturn::audit {
namespace {

constexpr char kFirstWords[] = "keyturn-audit-checkpoint 1";
constexpr char kMacField[] = " mac=";

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number() const { return number_; }
  bool is_open() const { return number_ >= 0; }

 private:
  const int number_;
};

absl::Status SystemError(const char* what, const std::string& path) {
  return absl::UnavailableError(
      absl::StrCat("cannot ", what, " ", path, ": ", std::strerror(errno)));
}

absl::Status NoCheckpoint() {
  return absl::DataLossError("the line is no checkpoint of this daemon");
}

// What follows `name` in `field`, or nothing when it begins otherwise.
std::optional<std::string> Value(absl::string_view field,
                                 absl::string_view name) {
  if (field.substr(0, name.size()) != name) return std::nullopt;
  return std::string(field.substr(name.size()));
}

// `hex` as bytes, or nothing unless it is of `size` bytes.
std::optional<std::string> FromHex(const std::string& hex, size_t size) {
  const std::string bytes = absl::HexStringToBytes(hex);
  // The conversion takes anything for digits; what comes back does not.
  if (hex.size() != 2 * size || absl::BytesToHexString(bytes) != hex) {
    return std::nullopt;
  }
  return bytes;
}

// Whether `line` is the beginning of a checkpoint's: the daemon was killed in
// the midst of it.
bool IsCutShort(std::string_view line) {
  const std::string_view first = kFirstWords;
  if (line.substr(0, first.size()) != first.substr(0, line.size())) {
    return false;
  }
  const size_t mac_at = line.rfind(kMacField);
  return mac_at == std::string_view::npos ||
         line.size() < mac_at + std::strlen(kMacField) + 2 * kMacBytes;
}

}  // namespace

std::string FormatCheckpoint(const Checkpoint& checkpoint,
                             const ChainKey& key) {
  const std::string text =
      absl::StrCat(kFirstWords, " sequence=", checkpoint.sequence,
                   " head=", absl::BytesToHexString(checkpoint.head), " time=",
                   absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", checkpoint.time,
                                    absl::UTCTimeZone()),
                   " key=", absl::BytesToHexString(key.id()));
  return absl::StrCat(text, kMacField, absl::BytesToHexString(key.Mac(text)));
}

absl::StatusOr<Checkpoint> ParseCheckpoint(std::string_view line,
                                           const ChainKey& key) {
  const size_t mac_at = line.rfind(kMacField);
  if (mac_at == std::string_view::npos) return NoCheckpoint();
  const std::string_view text = line.substr(0, mac_at);
  const std::vector<std::string> words =
      absl::StrSplit(base::ToAbsl(text), ' ');
  if (words.size() != 6 ||
      absl::StrCat(words[0], " ", words[1]) != kFirstWords) {
    return NoCheckpoint();
  }
  const auto sequence = Value(words[2], "sequence=");
  const auto head_hex = Value(words[3], "head=");
  const auto time = Value(words[4], "time=");
  const auto key_hex = Value(words[5], "key=");
  if (!sequence || !head_hex || !time || !key_hex) return NoCheckpoint();
  const auto head = FromHex(*head_hex, kHeadBytes);
  const auto key_id = FromHex(*key_hex, kKeyIdBytes);
  const auto mac = FromHex(
      std::string(line.substr(mac_at + std::strlen(kMacField))), kMacBytes);
  Checkpoint checkpoint;
  std::string error;
  if (!head || !key_id || !mac ||
      !absl::SimpleAtoi(*sequence, &checkpoint.sequence) ||
      !absl::ParseTime(absl::RFC3339_full, *time, &checkpoint.time, &error)) {
    return NoCheckpoint();
  }
  if (*key_id == key.id() &&
      CRYPTO_memcmp(mac->data(), key.Mac(text).data(), kMacBytes) != 0) {
    return NoCheckpoint();
  }
  checkpoint.head = *head;
  return checkpoint;
}

absl::StatusOr<CheckpointFile> ReadCheckpoints(const std::string& path,
                                               const ChainKey& key) {
  CheckpointFile read;
  struct stat found;
  if (stat(path.c_str(), &found) != 0) {
    if (errno == ENOENT) return read;
    return SystemError("read the checkpoints in", path);
  }
  std::ifstream file(path);
  if (!file.is_open()) return SystemError("read the checkpoints in", path);
  std::string line;
  for (int64_t number = 1; std::getline(file, line); ++number) {
    absl::StatusOr<Checkpoint> checkpoint = line.size() > kCheckpointBytesMax
                                                ? NoCheckpoint()
                                                : ParseCheckpoint(line, key);
    if (!checkpoint.ok()) {
      if (!IsCutShort(line) && read.altered_lines.size() < kFindingsMax) {
        read.altered_lines.push_back(number);
      }
      continue;
    }
    read.checkpoints.push_back(*std::move(checkpoint));
    if (read.checkpoints.size() >= 2 * kCheckpointsMax) {
      read.checkpoints.erase(read.checkpoints.begin(),
                             read.checkpoints.end() - kCheckpointsMax);
    }
  }
  if (file.bad()) return SystemError("read the checkpoints in", path);
  return read;
}

absl::Status AppendCheckpoint(const std::string& path, std::string_view line) {
  const Descriptor file(open(path.c_str(),
                             O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC,
                             S_IRUSR | S_IWUSR));
  if (!file.is_open()) return SystemError("open", path);
  // After a line that was cut in its midst, a new one begins.
  const off_t size = lseek(file.number(), 0, SEEK_END);
  char last = '\n';
  if (size > 0 && pread(file.number(), &last, 1, size - 1) != 1) {
    return SystemError("read", path);
  }
  const std::string text =
      absl::StrCat(last == '\n' ? "" : "\n", base::ToAbsl(line), "\n");
  if (write(file.number(), text.data(), text.size()) !=
          static_cast<ssize_t>(text.size()) ||
      fdatasync(file.number()) != 0) {
    return SystemError("write", path);
  }
  return absl::OkStatus();
}

}  // namespace keyturn::audit
