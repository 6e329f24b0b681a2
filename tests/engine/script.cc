#include "tests/engine/script.h"

#include <algorithm>
#include <asio/redirect_error.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>
#include <stdexcept>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"

namespace keyturn::testing {
namespace {

using migration::Step;
using steps::Context;
using steps::Outcome;

asio::awaitable<Outcome> Give(Outcome outcome) { co_return outcome; }

asio::awaitable<Outcome> GiveBehind(Door& door, Outcome outcome) {
  co_await door.Wait();
  co_return outcome;
}

asio::awaitable<void> Pass() { co_return; }

asio::awaitable<Outcome> GiveAfter(base::Clock& clock, absl::Duration duration,
                                   Outcome outcome) {
  co_await clock.SleepUntil(clock.Now() + duration);
  co_await Pass();
  co_return outcome;
}

asio::awaitable<Outcome> Throw() {
  throw std::runtime_error("secret-looking text");
  co_return Outcome();
}

asio::awaitable<Outcome> Succeed(Step step, Context& context, bool reversible) {
  if (step == Step::kPreflight) {
    context.notes.connection_id = context.spec().celigo.connection;
    context.notes.connection_name = "NetSuite of Acme";
    co_return PlanFor(context.spec(), reversible);
  }
  co_return steps::Done(absl::StrCat(base::ToAbsl(Name(step)), " is done"),
                        {{"looked", "there"}});
}

}  // namespace

asio::awaitable<void> Door::Wait() {
  if (open_) co_return;
  auto timer = std::make_shared<asio::steady_timer>(
      co_await asio::this_coro::executor,
      asio::steady_timer::time_point::max());
  timers_.push_back(timer);
  ++waiting_;
  asio::error_code ignored;
  auto completion = asio::redirect_error(asio::use_awaitable, ignored);
  co_await timer->async_wait(completion);
  --waiting_;
  co_await Pass();
}

void Door::Open() {
  open_ = true;
  for (const auto& waiting : timers_) {
    if (const auto timer = waiting.lock()) timer->cancel();
  }
  timers_.clear();
}

Script& Script::OnRun(Step step, Attempt attempt) {
  scripted_[{step, false}].push_back(std::move(attempt));
  return *this;
}

Script& Script::OnRun(Step step, Outcome outcome) {
  return OnRun(step, Giving(std::move(outcome)));
}

Script& Script::OnUndo(Step step, Attempt attempt) {
  scripted_[{step, true}].push_back(std::move(attempt));
  return *this;
}

Script& Script::OnUndo(Step step, Outcome outcome) {
  return OnUndo(step, Giving(std::move(outcome)));
}

asio::awaitable<Outcome> Script::Run(Step step, Context& context) {
  return Play({step, false}, context);
}

asio::awaitable<Outcome> Script::Undo(Step step, Context& context) {
  return Play({step, true}, context);
}

asio::awaitable<Outcome> Script::Play(Key key, Context& context) {
  calls.push_back(absl::StrCat(key.second ? "undo " : "run ",
                               base::ToAbsl(Name(key.first))));
  const std::string id = context.migration.id;
  under_way_max = std::max(under_way_max, ++under_way);
  under_way_of_one_max = std::max(under_way_of_one_max, ++under_way_by_id_[id]);
  auto leave = absl::MakeCleanup([this, id] {
    --under_way;
    if (--under_way_by_id_[id] == 0) under_way_by_id_.erase(id);
  });
  const Attempt attempt = Next(key);
  if (attempt == nullptr) {
    co_return co_await Succeed(key.first, context, reversible_after_cut_over);
  }
  asio::awaitable<Outcome> playing = attempt(context);
  co_return co_await std::move(playing);
}

Script::Attempt Script::Next(Key key) {
  std::deque<Attempt>& scripted = scripted_[key];
  if (scripted.empty()) {
    return otherwise == nullptr ? nullptr : otherwise(key.first, key.second);
  }
  Attempt next = std::move(scripted.front());
  scripted.pop_front();
  return next;
}

Script::Attempt Giving(Outcome outcome) {
  return [outcome](Context&) { return Give(outcome); };
}

Script::Attempt GivingBehind(Door& door, Outcome outcome) {
  return [&door, outcome](Context&) { return GiveBehind(door, outcome); };
}

Script::Attempt GivingAfter(absl::Duration duration, Outcome outcome) {
  return [duration, outcome](Context& context) {
    return GiveAfter(context.clock, duration, outcome);
  };
}

Script::Attempt Throwing() {
  return [](Context&) { return Throw(); };
}

Outcome PlanFor(const migration::Spec& spec, bool reversible) {
  Outcome outcome = steps::Done("planned");
  outcome.kind = Outcome::Kind::kPlan;
  migration::Plan plan;
  plan.hash = "4f5e";
  plan.findings = {{"connection", spec.celigo.connection}};
  plan.reversible_after_cut_over = reversible;
  outcome.plan = std::move(plan);
  return outcome;
}

Outcome Retry(std::string message) {
  Outcome outcome;
  outcome.kind = Outcome::Kind::kRetry;
  outcome.message = std::move(message);
  return outcome;
}

Outcome AskFor(migration::Task::Answer answer) {
  migration::Task task;
  task.title = "make it so";
  task.answer = answer;
  return steps::Ask(std::move(task));
}

}  // namespace keyturn::testing
