#ifndef KEYTURN_CLI_YAML_READER_H_
#define KEYTURN_CLI_YAML_READER_H_

#include <yaml-cpp/yaml.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace keyturn::cli {

// Reads YAML strictly: a key that nobody asked for, a key given twice, and a
// value of another type are mistakes, and each is told as
// "FILE:LINE: field: what is allowed". Mistakes are collected, so that one run
// tells them all (up to 20). Not thread-safe.

// The mistakes found in one file.
class YamlMistakes {
 public:
  explicit YamlMistakes(std::string file) : file_(std::move(file)) {}

  void Add(int line, const std::string& field, const std::string& message);

  const std::string& file() const { return file_; }

  // InvalidArgument with one line for each mistake, or OK when there is none.
  absl::Status ToStatus() const;

 private:
  const std::string file_;
  std::vector<std::string> lines_;
  size_t left_out_ = 0;
};

// The one document of a text. InvalidArgument, naming the line, when it is not
// UTF-8, no YAML, holds several documents, or is empty. Values are never
// echoed.
absl::StatusOr<YAML::Node> ParseYaml(const std::string& text,
                                     const std::string& file);

// 1 for the first line.
int LineOf(const YAML::Node& node);

// One mapping. `path` is how its field is called: "" for the top, "celigo".
class YamlMapping {
 public:
  // Notes a mistake unless `node` is a mapping without repeated keys.
  YamlMapping(const YAML::Node& node, std::string path, YamlMistakes& mistakes);

  // The text of a scalar; nothing when the key is absent. A null and a list
  // are mistakes.
  std::optional<std::string> Text(const std::string& key);

  // As Text, but absence and emptiness are mistakes. `allowed` says what is to
  // stand there.
  std::string RequiredText(const std::string& key, const std::string& allowed);

  std::optional<int> Integer(const std::string& key);

  // Nothing when the key is absent; a scalar or a mapping is a mistake.
  std::optional<std::vector<std::string>> TextList(const std::string& key);

  // The value itself, of whatever type; nothing when the key is absent.
  std::optional<YAML::Node> Value(const std::string& key);

  // Line of the key, or of the mapping when it has no such key.
  int Line(const std::string& key) const;

  // "celigo.connection".
  std::string Field(const std::string& key) const;

  void Mistake(const std::string& key, const std::string& message);

  // Notes a mistake for every key that no call above asked for. Call it last.
  void RefuseOthers();

 private:
  struct Entry {
    int line;
    YAML::Node value;
    bool asked_for = false;
  };

  const std::string path_;
  YamlMistakes& mistakes_;
  int line_ = 1;
  std::map<std::string, Entry> entries_;
  std::vector<std::string> known_;
};

}  // namespace keyturn::cli

#endif  // KEYTURN_CLI_YAML_READER_H_
