#include "tests/sandbox/world.h"

#include <algorithm>
#include <cctype>
#include <exception>
#include <utility>

#include "absl/strings/str_cat.h"

namespace keyturn::sandbox {
namespace {

constexpr size_t kLogMax = 50000;
constexpr std::string_view kRubbish =
    "<html><body><h1>Service temporarily out of order</h1></body></html>";

bool LooksLikeId(std::string_view segment) {
  const bool number =
      std::all_of(segment.begin(), segment.end(),
                  [](unsigned char c) { return std::isdigit(c) != 0; });
  const bool hex =
      segment.size() >= 24 &&
      std::all_of(segment.begin(), segment.end(),
                  [](unsigned char c) { return std::isxdigit(c) != 0; });
  return (number && !segment.empty()) || hex;
}

// "/v1/flows/65a…/run" as "/v1/flows/:id/run".
std::string Pattern(const std::string& path) {
  std::string pattern;
  for (const std::string& segment : Segments(path)) {
    absl::StrAppend(&pattern, "/", LooksLikeId(segment) ? ":id" : segment);
  }
  return pattern.empty() ? "/" : pattern;
}

bool IsNetsuite(const std::string& path) {
  return path.starts_with("/rest/") || path.starts_with("/services/rest/") ||
         path.starts_with("/app/");
}

// The system's own form of an error that some proxy before it gives.
std::string ErrorBody(bool netsuite, int status) {
  if (netsuite) {
    return Dump({{"type", ""},
                 {"title", "Error"},
                 {"status", status},
                 {"o:errorDetails",
                  Json::array({{{"detail", "An unexpected error occurred."},
                                {"o:errorCode", "UNEXPECTED_ERROR"}}})}});
  }
  return Dump(
      {{"errors",
        Json::array({{{"code", "unexpected_error"},
                      {"message", "An unexpected error occurred."}}})}});
}

// Both vendors' forms of an error at once.
std::string Echo(const Request& request) {
  std::string all = absl::StrCat(request.method, " ", request.target);
  for (const auto& [name, value] : request.headers) {
    absl::StrAppend(&all, " ", name, ": ", value);
  }
  absl::StrAppend(&all, " ", request.body);
  return Dump(
      {{"errors",
        Json::array({{{"code", all}, {"message", all}, {"field", all}}})},
       {"title", all},
       {"error", all},
       {"error_description", all},
       {"o:errorDetails",
        Json::array({{{"detail", all}, {"o:errorCode", all}}})}});
}

}  // namespace

World::World(Options options, Clock* clock)
    : control_key_(std::move(options.control_key)),
      clock_(clock),
      random_(options.seed),
      netsuite_(switches_, random_),
      celigo_(switches_, random_, netsuite_) {}

Response World::Handle(const Request& request) {
  absl::MutexLock lock(&mutex_);
  const absl::Time now = request.arrival == absl::InfinitePast()
                             ? clock_->Now() + offset_
                             : request.arrival + offset_;
  // The JSON library throws when a body has another shape than a handler
  // expects; to the caller that is one more bad request.
  try {
    return Serve(request, now);
  } catch (const std::exception& error) {
    return JsonResponse(
        400, {{"errors", Json::array({{{"code", "invalid_request"},
                                       {"message", error.what()}}})}});
  }
}

Response World::Serve(const Request& request, absl::Time now) {
  const std::string path = request.Path();
  if (path == "/control" || path.starts_with("/control/")) {
    return Control(request, now);
  }
  celigo_.Advance(now);
  const std::optional<Fault> fault =
      faults_.Take(request.method, path, random_);
  Response response =
      fault.has_value() ? Strike(*fault, request, now) : Dispatch(request, now);
  Log(request, response,
      fault.has_value() ? absl::StrCat("fault ", fault->id) : "", now);
  return response;
}

Response World::Dispatch(const Request& request, absl::Time now) {
  const std::string path = request.Path();
  if (Lower(path).starts_with("/v1/")) return celigo_.Handle(request, now);
  if (IsNetsuite(path)) return netsuite_.Handle(request, now);
  return JsonResponse(
      404,
      {{"errors",
        Json::array({{{"code", "not_found"}, {"message", "No such path."}}})}});
}

Response World::Strike(const Fault& fault, const Request& request,
                       absl::Time now) {
  const bool netsuite = IsNetsuite(request.Path());
  const bool has_effect = fault.kind != FaultKind::kStatus &&
                          fault.kind != FaultKind::kResetBefore &&
                          fault.kind != FaultKind::kRateLimit &&
                          fault.kind != FaultKind::kEcho;
  Response response;
  if (has_effect) response = Dispatch(request, now);
  switch (fault.kind) {
    case FaultKind::kStatus:
    case FaultKind::kStatusAfter:
      response = TextResponse(fault.status, "application/json",
                              ErrorBody(netsuite, fault.status));
      break;
    case FaultKind::kDelay:
      break;
    case FaultKind::kResetBefore:
    case FaultKind::kResetAfter:
      response.ending = Ending::kReset;
      break;
    case FaultKind::kCutBody:
      response.ending = Ending::kCutBody;
      break;
    case FaultKind::kRubbish:
      response = TextResponse(200, "text/html", std::string(kRubbish));
      break;
    case FaultKind::kRateLimit:
      response = TextResponse(
          429, "application/json",
          Dump({{"errors", Json::array({{{"code", "rate_limited"},
                                         {"message", "Slow down."}}})}}));
      response.headers.emplace_back("Retry-After",
                                    std::to_string(fault.retry_after_seconds));
      break;
    case FaultKind::kEcho:
      response = TextResponse(fault.status, "application/json", Echo(request));
      response.headers.emplace_back("X-Request-Id",
                                    request.body.substr(0, 200));
      break;
  }
  response.delay += fault.delay;
  return response;
}

void World::Log(const Request& request, const Response& response,
                const std::string& fault, absl::Time now) {
  const std::string path = request.Path();
  ++counts_[request.method + " " + Pattern(path)];
  ++statuses_[response.status];
  if (response.status == 401) {
    ++refused_[IsNetsuite(path) ? "netsuite" : "celigo"];
  }
  if (log_.size() >= kLogMax) log_.pop_front();
  log_.push_back({now, request.method, path, response.status, fault});
}

}  // namespace keyturn::sandbox
