#include "cli/progress/follow.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cli/errors.h"
#include "cli/names.h"
#include "cli/output/task_page.h"
#include "cli/progress/task_dialog.h"
#include "cli/wipe.h"

namespace keyturn::cli {
namespace {

// How long to wait for a stream's end after its migration came to rest.
constexpr absl::Duration kLingerMax = absl::Seconds(5);
// How long until it is asked again which task is waited for.
constexpr absl::Duration kRefreshPause = absl::Seconds(2);

// Brings `migration` up to what `event` tells.
void Apply(const v1::Event& event, v1::Migration& migration) {
  migration.set_state(event.state());
  migration.set_last_sequence(event.sequence());
  *migration.mutable_update_time() = event.time();
  if (AtRest(event.state())) *migration.mutable_end_time() = event.time();
  if (event.has_attention()) {
    *migration.mutable_attention() = event.attention();
  } else {
    migration.clear_attention();
  }
  if (!event.has_step()) return;
  migration.set_current_step(event.step().name());
  for (v1::Step& step : *migration.mutable_steps()) {
    if (step.name() == event.step().name()) step = event.step();
  }
}

class Follower {
 public:
  Follower(Client& client, Console& console, const v1::Migration& migration,
           const FollowOptions& options)
      : client_(client),
        console_(console),
        options_(options),
        migration_(migration),
        display_(MakeDisplay(options.mode, console, options.stream)),
        watcher_(client, migration.name(), options.watch),
        lines_(console.in()) {}

  absl::StatusOr<Followed> Run() {
    if (!options_.watch.snapshot_first) {
      display_->ShowSnapshot(migration_, absl::Now());
    }
    for (;;) {
      if (absl::Status status = TakeItems(); !status.ok()) return status;
      if (const std::optional<FollowEnd> end = Decide(); end.has_value()) {
        CloseDialog();
        display_->Finish(migration_, absl::Now());
        return Followed{.end = *end, .migration = migration_};
      }
      if (!dialog_.has_value()) display_->Tick(migration_, absl::Now());
      Wait();
      interruption_ = signals_.Interruption();
    }
  }

 private:
  void Wait() {
    std::optional<absl::Duration> period;
    if (!dialog_.has_value()) period = display_->TickPeriod();
    if (refresh_after_.has_value()) {
      period = std::min(period.value_or(kRefreshPause), kRefreshPause);
    }
    if (AtRest(migration_.state())) period = kLingerMax;
    std::array<pollfd, 3> inputs = {
        pollfd{.fd = watcher_.descriptor(), .events = POLLIN},
        pollfd{.fd = signals_.descriptor(), .events = POLLIN},
        pollfd{.fd = dialog_.has_value() ? console_.in() : -1,
               .events = POLLIN}};
    const int timeout_ms =
        period.has_value()
            ? static_cast<int>(absl::ToInt64Milliseconds(*period))
            : -1;
    const int ready = poll(inputs.data(), inputs.size(), timeout_ms);
    if (ready > 0 && inputs[2].revents != 0) TakeLines();
  }

  absl::Status TakeItems() {
    while (std::optional<WatchItem> item = watcher_.Take()) {
      if (const auto* snapshot = std::get_if<v1::Migration>(&*item)) {
        TakeSnapshot(*snapshot);
      } else if (const auto* event = std::get_if<v1::Event>(&*item)) {
        TakeEvent(*event);
      } else if (const auto* broken = std::get_if<WatchBroken>(&*item)) {
        display_->ShowNote(absl::StrCat("the connection broke (",
                                        std::string(broken->why.message()),
                                        "); trying again"));
      } else if (const auto* ended = std::get_if<WatchEnded>(&*item)) {
        watch_ended_ = true;
        if (!ended->status.ok()) return Fail(ended->status);
      }
    }
    return absl::OkStatus();
  }

  absl::Status Fail(const absl::Status& status) {
    CloseDialog();
    display_->Finish(migration_, absl::Now());
    absl::Status told = WhileDoing(status, "cannot follow " + migration_.name(),
                                   migration_.name());
    return absl::IsUnavailable(status)
               ? WithNext(std::move(told), "keyturn attach " +
                                               ShortId(migration_.name()) +
                                               ", once keyturnd runs")
               : told;
  }

