#include "tests/sandbox/celigo.h"

#include <algorithm>
#include <cctype>
#include <set>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace keyturn::sandbox {
namespace {

constexpr int64_t kPageMax = 1000;
constexpr std::string_view kOtherOrigin = "https://api.other.integrator.io";
constexpr size_t kIdLength = 24;

bool IsId(std::string_view text) {
  return text.size() == kIdLength &&
         std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return std::isxdigit(c) != 0; });
}

bool IsProjection(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '.' || c == ',';
  });
}

std::vector<std::string> SplitPaths(const std::string& text) {
  std::vector<std::string> paths;
  for (const auto& path : absl::StrSplit(text, ',', absl::SkipEmpty())) {
    paths.emplace_back(path.data(), path.size());
  }
  return paths;
}

void CopyPath(const Json& from, const std::string& path, Json& to) {
  const size_t dot = path.find('.');
  const std::string head = path.substr(0, dot);
  const Json& member = Member(from, head);
  if (member.is_null()) return;
  if (dot == std::string::npos) {
    to[head] = member;
  } else {
    CopyPath(member, path.substr(dot + 1), to[head]);
  }
}

void ErasePath(Json& from, const std::string& path) {
  const size_t dot = path.find('.');
  const std::string head = path.substr(0, dot);
  if (!from.is_object() || !from.contains(head)) return;
  if (dot == std::string::npos) {
    from.erase(head);
  } else {
    ErasePath(from[head], path.substr(dot + 1));
  }
}

Json Projected(const Json& document, const Request& request) {
  const std::string include = request.Parameter("include");
  const std::string exclude = request.Parameter("exclude");
  if (!include.empty()) {
    Json projected = Json::object();
    for (const char* identity :
         {"_id", "name", "type", "createdAt", "lastModified"}) {
      CopyPath(document, identity, projected);
    }
    for (const std::string& path : SplitPaths(include)) {
      CopyPath(document, path, projected);
    }
    return projected;
  }
  Json projected = document;
  for (const std::string& path : SplitPaths(exclude)) {
    ErasePath(projected, path);
  }
  return projected;
}

// The query without paging parameters, to be continued by one.
std::string QueryPrefix(const Request& request) {
  std::string query = "?";
  for (const auto& [name, value] : request.Query()) {
    if (name == "after" || name == "skip") continue;
    absl::StrAppend(&query, PercentEncode(name), "=", PercentEncode(value),
                    "&");
  }
  return query;
}

// Where a page begins, from `after` or `skip`.
size_t PageStart(const Request& request) {
  uint64_t start = 0;
  const std::string after = request.Parameter("after");
  if (!after.empty()) {
    const std::optional<std::string> decoded = Base64Decode(after);
    return decoded && absl::SimpleAtoi(*decoded, &start) ? start : 0;
  }
  return absl::SimpleAtoi(request.Parameter("skip"), &start) ? start : 0;
}

}  // namespace

Response Celigo::Handle(const Request& request, absl::Time now) {
  Response response;
  const std::string authorization = request.Header("Authorization");
  const auto token = state_.tokens.find(
      authorization.starts_with("Bearer ") ? authorization.substr(7) : "");
  if (token == state_.tokens.end() || token->second.revoked ||
      token->second.expires <= now) {
    response = Error(401, "unauthorized", "Bearer Authentication Failed");
  } else if (!TakeFromBucket(now)) {
    response = Error(429, "rate_limited", "Too many requests.");
    response.headers.emplace_back("Retry-After", "1");
  } else {
    std::vector<std::string> path = Segments(Lower(request.Path()));
    path.erase(path.begin());
    Call call{request, std::move(path), Json::object(), now, token->second};
    const bool has_body = !request.body.empty() && request.method != "GET";
    if (has_body && !Lower(request.Header("Content-Type"))
                         .starts_with("application/json")) {
      response = Error(415, "unsupported_media_type",
                       "The body must be application/json.");
    } else {
      if (has_body) call.body = ParseJson(request.body);
      response = call.body.is_discarded()
                     ? Error(400, "invalid_json", "The body is not JSON.")
                     : Route(call);
    }
  }
  response.delay += absl::Milliseconds(switches_.Count("celigo_latency_ms"));
  response.headers.emplace_back("Date", FormatHttpDate(now));
  return response;
}

