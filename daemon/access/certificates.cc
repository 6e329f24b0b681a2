#include "daemon/access/certificates.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <memory>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "daemon/access/x509.h"
#include "daemon/base/status.h"

namespace keyturn::access {
namespace {

constexpr int kSerialBits = 127;
constexpr size_t kHostSizeMax = 253;
constexpr size_t kLabelSizeMax = 63;

std::string ContentOf(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return std::string(data, static_cast<size_t>(std::max(size, 0L)));
}

absl::StatusOr<Key> ReadKey(const secret::Secret& pem) {
  const Bio bio = ReaderOf(pem.Expose());
  // An empty password instead of OpenSSL's prompt on the terminal.
  char no_password[] = "";
  Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, no_password));
  if (key == nullptr) return CryptoFailure("read the private key");
  return key;
}

absl::StatusOr<std::string> WriteCertificate(X509* certificate) {
  const Bio bio(BIO_new(BIO_s_mem()));
  if (bio == nullptr || PEM_write_bio_X509(bio.get(), certificate) != 1) {
    return CryptoFailure("write a certificate");
  }
  return ContentOf(bio.get());
}

absl::StatusOr<secret::Secret> WriteKey(EVP_PKEY* key) {
  // A memory BIO of this kind wipes its buffer when it is freed.
  const Bio bio(BIO_new(BIO_s_secmem()));
  if (bio == nullptr ||
      PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0,
                                    nullptr, nullptr) != 1) {
    return CryptoFailure("write a private key");
  }
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return secret::Secret(std::string_view(data, static_cast<size_t>(size)));
}

absl::Status SetSerial(X509* certificate) {
  const Number number(BN_new());
  if (number == nullptr ||
      BN_rand(number.get(), kSerialBits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) !=
          1 ||
      BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) ==
          nullptr) {
    return CryptoFailure("make a serial number");
  }
  return absl::OkStatus();
}

absl::Status SetName(X509_NAME* name, std::string_view common_name) {
  const bool set =
      X509_NAME_add_entry_by_NID(
          name, NID_commonName, MBSTRING_UTF8,
          reinterpret_cast<const unsigned char*>(common_name.data()),
          static_cast<int>(common_name.size()), -1, 0) == 1;
  return set ? absl::OkStatus() : CryptoFailure("set the subject");
}

absl::Status AddExtension(X509* issuer, X509* certificate, int nid,
                          const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value));
  if (extension == nullptr ||
      X509_add_ext(certificate, extension.get(), -1) != 1) {
    return CryptoFailure("add an extension");
  }
  return absl::OkStatus();
}

struct AlternativeName {
  // GEN_DNS, GEN_URI or GEN_IPADD.
  int type;
  // For GEN_IPADD the address's bytes.
  std::string value;
};

absl::Status AddAlternativeNames(X509* certificate,
                                 const std::vector<AlternativeName>& entries) {
  const GeneralNames names(sk_GENERAL_NAME_new_null());
  for (const AlternativeName& entry : entries) {
    GENERAL_NAME* name = GENERAL_NAME_new();
    ASN1_STRING* value = ASN1_STRING_type_new(
        entry.type == GEN_IPADD ? V_ASN1_OCTET_STRING : V_ASN1_IA5STRING);
    if (names == nullptr || name == nullptr || value == nullptr ||
        ASN1_STRING_set(value, entry.value.data(),
                        static_cast<int>(entry.value.size())) != 1) {
      GENERAL_NAME_free(name);
      ASN1_STRING_free(value);
      return CryptoFailure("set a name");
    }
    GENERAL_NAME_set0_value(name, entry.type, value);
    sk_GENERAL_NAME_push(names.get(), name);
  }
  if (X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.get(), 0, 0) !=
      1) {
    return CryptoFailure("add the names");
  }
  return absl::OkStatus();
}

// What differs between an authority's, a server's and a client's certificate.
struct Profile {
  std::string common_name;
  const char* constraints;
  const char* key_usage;
  // Null: none, which an authority must not have.
  const char* extended_key_usage = nullptr;
  std::vector<AlternativeName> names;
  absl::Duration lifetime;
};

