#include "cli/spec_file.h"

#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "cli/errors.h"
#include "cli/yaml_reader.h"

namespace keyturn::cli {
namespace {

constexpr size_t kSpecBytesMax = 256 * 1024;

}  // namespace

// Fills one SpecFile from one document.
class SpecReader {
 public:
  SpecReader(const YAML::Node& document, SpecFile& file)
      : file_(file), mistakes_(file.file_), top_(document, "", mistakes_) {}

  absl::Status Read() {
    v1::Spec& spec = file_.spec_;
    Note("spec", top_, "");
    spec.set_recipe(Optional(top_, "recipe", "spec.recipe"));
    ReadCeligo(*spec.mutable_celigo());
    ReadNetSuite(*spec.mutable_netsuite());
    ReadRole(*spec.mutable_role());
    ReadToken(spec);
    spec.set_iclient(Optional(top_, "iclient", "spec.iclient"));
    spec.set_old_login(Optional(top_, "oldLogin", "spec.old_login"));
    ReadFlows(spec);
    spec.set_approvals(top_.Integer("approvals").value_or(0));
    Note("spec.approvals", top_, "approvals");
    ReadTime("confirmWithin", "spec.confirm_within",
             [&spec] { return spec.mutable_confirm_within(); });
    ReadTime("drainWithin", "spec.drain_within",
             [&spec] { return spec.mutable_drain_within(); });
    ReadAdopt(spec);
    top_.RefuseOthers();
    return mistakes_.ToStatus();
  }

 private:
  void Note(const std::string& field, const YamlMapping& mapping,
            const std::string& key) {
    file_.places_[field] = {.line = mapping.Line(key),
                            .field = key.empty() ? "" : mapping.Field(key)};
  }

  std::string Optional(YamlMapping& mapping, const std::string& key,
                       const std::string& field) {
    Note(field, mapping, key);
    return mapping.Text(key).value_or("");
  }

  std::string Required(YamlMapping& mapping, const std::string& key,
                       const std::string& field, const std::string& allowed) {
    Note(field, mapping, key);
    return mapping.RequiredText(key, allowed);
  }

  // The mapping under `key` of the top; a mistake when it is required and
  // absent.
  std::optional<YamlMapping> Section(const std::string& key,
                                     const std::string& required_keys) {
    Note("spec." + key, top_, key);
    const std::optional<YAML::Node> value = top_.Value(key);
    if (value.has_value()) return YamlMapping(*value, key, mistakes_);
    if (!required_keys.empty()) {
      top_.Mistake(key, "is missing: a mapping with " + required_keys);
    }
    return std::nullopt;
  }

  void ReadCeligo(v1::Spec::Celigo& celigo) {
    std::optional<YamlMapping> section =
        Section("celigo", "account, and connection or tile");
    if (!section.has_value()) return;
    celigo.set_account(Required(*section, "account", "spec.celigo.account",
                                "the name of a Celigo account of the daemon"));
    celigo.set_connection(
        Optional(*section, "connection", "spec.celigo.connection"));
    celigo.set_tile(Optional(*section, "tile", "spec.celigo.tile"));
    if (celigo.connection().empty() && celigo.tile().empty()) {
      section->Mistake("connection",
                       "is missing: the connection's id, or tile: with the "
                       "integration's id");
    }
    section->RefuseOthers();
  }

  void ReadNetSuite(v1::Spec::NetSuite& netsuite) {
    std::optional<YamlMapping> section =
        Section("netsuite", "account and user");
    if (!section.has_value()) return;
    netsuite.set_account(
        Required(*section, "account", "spec.netsuite.account",
                 "the name of a NetSuite account of the daemon"));
    netsuite.set_user(Required(*section, "user", "spec.netsuite.user",
                               "the e-mail address of the integration's user"));
    section->RefuseOthers();
  }

  void ReadRole(v1::Spec::Role& role) {
    std::optional<YamlMapping> section = Section("role", "name");
    if (!section.has_value()) return;
    role.set_name(Required(*section, "name", "spec.role.name",
                           "the name of the role to be used"));
    role.set_from(Optional(*section, "from", "spec.role.from"));
    Note("spec.role.add_permissions", *section, "addPermissions");
    for (std::string& permission : section->TextList("addPermissions")
                                       .value_or(std::vector<std::string>())) {
      role.add_add_permissions(std::move(permission));
    }
    section->RefuseOthers();
  }

  void ReadToken(v1::Spec& spec) {
    std::optional<YamlMapping> section = Section("token", "");
    if (!section.has_value()) return;
    v1::Spec::Token& token = *spec.mutable_token();
    token.set_application(
        Optional(*section, "application", "spec.token.application"));
    token.set_consumer(Optional(*section, "consumer", "spec.token.consumer"));
    section->RefuseOthers();
  }