  void TakeSnapshot(const v1::Migration& snapshot) {
    migration_ = snapshot;
    has_snapshot_ = true;
    waiting_task_.reset();
    if (!dialog_.has_value()) display_->ShowSnapshot(migration_, absl::Now());
  }

  void TakeEvent(const v1::Event& event) {
    const bool is_new = event.sequence() > migration_.last_sequence();
    if (is_new) {
      Apply(event, migration_);
      waiting_task_.reset();
      refresh_after_.reset();
    }
    if (dialog_.has_value()) {
      console_.Write(options_.stream, "\n");
      if (is_new) CloseDialog();
    }
    display_->ShowEvent(event, migration_, absl::Now());
    if (dialog_.has_value()) {
      display_->MakeWay();
      ShowPrompt();
    }
  }

  // Whether, and why, it is time to come back.
  std::optional<FollowEnd> Decide() {
    if (interruption_ == SIGINT) return FollowEnd::kDetached;
    if (interruption_ != 0) return FollowEnd::kTerminated;
    if (left_) return FollowEnd::kWaitsForPerson;
    if (options_.watch.snapshot_first && !has_snapshot_) return std::nullopt;
    if (options_.until_planned &&
        migration_.state() != v1::Migration::PLANNING) {
      return FollowEnd::kPlanned;
    }
    switch (migration_.state()) {
      case v1::Migration::SUCCEEDED:
      case v1::Migration::ROLLED_BACK:
      case v1::Migration::CANCELLED:
        return DecideAtRest();
      case v1::Migration::NEEDS_ATTENTION:
        return FollowEnd::kNeedsAttention;
      case v1::Migration::AWAITING_TASK:
        return DecideAtTask();
      case v1::Migration::PLANNED:
        if (options_.started) return std::nullopt;
        [[fallthrough]];
      case v1::Migration::AWAITING_APPROVAL:
      case v1::Migration::PAUSED:
        if (options_.stop_at_task) return FollowEnd::kWaitsForPerson;
        return std::nullopt;
      case v1::Migration::STATE_UNSPECIFIED:
      case v1::Migration::PLANNING:
      case v1::Migration::RUNNING:
      case v1::Migration::ROLLING_BACK:
      default:  // Protobuf adds sentinel values to the enum.
        return std::nullopt;
    }
  }

  std::optional<FollowEnd> DecideAtRest() {
    const absl::Time now = absl::Now();
    if (!rest_since_.has_value()) rest_since_ = now;
    const bool over = watch_ended_ || now - *rest_since_ >= kLingerMax;
    return over ? std::make_optional(FollowEnd::kAtRest) : std::nullopt;
  }

  std::optional<FollowEnd> DecideAtTask() {
    if (!options_.stop_at_task && !options_.interactive) return std::nullopt;
    if (dialog_.has_value()) return std::nullopt;
    if (!waiting_task_.has_value()) Refresh();
    if (!waiting_task_.has_value() || waiting_task_->name().empty() ||
        answered_.contains(waiting_task_->name())) {
      return std::nullopt;
    }
    if (options_.stop_at_task) return FollowEnd::kWaitsForPerson;
    OpenDialog();
    return std::nullopt;
  }

  // Asks which task it is: events need not name it. After an error it is asked
  // again later; the watch tells when the daemon is gone.
  void Refresh() {
    if (refresh_after_.has_value() && absl::Now() < *refresh_after_) return;
    refresh_after_ = absl::Now() + kRefreshPause;
    v1::GetMigrationRequest request;
    request.set_name(migration_.name());
    const absl::StatusOr<v1::Migration> now =
        client_.Call(&v1::Migrations::Stub::GetMigration, request);
    if (!now.ok() || now->last_sequence() < migration_.last_sequence()) return;
    migration_ = *now;
    const absl::StatusOr<v1::Task> task = BlockingTask(client_, migration_);
    if (!task.ok() && !absl::IsNotFound(task.status())) return;
    waiting_task_ = task.ok() ? *task : v1::Task();
    refresh_after_.reset();
  }

  void OpenDialog() {
    display_->MakeWay();
    console_.Write(
        options_.stream,
        "\n" + TaskPage(*waiting_task_, Style::For(console_, options_.stream)) +
            "\n");
    dialog_.emplace(*waiting_task_);
    ShowPrompt();
  }

