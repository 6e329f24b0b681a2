#include "cli/identity/renewal.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "cli/errors.h"
#include "cli/identity/certificates.h"
#include "cli/output/text.h"

namespace keyturn::cli {
namespace {

// `context` with another certificate and key. With them come the authorities
// that the daemon trusts now: so everybody knows the next one in time.
Context WithPair(const Context& context, const v1::IssuedCertificate& issued,
                 SecretText key) {
  Context renewed;
  renewed.name = context.name;
  renewed.server = context.server;
  renewed.server_name = context.server_name;
  renewed.authority =
      issued.ca_pem().empty() ? context.authority : issued.ca_pem();
  renewed.certificate = issued.certificate_pem();
  renewed.key = std::move(key);
  return renewed;
}

absl::StatusOr<Context> AskForPair(const Context& context, Client& client) {
  absl::StatusOr<KeyAndRequest> own = MakeKeyAndRequest();
  if (!own.ok()) return own.status();
  v1::RenewCertificateRequest request;
  request.set_certificate_request_pem(own->request_pem);
  const absl::StatusOr<v1::IssuedCertificate> issued = client.Call(
      &v1::Access::Stub::RenewCertificate, request, kRenewalTimeout);
  if (!issued.ok()) return issued.status();
  if (absl::Status fits = CheckPair(issued->certificate_pem(), own->key_pem);
      !fits.ok()) {
    return fits;
  }
  return WithPair(context, *issued, std::move(own->key_pem));
}

absl::Status TryOut(const Context& context, const Connector& connect) {
  const absl::StatusOr<std::unique_ptr<Client>> client = connect(context);
  if (!client.ok()) return client.status();
  v1::WhoAmIRequest request;
  return (*client)
      ->Call(&v1::Access::Stub::WhoAmI, request, kRenewalTimeout)
      .status();
}

}  // namespace

absl::Status CheckNotExpired(const Context& context, absl::Time now) {
  if (context.OverUnixSocket()) return absl::OkStatus();
  const absl::StatusOr<Validity> validity = ValidityOf(context.certificate);
  // What is no certificate is told where it is used.
  if (!validity.ok() || validity->end + kExpiryDoubt > now) {
    return absl::OkStatus();
  }
  return WithNext(
      absl::UnauthenticatedError(
          absl::StrCat("the certificate of the context \"",
                       OneLine(context.name), "\" expired at ",
                       absl::FormatTime("%Y-%m-%d %H:%M:%SZ", validity->end,
                                        absl::UTCTimeZone()),
                       "; ask an administrator for an invitation")),
      absl::StrCat("keyturn enroll ", context.server, " --token-from FILE"));
}

bool IsRenewalDue(const Context& context, absl::Time now) {
  if (context.OverUnixSocket()) return false;
  const absl::StatusOr<Validity> validity = ValidityOf(context.certificate);
  if (!validity.ok()) return false;
  const absl::Duration life = validity->end - validity->begin;
  return now >= validity->begin + kRenewalAge * life;
}

absl::Status Renew(const std::string& path, const std::string& context_name,
                   absl::Time now, const Connector& connect) {
  const absl::StatusOr<std::unique_ptr<ContextLock>> lock =
      ContextLock::TryTake(path);
  if (!lock.ok()) return lock.status();
  if (*lock == nullptr) return absl::OkStatus();
  // Others may have written since we read.
  absl::StatusOr<ContextFile> file = ContextFile::Read(path);
  if (!file.ok()) return file.status();
  const absl::StatusOr<const Context*> present = file->Find(context_name);
  if (!present.ok()) return present.status();
  if (!IsRenewalDue(**present, now)) return absl::OkStatus();
  const absl::StatusOr<std::unique_ptr<Client>> client = connect(**present);
  if (!client.ok()) return client.status();
  absl::StatusOr<Context> renewed = AskForPair(**present, **client);
  if (!renewed.ok()) return renewed.status();
  if (absl::Status works = TryOut(*renewed, connect); !works.ok()) return works;
  file->Replace(*std::move(renewed));
  return file->Write();
}

}  // namespace keyturn::cli
