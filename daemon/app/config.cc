#include "daemon/app/config.h"

#include <unistd.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <sstream>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "daemon/app/address.h"
#include "daemon/app/files.h"
#include "daemon/app/users.h"
#include "daemon/base/id.h"
#include "daemon/base/status.h"
#include "daemon/rpc/unix_listener.h"
#include "daemon/steps/account_questions.h"
#include "daemon/upstream/http/allowed_hosts.h"

namespace keyturn::app {
namespace {

constexpr char kCheckpointsFile[] = "audit-checkpoints";
constexpr char kStoreFile[] = "store/keyturn.db";

// Keys and names come from the file as they are; a mistake is one line.
std::string OneLine(std::string text) {
  std::replace_if(
      text.begin(), text.end(),
      [](char c) { return absl::ascii_iscntrl(static_cast<unsigned char>(c)); },
      '?');
  return text;
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

// What is wrong with a file, line by line.
class Mistakes {
 public:
  explicit Mistakes(std::string file) : file_(std::move(file)) {}

  void Add(const YAML::Mark& mark, std::string_view key,
           std::string_view message) {
    if (lines_.size() >= kMistakesToldMax) return;
    // What is not there at all stands nowhere: -1.
    lines_.push_back(OneLine(absl::StrCat(
        file_, ":", std::max(mark.line, 0) + 1, ": ", base::ToAbsl(key),
        key.empty() ? "" : ": ", base::ToAbsl(message))));
  }

  absl::Status ToStatus() const {
    if (lines_.empty()) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrJoin(lines_, "\n"));
  }

 private:
  const std::string file_;
  std::vector<std::string> lines_;
};

// One mapping of the file. Each key is asked for once; Finish complains about
// the others.
class Section {
 public:
  Section(const YAML::Node& node, std::string path, Mistakes& mistakes)
      : path_(std::move(path)), mark_(node.Mark()), mistakes_(mistakes) {
    if (!node.IsDefined() || node.IsNull()) return;
    if (!node.IsMap()) {
      mistakes_.Add(mark_, path_, "must be a mapping of keys and values");
      return;
    }
    for (const auto& entry : node) {
      const std::string key =
          entry.first.IsScalar() ? entry.first.Scalar() : "(not a word)";
      if (!entries_.emplace(key, entry.second).second) {
        mistakes_.Add(entry.first.Mark(), PathOf(key), "is given twice");
      }
      marks_.emplace(key, entry.first.Mark());
    }
  }

  YAML::Node Take(const std::string& key) {
    known_.push_back(key);
    const auto entry = entries_.find(key);
    return entry == entries_.end() ? YAML::Node(YAML::NodeType::Undefined)
                                   : entry->second;
  }

  Section Child(const std::string& key) {
    return Section(Take(key), PathOf(key), mistakes_);
  }

  bool Has(const std::string& key) const { return entries_.contains(key); }

  // Empty when absent; a mistake when it is no text or empty.
  std::string Text(const std::string& key, std::string_view allowed) {
    const YAML::Node node = Take(key);
    if (!node.IsDefined()) return "";
    if (node.IsScalar() && !node.Scalar().empty()) return node.Scalar();
    Mistake(key, absl::StrCat("must be ", base::ToAbsl(allowed)));
    return "";
  }

  std::string RequiredText(const std::string& key, std::string_view allowed) {
    if (!Has(key)) {
      Mistake(key,
              absl::StrCat("is missing; it must be ", base::ToAbsl(allowed)));
    }
    return Text(key, allowed);
  }

  void Mistake(const std::string& key, std::string_view message) {
    const auto mark = marks_.find(key);
    mistakes_.Add(mark == marks_.end() ? mark_ : mark->second, PathOf(key),
                  message);
  }

  void Finish() {
    for (const auto& [key, mark] : marks_) {
      if (std::find(known_.begin(), known_.end(), key) != known_.end())
        continue;
      mistakes_.Add(mark, PathOf(key),
                    absl::StrCat("is unknown; allowed here: ",
                                 absl::StrJoin(known_, ", ")));
    }
  }

 private:
  std::string PathOf(const std::string& key) const {
    if (key.empty()) return path_;
    return path_.empty() ? key : absl::StrCat(path_, ".", key);
  }

