#include "daemon/engine/history.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"

namespace keyturn::engine {
namespace {

using base::ToAbsl;

constexpr auto kFailures = std::to_array<std::string_view>(
    {"STEP_RETRY", "STEP_FAILED", "NEEDS_ATTENTION"});

// One line, whatever a person wrote.
std::string Line(std::string text) {
  std::replace_if(
      text.begin(), text.end(),
      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; },
      ' ');
  return text;
}

void AppendLog(const migration::Migration& before,
               const migration::Transition& transition,
               std::vector<std::string>& log) {
  const migration::Migration& after = transition.migration;
  for (const migration::Happening& happening : transition.happenings) {
    const bool failure = std::find(kFailures.begin(), kFailures.end(),
                                   happening.kind) != kFailures.end();
    if (!failure || !happening.step.has_value()) continue;
    log.push_back(Line(absl::StrCat(
        "migration ", after.id, ": ", ToAbsl(Name(*happening.step)),
        " attempt ", before.record(*happening.step).attempt, ": ",
        happening.kind, ": ", happening.message)));
  }
  if (before.state == after.state && before.revision > 0) return;
  log.push_back(Line(absl::StrCat(
      "migration ", after.id, ": ",
      before.revision == 0 ? "created"
                           : absl::StrCat(ToAbsl(Name(before.state)), " ->"),
      " ", ToAbsl(Name(after.state)), " at ", ToAbsl(Name(after.current)),
      transition.happenings.empty()
          ? ""
          : absl::StrCat(": ", transition.happenings.back().message))));
}

void AppendTransition(const migration::Migration& before,
                      const migration::Event& event,
                      migration::Transition transition, Change& change) {
  AppendLog(before, transition, change.log);
  for (const migration::Happening& happening : transition.happenings) {
    change.batch.events.push_back(
        StoredEventOf(transition.migration, happening, event.actor, event.at));
  }
  for (migration::Task& task : transition.opened_tasks) {
    change.batch.opened_tasks.push_back(std::move(task));
  }
  for (migration::Transition::ClosedTask& task : transition.closed_tasks) {
    change.batch.closed_tasks.push_back({std::move(task), event.at});
  }
  change.after = std::move(transition.migration);
}

}  // namespace

store::StoredEvent StoredEventOf(const migration::Migration& after,
                                 const migration::Happening& happening,
                                 const std::string& actor, absl::Time time) {
  store::StoredEvent event;
  event.migration_id = after.id;
  event.time = time;
  event.actor = actor;
  event.kind = happening.kind;
  event.message = happening.message;
  event.state = after.state;
  if (happening.step.has_value()) {
    event.step = happening.step;
    event.record = after.record(*happening.step);
    if (*happening.step == after.current) event.wake_at = after.wake_at;
  }
  event.attention = after.attention;
  return event;
}

absl::StatusOr<Change> ChangeOf(const migration::Migration& before,
                                const migration::Event& event, bool settle) {
  ASSIGN_OR_RETURN(migration::Transition first,
                   migration::Apply(before, event));
  Change change;
  AppendTransition(before, event, std::move(first), change);
  const bool waits = migration::NextAction(change.after, event.at).kind ==
                     migration::Action::Kind::kSettle;
  if (settle && waits) {
    migration::Event settling;
    settling.kind = migration::EventKind::kSettle;
    settling.at = event.at;
    const migration::Migration between = change.after;
    ASSIGN_OR_RETURN(migration::Transition second,
                     migration::Apply(between, settling));
    AppendTransition(between, settling, std::move(second), change);
  }
  change.batch.migration = store::MigrationWrite{change.after, before.revision};
  return change;
}

}  // namespace keyturn::engine
