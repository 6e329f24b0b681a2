// The accounts and credentials that the daemon works with: what administrators
// change by hand. Reading them is the store's business.
#ifndef KEYTURN_DAEMON_ENGINE_REGISTRY_H_
#define KEYTURN_DAEMON_ENGINE_REGISTRY_H_

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/base/clock.h"
#include "daemon/engine/engine.h"
#include "daemon/store/store.h"
#include "daemon/upstream/http/allowed_hosts.h"
#include "daemon/vault/payload.h"
#include "daemon/vault/vault.h"

namespace keyturn::engine {

// Accounts that name one credential, as far as TestCredential asks them.
inline constexpr size_t kTestedAccountsMax = 20;

// Thread-safe. Callbacks run on the store's or the engine's thread, or on the
// caller's own before the call returns; they must not block. A callback's OK
// means that the change is durable. A call that is repeated with its request id
// is answered as it was the first time. Every change leaves a row in the audit
// trail, in the same transaction; a refusal leaves one, too.
//
// Every call may return the store's errors, and those that changes something
// AlreadyExists (REQUEST_ID_REUSED); only the other errors are listed. Must
// outlive its calls.
class Registry {
 public:
  struct Options {
    store::Store& store;
    vault::Vault& vault;
    Engine& engine;
    base::Clock& clock;
    http::AllowedHosts allowed_hosts;
    // An account or its credential has changed: whatever was built from it is
    // to be built anew. Called on the store's thread; must not block.
    std::function<void(const std::string& account)> forget;
  };
  explicit Registry(Options options);

  // `account.created_at` is set here. AlreadyExists (ACCOUNT_EXISTS); NotFound
  // (CREDENTIAL_NOT_FOUND); FailedPrecondition (CREDENTIAL_KIND) when the
  // credential is none that such an account can log in with, (HOST_NOT_ALLOWED)
  // when its address is not among the allowed ones; InvalidArgument, naming the
  // field, for an address or account id of the wrong form.
  void CreateAccount(Caller caller, store::Account account,
                     Callback<store::Account> callback);

  // NotFound; FailedPrecondition (ACCOUNT_IN_USE).
  void DeleteAccount(Caller caller, std::string name,
                     std::function<void(absl::Status)> callback);

  // AlreadyExists (CREDENTIAL_EXISTS).
  void CreateCredential(Caller caller, std::string name, vault::Payload payload,
                        Callback<store::CredentialInfo> callback);

  // Adds a version that becomes CURRENT. NotFound; InvalidArgument
  // (CREDENTIAL_KIND) for a payload of another kind; Aborted when another
  // version came in between.
  void RotateCredential(Caller caller, std::string name, vault::Payload payload,
                        Callback<store::CredentialInfo> callback);

  // NotFound; FailedPrecondition (CREDENTIAL_IN_USE; SEALED).
  void DeleteCredential(Caller caller, std::string name,
                        std::function<void(absl::Status)> callback);

  // Tests each account that names the credential, one after the other, so that
  // a wrong one does not use up the tries of its user. NotFound;
  // FailedPrecondition (CREDENTIAL_UNUSED) when no account names it.
  void TestCredential(std::string name,
                      std::shared_ptr<vault::Openings> openings,
                      Callback<Findings> callback);

 private:
  // One change on its way to the store.
  struct Change {
    store::Batch batch;
    // What to answer when it is durable, now or to a repeated request.
    std::string answer;
    // Told to forget once the change is durable.
    std::vector<std::string> accounts;
  };
  // Gets Change::answer, be it of now or of the first time.
  using Answer = std::function<void(absl::StatusOr<std::string>)>;

  // Answers at once when this request was stored before.
  bool AnswerRepeated(const Caller& caller, const Answer& answer);
  Change NewChange(const Caller& caller, std::string_view action,
                   std::string target, std::string answer);
  void Commit(const Caller& caller, Change change, Answer answer);
  // Tells the trail, then answers `status`.
  void Refuse(store::AuditRow row, const absl::Status& status, Answer answer);
  absl::Status CheckAccount(store::Account& account);
  absl::Status CheckAddress(store::Account& account);
  absl::StatusOr<std::vector<std::string>> AccountsWith(
      std::string_view credential);

  store::Store& store_;
  vault::Vault& vault_;
  Engine& engine_;
  base::Clock& clock_;
  const http::AllowedHosts allowed_hosts_;
  const std::function<void(const std::string&)> forget_;
};

}  // namespace keyturn::engine

#endif  // KEYTURN_DAEMON_ENGINE_REGISTRY_H_
