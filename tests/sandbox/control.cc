#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tests/sandbox/world.h"

namespace keyturn::sandbox {
namespace {

Response ControlError(int status, std::string_view message) {
  return JsonResponse(status, {{"error", message}});
}

Response FromStatus(const absl::Status& status) {
  const int code = absl::IsNotFound(status)             ? 404
                   : absl::IsFailedPrecondition(status) ? 409
                                                        : 400;
  return ControlError(
      code, std::string_view(status.message().data(), status.message().size()));
}

Json Table() {
  Json rows = Json::array();
  for (const SwitchRow& row : SwitchTable()) {
    Json answers = Json::array();
    for (const std::string_view answer : row.answers) {
      if (!answer.empty()) answers.push_back(answer);
    }
    rows.push_back(
        {{"name", row.name}, {"answers", answers}, {"meaning", row.meaning}});
  }
  return rows;
}

}  // namespace

Response World::Control(const Request& request, absl::Time now) {
  if (request.Header("X-Control-Key") != control_key_) {
    return ControlError(403, "X-Control-Key is missing or wrong");
  }
  celigo_.Advance(now);
  const std::vector<std::string> segments = Segments(request.Path());
  const std::string what = segments.size() > 1 ? segments[1] : "";
  Json body = Json::object();
  if (!request.body.empty()) body = ParseJson(request.body);
  if (!body.is_object()) return ControlError(400, "the body is no JSON object");
  if (what == "state" && request.method == "GET") {
    return JsonResponse(200, StateJson(request));
  }
  if (what == "log") return ControlLog(request);
  if (what == "switches") return ControlSwitches(request, body);
  if (what == "faults") return ControlFaults(request, body, segments);
  if (what == "clock") {
    if (request.method == "POST") {
      offset_ += absl::Milliseconds(Number(body, "advance_ms"));
      offset_ += absl::Seconds(Number(body, "advance_seconds"));
    }
    return JsonResponse(200, {{"now", FormatInstant(clock_->Now() + offset_)}});
  }
  if (what == "act" && request.method == "POST" && segments.size() == 3) {
    absl::StatusOr<Json> shown = Act(*this, segments[2], body, now);
    return shown.ok() ? JsonResponse(200, *shown) : FromStatus(shown.status());
  }
  return ControlError(404,
                      "use state, log, switches, faults, clock or act/NAME");
}

Response World::ControlSwitches(const Request& request, const Json& body) {
  if (request.method == "GET") {
    return JsonResponse(200,
                        {{"switches", switches_.ToJson()}, {"table", Table()}});
  }
  for (const auto& [name, value] : body.items()) {
    const std::string answer =
        value.is_string() ? value.get<std::string>() : Dump(value);
    if (absl::Status status = switches_.Set(name, answer); !status.ok()) {
      return FromStatus(status);
    }
  }
  return JsonResponse(200, {{"switches", switches_.ToJson()}});
}

Response World::ControlFaults(const Request& request, const Json& body,
                              const std::vector<std::string>& segments) {
  if (request.method == "POST") {
    absl::StatusOr<int64_t> id = faults_.Add(body);
    return id.ok() ? JsonResponse(200, {{"id", *id}}) : FromStatus(id.status());
  }
  if (request.method == "DELETE") {
    int64_t id = 0;
    if (segments.size() > 2 && !absl::SimpleAtoi(segments[2], &id)) {
      return ControlError(400, "the fault's id is a number");
    }
    return JsonResponse(200, {{"removed", faults_.Remove(id)}});
  }
  return JsonResponse(200, {{"faults", faults_.ToJson()}});
}

Response World::ControlLog(const Request& request) {
  if (request.method == "DELETE") {
    log_.clear();
    counts_.clear();
    statuses_.clear();
    refused_.clear();
  }
  Json entries = Json::array();
  for (const LoggedRequest& entry : log_) {
    Json line = {{"time", FormatInstant(entry.time)},
                 {"method", entry.method},
                 {"path", entry.path},
                 {"status", entry.status}};
    if (!entry.fault.empty()) line["fault"] = entry.fault;
    entries.push_back(std::move(line));
  }
  return JsonResponse(200, {{"requests", std::move(entries)}});
}

Json World::StateJson(const Request& request) {
  Json counts = Json::object();
  int64_t total = 0;
  for (const auto& [pattern, count] : counts_) {
    counts[pattern] = count;
    total += count;
  }
  Json statuses = Json::object();
  for (const auto& [status, count] : statuses_) {
    statuses[std::to_string(status)] = count;
  }
  const auto refused = [&](const char* system) {
    const auto found = refused_.find(system);
    return found == refused_.end() ? 0 : found->second;
  };
  Json state = {
      {"now", FormatInstant(clock_->Now() + offset_)},
      {"lost_records", celigo_.state().lost_records},
      {"requests",
       {{"total", total},
        {"by_endpoint", counts},
        {"by_status", statuses},
        {"unauthorized",
         {{"celigo", refused("celigo")}, {"netsuite", refused("netsuite")}}}}},
      {"switches", switches_.ToJson()}};
  if (request.Parameter("part") == "summary") return state;
  state["celigo"] = celigo_.ToJson();
  state["netsuite"] = Json::object();
  for (const auto& [id, account] : netsuite_.accounts()) {
    state["netsuite"][id] = account.ToJson();
  }
  return state;
}

}  // namespace keyturn::sandbox
