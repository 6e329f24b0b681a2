#include "tests/sandbox/netsuite.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace keyturn::sandbox {
namespace {

constexpr std::string_view kScreenPage =
    "<html><head><title>NetSuite Login</title></head><body>This NetSuite is "
    "simulated and has no screens. Use: keyturn-sandbox act --help"
    "</body></html>";

std::string TypeUrl(int status, bool old_form) {
  if (old_form) {
    return absl::StrCat(
        "https://www.w3.org/Protocols/rfc2616/rfc2616-sec10.html#sec10.",
        status / 100, ".", status % 100 + 1);
  }
  return absl::StrCat("https://www.rfc-editor.org/rfc/rfc9110.html#section-15.",
                      status / 100 + 1, ".", status % 100 + 1);
}

}  // namespace

std::string BaseUrl(const Request& request) {
  return "https://" + request.host;
}

NetsuiteAccount& Netsuite::AddAccount(std::string id,
                                      std::string company_name) {
  NetsuiteAccount& account = accounts_[RealmForm(id)];
  account.id = RealmForm(id);
  account.company_name = std::move(company_name);
  return account;
}

NetsuiteAccount* Netsuite::FindAccount(std::string_view id) {
  const auto found = accounts_.find(RealmForm(id));
  return found == accounts_.end() ? nullptr : &found->second;
}

Response Netsuite::Handle(const Request& request, absl::Time now) {
  now += absl::Seconds(switches_.Count("clock_skew_seconds"));
  const std::string path = request.Path();
  const std::vector<std::string> segments = Segments(path);
  Response response;
  if (path.starts_with("/services/rest/")) {
    response = RestServices(request, segments, now);
  } else if (path.starts_with("/rest/")) {
    response = TokenEndpoints(request, path, now);
  } else if (path == "/app/site/hosting/restlet.nl") {
    response = CallRestlet(request, now);
  } else if (path == "/app/login/secure/authorizetoken.nl") {
    response = AuthorizePage(request, now);
  } else {
    response =
        TextResponse(200, "text/html; charset=utf-8", std::string(kScreenPage));
  }
  response.delay += absl::Milliseconds(switches_.Count("netsuite_latency_ms"));
  response.headers.emplace_back("Date", FormatHttpDate(now));
  if (switches_.Is("session_cookie", "yes")) {
    response.headers.emplace_back(
        "Set-Cookie",
        absl::StrCat("JSESSIONID=", random_.Hex(32), "; Path=/; Secure"));
  }
  return response;
}

Response Netsuite::TokenEndpoints(const Request& request,
                                  const std::string& path, absl::Time now) {
  const std::string& method = request.method;
  if (path == "/rest/requesttoken" && method == "POST") {
    return RequestTokenCall(request, now);
  }
  if (path == "/rest/accesstoken" && method == "POST") {
    return AccessTokenCall(request, now);
  }
  if (path == "/rest/issuetoken" && method == "GET") {
    return IssueToken(request, now);
  }
  if (path == "/rest/revoketoken" && method == "GET") {
    return RevokeToken(request, now);
  }
  if (path == "/rest/tokeninfo" && method == "GET") {
    return TokenInfo(request, now);
  }
  if (path == "/rest/datacenterurls" && method == "GET") {
    return DataCenterUrls(request);
  }
  return RestletError(404, "SSS_INVALID_SCRIPTLET_ID",
                      "There is no such page.");
}

Response Netsuite::RestServices(const Request& request,
                                const std::vector<std::string>& segments,
                                absl::Time now) {
  const std::string path = request.Path();
  if (path == "/services/rest/auth/oauth2/v1/token") {
    return OAuth2Token(request, now);
  }
  if (path.starts_with("/services/rest/auth/oauth2/v1/clients/")) {
    return Certificates(request, segments, now);
  }
  Login login = LogIn(request, Channel::kRest, now);
  if (!login.ok()) return Refuse(login, Channel::kRest);
  if (login.role->Level("ADMI_RESTWEBSERVICES") == 0 ||
      !login.account->Has("RESTWEBSERVICES")) {
    if (switches_.Is("rest_permission_missing", "403")) {
      return RestError(403, "Forbidden", "INSUFFICIENT_PERMISSION",
                       "Permission Violation: You need the 'REST Web Services' "
                       "permission to access this page.");
    }
    login.refusal = "permission_denied";
    return Refuse(login, Channel::kRest);
  }
  if (!TakeSlot(*login.account, now)) {
    return RestError(429, "Too Many Requests", "CONCURRENCY_LIMIT_EXCEEDED",
                     "Concurrent request limit exceeded. Request blocked.");
  }
  if (path == "/services/rest/query/v1/suiteql") return SuiteQl(request, login);
  if (segments.size() >= 5 && segments[2] == "record" &&
      EqualsIgnoringCase(segments[4], "employee")) {
    return Employees(request, segments, login);
  }
  return RestError(400, "Bad Request", "INVALID_URL",
                   absl::StrCat("There is no resource at ", path, "."),
                   "o:errorUrl", path);
}

