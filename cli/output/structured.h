#ifndef KEYTURN_CLI_OUTPUT_STRUCTURED_H_
#define KEYTURN_CLI_OUTPUT_STRUCTURED_H_

#include <google/protobuf/message.h>

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace keyturn::cli {

enum class OutputFormat { kTable, kJson, kYaml };

// A message as proto3 JSON (lowerCamelCase names, enums by name, 64-bit numbers
// as strings); fields that are empty are there too, so that scripts find them.
// Never give it a message that carries a secret.
std::string ToJsonLine(const google::protobuf::Message& message);

// The same, indented, or as YAML.
std::string ToStructured(const google::protobuf::Message& message,
                         OutputFormat format);

// For what is no message of the API.
std::string ToStructured(const nlohmann::ordered_json& value,
                         OutputFormat format);

// A text as the value of a key in a YAML file: on one line, quoted and escaped
// where a reader could take it for something else.
std::string ToYamlScalar(const std::string& text);

}  // namespace keyturn::cli

#endif  // KEYTURN_CLI_OUTPUT_STRUCTURED_H_
