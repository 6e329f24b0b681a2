#include "daemon/access/authorities.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daemon/access/certificates.h"
#include "daemon/access/x509.h"
#include "daemon/base/status.h"

namespace keyturn::access {
namespace {

using Store = Owned<X509_STORE, X509_STORE_free>;
using StoreContext = Owned<X509_STORE_CTX, X509_STORE_CTX_free>;

absl::Status Refused(std::string_view why) {
  return base::WithReason(
      absl::UnauthenticatedError(
          absl::StrCat("the client certificate ", base::ToAbsl(why),
                       "; use one that this daemon's administrator gave out")),
      "BAD_CERTIFICATE");
}

absl::StatusOr<Store> StoreOf(const std::vector<Certificate>& authorities) {
  Store store(X509_STORE_new());
  if (store == nullptr) return CryptoFailure("keep certificates");
  for (const Certificate& authority : authorities) {
    if (X509_STORE_add_cert(store.get(), authority.get()) != 1) {
      return CryptoFailure("keep a certificate");
    }
  }
  return store;
}

// Borrows what it holds.
struct StackFreer {
  void operator()(STACK_OF(X509) * stack) const { sk_X509_free(stack); }
};
using Stack = std::unique_ptr<STACK_OF(X509), StackFreer>;

// When the first certificate of the chain from `leaf` up to one of `trusted`
// ends; none: there is no such chain, or it is not for clients. The time does
// not matter: it is asked for at each call.
std::optional<absl::Time> EndOfChain(X509_STORE* trusted, X509* leaf,
                                     const std::vector<Certificate>& others) {
  const Stack untrusted(sk_X509_new_null());
  for (const Certificate& other : others) {
    sk_X509_push(untrusted.get(), other.get());
  }
  const StoreContext context(X509_STORE_CTX_new());
  if (context == nullptr ||
      X509_STORE_CTX_init(context.get(), trusted, leaf, untrusted.get()) != 1 ||
      X509_STORE_CTX_set_purpose(context.get(), X509_PURPOSE_SSL_CLIENT) != 1) {
    ERR_clear_error();
    return std::nullopt;
  }
  X509_STORE_CTX_set_flags(context.get(), X509_V_FLAG_NO_CHECK_TIME |
                                              X509_V_FLAG_PARTIAL_CHAIN |
                                              X509_V_FLAG_TRUSTED_FIRST);
  const bool verified = X509_verify_cert(context.get()) == 1;
  ERR_clear_error();
  if (!verified) return std::nullopt;
  absl::Time end = absl::InfiniteFuture();
  const STACK_OF(X509)* const chain = X509_STORE_CTX_get0_chain(context.get());
  for (int i = 0; i < sk_X509_num(chain); ++i) {
    const absl::StatusOr<absl::Time> expiry = ExpiryOf(sk_X509_value(chain, i));
    if (!expiry.ok()) return std::nullopt;
    end = std::min(end, *expiry);
  }
  return end;
}

// What the standard asks of a caller's own certificate beside its chain.
absl::StatusOr<std::string> SpiffeIdOf(X509* certificate) {
  const std::vector<std::string> uris = UrisOf(certificate);
  if (uris.size() != 1) return Refused("has not exactly one URI");
  if (!IsSpiffeId(uris.front())) return Refused("has no SPIFFE id");
  const uint32_t flags = X509_get_extension_flags(certificate);
  const uint32_t usage = X509_get_key_usage(certificate);
  constexpr uint32_t kSigns = KU_KEY_CERT_SIGN | KU_CRL_SIGN;
  if ((flags & EXFLAG_CA) != 0 || (flags & EXFLAG_KUSAGE) == 0 ||
      (usage & KU_DIGITAL_SIGNATURE) == 0 || (usage & kSigns) != 0) {
    return Refused("is that of an authority, or of no use for a caller");
  }
  if ((flags & EXFLAG_XKUSAGE) == 0 ||
      (X509_get_extended_key_usage(certificate) & XKU_SSL_CLIENT) == 0) {
    return Refused("is not for clients");
  }
  return uris.front();
}

// Whether a certificate is among both.
bool Overlap(const std::vector<Certificate>& some,
             const std::vector<Certificate>& others) {
  return std::any_of(some.begin(), some.end(), [&](const Certificate& one) {
    return std::any_of(others.begin(), others.end(),
                       [&](const Certificate& other) {
                         return X509_cmp(one.get(), other.get()) == 0;
                       });
  });
}

}  // namespace

struct Authorities::Trust {
  Store own;
  // Null: there is none outside.
  Store outside;
  SpiffeGrants grants;
};

Authorities::Authorities() = default;
Authorities::~Authorities() = default;

absl::Status Authorities::Use(std::string_view own_ca_pem,
                              std::optional<OutsideCa> outside) {
  auto trust = std::make_shared<Trust>();
  ASSIGN_OR_RETURN(const std::vector<Certificate> own,
                   ReadCertificates(own_ca_pem));
  ASSIGN_OR_RETURN(trust->own, StoreOf(own));
  if (outside.has_value()) {
    ASSIGN_OR_RETURN(const std::vector<Certificate> others,
                     ReadCertificates(outside->ca_pem));
    if (Overlap(own, others)) {
      return absl::InvalidArgumentError(
          "the outside authority's certificates must not be among the daemon's "
          "own");
    }
    ASSIGN_OR_RETURN(trust->outside, StoreOf(others));
    trust->grants = std::move(outside->grants);
  }
  base::MutexLock lock(mutex_);
  trust_ = std::move(trust);
  verified_.clear();
  return absl::OkStatus();
}

absl::StatusOr<Identity> Authorities::IdentityOf(
    const std::string& certificate_pem, std::string_view chain_pem) {
  std::shared_ptr<const Trust> trust;
  std::optional<Verified> verified;
  {
    base::MutexLock lock(mutex_);
    trust = trust_;
    const auto found = verified_.find(certificate_pem);
    if (found != verified_.end()) verified = found->second;
  }
  if (trust == nullptr) return Refused("is not asked for here");
  if (!verified.has_value()) {
    ASSIGN_OR_RETURN(verified, Verify(*trust, certificate_pem, chain_pem));
    base::MutexLock lock(mutex_);
    if (trust_ == trust) {
      if (verified_.size() >= kVerifiedCertificatesMax) verified_.clear();
      verified_.emplace(certificate_pem, *verified);
    }
  }
  Identity& identity = verified->identity;
  if (!identity.outside) return std::move(identity);
  const Grant* const grant = trust->grants.Find(identity.name);
  if (grant == nullptr) {
    return base::WithReason(
        absl::UnauthenticatedError(absl::StrCat(
            identity.name,
            " is not let in; an administrator can name it in the daemon's "
            "configuration (tls.outsideCa)")),
        "IDENTITY_UNKNOWN");
  }
  identity.roles = grant->roles;
  identity.accounts = grant->accounts;
  return std::move(identity);
}

absl::StatusOr<Authorities::Verified> Authorities::Verify(
    const Trust& trust, const std::string& certificate_pem,
    std::string_view chain_pem) {
  const absl::StatusOr<Certificate> leaf = ReadCertificate(certificate_pem);
  if (!leaf.ok()) return Refused("cannot be read");
  std::vector<Certificate> others;
  if (!chain_pem.empty()) {
    absl::StatusOr<std::vector<Certificate>> read = ReadCertificates(chain_pem);
    if (!read.ok()) return Refused("came with others that cannot be read");
    others = *std::move(read);
  }
  Verified verified;
  Identity& identity = verified.identity;
  std::optional<absl::Time> end =
      EndOfChain(trust.own.get(), leaf->get(), others);
  if (end.has_value()) {
    ASSIGN_OR_RETURN(identity, IdentityOfCertificate(certificate_pem));
    identity.certificate_expires_at = *end;
    return verified;
  }
  if (trust.outside != nullptr) {
    end = EndOfChain(trust.outside.get(), leaf->get(), others);
  }
  if (!end.has_value()) return Refused("is of an authority not trusted here");
  ASSIGN_OR_RETURN(identity.name, SpiffeIdOf(leaf->get()));
  identity.outside = true;
  identity.certificate_serial = SerialOf(leaf->get());
  identity.certificate_expires_at = *end;
  return verified;
}

bool Authorities::StillGrants(const Identity& identity) const {
  std::shared_ptr<const Trust> trust;
  {
    base::MutexLock lock(mutex_);
    trust = trust_;
  }
  if (trust == nullptr || trust->outside == nullptr) return false;
  const Grant* const grant = trust->grants.Find(identity.name);
  return grant != nullptr && grant->roles == identity.roles &&
         grant->accounts == identity.accounts;
}

}  // namespace keyturn::access
