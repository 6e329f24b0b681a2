#include "daemon/audit/checkpoint_file.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
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

constexpr char kName[] = "keyturn-audit-checkpoint";
constexpr char kFormat1[] = "1";
constexpr char kFormat2[] = "2";
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

// Zeros where there is no line.
std::string BeforeText(const Place& place) {
  return place.mac.empty() ? std::string(2 * kMacBytes, '0') : place.mac;
}

// Not open when there is no such file.
absl::StatusOr<std::ifstream> OpenToRead(const std::string& path) {
  struct stat found;
  if (stat(path.c_str(), &found) != 0) {
    if (errno == ENOENT) return std::ifstream();
    return SystemError("read the checkpoints in", path);
  }
  std::ifstream file(path);
  if (!file.is_open()) return SystemError("read the checkpoints in", path);
  return file;
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
  const std::string_view name = kName;
  if (line.substr(0, name.size()) != name.substr(0, line.size())) return false;
  const size_t mac_at = line.rfind(kMacField);
  return mac_at == std::string_view::npos ||
         line.size() < mac_at + std::strlen(kMacField) + 2 * kMacBytes;
}

// The `name=value` words of a line, in the order in which they are asked for.
class Fields {
 public:
  explicit Fields(std::vector<std::string> words) : words_(std::move(words)) {}

  std::string Text(absl::string_view name) {
    if (next_ >= words_.size()) return Fail();
    std::optional<std::string> value = Value(words_[next_++], name);
    return value.has_value() ? *std::move(value) : Fail();
  }
  int64_t Number(absl::string_view name) {
    int64_t number = 0;
    if (!absl::SimpleAtoi(Text(name), &number)) Fail();
    return number;
  }
  std::string Bytes(absl::string_view name, size_t size) {
    const std::optional<std::string> bytes = FromHex(Text(name), size);
    return bytes.has_value() ? *bytes : Fail();
  }
  absl::Time Time(absl::string_view name) {
    absl::Time time;
    std::string error;
    if (!absl::ParseTime(absl::RFC3339_full, Text(name), &time, &error)) Fail();
    return time;
  }
  // Whether all were there, and no others.
  bool Good() const { return good_ && next_ == words_.size(); }

 private:
  std::string Fail() {
    good_ = false;
    return "";
  }

  const std::vector<std::string> words_;
  size_t next_ = 0;
  bool good_ = true;
};

// What stands before the MAC.
absl::StatusOr<CheckpointLine> ParseText(std::string_view text,
                                         std::string& key_id) {
  std::vector<std::string> words = absl::StrSplit(base::ToAbsl(text), ' ');
  if (words.size() < 2 || words[0] != kName) return NoCheckpoint();
  const bool numbered = words[1] == kFormat2;
  if (!numbered && words[1] != kFormat1) return NoCheckpoint();
  words.erase(words.begin(), words.begin() + 2);
  Fields fields(std::move(words));
  CheckpointLine line;
  Checkpoint& checkpoint = line.checkpoint;
  if (numbered) line.place.number = fields.Number("number=");
  checkpoint.sequence = fields.Number("sequence=");
  checkpoint.head = fields.Bytes("head=", kHeadBytes);
  if (numbered) {
    checkpoint.census = fields.Number("census=");
    const std::string restored = fields.Text("restored=");
    if (restored != "yes" && restored != "no") return NoCheckpoint();
    checkpoint.restored = restored == "yes";
    line.before = absl::BytesToHexString(fields.Bytes("before=", kMacBytes));
  }
  checkpoint.time = fields.Time("time=");
  key_id = fields.Bytes("key=", kKeyIdBytes);
  if (!fields.Good() || (numbered && line.place.number < 1)) {
    return NoCheckpoint();
  }
  return line;
}

// Reads a file's lines one after the other and keeps what they tell.
class LineReader {
 public:
  explicit LineReader(const ChainKey& key) : key_(key) {}