  const std::string path_;
  const YAML::Mark mark_;
  Mistakes& mistakes_;
  std::map<std::string, YAML::Node> entries_;
  std::map<std::string, YAML::Mark> marks_;
  std::vector<std::string> known_;
};

std::string Absolute(const std::string& path, const std::string& directory) {
  if (path.empty()) return "";
  std::string absolute =
      (std::filesystem::path(directory) / path).lexically_normal().string();
  while (absolute.size() > 1 && absolute.back() == '/') absolute.pop_back();
  return absolute;
}

// Where relative paths of a file begin.
std::string DirectoryOf(const std::string& path) {
  return std::filesystem::absolute(path).parent_path().string();
}

void ReadListen(Section listen, const std::string& directory, Config& config) {
  config.listen_tcp = listen.Text("tcp", "HOST:PORT, such as 127.0.0.1:7443");
  if (!config.listen_tcp.empty()) {
    const auto address = ParseAddress(config.listen_tcp);
    if (!address.ok()) {
      listen.Mistake("tcp", base::MessageOf(address.status()));
    }
  }
  config.listen_unix =
      Absolute(listen.Text("unix", "the path of a socket"), directory);
  if (config.listen_unix.size() > rpc::kUnixPathSizeMax) {
    listen.Mistake("unix",
                   absl::StrCat("makes a path of ", config.listen_unix.size(),
                                " bytes; a unix socket's has at most ",
                                rpc::kUnixPathSizeMax));
  }
  if (!listen.Has("tcp") && !listen.Has("unix")) {
    listen.Mistake("tcp", "is missing, and so is unix; give one of them");
  }
  listen.Finish();
}

// The elements of a list of words; a mistake when it is none.
std::vector<std::string> ReadWords(Section& section, const std::string& key,
                                   std::string_view allowed) {
  const std::string message = absl::StrCat("must be ", base::ToAbsl(allowed));
  const YAML::Node node = section.Take(key);
  std::vector<std::string> words;
  if (!node.IsDefined()) return words;
  if (!node.IsSequence() || node.size() == 0) section.Mistake(key, message);
  for (const YAML::Node& word : node) {
    if (word.IsScalar() && !word.Scalar().empty()) {
      words.push_back(word.Scalar());
    } else {
      section.Mistake(key, message);
    }
  }
  return words;
}

// Those that somebody is to be limited to.
access::AccountScope ReadAccounts(Section& from, access::Roles roles) {
  const std::string allowed = absl::StrCat(
      "a list of 1 to ", access::kAccountsNamedMax, " names of accounts");
  const std::vector<std::string> names = ReadWords(from, "accounts", allowed);
  if (!names.empty() && roles != access::Roles{access::Role::kAutomation}) {
    from.Mistake("accounts",
                 "go only with the role automation, and with no other beside "
                 "it");
  }
  const bool shaped = std::all_of(
      names.begin(), names.end(),
      [](const std::string& name) { return base::IsResourceName(name); });
  if (!shaped || names.size() > access::kAccountsNamedMax) {
    from.Mistake("accounts", "must be " + allowed);
  }
  return access::AccountScope::OfList(names);
}

// What somebody whom the configuration names gets.
access::Grant ReadGrant(Section& from) {
  std::vector<std::string> known;
  for (const access::Role role : access::kAllRoles) {
    known.emplace_back(access::Name(role));
  }
  const std::string allowed =
      absl::StrCat("a list of ", absl::StrJoin(known, ", "));
  access::Grant grant;
  if (!from.Has("roles")) {
    from.Mistake("roles", absl::StrCat("is missing; it must be ", allowed));
  }
  for (const std::string& name : ReadWords(from, "roles", allowed)) {
    if (const auto role = access::RoleFromName(name)) {
      grant.roles.Add(*role);
    } else {
      from.Mistake("roles",
                   absl::StrCat("has \"", name, "\"; it must be ", allowed));
    }
  }
  grant.accounts = ReadAccounts(from, grant.roles);
  return grant;
}

// The user that a peer is named by; none after a mistake.
std::optional<uid_t> ReadUser(Section& peer) {
  constexpr std::string_view kNumber = "a user's number";
  const std::string number = peer.Text("uid", kNumber);
  const std::string name = peer.Text("user", "a user's name");
  if (peer.Has("uid") == peer.Has("user")) {
    peer.Mistake("uid", peer.Has("uid") ? "stands beside user; give one of them"
                                        : "is missing, and so is user; give "
                                          "one of them");
    return std::nullopt;
  }
  const std::string key = peer.Has("uid") ? "uid" : "user";
  uid_t uid = 0;
  if (key == "uid") {
    // The highest number stands for no user.
    if (!absl::SimpleAtoi(number, &uid) || uid == static_cast<uid_t>(-1)) {
      if (!number.empty()) peer.Mistake(key, "must be a user's number");
      return std::nullopt;
    }
  } else {
    const absl::StatusOr<uid_t> found = UserNamed(name);
    if (!found.ok()) {
      if (!name.empty()) peer.Mistake(key, base::MessageOf(found.status()));
      return std::nullopt;
    }
    uid = *found;
  }
  if (uid == access::kRootUid || uid == geteuid()) {
    peer.Mistake(key,
                 "is root or the daemon's own user, who are administrators at "
                 "the socket in any case");
    return std::nullopt;
  }
  if (uid == access::kUnmappedUid) {
    peer.Mistake(key,
                 "is the user that stands for all whom the daemon's user "
                 "namespace does not know (in the unit: PrivateUsers=)");
    return std::nullopt;
  }
  return uid;
}

void ReadUnix(Section unix_socket, Mistakes& mistakes, Config& config) {
  constexpr std::string_view kPeers = "must be a list of users, each a mapping";
  const YAML::Node peers = unix_socket.Take("peers");
  if (peers.IsDefined() && !peers.IsSequence()) {
    unix_socket.Mistake("peers", kPeers);
  }
  if (peers.IsDefined() && config.listen_unix.empty()) {
    unix_socket.Mistake("peers", "needs listen.unix");
  }
  int index = 0;
  for (const YAML::Node& node : peers) {
    Section peer(node, absl::StrCat("unix.peers[", index++, "]"), mistakes);
    const std::optional<uid_t> uid = ReadUser(peer);
    access::Grant grant = ReadGrant(peer);
    peer.Finish();
    if (uid.has_value() &&
        !config.unix_peers.emplace(*uid, std::move(grant)).second) {
      peer.Mistake("", "names a user for the second time");
    }
  }
  if (config.unix_peers.size() > access::kUnixPeersMax) {
    unix_socket.Mistake(
        "peers", absl::StrCat("has more than ", access::kUnixPeersMax,
                              " users; give the others certificates (keyturn "
                              "identity invite)"));
  }
  const std::string group = unix_socket.Text("group", "a group's name");
  if (!group.empty()) {
    const absl::StatusOr<gid_t> found = GroupNamed(group);
    if (found.ok()) {
      config.unix_group = *found;
    } else {
      unix_socket.Mistake("group", base::MessageOf(found.status()));
    }
    if (config.unix_peers.empty()) {
      unix_socket.Mistake("group", "has no use without peers");
    }
  }
  unix_socket.Finish();
}

OutsideCaConfig ReadOutsideCa(Section outside, const std::string& directory,
                              Mistakes& mistakes) {
  OutsideCaConfig config;
  config.file = Absolute(outside.RequiredText("file", "the path of a PEM file"),
                         directory);
  const YAML::Node identities = outside.Take("identities");
  if (!identities.IsSequence() || identities.size() == 0) {
    outside.Mistake("identities",
                    "must be a list of who is let in, each a mapping");
  }
  int index = 0;
  for (const YAML::Node& node : identities) {
    Section identity(node,
                     absl::StrCat("tls.outsideCa.identities[", index++, "]"),
                     mistakes);
    const std::string id =
        identity.RequiredText("spiffeId", "a SPIFFE id in quotes");
    access::Grant grant = ReadGrant(identity);
    identity.Finish();
    if (id.empty()) continue;
    const absl::Status added = config.grants.Add(id, std::move(grant));
    if (!added.ok()) identity.Mistake("spiffeId", base::MessageOf(added));
  }
  if (config.grants.size() > access::kSpiffePatternsMax) {
    outside.Mistake("identities",
                    absl::StrCat("has more than ", access::kSpiffePatternsMax));
  }
  outside.Finish();
  return config;
}

void ReadTls(Section tls, const std::string& directory, Mistakes& mistakes,
             Config& config) {
  const bool needed = !config.listen_tcp.empty();
  const auto path = [&](const std::string& key) {
    constexpr std::string_view kAllowed = "the path of a PEM file";
    return Absolute(
        needed ? tls.RequiredText(key, kAllowed) : tls.Text(key, kAllowed),
        directory);
  };
  config.tls_ca = path("ca");
  config.tls_certificate = path("certificate");
  config.tls_key = path("key");
  config.tls_ca_key =
      Absolute(tls.Text("caKey", "the path of a PEM file"), directory);
  Section outside = tls.Child("outsideCa");
  if (tls.Has("outsideCa")) {
    config.outside_ca = ReadOutsideCa(std::move(outside), directory, mistakes);
  }
  tls.Finish();
}

// One of the three ways in which a root key comes to the daemon.
vault::RootKeySource ReadRootKeySource(Section& from,
                                       const std::string& directory) {
  constexpr std::string_view kFile = "the path of the root key's file";
  const int given =
      from.Has("file") + from.Has("systemdCredential") + from.Has("passphrase");
  const std::string file = Absolute(from.Text("file", kFile), directory);
  const std::string credential =
      from.Text("systemdCredential", "the name of a systemd credential");
  Section passphrase = from.Child("passphrase");
  if (given != 1) {
    from.Mistake("file", given == 0
                             ? "is missing, and so are systemdCredential and "
                               "passphrase; give one of them"
                             : "stands beside systemdCredential or passphrase; "
                               "give one of them alone");
  }
  if (from.Has("passphrase")) {
    const std::string path = Absolute(
        passphrase.RequiredText("file", "the path of the passphrase's file"),
        directory);
    passphrase.Finish();
    return vault::PassphraseFile{path};
  }
  if (from.Has("systemdCredential")) {
    if (!credential.empty() && !vault::IsCredentialName(credential)) {
      from.Mistake("systemdCredential",
                   "must be 1 to 255 characters A-Z, a-z, 0-9, _, . and -");
    }
    return vault::SystemdCredential{credential};
  }
  return vault::RootKeyFile{file};
}

void ReadRootKey(Section root_key, const std::string& directory,
                 Config& config) {
  config.root_key.current = ReadRootKeySource(root_key, directory);
  Section previous = root_key.Child("previous");
  if (root_key.Has("previous")) {
    config.root_key.previous = ReadRootKeySource(previous, directory);
    previous.Finish();
  }
  root_key.Finish();
}

void ReadOutside(Section outside, Config& config) {
  constexpr std::string_view kAllowed =
      "must be a list of \"host\", \"host:port\" or \"*.domain\"";
  const YAML::Node hosts = outside.Take("allowedHosts");
  if (hosts.IsDefined()) {
    if (!hosts.IsSequence()) outside.Mistake("allowedHosts", kAllowed);
    config.allowed_hosts.clear();
    for (const YAML::Node& host : hosts) {
      if (host.IsScalar()) {
        config.allowed_hosts.push_back(host.Scalar());
      } else {
        outside.Mistake("allowedHosts", kAllowed);
      }
    }
    const auto parsed = http::AllowedHosts::Parse(config.allowed_hosts);
    if (!parsed.ok()) {
      outside.Mistake("allowedHosts", base::MessageOf(parsed.status()));
    }
  }
  outside.Finish();
}

void ReadLog(Section log, Config& config) {
  constexpr std::string_view kAllowed = "debug, info, warning or error";
  const std::string name = log.Text("level", kAllowed);
  if (!name.empty()) {
    const std::optional<LogLevel> level = LogLevelFromName(name);
    if (!level.has_value()) {
      log.Mistake("level", absl::StrCat("must be ", base::ToAbsl(kAllowed)));
    }
    config.log_level = level.value_or(config.log_level);
  }
  log.Finish();
}

// `fallback` when absent.
int ReadNumber(Section& section, const std::string& key, std::string_view what,
               int fallback, int most) {
  const std::string allowed =
      absl::StrCat("a number of ", base::ToAbsl(what), " from 0 to ", most);
  const std::string text = section.Text(key, allowed);
  int number = 0;
  if (text.empty()) return fallback;
  if (absl::SimpleAtoi(text, &number) && number >= 0 && number <= most) {
    return number;
  }
  section.Mistake(key, "must be " + allowed);
  return fallback;
}

void ReadAudit(Section audit, const std::string& directory, Config& config) {
  const std::string path = audit.Text("checkpoints", "the path of a file");
  config.audit_checkpoints =
      path.empty() ? absl::StrCat(config.data_dir, "/", kCheckpointsFile)
                   : Absolute(path, directory);
  const std::string allowed =
      absl::StrCat("a number of seconds from 1 to ", kCheckpointSecondsMax);
  const std::string text = audit.Text("checkpointSeconds", allowed);
  if (!text.empty()) {
    int seconds = 0;
    if (absl::SimpleAtoi(text, &seconds) && seconds >= 1 &&
        seconds <= kCheckpointSecondsMax) {
      config.checkpoint_interval = absl::Seconds(seconds);
    } else {
      audit.Mistake("checkpointSeconds", "must be " + allowed);
    }
  }
  audit.Finish();
}

void ReadLimits(Section limits, Config& config) {
  config.stop_deadline = absl::Seconds(ReadNumber(
      limits, "stopSeconds", "seconds", kStopSecondsDefault, kStopSecondsMax));
  const int kib = ReadNumber(limits, "lockedMemoryKib", "KiB",
                             kLockedMemoryKibDefault, kLockedMemoryKibMax);
  config.locked_memory_bytes = static_cast<size_t>(kib) << 10;
  limits.Finish();
}

absl::StatusOr<YAML::Node> Load(const std::string& text,
                                const std::string& path) {
  try {
    const DocumentCounter documents(text);
    const YAML::Node document = YAML::Load(text);
    if (documents.count() == 1 && document.IsMap()) return document;
    return absl::InvalidArgumentError(absl::StrCat(
        path, ":1: must be one YAML document, a mapping of keys and values"));
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ":", error.mark.line + 1,
                     ": is no valid YAML: ", Finding(error)));
  }
}