bool Netsuite::TakeSlot(NetsuiteAccount& account, absl::Time now) {
  std::multiset<absl::Time>& busy = account.busy_until;
  busy.erase(busy.begin(), busy.upper_bound(now));
  if (static_cast<int>(busy.size()) >= account.concurrency_limit) return false;
  const int64_t latency_ms = switches_.Count("netsuite_latency_ms");
  if (latency_ms > 0) busy.insert(now + absl::Milliseconds(latency_ms));
  return true;
}

Response Netsuite::CallRestlet(const Request& request, absl::Time now) {
  Login login = LogIn(request, Channel::kRestlet, now);
  if (!login.ok()) return Refuse(login, Channel::kRestlet);
  if (login.role->web_services_only) {
    login.refusal = "permission_denied";
    return Refuse(login, Channel::kRestlet);
  }
  NetsuiteAccount& account = *login.account;
  if (!TakeSlot(account, now)) {
    return RestletError(400, "SSS_REQUEST_LIMIT_EXCEEDED",
                        "The maximum number of concurrent calls is reached.");
  }
  const std::string script = request.Parameter("script");
  const std::string deployment = request.Parameter("deploy");
  const auto found = std::find_if(
      account.restlets.begin(), account.restlets.end(),
      [&](const Restlet& restlet) {
        return restlet.script == script && restlet.deployment == deployment;
      });
  if (found == account.restlets.end() || !found->released) {
    return RestletError(404, "SSS_INVALID_SCRIPTLET_ID",
                        "That Suitelet is invalid, disabled, or no longer "
                        "exists.");
  }
  if (!found->audience.empty() &&
      std::find(found->audience.begin(), found->audience.end(),
                login.role->id) == found->audience.end()) {
    return RestletError(switches_.Is("audience_status", "401") ? 401 : 403,
                        "INSUFFICIENT_PERMISSION",
                        "You do not have privileges to view this page.");
  }
  Json features = Json::object();
  for (const char* feature :
       {"TBA", "OAUTH2", "RESTWEBSERVICES", "SERVERSIDESCRIPTING"}) {
    features[feature] = account.Has(feature);
  }
  return JsonResponse(200, {{"account", account.id}, {"features", features}});
}

Response Netsuite::DataCenterUrls(const Request& request) {
  if (FindAccount(request.Parameter("account")) == nullptr) {
    return RestletError(400, "INVALID_REQUEST", "The account is unknown.");
  }
  const std::string base = BaseUrl(request);
  return JsonResponse(200, {{"restDomain", base},
                            {"webservicesDomain", base},
                            {"systemDomain", base}});
}

Response Netsuite::RestError(int status, std::string_view title,
                             std::string_view code, std::string_view detail,
                             std::string_view at_name,
                             std::string_view at_value) const {
  Json entry = {{"detail", detail}, {"o:errorCode", code}};
  if (!at_name.empty()) entry[std::string(at_name)] = at_value;
  const Json body = {
      {"type", TypeUrl(status, switches_.Is("error_type_url", "old"))},
      {"title", title},
      {"status", status},
      {"o:errorDetails", Json::array({entry})}};
  return TextResponse(
      status, "application/vnd.oracle.resource+json; type=error", Dump(body));
}

Response Netsuite::RestletError(int status, std::string_view code,
                                std::string_view message) const {
  const Json body = {{"error", {{"code", code}, {"message", message}}}};
  return JsonResponse(status, body);
}

}  // namespace keyturn::sandbox
