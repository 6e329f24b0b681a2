#include "daemon/app/daemon.h"

#include <pthread.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "daemon/access/certificates.h"
#include "daemon/app/diagnosis.h"
#include "daemon/app/files.h"
#include "daemon/app/system_calls.h"
#include "daemon/audit/chain.h"
#include "daemon/audit/old_copy.h"
#include "daemon/audit/sealer.h"
#include "daemon/audit/trail.h"
#include "daemon/base/clock.h"
#include "daemon/base/status.h"
#include "daemon/engine/custodian.h"
#include "daemon/engine/engine.h"
#include "daemon/engine/registry.h"
#include "daemon/rpc/server.h"
#include "daemon/secret/memory.h"
#include "daemon/steps/account_clients.h"
#include "daemon/store/replacement.h"
#include "daemon/store/store.h"
#include "daemon/upstream/http/allowed_hosts.h"
#include "daemon/vault/passphrase.h"
#include "daemon/vault/root_key.h"
#include "daemon/vault/vault.h"

namespace keyturn::app {
namespace {

// What the vault's key is used for beside secrets; changing the text makes
// every repeated request that carries a secret look like another one.
constexpr char kFingerprintPurpose[] = "keyturn request fingerprint 1";

std::string Milliseconds(absl::Duration duration) {
  return absl::StrFormat("%.1f", absl::ToDoubleMilliseconds(duration));
}

std::string CodeName(grpc::StatusCode code) {
  return absl::StatusCodeToString(static_cast<absl::StatusCode>(code));
}

absl::Status CheckKeyFits(const std::string& certificate_pem,
                          const secret::Secret& key_pem,
                          const std::string& path) {
  const absl::Status fits = access::CheckKeyFits(certificate_pem, key_pem);
  if (fits.ok()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(path, " ", fits.message()));
}

absl::StatusOr<std::optional<access::OutsideCa>> ReadOutside(
    const OutsideCaConfig& config) {
  if (config.file.empty()) return std::optional<access::OutsideCa>();
  ASSIGN_OR_RETURN(const secret::Secret ca, ReadFile(config.file));
  access::OutsideCa outside;
  outside.ca_pem = ca.Expose();
  outside.grants = config.grants;
  const absl::Status status = access::CheckCertificates(outside.ca_pem);
  if (status.ok()) return std::optional(std::move(outside));
  return absl::InvalidArgumentError(
      absl::StrCat(config.file, " ", status.message()));
}

absl::StatusOr<rpc::Server::Tcp> ReadTls(const Config& config,
                                         const OutsideCaConfig& outside) {
  rpc::Server::Tcp tcp;
  tcp.address = config.listen_tcp;
  ASSIGN_OR_RETURN(const secret::Secret ca, ReadFile(config.tls_ca));
  ASSIGN_OR_RETURN(const secret::Secret certificate,
                   ReadFile(config.tls_certificate));
  ASSIGN_OR_RETURN(tcp.key_pem, ReadPrivateFile(config.tls_key));
  tcp.ca_pem = ca.Expose();
  tcp.certificate_pem = certificate.Expose();
  for (const auto& [pem, path] :
       {std::pair(&tcp.ca_pem, &config.tls_ca),
        std::pair(&tcp.certificate_pem, &config.tls_certificate)}) {
    const absl::Status status = access::CheckCertificates(*pem);
    if (!status.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(*path, " ", status.message()));
    }
  }
  RETURN_IF_ERROR(
      CheckKeyFits(tcp.certificate_pem, tcp.key_pem, config.tls_key));
  ASSIGN_OR_RETURN(tcp.outside_ca, ReadOutside(outside));
  access::Authorities authorities;
  RETURN_IF_ERROR(authorities.Use(tcp.ca_pem, tcp.outside_ca));
  if (config.tls_ca_key.empty()) return tcp;
  ASSIGN_OR_RETURN(tcp.ca_key_pem, ReadPrivateFile(config.tls_ca_key));
  RETURN_IF_ERROR(CheckKeyFits(tcp.ca_pem, tcp.ca_key_pem, config.tls_ca_key));
  return tcp;
}

// Makes the server's certificate anew, in its file too, when it is due and the
// authority is ours. After an error `tcp` is as before.
absl::Status RenewServerCertificate(const Config& config,
                                    rpc::Server::Tcp& tcp) {
  if (tcp.ca_key_pem.empty()) return absl::OkStatus();
  const absl::Time now = absl::Now();
  ASSIGN_OR_RETURN(const bool due, access::IsServerCertificateDue(
                                       tcp.ca_pem, tcp.certificate_pem, now));
  if (!due) return absl::OkStatus();
  const access::CertifiedKey ca{tcp.ca_pem, tcp.ca_key_pem.Clone()};
  ASSIGN_OR_RETURN(std::string renewed, access::RenewServerCertificate(
                                            ca, tcp.certificate_pem, now));
  RETURN_IF_ERROR(ReplaceFile(config.tls_certificate, renewed));
  tcp.certificate_pem = std::move(renewed);
  return absl::OkStatus();
}

// What an operator does about a disk; empty where the cause says it.
std::string NextStepOf(const absl::Status& status) {
  const std::string reason = base::ReasonOf(status);
  if (reason == "DISK_FULL") {
    return "make room on the disk of the data directory, then start keyturnd "
           "again";
  }
  if (reason == "DISK_READ_ONLY") {
    return "make the disk of the data directory writable (mount -o "
           "remount,rw), then start keyturnd again";
  }
  if (reason == "DISK_ERROR" || reason == "STORE_BROKEN") {
    return "mend the disk of the data directory, then start keyturnd again: it "
           "reads what is really there";
  }
  return "";
}

class Daemon {
 public:
  Daemon(const Config& config, Log& log) : config_(config), log_(log) {}