Config ReadTop(Section top, const std::string& directory, Mistakes& mistakes) {
  Config config;
  config.data_dir = Absolute(
      top.RequiredText("dataDir", "the path of a directory"), directory);
  ReadListen(top.Child("listen"), directory, config);
  ReadUnix(top.Child("unix"), mistakes, config);
  ReadTls(top.Child("tls"), directory, mistakes, config);
  ReadRootKey(top.Child("rootKey"), directory, config);
  ReadOutside(top.Child("outside"), config);
  ReadLog(top.Child("log"), config);
  ReadAudit(top.Child("audit"), directory, config);
  ReadLimits(top.Child("limits"), config);
  top.Finish();
  return config;
}

}  // namespace

const std::vector<std::string>& DefaultAllowedHosts() {
  return steps::VendorHosts();
}

std::string Config::StorePath() const {
  return absl::StrCat(data_dir, "/", kStoreFile);
}

absl::StatusOr<Config> ReadConfig(const std::string& path) {
  RETURN_IF_ERROR(RefuseIfOthersMayWrite(path));
  ASSIGN_OR_RETURN(const secret::Secret content, ReadFile(path));
  ASSIGN_OR_RETURN(Config config,
                   ParseConfig(std::string(content.Expose()), path));
  RETURN_IF_ERROR(RefuseIfOthersMayWrite(config.data_dir));
  return config;
}

