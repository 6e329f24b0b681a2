// How callers over TCP come by their certificates, and lose them.
#ifndef KEYTURN_DAEMON_RPC_ENROLMENT_H_
#define KEYTURN_DAEMON_RPC_ENROLMENT_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "daemon/access/certificates.h"
#include "daemon/access/identity.h"
#include "daemon/access/rate_limit.h"
#include "daemon/audit/trail.h"
#include "daemon/base/clock.h"
#include "daemon/base/mutex.h"
#include "daemon/engine/engine.h"
#include "daemon/rpc/gate.h"
#include "daemon/rpc/identity_book.h"
#include "daemon/secret/secret.h"
#include "daemon/store/store.h"

namespace keyturn::rpc {

// Tokens that one address may get wrong at once, and how long until it may try
// one more. Nobody guesses 256 bits; this bounds what trying costs.
inline constexpr int kRefusedEnrolmentsMax = 10;
inline constexpr absl::Duration kRefusedEnrolmentInterval = absl::Seconds(30);

struct InvitationRequest {
  std::string name;
  access::Roles roles;
  access::AccountScope accounts;
  absl::Duration ttl;
  int uses = 1;
};

struct IssuedInvitation {
  // For the caller's eyes; kept nowhere.
  secret::Secret token;
  store::Invitation invitation;
  std::string ca_fingerprint;
};

struct IssuedCertificate {
  std::string certificate_pem;
  std::string ca_pem;
  access::Identity identity;
};

// Thread-safe. Callbacks run on the store's thread or the caller's.
class Enrolment {
 public:
  struct Options {
    store::Store& store;
    base::Clock& clock;
    IdentityBook& book;
    // Told of what was refused, so much that a flood does not fill it.
    audit::Trail& trail;
    // Signs certificates; without it nobody can enrol.
    std::optional<access::CertifiedKey> authority;
    // Makes a repeated request's token the same again.
    FingerprintKeySource token_key;
  };
  explicit Enrolment(Options options);

  // From now on this one signs.
  void SetAuthority(access::CertifiedKey authority);

  // FailedPrecondition (ENROLLMENT_OFF) without an authority.
  void Invite(engine::Caller caller, InvitationRequest request,
              engine::Callback<IssuedInvitation> callback);

  // `caller` is anonymous, or at least need not be anybody; `address` is what
  // attempts are counted by. Unauthenticated (INVITATION_REFUSED) for any token
  // that is not good; ResourceExhausted (TOO_MANY_REFUSALS) for an address that
  // had too many of those; InvalidArgument for the certificate request.
  void Enroll(engine::Caller caller, const std::string& address,
              std::string_view token, const std::string& certificate_request,
              engine::Callback<IssuedCertificate> callback);

  // A certificate like the caller's own. FailedPrecondition (NO_CERTIFICATE)
  // for one who has none.
  void Renew(engine::Caller caller, const access::Identity& identity,
             const std::string& certificate_request,
             engine::Callback<IssuedCertificate> callback);

  // Done when it is in force. NotFound (IDENTITY_NOT_FOUND).
  void Revoke(engine::Caller caller, std::string name,
              std::function<void(absl::Status)> callback);

  // Enrolments that were refused since the daemon started.
  int64_t refusals() const { return refusals_; }

 private:
  // Gets the stored answer, be it of now or of the first time.
  using Answer = std::function<void(absl::StatusOr<std::string>)>;

  struct Authority {
    access::CertifiedKey ca;
    std::string fingerprint;
  };

  // FailedPrecondition (ENROLLMENT_OFF) when there is none.
  absl::StatusOr<std::shared_ptr<const Authority>> GetAuthority() const;
  absl::Status Refuse(const engine::Caller& caller, const std::string& address);
  // Tells the trail that it was refused, and gives it back.
  absl::Status Tell(const engine::Caller& caller, absl::Status refused);
  absl::StatusOr<secret::Secret> SecretFor(const engine::Caller& caller) const;
  absl::StatusOr<store::Invitation> OpenInvitation(
      const std::string& hash) const;
  static absl::StatusOr<IssuedCertificate> Sign(const Authority& authority,
                                                const std::string& request,
                                                const std::string& name,
                                                const access::Grant& grant,
                                                absl::Time now);
  void StoreCertificate(engine::Caller caller, std::string action,
                        const IssuedCertificate& issued,
                        store::AddCertificate write, Answer answer);
  bool AnswerRepeated(const engine::Caller& caller, const Answer& answer);
  store::Batch NewBatch(const engine::Caller& caller, std::string_view action,
                        const std::string& name, std::string answer);
  void Commit(const engine::Caller& caller, store::Batch batch, Answer answer);
  static Answer AnswerCertificate(std::shared_ptr<const Authority> authority,
                                  engine::Callback<IssuedCertificate> callback);

  store::Store& store_;
  base::Clock& clock_;
  IdentityBook& book_;
  audit::Trail& trail_;
  const FingerprintKeySource token_key_;

  access::RateLimit refused_;
  std::atomic<int64_t> refusals_ = 0;

  mutable base::Mutex mutex_;
  // Null: none.
  std::shared_ptr<const Authority> authority_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace keyturn::rpc

#endif  // KEYTURN_DAEMON_RPC_ENROLMENT_H_