  void Add(const std::string& text) {
    ++count_;
    absl::StatusOr<CheckpointLine> line = text.size() > kCheckpointBytesMax
                                              ? NoCheckpoint()
                                              : ParseCheckpoint(text, key_);
    if (!line.ok()) {
      if (IsCutShort(text)) return;
      NoteAltered();
      ++altered_since_;
      return;
    }
    if (!line->before.empty()) CheckPlace(*line);
    altered_since_ = 0;
    read_.end = line->place;
    read_.checkpoints.push_back(std::move(line->checkpoint));
    if (read_.checkpoints.size() >= 2 * kCheckpointsMax) {
      read_.checkpoints.erase(read_.checkpoints.begin(),
                              read_.checkpoints.end() - kCheckpointsMax);
    }
  }

  CheckpointFile Finish() { return std::move(read_); }

 private:
  void CheckPlace(const CheckpointLine& line) {
    const int64_t missing = line.place.number - read_.end.number - 1;
    if (missing > altered_since_) {
      if (read_.removed.size() < kFindingsMax) {
        read_.removed.emplace_back(read_.end.number + 1, line.place.number - 1);
      }
    } else if (missing < 0 ||
               (missing == 0 && line.before != BeforeText(read_.end))) {
      NoteAltered();
    }
  }
  void NoteAltered() {
    if (read_.altered_lines.size() < kFindingsMax) {
      read_.altered_lines.push_back(count_);
    }
  }

  const ChainKey& key_;
  CheckpointFile read_;
  int64_t count_ = 0;
  int64_t altered_since_ = 0;
};

}  // namespace

std::string FormatCheckpoint(const Checkpoint& checkpoint, const Place& before,
                             const ChainKey& key) {
  const std::string text =
      absl::StrCat(kName, " ", kFormat2, " number=", before.number + 1,
                   " sequence=", checkpoint.sequence,
                   " head=", absl::BytesToHexString(checkpoint.head),
                   " census=", checkpoint.census,
                   " restored=", checkpoint.restored ? "yes" : "no",
                   " before=", BeforeText(before), " time=",
                   absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", checkpoint.time,
                                    absl::UTCTimeZone()),
                   " key=", absl::BytesToHexString(key.id()));
  return absl::StrCat(text, kMacField, absl::BytesToHexString(key.Mac(text)));
}

absl::StatusOr<CheckpointLine> ParseCheckpoint(std::string_view line,
                                               const ChainKey& key) {
  const size_t mac_at = line.rfind(kMacField);
  if (mac_at == std::string_view::npos) return NoCheckpoint();
  const std::string_view text = line.substr(0, mac_at);
  const std::string mac_hex(line.substr(mac_at + std::strlen(kMacField)));
  const std::optional<std::string> mac = FromHex(mac_hex, kMacBytes);
  if (!mac.has_value()) return NoCheckpoint();
  std::string key_id;
  ASSIGN_OR_RETURN(CheckpointLine parsed, ParseText(text, key_id));
  parsed.ours = key_id == key.id();
  if (parsed.ours &&
      CRYPTO_memcmp(mac->data(), key.Mac(text).data(), kMacBytes) != 0) {
    return NoCheckpoint();
  }
  parsed.place.mac = mac_hex;
  return parsed;
}

absl::StatusOr<CheckpointFile> ReadCheckpoints(const std::string& path,
                                               const ChainKey& key) {
  LineReader reader(key);
  ASSIGN_OR_RETURN(std::ifstream file, OpenToRead(path));
  for (std::string line; std::getline(file, line);) reader.Add(line);
  if (file.bad()) return SystemError("read the checkpoints in", path);
  return reader.Finish();
}

absl::StatusOr<std::optional<CheckpointLine>> ReadNewest(
    const std::string& path, const ChainKey& key) {
  std::optional<CheckpointLine> newest;
  ASSIGN_OR_RETURN(std::ifstream file, OpenToRead(path));
  if (!file.is_open()) return newest;
  file.seekg(0, std::ios::end);
  const std::streamoff size = file.tellg();
  file.seekg(std::max<std::streamoff>(0, size - std::streamoff{kFileEndBytes}));
  for (std::string line; std::getline(file, line);) {
    absl::StatusOr<CheckpointLine> parsed = ParseCheckpoint(line, key);
    if (parsed.ok()) newest = *std::move(parsed);
  }
  if (file.bad()) return SystemError("read the checkpoints in", path);
  return newest;
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
