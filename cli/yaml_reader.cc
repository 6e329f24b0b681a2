#include "cli/yaml_reader.h"

#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>

#include <algorithm>
#include <sstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "cli/output/text.h"

namespace keyturn::cli {
namespace {

constexpr size_t kMistakesMax = 20;
constexpr size_t kListEntriesMax = 1000;

std::string Kind(const YAML::Node& node) {
  switch (node.Type()) {
    case YAML::NodeType::Undefined:
    case YAML::NodeType::Null:
      return "nothing";
    case YAML::NodeType::Scalar:
      return "a single value";
    case YAML::NodeType::Sequence:
      return "a list";
    case YAML::NodeType::Map:
      return "a mapping";
  }
  return "something unknown";
}

int LineOfBrokenUtf8(const std::string& text) {
  const std::vector<std::string> lines = absl::StrSplit(text, '\n');
  const auto broken =
      std::find_if_not(lines.begin(), lines.end(),
                       [](const std::string& line) { return IsUtf8(line); });
  return static_cast<int>(broken - lines.begin()) + 1;
}

// `line` is 0 for the first one.
bool IsIndentedByTab(const std::string& text, int line) {
  const std::vector<std::string> lines = absl::StrSplit(text, '\n');
  if (line < 0 || static_cast<size_t>(line) >= lines.size()) return false;
  const std::string& indented = lines[static_cast<size_t>(line)];
  const size_t first = indented.find_first_not_of(' ');
  return first != std::string::npos && indented[first] == '\t';
}

// What the library found, without what it repeats of the text behind a colon.
std::string Finding(const YAML::Exception& error) {
  return error.msg.substr(0, error.msg.find(':'));
}

// Counts documents, up to two: YAML::LoadAll makes more and more of them, for
// ever, of a text such as "\"\":1\n? a", whose rest begins no document.
class DocumentCounter final : public YAML::EventHandler {
 public:
  explicit DocumentCounter(const std::string& text) {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    while (count_ < 2 && parser.HandleNextDocument(*this)) ++count_;
  }

  int count() const { return count_; }
  // Where the last one begins.
  const YAML::Mark& mark() const { return mark_; }

 private:
  void OnDocumentStart(const YAML::Mark& mark) override { mark_ = mark; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}

