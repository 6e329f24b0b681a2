#include "cli/output/migration_page.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/names.h"
#include "cli/output/paragraphs.h"
#include "cli/output/table.h"
#include "cli/output/text.h"

namespace keyturn::cli {
namespace {

constexpr char kChanges[] = "Changes of the connection's document";
constexpr char kPlannedChanges[] =
    "Planned changes of the connection's document";

using LabelledValues = std::vector<std::pair<std::string, Cell>>;

std::string Finding(const v1::Migration& migration, const std::string& key) {
  const auto found = migration.plan().findings().find(key);
  return found == migration.plan().findings().end() ? "" : found->second;
}

std::string YesNo(bool yes) { return yes ? "yes" : "no"; }

std::string ActorName(v1::Plan::PlannedStep::Actor actor) {
  switch (actor) {
    case v1::Plan::PlannedStep::DAEMON:
      return "keyturnd";
    case v1::Plan::PlannedStep::PERSON:
      return "a person";
    case v1::Plan::PlannedStep::NOBODY:
      return "(done)";
    case v1::Plan::PlannedStep::ACTOR_UNSPECIFIED:
    default:  // Protobuf adds sentinel values to the enum.
      return "-";
  }
}

// How long a step took or is taking; empty before it began.
std::string StepSpan(const v1::Step& step, absl::Time now) {
  if (!step.has_start_time()) return "";
  const absl::Time end = step.has_end_time() ? ToTime(step.end_time()) : now;
  return FormatSpan(end - ToTime(step.start_time()));
}

std::string Attempts(const v1::Step& step) {
  return step.attempt() > 1 ? absl::StrCat(step.attempt(), " attempts") : "";
}

std::string ChangesSection(const v1::Plan& plan, std::string_view heading,
                           const Style& style) {
  if (plan.changes().empty()) return "";
  Table table({"FIELD", "BEFORE", "AFTER"});
  for (const v1::Plan::Change& change : plan.changes()) {
    table.Add(
        {change.field(),
         {change.before().empty() ? "(absent)" : change.before(), Color::kRed},
         {change.after().empty() ? "(absent)" : change.after(),
          Color::kGreen}});
  }
  return Heading(heading, style) + table.ToText(style, /*indent=*/2);
}

// What the switch changed or, while it still may come, will change.
std::string ReportedChanges(const v1::Migration& migration,
                            const Style& style) {
  const std::string heading = ChangesHeading(migration);
  return heading.empty() ? ""
                         : ChangesSection(migration.plan(), heading, style);
}

std::string FlowsSection(const v1::Plan& plan, const Style& style) {
  if (plan.flows().empty()) return "";
  Table table({"FLOW", "ENABLED", "TEST RUN", "REAL RUN", "NAME"});
  for (const v1::Plan::FlowPlan& flow : plan.flows()) {
    table.Add({flow.id(), YesNo(flow.enabled()), YesNo(flow.test()),
               YesNo(flow.run()), flow.name()});
  }
  return Heading("Flows", style) + table.ToText(style, /*indent=*/2);
}

std::string PlannedStepsSection(const v1::Plan& plan, const Style& style) {
  std::string page = Heading("Steps", style);
  for (const v1::Plan::PlannedStep& step : plan.steps()) {
    const std::string first = absl::StrCat(
        "  ", PadRight(StepName(step.step()), 18),
        PadRight(ActorName(step.actor()), 10),
        PadRight(step.reversible() ? "can be undone" : "stays", 15));
    page += Hanging(first, step.what(), style);
    if (!step.undo().empty()) {
      page +=
          Hanging(std::string(static_cast<size_t>(DisplayWidth(first)), ' '),
                  "undo: " + step.undo(), style, Color::kDim);
    }
  }
  return page;
}

std::string StepsTable(const v1::Migration& migration, absl::Time now,
                       const Style& style) {
  Table table({"STEP", "STATE", "TIME", "ATTEMPT", "MESSAGE"});
  for (const v1::Step& step : migration.steps()) {
    const Color color = ColorOf(step.state());
    table.Add(
        {absl::StrCat(Glyph(step.state(), style), " ", StepName(step.name())),
         {v1::Step::State_Name(step.state()), color},
         StepSpan(step, now),
         step.attempt() == 0 ? "" : absl::StrCat(step.attempt()),
         step.message()});
  }
  return table.ToText(style, /*indent=*/2);
}

std::string ReportedStep(const v1::Step& step, const Style& style) {
  const std::string first = absl::StrCat(
      "  ", style.Paint(ColorOf(step.state()), Glyph(step.state(), style)), " ",
      PadRight(StepName(step.name()), 18),
      PadLeft(StepSpan(step, ToTime(step.start_time())), 7), "  ");
  const std::string attempts = Attempts(step);
  const int width = 4 + 18 + 7 + 2;
  std::string said = step.message();
  if (said.empty()) said = v1::Step::State_Name(step.state());
  if (!attempts.empty()) absl::StrAppend(&said, " (", attempts, ")");
  std::string page;
  std::string before = first;
  const std::string below(static_cast<size_t>(width), ' ');
  for (const std::string& line :
       Wrap(OneLine(said), std::max(style.TextColumns() - width, 20))) {
    page += before + line + "\n";
    before = below;
  }
  for (const v1::Step::Proof& proof : step.proofs()) {
    page += Hanging(
        below + "proof: ", absl::StrCat(proof.what(), " = ", proof.value()),
        style, Color::kDim);
  }
  return page;
}

std::string ApprovalsText(const v1::Migration& migration) {
  return absl::StrJoin(
      migration.approvals(), ", ",
      [](std::string* out, const v1::Migration::Approval& approval) {
        absl::StrAppend(out, approval.by(), " (",
                        FormatInstant(approval.time()), ")");
      });
}

std::string ConfirmationText(const v1::Migration& migration) {
  if (!migration.has_confirmation()) return "";
  return absl::StrCat(migration.confirmation().by(), " (",
                      FormatInstant(migration.confirmation().time()), ")");
}

const v1::Step* CurrentStep(const v1::Migration& migration) {
  for (const v1::Step& step : migration.steps()) {
    if (step.name() == migration.current_step()) return &step;
  }
  return nullptr;
}

std::string MessageNow(const v1::Migration& migration) {
  const std::string waits = WaitsFor(migration);
  if (!waits.empty()) return waits;
  if (!migration.failure().empty()) return migration.failure();
  const v1::Step* step = CurrentStep(migration);
  return step == nullptr ? "" : step->message();
}

}  // namespace

std::string ConnectionTitle(const v1::Migration& migration) {
  const v1::Spec::Celigo& celigo = migration.spec().celigo();
  const std::string found = Finding(migration, "connection");
  const std::string id = celigo.connection().empty()
                             ? absl::StrCat("tile ", celigo.tile())
                             : celigo.connection();
  return absl::StrCat(found.empty() ? id : found, " of ", celigo.account());
}

std::vector<std::pair<std::string, std::string>> Subject(
    const v1::Migration& migration) {
  const v1::Spec& spec = migration.spec();
  std::string token = spec.token().application();
  if (token.empty()) token = Finding(migration, "application");
  return {{"connection", ConnectionTitle(migration)},
          {"NetSuite", absl::StrCat("account ", spec.netsuite().account(),
                                    ", user ", spec.netsuite().user())},
          {"role", spec.role().name()},
          {"application", token}};
}

std::string ChangesHeading(const v1::Migration& migration) {
  const bool switched =
      std::any_of(migration.steps().begin(), migration.steps().end(),
                  [](const v1::Step& step) {
                    return step.name() == v1::Step::CUT_OVER &&
                           step.state() == v1::Step::DONE;
                  });
  if (switched) return kChanges;
  return AtRest(migration.state()) ? "" : kPlannedChanges;
}

std::string WaitsFor(const v1::Migration& migration) {
  const size_t given = static_cast<size_t>(migration.approvals_size());
  switch (migration.state()) {
    case v1::Migration::PLANNED:
      return "waits to be started";
    case v1::Migration::AWAITING_APPROVAL:
      return absl::StrCat("waits for approval, ", given, " of ",
                          migration.spec().approvals(), " given");
    case v1::Migration::AWAITING_TASK:
      return absl::StrCat("waits for a person: ",
                          absl::StrJoin(migration.open_tasks(), ", "));
    case v1::Migration::PAUSED:
      return "paused, waits to be resumed";
    case v1::Migration::NEEDS_ATTENTION:
      return migration.attention().message();
    case v1::Migration::STATE_UNSPECIFIED:
    case v1::Migration::PLANNING:
    case v1::Migration::RUNNING:
    case v1::Migration::ROLLING_BACK:
    case v1::Migration::SUCCEEDED:
    case v1::Migration::ROLLED_BACK:
    case v1::Migration::CANCELLED:
    default:  // Protobuf adds sentinel values to the enum.
      return "";
  }
}

std::vector<std::string> NextCommands(const v1::Migration& migration) {
  const std::string id = ShortId(migration.name());
  const std::string task =
      migration.open_tasks().empty() ? "ID" : ShortId(migration.open_tasks(0));
  switch (migration.state()) {
    case v1::Migration::PLANNED:
      return {"keyturn start " + id, "keyturn cancel " + id};
    case v1::Migration::AWAITING_APPROVAL:
      return {absl::StrCat("keyturn approve ", id, " --plan ",
                           migration.plan().hash()),
              "keyturn reject " + id};
    case v1::Migration::AWAITING_TASK:
      if (migration.current_step() == v1::Step::FINISH) {
        return {"keyturn task show " + task, "keyturn confirm " + id};
      }
      return {"keyturn task show " + task, "keyturn attach " + id};
    case v1::Migration::PAUSED:
      return {"keyturn resume " + id, "keyturn cancel " + id};
    case v1::Migration::NEEDS_ATTENTION:
      return {
          "keyturn retry " + id,
          (migration.plan().reversible_after_cut_over() ? "keyturn rollback "
                                                        : "keyturn cancel ") +
              id};
    case v1::Migration::SUCCEEDED:
    case v1::Migration::ROLLED_BACK:
    case v1::Migration::CANCELLED:
      return {"keyturn report " + id, "keyturn history " + id};
    case v1::Migration::STATE_UNSPECIFIED:
    case v1::Migration::PLANNING:
    case v1::Migration::RUNNING:
    case v1::Migration::ROLLING_BACK:
    default:  // Protobuf adds sentinel values to the enum.
      return {"keyturn attach " + id};
  }
}

std::string PlanPage(const v1::Migration& migration, const Style& style) {
  const v1::Plan& plan = migration.plan();
  std::string page =
      style.Paint(Color::kBold,
                  "Plan for " + OneLine(ConnectionTitle(migration))) +
      "\n";
  if (!plan.findings().empty()) {
    LabelledValues findings;
    for (const auto& [key, value] : plan.findings()) {
      findings.push_back({OneLine(key), Cell(value)});
    }
    std::sort(findings.begin(), findings.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    page += Heading("Found", style) + ToText(findings, style, /*indent=*/2);
  }
  page += PlannedStepsSection(plan, style);
  page += ChangesSection(plan, kChanges, style);
  page += FlowsSection(plan, style);
  if (!plan.warnings().empty()) {
    page += Heading("Warnings", style) + Bulleted(plan.warnings(), style);
  }
  page += Heading("The way back", style);
  page += Hanging("  ",
                  absl::StrCat(plan.reversible_after_cut_over()
                                   ? "Possible also after cut_over: "
                                   : "Only before cut_over: ",
                               plan.reversibility()),
                  style);
  page += Heading("Plan hash", style) + "  " + OneLine(plan.hash()) + "\n";
  return page;
}

std::string ShowPage(const v1::Migration& migration, absl::Time now,
                     const Style& style) {
  LabelledValues values = {
      {"state", {StateName(migration.state()), ColorOf(migration.state())}},
      {"step", StepName(migration.current_step())},
      {"waits", WaitsFor(migration)}};
  for (auto& value : Subject(migration)) values.push_back(std::move(value));
  values.push_back({"creator", migration.creator()});
  values.push_back({"created", FormatInstant(migration.create_time())});
  if (migration.has_end_time()) {
    values.push_back({"ended", FormatInstant(migration.end_time())});
  }
  values.push_back({"approvals", ApprovalsText(migration)});
  values.push_back({"confirmed", ConfirmationText(migration)});
  values.push_back({"plan", migration.plan().hash()});
  values.push_back(
      {"requested",
       absl::StrCat(migration.pause_requested() ? "pause " : "",
                    migration.cancel_requested() ? "cancel" : "")});
  values.push_back({"failure", {migration.failure(), Color::kRed}});
  values.push_back({"open tasks", absl::StrJoin(migration.open_tasks(), ", ")});
  std::string page = style.Paint(Color::kBold, OneLine(migration.name())) +
                     "\n\n" + ToText(values, style, /*indent=*/2);
  page += Heading("Steps", style) + StepsTable(migration, now, style);
  if (migration.state() == v1::Migration::NEEDS_ATTENTION) {
    page += AttentionPage(migration, style);
  }
  page += Heading("Next", style) + Commands(NextCommands(migration), style);
  return page;
}

std::string ReportPage(const v1::Migration& migration, const Style& style) {
  LabelledValues values = {
      {"result", {StateName(migration.state()), ColorOf(migration.state())}}};
  for (auto& value : Subject(migration)) values.push_back(std::move(value));
  values.push_back({"started by", migration.creator()});
  values.push_back({"created", FormatInstant(migration.create_time())});
  if (migration.has_end_time()) {
    values.push_back(
        {"ended", absl::StrCat(FormatInstant(migration.end_time()), ", after ",
                               FormatSpan(ToTime(migration.end_time()) -
                                          ToTime(migration.create_time())))});
  }
  values.push_back({"approved by", ApprovalsText(migration)});
  values.push_back({"confirmed by", ConfirmationText(migration)});
  values.push_back({"why", {migration.failure(), Color::kRed}});
  std::string page =
      style.Paint(Color::kBold, "Report of " + OneLine(migration.name())) +
      "\n\n" + ToText(values, style, /*indent=*/2);
  page += Heading("Steps", style);
  for (const v1::Step& step : migration.steps()) {
    page += ReportedStep(step, style);
  }
  page += ReportedChanges(migration, style);
  if (migration.state() == v1::Migration::NEEDS_ATTENTION) {
    page += AttentionPage(migration, style);
  }
  page += Heading("Left to do by hand", style);
  page += migration.left_to_do().empty()
              ? "  nothing\n"
              : Numbered(migration.left_to_do(), style);
  return page;
}

std::string ResultPage(const v1::Migration& migration, const Style& style) {
  LabelledValues values = {
      {"result", {StateName(migration.state()), ColorOf(migration.state())}},
      {"connection", ConnectionTitle(migration)},
      {"took", FormatSpan(ToTime(migration.end_time()) -
                          ToTime(migration.create_time()))},
      {"why", {migration.failure(), Color::kRed}}};
  std::string page = ToText(values, style);
  if (!migration.left_to_do().empty()) {
    page += Heading("Left to do by hand", style) +
            Numbered(migration.left_to_do(), style);
  }
  return page + Heading("Next", style) +
         Commands(NextCommands(migration), style);
}

std::string AttentionPage(const v1::Migration& migration, const Style& style) {
  const v1::Migration::Attention& attention = migration.attention();
  std::string page =
      "\n" +
      style.Paint(Color::kRed, absl::StrCat("Needs attention of: ",
                                            OneLine(attention.owner()), " (",
                                            OneLine(attention.reason()), ")")) +
      "\n";
  page += Hanging("  ", attention.message(), style);
  if (!attention.ways_out().empty()) {
    page += Heading("Ways out", style) + Numbered(attention.ways_out(), style);
  }
  return page;
}

std::string MigrationTable(const std::vector<v1::Migration>& migrations,
                           absl::Time now, const Style& style) {
  if (migrations.empty()) return "No migrations.\n";
  Table table({"ID", "STATE", "STEP", "CONNECTION", "AGE", "MESSAGE"});
  table.MayCut("CONNECTION");
  for (const v1::Migration& migration : migrations) {
    table.Add({ShortId(migration.name()),
               {StateName(migration.state()), ColorOf(migration.state())},
               StepName(migration.current_step()),
               Shorten(OneLine(ConnectionTitle(migration)), 40),
               FormatSpan(now - ToTime(migration.create_time())),
               MessageNow(migration)});
  }
  return table.ToText(style);
}

std::string EventTable(const std::vector<v1::Event>& events,
                       const Style& style) {
  if (events.empty()) return "No events.\n";
  Table table({"TIME", "ACTOR", "EVENT", "STEP", "STATE", "MESSAGE"});
  for (const v1::Event& event : events) {
    table.Add({FormatInstant(event.time()),
               event.actor(),
               event.kind(),
               event.has_step() ? StepName(event.step().name()) : "",
               {StateName(event.state()), ColorOf(event.state())},
               event.message()});
  }
  return table.ToText(style);
}

}  // namespace keyturn::cli