  void ShowPrompt() {
    echo_off_.reset();
    if (dialog_->PromptEcho() == Echo::kOff) echo_off_.emplace(console_.in());
    console_.Write(options_.stream, dialog_->Prompt());
  }

  void CloseDialog() {
    echo_off_.reset();
    dialog_.reset();
  }

  void TakeLines() {
    do {
      absl::StatusOr<std::optional<SecretText>> line = lines_.Read();
      if (!line.ok()) {
        left_ = true;
        return CloseDialog();
      }
      if (!line->has_value()) return;
      TakeLine(std::move(**line));
    } while (dialog_.has_value() && lines_.HasLine());
  }

  void TakeLine(SecretText line) {
    if (dialog_->PromptEcho() == Echo::kOff) {
      console_.Write(options_.stream, "\n");
    }
    switch (dialog_->Take(std::move(line))) {
      case TaskDialog::Answer::kNone:
        return ShowPrompt();
      case TaskDialog::Answer::kDone:
        return Answered(Complete());
      case TaskDialog::Answer::kToken:
        return Answered(Submit());
      case TaskDialog::Answer::kWatch:
        answered_.insert(dialog_->task_name());
        return CloseDialog();
      case TaskDialog::Answer::kLeave:
        left_ = true;
        return CloseDialog();
    }
  }

  absl::Status Complete() {
    v1::CompleteTaskRequest request;
    request.set_name(dialog_->task_name());
    return client_.Call(&v1::Tasks::Stub::CompleteTask, request).status();
  }

  absl::Status Submit() {
    v1::SubmitTaskSecretRequest request;
    const MessageWiper wiper(request);
    request.set_name(dialog_->task_name());
    Fill(dialog_->TakeToken(), request);
    return client_.Call(&v1::Tasks::Stub::SubmitTaskSecret, request).status();
  }

  void Answered(const absl::Status& status) {
    if (status.ok() || ExitCodeOf(status) == ExitCode::kRefused) {
      answered_.insert(dialog_->task_name());
    }
    const std::string text =
        status.ok() ? "Thank you. The daemon now looks for itself.\n\n"
                    : ToText(Explain(WhileDoing(
                          status, "cannot answer " + dialog_->task_name(),
                          dialog_->task_name())));
    console_.Write(options_.stream, text);
    if (answered_.contains(dialog_->task_name())) return CloseDialog();
    dialog_->Restart();
    ShowPrompt();
  }

  Client& client_;
  Console& console_;
  const FollowOptions options_;
  v1::Migration migration_;
  const std::unique_ptr<Display> display_;
  SignalPipe signals_;
  Watcher watcher_;

  bool has_snapshot_ = false;
  bool watch_ended_ = false;
  int interruption_ = 0;
  bool left_ = false;
  std::optional<absl::Time> rest_since_;

  // Absent: not asked for yet. Without a name: there is none.
  std::optional<v1::Task> waiting_task_;
  std::optional<absl::Time> refresh_after_;
  std::optional<TaskDialog> dialog_;
  std::optional<EchoOff> echo_off_;
  LineReader lines_;
  // Tasks that this person has answered or left to others.
  std::set<std::string> answered_;
};

}  // namespace

absl::StatusOr<Followed> Follow(Client& client, Console& console,
                                const v1::Migration& migration,
                                const FollowOptions& options) {
  return Follower(client, console, migration, options).Run();
}

absl::StatusOr<v1::Task> BlockingTask(Client& client,
                                      const v1::Migration& migration) {
  absl::StatusOr<v1::Task> best =
      absl::NotFoundError("no task is open for " + migration.name());
  for (const std::string& name : migration.open_tasks()) {
    v1::GetTaskRequest request;
    request.set_name(name);
    absl::StatusOr<v1::Task> task =
        client.Call(&v1::Tasks::Stub::GetTask, request);
    if (!task.ok()) return task.status();
    if (task->state() != v1::Task::OPEN) continue;
    if (task->blocking()) return task;
    if (!best.ok()) best = *std::move(task);
  }
  return best;
}

}  // namespace keyturn::cli