  // `time` gives the place for it, once there is something to put there.
  void ReadTime(const std::string& key, const std::string& field,
                const std::function<google::protobuf::Duration*()>& time) {
    const std::string text = Optional(top_, key, field);
    if (text.empty()) return;
    absl::Duration within;
    if (!absl::ParseDuration(text, &within) || within <= absl::ZeroDuration()) {
      top_.Mistake(key, "must be a time such as 2h or 90m");
      return;
    }
    absl::Duration rest;
    google::protobuf::Duration& out = *time();
    out.set_seconds(absl::IDivDuration(within, absl::Seconds(1), &rest));
    out.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(rest)));
  }

  void ReadAdopt(v1::Spec& spec) {
    const std::string text = Optional(top_, "adopt", "spec.adopt");
    if (text.empty()) return;
    if (text != "true" && text != "false") {
      top_.Mistake("adopt", "must be true or false");
      return;
    }
    spec.set_adopt(text == "true");
  }

  void ReadFlows(v1::Spec& spec) {
    std::optional<YamlMapping> section = Section("flows", "");
    if (!section.has_value()) return;
    v1::Spec::Flows& flows = *spec.mutable_flows();
    Note("spec.flows.test", *section, "test");
    Note("spec.flows.test_ids", *section, "test");
    Note("spec.flows.run_ids", *section, "run");
    const Choice test = ReadChoice(*section, "test");
    flows.set_test(test.which);
    flows.mutable_test_ids()->Assign(test.ids.begin(), test.ids.end());
    const Choice run = ReadChoice(*section, "run");
    flows.mutable_run_ids()->Assign(run.ids.begin(), run.ids.end());
    if (run.which == "all") flows.add_run_ids("all");
    section->RefuseOthers();
  }

  // Which flows are chosen: "all", "none", or "ids" and then those. Empty: not
  // said.
  struct Choice {
    std::string which;
    std::vector<std::string> ids;
  };

  static Choice ReadChoice(YamlMapping& section, const std::string& key) {
    const std::optional<YAML::Node> value = section.Value(key);
    if (!value.has_value()) return {};
    if (value->IsScalar() &&
        (value->Scalar() == "all" || value->Scalar() == "none")) {
      return {.which = value->Scalar(), .ids = {}};
    }
    if (!value->IsSequence()) {
      section.Mistake(key, "must be all, none, or a list of flow ids");
      return {};
    }
    std::vector<std::string> ids =
        section.TextList(key).value_or(std::vector<std::string>());
    return {.which = ids.empty() ? "none" : "ids", .ids = std::move(ids)};
  }

  SpecFile& file_;
  YamlMistakes mistakes_;
  YamlMapping top_;
};

absl::StatusOr<SpecFile> SpecFile::Read(const std::string& path,
                                        Console& console) {
  absl::StatusOr<SecretText> text = path == "-" ? console.ReadIn(kSpecBytesMax)
                                                : ReadFile(path, kSpecBytesMax);
  if (!text.ok()) return text.status();
  return Parse(text->Reveal(), path == "-" ? "standard input" : path);
}

absl::StatusOr<SpecFile> SpecFile::Parse(const std::string& text,
                                         const std::string& file) {
  const std::string next = "correct " + file + " and try again";
  const absl::StatusOr<YAML::Node> document = ParseYaml(text, file);
  if (!document.ok()) return WithNext(document.status(), next);
  SpecFile result;
  result.file_ = file;
  if (absl::Status read = SpecReader(*document, result).Read(); !read.ok()) {
    return WithNext(std::move(read), next);
  }
  return result;
}

absl::Status SpecFile::Locate(const absl::Status& status,
                              const std::string& name) const {
  const ErrorDetails details = DetailsOf(status);
  if (details.violations.empty()) return status;
  std::vector<std::string> lines;
  for (const FieldViolation& violation : details.violations) {
    if (!absl::StartsWith(violation.field, name)) continue;
    const Place* place = Find("spec" + violation.field.substr(name.size()));
    if (place == nullptr) continue;
    lines.push_back(
        absl::StrCat(file_, ":", place->line, ": ",
                     place->field.empty() ? "" : place->field + ": ",
                     violation.description));
  }
  if (lines.empty()) return status;
  return WithNext(WithMessage(status, absl::StrJoin(lines, "\n")),
                  "correct " + file_ + " and try again");
}

const SpecFile::Place* SpecFile::Find(std::string field) const {
  while (!field.empty()) {
    const auto place = places_.find(field);
    if (place != places_.end()) return &place->second;
    const size_t last = field.find_last_of(".[");
    field.resize(last == std::string::npos ? 0 : last);
  }
  return nullptr;
}

}  // namespace keyturn::cli