  int count_ = 0;
  YAML::Mark mark_;
};

}  // namespace

void YamlMistakes::Add(int line, const std::string& field,
                       const std::string& message) {
  if (lines_.size() == kMistakesMax) {
    ++left_out_;
    return;
  }
  lines_.push_back(absl::StrCat(file_, ":", line, ": ",
                                field.empty() ? "" : OneLine(field) + ": ",
                                message));
}

absl::Status YamlMistakes::ToStatus() const {
  if (lines_.empty()) return absl::OkStatus();
  std::string text = absl::StrJoin(lines_, "\n");
  if (left_out_ > 0) absl::StrAppend(&text, "\nand ", left_out_, " more");
  return absl::InvalidArgumentError(text);
}

absl::StatusOr<YAML::Node> ParseYaml(const std::string& text,
                                     const std::string& file) {
  if (!IsUtf8(text)) {
    return absl::InvalidArgumentError(
        absl::StrCat(file, ":", LineOfBrokenUtf8(text), ": is not UTF-8 text"));
  }
  try {
    const DocumentCounter documents(text);
    const YAML::Node document = YAML::Load(text);
    if (documents.count() == 0 || document.IsNull()) {
      return absl::InvalidArgumentError(absl::StrCat(file, ":1: is empty"));
    }
    if (documents.count() > 1) {
      return absl::InvalidArgumentError(
          absl::StrCat(file, ":", documents.mark().line + 1,
                       ": a second document begins here; one is allowed"));
    }
    return document;
  } catch (const YAML::DeepRecursion& error) {
    return absl::InvalidArgumentError(
        absl::StrCat(file, ":", error.mark.line + 1, ": is nested too deeply"));
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(
        absl::StrCat(file, ":", error.mark.line + 1, ": is not YAML: ",
                     IsIndentedByTab(text, error.mark.line)
                         ? "a tab indents this line, where only spaces may"
                         : Finding(error)));
  }
}

int LineOf(const YAML::Node& node) { return std::max(node.Mark().line, 0) + 1; }

YamlMapping::YamlMapping(const YAML::Node& node, std::string path,
                         YamlMistakes& mistakes)
    : path_(std::move(path)), mistakes_(mistakes), line_(LineOf(node)) {
  if (!node.IsMap()) {
    mistakes_.Add(line_, path_, "must be a mapping, and is " + Kind(node));
    return;
  }
  for (const auto& pair : node) {
    const int line = LineOf(pair.first);
    if (!pair.first.IsScalar()) {
      mistakes_.Add(line, path_, "a key must be a single word");
      continue;
    }
    const std::string key = pair.first.Scalar();
    const auto [entry, fresh] =
        entries_.emplace(key, Entry{.line = line, .value = pair.second});
    if (!fresh) {
      mistakes_.Add(
          line, Field(key),
          absl::StrCat("is given twice, first in line ", entry->second.line));
    }
  }
}

std::optional<YAML::Node> YamlMapping::Value(const std::string& key) {
  known_.push_back(key);
  const auto entry = entries_.find(key);
  if (entry == entries_.end()) return std::nullopt;
  entry->second.asked_for = true;
  return entry->second.value;
}

std::optional<std::string> YamlMapping::Text(const std::string& key) {
  const std::optional<YAML::Node> value = Value(key);
  if (!value.has_value()) return std::nullopt;
  if (!value->IsScalar()) {
    Mistake(key, "must be a single value, and is " + Kind(*value));
    return std::nullopt;
  }
  return value->Scalar();
}

std::string YamlMapping::RequiredText(const std::string& key,
                                      const std::string& allowed) {
  const bool present = entries_.contains(key);
  const std::optional<std::string> text = Text(key);
  if (!present) {
    Mistake(key, "is missing: " + allowed);
  } else if (text.has_value() && text->empty()) {
    Mistake(key, "is empty: " + allowed);
  }
  return text.value_or("");
}

std::optional<int> YamlMapping::Integer(const std::string& key) {
  const std::optional<std::string> text = Text(key);
  int number = 0;
  if (!text.has_value()) return std::nullopt;
  if (!absl::SimpleAtoi(*text, &number)) {
    Mistake(key, "must be a whole number");
    return std::nullopt;
  }
  return number;
}

std::optional<std::vector<std::string>> YamlMapping::TextList(
    const std::string& key) {
  const std::optional<YAML::Node> value = Value(key);
  if (!value.has_value()) return std::nullopt;
  if (!value->IsSequence() || value->size() > kListEntriesMax) {
    Mistake(key, absl::StrCat("must be a list of at most ", kListEntriesMax,
                              " entries, and is ", Kind(*value)));
    return std::nullopt;
  }
  std::vector<std::string> entries;
  for (const YAML::Node& entry : *value) {
    if (entry.IsScalar() && !entry.Scalar().empty()) {
      entries.push_back(entry.Scalar());
    } else {
      mistakes_.Add(LineOf(entry), Field(key),
                    "each entry must be a single value");
    }
  }
  return entries;
}

int YamlMapping::Line(const std::string& key) const {
  const auto entry = entries_.find(key);
  return entry == entries_.end() ? line_ : entry->second.line;
}

std::string YamlMapping::Field(const std::string& key) const {
  return path_.empty() ? key : absl::StrCat(path_, ".", key);
}

void YamlMapping::Mistake(const std::string& key, const std::string& message) {
  mistakes_.Add(Line(key), Field(key), message);
}

void YamlMapping::RefuseOthers() {
  for (const auto& [key, entry] : entries_) {
    if (entry.asked_for) continue;
    mistakes_.Add(entry.line, Field(key),
                  "is not known here; allowed: " + absl::StrJoin(known_, ", "));
  }
}

}  // namespace keyturn::cli
