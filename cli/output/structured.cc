#include "cli/output/structured.h"

#include <google/protobuf/util/json_util.h>
#include <yaml-cpp/yaml.h>

#include <nlohmann/json.hpp>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "cli/output/text.h"

namespace keyturn::cli {
namespace {

constexpr int kIndent = 2;

using Json = nlohmann::ordered_json;

// Whether a YAML reader, an old one too, could take the plain text for
// something else: a number, a time, a word with a meaning.
bool NeedsQuotes(const std::string& text) {
  static const auto& words = *new std::set<std::string>{
      "",    "~", "null", "true", "false", "yes",   "no",  "on",
      "off", "y", "n",    ".inf", "-.inf", "+.inf", ".nan"};
  return words.contains(absl::AsciiStrToLower(text)) ||
         absl::StrContains("0123456789+-.", text.substr(0, 1)) || text == "=";
}

// Whether a literal block gives back exactly this text: it ends with one line
// end, and nothing in it needs an escape or is taken for indentation.
bool FitsLiteral(const std::string& text) {
  const bool ends_once =
      text.size() > 1 && text.back() == '\n' && text[text.size() - 2] != '\n';
  return ends_once && !absl::ascii_isspace(text.front()) &&
         OneBlock(text) == text;
}

void EmitOnOneLine(const std::string& text, YAML::Emitter& out) {
  if (OneLine(text) != text) {
    out << YAML::EscapeNonAscii << YAML::DoubleQuoted;
  } else if (NeedsQuotes(text)) {
    out << YAML::DoubleQuoted;
  }
  out << text;
}

void EmitText(const std::string& text, YAML::Emitter& out) {
  if (FitsLiteral(text)) {
    out << YAML::Literal << text;
  } else {
    EmitOnOneLine(text, out);
  }
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
  return EscapeControls(value.dump(kIndent, ' ', /*ensure_ascii=*/false,
                                   Json::error_handler_t::replace)) +
         "\n";
}

std::string ToYamlScalar(const std::string& text) {
  YAML::Emitter out;
  EmitOnOneLine(text, out);
  return out.c_str();
}

}  // namespace keyturn::cli
