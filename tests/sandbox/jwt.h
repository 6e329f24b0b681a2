#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "tests/sandbox/json.h"

namespace keyturn::sandbox {

struct Jwt {
  Json header;
  Json payload;
  // The first two parts with the dot, as they were signed.
  std::string signed_text;
  std::string signature;
};

// Nothing when it is not three base64url parts with JSON in the first two.
std::optional<Jwt> ParseJwt(std::string_view text);

// Whether the key of `certificate_pem` made the signature, by the algorithm the
// header names: PS256, PS384, PS512, ES256, ES384 or ES512, the ones NetSuite
// takes (Oracle help section_162755359851). False for any other algorithm.
bool VerifyJwt(const Jwt& jwt, std::string_view certificate_pem);

// What the sandbox needs to know of an uploaded certificate.
struct CertificateFacts {
  // "RSA" or "EC".
  std::string key_type;
  int key_bits = 0;
  absl::Time not_before;
  absl::Time not_after;
};
std::optional<CertificateFacts> InspectCertificate(
    std::string_view certificate_pem);

}  // namespace keyturn::sandbox
