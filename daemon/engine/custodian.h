// What administrators do with the vault: seal it, unseal it, change its keys.
#ifndef KEYTURN_DAEMON_ENGINE_CUSTODIAN_H_
#define KEYTURN_DAEMON_ENGINE_CUSTODIAN_H_

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "daemon/audit/denials.h"
#include "daemon/audit/sealer.h"
#include "daemon/base/clock.h"
#include "daemon/base/mutex.h"
#include "daemon/engine/engine.h"
#include "daemon/secret/secret.h"
#include "daemon/store/store.h"
#include "daemon/vault/back_up.h"
#include "daemon/vault/root_key.h"
#include "daemon/vault/vault.h"

namespace keyturn::engine {

// Unsealings that may wait for their turn; each may cost the memory and the
// time of a passphrase's derivation, so they go one after the other.
inline constexpr int kUnsealsWaitingMax = 8;
// Credentials that are looked at without a break.
inline constexpr int kCheckedAtOnceMax = 64;
// Versions that one transaction seals again.
inline constexpr int kResealedAtOnceMax = 64;
// Seals under one data key, after which a new one is made without being asked.
// Far below the 2^32 that AES-GCM with random nonces allows, although each seal
// has a key of its own (see vault/sealing.h).
inline constexpr int64_t kSealsPerDataKeyMax = int64_t{1} << 30;
// How often that is looked at. Not even a busy disk makes so many in between.
inline constexpr absl::Duration kSealsLookInterval = absl::Hours(1);

// How the vault stands, without anything secret.
struct VaultStatus {
  struct DataKey {
    std::string id;
    absl::Time created_at;
    int64_t seals = 0;
    int64_t versions = 0;
    std::string root_key_id;
  };
  bool sealed = false;
  // Where the root key comes from, see vault::Describe.
  std::string root_key;
  // Empty: no other root key is accepted.
  std::string previous_root_key;
  // What Unseal must be given.
  bool needs_passphrase = false;
  bool needs_previous_passphrase = false;
  // Since the last unsealing that succeeded, also before this start.
  int64_t failed_unseals = 0;
  // Oldest first; the last one is what is sealed under now.
  std::vector<DataKey> data_keys;
  int64_t versions = 0;
  int64_t versions_to_reseal = 0;
  // Of the current root key; empty while the vault is sealed.
  std::string root_key_id;
};

// Thread-safe; works on a thread of its own, which callbacks run on, too. Every
// call that changes something leaves a row in the audit trail; the only other
// errors are the store's and those that are listed.
//
// What was sealed under a former data key is sealed again in the background,
// some at a time. Nothing is remembered of that work: each step looks at what
// is stored, so it goes on after a restart or an unsealing. Also in the
// background, every stored version is opened once after each opening of the
// vault; what was altered is named in the log.
class Custodian {
 public:
  struct Options {
    // All outlive the object.
    store::Store& store;
    vault::Vault& vault;
    Engine& engine;
    base::Clock& clock;
    vault::RootKeySources sources;
    // One line for the operator's log; holds no secret.
    std::function<void(const std::string&)> log;
    int64_t seals_max = kSealsPerDataKeyMax;
    // As of Listen, but only after changes, and before whoever listens.
    std::function<void(bool sealed)> on_change = nullptr;
    // Before the vault is opened with these keys; an error leaves it sealed.
    std::function<absl::Status(const vault::Keyring&)> before_opening = nullptr;
  };
  // `root_keys` is what the vault was opened with; empty: it is sealed.
  Custodian(Options options, std::optional<vault::RootKeys> root_keys);
  // What waits is not done any more.
  ~Custodian();
  Custodian(const Custodian&) = delete;
  Custodian& operator=(const Custodian&) = delete;

  absl::StatusOr<VaultStatus> Status() const;

  // See Engine::Park. The keys go first, and the trail's row comes after that:
  // a disk that refuses must not keep anybody from sealing. Sealing what is
  // sealed is no error.
  void Seal(const Caller& caller, Callback<VaultStatus> callback);

  // Reads the root key from its source again and opens the vault. Unsealing
  // what is open is no error, whatever is given. ResourceExhausted (BUSY)
  // beyond kUnsealsWaitingMax; those of vault::ReadRootKeys and
  // vault::OpenKeyring, of which each leaves the vault sealed, is counted, and
  // is told in the trail, summed up as audit::Denials does: a flood of wrong
  // passphrases does not fill it.
  void Unseal(const Caller& caller, vault::Passphrases passphrases,
              Callback<VaultStatus> callback);

