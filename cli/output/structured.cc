#include "cli/output/structured.h"

#include <google/protobuf/util/json_util.h>
#include <yaml-cpp/yaml.h>

#include <nlohmann/json.hpp>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"

namespace keyturn::cli {
namespace {

constexpr int kIndent = 2;

using Json = nlohmann::ordered_json;

// Whether a YAML reader could take the plain text for something else.
bool NeedsQuotes(const std::string& text) {
  static const auto& words = *new std::set<std::string>{
      "",    "~", "null", "true", "false", "yes",   "no",  "on",
      "off", "y", "n",    ".inf", "-.inf", "+.inf", ".nan"};
  double number;
  return words.contains(absl::AsciiStrToLower(text)) ||
         absl::SimpleAtod(text, &number) || text.rfind("0x", 0) == 0 ||
         text.rfind("0o", 0) == 0;
}

void EmitText(const std::string& text, YAML::Emitter& out) {
  if (NeedsQuotes(text)) out << YAML::DoubleQuoted;
  if (text.find('\n') != std::string::npos) out << YAML::Literal;
  out << text;
}

void Emit(const Json& value, YAML::Emitter& out) {
  switch (value.type()) {
    case Json::value_t::object:
      if (value.empty()) out << YAML::Flow;
      out << YAML::BeginMap;
      for (const auto& [key, child] : value.items()) {
        out << YAML::Key;
        EmitText(key, out);
        out << YAML::Value;
        Emit(child, out);
      }
      out << YAML::EndMap;
      return;
    case Json::value_t::array:
      if (value.empty()) out << YAML::Flow;
      out << YAML::BeginSeq;
      for (const Json& child : value) Emit(child, out);
      out << YAML::EndSeq;
      return;
    case Json::value_t::string:
      EmitText(value.get_ref<const std::string&>(), out);
      return;
    case Json::value_t::null:
    case Json::value_t::boolean:
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned:
    case Json::value_t::number_float:
    case Json::value_t::binary:
    case Json::value_t::discarded:
      out << value.dump();
      return;
  }
}

Json ToValue(const google::protobuf::Message& message) {
  return Json::parse(ToJsonLine(message), nullptr, /*allow_exceptions=*/false);
}

}  // namespace

std::string ToJsonLine(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  std::string json;
  if (!google::protobuf::util::MessageToJsonString(message, &json, options)
           .ok()) {
    return "{}";
  }
  return json;
}

std::string ToStructured(const google::protobuf::Message& message,
                         OutputFormat format) {
  return ToStructured(ToValue(message), format);
}

std::string ToStructured(const Json& value, OutputFormat format) {
  if (format == OutputFormat::kYaml) {
    YAML::Emitter out;
    Emit(value, out);
    return std::string(out.c_str()) + "\n";
  }
  return value.dump(kIndent, ' ', /*ensure_ascii=*/false,
                    Json::error_handler_t::replace) +
         "\n";
}

}  // namespace keyturn::cli
