// Requests of every RPC, to a served daemon. An input is some lines, each
// "Service.Method " and a request as proto3 JSON (fields that are not known are
// passed over), one after the other. kMark stands for a secret: where it is in
// no field that may be shown, nothing that is answered holds it.
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/util/json_util.h>

#include <chrono>
#include <cstdlib>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "daemon/rpc/redact.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "tests/fuzz/require.h"
#include "tests/rpc/raw_call.h"
#include "tests/rpc/served_daemon.h"

namespace keyturn::fuzz {
namespace {

using google::protobuf::Message;
using google::protobuf::MethodDescriptor;

constexpr char kMark[] = "c4n4ry";
constexpr size_t kCallsMax = 16;
// A daemon lives for so many inputs: what it keeps is to stay small.
constexpr int kInputsMax = 200;
// A stream may have nothing to tell.
constexpr std::chrono::milliseconds kStreamPatience{50};

// After these the next input gets another daemon.
const std::set<std::string>& EndsTheDaemon() {
  static const auto& rpcs =
      *new std::set<std::string>{"Admin.Seal", "Admin.RotateKey",
                                 "Admin.Restore", "Access.RevokeIdentity"};
  return rpcs;
}

// By "Service.Method".
const std::map<std::string, const MethodDescriptor*>& Methods() {
  static const auto& methods = *[] {
    auto* all = new std::map<std::string, const MethodDescriptor*>();
    for (const std::string& rpc : rpc::ServedRpcs()) {
      const MethodDescriptor* method =
          google::protobuf::DescriptorPool::generated_pool()->FindMethodByName(
              absl::StrJoin(absl::StrSplit(rpc, '/'), "."));
      if (!absl::StartsWith(rpc, "keyturn.v1.") || method == nullptr) continue;
      (*all)[absl::StrCat(method->service()->name(), ".", method->name())] =
          method;
    }
    return all;
  }();
  return methods;
}

std::unique_ptr<Message> NewMessage(
    const google::protobuf::Descriptor* descriptor) {
  return std::unique_ptr<Message>(
      google::protobuf::MessageFactory::generated_factory()
          ->GetPrototype(descriptor)
          ->New());
}

void RequireDetails(const grpc::Status& status) {
  google::rpc::Status details;
  Require(details.ParseFromString(status.error_details()) &&
              details.code() == static_cast<int>(status.error_code()) &&
              details.message() == status.error_message(),
          "a refusal has details", status.error_message());
  int infos = 0;
  for (const auto& detail : details.details()) {
    google::rpc::ErrorInfo info;
    if (!detail.UnpackTo(&info)) continue;
    ++infos;
    Require(info.domain() == "keyturn" && !info.reason().empty(),
            "a refusal has a reason of ours", status.error_message());
  }
  Require(infos == 1, "a refusal has one reason", status.error_message());
}

class Served {
 public:
  Served() {
    daemon_.engine.migration = testing::FullMigration();
    daemon_.engine.task = testing::FullTask();
    daemon_.engine.campaign =
        store::StoredCampaign{testing::FullCampaign(), {}};
    access::Roles all;
    for (const access::Role role : access::kAllRoles) all.Add(role);
    channel_ = daemon_.Tls(all, "fuzz");
  }

  bool worn_out() const { return worn_out_; }

  void Call(const std::string& name, const std::string& json) {
    const auto found = Methods().find(name);
    if (found == Methods().end()) return;
    const MethodDescriptor& method = *found->second;
    const std::unique_ptr<Message> request = NewMessage(method.input_type());
    google::protobuf::util::JsonParseOptions options;
    options.ignore_unknown_fields = true;
    if (!google::protobuf::util::JsonStringToMessage(json, request.get(),
                                                     options)
             .ok()) {
      return;
    }
    if (EndsTheDaemon().contains(name)) worn_out_ = true;
    if (absl::StrContains(rpc::Redacted(*request), kMark)) mark_is_open_ = true;
    Send(method, *request);
  }

  void CountInput() { worn_out_ |= ++inputs_ == kInputsMax || mark_is_open_; }

 private:
  void Send(const MethodDescriptor& method, const Message& request) {
    const bool stream = method.client_streaming() || method.server_streaming();
    // The gate counts calls by this clock.
    daemon_.clock.Advance(absl::Milliseconds(10));
    std::string answer;
    const grpc::Status status = testing::CallRaw(
        channel_,
        absl::StrCat(method.service()->full_name(), "/", method.name()),
        request.SerializeAsString(), &answer, stream,
        stream ? kStreamPatience : testing::kCallPatience);
    Require(
        mark_is_open_ || (!absl::StrContains(answer, kMark) &&
                          !absl::StrContains(status.error_message(), kMark) &&
                          !absl::StrContains(status.error_details(), kMark)),
        "no answer holds a secret", method.full_name());
    if (status.ok()) {
      Require(NewMessage(method.output_type())->ParseFromString(answer),
              "an answer is one", method.full_name());
      return;
    }
    if (stream && status.error_details().empty()) return;
    Require(status.error_code() != grpc::StatusCode::INTERNAL &&
                status.error_code() != grpc::StatusCode::UNKNOWN &&
                status.error_code() != grpc::StatusCode::DEADLINE_EXCEEDED,
            "no request is a bug of ours",
            absl::StrCat(method.full_name(), ": ", status.error_message()));
    RequireDetails(status);
  }

  testing::ServedDaemon daemon_;
  std::shared_ptr<grpc::Channel> channel_;
  int inputs_ = 0;
  bool worn_out_ = false;
  // A field that may be shown holds the mark.
  bool mark_is_open_ = false;
};

Served* current = nullptr;

// Before OpenSSL ends, which the daemon's last checkpoint needs.
void EndTheDaemon() {
  delete current;
  current = nullptr;
}

Served& TheDaemon() {
  if (current != nullptr && !current->worn_out()) return *current;
  EndTheDaemon();
  current = new Served;
  static const int registered = std::atexit(EndTheDaemon);
  Require(registered == 0, "the daemon ends before the program");
  return *current;
}

}  // namespace
}  // namespace keyturn::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace keyturn;
  const std::string text(fuzz::TextOf(data, size));
  fuzz::Served& served = fuzz::TheDaemon();
  size_t calls = 0;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    if (calls++ == fuzz::kCallsMax) break;
    const std::pair<std::string, std::string> call =
        absl::StrSplit(line, absl::MaxSplits(' ', 1));
    served.Call(call.first, call.second);
  }
  served.CountInput();
  return 0;
}