absl::StatusOr<Config> ParseConfig(const std::string& text,
                                   const std::string& path) {
  ASSIGN_OR_RETURN(const YAML::Node document, Load(text, path));
  Mistakes mistakes(path);
  const std::string directory = DirectoryOf(path);
  Config config;
  try {
    config = ReadTop(Section(document, "", mistakes), directory, mistakes);
  } catch (const YAML::Exception& error) {
    mistakes.Add(error.mark, "", Finding(error));
  }
  RETURN_IF_ERROR(mistakes.ToStatus());
  config.path = path;
  return config;
}

absl::StatusOr<OutsideCaConfig> ReadOutsideCa(const std::string& path) {
  RETURN_IF_ERROR(RefuseIfOthersMayWrite(path));
  ASSIGN_OR_RETURN(const secret::Secret content, ReadFile(path));
  ASSIGN_OR_RETURN(const YAML::Node document,
                   Load(std::string(content.Expose()), path));
  Mistakes mistakes(path);
  OutsideCaConfig config;
  try {
    Section top(document, "", mistakes);
    Section tls = top.Child("tls");
    Section outside = tls.Child("outsideCa");
    if (tls.Has("outsideCa")) {
      config = ReadOutsideCa(std::move(outside), DirectoryOf(path), mistakes);
    }
  } catch (const YAML::Exception& error) {
    mistakes.Add(error.mark, "", Finding(error));
  }
  RETURN_IF_ERROR(mistakes.ToStatus());
  return config;
}

}  // namespace keyturn::app
