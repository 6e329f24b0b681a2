// A migration that is walked by hand: what the tests of the core share.
#ifndef KEYTURN_TESTS_MIGRATION_WALK_H_
#define KEYTURN_TESTS_MIGRATION_WALK_H_

#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "daemon/migration/model.h"
#include "daemon/migration/transition.h"

namespace keyturn::migration::testing {

inline constexpr std::string_view kCreator = "olga";
// Of a task of `finish`.
inline constexpr absl::Duration kTaskLife = absl::Hours(2);
inline constexpr std::string_view kPlanHash = "c0ffee";

// What a test may vary about a migration.
struct Variant {
  int approvals = 0;
  bool start = true;
  bool reversible = false;
};

absl::Time Epoch();
Spec MakeSpec(int approvals);
Plan MakePlan(bool reversible);

// An event of `kind` with everything that this kind asks for, of the turn that
// `migration` is in, answering the task that is open.
Event MakeEvent(const Migration& migration, EventKind kind, bool reversible);

// Whether the daemon, not a person, makes this event.
bool IsDaemons(EventKind kind);

// Everything that must hold of a migration at any time, and of one step of it.
// Empty: all is well; otherwise what is wrong, one line each.
std::vector<std::string> Flaws(const Migration& migration);
std::vector<std::string> Flaws(const Migration& before, const Event& event,
                               const Transition& transition);

// Applies events to one migration, keeps the books that the store would keep,
// and finds what is wrong with each transition.
class Walk {
 public:
  explicit Walk(const Variant& variant);

  const Migration& migration() const { return migration_; }
  const Variant& variant() const { return variant_; }
  absl::Time now() const { return now_; }
  void Pass(absl::Duration duration) { now_ += duration; }

  // An event with every field filled, to be changed before Send.
  Event Make(EventKind kind) const;

  // A refused event changes nothing.
  absl::StatusOr<Transition> Send(Event event);
  absl::StatusOr<Transition> Send(EventKind kind) { return Send(Make(kind)); }

  // What NextAction asks for, with this outcome of an attempt; lets the time
  // pass until it is due. False: nothing is to be done, or a person may act:
  // kSettle then lets the time of the task pass.
  bool Act(EventKind outcome);
  // What the step in hand calls success.
  EventKind Success() const;
  // Goes on with success until `step` has been entered; false: it never was.
  bool GoTo(Step step);
  // Does what a person would do to let it go on. False: it is at rest, or it
  // waits for nobody.
  bool Help();

  Action Next() const { return NextAction(migration_, now_); }

  // Ids of blocking tasks that were opened and not closed.
  const std::set<std::string>& open_tasks() const { return open_tasks_; }
  // Steps in the order in which they were undone since it last went back.
  const std::vector<Step>& undone() const { return undone_; }
  // What was wrong with the transitions so far.
  const std::vector<std::string>& flaws() const { return flaws_; }
  std::vector<std::string> TakeFlaws() { return std::exchange(flaws_, {}); }

  // Lets the step in hand have found kWaitsMax times that it must wait.
  void SpendWaits() { migration_.record(migration_.current).waits = kWaitsMax; }

 private:
  void Book(const Migration& before, const Event& event,
            const Transition& transition);

  Variant variant_;
  Migration migration_;
  absl::Time now_;
  std::set<std::string> open_tasks_;
  std::vector<Step> undone_;
  std::vector<std::string> flaws_;
};

}  // namespace keyturn::migration::testing

#endif  // KEYTURN_TESTS_MIGRATION_WALK_H_
