#include "cli/output/audit_page.h"

#include "absl/strings/str_cat.h"
#include "cli/output/table.h"
#include "cli/output/text.h"

namespace keyturn::cli {
namespace {

constexpr int kActorColumns = 12;
constexpr int kResultColumns = 18;
constexpr int kSequenceColumns = 6;

Color ColorOf(const v1::AuditEntry& entry) {
  const std::string& result = entry.result();
  if (result == "INTENDED") return Color::kDim;
  const bool good = result == "OK" || result.rfind("STEP_", 0) == 0 ||
                    result.rfind("TASK_", 0) == 0 || result == "PLAN_MADE";
  return good && result != "STEP_FAILED" ? Color::kGreen : Color::kYellow;
}

// "CreateCredential" of "keyturn.v1.Credentials/CreateCredential"; what the
// daemon does by itself stays whole.
std::string ShortAction(const std::string& action) {
  const size_t slash = action.find('/');
  const bool is_rpc = action.rfind("keyturn.v1.", 0) == 0;
  return is_rpc && slash != std::string::npos ? action.substr(slash + 1)
                                              : action;
}

}  // namespace

std::string AuditTable(const std::vector<v1::AuditEntry>& entries,
                       const Style& style) {
  if (entries.empty()) return "no entries\n";
  Table table(
      {"SEQ", "TIME", "ACTOR", "FROM", "ACTION", "TARGET", "RESULT", "DETAIL"});
  for (const v1::AuditEntry& entry : entries) {
    table.Add({absl::StrCat(entry.sequence()),
               FormatInstant(entry.time()),
               OneLine(entry.actor()),
               OneLine(entry.peer()),
               OneLine(ShortAction(entry.action())),
               OneLine(entry.target()),
               {OneLine(entry.result()), ColorOf(entry)},
               OneLine(entry.detail())});
  }
  return table.ToText(style);
}

std::string AuditLine(const v1::AuditEntry& entry, const Style& style) {
  std::string line = absl::StrCat(
      PadLeft(absl::StrCat(entry.sequence()), kSequenceColumns), "  ",
      FormatInstant(entry.time()), "  ",
      PadRight(OneLine(entry.actor()), kActorColumns), "  ",
      style.Paint(ColorOf(entry),
                  PadRight(OneLine(entry.result()), kResultColumns)),
      "  ", OneLine(ShortAction(entry.action())), " ", OneLine(entry.target()));
  if (!entry.detail().empty()) {
    absl::StrAppend(&line, "  ", OneLine(entry.detail()));
  }
  return line + "\n";
}

std::string VerdictPage(const v1::VerifyAuditResponse& verdict,
                        const Style& style) {
  const std::string read = absl::StrCat(
      verdict.entries(), " entries up to ", verdict.last_sequence(), ", ",
      verdict.checkpoints(), " checkpoints met");
  if (verdict.intact()) {
    return absl::StrCat(style.Paint(Color::kGreen, "intact"), ": ", read,
                        "\nhead ", OneLine(verdict.head()), "\n");
  }
  std::string page =
      absl::StrCat(style.Paint(Color::kRed, "not intact"), ": ", read, "\n\n");
  Table table({"FINDING", "ENTRIES", "WHAT"});
  for (const v1::AuditFinding& finding : verdict.findings()) {
    std::string entries = finding.first_sequence() == finding.last_sequence()
                              ? absl::StrCat(finding.first_sequence())
                              : absl::StrCat(finding.first_sequence(), "-",
                                             finding.last_sequence());
    if (finding.last_sequence() == 0) entries = "-";
    table.Add({{v1::AuditFinding::Kind_Name(finding.kind()), Color::kRed},
               entries,
               OneLine(finding.message())});
  }
  Style whole = style;
  whole.columns = 0;
  absl::StrAppend(&page, table.ToText(whole));
  if (verdict.findings_not_told() > 0) {
    absl::StrAppend(&page, "and ", verdict.findings_not_told(), " more\n");
  }
  absl::StrAppend(&page,
                  "\nwhat to do: chapter \"audit verify found something\" of "
                  "the run book\n");
  return page;
}

}  // namespace keyturn::cli
