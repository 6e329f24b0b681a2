// Certificates, keys and certificate requests in PEM.
#include <string>

#include "absl/strings/match.h"
#include "daemon/access/certificates.h"
#include "daemon/base/status.h"
#include "tests/fuzz/require.h"

namespace keyturn::fuzz {
namespace {

constexpr char kName[] = "ann@example.com";

const access::CertifiedKey& Ca() {
  static const auto& ca = *new access::CertifiedKey(
      *access::MakeCa("fuzz", absl::FromUnixSeconds(1'800'000'000)));
  return ca;
}

template <typename T>
void RequireRefusedOr(const absl::StatusOr<T>& outcome) {
  Require(outcome.ok() || absl::IsInvalidArgument(outcome.status()),
          "what is no certificate is InvalidArgument",
          outcome.status().ToString());
}

void TryCertificate(std::string_view pem) {
  const absl::StatusOr<access::Identity> identity =
      access::IdentityOfCertificate(pem);
  if (identity.ok()) {
    Require(access::CheckCommonName(identity->name).ok(),
            "who calls has a name that we give");
    Require(access::ExpiryOfCertificate(pem).ok(), "and a time");
  } else {
    Require(base::ReasonOf(identity.status()) == "BAD_CERTIFICATE",
            "a refusal says of what", identity.status().ToString());
  }
  const auto fingerprint = access::CertificateFingerprint(pem);
  RequireRefusedOr(fingerprint);
  Require(!fingerprint.ok() || fingerprint->size() == 64,
          "a fingerprint has 64 digits");
  RequireRefusedOr(access::ExpiryOfCertificate(pem));
  const absl::Status all = access::CheckCertificates(pem);
  Require(all.ok() || absl::IsInvalidArgument(all), "as of a text of several");
  Require(!all.ok() || fingerprint.ok(), "what is all certificates begins so");
  RequireRefusedOr(access::IsServerCertificateDue(Ca().certificate_pem, pem,
                                                  absl::UnixEpoch()));
}

void TryKey(std::string_view pem) {
  const secret::Secret key(pem);
  const absl::Status usable = access::CheckSigningKey(key);
  Require(usable.ok() || absl::IsInvalidArgument(usable),
          "a key is one or not");
  Require(!access::CheckKeyFits(Ca().certificate_pem, key).ok(),
          "nobody has our key");
}

void TryRequest(std::string_view pem) {
  const absl::StatusOr<std::string> signed_pem = access::SignCertificateRequest(
      Ca(), pem, kName, {access::Role::kReader}, absl::UnixEpoch(),
      access::kClientLifetime);
  RequireRefusedOr(signed_pem);
  if (!signed_pem.ok()) return;
  const absl::StatusOr<access::Identity> identity =
      access::IdentityOfCertificate(*signed_pem);
  Require(identity.ok() && identity->name == kName &&
              identity->roles == access::Roles{access::Role::kReader},
          "a request gets the name and the roles that we say");
}

}  // namespace
}  // namespace keyturn::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace keyturn;
  const std::string_view pem = fuzz::TextOf(data, size);
  fuzz::TryCertificate(pem);
  fuzz::TryKey(pem);
  fuzz::TryRequest(pem);
  return 0;
}
