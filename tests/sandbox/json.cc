#include "tests/sandbox/json.h"

namespace keyturn::sandbox {

Json ParseJson(std::string_view text) {
  return Json::parse(text.begin(), text.end(), /*cb=*/nullptr,
                     /*allow_exceptions=*/false);
}

std::string Dump(const Json& value) {
  return value.dump(/*indent=*/-1, /*indent_char=*/' ', /*ensure_ascii=*/false,
                    Json::error_handler_t::replace);
}

const Json& Member(const Json& value, std::string_view key) {
  static const Json* const null = new Json();
  if (!value.is_object()) return *null;
  const auto found = value.find(std::string(key));
  return found == value.end() ? *null : *found;
}

std::string Text(const Json& value, std::string_view key,
                 std::string_view otherwise) {
  const Json& member = Member(value, key);
  return member.is_string() ? member.get<std::string>()
                            : std::string(otherwise);
}

int64_t Number(const Json& value, std::string_view key, int64_t otherwise) {
  const Json& member = Member(value, key);
  return member.is_number() ? member.get<int64_t>() : otherwise;
}

bool Flag(const Json& value, std::string_view key, bool otherwise) {
  const Json& member = Member(value, key);
  return member.is_boolean() ? member.get<bool>() : otherwise;
}

std::vector<std::string> Texts(const Json& value, std::string_view key) {
  std::vector<std::string> texts;
  const Json& member = Member(value, key);
  if (!member.is_array()) return texts;
  for (const Json& entry : member) {
    if (entry.is_string()) texts.push_back(entry.get<std::string>());
  }
  return texts;
}

}  // namespace keyturn::sandbox