absl::Status Fill(X509* certificate, X509* issuer, const Profile& profile,
                  absl::Time now) {
  constexpr long kVersion3 = 2;
  X509_set_version(certificate, kVersion3);
  RETURN_IF_ERROR(SetSerial(certificate));
  RETURN_IF_ERROR(
      SetName(X509_get_subject_name(certificate), profile.common_name));
  X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
  ASN1_TIME_set(X509_getm_notBefore(certificate),
                absl::ToTimeT(now - kClockDifferenceMax));
  ASN1_TIME_set(X509_getm_notAfter(certificate),
                absl::ToTimeT(now + profile.lifetime));
  RETURN_IF_ERROR(AddExtension(issuer, certificate, NID_basic_constraints,
                               profile.constraints));
  RETURN_IF_ERROR(
      AddExtension(issuer, certificate, NID_key_usage, profile.key_usage));
  RETURN_IF_ERROR(
      AddExtension(issuer, certificate, NID_subject_key_identifier, "hash"));
  RETURN_IF_ERROR(AddExtension(issuer, certificate,
                               NID_authority_key_identifier, "keyid:always"));
  if (profile.extended_key_usage != nullptr) {
    RETURN_IF_ERROR(AddExtension(issuer, certificate, NID_ext_key_usage,
                                 profile.extended_key_usage));
  }
  if (profile.names.empty()) return absl::OkStatus();
  return AddAlternativeNames(certificate, profile.names);
}

// Names what `certificate` is for and signs it, with its own `key` when there
// is no `ca`. Its public key is set.
absl::Status Complete(X509* certificate, EVP_PKEY* key, const CertifiedKey* ca,
                      const Profile& profile, absl::Time now) {
  Certificate ca_certificate;
  Key ca_key;
  if (ca != nullptr) {
    ASSIGN_OR_RETURN(ca_certificate, ReadCertificate(ca->certificate_pem));
    ASSIGN_OR_RETURN(ca_key, ReadKey(ca->key_pem));
  }
  RETURN_IF_ERROR(Fill(certificate,
                       ca == nullptr ? certificate : ca_certificate.get(),
                       profile, now));
  if (X509_sign(certificate, ca == nullptr ? key : ca_key.get(),
                EVP_sha256()) == 0) {
    return CryptoFailure("sign a certificate");
  }
  return absl::OkStatus();
}

// Self-signed without `ca`.
absl::StatusOr<CertifiedKey> Issue(const CertifiedKey* ca,
                                   const Profile& profile, absl::Time now) {
  const Key key(EVP_EC_gen("P-256"));
  const Certificate certificate(X509_new());
  if (key == nullptr || certificate == nullptr ||
      X509_set_pubkey(certificate.get(), key.get()) != 1) {
    return CryptoFailure("make a key");
  }
  RETURN_IF_ERROR(Complete(certificate.get(), key.get(), ca, profile, now));
  CertifiedKey result;
  ASSIGN_OR_RETURN(result.certificate_pem, WriteCertificate(certificate.get()));
  ASSIGN_OR_RETURN(result.key_pem, WriteKey(key.get()));
  return result;
}

Profile ServerProfile() {
  Profile profile;
  profile.common_name = kServerName;
  profile.constraints = "critical,CA:FALSE";
  profile.key_usage = "critical,digitalSignature";
  profile.extended_key_usage = "serverAuth";
  profile.lifetime = kServerLifetime;
  return profile;
}

Profile ClientProfile(std::string_view common_name, Roles roles,
                      const AccountScope& accounts, absl::Duration lifetime) {
  Profile profile;
  profile.common_name = common_name;
  profile.constraints = "critical,CA:FALSE";
  profile.key_usage = "critical,digitalSignature";
  profile.extended_key_usage = "clientAuth";
  profile.lifetime = lifetime;
  for (const std::string& role : roles.Names()) {
    profile.names.push_back(
        {GEN_URI, absl::StrCat(base::ToAbsl(kRoleUriPrefix), role)});
  }
  for (const std::string& account : accounts.Names()) {
    profile.names.push_back(
        {GEN_URI, absl::StrCat(base::ToAbsl(kAccountUriPrefix), account)});
  }
  return profile;
}

