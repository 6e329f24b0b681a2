#include "tests/sandbox/control_client.h"

#include <httplib.h>

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "tests/sandbox/files.h"

namespace keyturn::sandbox {
namespace {

constexpr time_t kTimeoutSeconds = 60;

}  // namespace

absl::StatusOr<ControlClient> ControlClient::Open(
    const std::string& data_directory) {
  const std::string path = data_directory + "/sandbox.json";
  absl::StatusOr<std::string> text = ReadFile(path);
  if (!text.ok()) {
    return absl::NotFoundError(absl::StrCat(
        path,
        " is not there; start the sandbox with: keyturn-sandbox serve "
        "--data-dir ",
        data_directory));
  }
  Json info = ParseJson(*text);
  if (!info.is_object()) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is not JSON"));
  }
  return ControlClient(std::move(info));
}

absl::StatusOr<Json> ControlClient::Call(const std::string& method,
                                         const std::string& path,
                                         const Json& body) const {
  httplib::Client client(Text(info_, "base_url"));
  client.set_ca_cert_path(Text(info_, "ca_file").c_str());
  client.enable_server_certificate_verification(true);
  client.set_read_timeout(kTimeoutSeconds);
  httplib::Request request;
  request.method = method;
  request.path = path;
  request.headers = {{"X-Control-Key", Text(info_, "control_key")},
                     {"Content-Type", "application/json"}};
  if (method != "GET") request.body = Dump(body);
  const httplib::Result result = client.send(request);
  if (!result) {
    return absl::UnavailableError(absl::StrCat(
        "the sandbox at ", Text(info_, "base_url"), " does not answer (",
        httplib::to_string(result.error()), "); is it running?"));
  }
  Json answer = ParseJson(result->body);
  if (result->status >= 300) {
    return absl::FailedPreconditionError(
        Text(answer, "error", absl::StrCat("status ", result->status)));
  }
  return answer;
}

absl::StatusOr<Json> ControlClient::Act(const std::string& act,
                                        const Json& arguments) const {
  return Call("POST", "/control/act/" + act, arguments);
}

}  // namespace keyturn::sandbox
