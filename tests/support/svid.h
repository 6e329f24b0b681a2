// Certificates as an authority outside gives them out, good ones and bad ones.
#ifndef KEYTURN_TESTS_SUPPORT_SVID_H_
#define KEYTURN_TESTS_SUPPORT_SVID_H_

#include <string>
#include <vector>

namespace keyturn::testing {

struct PemPair {
  std::string certificate_pem;
  std::string key_pem;
};

// What is in a certificate. The defaults are those of a good one, but for its
// name.
struct Svid {
  // Of the subject's alternative names.
  std::vector<std::string> uris;
  std::string common_name = "workload";
  const char* constraints = "critical,CA:FALSE";
  const char* key_usage = "critical,digitalSignature";
  // Null: none.
  const char* extended_key_usage = "serverAuth,clientAuth";
  // From now.
  long begins_seconds = -300;
  long ends_seconds = 3600;
  // Hexadecimal digits.
  std::string serial = "77";
};

// That of an authority.
Svid AuthoritySvid(const std::string& common_name);

// With a new EC key; self-signed without `ca`.
PemPair IssueSvid(const PemPair* ca, const Svid& svid);

}  // namespace keyturn::testing

#endif  // KEYTURN_TESTS_SUPPORT_SVID_H_
