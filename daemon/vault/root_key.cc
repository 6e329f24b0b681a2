#include "daemon/vault/root_key.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/vault/passphrase.h"
#include "daemon/vault/sealing.h"

namespace keyturn::vault {
namespace {

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

absl::Status SystemError(const char* what, const std::string& path, int error) {
  return absl::UnavailableError(
      absl::StrCat("cannot ", what, " ", path, ": ", std::strerror(error)));
}

absl::Status SyncDirectoryOf(const std::string& path) {
  const std::filesystem::path parent =
      std::filesystem::path(path).parent_path();
  const std::string directory = parent.empty() ? "." : parent.string();
  const Descriptor opened(
      open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened.is_open() || fsync(opened.number()) != 0) {
    return SystemError("sync", directory, errno);
  }
  return absl::OkStatus();
}

absl::Status CheckOwner(const std::string& path, const struct stat& found) {
  std::string trouble;
  if (!S_ISREG(found.st_mode)) {
    trouble = absl::StrCat("the root key ", path, " is not a regular file");
  } else if (found.st_uid != geteuid()) {
    trouble = absl::StrCat("the root key ", path, " belongs to user ",
                           found.st_uid, ", but we run as user ", geteuid(),
                           ": chown ", geteuid(), " ", path);
  } else if ((found.st_mode & (S_IXUSR | S_IRWXG | S_IRWXO)) != 0) {
    trouble = absl::StrCat("the root key ", path,
                           " is open to other users: chmod 0600 ", path);
  }
  if (trouble.empty()) return absl::OkStatus();
  return base::WithReason(absl::FailedPreconditionError(trouble),
                          "ROOT_KEY_PERMISSIONS");
}

absl::Status CheckSize(const std::string& path, const struct stat& found) {
  if (found.st_size != static_cast<off_t>(kRootKeyBytes)) {
    return base::WithReason(
        absl::FailedPreconditionError(absl::StrCat(
            "the root key ", path, " has ", found.st_size, " bytes, not ",
            kRootKeyBytes, ": put the right file there (from a back-up)")),
        "ROOT_KEY_SIZE");
  }
  return absl::OkStatus();
}

absl::Status Missing(const std::string& text) {
  return base::WithReason(absl::NotFoundError(text), "ROOT_KEY_MISSING");
}

absl::StatusOr<RootKey> ReadKey(const Descriptor& file, const std::string& path,
                                const struct stat& found) {
  RETURN_IF_ERROR(CheckSize(path, found));
  RootKey root_key{secret::Secret::OfSize(kRootKeyBytes), path};
  if (read(file.number(), root_key.key.ExposeMutable(), kRootKeyBytes) !=
      static_cast<ssize_t>(kRootKeyBytes)) {
    return SystemError("read", path, errno);
  }
  return root_key;
}

absl::StatusOr<RootKey> ReadSystemdCredential(const std::string& name) {
  const std::string hint =
      absl::StrCat(": put LoadCredentialEncrypted=", name,
                   ":/etc/credstore.encrypted/", name,
                   " into the unit file, made with systemd-creds "
                   "encrypt");
  const char* const directory = std::getenv("CREDENTIALS_DIRECTORY");
  if (directory == nullptr) {
    return Missing(absl::StrCat("systemd gave no credentials, so there is no ",
                                "root key ", name, hint));
  }
  const std::string path = absl::StrCat(directory, "/", name);
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.is_open()) {
    if (errno != ENOENT) return SystemError("open the root key", path, errno);
    return Missing(absl::StrCat("systemd gave no credential ", name, hint));
  }
  struct stat found;
  if (fstat(file.number(), &found) != 0) {
    return SystemError("look at", path, errno);
  }
  return ReadKey(file, path, found);
}

absl::StatusOr<RootKey> Derive(const PassphraseFile& source,
                               const secret::Secret& passphrase) {
  if (passphrase.empty()) {
    return base::WithReason(
        absl::FailedPreconditionError(
            "the root key comes from a passphrase, and none was given: "
            "`keyturn admin unseal` asks for it"),
        "PASSPHRASE_REQUIRED");
  }
  ASSIGN_OR_RETURN(const PassphraseParameters parameters,
                   ReadPassphraseFile(source.path));
  return DeriveRootKey(passphrase, parameters);
}

}  // namespace

