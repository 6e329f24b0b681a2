#include "cli/context.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>
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

// Whether a literal block gives the text back as it is; PEM is such.
bool IsBlock(const std::string& text) {
  return text.size() > 1 && text.front() > ' ' && text.back() == '\n' &&
         text[text.size() - 2] != '\n' &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return c == '\n' || (c >= ' ' && c <= '~');
         });
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
      if (IsBlock(value)) {
        out << YAML::Literal;
      } else if (value.find('\n') != std::string::npos) {
        out << YAML::DoubleQuoted;
      }
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

std::string DirectoryOf(const std::string& path) {
  const std::filesystem::path parent =
      std::filesystem::path(path).parent_path();
  return parent.empty() ? "." : parent.string();
}

// Makes what is missing, closed to others. Whether that was of use is seen when
// the directory is opened.
void MakeDirectories(const std::filesystem::path& directory) {
  constexpr mode_t kOwnerOnly = 0700;
  std::filesystem::path made;
  for (const std::filesystem::path& part : directory) {
    made /= part;
    mkdir(made.c_str(), kOwnerOnly);
  }
}

// Makes the new name of a file as durable as its content.
absl::Status SyncDirectory(const std::string& directory) {
  const int descriptor =
      open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool synced = descriptor >= 0 && fsync(descriptor) == 0;
  const int error = errno;
  if (descriptor >= 0) close(descriptor);
  return synced ? absl::OkStatus() : absl::InternalError(std::strerror(error));
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

absl::StatusOr<ContextFile> ContextFile::ReadOrNew(const std::string& path) {
  if (access(path.c_str(), F_OK) == 0) return Read(path);
  if (errno != ENOENT) {
    return absl::InternalError(
        absl::StrCat(path, ": cannot be read: ", std::strerror(errno)));
  }
  ContextFile file;
  file.path_ = path;
  return file;
}

absl::Status ContextFile::Add(Context context) {
  if (absl::Status free = CheckFree(context.name); !free.ok()) return free;
  current_ = context.name;
  contexts_.push_back(std::move(context));
  return absl::OkStatus();
}

void ContextFile::Replace(Context context) {
  for (Context& present : contexts_) {
    if (present.name == context.name) {
      present = std::move(context);
      return;
    }
  }
}

absl::Status ContextFile::CheckFree(const std::string& name) const {
  const bool taken = std::any_of(
      contexts_.begin(), contexts_.end(),
      [&name](const Context& context) { return context.name == name; });
  if (!taken && !name.empty()) return absl::OkStatus();
  return UsageError(absl::StrCat(path_, ": there is already a context \"",
                                 OneLine(name), "\""),
                    "another --name, or keyturn context remove NAME");
}

std::string ContextFile::FreeName(const std::string& name) const {
  std::string free = name;
  for (int number = 2; !CheckFree(free).ok() && !name.empty(); ++number) {
    free = absl::StrCat(name, "-", number);
  }
  return free;
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

absl::StatusOr<std::unique_ptr<ContextLock>> ContextLock::Take(
    const std::string& path) {
  return Lock(path, /*wait=*/true);
}

absl::StatusOr<std::unique_ptr<ContextLock>> ContextLock::TryTake(
    const std::string& path) {
  return Lock(path, /*wait=*/false);
}

absl::StatusOr<std::unique_ptr<ContextLock>> ContextLock::Lock(
    const std::string& path, bool wait) {
  const std::string directory = DirectoryOf(path);
  MakeDirectories(directory);
  const int descriptor =
      open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) {
    return absl::InternalError(
        absl::StrCat(directory, ": cannot be used: ", std::strerror(errno)));
  }
  int locked = -1;
  do {
    locked = flock(descriptor, wait ? LOCK_EX : LOCK_EX | LOCK_NB);
  } while (locked != 0 && errno == EINTR);
  if (locked == 0) {
    return std::unique_ptr<ContextLock>(new ContextLock(descriptor));
  }
  const int error = errno;
  close(descriptor);
  if (!wait && error == EWOULDBLOCK) return std::unique_ptr<ContextLock>();
  return absl::InternalError(
      absl::StrCat(directory, ": cannot be locked: ", std::strerror(error)));
}

ContextLock::~ContextLock() { close(directory_); }

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
  if (written.ok()) return SyncDirectory(DirectoryOf(path_));
  unlink(temporary.c_str());
  return absl::InternalError(absl::StrCat(
      path_, ": cannot be written: ", std::string(written.message())));
}

}  // namespace keyturn::cli
