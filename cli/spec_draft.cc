#include "cli/spec_draft.h"

#include <algorithm>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "cli/output/structured.h"
#include "cli/output/text.h"

namespace keyturn::cli {
namespace {

constexpr size_t kConnectionIdLength = 24;
constexpr int kLabelColumns = 13;

// Older YAML readers end a comment at these two as well.
std::string CommentText(std::string_view text) {
  return absl::StrReplaceAll(OneLine(text), {{"\u2028", " "}, {"\u2029", " "}});
}

// One found thing, in the heading.
void AppendFound(std::string_view label, std::string_view text,
                 SpecDraft& draft) {
  if (text.empty()) return;
  absl::StrAppend(&draft.text, "#   ", PadRight(label, kLabelColumns),
                  CommentText(text), "\n");
}

std::string TileText(const v1::DiscoveredConnection& connection) {
  if (connection.tile().empty()) return "none";
  return absl::StrCat(connection.tile_name(), " (", connection.tile(), ")");
}

std::string FlowsText(const v1::DiscoveredConnection& connection) {
  const auto on =
      std::count_if(connection.flows().begin(), connection.flows().end(),
                    [](const v1::DiscoveredConnection::Flow& flow) {
                      return flow.enabled();
                    });
  return absl::StrCat(connection.flows_size(), ", ", on, " of them on");
}

void AppendHeading(const std::string& celigo_account,
                   const v1::DiscoveredConnection& connection,
                   SpecDraft& draft) {
  absl::StrAppend(&draft.text, "# Written by keyturn discover ",
                  CommentText(celigo_account), ". What it found:\n#\n");
  AppendFound("connection",
              absl::StrCat(connection.name(), " (", connection.id(), "), ",
                           connection.offline() ? "offline" : "online"),
              draft);
  AppendFound("logs in by", connection.auth_type(), draft);
  AppendFound("NetSuite",
              absl::StrCat("account ", connection.netsuite_account(), ", ",
                           connection.environment()),
              draft);
  AppendFound("tile", TileText(connection), draft);
  AppendFound("recipe",
              connection.recipe().empty() ? "not known" : connection.recipe(),
              draft);
  AppendFound("flows", FlowsText(connection), draft);
  for (const std::string& blocker : connection.blockers()) {
    AppendFound("blocked", blocker, draft);
  }
  for (const std::string& need : connection.needs()) {
    AppendFound("needs", need, draft);
  }
}

// "KEY: VALUE", or the key alone and what is to be filled in.
void AppendField(const std::string& section, const std::string& key,
                 const std::string& value, std::string_view what,
                 SpecDraft& draft) {
  absl::StrAppend(&draft.text, section.empty() ? "" : "  ", key, ":");
  if (!value.empty()) {
    absl::StrAppend(&draft.text, " ", ToYamlScalar(value), "\n");
    return;
  }
  absl::StrAppend(&draft.text, "  # FILL IN: ", CommentText(what), "\n");
  draft.to_fill_in.push_back(section.empty() ? key
                                             : absl::StrCat(section, ".", key));
}

}  // namespace

SpecDraft DraftSpec(const std::string& celigo_account,
                    const v1::DiscoveredConnection& connection,
                    const SpecAnswers& answers) {
  SpecDraft draft;
  AppendHeading(celigo_account, connection, draft);
  absl::StrAppend(&draft.text, "\n");
  AppendField("", "recipe", connection.recipe(),
              "jira, high-tech, e-commerce or cash-application; where none "
              "fits, role.from, token.application and iclient instead of it",
              draft);
  absl::StrAppend(&draft.text, "celigo:\n");
  AppendField("celigo", "account", celigo_account, "", draft);
  AppendField("celigo", "connection", connection.id(), "", draft);
  absl::StrAppend(&draft.text, "netsuite:\n");
  AppendField("netsuite", "account", answers.netsuite_account,
              absl::StrCat("the name that keyturn account list shows for the "
                           "NetSuite account ",
                           connection.netsuite_account()),
              draft);
  AppendField("netsuite", "user", answers.user,
              "the e-mail address of the integration's user", draft);
  absl::StrAppend(&draft.text, "role:\n");
  AppendField("role", "name", answers.role,
              "the role of the token, letters and digits only", draft);
  absl::StrAppend(&draft.text,
                  "  addPermissions: [ADMI_LOGIN_OAUTH]\n"
                  "flows:\n"
                  "  test: all  # all, none, or a list of flow ids\n"
                  "  run: []    # flows that are run for real at the end\n"
                  "approvals: 0\n");
  return draft;
}

std::string SpecFileName(const v1::DiscoveredConnection& connection) {
  const std::string& id = connection.id();
  const bool well_formed =
      id.size() == kConnectionIdLength &&
      std::all_of(id.begin(), id.end(), [](char c) {
        return absl::ascii_isxdigit(static_cast<unsigned char>(c));
      });
  return well_formed ? absl::StrCat(id, ".yaml") : "";
}

}  // namespace keyturn::cli
