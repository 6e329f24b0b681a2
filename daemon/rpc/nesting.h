// How deep the messages that callers send may nest.
#ifndef KEYTURN_DAEMON_RPC_NESTING_H_
#define KEYTURN_DAEMON_RPC_NESTING_H_

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace keyturn::rpc {

// Messages within each other, the request itself counted. More than any type of
// the API has; protobuf's own limit, which lies before ours, is 100.
inline constexpr int kMessageNestingMax = 8;

// How deep messages of `type` can nest by what is declared; kMessageNestingMax
// + 1 for whatever is deeper, a type that holds itself included.
int NestingOf(const google::protobuf::Descriptor& type);

// That no request of `rpcs` ("keyturn.v1.Tasks/GetTask") can nest deeper than
// kMessageNestingMax by what is declared; Internal, naming the first that can.
// Those that are not in the descriptors are not ours.
absl::Status CheckTypes(const std::vector<std::string>& rpcs);

// That `request` nests no deeper than kMessageNestingMax, with what of it is
// not declared. InvalidArgument (NESTED_TOO_DEEP).
absl::Status CheckNesting(const google::protobuf::Message& request);

}  // namespace keyturn::rpc

#endif  // KEYTURN_DAEMON_RPC_NESTING_H_
