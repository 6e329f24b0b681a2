#include "daemon/app/init.h"

#include <yaml-cpp/yaml.h>

#include <filesystem>
#include <memory>
#include <system_error>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/time/civil_time.h"
#include "daemon/access/certificates.h"
#include "daemon/app/address.h"
#include "daemon/app/config.h"
#include "daemon/app/context_file.h"
#include "daemon/app/files.h"
#include "daemon/base/status.h"
#include "daemon/rpc/unix_listener.h"
#include "daemon/secret/memory.h"
#include "daemon/store/store.h"
#include "daemon/upstream/http/allowed_hosts.h"
#include "daemon/vault/passphrase.h"
#include "daemon/vault/root_key.h"
#include "daemon/vault/vault.h"

namespace keyturn::app {
namespace {

namespace fs = std::filesystem;

constexpr char kConfigFile[] = "keyturnd.yaml";
constexpr char kCaFile[] = "ca.pem";
constexpr char kCaKeyFile[] = "ca-key.pem";
constexpr char kServerFile[] = "server.pem";
constexpr char kServerKeyFile[] = "server-key.pem";
constexpr char kRootKeyFile[] = "root.key";
constexpr char kPassphraseFile[] = "root.scrypt";
constexpr char kSocketFile[] = "keyturnd.sock";
constexpr char kCaName[] = "keyturn-ca";
// Who invited the first administrator.
constexpr char kCreator[] = "keyturnd init";

// Removes what was made below the data directory, unless it was kept.
class Undo {
 public:
  Undo(std::string directory, bool was_there)
      : directory_(std::move(directory)), was_there_(was_there) {}
  ~Undo() {
    if (kept_) return;
    std::error_code ignored;
    if (!was_there_) {
      fs::remove_all(directory_, ignored);
      return;
    }
    for (const fs::directory_entry& entry :
         fs::directory_iterator(directory_, ignored)) {
      fs::remove_all(entry.path(), ignored);
    }
  }
  Undo(const Undo&) = delete;
  Undo& operator=(const Undo&) = delete;

  void Keep() { kept_ = true; }

 private:
  const std::string directory_;
  const bool was_there_;
  bool kept_ = false;
};

// What was asked for, checked and completed.
struct Setup {
  std::string directory;
  bool directory_was_there = false;
  Address tcp;
  // As it stands in the configuration; empty: none.
  std::string unix_path;
  std::string unix_note;
  std::vector<std::string> allowed_hosts;
  std::string context_path;
  int locked_memory_kib = kLockedMemoryKibDefault;
  std::string memory_note;
  vault::RootKeySource root_key;