// Whether `key` is RSA of one of those sizes or EC on one of those curves.
bool IsOfKind(EVP_PKEY* key, std::initializer_list<int> rsa_bits,
              std::initializer_list<std::string_view> curves) {
  if (EVP_PKEY_is_a(key, "RSA")) {
    return std::count(rsa_bits.begin(), rsa_bits.end(),
                      EVP_PKEY_get_bits(key)) > 0;
  }
  std::array<char, 64> curve{};
  return EVP_PKEY_is_a(key, "EC") &&
         EVP_PKEY_get_group_name(key, curve.data(), curve.size(), nullptr) ==
             1 &&
         std::count(curves.begin(), curves.end(), curve.data()) > 0;
}

// The key that a certificate request proves to be its sender's.
absl::StatusOr<Key> KeyOfRequest(std::string_view pem) {
  if (pem.size() > kCertificateRequestSizeMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("is longer than ", kCertificateRequestSizeMax, " bytes"));
  }
  const Bio bio = ReaderOf(pem);
  const Request request(
      PEM_read_bio_X509_REQ(bio.get(), nullptr, nullptr, nullptr));
  Key key(request == nullptr ? nullptr : X509_REQ_get_pubkey(request.get()));
  if (key == nullptr) {
    ERR_clear_error();
    return absl::InvalidArgumentError("is no certificate request in PEM");
  }
  if (!IsOfKind(key.get(), {3072, 4096}, {"prime256v1", "secp384r1"})) {
    ERR_clear_error();
    return absl::InvalidArgumentError(
        "is for a key of another kind than EC P-256 or P-384, or RSA of 3072 "
        "or "
        "4096 bits");
  }
  if (X509_REQ_verify(request.get(), key.get()) != 1) {
    ERR_clear_error();
    return absl::InvalidArgumentError("is not signed with its own key");
  }
  return key;
}

std::optional<std::string> AddressBytes(const std::string& host) {
  in_addr v4;
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) {
    return std::string(reinterpret_cast<const char*>(&v4), sizeof(v4));
  }
  in6_addr v6;
  if (inet_pton(AF_INET6, host.c_str(), &v6) == 1) {
    return std::string(reinterpret_cast<const char*>(&v6), sizeof(v6));
  }
  return std::nullopt;
}

bool IsDnsName(std::string_view host) {
  if (host.empty() || host.size() > kHostSizeMax) return false;
  size_t label = 0;
  char before = '.';
  for (const char c : host) {
    if (c == '.') {
      if (before == '.' || before == '-') return false;
      label = 0;
    } else if (absl::ascii_isalnum(c) || (c == '-' && before != '.')) {
      if (++label > kLabelSizeMax) return false;
    } else {
      return false;
    }
    before = c;
  }
  return before != '.' && before != '-';
}

absl::StatusOr<AlternativeName> HostName(const std::string& host) {
  if (std::optional<std::string> bytes = AddressBytes(host)) {
    return AlternativeName{GEN_IPADD, *std::move(bytes)};
  }
  if (IsDnsName(host)) return AlternativeName{GEN_DNS, host};
  return absl::InvalidArgumentError(
      absl::StrCat("\"", host, "\" is neither a host name nor an IP address"));
}

std::string CommonNameOf(X509* certificate) {
  X509_NAME* subject = X509_get_subject_name(certificate);
  const int index = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (index < 0) return "";
  unsigned char* text = nullptr;
  const int size = ASN1_STRING_to_UTF8(
      &text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index)));
  if (size < 0) return "";
  std::string name(reinterpret_cast<const char*>(text),
                   static_cast<size_t>(size));
  OPENSSL_free(text);
  return name;
}

// What our own authority wrote into a client's certificate.
Grant GrantOf(X509* certificate) {
  Grant grant;
  std::vector<std::string> accounts;
  for (const std::string_view uri : UrisOf(certificate)) {
    if (uri.starts_with(kAccountUriPrefix)) {
      accounts.emplace_back(uri.substr(kAccountUriPrefix.size()));
    }
    if (!uri.starts_with(kRoleUriPrefix)) continue;
    if (const auto role = RoleFromName(uri.substr(kRoleUriPrefix.size()))) {
      grant.roles.Add(*role);
    }
  }
  grant.accounts = AccountScope::OfList(accounts);
  return grant;
}

