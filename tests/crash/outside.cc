#include "tests/crash/outside.h"

#include <algorithm>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>
#include <stdexcept>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/upstream/http/retry_after.h"
#include "tests/sandbox/text.h"

namespace keyturn::crash {
namespace {

using sandbox::Json;

constexpr std::string_view kRubbish = "<html><body>Be right back</body></html>";

// What the server sets by itself with every write.
constexpr const char* kSetByServer[] = {"lastModified", "lastModifiedBy",
                                        "offline", "queueSize"};

sandbox::Request OnTheWire(const http::Request& request) {
  sandbox::Request sent;
  sent.method = std::string(http::Name(request.method));
  sent.host = "localhost:1";
  sent.target = request.url.substr(std::string_view(kOrigin).size());
  for (const http::Header& header : request.headers) {
    sent.headers.emplace_back(header.name, header.value);
  }
  sent.headers.emplace_back("Authorization", request.authorization.Expose());
  sent.body = std::string(request.body.Expose());
  return sent;
}

http::Response ResponseOf(const sandbox::Response& answer, absl::Time now) {
  http::Response response;
  response.status = answer.status;
  for (const auto& [name, value] : answer.headers) {
    response.headers.push_back({sandbox::Lower(name), value});
  }
  response.body = secret::Secret(answer.body);
  const std::string wait = answer.Header("Retry-After");
  if (!wait.empty()) response.retry_after = http::ParseRetryAfter(wait, now);
  return response;
}

absl::Status Broken(std::string_view why) {
  absl::Status status = absl::UnavailableError(base::ToAbsl(why));
  return http::WithEffect(std::move(status), http::Effect::kUnknown);
}

// In place of the answer of the system itself.
sandbox::Response InPlaceOf(sandbox::Response answer, const Trouble& trouble) {
  using Kind = Trouble::Kind;
  switch (trouble.kind) {
    case Kind::kStatus:
    case Kind::kStatusAfter:
      return sandbox::JsonResponse(trouble.status, Json::object());
    case Kind::kRubbish:
      return sandbox::TextResponse(200, "text/html", std::string(kRubbish));
    case Kind::kRateLimit: {
      sandbox::Response busy = sandbox::JsonResponse(429, Json::object());
      busy.headers.emplace_back("Retry-After",
                                std::to_string(trouble.retry_after_seconds));
      return busy;
    }
    case Kind::kCutBody:
      answer.ending = sandbox::Ending::kCutBody;
      return answer;
    case Kind::kNone:
    case Kind::kRequestLost:
    case Kind::kAnswerLost:
    case Kind::kTwice:
    case Kind::kSlow:
      return answer;
  }
  return answer;
}

bool HasEffect(Trouble::Kind kind) {
  return kind != Trouble::Kind::kRequestLost &&
         kind != Trouble::Kind::kStatus && kind != Trouble::Kind::kRateLimit;
}

// Reads, however they are spelt.
bool IsRead(const std::string& line) {
  return absl::StartsWith(line, "GET ") || absl::EndsWith(line, "/ping") ||
         absl::EndsWith(line, "/jobs/current") ||
         absl::EndsWith(line, "/suiteql");
}

// The daemon does not go on from here.
asio::awaitable<void> Never() {
  asio::steady_timer timer(co_await asio::this_coro::executor,
                           asio::steady_timer::time_point::max());
  co_await timer.async_wait(asio::use_awaitable);
}

}  // namespace

std::string_view Name(Trouble::Kind kind) {
  using Kind = Trouble::Kind;
  switch (kind) {
    case Kind::kNone:
      return "";
    case Kind::kRequestLost:
      return "lost request";
    case Kind::kAnswerLost:
      return "lost answer";
    case Kind::kTwice:
      return "arrived twice";
    case Kind::kCutBody:
      return "cut body";
    case Kind::kRubbish:
      return "rubbish";
    case Kind::kStatus:
      return "an error in its place";
    case Kind::kStatusAfter:
      return "an error after its effect";
    case Kind::kRateLimit:
      return "too many requests";
    case Kind::kSlow:
      return "slow";
  }
  return "";
}

class Outside::Wire final : public http::Transport {
 public:
  explicit Wire(Outside& outside) : outside_(outside) {}

  asio::awaitable<absl::StatusOr<http::Response>> Send(
      http::Request request) override;

 private:
  // False when the exchange was cancelled meanwhile.
  asio::awaitable<bool> Pass(absl::Duration time);

  Outside& outside_;
};

class Outside::Pool final : public http::CurlPool {
 public:
  explicit Pool(Outside& outside) : outside_(outside) {}
  std::unique_ptr<http::Transport> NewTransport(http::CurlOptions) override {
    return std::make_unique<Wire>(outside_);
  }

