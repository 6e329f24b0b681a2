#include "daemon/engine/custodian.h"

#include <pthread.h>

#include <asio/post.hpp>
#include <memory>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "daemon/audit/chain.h"
#include "daemon/base/status.h"
#include "daemon/engine/trail_rows.h"
#include "daemon/vault/keyring.h"
#include "daemon/vault/sealing.h"

namespace keyturn::engine {
namespace {

constexpr char kTarget[] = "vault";
constexpr char kSealAction[] = "keyturn.v1.Admin/Seal";
constexpr char kUnsealAction[] = "keyturn.v1.Admin/Unseal";
constexpr char kRotateAction[] = "keyturn.v1.Admin/RotateKey";

bool IsPassphrase(const vault::RootKeySource& source) {
  return std::holds_alternative<vault::PassphraseFile>(source);
}

absl::Status TooManyUnseals() {
  return base::WithReason(
      absl::ResourceExhaustedError(
          absl::StrCat(kUnsealsWaitingMax,
                       " unsealings wait for their turn already; try again "
                       "when they have been answered")),
      "BUSY");
}

// Who rotates without being asked.
Caller Ourselves() {
  Caller caller;
  caller.identity = "daemon";
  return caller;
}

VaultStatus::DataKey Describe(const store::WrappedDataKey& key) {
  const absl::StatusOr<std::string_view> root =
      vault::EnvelopeKeyId(key.wrapped);
  return {key.id, key.created_at, key.seals, key.versions,
          root.ok() ? std::string(*root) : ""};
}

}  // namespace

Custodian::Custodian(Options options, std::optional<vault::RootKeys> root_keys)
    : options_(std::move(options)),
      root_keys_(std::move(root_keys)),
      thread_([this] { context_.run(); }) {
  pthread_setname_np(thread_.native_handle(), "kt-vault");
  if (options_.vault.sealed()) {
    const absl::StatusOr<int64_t> failed = CountFailedUnseals();
    base::MutexLock lock(mutex_);
    failed_unseals_ = failed.ok() ? *failed : 0;
  }
  asio::post(context_, [this] {
    CheckRows("");
    LookAtSeals();
  });
}

Custodian::~Custodian() {
  context_.stop();
  thread_.join();
  TellSums();
}

absl::StatusOr<VaultStatus> Custodian::Status() const {
  const vault::RootKeySources& sources = options_.sources;
  VaultStatus status;
  status.sealed = options_.vault.sealed();
  status.root_key = vault::Describe(sources.current);
  status.needs_passphrase = IsPassphrase(sources.current);
  if (sources.previous) {
    status.previous_root_key = vault::Describe(*sources.previous);
    status.needs_previous_passphrase = IsPassphrase(*sources.previous);
  }
  ASSIGN_OR_RETURN(const std::vector<store::WrappedDataKey> stored,
                   options_.store.ReadDataKeys());
  for (const store::WrappedDataKey& key : stored) {
    status.data_keys.push_back(Describe(key));
    status.versions += key.versions;
  }
  if (!stored.empty()) {
    status.versions_to_reseal = status.versions - stored.back().versions;
  }
  base::MutexLock lock(mutex_);
  status.failed_unseals = failed_unseals_;
  if (root_keys_.has_value()) {
    ASSIGN_OR_RETURN(status.root_key_id,
                     vault::KeyIdOf(root_keys_->current.key));
  }
  return status;
}

// --- Sealing ---

void Custodian::Seal(const Caller& caller, Callback<VaultStatus> callback) {
  options_.engine.Park([this, caller, callback = std::move(callback)] {
    {
      base::MutexLock lock(mutex_);
      root_keys_.reset();
    }
    // A change of keys that was under way may have given it keys again.
    options_.vault.DropKeys();
    asio::post(context_, [this, caller, callback] {
      options_.log(absl::StrCat("the vault was sealed by ", caller.identity));
      Tell();
      const absl::Status recorded =
          Record(caller, kSealAction, absl::OkStatus());
      callback(recorded.ok() ? Status() : recorded);
    });
  });
}

void Custodian::Unseal(const Caller& caller, vault::Passphrases passphrases,
                       Callback<VaultStatus> callback) {
  if (!TakePlace()) {
    callback(TooManyUnseals());
    return;
  }
  auto given = std::make_shared<vault::Passphrases>(std::move(passphrases));
  asio::post(context_, [this, caller, given = std::move(given),
                        callback = std::move(callback)] {
    const absl::Status status = TryToUnseal(caller, *given);
    *given = vault::Passphrases();
    GivePlaceBack(status.ok());
    callback(status.ok() ? Status() : status);
  });
}

absl::Status Custodian::TryToUnseal(const Caller& caller,
                                    const vault::Passphrases& passphrases) {
  if (!options_.vault.sealed()) return absl::OkStatus();
  absl::StatusOr<vault::RootKeys> root_keys =
      vault::ReadRootKeys(options_.sources, passphrases);
  absl::StatusOr<vault::Keyring> keyring = absl::UnknownError("");
  if (!root_keys.ok()) {
    keyring = root_keys.status();
  } else {
    keyring =
        vault::OpenKeyring(options_.store, *root_keys, options_.clock.Now());
  }
  if (keyring.ok() && options_.before_opening) {
    const absl::Status status = options_.before_opening(*keyring);
    if (!status.ok()) keyring = status;
  }
  if (!keyring.ok()) {
    options_.log(absl::StrCat("an unsealing by ", caller.identity,
                              " failed: ", base::ReasonOf(keyring.status())));
    Deny(caller, keyring.status());
    return keyring.status();
  }
  TellSums();
  // Nothing is opened that the trail does not know of.
  RETURN_IF_ERROR(Record(caller, kUnsealAction, absl::OkStatus()));
  {
    base::MutexLock lock(mutex_);
    root_keys_ = *std::move(root_keys);
    options_.vault.TakeKeys(*std::move(keyring));
  }
  options_.engine.Unpark();
  options_.log(absl::StrCat("the vault was unsealed by ", caller.identity));
  Tell();
  ResealSoon();
  asio::post(context_, [this] { CheckRows(""); });
  return absl::OkStatus();
}

bool Custodian::TakePlace() {
  base::MutexLock lock(mutex_);
  if (unseals_waiting_ >= kUnsealsWaitingMax) return false;
  ++unseals_waiting_;
  return true;
}

void Custodian::GivePlaceBack(bool succeeded) {
  base::MutexLock lock(mutex_);
  --unseals_waiting_;
  failed_unseals_ = succeeded ? 0 : failed_unseals_ + 1;
}

// --- Changing keys ---

void Custodian::RotateDataKey(const Caller& caller,
                              Callback<VaultStatus> callback) {
  Change(caller, std::move(callback),
         [this, caller] { return MakeDataKey(caller); });
}

void Custodian::Rewrap(const Caller& caller, Callback<VaultStatus> callback) {
  Change(caller, std::move(callback),
         [this, caller] { return WrapAnew(caller); });
}

void Custodian::Change(const Caller& caller, Callback<VaultStatus> callback,
                       std::function<absl::Status()> change) {
  asio::post(context_, [this, caller, callback = std::move(callback),
                        change = std::move(change)] {
    absl::Status status = change();
    // What the first one made is there; see Status.
    if (base::ReasonOf(status) == "REQUEST_REPEATED") status = absl::OkStatus();
    callback(status.ok() ? Status() : status);
  });
}

absl::Status Custodian::MakeDataKey(const Caller& caller) {
  ASSIGN_OR_RETURN(const std::vector<store::WrappedDataKey> stored,
                   options_.store.ReadDataKeys());
  if (stored.size() >= vault::kDataKeysMax) {
    return base::WithReason(absl::ResourceExhaustedError(absl::StrCat(
                                "the store has ", stored.size(),
                                " data keys, which is the most it may have")),
                            "TOO_MANY_DATA_KEYS");
  }
  store::Batch batch;
  {
    base::MutexLock lock(mutex_);
    if (!root_keys_.has_value()) return vault::SealedError();
    ASSIGN_OR_RETURN(
        vault::NewDataKey made,
        vault::MakeDataKey(root_keys_->current, options_.clock.Now()));
    batch.data_keys.push_back(std::move(made.wrapped));
  }
  RETURN_IF_ERROR(Commit(caller, kRotateAction, std::move(batch)));
  options_.log(absl::StrCat("a new data key was made by ", caller.identity));
  ResealSoon();
  return absl::OkStatus();
}

absl::Status Custodian::WrapAnew(const Caller& caller) {
  ASSIGN_OR_RETURN(const std::vector<store::WrappedDataKey> stored,
                   options_.store.ReadDataKeys());
  store::Batch batch;
  {
    base::MutexLock lock(mutex_);
    if (!root_keys_.has_value()) return vault::SealedError();
    if (!root_keys_->previous.has_value()) {
      return base::WithReason(
          absl::FailedPreconditionError(
              "there is no other root key to change to: make one with "
              "`keyturnd new-root-key`, name it under rootKey and the present "
              "one under rootKey.previous in the configuration, restart, then "
              "`keyturn admin rotate-key --root` again"),
          "NO_FORMER_ROOT_KEY");
    }
    ASSIGN_OR_RETURN(batch.data_keys,
                     vault::RewrapDataKeys(*root_keys_, stored));
  }
  const size_t count = batch.data_keys.size();
  RETURN_IF_ERROR(Commit(caller, kRotateAction, std::move(batch)));
  options_.log(
      absl::StrCat(count, " data keys were wrapped anew by ", caller.identity));
  return absl::OkStatus();
}

absl::Status Custodian::Commit(const Caller& caller, std::string_view action,
                               store::Batch batch) {
  const absl::Time now = options_.clock.Now();
  if (!caller.request_id.empty()) {
    batch.request = store::RequestRecord{caller.identity, caller.request_id,
                                         caller.fingerprint, kTarget, now};
  }
  batch.audit.push_back(RowOf(caller, action, kTarget, absl::OkStatus(), now));
  RETURN_IF_ERROR(options_.store.CommitAndWait(std::move(batch)).status());
  base::MutexLock lock(mutex_);
  // It was sealed meanwhile; the change is stored all the same.
  if (!root_keys_.has_value()) return absl::OkStatus();
  ASSIGN_OR_RETURN(vault::Keyring keyring,
                   vault::OpenKeyring(options_.store, *root_keys_, now));
  options_.vault.TakeKeys(std::move(keyring));
  return absl::OkStatus();
}

// --- For back-ups ---

absl::StatusOr<vault::BackUpSealer> Custodian::SealBackUp() const {
  base::MutexLock lock(mutex_);
  if (!root_keys_.has_value()) return vault::SealedError();
  return vault::BackUpSealer::Make(root_keys_->current, options_.clock.Now());
}

absl::StatusOr<secret::Secret> Custodian::OpenBackUpKey(
    std::string_view envelope, std::string_view identity) const {
  base::MutexLock lock(mutex_);
  if (!root_keys_.has_value()) return vault::SealedError();
  return vault::OpenUnderRoot(*root_keys_, envelope, identity);
}

absl::Status Custodian::OpenOther(store::Store& store,
                                  audit::Sealer& sealer) const {
  base::MutexLock lock(mutex_);
  if (!root_keys_.has_value()) return vault::SealedError();
  ASSIGN_OR_RETURN(const vault::Keyring keyring,
                   vault::UnwrapKeyring(store, *root_keys_));
  ASSIGN_OR_RETURN(
      audit::ChainKey key,
      audit::ChainKey::DeriveFrom(keyring.DeriveKey(audit::kKeyPurpose)));
  sealer.SetKey(std::make_shared<audit::ChainKey>(std::move(key)));
  return vault::OpenKeyring(store, *root_keys_, options_.clock.Now()).status();
}

// --- In the background ---

void Custodian::ResealSoon() {
  asio::post(context_, [this] { Reseal({}); });
}

void Custodian::Reseal(Progress progress) {
  if (options_.vault.sealed()) return;
  const absl::StatusOr<bool> more = ResealSome(progress);
  if (!more.ok()) {
    options_.log(absl::StrCat("sealing again under the new data key stopped: ",
                              more.status().message()));
    return;
  }
  // Others get their turn in between.
  if (*more) {
    asio::post(context_,
               [this, progress = std::move(progress)] { Reseal(progress); });
  }
}

absl::StatusOr<bool> Custodian::ResealSome(Progress& progress) {
  ASSIGN_OR_RETURN(const std::vector<store::WrappedDataKey> keys,
                   options_.store.ReadDataKeys());
  if (progress.key + 1 >= keys.size()) return false;
  ASSIGN_OR_RETURN(
      const std::vector<store::SealedVersion> rows,
      options_.store.ListSealedUnder(keys[progress.key].id, progress.place,
                                     kResealedAtOnceMax));
  if (rows.empty()) {
    progress = {progress.key + 1, {}};
    return true;
  }
  RETURN_IF_ERROR(ResealRows(rows, progress));
  return true;
}

absl::Status Custodian::ResealRows(
    const std::vector<store::SealedVersion>& rows, Progress& progress) {
  store::Batch batch;
  for (const store::SealedVersion& row : rows) {
    absl::StatusOr<store::CredentialWrite> write = options_.vault.Reseal(row);
    if (write.ok()) {
      batch.credentials.push_back(*std::move(write));
    } else if (absl::IsDataLoss(write.status())) {
      // It stays as it is; who asks for it is told.
      options_.log(base::MessageOf(write.status()));
    } else if (!absl::IsNotFound(write.status())) {
      return write.status();
    }
  }
  if (!batch.credentials.empty()) {
    const absl::Status stored =
        options_.store.CommitAndWait(std::move(batch)).status();
    // Somebody deleted one of them meanwhile: look again from the same place.
    if (absl::IsAborted(stored)) return absl::OkStatus();
    RETURN_IF_ERROR(stored);
  }
  progress.place = {rows.back().name, rows.back().number};
  return absl::OkStatus();
}

void Custodian::CheckRows(const std::string& page) {
  if (options_.vault.sealed()) return;
  const absl::StatusOr<store::Page<store::CredentialInfo>> credentials =
      options_.store.ListCredentials({kCheckedAtOnceMax, page});
  if (!credentials.ok()) {
    options_.log(absl::StrCat("the stored credentials cannot be looked at: ",
                              credentials.status().message()));
    return;
  }
  for (const store::CredentialInfo& credential : credentials->items) {
    for (const store::CredentialInfo::Version& version : credential.versions) {
      const absl::Status status =
          options_.vault.Check(credential.name, version.number);
      // One that was deleted meanwhile is no finding.
      if (absl::IsDataLoss(status)) options_.log(base::MessageOf(status));
    }
  }
  if (credentials->next.empty()) return;
  asio::post(context_, [this, next = credentials->next] { CheckRows(next); });
}

void Custodian::LookAtSeals() {
  const absl::StatusOr<std::vector<store::WrappedDataKey>> keys =
      options_.store.ReadDataKeys();
  const bool full =
      keys.ok() && !keys->empty() && keys->back().seals >= options_.seals_max;
  if (full && !options_.vault.sealed()) {
    const absl::Status status = MakeDataKey(Ourselves());
    if (!status.ok()) {
      options_.log(
          absl::StrCat("no new data key could be made: ", status.message()));
    }
  } else {
    ResealSoon();
  }
  timer_.expires_after(absl::ToChronoNanoseconds(kSealsLookInterval));
  timer_.async_wait([this](const asio::error_code& error) {
    if (!error) LookAtSeals();
  });
}

absl::Status Custodian::Record(const Caller& caller, std::string_view action,
                               const absl::Status& result) {
  store::AuditRow row =
      RowOf(caller, action, kTarget, result, options_.clock.Now());
  row.detail = base::ReasonOf(result);
  std::vector<store::AuditRow> rows;
  rows.push_back(std::move(row));
  return Write(std::move(rows));
}

void Custodian::Deny(const Caller& caller, const absl::Status& why) {
  const absl::Time now = options_.clock.Now();
  store::AuditRow row = RowOf(caller, kUnsealAction, kTarget, why, now);
  row.detail = base::ReasonOf(why);
  Write(denials_.Add(std::move(row), now)).IgnoreError();
  sums_timer_.expires_after(absl::ToChronoNanoseconds(audit::kDenialWindow));
  sums_timer_.async_wait([this](const asio::error_code& error) {
    if (!error) TellSums();
  });
}

void Custodian::TellSums() {
  const absl::Time now = options_.clock.Now();
  // The window need not be over.
  std::vector<store::AuditRow> sums = denials_.Sums(now + audit::kDenialWindow);
  for (store::AuditRow& sum : sums) sum.time = now;
  Write(std::move(sums)).IgnoreError();
}

absl::Status Custodian::Write(std::vector<store::AuditRow> rows) {
  if (rows.empty()) return absl::OkStatus();
  store::Batch batch;
  batch.audit = std::move(rows);
  return options_.store.CommitAndWait(std::move(batch)).status();
}

absl::StatusOr<int64_t> Custodian::CountFailedUnseals() const {
  store::AuditFilter filter;
  filter.action = kUnsealAction;
  // Not what was refused at the door.
  filter.target = kTarget;
  store::PageRequest page;
  int64_t failed = 0;
  do {
    ASSIGN_OR_RETURN(store::Page<store::AuditRow> rows,
                     options_.store.FindAuditRows(filter, page));
    for (const store::AuditRow& row : rows.items) {
      if (row.result == "OK") return failed;
      failed += audit::RefusalsIn(row);
    }
    page.after = std::move(rows.next);
  } while (!page.after.empty());
  return failed;
}

void Custodian::Listen(std::function<void(bool sealed)> listener) {
  base::MutexLock lock(mutex_);
  listener_ = std::move(listener);
  if (listener_) listener_(options_.vault.sealed());
}

void Custodian::Tell() {
  if (options_.on_change) options_.on_change(options_.vault.sealed());
  base::MutexLock lock(mutex_);
  if (listener_) listener_(options_.vault.sealed());
}

}  // namespace keyturn::engine