  // Makes a new data key, under which everything is sealed from now on. A call
  // that is repeated with its request id makes no second one.
  // FailedPrecondition (SEALED); ResourceExhausted (TOO_MANY_DATA_KEYS);
  // AlreadyExists (REQUEST_ID_REUSED).
  void RotateDataKey(const Caller& caller, Callback<VaultStatus> callback);

  // Wraps all data keys by the current root key, in one transaction: at every
  // instant the store opens with the former root key or with the current one,
  // and both are accepted while the configuration names both.
  // FailedPrecondition (SEALED; NO_FORMER_ROOT_KEY when it names only one).
  void Rewrap(const Caller& caller, Callback<VaultStatus> callback);

  // For back-ups: what seals a new one, and the key of one that comes back, see
  // vault/back_up.h. FailedPrecondition (SEALED).
  absl::StatusOr<vault::BackUpSealer> SealBackUp() const;
  absl::StatusOr<secret::Secret> OpenBackUpKey(std::string_view envelope,
                                               std::string_view identity) const;
  // That our root keys open the data keys of `store`, another one than ours,
  // and that its credentials are whole. From then on `sealer`, which is that
  // store's, has the key of its trail. FailedPrecondition (SEALED); those of
  // vault::OpenKeyring.
  absl::Status OpenOther(store::Store& store, audit::Sealer& sealer) const;

  // Calls `listener` with what holds now, and again after each change, on this
  // object's thread. One at a time; empty: nobody listens any more.
  void Listen(std::function<void(bool sealed)> listener);

 private:
  absl::Status TryToUnseal(const Caller& caller,
                           const vault::Passphrases& passphrases);
  // Of those that wait for their turn.
  bool TakePlace();
  void GivePlaceBack(bool succeeded);

  // Runs `change` on the thread, unless the request was answered before.
  void Change(const Caller& caller, Callback<VaultStatus> callback,
              std::function<absl::Status()> change);
  absl::Status MakeDataKey(const Caller& caller);
  absl::Status WrapAnew(const Caller& caller);
  // Stores `batch` with a row of the trail and reads the keys again.
  absl::Status Commit(const Caller& caller, std::string_view action,
                      store::Batch batch);

  // How far the work has come: up to `place` of the versions under the data key
  // of that position.
  struct Progress {
    size_t key = 0;
    store::VersionPlace place;
  };
  void ResealSoon();
  void Reseal(Progress progress);
  // One batch; true: there may be more.
  absl::StatusOr<bool> ResealSome(Progress& progress);
  absl::Status ResealRows(const std::vector<store::SealedVersion>& rows,
                          Progress& progress);
  void LookAtSeals();
  // Opens every version once, from that page of the credentials on, and names
  // in the log those that were altered. After each opening of the vault, so
  // that nobody has to use a credential to learn that it is lost.
  void CheckRows(const std::string& page);

  absl::Status Record(const Caller& caller, std::string_view action,
                      const absl::Status& result);
  // Tells the trail of an unsealing that failed.
  void Deny(const Caller& caller, const absl::Status& why);
  // Those that are only summed up yet.
  void TellSums();
  absl::Status Write(std::vector<store::AuditRow> rows);
  // Of those that the trail tells of, as of VaultStatus.
  absl::StatusOr<int64_t> CountFailedUnseals() const;
  void Tell();

  const Options options_;
  asio::io_context context_;
  asio::executor_work_guard<asio::io_context::executor_type> work_{
      context_.get_executor()};
  asio::steady_timer timer_{context_};
  asio::steady_timer sums_timer_{context_};
  audit::Denials denials_;

  mutable base::Mutex mutex_;
  // What the vault is open with; new data keys are wrapped by it.
  std::optional<vault::RootKeys> root_keys_ ABSL_GUARDED_BY(mutex_);
  int unseals_waiting_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t failed_unseals_ ABSL_GUARDED_BY(mutex_) = 0;
  std::function<void(bool)> listener_ ABSL_GUARDED_BY(mutex_);

  std::thread thread_;
};

}  // namespace keyturn::engine

#endif  // KEYTURN_DAEMON_ENGINE_CUSTODIAN_H_