bool Celigo::TakeFromBucket(absl::Time now) {
  if (switches_.Is("rate_limit", "off")) return true;
  const double size = static_cast<double>(switches_.Count("rate_limit_bucket"));
  if (state_.bucket_filled == absl::InfinitePast()) {
    state_.bucket = size;
  } else {
    const double seconds =
        std::max(0.0, absl::ToDoubleSeconds(now - state_.bucket_filled));
    const double rate =
        static_cast<double>(switches_.Count("rate_limit_per_second"));
    state_.bucket = std::min(size, state_.bucket + seconds * rate);
  }
  state_.bucket_filled = std::max(state_.bucket_filled, now);
  if (state_.bucket < 1) return false;
  state_.bucket -= 1;
  return true;
}

Response Celigo::Route(Call& call) {
  if (call.path.empty()) return NotFound();
  const std::string& kind = call.path[0];
  if (kind == "connections") return Connections(call);
  if (kind == "iclients") return IClients(call);
  if (kind == "integrations") return Integrations(call);
  if (kind == "flows") return Flows(call);
  if (kind == "jobs") return Jobs(call);
  if (kind == "netsuite") return Metadata(call);
  if (kind == "connection") return AuthorizationUrl(call);
  return Misc(call);
}

Response Celigo::Misc(Call& call) {
  const std::string& kind = call.path[0];
  if (call.method() != "GET") return NotFound();
  if (kind == "tokeninfo" && call.path.size() == 1) {
    return JsonResponse(
        200, {{"_userId", call.token.user}, {"scope", call.token.scope}});
  }
  if (kind == "audit" && call.path.size() == 1) return Audit(call, "", "");
  if (kind == "ashares" && call.path.size() == 1) {
    return JsonResponse(
        200,
        Json::array({{{"_id", state_.user_id},
                      {"accessLevel", "owner"},
                      {"sharedWithUser", {{"email", state_.user_email}}}}}));
  }
  if (kind == "environments" && call.path.size() == 1) {
    if (switches_.Is("environments", "feature_not_enabled")) {
      return Error(422, "feature_not_enabled",
                   "Environments are not enabled for this account.");
    }
    return JsonResponse(200, Json::array({{{"_id", state_.user_id},
                                           {"name", "Production"},
                                           {"type", "production"}}}));
  }
  if (kind == "exports" || kind == "imports") {
    Documents& documents = kind == "exports" ? state_.exports : state_.imports;
    if (call.path.size() == 1) {
      return List(call, documents.ids(), [&](const std::string& id) {
        return Masked(*documents.Find(id));
      });
    }
    Response refusal;
    const Json* found = Find(documents, call.path[1], refusal);
    return found == nullptr || call.path.size() > 2 ? NotFound()
                                                    : Document(*found);
  }
  return NotFound();
}

Response Celigo::Error(int status, std::string_view code,
                       std::string_view message, std::string_view field) const {
  if (switches_.Is("error_form", "text")) {
    return TextResponse(status, "text/plain", std::string(message));
  }
  if (switches_.Is("error_form", "message")) {
    return JsonResponse(status, {{"code", code}, {"message", message}});
  }
  if (switches_.Is("error_form", "error")) {
    return JsonResponse(status, {{"error", message}});
  }
  if (switches_.Is("error_form", "strings")) {
    return JsonResponse(status, {{"errors", Json::array({message})}});
  }
  Json entry = {{"code", code}, {"message", message}};
  if (!field.empty()) entry["field"] = field;
  return JsonResponse(status, {{"errors", Json::array({entry})}});
}

Response Celigo::NotFound() const {
  return Error(404, "resource_not_found", "The resource was not found.");
}

Response Celigo::Document(const Json& document) const {
  Response response = JsonResponse(200, Masked(document));
  if (switches_.Is("etag", "yes")) {
    response.headers.emplace_back(
        "ETag", "\"" + HexEncode(Sha256(Dump(document))).substr(0, 16) + "\"");
  }
  return response;
}

Json* Celigo::Find(Documents& documents, const std::string& id,
                   Response& refusal) {
  if (!IsId(id)) {
    refusal = Error(static_cast<int>(switches_.Count("malformed_id_status")),
                    "invalid_ref", "The id is not valid.", "_id");
    return nullptr;
  }
  Json* found = documents.Find(id);
  if (found == nullptr) refusal = NotFound();
  return found;
}

