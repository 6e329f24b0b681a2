#include "daemon/upstream/http/transport.h"

#include <algorithm>

#include "absl/strings/cord.h"

namespace keyturn::http {
namespace {

constexpr char kEffectPayload[] = "keyturn/effect";
constexpr char kNothing[] = "none";
constexpr char kPerhaps[] = "unknown";

}  // namespace

std::string_view Name(Method method) {
  switch (method) {
    case Method::kGet:
      return "GET";
    case Method::kPost:
      return "POST";
    case Method::kPut:
      return "PUT";
    case Method::kPatch:
      return "PATCH";
    case Method::kDelete:
      return "DELETE";
  }
  return "GET";
}

Request Request::Clone() const {
  Request copy;
  copy.method = method;
  copy.url = url;
  copy.headers = headers;
  copy.authorization = authorization.Clone();
  copy.body = body.Clone();
  copy.repeatable = repeatable;
  copy.timeout = timeout;
  return copy;
}

std::string_view Response::Find(std::string_view name) const {
  const auto found = std::find_if(
      headers.begin(), headers.end(),
      [name](const Header& header) { return header.name == name; });
  return found == headers.end() ? std::string_view() : found->value;
}

Effect EffectOf(const absl::Status& status) {
  const absl::optional<absl::Cord> payload = status.GetPayload(kEffectPayload);
  return payload.has_value() && *payload == kNothing ? Effect::kNone
                                                     : Effect::kUnknown;
}

absl::Status WithEffect(absl::Status status, Effect effect) {
  if (status.ok()) return status;
  status.SetPayload(kEffectPayload,
                    absl::Cord(effect == Effect::kNone ? kNothing : kPerhaps));
  return status;
}

}  // namespace keyturn::http
