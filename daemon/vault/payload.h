// What a credential consists of, by kind.
#ifndef KEYTURN_DAEMON_VAULT_PAYLOAD_H_
#define KEYTURN_DAEMON_VAULT_PAYLOAD_H_

#include <string_view>
#include <variant>

#include "absl/status/statusor.h"
#include "daemon/secret/secret.h"
#include "daemon/store/records.h"

namespace keyturn::vault {

// Bytes of one field, e.g. a private key in PEM.
inline constexpr size_t kFieldBytesMax = 16 * 1024;

struct CeligoToken {
  secret::Secret token;
};

struct NetSuiteTba {
  secret::Secret consumer_key;
  secret::Secret consumer_secret;
  secret::Secret token_id;
  secret::Secret token_secret;
};

struct NetSuiteM2m {
  secret::Secret client_id;
  secret::Secret certificate_id;
  secret::Secret private_key_pem;
};

struct NetSuiteLogin {
  secret::Secret email;
  secret::Secret password;
};

struct ConnectionToken {
  secret::Secret token_id;
  secret::Secret token_secret;
};

using Payload = std::variant<CeligoToken, NetSuiteTba, NetSuiteM2m,
                             NetSuiteLogin, ConnectionToken>;

store::CredentialKind KindOf(const Payload& payload);

// The payload as the bytes that are sealed, format 1:
//
//   byte 0     1, the format
//   byte 1     the number of its store::CredentialKind
//   then, for each field in the order of its struct above:
//     4 bytes  length, big endian, at most kFieldBytesMax
//     n bytes  the value
//
// Not a protobuf message: every copy that a parser makes is a copy to be wiped,
// and here there is none. InvalidArgument for a field that is too long.
absl::StatusOr<secret::Secret> EncodePayload(const Payload& payload);

// The inverse. DataLoss unless `bytes` are exactly such an encoding.
absl::StatusOr<Payload> DecodePayload(std::string_view bytes);

}  // namespace keyturn::vault

#endif  // KEYTURN_DAEMON_VAULT_PAYLOAD_H_