absl::Status GenerateRootKeyFile(const std::string& path) {
  const Descriptor file(open(path.c_str(),
                             O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
                             S_IRUSR | S_IWUSR));
  if (!file.is_open()) {
    if (errno != EEXIST) return SystemError("make", path, errno);
    return base::WithReason(
        absl::AlreadyExistsError(
            absl::StrCat("there is already a root key ", path,
                         ": keep it, since all stored credentials hang on it")),
        "ROOT_KEY_EXISTS");
  }
  const secret::Secret key = FreshKey();
  if (write(file.number(), key.Expose().data(), key.size()) !=
          static_cast<ssize_t>(key.size()) ||
      fsync(file.number()) != 0) {
    const absl::Status status = SystemError("write", path, errno);
    unlink(path.c_str());
    return status;
  }
  return SyncDirectoryOf(path);
}

absl::StatusOr<RootKey> ReadRootKeyFile(const std::string& path) {
  // Not blocking: somebody may have put a pipe there.
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.is_open()) {
    if (errno != ENOENT) return SystemError("open the root key", path, errno);
    return Missing(absl::StrCat(
        "there is no root key ", path,
        ": put it there from a back-up; for a new store, keyturnd init "
        "makes one"));
  }
  struct stat found;
  if (fstat(file.number(), &found) != 0) {
    return SystemError("look at", path, errno);
  }
  RETURN_IF_ERROR(CheckOwner(path, found));
  return ReadKey(file, path, found);
}

std::vector<RootKeySource> RootKeySources::All() const {
  std::vector<RootKeySource> all = {current};
  if (previous) all.push_back(*previous);
  return all;
}

bool RootKeySources::needs_passphrase() const {
  const std::vector<RootKeySource> all = All();
  return std::any_of(all.begin(), all.end(), [](const RootKeySource& source) {
    return std::holds_alternative<PassphraseFile>(source);
  });
}

bool IsCredentialName(std::string_view name) {
  constexpr size_t kNameBytesMax = 255;
  return !name.empty() && name.size() <= kNameBytesMax && name.front() != '.' &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                  c == '_' || c == '.' || c == '-';
         });
}

std::string Describe(const RootKeySource& source) {
  if (const auto* file = std::get_if<RootKeyFile>(&source)) {
    return absl::StrCat("key file ", file->path);
  }
  if (const auto* credential = std::get_if<SystemdCredential>(&source)) {
    return absl::StrCat("systemd credential ", credential->name);
  }
  return "passphrase";
}

absl::StatusOr<RootKey> ReadRootKey(const RootKeySource& source,
                                    const secret::Secret& passphrase) {
  if (const auto* file = std::get_if<RootKeyFile>(&source)) {
    return ReadRootKeyFile(file->path);
  }
  if (const auto* credential = std::get_if<SystemdCredential>(&source)) {
    return ReadSystemdCredential(credential->name);
  }
  return Derive(std::get<PassphraseFile>(source), passphrase);
}

absl::StatusOr<RootKeys> ReadRootKeys(const RootKeySources& sources,
                                      const Passphrases& passphrases) {
  RootKeys keys;
  ASSIGN_OR_RETURN(keys.current,
                   ReadRootKey(sources.current, passphrases.current));
  if (sources.previous) {
    ASSIGN_OR_RETURN(keys.previous,
                     ReadRootKey(*sources.previous, passphrases.previous));
  }
  return keys;
}

}  // namespace keyturn::vault
