// How a repeated request is told from another one under the same request id.
#ifndef KEYTURN_DAEMON_RPC_FINGERPRINT_H_
#define KEYTURN_DAEMON_RPC_FINGERPRINT_H_

#include <google/protobuf/message.h>

#include <string>
#include <string_view>

#include "daemon/secret/secret.h"

namespace keyturn::rpc {

// Whether messages of that type have a secret field, at any depth.
bool MayCarrySecret(const google::protobuf::Descriptor& type);

// HMAC-SHA256, in hex, over `rpc` and every field of `request`, the secret ones
// included: a request that was sent again with another secret is another
// request. Because secrets take part the hash is keyed: without `key`, which
// never reaches the store, nobody who reads the store can try out passwords on
// it. The serialised request is wiped.
std::string FingerprintOf(const secret::Secret& key, std::string_view rpc,
                          const google::protobuf::Message& request);

// The same without a key (SHA-256), for a request that cannot carry a secret:
// such a request is known again while the daemon is sealed, too.
std::string PlainFingerprintOf(std::string_view rpc,
                               const google::protobuf::Message& request);

}  // namespace keyturn::rpc

#endif  // KEYTURN_DAEMON_RPC_FINGERPRINT_H_