  absl::Status Start() {
    started_at_ = absl::Now();
    RETURN_IF_ERROR(secret::RequireLockedMemory(config_.locked_memory_bytes));
    stop_signals_.async_wait([this](const asio::error_code& error, int number) {
      if (error) return;
      log_.Write(LogLevel::kInfo, "stopping",
                 {{"signal", number == SIGTERM ? "SIGTERM" : "SIGINT"}});
      main_.stop();
    });
    RETURN_IF_ERROR(OpenStore());
    RETURN_IF_ERROR(OpenTrail());
    RETURN_IF_ERROR(OpenEngine());
    RETURN_IF_ERROR(OpenServer());
    if (!config_.listen_tcp.empty()) WatchCertificates();
    // The filter is the process's and stays.
    static bool filtered = false;
    if (!std::exchange(filtered, true)) RETURN_IF_ERROR(FilterSystemCalls());
    Announce();
    return absl::OkStatus();
  }

  // Until something asks the daemon to stop.
  void Wait() { main_.run(); }

  // False when something does not end.
  bool Stop() {
    sd_notify(0, restored_ ? "RELOADING=1" : "STOPPING=1");
    const absl::Time deadline = absl::Now() + config_.stop_deadline;
    if (server_ != nullptr) server_->AnnounceStop();
    if (engine_thread_.joinable() && !StopEngine(deadline)) return false;
    if (server_ != nullptr) server_->Shutdown(deadline);
    server_ = nullptr;
    engine_context_.stop();
    if (engine_thread_.joinable()) engine_thread_.join();
    if (trail_ != nullptr && broken_.ok()) {
      const absl::Status noted = Note("daemon/stop", "");
      // A store that a back-up replaced takes nothing any more.
      if (!noted.ok() && !restored_) NoteBroken(noted);
    }
    trail_ = nullptr;
    return true;
  }

  absl::Status broken() const { return broken_; }
  // Whether a back-up waits to take the store's place.
  bool restored() const { return restored_; }

