#ifndef KEYTURN_CLI_PROGRESS_DISPLAY_H_
#define KEYTURN_CLI_PROGRESS_DISPLAY_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "cli/console.h"
#include "keyturn/v1/migrations.pb.h"

namespace keyturn::cli {

enum class ProgressMode { kTty, kPlain, kJson, kQuiet };

// "auto" is tty where the stream is a terminal whose cursor can be moved, and
// plain elsewhere, also for TERM=dumb. `text` is one of auto, tty, plain, json,
// quiet.
ProgressMode ChooseProgress(std::string_view text, const Console& console,
                            Stream stream);

// Shows a migration's progress. Not thread-safe.
class Display {
 public:
  virtual ~Display() = default;

  // The migration as it is, at the beginning and where events were lost.
  virtual void ShowSnapshot(const v1::Migration& migration, absl::Time now) = 0;

  // Something happened; `after` is the migration with it.
  virtual void ShowEvent(const v1::Event& event, const v1::Migration& after,
                         absl::Time now) = 0;

  // Something about the watching itself: a broken connection.
  virtual void ShowNote(std::string_view note) = 0;

  // Time went by.
  virtual void Tick(const v1::Migration& migration, absl::Time now) = 0;

  // Makes way for other text on the same stream, until the next Show or Tick.
  virtual void MakeWay() = 0;

  // Leaves what is shown standing, for good.
  virtual void Finish(const v1::Migration& migration, absl::Time now) = 0;

  // How often Tick is wanted; nothing where it never is.
  virtual std::optional<absl::Duration> TickPeriod() const = 0;
};

// `console` must live longer.
std::unique_ptr<Display> MakeDisplay(ProgressMode mode, Console& console,
                                     Stream stream);

}  // namespace keyturn::cli

#endif  // KEYTURN_CLI_PROGRESS_DISPLAY_H_
