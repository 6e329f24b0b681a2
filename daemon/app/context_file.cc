#include "daemon/app/context_file.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/app/files.h"
#include "daemon/base/status.h"

namespace keyturn::app {
namespace {

constexpr char kFirstName[] = "default";

absl::Status NoContextFile(const std::string& path) {
  return absl::FailedPreconditionError(absl::StrCat(
      path,
      " is there but is no file of contexts; move it away, or choose "
      "another file with --context-out"));
}

// The names that are taken, or an error when `file` has another shape.
absl::StatusOr<std::set<std::string>> NamesIn(const YAML::Node& file,
                                              const std::string& path) {
  std::set<std::string> names;
  if (!file.IsMap() || !file["contexts"] || !file["contexts"].IsSequence() ||
      file["contexts"].size() >= kContextsMax) {
    return NoContextFile(path);
  }
  for (const YAML::Node& context : file["contexts"]) {
    if (!context.IsMap() || !context["name"] || !context["name"].IsScalar()) {
      return NoContextFile(path);
    }
    names.insert(context["name"].Scalar());
  }
  return names;
}

std::string FreeName(const std::set<std::string>& taken) {
  std::string name = kFirstName;
  for (size_t i = 2; taken.contains(name); ++i) {
    name = absl::StrCat(kFirstName, "-", i);
  }
  return name;
}

// Whether a literal block gives the text back as it is; PEM is such.
bool IsBlock(std::string_view text) {
  return text.size() > 1 && text.front() > ' ' && text.ends_with('\n') &&
         !text.ends_with("\n\n") &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return c == '\n' || (c >= ' ' && c <= '~');
         });
}

// Writes a file as it was read. An anchor may stand in what it names, or name
// more and more: such a file is of nobody's making, and has no end.
class Writer {
 public:
  // False: it was given up.
  bool Write(const YAML::Node& node, int depth = 0) {
    if (depth > kDepthMax || ++nodes_ > kNodesMax) return false;
    if (node.IsMap()) return WriteMap(node, depth);
    if (node.IsSequence()) return WriteSequence(node, depth);
    if (node.IsScalar()) {
      const std::string& text = node.Scalar();
      if (IsBlock(text)) {
        out_ << YAML::Literal;
      } else if (text.find('\n') != std::string::npos) {
        out_ << YAML::DoubleQuoted;
      }
      out_ << text;
    } else {
      out_ << YAML::Null;
    }
    return true;
  }

  secret::Secret TakeText() const {
    std::string text(out_.c_str(), out_.size());
    text.push_back('\n');
    return secret::Secret::Take(text);
  }

 private:
  static constexpr int kDepthMax = 16;
  static constexpr size_t kNodesMax = 50 * kContextsMax;

  bool WriteMap(const YAML::Node& node, int depth) {
    out_ << YAML::BeginMap;
    for (const auto& entry : node) {
      out_ << YAML::Key;
      if (!Write(entry.first, depth + 1)) return false;
      out_ << YAML::Value;
      if (!Write(entry.second, depth + 1)) return false;
    }
    out_ << YAML::EndMap;
    return true;
  }

  bool WriteSequence(const YAML::Node& node, int depth) {
    out_ << YAML::BeginSeq;
    for (const YAML::Node& item : node) {
      if (!Write(item, depth + 1)) return false;
    }
    out_ << YAML::EndSeq;
    return true;
  }

  YAML::Emitter out_;
  size_t nodes_ = 0;
};

absl::StatusOr<YAML::Node> Load(const std::string& path) {
  const absl::StatusOr<secret::Secret> content = ReadPrivateFile(path);
  if (content.status().code() == absl::StatusCode::kNotFound) {
    YAML::Node empty;
    empty["currentContext"] = "";
    empty["contexts"] = YAML::Node(YAML::NodeType::Sequence);
    return empty;
  }
  RETURN_IF_ERROR(content.status());
  return YAML::Load(std::string(content->Expose()));
}

absl::StatusOr<std::string> Add(const std::string& path,
                                const Context& context) {
  ASSIGN_OR_RETURN(YAML::Node file, Load(path));
  ASSIGN_OR_RETURN(const std::set<std::string> taken, NamesIn(file, path));
  const std::string name = FreeName(taken);
  YAML::Node added;
  added["name"] = name;
  added["server"] = context.server;
  added["serverName"] = context.server_name;
  added["ca"] = context.ca_pem;
  added["certificate"] = context.certificate_pem;
  added["key"] = std::string(context.key_pem.Expose());
  file["contexts"].push_back(added);
  file["currentContext"] = name;
  Writer writer;
  if (!writer.Write(file)) return NoContextFile(path);
  RETURN_IF_ERROR(
      MakeDirectories(std::filesystem::absolute(path).parent_path().string()));
  RETURN_IF_ERROR(ReplaceFile(path, writer.TakeText().Expose()));
  return name;
}

}  // namespace

absl::StatusOr<std::string> DefaultContextPath() {
  constexpr char kFile[] = "keyturn/config.yaml";
  const char* const config_home = std::getenv("XDG_CONFIG_HOME");
  if (config_home != nullptr && *config_home != '\0') {
    return absl::StrCat(config_home, "/", kFile);
  }
  const char* const home = std::getenv("HOME");
  if (home != nullptr && *home != '\0') {
    return absl::StrCat(home, "/.config/", kFile);
  }
  return absl::FailedPreconditionError(
      "neither XDG_CONFIG_HOME nor HOME is set; say with --context-out where "
      "the command line's context shall go");
}

absl::StatusOr<std::string> AddContext(const std::string& path,
                                       const Context& context) {
  try {
    return Add(path, context);
  } catch (const YAML::Exception&) {
    return NoContextFile(path);
  }
}

}  // namespace keyturn::app