// The DNS names and addresses that a certificate is for.
std::vector<AlternativeName> NamesOf(X509* certificate) {
  std::vector<AlternativeName> result;
  const GeneralNames names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names.get());
       ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type != GEN_DNS && name->type != GEN_IPADD) continue;
    const ASN1_STRING* value =
        name->type == GEN_DNS ? name->d.dNSName : name->d.iPAddress;
    result.push_back(
        {name->type,
         std::string(
             reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
             static_cast<size_t>(ASN1_STRING_length(value)))});
  }
  return result;
}

}  // namespace

absl::StatusOr<CertifiedKey> MakeCa(std::string_view common_name,
                                    absl::Time now) {
  RETURN_IF_ERROR(CheckCommonName(common_name));
  Profile profile;
  profile.common_name = common_name;
  profile.constraints = "critical,CA:TRUE,pathlen:0";
  profile.key_usage = "critical,keyCertSign,cRLSign";
  profile.lifetime = kCaLifetime;
  return Issue(/*ca=*/nullptr, profile, now);
}

absl::StatusOr<CertifiedKey> IssueServerCertificate(
    const CertifiedKey& ca, const std::vector<std::string>& hosts,
    absl::Time now) {
  std::vector<std::string> all = {std::string(kServerName), "localhost",
                                  "127.0.0.1", "::1"};
  for (const std::string& host : hosts) {
    if (std::find(all.begin(), all.end(), host) == all.end()) {
      all.push_back(host);
    }
  }
  Profile profile = ServerProfile();
  for (const std::string& host : all) {
    ASSIGN_OR_RETURN(AlternativeName name, HostName(host));
    profile.names.push_back(std::move(name));
  }
  return Issue(&ca, profile, now);
}

absl::StatusOr<CertifiedKey> IssueClientCertificate(
    const CertifiedKey& ca, std::string_view common_name, Roles roles,
    absl::Time now, absl::Duration lifetime, const AccountScope& accounts) {
  RETURN_IF_ERROR(CheckCommonName(common_name));
  return Issue(&ca, ClientProfile(common_name, roles, accounts, lifetime), now);
}

absl::StatusOr<std::string> SignCertificateRequest(
    const CertifiedKey& ca, std::string_view request_pem,
    std::string_view common_name, Roles roles, absl::Time now,
    absl::Duration lifetime, const AccountScope& accounts) {
  RETURN_IF_ERROR(CheckCommonName(common_name));
  ASSIGN_OR_RETURN(const Key key, KeyOfRequest(request_pem));
  const Certificate certificate(X509_new());
  if (certificate == nullptr ||
      X509_set_pubkey(certificate.get(), key.get()) != 1) {
    return CryptoFailure("take over a key");
  }
  RETURN_IF_ERROR(
      Complete(certificate.get(), /*key=*/nullptr, &ca,
               ClientProfile(common_name, roles, accounts, lifetime), now));
  return WriteCertificate(certificate.get());
}

absl::StatusOr<bool> IsServerCertificateDue(std::string_view ca_pem,
                                            std::string_view certificate_pem,
                                            absl::Time now) {
  ASSIGN_OR_RETURN(const Certificate ca, ReadCertificate(ca_pem));
  ASSIGN_OR_RETURN(const Certificate certificate,
                   ReadCertificate(certificate_pem));
  ASSIGN_OR_RETURN(const absl::Time expiry, ExpiryOf(certificate.get()));
  const bool ours =
      X509_verify(certificate.get(), X509_get0_pubkey(ca.get())) == 1;
  ERR_clear_error();
  return !ours || expiry - now < kServerLifetime / 3;
}

