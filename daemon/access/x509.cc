#include "daemon/access/x509.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <ctime>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "daemon/access/certificates.h"
#include "daemon/base/status.h"

namespace keyturn::access {

absl::Status CryptoFailure(std::string_view what) {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = ERR_reason_error_string(code);
  return absl::InternalError(
      absl::StrCat("cannot ", base::ToAbsl(what), ": OpenSSL says ",
                   reason == nullptr ? "nothing" : reason));
}

Bio ReaderOf(std::string_view bytes) {
  return Bio(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

absl::StatusOr<Certificate> ReadCertificate(std::string_view pem) {
  if (pem.size() > kPemSizeMax) {
    return absl::InvalidArgumentError("is too long for a certificate");
  }
  const Bio bio = ReaderOf(pem);
  Certificate certificate(
      PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  if (certificate == nullptr) {
    ERR_clear_error();
    return absl::InvalidArgumentError("is not a certificate in PEM");
  }
  return certificate;
}

absl::StatusOr<std::vector<Certificate>> ReadCertificates(
    std::string_view pem) {
  if (pem.size() > kPemSizeMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("is longer than ", kPemSizeMax, " bytes"));
  }
  constexpr std::string_view kPrivate = "PRIVATE KEY-----";
  if (pem.find(kPrivate) != std::string_view::npos) {
    return absl::InvalidArgumentError(
        "holds a private key; give certificates only");
  }
  const Bio bio = ReaderOf(pem);
  std::vector<Certificate> certificates;
  for (size_t count = 0; count <= kPemCertificatesMax; ++count) {
    Certificate certificate(
        PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    if (certificate != nullptr) {
      certificates.push_back(std::move(certificate));
      continue;
    }
    const bool at_end =
        ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    if (!at_end) {
      return absl::InvalidArgumentError(
          absl::StrCat("certificate ", count + 1, " cannot be read"));
    }
    if (count > 0) return certificates;
    return absl::InvalidArgumentError(
        "holds no certificate; give PEM text beginning with -----BEGIN "
        "CERTIFICATE-----");
  }
  return absl::InvalidArgumentError(
      absl::StrCat("holds more than ", kPemCertificatesMax, " certificates"));
}

std::vector<std::string> UrisOf(X509* certificate) {
  std::vector<std::string> uris;
  const GeneralNames names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names.get());
       ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_URI) continue;
    const ASN1_IA5STRING* value = name->d.uniformResourceIdentifier;
    uris.emplace_back(
        reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
        static_cast<size_t>(ASN1_STRING_length(value)));
  }
  return uris;
}

std::string SerialOf(X509* certificate) {
  const Number number(
      ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr));
  if (number == nullptr) return "";
  char* hex = BN_bn2hex(number.get());
  if (hex == nullptr) return "";
  std::string serial = absl::AsciiStrToLower(hex);
  OPENSSL_free(hex);
  return serial;
}

absl::StatusOr<absl::Time> ExpiryOf(X509* certificate) {
  tm parts{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &parts) != 1) {
    ERR_clear_error();
    return absl::InvalidArgumentError("does not say when it expires");
  }
  return absl::FromTM(parts, absl::UTCTimeZone());
}

}  // namespace keyturn::access