 private:
  absl::Status OpenStore() {
    store::SqliteOptions options;
    options.path = config_.StorePath();
    // In this order: a crash in between must not leave the store that came back
    // beside the checkpoints of the other one.
    if (store::ReplacementWaits(options.path)) {
      RETURN_IF_ERROR(SetCheckpointsAside());
    }
    RETURN_IF_ERROR(store::TakeUpReplacement(options.path));
    const bool held = store::IsHeld(options.path);
    options.on_broken = [this](const absl::Status& why) { Break(why); };
    options.audit_sealer = &sealer_;
    ASSIGN_OR_RETURN(store_, store::OpenSqliteStore(std::move(options)));
    // Of what came back nothing goes on before somebody says so: the daemon
    // that it is of may still be at work.
    if (held || config_.root_key.needs_passphrase()) {
      vault_ = std::make_unique<vault::Vault>(*store_);
      log_.Write(LogLevel::kWarning, "sealed",
                 {{"next", "keyturn admin unseal"}});
      return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(root_keys_, vault::ReadRootKeys(config_.root_key, {}));
    ASSIGN_OR_RETURN(vault_,
                     vault::Vault::Open(*store_, *root_keys_, absl::Now()));
    return absl::OkStatus();
  }

  // They are those of the store that was replaced.
  absl::Status SetCheckpointsAside() {
    log_.Write(LogLevel::kWarning, "a back-up takes the store's place",
               {{"former", absl::StrCat(config_.StorePath(), ".replaced")}});
    const std::string& path = config_.audit_checkpoints;
    const std::string aside = absl::StrCat(path, ".replaced");
    if (path.empty() || rename(path.c_str(), aside.c_str()) == 0 ||
        errno == ENOENT) {
      return absl::OkStatus();
    }
    return absl::UnavailableError(absl::StrCat(
        "cannot rename ", path, " to ", aside, ": ", std::strerror(errno)));
  }

  absl::Status OpenTrail() {
    RETURN_IF_ERROR(KeyTrail());
    if (sealer_.key() != nullptr) {
      RETURN_IF_ERROR(LookForOldCopy(sealer_.key()));
    }
    // Under a key it vouches for whatever stands before it.
    RETURN_IF_ERROR(
        Note("daemon/start", absl::StrCat("version ", KEYTURN_VERSION)));
    trail_ = std::make_unique<audit::Trail>(audit::Trail::Options{
        *store_, sealer_, base::RealClock(), config_.audit_checkpoints,
        config_.checkpoint_interval,
        [this](const std::string& line) {
          log_.Write(LogLevel::kInfo, "audit checkpoint",
                     {{"checkpoint", line}});
        },
        [this](const std::string& line) {
          log_.Write(LogLevel::kError, line);
        }});
    return absl::OkStatus();
  }

  // Gives the trail its key, or takes it away: it comes and goes with the
  // vault's.
  absl::Status KeyTrail() {
    if (vault_->sealed()) {
      sealer_.SetKey(nullptr);
      return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(const secret::Secret secret,
                     vault_->DeriveKey(audit::kKeyPurpose));
    ASSIGN_OR_RETURN(audit::ChainKey key, audit::ChainKey::DeriveFrom(secret));
    sealer_.SetKey(std::make_shared<audit::ChainKey>(std::move(key)));
    return absl::OkStatus();
  }

  // Refuses a database that was put back; what else there is to say of the
  // trail's end goes to the log.
  absl::Status LookForOldCopy(
      const std::shared_ptr<const audit::ChainKey>& key) {
    ASSIGN_OR_RETURN(
        const std::vector<std::string> found,
        audit::LookForOldCopy(*store_, key, config_.audit_checkpoints));
    for (const std::string& line : found) log_.Write(LogLevel::kError, line);
    return absl::OkStatus();
  }

  absl::Status CheckBeforeOpening(const vault::Keyring& keyring) {
    ASSIGN_OR_RETURN(
        audit::ChainKey key,
        audit::ChainKey::DeriveFrom(keyring.DeriveKey(audit::kKeyPurpose)));
    return LookForOldCopy(std::make_shared<audit::ChainKey>(std::move(key)));
  }

  void RekeyTrail() {
    if (const absl::Status status = KeyTrail(); !status.ok()) {
      log_.Write(LogLevel::kError, "the audit trail has no key",
                 {{"cause", base::MessageOf(status)}});
    }
  }

  // Whoever unseals a store that came back says that it may be worked on.
  void ReleaseStore() {
    const absl::Status released = store::Release(config_.StorePath());
    if (!released.ok()) {
      log_.Write(LogLevel::kError,
                 "the next start will be sealed again, as after a restore",
                 {{"cause", base::MessageOf(released)}});
    }
  }

  // Writes what the daemon did by itself to the trail.
  absl::Status Note(std::string_view action, std::string detail) {
    store::AuditRow row;
    row.time = absl::Now();
    row.actor = "daemon";
    row.transport = "internal";
    row.action = action;
    row.target = "server";
    row.result = "OK";
    row.detail = std::move(detail);
    store::Batch batch;
    batch.audit.push_back(std::move(row));
    return store_->CommitAndWait(std::move(batch)).status();
  }

  absl::Status OpenEngine() {
    ASSIGN_OR_RETURN(http::AllowedHosts hosts,
                     http::AllowedHosts::Parse(config_.allowed_hosts));
    steps::AccountClients::Options clients{
        *store_, *vault_, base::RealClock(),
        [this](const http::Exchange& exchange) { LogExchange(exchange); }};
    ASSIGN_OR_RETURN(clients_, steps::AccountClients::Open(
                                   engine_context_, std::move(clients), hosts));
    engine_ = engine::Engine::Create(
        engine_context_, {*store_, *vault_, *clients_, base::RealClock(),
                          [this](const absl::Status& why) { Break(why); },
                          [this](const std::string& line) {
                            log_.Write(LogLevel::kInfo, line);
                          }});
    RETURN_IF_ERROR(engine_->Start());
    registry_ = std::make_unique<engine::Registry>(engine::Registry::Options{
        *store_, *vault_, *engine_, base::RealClock(), std::move(hosts),
        [this](const std::string& account) {
          asio::post(engine_context_,
                     [this, account] { clients_->Forget(account); });
        }});
    custodian_ = std::make_unique<engine::Custodian>(
        engine::Custodian::Options{*store_, *vault_, *engine_,
                                   base::RealClock(), config_.root_key,
                                   [this](const std::string& line) {
                                     log_.Write(LogLevel::kWarning, line);
                                   },
                                   engine::kSealsPerDataKeyMax,
                                   [this](bool sealed) {
                                     RekeyTrail();
                                     if (!sealed) ReleaseStore();
                                   },
                                   [this](const vault::Keyring& keyring) {
                                     return CheckBeforeOpening(keyring);
                                   }},
        std::exchange(root_keys_, std::nullopt));
    engine_thread_ = std::thread([this] { engine_context_.run(); });
    pthread_setname_np(engine_thread_.native_handle(), "kt-engine");
    return absl::OkStatus();
  }

  absl::Status OpenServer() {
    rpc::DaemonFacts facts;
    facts.version = KEYTURN_VERSION;
    facts.started_at = started_at_;
    facts.allowed_hosts = config_.allowed_hosts;
    facts.diagnose = [this] { return Diagnose(config_, log_); };
    std::optional<rpc::Server::Tcp> tcp;
    if (!config_.listen_tcp.empty()) {
      ASSIGN_OR_RETURN(tcp, ReadTls(config_, config_.outside_ca));
      if (const absl::Status renewed = RenewServerCertificate(config_, *tcp);
          !renewed.ok()) {
        LogCertificateTrouble(renewed);
      }
      served_ = FilesOf(*tcp);
      ASSIGN_OR_RETURN(facts.server_certificate_expires_at,
                       access::ExpiryOfCertificate(tcp->certificate_pem));
    }
    rpc::Server::Options options{
        *store_,
        *engine_,
        *registry_,
        *trail_,
        *custodian_,
        base::RealClock(),
        std::move(facts),
        [this] { return vault_->DeriveKey(kFingerprintPurpose); },
        std::move(tcp),
        config_.listen_unix,
        [this](const rpc::CallRecord& record) { LogCall(record); },
        [this](const std::string& line) {
          // A refused connection differs from the next one in its numbers.
          log_.WriteLimited(line.substr(0, line.find_first_of("0123456789")),
                            LogLevel::kWarning, line);
        },
        /*records_requests=*/config_.log_level == LogLevel::kDebug};
    options.store_path = config_.StorePath();
    options.on_restored = [this] {
      asio::post(main_, [this] {
        restored_ = true;
        main_.stop();
      });
    };
    options.unix_peers = config_.unix_peers;
    options.unix_group = config_.unix_group;
    ASSIGN_OR_RETURN(server_, rpc::Server::Start(std::move(options)));
    return absl::OkStatus();
  }

  // What of the files counts for whether they changed.
  static std::string FilesOf(const rpc::Server::Tcp& tcp) {
    std::string files = absl::StrCat(tcp.ca_pem, tcp.certificate_pem);
    if (tcp.outside_ca.has_value()) {
      absl::StrAppend(&files, tcp.outside_ca->ca_pem,
                      tcp.outside_ca->grants.ToText());
    }
    return files;
  }

  // Looks at the files now and then, and on SIGHUP.
  void WatchCertificates() {
    certificate_timer_.expires_after(
        absl::ToChronoSeconds(kCertificateCheckInterval));
    certificate_timer_.async_wait([this](const asio::error_code& error) {
      if (error) return;
      CheckCertificates();
      WatchCertificates();
    });
    WaitForHangup();
  }

  void WaitForHangup() {
    if (std::exchange(waits_for_hangup_, true)) return;
    hangup_.async_wait([this](const asio::error_code& error, int) {
      waits_for_hangup_ = false;
      if (error) return;
      CheckCertificates();
      WaitForHangup();
    });
  }

  // What cannot be used changes nothing: the certificates that are served stay.
  void CheckCertificates() {
    const absl::StatusOr<OutsideCaConfig> outside = ReadOutsideCa(config_.path);
    absl::StatusOr<rpc::Server::Tcp> tcp =
        outside.ok() ? ReadTls(config_, *outside)
                     : absl::StatusOr<rpc::Server::Tcp>(outside.status());
    absl::Status status = tcp.status();
    if (status.ok()) status = RenewServerCertificate(config_, *tcp);
    const std::string files = status.ok() ? FilesOf(*tcp) : std::string();
    if (status.ok() && files == served_) return;
    if (status.ok()) status = server_->UseCertificates(*std::move(tcp));
    if (status.ok()) {
      served_ = files;
      log_.Write(LogLevel::kInfo, "new certificates are served");
      return;
    }
    LogCertificateTrouble(status);
  }

  void LogCertificateTrouble(const absl::Status& status) {
    log_.Write(LogLevel::kError, "certificates cannot be renewed or used",
               {{"cause", base::MessageOf(status)}});
  }

  void Announce() {
    const secret::MemoryReport memory = secret::DescribeMemory();
    log_.Write(LogLevel::kInfo, "ready",
               {{"version", KEYTURN_VERSION},
                {"tcp", config_.listen_tcp},
                {"unix", config_.listen_unix},
                {"data", config_.data_dir},
                {"pid", absl::StrCat(getpid())},
                {"secrets", std::string(Name(memory.protection))},
                {"secretsKib", absl::StrCat(memory.arena_bytes >> 10)},
                {"seccomp", FiltersSystemCalls() ? "on" : "off"},
                {"ms", Milliseconds(absl::Now() - started_at_)}});
    sd_notify(0, "READY=1");
  }

  bool StopEngine(absl::Time deadline) {
    auto stopped = std::make_shared<std::promise<void>>();
    std::future<void> done = stopped->get_future();
    engine_->Stop(deadline, [stopped] { stopped->set_value(); });
    const auto end = absl::ToChronoTime(deadline + kStopMarginMax);
    if (done.wait_until(end) == std::future_status::ready) return true;
    log_.Write(LogLevel::kError, "the engine does not stop in time");
    return false;
  }

  // Called on the store's or the engine's thread.
  void Break(const absl::Status& why) {
    asio::post(main_, [this, why] {
      NoteBroken(why);
      main_.stop();
    });
  }

  void NoteBroken(const absl::Status& why) {
    if (broken_.ok()) {
      log_.Write(LogLevel::kError, "the store is broken",
                 {{"reason", base::ReasonOf(why)},
                  {"cause", base::MessageOf(why)},
                  {"next", NextStepOf(why)}});
    }
    broken_.Update(why);
  }

  void LogCall(const rpc::CallRecord& record) {
    const LogLevel level =
        record.internal_id.empty() ? LogLevel::kInfo : LogLevel::kError;
    std::vector<LogField> fields = {{"rpc", record.rpc},
                                    {"identity", record.identity},
                                    {"transport", record.transport},
                                    {"code", CodeName(record.code)},
                                    {"reason", record.reason},
                                    {"ms", Milliseconds(record.duration)},
                                    {"request", record.request_id},
                                    {"asked", record.request},
                                    {"error", record.internal_id},
                                    {"cause", record.internal_message}};
    if (record.code == grpc::StatusCode::OK) {
      log_.Write(level, "call", fields);
      return;
    }
    log_.WriteLimited(
        absl::StrCat(record.rpc, " ", record.identity, " ", record.reason),
        level, "call", std::move(fields));
  }

  void LogExchange(const http::Exchange& exchange) {
    log_.Write(LogLevel::kDebug, "outside",
               {{"method", std::string(http::Name(exchange.method))},
                {"host", exchange.host},
                {"path", exchange.path},
                {"status", absl::StrCat(exchange.status)},
                {"error", base::MessageOf(exchange.error)},
                {"ms", Milliseconds(exchange.duration)}});
  }

  const Config& config_;
  Log& log_;
  absl::Time started_at_;
  absl::Status broken_;
  bool restored_ = false;

  asio::io_context main_;
  asio::executor_work_guard<asio::io_context::executor_type> main_work_{
      main_.get_executor()};
  asio::signal_set stop_signals_{main_, SIGTERM, SIGINT};
  asio::signal_set hangup_{main_, SIGHUP};
  bool waits_for_hangup_ = false;
  asio::steady_timer certificate_timer_{main_};
  // The certificates that are served.
  std::string served_;

  audit::Sealer sealer_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<audit::Trail> trail_;
  std::unique_ptr<vault::Vault> vault_;
  // On its way from the vault's opening to the custodian.
  std::optional<vault::RootKeys> root_keys_;
  asio::io_context engine_context_;
  asio::executor_work_guard<asio::io_context::executor_type> engine_work_{
      engine_context_.get_executor()};
  std::unique_ptr<steps::AccountClients> clients_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<engine::Registry> registry_;
  std::unique_ptr<engine::Custodian> custodian_;
  std::thread engine_thread_;
  std::unique_ptr<rpc::Server> server_;
};

}  // namespace

absl::Status CheckFiles(const Config& config) {
  if (!config.listen_tcp.empty())
    RETURN_IF_ERROR(ReadTls(config, config.outside_ca).status());
  for (const vault::RootKeySource& source : config.root_key.All()) {
    if (const auto* file = std::get_if<vault::PassphraseFile>(&source)) {
      RETURN_IF_ERROR(vault::ReadPassphraseFile(file->path).status());
    } else {
      RETURN_IF_ERROR(vault::ReadRootKey(source, secret::Secret()).status());
    }
  }
  return absl::OkStatus();
}

ExitCode ExitCodeOf(const absl::Status& status) {
  const std::string reason = base::ReasonOf(status);
  if (reason == "STORE_LOCKED") return kLocked;
  if (reason == "MEMORY_NOT_LOCKED") return kBadConfiguration;
  if (reason == "AUDIT_UNWRITABLE") return kAuditUnwritable;
  if (reason == "STORE_ROLLED_BACK" || reason == "CREDENTIALS_ROLLED_BACK") {
    return kRolledBack;
  }
  if (reason == "DISK_FULL" || reason == "DISK_READ_ONLY" ||
      reason == "DISK_ERROR" || status.code() == absl::StatusCode::kDataLoss) {
    return kStoreBroken;
  }
  if (status.code() == absl::StatusCode::kInvalidArgument) {
    return kBadConfiguration;
  }
  return kFailed;
}

namespace {

// Until the daemon stops; empty: it is to start anew with a back-up that came
// back.
std::optional<ExitCode> RunOnce(const Config& config, Log& log) {
  Daemon daemon(config, log);
  const absl::Status started = daemon.Start();
  if (started.ok()) {
    daemon.Wait();
  } else {
    log.Write(LogLevel::kError, "cannot start",
              {{"code", absl::StatusCodeToString(started.code())},
               {"reason", base::ReasonOf(started)},
               {"cause", base::MessageOf(started)},
               {"next", NextStepOf(started)}});
  }
  // What does not end is cut: all that was answered is durable.
  if (!daemon.Stop()) std::_Exit(kFailed);
  if (!started.ok()) return ExitCodeOf(started);
  if (!daemon.broken().ok()) {
    return base::ReasonOf(daemon.broken()) == "AUDIT_UNWRITABLE"
               ? kAuditUnwritable
               : kStoreBroken;
  }
  if (daemon.restored()) return std::nullopt;
  log.Write(LogLevel::kInfo, "stopped");
  return kStopped;
}

}  // namespace

ExitCode RunDaemon(const Config& config, Log& log) {
  RouteGrpcLog(log);
  std::optional<ExitCode> ended;
  while (!ended.has_value()) ended = RunOnce(config, log);
  return *ended;
}

}  // namespace keyturn::app
