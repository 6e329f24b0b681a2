// Whose certificates are let in over TCP: our own authority's, and those of an
// authority outside that the operator may name.
#ifndef KEYTURN_DAEMON_ACCESS_AUTHORITIES_H_
#define KEYTURN_DAEMON_ACCESS_AUTHORITIES_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/access/identity.h"
#include "daemon/access/spiffe.h"
#include "daemon/base/mutex.h"

namespace keyturn::access {

// Certificates whose verification is remembered.
inline constexpr size_t kVerifiedCertificatesMax = 4096;

// An authority outside, whose certificates name callers by SPIFFE ids.
struct OutsideCa {
  std::string ca_pem;
  SpiffeGrants grants;
};

// TLS has verified every certificate before, but against all authorities at
// once; which of them has signed one is found out here, so that none passes for
// another's: not with the other's names, nor with its serials. Thread-safe.
class Authorities {
 public:
  Authorities();
  ~Authorities();

  // From now on these; also for certificates of open connections.
  // InvalidArgument, and no change, for a text that is not made of
  // certificates, or an outside authority that is one of ours.
  absl::Status Use(std::string_view own_ca_pem,
                   std::optional<OutsideCa> outside);

  // Who the owner of `certificate_pem` is; `chain_pem`: what else it showed.
  // `certificate_expires_at` is the earliest of the chain's.
  //
  // Of our own authority: as IdentityOfCertificate. Of the outside one, by the
  // rules for X.509-SVIDs: exactly one URI among its alternative names, a
  // SPIFFE id; for clients; no authority. Unauthenticated (BAD_CERTIFICATE) for
  // any other; (IDENTITY_UNKNOWN) for an id that the configuration does not
  // name.
  absl::StatusOr<Identity> IdentityOf(const std::string& certificate_pem,
                                      std::string_view chain_pem);

  // Whether one of the outside authority, who was let in once, would be let in
  // now, and as the same.
  bool StillGrants(const Identity& identity) const;

 private:
  struct Trust;
  // A certificate that one of the authorities has signed.
  struct Verified {
    Identity identity;
  };

  static absl::StatusOr<Verified> Verify(const Trust& trust,
                                         const std::string& certificate_pem,
                                         std::string_view chain_pem);

  mutable base::Mutex mutex_;
  std::shared_ptr<const Trust> trust_ ABSL_GUARDED_BY(mutex_);
  // By the certificate; of outside ones without roles.
  std::unordered_map<std::string, Verified> verified_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace keyturn::access

#endif  // KEYTURN_DAEMON_ACCESS_AUTHORITIES_H_