std::optional<Response> Celigo::CheckProjection(const Call& call) const {
  const std::string include = call.request.Parameter("include");
  const std::string exclude = call.request.Parameter("exclude");
  const std::string limit = call.request.Parameter("limit");
  int64_t number = 0;
  const bool bad_limit =
      !limit.empty() && (!absl::SimpleAtoi(limit, &number) || number < 1);
  if ((!include.empty() && !exclude.empty()) || !IsProjection(include) ||
      !IsProjection(exclude) || bad_limit) {
    return Error(400, "invalid_query_params",
                 "include, exclude or limit is not valid.");
  }
  return std::nullopt;
}

std::string Celigo::OwnUrl(const Call& call) const {
  return switches_.Is("link_host", "other") ? std::string(kOtherOrigin)
                                            : BaseUrl(call.request);
}

Response Celigo::List(const Call& call, const std::vector<std::string>& ids,
                      const View& view, bool paged) const {
  if (std::optional<Response> refusal = CheckProjection(call)) return *refusal;
  int64_t limit = 0;
  if (!absl::SimpleAtoi(call.request.Parameter("limit"), &limit)) {
    limit = std::max<int64_t>(1, switches_.Count("page_size"));
  }
  limit = std::min(limit, kPageMax);
  const size_t start = paged ? PageStart(call.request) : 0;
  const size_t end =
      paged ? std::min(ids.size(), start + static_cast<size_t>(limit))
            : ids.size();
  Json page = Json::array();
  for (size_t i = start; i < end; ++i) {
    page.push_back(Projected(view(ids[i]), call.request));
  }
  if (page.empty() && switches_.Is("empty_list", "204")) {
    return TextResponse(204, "application/json", "");
  }
  Response response = JsonResponse(200, page);
  if (end < ids.size()) {
    const std::string cursor =
        switches_.Is("page_cursor", "skip")
            ? absl::StrCat("skip=", end)
            : "after=" + Base64UrlEncode(std::to_string(end));
    response.headers.emplace_back(
        "Link",
        absl::StrCat("<", OwnUrl(call), call.request.Path(),
                     QueryPrefix(call.request), cursor, ">; rel=\"next\""));
  }
  return response;
}

Response Celigo::ListInBody(const Call& call, std::string_view key,
                            const std::vector<Json>& entries) const {
  if (entries.empty() && switches_.Is("empty_list", "204")) {
    return TextResponse(204, "application/json", "");
  }
  const size_t limit =
      static_cast<size_t>(std::max<int64_t>(1, switches_.Count("page_size")));
  const size_t start = std::min(PageStart(call.request), entries.size());
  const size_t end = std::min(entries.size(), start + limit);
  Json body = Json::object();
  body[std::string(key)] = Json::array();
  for (size_t i = start; i < end; ++i) {
    body[std::string(key)].push_back(entries[i]);
  }
  if (end < entries.size()) {
    const std::string tail =
        absl::StrCat(QueryPrefix(call.request),
                     "after=", Base64UrlEncode(std::to_string(end)));
    const std::string path = call.request.Path() + tail;
    // "/v1/jobs/current" as the web UI's routes spell it.
    const std::string api_path = "/api" + path.substr(3);
    body["nextPageURL"] = switches_.Is("next_page_url", "absolute")
                              ? OwnUrl(call) + path
                          : switches_.Is("next_page_url", "api_path") ? api_path
                                                                      : path;
  }
  return JsonResponse(200, body);
}

std::optional<Response> Celigo::ApplyPatch(
    const Json& patch, const std::function<bool(const std::string&)>& allowed,
    Json& document) const {
  const int status = static_cast<int>(switches_.Count("patch_refusal_status"));
  if (!patch.is_array() || patch.empty()) {
    return Error(400, "invalid_json_patch", "The body must be a JSON Patch.");
  }
  Json changed = document;
  for (const Json& operation : patch) {
    const std::string verb = Text(operation, "op");
    const std::string path = Text(operation, "path");
    if ((verb != "replace" && verb != "remove" && verb != "add") ||
        !allowed(path)) {
      return Error(status, "invalid_patch_path",
                   absl::StrCat("The path ", path, " cannot be patched."),
                   path);
    }
    if (verb == "remove") {
      std::string dotted = path.substr(1);
      std::replace(dotted.begin(), dotted.end(), '/', '.');
      ErasePath(changed, dotted);
    } else {
      changed[Json::json_pointer(path)] = Member(operation, "value");
    }
  }
  document = std::move(changed);
  return std::nullopt;
}

}  // namespace keyturn::sandbox