 private:
  Outside& outside_;
};

asio::awaitable<bool> Outside::Wire::Pass(absl::Duration time) {
  const absl::Time until = outside_.clock_.Now() + time;
  co_await outside_.clock_.SleepUntil(until);
  const asio::cancellation_state state =
      co_await asio::this_coro::cancellation_state;
  co_return state.cancelled() == asio::cancellation_type::none;
}

asio::awaitable<absl::StatusOr<http::Response>> Outside::Wire::Send(
    http::Request request) {
  const Hooks& hooks = outside_.hooks_;
  if (hooks.alter != nullptr) hooks.alter(request);
  const sandbox::Request sent = OnTheWire(request);
  const std::string line = absl::StrCat(sent.method, " ", sent.Path());
  const std::string name = absl::StrCat("call ", ++outside_.calls_, " ", line);
  if (hooks.reach(absl::StrCat("before ", name))) co_await Never();
  Trouble trouble;
  if (hooks.trouble != nullptr) trouble = hooks.trouble(line);
  const absl::Status cancelled = http::WithEffect(
      absl::CancelledError("the exchange was aborted"), http::Effect::kUnknown);
  bool goes_on = co_await Pass(kLatency);
  if (!goes_on) co_return cancelled;
  sandbox::Response answer;
  if (HasEffect(trouble.kind)) {
    hooks.sent(request);
    answer = outside_.Serve(sent, line, request.repeatable);
    if (trouble.kind == Trouble::Kind::kTwice) outside_.world_.Handle(sent);
    if (hooks.repeats_writes) outside_.Serve(sent, line, request.repeatable);
  }
  answer = InPlaceOf(std::move(answer), trouble);
  hooks.tell(absl::StrCat(name, " -> ", answer.status,
                          trouble.kind == Trouble::Kind::kNone ? "" : ", ",
                          base::ToAbsl(Name(trouble.kind))));
  if (hooks.reach(absl::StrCat("effect of ", name))) co_await Never();
  const bool silent = trouble.kind == Trouble::Kind::kRequestLost ||
                      trouble.kind == Trouble::Kind::kAnswerLost ||
                      kLatency + trouble.delay > request.timeout;
  goes_on = co_await Pass(silent ? request.timeout : kLatency + trouble.delay);
  if (!goes_on) co_return cancelled;
  if (hooks.reach(absl::StrCat("answer of ", name))) co_await Never();
  if (silent) co_return Broken("no answer came in time");
  if (answer.ending != sandbox::Ending::kWhole) {
    co_return Broken("the connection was dropped");
  }
  co_return ResponseOf(answer, outside_.clock_.Now());
}

Outside::Outside(base::Clock& clock, uint64_t seed, Hooks hooks)
    : clock_(clock),
      world_({.control_key = "key", .seed = seed}, &world_clock_),
      hooks_(std::move(hooks)) {
  const sandbox::SeedOptions options{.netsuite_access = true,
                                     .schedules = false};
  absl::StatusOr<sandbox::Seeded> seeded = sandbox::SeedWorld(options, &world_);
  if (!seeded.ok()) throw std::runtime_error(seeded.status().ToString());
  info_ = std::move(seeded->info);
  files_ = std::move(seeded->files);
}

std::unique_ptr<http::CurlPool> Outside::NewPool() {
  return std::make_unique<Pool>(*this);
}

absl::StatusOr<Json> Outside::Act(const std::string& act,
                                  const Json& arguments) {
  return world_.Seed([&](sandbox::World& world) {
    world.celigo().Advance(world.Now());
    return sandbox::Act(world, act, arguments, world.Now());
  });
}

Json Outside::File(const std::string& path) const {
  for (const sandbox::SeedFile& file : files_) {
    if (file.path == path) return sandbox::ParseJson(file.content);
  }
  return Json();
}

Json Outside::Connection() {
  return world_.Seed([this](sandbox::World& world) {
    return *world.celigo().state().connections.Find(connection());
  });
}

vault::NetSuiteTba Outside::Consumer() {
  const std::string application = sandbox::Text(info_, "application");
  (void)Act("edit-integration",
            {{"application", application}, {"issue_token_endpoint", true}});
  vault::NetSuiteTba pair;
  pair.token_id = secret::Secret("none");
  pair.token_secret = secret::Secret("neither");
  world_.Seed([&](sandbox::World& world) {
    for (const auto& [id, account] : world.netsuite().accounts()) {
      for (const auto& [key, integration] : account.integrations) {
        if (integration.name != application) continue;
        pair.consumer_key = secret::Secret(integration.consumer_key);
        pair.consumer_secret = secret::Secret(integration.consumer_secret);
      }
    }
    return 0;
  });
  return pair;
}

Json Outside::Flow(const std::string& id) {
  return world_.Seed([&id](sandbox::World& world) {
    return *world.celigo().state().flows.Find(id);
  });
}

std::string Outside::Trace() {
  return world_.Seed([this](sandbox::World& world) {
    sandbox::CeligoState& celigo = world.celigo().state();
    Json document = *celigo.connections.Find(connection());
    for (const char* field : kSetByServer) document.erase(field);
    std::string trace = sandbox::Dump(document);
    for (const std::string& id : celigo.flows.ids()) {
      const bool off = sandbox::Flag(*celigo.flows.Find(id), "disabled");
      absl::StrAppend(&trace, off ? "0" : "1");
    }
    absl::StrAppend(&trace, " ", celigo.jobs.size());
    for (const auto& [id, account] : world.netsuite().accounts()) {
      int revoked = 0;
      for (const auto& [token_id, token] : account.tokens) {
        if (token.revoked) ++revoked;
      }
      absl::StrAppend(&trace, " ", account.tokens.size(), "-", revoked);
      for (const auto& [employee_id, employee] : account.employees) {
        absl::StrAppend(&trace, " ", employee.roles.size());
      }
    }
    return trace;
  });
}

sandbox::Response Outside::Serve(const sandbox::Request& request,
                                 const std::string& line, bool repeatable) {
  if (repeatable || IsRead(line)) return world_.Handle(request);
  const std::string before = Trace();
  sandbox::Response answer = world_.Handle(request);
  hooks_.written(line, answer.status, before != Trace());
  return answer;
}

}  // namespace keyturn::crash
