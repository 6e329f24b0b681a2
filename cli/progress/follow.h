#ifndef KEYTURN_CLI_PROGRESS_FOLLOW_H_
#define KEYTURN_CLI_PROGRESS_FOLLOW_H_

#include "absl/status/statusor.h"
#include "cli/client.h"
#include "cli/console.h"
#include "cli/progress/display.h"
#include "cli/progress/watch.h"
#include "keyturn/v1/migrations.pb.h"
#include "keyturn/v1/tasks.pb.h"

namespace keyturn::cli {

struct FollowOptions {
  ProgressMode mode = ProgressMode::kPlain;
  // Where progress goes.
  Stream stream = Stream::kOut;
  // Show tasks and take their answers on the terminal.
  bool interactive = false;
  // Come back where a person must act, instead of waiting.
  bool stop_at_task = false;
  // It was told to begin: PLANNED is only passed through and waits for nobody.
  bool started = false;
  // Come back as soon as the plan is made.
  bool until_planned = false;
  WatchOptions watch;
};

// Why following ended.
enum class FollowEnd {
  kAtRest,
  // Only with `until_planned`: planning is over, one way or another.
  kPlanned,
  kNeedsAttention,
  // Only with `stop_at_task`, or when a person left a task unanswered.
  kWaitsForPerson,
  // Ctrl-C.
  kDetached,
  // SIGTERM.
  kTerminated,
};

struct Followed {
  FollowEnd end;
  v1::Migration migration;
};

// Shows a migration's progress until it ends in one of the ways above. Survives
// restarts of the daemon; Unavailable when it stays away for longer than
// `options.watch.give_up_after`, and other errors as the daemon tells them.
// Takes SIGINT, SIGTERM and SIGWINCH while it runs.
absl::StatusOr<Followed> Follow(Client& client, Console& console,
                                const v1::Migration& migration,
                                const FollowOptions& options);

// The task that the migration waits for. NotFound when there is none (any
// more).
absl::StatusOr<v1::Task> BlockingTask(Client& client,
                                      const v1::Migration& migration);

}  // namespace keyturn::cli

#endif  // KEYTURN_CLI_PROGRESS_FOLLOW_H_
