// The daemon's own certificate authority. All keys are EC P-256.
#ifndef KEYTURN_DAEMON_ACCESS_CERTIFICATES_H_
#define KEYTURN_DAEMON_ACCESS_CERTIFICATES_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "daemon/access/identity.h"
#include "daemon/secret/secret.h"

namespace keyturn::access {

inline constexpr absl::Duration kCaLifetime = absl::Hours(24 * 3650);
inline constexpr absl::Duration kServerLifetime = absl::Hours(24 * 730);
inline constexpr absl::Duration kClientLifetime = absl::Hours(24 * 30);
// Made before there is a daemon that could renew it, and perhaps put away until
// the day when nobody else gets in.
inline constexpr absl::Duration kFirstAdministratorLifetime =
    absl::Hours(24 * 365);
// Certificates begin in the past by this much: clocks differ.
inline constexpr absl::Duration kClockDifferenceMax = absl::Minutes(5);
inline constexpr size_t kCommonNameSizeMax = 64;
// Of one PEM text that callers hand in.
inline constexpr size_t kPemSizeMax = 128 * 1024;
inline constexpr size_t kPemCertificatesMax = 100;
inline constexpr size_t kCertificateRequestSizeMax = 16 * 1024;

// The name in every server certificate, by whatever address it is reached.
inline constexpr std::string_view kServerName = "keyturnd";
// A client certificate carries each of its roles as a URI in the subject
// alternative name: "keyturn:role:administrator".
inline constexpr std::string_view kRoleUriPrefix = "keyturn:role:";
// And each account that it is limited to, if it is: "keyturn:account:acme".
inline constexpr std::string_view kAccountUriPrefix = "keyturn:account:";

struct CertifiedKey {
  std::string certificate_pem;
  // PKCS#8 PEM, not encrypted.
  secret::Secret key_pem;
};

// A self-signed certificate that may sign others, but no further authority.
absl::StatusOr<CertifiedKey> MakeCa(std::string_view common_name,
                                    absl::Time now);

// For TLS servers only. Its names are kServerName, "localhost", 127.0.0.1, ::1
// and `hosts`: DNS names or IP addresses. InvalidArgument for a host that is
// neither.
absl::StatusOr<CertifiedKey> IssueServerCertificate(
    const CertifiedKey& ca, const std::vector<std::string>& hosts,
    absl::Time now);

// For TLS clients only. InvalidArgument unless CheckCommonName accepts the
// name.
absl::StatusOr<CertifiedKey> IssueClientCertificate(
    const CertifiedKey& ca, std::string_view common_name, Roles roles,
    absl::Time now, absl::Duration lifetime,
    const AccountScope& accounts = AccountScope());

// The same for a key that its owner keeps: `request_pem` is a PKCS#10 request,
// of which the key alone is taken over. InvalidArgument, naming what is wrong,
// for a request that its own key did not sign, or whose key is none of EC P-256
// or P-384, RSA of 3072 or 4096 bits; or for the name, as above. Returns the
// certificate in PEM.
absl::StatusOr<std::string> SignCertificateRequest(
    const CertifiedKey& ca, std::string_view request_pem,
    std::string_view common_name, Roles roles, absl::Time now,
    absl::Duration lifetime, const AccountScope& accounts = AccountScope());

// Whether a server certificate should be made anew: less than a third of its
// life is left, or it is not signed by the first certificate of `ca_pem`.
// InvalidArgument when one of them is no certificate.
absl::StatusOr<bool> IsServerCertificateDue(std::string_view ca_pem,
                                            std::string_view certificate_pem,
                                            absl::Time now);

// A new certificate, in PEM, for the key and the names of a server certificate.
absl::StatusOr<std::string> RenewServerCertificate(
    const CertifiedKey& ca, std::string_view certificate_pem, absl::Time now);

// SHA-256 of the first certificate of `pem`, as its owner may read it out: 64
// lower-case hexadecimal digits. InvalidArgument when there is none.
absl::StatusOr<std::string> CertificateFingerprint(std::string_view pem);

// What a caller may be called: 1 to kCommonNameSizeMax characters of
// [A-Za-z0-9._@-], beginning with a letter or digit, and not "daemon", which
// stands for the daemon itself in the history.
absl::Status CheckCommonName(std::string_view common_name);

// Who a client certificate stands for. The certificate must have been verified
// by the TLS handshake before: here it is only read.
//
// Unauthenticated (BAD_CERTIFICATE) when it is no certificate or its name could
// not have been given by us. Roles that are not known to this daemon are left
// out.
absl::StatusOr<Identity> IdentityOfCertificate(std::string_view pem);

// When the first certificate of `pem` expires. InvalidArgument when there is
// none, or when it does not say so.
absl::StatusOr<absl::Time> ExpiryOfCertificate(std::string_view pem);

// OK when `pem` is one or more certificates and nothing else but comments
// between them; otherwise InvalidArgument, saying what is wrong.
absl::Status CheckCertificates(std::string_view pem);

// InvalidArgument unless `key_pem` is the key of the first certificate of
// `certificate_pem`.
absl::Status CheckKeyFits(std::string_view certificate_pem,
                          const secret::Secret& key_pem);

// OK when `pem` is a private key without a password, of a kind that outside
// systems take for signed logins: RSA of 3072 or 4096 bits, or EC P-256, P-384
// or P-521. Otherwise InvalidArgument, which says nothing of the key itself.
absl::Status CheckSigningKey(const secret::Secret& pem);

}  // namespace keyturn::access

#endif  // KEYTURN_DAEMON_ACCESS_CERTIFICATES_H_
