#include "tests/sandbox/http.h"

#include <utility>

namespace keyturn::sandbox {
namespace {

std::string FindHeader(const std::vector<NameValue>& headers,
                       std::string_view name) {
  for (const auto& [key, value] : headers) {
    if (EqualsIgnoringCase(key, name)) return value;
  }
  return "";
}

}  // namespace

std::string Request::Header(std::string_view name) const {
  return FindHeader(headers, name);
}

std::string Request::Path() const { return target.substr(0, target.find('?')); }

std::vector<NameValue> Request::Query() const {
  const size_t question = target.find('?');
  if (question == std::string::npos) return {};
  return ParseQuery(std::string_view(target).substr(question + 1));
}

std::string Request::Parameter(std::string_view name) const {
  for (auto& [key, value] : Query()) {
    if (key == name) return value;
  }
  return "";
}

std::string Response::Header(std::string_view name) const {
  return FindHeader(headers, name);
}

Response JsonResponse(int status, const Json& body) {
  return TextResponse(status, "application/json; charset=utf-8", Dump(body));
}

Response TextResponse(int status, std::string_view type, std::string body) {
  Response response;
  response.status = status;
  response.headers.emplace_back("Content-Type", type);
  response.body = std::move(body);
  return response;
}

std::vector<std::string> Segments(std::string_view path) {
  std::vector<std::string> segments;
  while (!path.empty()) {
    const size_t end = path.find('/');
    if (end != 0) segments.push_back(PercentDecode(path.substr(0, end)));
    path = end == std::string_view::npos ? "" : path.substr(end + 1);
  }
  return segments;
}

}  // namespace keyturn::sandbox
