// The only way in which a message of the API may be shown to anybody:
// tests/house/tidy_test.py refuses every other.
#ifndef KEYTURN_DAEMON_RPC_REDACT_H_
#define KEYTURN_DAEMON_RPC_REDACT_H_

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <string>

namespace keyturn::rpc {

// Stands for a value that is not shown, whatever it is or how long.
inline constexpr char kHidden[] = "(hidden)";

// Whether the API marks the field as a secret: INPUT_ONLY.
bool IsSecret(const google::protobuf::FieldDescriptor* field);

// `message` on one line, as protobuf's text, with every secret hidden at any
// depth. So is every field of type bytes, marked or not: that is how this API
// carries secrets, and a mark may be forgotten. Fields that the daemon does not
// know are left out. Secrets are never copied on the way.
std::string Redacted(const google::protobuf::Message& message);

}  // namespace keyturn::rpc

#endif  // KEYTURN_DAEMON_RPC_REDACT_H_