absl::StatusOr<std::string> RenewServerCertificate(
    const CertifiedKey& ca, std::string_view certificate_pem, absl::Time now) {
  ASSIGN_OR_RETURN(const Certificate present, ReadCertificate(certificate_pem));
  const Certificate renewed(X509_new());
  if (renewed == nullptr ||
      X509_set_pubkey(renewed.get(), X509_get0_pubkey(present.get())) != 1) {
    return CryptoFailure("take over a key");
  }
  Profile profile = ServerProfile();
  profile.names = NamesOf(present.get());
  RETURN_IF_ERROR(Complete(renewed.get(), /*key=*/nullptr, &ca, profile, now));
  return WriteCertificate(renewed.get());
}

absl::StatusOr<std::string> CertificateFingerprint(std::string_view pem) {
  ASSIGN_OR_RETURN(const Certificate certificate, ReadCertificate(pem));
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (X509_digest(certificate.get(), EVP_sha256(), digest.data(), &size) != 1) {
    return CryptoFailure("read a certificate");
  }
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(digest.data()), size));
}

absl::Status CheckCommonName(std::string_view common_name) {
  const bool shaped =
      !common_name.empty() && common_name.size() <= kCommonNameSizeMax &&
      absl::ascii_isalnum(static_cast<unsigned char>(common_name.front())) &&
      std::all_of(common_name.begin(), common_name.end(), [](char c) {
        return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '.' ||
               c == '_' || c == '@' || c == '-';
      });
  if (shaped && common_name != "daemon") return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "a name must be 1 to ", kCommonNameSizeMax,
      " characters of A-Z, a-z, 0-9, '.', '_', '@', '-', beginning with a "
      "letter or digit, and not \"daemon\""));
}

absl::StatusOr<Identity> IdentityOfCertificate(std::string_view pem) {
  const auto refused = [](std::string_view why) {
    return base::WithReason(
        absl::UnauthenticatedError(absl::StrCat(
            "the client certificate ", base::ToAbsl(why),
            "; use one that this daemon's administrator gave out")),
        "BAD_CERTIFICATE");
  };
  const absl::StatusOr<Certificate> certificate = ReadCertificate(pem);
  if (!certificate.ok()) return refused("cannot be read");
  Identity identity;
  identity.name = CommonNameOf(certificate->get());
  if (!CheckCommonName(identity.name).ok()) {
    return refused("has a name that is not allowed");
  }
  Grant grant = GrantOf(certificate->get());
  identity.roles = grant.roles;
  identity.accounts = std::move(grant.accounts);
  identity.transport = Transport::kTls;
  identity.certificate_serial = SerialOf(certificate->get());
  const absl::StatusOr<absl::Time> expiry = ExpiryOf(certificate->get());
  if (!expiry.ok()) return refused("has no date of expiry");
  identity.certificate_expires_at = *expiry;
  return identity;
}

absl::StatusOr<absl::Time> ExpiryOfCertificate(std::string_view pem) {
  ASSIGN_OR_RETURN(const Certificate certificate, ReadCertificate(pem));
  return ExpiryOf(certificate.get());
}

absl::Status CheckCertificates(std::string_view pem) {
  return ReadCertificates(pem).status();
}

absl::Status CheckKeyFits(std::string_view certificate_pem,
                          const secret::Secret& key_pem) {
  ASSIGN_OR_RETURN(const Certificate certificate,
                   ReadCertificate(certificate_pem));
  const absl::StatusOr<Key> key = ReadKey(key_pem);
  if (key.ok() && X509_check_private_key(certificate.get(), key->get()) == 1) {
    return absl::OkStatus();
  }
  ERR_clear_error();
  return absl::InvalidArgumentError(
      "is not the key of the certificate, in PEM and without a password");
}

absl::Status CheckSigningKey(const secret::Secret& pem) {
  const absl::StatusOr<Key> key = ReadKey(pem);
  if (!key.ok()) {
    return absl::InvalidArgumentError(
        "is not a private key in PEM without a password");
  }
  if (IsOfKind(key->get(), {3072, 4096},
               {"prime256v1", "secp384r1", "secp521r1"})) {
    return absl::OkStatus();
  }
  ERR_clear_error();
  return absl::InvalidArgumentError(
      "must be an RSA key of 3072 or 4096 bits, or an EC key on P-256, P-384 "
      "or P-521");
}

}  // namespace keyturn::access
