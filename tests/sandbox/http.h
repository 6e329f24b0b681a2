#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "tests/sandbox/json.h"
#include "tests/sandbox/text.h"

namespace keyturn::sandbox {

// A request as it stood on the wire. Plain data: the sandbox's world never sees
// a socket, so the same world serves a TLS port and an in-process simulation.
struct Request {
  std::string method;
  // The authority: "localhost:8443". Part of what OAuth signs.
  std::string host;
  // Path and query, still encoded.
  std::string target;
  std::vector<NameValue> headers;
  std::string body;
  // When it came in. Unset: the world asks its clock.
  absl::Time arrival = absl::InfinitePast();

  // The first header of that name, whatever its case. "" when there is none.
  std::string Header(std::string_view name) const;
  // The path without query, still encoded.
  std::string Path() const;
  // Decoded query parameters in their order.
  std::vector<NameValue> Query() const;
  // The first parameter of that name; "" when there is none.
  std::string Parameter(std::string_view name) const;
};

// How the answer goes out.
enum class Ending {
  kWhole,
  // The connection is dropped without a byte of answer.
  kReset,
  // Header and half of the body are sent, then the connection is dropped.
  kCutBody,
};

struct Response {
  int status = 200;
  std::vector<NameValue> headers;
  std::string body;
  // To wait before sending. Whoever carries the answer waits, never the world.
  absl::Duration delay = absl::ZeroDuration();
  Ending ending = Ending::kWhole;

  // The first header of that name, whatever its case. "" when there is none.
  std::string Header(std::string_view name) const;
};

Response JsonResponse(int status, const Json& body);
Response TextResponse(int status, std::string_view type, std::string body);

// The path's segments, decoded: "/v1/flows/7" is {"v1", "flows", "7"}.
std::vector<std::string> Segments(std::string_view path);

}  // namespace keyturn::sandbox
