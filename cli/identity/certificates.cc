#include "cli/identity/certificates.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "cli/errors.h"

namespace keyturn::cli {
namespace {

template <auto kFree>
struct Freer {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
template <typename T, auto kFree>
using Owned = std::unique_ptr<T, Freer<kFree>>;

using Bio = Owned<BIO, BIO_free_all>;
using Key = Owned<EVP_PKEY, EVP_PKEY_free>;
using Request = Owned<X509_REQ, X509_REQ_free>;
using Certificate = Owned<X509, X509_free>;
using TlsContext = Owned<SSL_CTX, SSL_CTX_free>;

// The daemon has one certificate and one authority; more than a few is
// nonsense.
constexpr int kChainMax = 8;
// gRPC's protocol: its server hangs up on those who do not offer it.
constexpr std::string_view kHttp2 = "\x02h2";

absl::Status CryptoFailure(std::string_view what) {
  ERR_clear_error();
  return absl::InternalError(
      absl::StrCat("OpenSSL cannot ", std::string(what)));
}

std::string ContentOf(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return std::string(data, static_cast<size_t>(std::max(size, 0L)));
}

absl::StatusOr<Certificate> ReadCertificate(const std::string& pem) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  Certificate certificate(
      PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  if (certificate != nullptr) return certificate;
  return absl::InvalidArgumentError("is no certificate in PEM");
}

absl::StatusOr<absl::Time> ToTime(const ASN1_TIME* time) {
  tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) {
    return CryptoFailure("read a certificate's date");
  }
  return absl::FromTM(parts, absl::UTCTimeZone());
}

std::string FingerprintOf(X509* certificate) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  X509_digest(certificate, EVP_sha256(), digest.data(), &size);
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(digest.data()), size));
}

// A handshake that believes nothing: see FetchAuthority.
TlsContext NewTlsContext() {
  TlsContext context(SSL_CTX_new(TLS_client_method()));
  if (context == nullptr) return nullptr;
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  const bool offered =
      SSL_CTX_set_alpn_protos(
          context.get(), reinterpret_cast<const unsigned char*>(kHttp2.data()),
          static_cast<unsigned>(kHttp2.size())) == 0;
  return offered ? std::move(context) : nullptr;
}

}  // namespace

absl::StatusOr<KeyAndRequest> MakeKeyAndRequest() {
  const Key key(EVP_EC_gen("P-256"));
  const Request request(X509_REQ_new());
  if (key == nullptr || request == nullptr ||
      X509_REQ_set_pubkey(request.get(), key.get()) != 1 ||
      X509_REQ_sign(request.get(), key.get(), EVP_sha256()) == 0) {
    return CryptoFailure("make a key");
  }
  // A memory BIO of this kind wipes its buffer when it is freed.
  const Bio secret(BIO_new(BIO_s_secmem()));
  const Bio text(BIO_new(BIO_s_mem()));
  if (secret == nullptr || text == nullptr ||
      PEM_write_bio_PKCS8PrivateKey(secret.get(), key.get(), nullptr, nullptr,
                                    0, nullptr, nullptr) != 1 ||
      PEM_write_bio_X509_REQ(text.get(), request.get()) != 1) {
    return CryptoFailure("write a key");
  }
  KeyAndRequest made;
  made.key_pem = SecretText(ContentOf(secret.get()));
  made.request_pem = ContentOf(text.get());
  return made;
}

absl::StatusOr<Validity> ValidityOf(const std::string& certificate_pem) {
  const absl::StatusOr<Certificate> certificate =
      ReadCertificate(certificate_pem);
  if (!certificate.ok()) return certificate.status();
  const absl::StatusOr<absl::Time> begin =
      ToTime(X509_get0_notBefore(certificate->get()));
  const absl::StatusOr<absl::Time> end =
      ToTime(X509_get0_notAfter(certificate->get()));
  if (!begin.ok()) return begin.status();
  if (!end.ok()) return end.status();
  return Validity{*begin, *end};
}

absl::Status CheckPair(const std::string& certificate_pem,
                       const SecretText& key_pem) {
  const absl::StatusOr<Certificate> certificate =
      ReadCertificate(certificate_pem);
  if (!certificate.ok()) return certificate.status();
  const std::string& pem = key_pem.Reveal();
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  char no_password[] = "";
  const Key key(
      PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, no_password));
  const bool fits = key != nullptr &&
                    X509_check_private_key(certificate->get(), key.get()) == 1;
  ERR_clear_error();
  if (fits) return absl::OkStatus();
  return absl::InvalidArgumentError("the certificate is for another key");
}

absl::StatusOr<std::string> FetchAuthority(const std::string& server,
                                           const std::string& fingerprint,
                                           absl::Duration timeout) {
  const TlsContext context = NewTlsContext();
  const Bio connection(context == nullptr ? nullptr
                                          : BIO_new_ssl_connect(context.get()));
  if (connection == nullptr) return CryptoFailure("open a connection");
  if (BIO_set_conn_hostname(connection.get(), server.c_str()) != 1) {
    ERR_clear_error();
    return UsageError(absl::StrCat("\"", absl::CHexEscape(server),
                                   "\" is no address: give HOST:PORT"));
  }
  constexpr int kPauseMs = 20;
  const int seconds =
      static_cast<int>(std::max<int64_t>(1, absl::ToInt64Seconds(timeout)));
  if (BIO_do_connect_retry(connection.get(), seconds, kPauseMs) != 1) {
    ERR_clear_error();
    return absl::UnavailableError(absl::StrCat(
        "the daemon at ", server,
        " cannot be reached: nobody answers there, or not with TLS"));
  }
  SSL* tls = nullptr;
  BIO_get_ssl(connection.get(), &tls);
  STACK_OF(X509)* const chain =
      tls == nullptr ? nullptr : SSL_get_peer_cert_chain(tls);
  const int shown = chain == nullptr ? 0 : sk_X509_num(chain);
  for (int i = 0; i < std::min(shown, kChainMax); ++i) {
    X509* const certificate = sk_X509_value(chain, i);
    if (FingerprintOf(certificate) != fingerprint) continue;
    const Bio text(BIO_new(BIO_s_mem()));
    if (text == nullptr || PEM_write_bio_X509(text.get(), certificate) != 1) {
      return CryptoFailure("write a certificate");
    }
    return ContentOf(text.get());
  }
  return WithNext(
      absl::PermissionDeniedError(absl::StrCat(
          "who answers at ", server,
          " is not the daemon that the invitation is for: none of its ", shown,
          " certificates has the SHA-256 ", fingerprint,
          ". The token was not sent")),
      "see that HOST:PORT is the right one, and that nobody stands between");
}

}  // namespace keyturn::cli
