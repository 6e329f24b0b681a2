// Writes checkpoints to the second place, on a thread of its own: a slow or
// failing place delays nobody.
#ifndef KEYTURN_DAEMON_AUDIT_CHECKPOINTER_H_
#define KEYTURN_DAEMON_AUDIT_CHECKPOINTER_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/time/time.h"
#include "daemon/audit/sealer.h"
#include "daemon/base/clock.h"
#include "daemon/store/store.h"

namespace keyturn::audit {

inline constexpr absl::Duration kCheckpointInterval = absl::Seconds(60);
// How long the daemon's end waits for the last checkpoint.
inline constexpr absl::Duration kLastCheckpointPatience = absl::Seconds(5);

// Only what is durable in the store gets a checkpoint, so one is never ahead of
// the trail. Thread-safe.
class Checkpointer {
 public:
  struct Options {
    // All outlive the object.
    store::Store& store;
    const Sealer& sealer;
    base::Clock& clock;
    std::string file;
    absl::Duration interval;
    // The checkpoint as a line, also when the file does not take it.
    std::function<void(const std::string&)> note;
    // Once when the second place begins to fail, once when it works again.
    std::function<void(const std::string&)> warn;
    // Before each checkpoint.
    std::function<void()> on_interval;
    // Writes the line to the file; for tests with a slow place.
    std::function<absl::Status(const std::string& path, std::string_view line)>
        append;
  };
  explicit Checkpointer(Options options);
  // Writes a last checkpoint and waits for it, but not for ever: a place that
  // hangs is left behind with its thread.
  ~Checkpointer();
  Checkpointer(const Checkpointer&) = delete;
  Checkpointer& operator=(const Checkpointer&) = delete;

  // Returns when it is written, or has failed.
  void CheckpointNow();

 private:
  class Worker;
  // Shared with the thread, which may stay behind.
  const std::shared_ptr<Worker> worker_;
};

}  // namespace keyturn::audit

#endif  // KEYTURN_DAEMON_AUDIT_CHECKPOINTER_H_
