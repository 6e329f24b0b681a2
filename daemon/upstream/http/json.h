// Reading what outside systems send, within limits.
#ifndef KEYTURN_DAEMON_UPSTREAM_HTTP_JSON_H_
#define KEYTURN_DAEMON_UPSTREAM_HTTP_JSON_H_

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "daemon/secret/secret.h"

namespace keyturn::http {

// Keeps unknown fields and the order of all fields (guarantee G7).
using Document = nlohmann::ordered_json;

// Objects and arrays inside each other. Deeper ones could exhaust the stack.
inline constexpr int kJsonDepthMax = 64;

// DataLoss when `text` is not one JSON value of at most kJsonDepthMax levels in
// valid UTF-8. The message tells nothing of the text.
absl::StatusOr<Document> ParseJson(std::string_view text);

// Writes `document` without spaces straight into memory that is wiped; no other
// copy of a string of it is left behind. InvalidArgument when a string is not
// valid UTF-8.
absl::StatusOr<secret::Secret> SerializeJson(const Document& document);

// Overwrites and empties every string value of `document`.
void WipeStrings(Document& document);

// The string at `key` of an object; empty when there is none.
std::string StringAt(const Document& object, std::string_view key);

}  // namespace keyturn::http

#endif  // KEYTURN_DAEMON_UPSTREAM_HTTP_JSON_H_
