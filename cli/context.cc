#include "cli/context.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/errors.h"
#include "cli/output/text.h"
#include "cli/yaml_reader.h"

namespace keyturn::cli {
namespace {

constexpr size_t kFileBytesMax = 1024 * 1024;
constexpr mode_t kOthersMask = 077;

absl::Status RefuseIfOthersCanRead(const std::string& path) {
  struct stat status = {};
  if (stat(path.c_str(), &status) != 0 || (status.st_mode & kOthersMask) == 0) {
    return absl::OkStatus();
  }
  return UsageError(
      absl::StrCat(path, ": holds a private key and is open to other users"),
      absl::StrCat("chmod 600 ", path));
}

Context ReadContext(const YAML::Node& node, const std::string& path,
                    YamlMistakes& mistakes) {
  YamlMapping mapping(node, path, mistakes);
  Context context;
  context.name = mapping.RequiredText("name", "how the context is called");
  context.server =
      mapping.RequiredText("server", "HOST:PORT or unix:/path/of/socket");
  context.server_name = mapping.Text("serverName").value_or("");
  context.authority = mapping.Text("ca").value_or("");
  context.certificate = mapping.Text("certificate").value_or("");
  context.key = SecretText(mapping.Text("key").value_or(""));
  if (!context.OverUnixSocket() && node.IsMap()) {
    for (const char* key : {"ca", "certificate", "key"}) {
      if (mapping.Text(key).value_or("").empty()) {
        mapping.Mistake(key, "is missing: PEM text, needed to talk over TLS");
      }
    }
  }
  mapping.RefuseOthers();
  return context;
}

void RefuseRepeatedNames(const std::vector<Context>& contexts,
                         const YAML::Node& list, YamlMistakes& mistakes) {
  for (size_t i = 0; i < contexts.size(); ++i) {
    const bool repeated = std::any_of(
        contexts.begin(), contexts.begin() + static_cast<ptrdiff_t>(i),
        [&](const Context& other) { return other.name == contexts[i].name; });
    if (repeated) {
      mistakes.Add(LineOf(list[i]), "contexts",
                   absl::StrCat("the name \"", OneLine(contexts[i].name),
                                "\" is given twice"));
    }
  }
}

std::string ToYaml(const ContextFile& file) {
  YAML::Emitter out;
  out << YAML::BeginMap;
  out << YAML::Key << "currentContext" << YAML::Value << file.current();
  out << YAML::Key << "contexts" << YAML::Value << YAML::BeginSeq;
  for (const Context& context : file.contexts()) {
    out << YAML::BeginMap;
    out << YAML::Key << "name" << YAML::Value << context.name;
    out << YAML::Key << "server" << YAML::Value << context.server;
    const std::pair<const char*, const std::string&> optional[] = {
        {"serverName", context.server_name},
        {"ca", context.authority},
        {"certificate", context.certificate},
        {"key", context.key.Reveal()}};
    for (const auto& [key, value] : optional) {
      if (value.empty()) continue;
      out << YAML::Key << key << YAML::Value;
      if (value.find('\n') != std::string::npos) out << YAML::Literal;
      out << value;
    }
    out << YAML::EndMap;
  }
  out << YAML::EndSeq << YAML::EndMap << YAML::Newline;
  return out.c_str();
}

absl::Status WriteAndSync(int descriptor, const std::string& text) {
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t count =
        write(descriptor, text.data() + done, text.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return absl::InternalError(std::strerror(errno));
    done += static_cast<size_t>(count);
  }
  return fsync(descriptor) == 0 ? absl::OkStatus()
                                : absl::InternalError(std::strerror(errno));
}

}  // namespace

std::string ContextFile::DefaultPath(const Console& console) {
  const std::string base = console.Variable("XDG_CONFIG_HOME");
  return absl::StrCat(
      base.empty() ? absl::StrCat(console.Variable("HOME"), "/.config") : base,
      "/keyturn/config.yaml");
}

absl::StatusOr<ContextFile> ContextFile::Read(const std::string& path) {
  const absl::StatusOr<SecretText> text = ReadFile(path, kFileBytesMax);
  if (!text.ok()) {
    return UsageError(std::string(text.status().message()),
                      "keyturnd init --data-dir DIR --context-out FILE, then "
                      "keyturn --config FILE COMMAND");
  }
  const absl::StatusOr<YAML::Node> document = ParseYaml(text->Reveal(), path);
  if (!document.ok()) return document.status();
  YamlMistakes mistakes(path);
  YamlMapping top(*document, "", mistakes);
  ContextFile file;
  file.path_ = path;
  file.current_ = top.Text("currentContext").value_or("");
  const std::optional<YAML::Node> list = top.Value("contexts");
  if (!list.has_value() || !list->IsSequence()) {
    top.Mistake("contexts", "must be a list of contexts");
  } else {
    for (const YAML::Node& node : *list) {
      file.contexts_.push_back(ReadContext(
          node, absl::StrCat("contexts[", file.contexts_.size(), "]"),
          mistakes));
    }
    RefuseRepeatedNames(file.contexts_, *list, mistakes);
  }
  top.RefuseOthers();
  if (absl::Status status = mistakes.ToStatus(); !status.ok()) return status;
  for (const Context& context : file.contexts_) {
    if (context.key.empty()) continue;
    if (absl::Status open = RefuseIfOthersCanRead(path); !open.ok())
      return open;
  }
  return file;
}

absl::StatusOr<const Context*> ContextFile::Find(std::string_view name) const {
  const std::string wanted = name.empty() ? current_ : std::string(name);
  if (wanted.empty()) {
    return UsageError(path_ + ": no context is the current one",
                      "keyturn context use NAME, or --context NAME");
  }
  for (const Context& context : contexts_) {
    if (context.name == wanted) return &context;
  }
  const std::string names = absl::StrJoin(
      contexts_, ", ", [](std::string* out, const Context& context) {
        out->append(OneLine(context.name));
      });
  return UsageError(
      absl::StrCat(path_, ": there is no context \"", OneLine(wanted),
                   "\"; there are: ", names.empty() ? "none" : names),
      "keyturn context list");
}

absl::Status ContextFile::Use(const std::string& name) {
  if (const auto found = Find(name); !found.ok()) return found.status();
  current_ = name;
  return absl::OkStatus();
}

absl::Status ContextFile::Remove(const std::string& name) {
  if (const auto found = Find(name); !found.ok()) return found.status();
  std::erase_if(contexts_, [&name](const Context& context) {
    return context.name == name;
  });
  if (current_ == name) current_.clear();
  return absl::OkStatus();
}

absl::Status ContextFile::Write() const {
  std::string temporary = path_ + ".XXXXXX";
  const int descriptor = mkostemp(temporary.data(), O_CLOEXEC);
  if (descriptor < 0) {
    return absl::InternalError(
        absl::StrCat(path_, ": cannot be written: ", std::strerror(errno)));
  }
  SecretText text(ToYaml(*this));
  absl::Status written = WriteAndSync(descriptor, text.Reveal());
  close(descriptor);
  if (written.ok() && rename(temporary.c_str(), path_.c_str()) != 0) {
    written = absl::InternalError(std::strerror(errno));
  }
  if (written.ok()) return written;
  unlink(temporary.c_str());
  return absl::InternalError(absl::StrCat(
      path_, ": cannot be written: ", std::string(written.message())));
}

}  // namespace keyturn::cli
