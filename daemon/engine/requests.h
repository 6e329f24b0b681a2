// What is the same for every call that changes something: repeated requests,
// and the trail of what callers did.
#ifndef KEYTURN_DAEMON_ENGINE_REQUESTS_H_
#define KEYTURN_DAEMON_ENGINE_REQUESTS_H_

#include <asio/awaitable.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "daemon/base/clock.h"
#include "daemon/engine/engine.h"
#include "daemon/engine/ledger.h"
#include "daemon/engine/turns.h"
#include "daemon/store/store.h"
#include "daemon/vault/openings.h"

namespace keyturn::engine {

// One call of the public API.
struct Request {
  Caller caller;
  // The RPC's full name: "keyturn.v1.Tasks/CompleteTask".
  std::string action;
  // Resource name of what is acted on.
  std::string target;
  // Stores nothing but rows in the trail, whatever comes of it.
  bool dry_run = false;
  // What the call has opened; null: it opens nothing.
  std::shared_ptr<vault::Openings> openings = nullptr;
};

// What a change stores for `request`, beside the change itself. `answer` is the
// resource name by which a repeated request finds what the first one made.
Extras ExtrasOf(const Request& request, std::string answer, absl::Time now);

// Belongs to the engine's thread.
class Requests {
 public:
  // Gives what a repeated request made, by its resource name.
  template <typename T>
  using Recall = absl::AnyInvocable<absl::StatusOr<T>(const std::string&)>;

  // All outlive the object.
  Requests(store::Store& store, base::Clock& clock, Ledger& ledger)
      : store_(store), clock_(clock), ledger_(ledger) {}

  // Runs `work`, unless `request` is a repeated one: then gives what `recall`
  // gives. Of equal requests that come together the later ones wait for the
  // first. A refusal, and a dry run's end, goes to the trail before it is
  // returned.
  template <typename T>
  asio::awaitable<absl::StatusOr<T>> Once(
      Request request, asio::awaitable<absl::StatusOr<T>> work,
      Recall<T> recall);

 private:
  // Caller and request id.
  using Key = std::pair<std::string, std::string>;
  struct Waiting {
    Turns turns;
    int users = 0;
  };

  // The answer to a repeated request; empty: it is the first.
  absl::StatusOr<std::string> FindAnswer(const Caller& caller);
  asio::awaitable<void> Enter(Key key);
  void Leave(const Key& key);
  // Of what stored nothing by itself.
  asio::awaitable<void> Tell(Request request, absl::Status result);

  store::Store& store_;
  base::Clock& clock_;
  Ledger& ledger_;
  std::map<Key, Waiting> under_way_;
};

template <typename T>
asio::awaitable<absl::StatusOr<T>> Requests::Once(
    Request request, asio::awaitable<absl::StatusOr<T>> work,
    Recall<T> recall) {
  const Key key{request.caller.identity, request.caller.request_id};
  if (!key.second.empty()) co_await Enter(key);
  absl::StatusOr<T> result = absl::UnknownError("");
  absl::StatusOr<std::string> answer = FindAnswer(request.caller);
  if (!answer.ok()) {
    result = answer.status();
  } else if (!answer->empty()) {
    result = recall(*answer);
  } else {
    result = co_await std::move(work);
    if (!result.ok() || request.dry_run) {
      absl::Status told = result.status();
      co_await Tell(std::move(request), std::move(told));
    }
  }
  if (!key.second.empty()) Leave(key);
  co_return result;
}

}  // namespace keyturn::engine

#endif  // KEYTURN_DAEMON_ENGINE_REQUESTS_H_
