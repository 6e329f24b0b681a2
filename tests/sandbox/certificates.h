#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace keyturn::sandbox {

struct KeyAndCertificate {
  std::string private_key_pem;
  std::string certificate_pem;
};

// A self-signed authority with an EC P-256 key, good for a year.
absl::StatusOr<KeyAndCertificate> MakeAuthority(const std::string& name);

// A server certificate for `dns_names` and `ip_addresses`, signed by it.
absl::StatusOr<KeyAndCertificate> MakeServerCertificate(
    const KeyAndCertificate& authority,
    const std::vector<std::string>& dns_names,
    const std::vector<std::string>& ip_addresses);

}  // namespace keyturn::sandbox
