#include "daemon/upstream/netsuite/secret_json.h"

#include <algorithm>
#include <cstddef>

namespace keyturn::netsuite {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

void SkipSpace(std::string_view& rest) {
  rest.remove_prefix(std::min(rest.find_first_not_of(kSpace), rest.size()));
}

bool Skip(std::string_view& rest, char c) {
  SkipSpace(rest);
  if (!rest.starts_with(c)) return false;
  rest.remove_prefix(1);
  return true;
}

// Takes a string, whose opening quote comes next, and gives what is between the
// quotes with its escapes as they are.
std::optional<std::string_view> TakeString(std::string_view& rest) {
  if (!Skip(rest, '"')) return std::nullopt;
  for (size_t end = 0; end < rest.size(); ++end) {
    if (rest[end] == '\\') {
      ++end;
    } else if (rest[end] == '"') {
      const std::string_view text = rest.substr(0, end);
      rest.remove_prefix(end + 1);
      return text;
    }
  }
  return std::nullopt;
}

// Passes over an object or an array, whose opening bracket comes next.
bool SkipNested(std::string_view& rest) {
  size_t depth = 0;
  while (!rest.empty()) {
    if (rest.front() == '"') {
      if (!TakeString(rest).has_value()) return false;
      continue;
    }
    const char c = rest.front();
    rest.remove_prefix(1);
    if (c == '{' || c == '[') ++depth;
    if ((c == '}' || c == ']') && --depth == 0) return true;
  }
  return false;
}

struct Value {
  std::string_view text;
  bool scalar = false;
};

std::optional<Value> TakeValue(std::string_view& rest) {
  SkipSpace(rest);
  if (rest.starts_with('{') || rest.starts_with('[')) {
    if (!SkipNested(rest)) return std::nullopt;
    return Value{};
  }
  if (rest.starts_with('"')) {
    const std::optional<std::string_view> text = TakeString(rest);
    if (!text.has_value()) return std::nullopt;
    const bool plain = text->find('\\') == std::string_view::npos;
    return Value{.text = *text, .scalar = plain};
  }
  const size_t end = rest.find_first_of(",}] \t\r\n");
  if (end == std::string_view::npos || end == 0) return std::nullopt;
  const Value literal{.text = rest.substr(0, end), .scalar = true};
  rest.remove_prefix(end);
  return literal;
}

}  // namespace

std::optional<std::string_view> FindScalar(std::string_view json,
                                           std::string_view key) {
  if (!Skip(json, '{')) return std::nullopt;
  do {
    const std::optional<std::string_view> name = TakeString(json);
    if (!name.has_value() || !Skip(json, ':')) return std::nullopt;
    const std::optional<Value> value = TakeValue(json);
    if (!value.has_value()) return std::nullopt;
    if (*name == key) {
      return value->scalar ? std::optional(value->text) : std::nullopt;
    }
  } while (Skip(json, ','));
  return std::nullopt;
}

}  // namespace keyturn::netsuite
