// What goes wrong in a history, drawn from its seed: the network, the disk, the
// clock, and people who do not wait for us.
#ifndef KEYTURN_TESTS_CRASH_TROUBLES_H_
#define KEYTURN_TESTS_CRASH_TROUBLES_H_

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "daemon/migration/model.h"
#include "tests/crash/outside.h"
#include "tests/sandbox/random.h"

namespace keyturn::crash {

class Checkers;

// Troubles end with kTroubledCallsMax, so that every history can come to rest.
inline constexpr int kTroubledCallsMax = 400;

// Belongs to one thread. Outlives every crash.
class Troubles {
 public:
  // `checkers` are told what other people want from now on.
  Troubles(uint64_t seed, Outside& outside, Checkers& checkers,
           std::function<void(std::string)> tell);

  // What the network does to a call; before it other people may act.
  Trouble AtCall(absl::Time now);
  // The error of the next commit, mostly none.
  absl::Status AtCommit();
  // A leap of the clock, mostly none.
  absl::Duration AtTurn();
  // How long a person takes for a task; infinite: does nothing.
  absl::Duration Delay();
  // How long an approver takes; infinite: is not there.
  absl::Duration ApprovalDelay();
  // Whether a person says that a task is done without having done it.
  bool Errs();
  // How often an operator retries what needs attention.
  int retries() const { return retries_; }
  // Whether the operator cancels before the plan is approved.
  bool gives_up() const { return gives_up_; }

  // What was last stored of the migration.
  void Note(const migration::Migration& migration);
  int count() const { return count_; }

 private:
  bool Happens(double probability);
  // Drawn by itself: what was added later leaves the seeds that are kept their
  // histories.
  bool HappensRarely(double probability);
  int Draw(int limit);
  void OthersAct();
  void EditConnection();
  void SwitchFlow();
  void RevokeToken();
  void UnassignRole();
  void RefuseLogins(absl::Time now);
  void RefreshSandbox();
  void SwitchByHand();

  sandbox::Random chance_;
  sandbox::Random rare_chance_;
  Outside& outside_;
  Checkers& checkers_;
  const std::function<void(std::string)> tell_;
  // Of each call, each commit, each task: drawn once for a history.
  double network_ = 0;
  double others_ = 0;
  double disk_ = 0;
  double leap_ = 0;
  double err_ = 0;
  absl::Duration slowness_;
  int retries_ = 0;
  // Of each call.
  double rare_ = 0;
  bool administrator_absent_ = false;
  bool approver_absent_ = false;
  bool gives_up_ = false;

  int calls_ = 0;
  int count_ = 0;
  absl::Time storm_until_ = absl::InfinitePast();
  absl::Time refused_until_ = absl::InfinitePast();
  bool refused_ = false;
  // Nothing was switched yet, and nothing is being taken back.
  bool before_quiesce_ = true;
  bool before_cut_over_ = true;
};

}  // namespace keyturn::crash

#endif  // KEYTURN_TESTS_CRASH_TROUBLES_H_
