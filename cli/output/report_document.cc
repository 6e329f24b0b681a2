#include "cli/output/report_document.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cli/names.h"
#include "cli/output/migration_page.h"
#include "cli/output/text.h"

namespace keyturn::cli {
namespace {

constexpr size_t kHashShown = 12;

Document::Facts Overview(const v1::Migration& migration, absl::Time now) {
  Document::Facts facts;
  facts.values.push_back(
      {"result", {StateName(migration.state()), ColorOf(migration.state())}});
  for (auto& [label, value] : Subject(migration)) {
    facts.values.push_back({label, Cell(value)});
  }
  const absl::Time begin = ToTime(migration.create_time());
  const bool ended = migration.has_end_time();
  const absl::Time end = ended ? ToTime(migration.end_time()) : now;
  facts.values.push_back({"begun", FormatInstant(migration.create_time())});
  facts.values.push_back(
      {"ended", ended ? FormatInstant(migration.end_time()) : "not yet"});
  facts.values.push_back({"took", FormatSpan(end - begin)});
  facts.values.push_back({"waits", WaitsFor(migration)});
  facts.values.push_back({"why", {migration.failure(), Color::kRed}});
  return facts;
}

// Everybody who said something that the migration went by.
Document::Grid People(const v1::Migration& migration,
                      const std::vector<v1::Task>& tasks) {
  Document::Grid grid = {.headings = {"Who", "What", "When"}};
  const auto add = [&grid](const std::string& who, const std::string& what,
                           const google::protobuf::Timestamp& when) {
    grid.rows.push_back({who, what, FormatInstant(when)});
  };
  add(migration.creator(), "asked for it", migration.create_time());
  for (const v1::Migration::Approval& approval : migration.approvals()) {
    add(approval.by(),
        "approved the plan " + migration.plan().hash().substr(0, kHashShown),
        approval.time());
  }
  for (const v1::Task& task : tasks) {
    if (task.state() != v1::Task::DONE) continue;
    std::string what = "answered: " + task.title();
    if (!task.evidence().empty()) {
      absl::StrAppend(&what, " (", task.evidence(), ")");
    }
    add(task.completed_by(), what, task.end_time());
  }
  if (migration.has_confirmation()) {
    add(migration.confirmation().by(), "confirmed that all works",
        migration.confirmation().time());
  }
  return grid;
}

Document::Chart StepChart(const v1::Migration& migration, absl::Time now) {
  Document::Chart chart;
  for (const v1::Step& step : migration.steps()) {
    if (!step.has_start_time()) continue;
    const absl::Time end = step.has_end_time() ? ToTime(step.end_time()) : now;
    chart.bars.push_back({.label = StepName(step.name()),
                          .span = end - ToTime(step.start_time()),
                          .color = ColorOf(step.state())});
  }
  return chart;
}

Document::Grid Steps(const v1::Migration& migration) {
  Document::Grid grid = {
      .headings = {"Step", "State", "Ended", "Attempts", "What happened"}};
  for (const v1::Step& step : migration.steps()) {
    grid.rows.push_back(
        {StepName(step.name()),
         {v1::Step::State_Name(step.state()), ColorOf(step.state())},
         FormatInstant(step.end_time()),
         absl::StrCat(step.attempt()),
         step.message()});
  }
  return grid;
}

Document::Grid Proofs(const v1::Migration& migration) {
  Document::Grid grid = {.headings = {"Step", "What was read back", "Value"}};
  for (const v1::Step& step : migration.steps()) {
    for (const v1::Step::Proof& proof : step.proofs()) {
      grid.rows.push_back({StepName(step.name()), proof.what(), proof.value()});
    }
  }
  return grid;
}

Document::Grid Changes(const v1::Plan& plan) {
  Document::Grid grid = {.headings = {"Field", "Before", "After"}};
  for (const v1::Plan::Change& change : plan.changes()) {
    grid.rows.push_back({change.field(),
                         change.before().empty() ? "(absent)" : change.before(),
                         change.after().empty() ? "(absent)" : change.after()});
  }
  return grid;
}

// What stands in the way and what people still have to do.
Document::List LeftToDo(const v1::Migration& migration,
                        const std::vector<v1::Task>& tasks) {
  Document::List list = {.items = {}, .numbered = true};
  if (migration.state() == v1::Migration::NEEDS_ATTENTION) {
    list.items.push_back(migration.attention().message());
    for (const std::string& way : migration.attention().ways_out()) {
      list.items.push_back(way);
    }
  }
  for (const v1::Task& task : tasks) {
    if (task.state() != v1::Task::OPEN) continue;
    list.items.push_back(absl::StrCat(task.title(), " (keyturn task show ",
                                      ShortId(task.name()), ")"));
  }
  for (const std::string& text : migration.left_to_do()) {
    list.items.push_back(text);
  }
  return list;
}

// As NetSuite's release notes announce it.
Document::List Calendar() {
  return {.items = {
              "NetSuite 2027.1: no new integration may be set up with "
              "Token-Based Authentication (SOAP, REST, RESTlets). Existing "
              "ones keep working.",
              "NetSuite 2028.1, tentatively: the announced end of support for "
              "existing integrations with Token-Based Authentication. Plan the "
              "move to OAuth 2.0 before it.",
              "NetSuite 2028.2: SOAP web services are removed."}};
}

}  // namespace

Document ReportDocument(const v1::Migration& migration,
                        const std::vector<v1::Task>& tasks, absl::Time now) {
  Document document = {.title = "Report of " + migration.name()};
  const auto add = [&document](const std::string& heading,
                               Document::Block block) {
    document.blocks.push_back(Document::Heading{heading});
    document.blocks.push_back(std::move(block));
  };
  document.blocks.push_back(Overview(migration, now));
  Document::List left = LeftToDo(migration, tasks);
  if (left.items.empty()) left = {.items = {"nothing"}};
  add("Left to do", std::move(left));
  add("Who did what", People(migration, tasks));
  Document::Chart chart = StepChart(migration, now);
  if (!chart.bars.empty()) add("How long each step took", std::move(chart));
  add("Steps", Steps(migration));
  Document::Grid proofs = Proofs(migration);
  if (!proofs.rows.empty()) add("Proofs", std::move(proofs));
  Document::Grid changes = Changes(migration.plan());
  const std::string heading = ChangesHeading(migration);
  if (!heading.empty() && !changes.rows.empty()) {
    add(heading, std::move(changes));
  }
  add("What the calendar says", Calendar());
  return document;
}

}  // namespace keyturn::cli
