#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "nlohmann/json.hpp"

namespace keyturn::sandbox {

// Documents keep the order and the unknown fields of what was written.
using Json = nlohmann::ordered_json;

// Parses `text`. A discarded value (`is_discarded()`) when it is not JSON.
Json ParseJson(std::string_view text);

// Never fails: bytes that are not UTF-8 are replaced.
std::string Dump(const Json& value);

// The member `key` of an object, or null. `value` may be of any kind.
const Json& Member(const Json& value, std::string_view key);

// The member as a string, number or flag; `otherwise` when it is missing or of
// another kind.
std::string Text(const Json& value, std::string_view key,
                 std::string_view otherwise = "");
int64_t Number(const Json& value, std::string_view key, int64_t otherwise = 0);
bool Flag(const Json& value, std::string_view key, bool otherwise = false);
std::vector<std::string> Texts(const Json& value, std::string_view key);

}  // namespace keyturn::sandbox