  std::string PathOf(const char* file) const {
    return absl::StrCat(directory, "/", file);
  }
};

absl::Status OptionError(std::string_view option, const absl::Status& status) {
  return absl::InvalidArgumentError(
      absl::StrCat(base::ToAbsl(option), ": ", status.message()));
}

absl::Status CheckDirectory(Setup& setup) {
  std::error_code error;
  setup.directory_was_there = fs::exists(setup.directory, error);
  if (error) {
    return absl::UnavailableError(absl::StrCat(
        "cannot look at ", setup.directory, ": ", error.message()));
  }
  if (!setup.directory_was_there) return absl::OkStatus();
  if (fs::is_directory(setup.directory, error) &&
      fs::is_empty(setup.directory, error) && !error) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(absl::StrCat(
      setup.directory,
      " is there and is not an empty directory. Choose another one; if it "
      "belongs to a daemon already, start that with keyturnd --config ",
      setup.PathOf(kConfigFile)));
}

absl::Status ChooseSocket(const InitOptions& options, Setup& setup) {
  const std::string standard = setup.PathOf(kSocketFile);
  if (options.unix_path.empty()) {
    if (standard.size() <= rpc::kUnixPathSizeMax) {
      setup.unix_path = kSocketFile;
    } else {
      setup.unix_note =
          absl::StrCat("note: no unix socket, because the path ", standard,
                       " is longer than ", rpc::kUnixPathSizeMax,
                       " bytes; --unix PATH chooses another one\n");
    }
    return absl::OkStatus();
  }
  setup.unix_path = fs::absolute(options.unix_path).lexically_normal().string();
  if (setup.unix_path.size() <= rpc::kUnixPathSizeMax) return absl::OkStatus();
  return OptionError("--unix", absl::InvalidArgumentError(absl::StrCat(
                                   setup.unix_path, " is longer than ",
                                   rpc::kUnixPathSizeMax, " bytes")));
}

// The daemon will be refused what this process is refused.
void MeasureMemory(Setup& setup) {
  const secret::MemoryReport memory = secret::DescribeMemory();
  const bool locked = memory.protection != secret::Protection::kSwappable;
  const size_t kib = locked ? memory.arena_bytes >> 10 : 0;
  if (kib >= kLockedMemoryKibDefault) return;
  setup.locked_memory_kib = static_cast<int>(kib);
  setup.memory_note = absl::StrCat(
      "note: this user may lock only ", kib,
      " KiB of memory, so many secrets at once may be swapped to disk. Better: "
      "LimitMEMLOCK=",
      secret::kArenaBytesMax >> 20,
      "M in the unit file, then take limits.lockedMemoryKib out of the "
      "configuration\n");
}

absl::StatusOr<Setup> Check(const InitOptions& options) {
  Setup setup;
  std::string directory =
      fs::absolute(options.data_dir).lexically_normal().string();
  while (directory.size() > 1 && directory.back() == '/') directory.pop_back();
  setup.directory = std::move(directory);
  RETURN_IF_ERROR(CheckDirectory(setup));
  const absl::StatusOr<Address> tcp = ParseAddress(options.tcp);
  if (!tcp.ok()) return OptionError("--tcp", tcp.status());
  setup.tcp = *tcp;
  if (setup.tcp.port == 0) {
    const absl::StatusOr<uint16_t> port = FindFreePort(setup.tcp.host);
    if (!port.ok()) return OptionError("--tcp", port.status());
    setup.tcp.port = *port;
  }
  RETURN_IF_ERROR(ChooseSocket(options, setup));
  if (options.passphrase.empty()) {
    setup.root_key = vault::RootKeyFile{setup.PathOf(kRootKeyFile)};
  } else {
    setup.root_key = vault::PassphraseFile{setup.PathOf(kPassphraseFile)};
  }
  setup.allowed_hosts = DefaultAllowedHosts();
  setup.allowed_hosts.insert(setup.allowed_hosts.end(),
                             options.allowed_hosts.begin(),
                             options.allowed_hosts.end());
  const auto hosts = http::AllowedHosts::Parse(setup.allowed_hosts);
  if (!hosts.ok()) return OptionError("--allow-host", hosts.status());
  MeasureMemory(setup);
  if (options.context_out.empty()) {
    ASSIGN_OR_RETURN(setup.context_path, DefaultContextPath());
  } else {
    setup.context_path =
        fs::absolute(options.context_out).lexically_normal().string();
  }
  return setup;
}

std::string ConfigText(const Setup& setup) {
  YAML::Emitter out;
  out << YAML::Comment(
      "Configuration of keyturnd, made by keyturnd init. Paths "
      "are relative to this file.");
  out << YAML::Newline << YAML::BeginMap;
  out << YAML::Key << "dataDir" << YAML::Value << ".";
  out << YAML::Key << "listen" << YAML::Value << YAML::BeginMap;
  out << YAML::Key << "tcp" << YAML::Value << setup.tcp.ToString();
  if (!setup.unix_path.empty()) {
    out << YAML::Key << "unix" << YAML::Value << setup.unix_path;
  }
  out << YAML::EndMap;
  out << YAML::Key << "tls" << YAML::Value << YAML::BeginMap;
  out << YAML::Key << "ca" << YAML::Value << kCaFile;
  out << YAML::Key << "certificate" << YAML::Value << kServerFile;
  out << YAML::Key << "key" << YAML::Value << kServerKeyFile;
  out << YAML::Key << "caKey" << YAML::Value << kCaKeyFile;
  out << YAML::EndMap;
  out << YAML::Key << "rootKey" << YAML::Value << YAML::BeginMap;
  if (std::holds_alternative<vault::PassphraseFile>(setup.root_key)) {
    out << YAML::Key << "passphrase" << YAML::Value << YAML::BeginMap;
    out << YAML::Key << "file" << YAML::Value << kPassphraseFile;
    out << YAML::EndMap << YAML::EndMap;
  } else {
    out << YAML::Key << "file" << YAML::Value << kRootKeyFile << YAML::EndMap;
  }
  out << YAML::Key << "outside" << YAML::Value << YAML::BeginMap;
  out << YAML::Key << "allowedHosts" << YAML::Value << setup.allowed_hosts;
  out << YAML::EndMap;
  out << YAML::Key << "log" << YAML::Value << YAML::BeginMap;
  out << YAML::Key << "level" << YAML::Value << "info" << YAML::EndMap;
  out << YAML::Key << "limits" << YAML::Value << YAML::BeginMap;
  out << YAML::Key << "stopSeconds" << YAML::Value << kStopSecondsDefault;
  if (setup.locked_memory_kib != kLockedMemoryKibDefault) {
    out << YAML::Key << "lockedMemoryKib" << YAML::Value
        << setup.locked_memory_kib;
  }
  out << YAML::EndMap << YAML::EndMap << YAML::Newline;
  return out.c_str();
}

absl::Status WritePair(const Setup& setup, const access::CertifiedKey& pair,
                       const char* certificate_file, const char* key_file) {
  RETURN_IF_ERROR(
      WriteNewFile(setup.PathOf(certificate_file), pair.certificate_pem));
  return WriteNewFile(setup.PathOf(key_file), pair.key_pem.Expose());
}

// The certificates; returns what the command line needs.
absl::StatusOr<Context> MakeCertificates(const Setup& setup, absl::Time now) {
  ASSIGN_OR_RETURN(const access::CertifiedKey ca, access::MakeCa(kCaName, now));
  std::vector<std::string> hosts;
  if (!setup.tcp.IsWildcard()) hosts.push_back(setup.tcp.host);
  ASSIGN_OR_RETURN(const access::CertifiedKey server,
                   access::IssueServerCertificate(ca, hosts, now));
  ASSIGN_OR_RETURN(access::CertifiedKey admin,
                   access::IssueClientCertificate(
                       ca, kFirstAdministrator, {access::Role::kAdministrator},
                       now, access::kFirstAdministratorLifetime));
  RETURN_IF_ERROR(WritePair(setup, ca, kCaFile, kCaKeyFile));
  RETURN_IF_ERROR(WritePair(setup, server, kServerFile, kServerKeyFile));
  Address reached = setup.tcp;
  if (reached.IsWildcard()) reached.host = "127.0.0.1";
  Context context;
  context.server = reached.ToString();
  context.server_name = access::kServerName;
  context.ca_pem = ca.certificate_pem;
  context.certificate_pem = std::move(admin.certificate_pem);
  context.key_pem = std::move(admin.key_pem);
  return context;
}

// The store, with the certificate that is let in.
absl::Status MakeStore(const Setup& setup, const secret::Secret& passphrase,
                       const Context& context, absl::Time now) {
  Config config;
  config.data_dir = setup.directory;
  RETURN_IF_ERROR(MakeRootKey(setup.root_key, passphrase));
  ASSIGN_OR_RETURN(vault::RootKey root_key,
                   vault::ReadRootKey(setup.root_key, passphrase));
  store::SqliteOptions options;
  options.path = config.StorePath();
  ASSIGN_OR_RETURN(const std::unique_ptr<store::Store> store,
                   store::OpenSqliteStore(std::move(options)));
  RETURN_IF_ERROR(
      vault::Vault::Open(*store, std::move(root_key), now).status());
  ASSIGN_OR_RETURN(const access::Identity admin,
                   access::IdentityOfCertificate(context.certificate_pem));
  store::AddCertificate write;
  write.certificate.serial = admin.certificate_serial;
  write.certificate.identity = admin.name;
  write.certificate.roles = admin.roles.Names();
  write.certificate.issued_at = now;
  write.certificate.expires_at = *admin.certificate_expires_at;
  write.certificate.creator = kCreator;
  store::Batch batch;
  batch.identities.push_back(std::move(write));
  return store->CommitAndWait(std::move(batch)).status();
}

// What the report says of it.
std::string RootKeyNote(const Setup& setup) {
  if (std::holds_alternative<vault::PassphraseFile>(setup.root_key)) {
    return absl::StrCat(kPassphraseFile,
                        "    how the root key comes from the passphrase: keep "
                        "a copy; without it, or without the passphrase, the "
                        "stored credentials are lost");
  }
  return absl::StrCat(kRootKeyFile,
                      "    root key: keep a copy in a safe place; without it "
                      "the stored credentials are lost");
}

std::string DayOf(absl::Time time) {
  return absl::FormatCivilTime(absl::ToCivilDay(time, absl::UTCTimeZone()));
}

std::string Report(const Setup& setup, const InitOptions& options,
                   const std::string& context_name, absl::Time now) {
  const std::string keyturn =
      options.context_out.empty()
          ? std::string("keyturn")
          : absl::StrCat("keyturn --config ", setup.context_path);
  return absl::StrCat(
      "made ", setup.directory, "\n  ", kConfigFile, "    configuration\n  ",
      kCaFile, ", ", kCaKeyFile, "    certificate authority, until ",
      DayOf(now + access::kCaLifetime), "\n  ", kServerFile, ", ",
      kServerKeyFile, "    server certificate, until ",
      DayOf(now + access::kServerLifetime), "\n  ", RootKeyNote(setup),
      "\n  store/    empty store\nmade context \"", context_name, "\" in ",
      setup.context_path, "\n  certificate of \"", kFirstAdministrator,
      "\", administrator, until ",
      DayOf(now + access::kFirstAdministratorLifetime), "\n", setup.unix_note,
      setup.memory_note, "\nNext:\n  keyturnd --config ",
      setup.PathOf(kConfigFile), "\nand in another terminal:\n  ", keyturn,
      options.passphrase.empty() ? " whoami\n" : " admin unseal\n");
}

}  // namespace

absl::Status MakeRootKey(const vault::RootKeySource& source,
                         const secret::Secret& passphrase) {
  if (const auto* file = std::get_if<vault::RootKeyFile>(&source)) {
    return vault::GenerateRootKeyFile(file->path);
  }
  if (const auto* file = std::get_if<vault::PassphraseFile>(&source)) {
    ASSIGN_OR_RETURN(const vault::PassphraseParameters parameters,
                     vault::NewPassphrase(passphrase));
    return WriteNewFile(file->path,
                        vault::EncodePassphraseParameters(parameters));
  }
  return absl::UnimplementedError(
      "a systemd credential is made with systemd-creds encrypt");
}

absl::StatusOr<std::string> Init(const InitOptions& options, absl::Time now) {
  ASSIGN_OR_RETURN(const Setup setup, Check(options));
  Undo undo(setup.directory, setup.directory_was_there);
  RETURN_IF_ERROR(MakeDirectories(setup.directory));
  std::error_code error;
  fs::permissions(setup.directory, fs::perms::owner_all, error);
  if (error) {
    return absl::UnavailableError(absl::StrCat(
        "cannot close ", setup.directory, " to others: ", error.message()));
  }
  ASSIGN_OR_RETURN(const Context context, MakeCertificates(setup, now));
  RETURN_IF_ERROR(MakeStore(setup, options.passphrase, context, now));
  RETURN_IF_ERROR(WriteNewFile(setup.PathOf(kConfigFile), ConfigText(setup)));
  ASSIGN_OR_RETURN(const std::string name,
                   AddContext(setup.context_path, context));
  undo.Keep();
  return Report(setup, options, name, now);
}

}  // namespace keyturn::app
