// Sends marked secrets through every RPC of a living daemon, and tells what was
// sent and what came back. What is sent is made from the descriptors: an RPC or
// a secret field that is new is there by itself.
//
//   keyturn-canary TARGET VALUES.json
//
// VALUES.json holds what the fields of requests are set to, by full name of the
// field: {"keyturn.v1.GetTaskRequest.name": ["tasks/…", …]}. Each RPC is called
// at least once for every value and for every alternative of a oneof; the call
// of number n takes value n, or the last one. A field that is not named there
// stays empty; one that carries a secret gets a fresh one. Besides, each call
// brings a secret in a field that the daemon does not know and one in a header,
// and is followed by one that breaks off in the middle of a secret.
//
// Prints one JSON object, all bytes in base64:
//   "secrets": {"RPC n FIELD": what was sent or given out}
//   "calls": [{"rpc", "number", "code", "said": [text, details, answers]}]
//   "fields": ["RPC FIELD" of every field that carries a secret]
#include <google/protobuf/descriptor.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/message.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "daemon/rpc/redact.h"
#include "daemon/rpc/server.h"
#include "tests/support/certificate_request.h"

namespace keyturn::testing {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::DescriptorPool;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::MessageFactory;
using google::protobuf::MethodDescriptor;
using google::protobuf::Reflection;
using Json = nlohmann::ordered_json;

// Below a request: credentials are two deep.
constexpr int kDepthMax = 6;
// Of no message of this API.
constexpr int kUnknownField = 1999;
constexpr std::chrono::seconds kCallPatience{60};
// A stream that begins with silence has taken the request all the same.
constexpr std::chrono::seconds kStreamPatience{2};

std::string Encoded(const std::string& bytes) {
  return absl::Base64Escape(bytes);
}

// 64 hexadecimal digits: fit for whatever asks for a token or a password.
std::string FreshSecret() {
  static std::random_device random;
  std::string secret;
  for (int i = 0; i < 8; ++i) {
    absl::StrAppend(&secret, absl::Hex(random(), absl::kZeroPad8));
  }
  return secret;
}

// What fills the fields of one call.
class Filler {
 public:
  Filler(const Json& values, std::string call, size_t number, Json& secrets)
      : values_(values),
        call_(std::move(call)),
        number_(number),
        secrets_(secrets) {}

  void Fill(Message* message, int depth = 0) {
    const Descriptor* type = message->GetDescriptor();
    const Reflection* reflection = message->GetReflection();
    for (int i = 0; i < type->field_count() && depth < kDepthMax; ++i) {
      const FieldDescriptor* field = type->field(i);
      const auto* oneof = field->real_containing_oneof();
      if (oneof != nullptr &&
          field->index_in_oneof() !=
              static_cast<int>(number_) % oneof->field_count()) {
        continue;
      }
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
        // An instant or a span that is there and empty is seldom allowed.
        const bool ours =
            !field->message_type()->full_name().starts_with("google.");
        if (ours && !field->is_repeated()) {
          Fill(reflection->MutableMessage(message, field), depth + 1);
        }
      } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
        SetText(message, field);
      }
    }
  }

  std::string NewSecret(std::string_view place) {
    std::string secret = FreshSecret();
    Remember(place, secret);
    return secret;
  }

 private:
  void Remember(std::string_view place, const std::string& secret) {
    secrets_[absl::StrCat(call_, " ", number_, " ", std::string(place))] =
        Encoded(secret);
  }

  void SetText(Message* message, const FieldDescriptor* field) {
    const std::string text = TextFor(field);
    if (rpc::IsSecret(field)) Remember(field->full_name(), text);
    if (text.empty()) return;
    const Reflection* reflection = message->GetReflection();
    if (field->is_repeated()) {
      reflection->AddString(message, field, text);
    } else {
      reflection->SetString(message, field, text);
    }
  }

  std::string TextFor(const FieldDescriptor* field) const {
    if (values_.contains(field->full_name())) {
      const Json& given = values_[field->full_name()];
      return given[std::min(number_, given.size() - 1)];
    }
    if (field->name() == "private_key_pem") {
      return MakeCertificateRequest().key_pem;
    }
    if (field->name() == "certificate_request_pem") {
      return MakeCertificateRequest().request_pem;
    }
    if (field->name() == "request_id") return FreshSecret();
    if (!rpc::IsSecret(field)) return "";
    return field->name() == "email" ? FreshSecret() + "@example.com"
                                    : FreshSecret();
  }

  const Json& values_;
  const std::string call_;
  const size_t number_;
  Json& secrets_;
};

// Calls `look` with every field at or below `type`, each once.
void EachField(const Descriptor* type,
               const std::function<void(const FieldDescriptor*)>& look) {
  std::set<const Descriptor*> seen;
  std::vector<const Descriptor*> left = {type};
  while (!left.empty()) {
    const Descriptor* next = left.back();
    left.pop_back();
    if (!seen.insert(next).second) continue;
    for (int i = 0; i < next->field_count(); ++i) {
      look(next->field(i));
      if (next->field(i)->message_type() != nullptr) {
        left.push_back(next->field(i)->message_type());
      }
    }
  }
}

std::unique_ptr<Message> New(const Descriptor* type) {
  return std::unique_ptr<Message>(
      MessageFactory::generated_factory()->GetPrototype(type)->New());
}

// Takes the secrets out of an answer, whose purpose it is to give them out.
void TakeOut(Message* message, const std::string& place, Json& secrets) {
  const Reflection* reflection = message->GetReflection();
  std::vector<const FieldDescriptor*> fields;
  reflection->ListFields(*message, &fields);
  for (const FieldDescriptor* field : fields) {
    if (field->is_repeated()) continue;
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      TakeOut(reflection->MutableMessage(message, field), place, secrets);
    } else if (rpc::IsSecret(field)) {
      secrets[absl::StrCat(place, " ", field->full_name())] =
          Encoded(reflection->GetString(*message, field));
      reflection->ClearField(message, field);
    }
  }
}

class Canary {
 public:
  Canary(const std::string& target, Json values)
      : stub_(grpc::CreateChannel(target, grpc::InsecureChannelCredentials())),
        values_(std::move(values)) {}

  void CallAll() {
    const auto* pool = DescriptorPool::generated_pool();
    for (const std::string& rpc : rpc::ServedRpcs()) {
      std::string name = rpc;
      name.replace(name.find('/'), 1, ".");
      // gRPC's own services have no descriptor here.
      const MethodDescriptor* const method = pool->FindMethodByName(name);
      const size_t calls =
          method == nullptr ? 1 : CallsOf(rpc, method->input_type());
      for (size_t number = 0; number < calls; ++number) {
        Call(rpc, method, number);
      }
    }
  }

  const Json& report() const { return report_; }

 private:
  // As many as there are alternatives and values; notes the secret fields.
  size_t CallsOf(const std::string& rpc, const Descriptor* request) {
    size_t calls = 1;
    EachField(request, [&](const FieldDescriptor* field) {
      if (rpc::IsSecret(field)) {
        report_["fields"].push_back(absl::StrCat(rpc, " ", field->full_name()));
      }
      if (const auto* oneof = field->real_containing_oneof()) {
        calls = std::max(calls, static_cast<size_t>(oneof->field_count()));
      }
      if (values_.contains(field->full_name())) {
        calls = std::max(calls, values_[field->full_name()].size());
      }
    });
    return calls;
  }

  void Call(const std::string& rpc, const MethodDescriptor* method,
            size_t number) {
    Filler filler(values_, rpc, number, report_["secrets"]);
    std::string request;
    if (method != nullptr) {
      const std::unique_ptr<Message> message = New(method->input_type());
      filler.Fill(message.get());
      message->GetReflection()
          ->MutableUnknownFields(message.get())
          ->AddLengthDelimited(kUnknownField,
                               filler.NewSecret("an unknown field"));
      request = message->SerializeAsString();
    }
    Send(rpc, method, number, request, filler.NewSecret("a header"));
    // Of field 1, a text of 1000 bytes, comes only the beginning.
    Send(rpc, method, number,
         absl::StrCat("\x0a\xe8\x07", filler.NewSecret("what broke off")),
         filler.NewSecret("a header of what broke off"));
  }

  void Send(const std::string& rpc, const MethodDescriptor* method,
            size_t number, const std::string& request,
            const std::string& header) {
    grpc::ClientContext context;
    const bool stream = method == nullptr || method->server_streaming();
    context.set_deadline(std::chrono::system_clock::now() +
                         (stream ? kStreamPatience : kCallPatience));
    context.AddMetadata("authorization", "Bearer " + header);
    grpc::CompletionQueue queue;
    void* tag = nullptr;
    bool ok = false;
    const auto call = stub_.PrepareCall(&context, "/" + rpc, &queue);
    call->StartCall(nullptr);
    queue.Next(&tag, &ok);
    const grpc::Slice slice(request);
    call->WriteLast(grpc::ByteBuffer(&slice, 1), grpc::WriteOptions(), nullptr);
    queue.Next(&tag, &ok);
    grpc::ByteBuffer response;
    call->Read(&response, nullptr);
    queue.Next(&tag, &ok);
    Json said = Json::array();
    if (ok) said.push_back(Encoded(AnswerIn(rpc, method, number, response)));
    if (ok && stream) context.TryCancel();
    grpc::Status status;
    call->Finish(&status, nullptr);
    queue.Next(&tag, &ok);
    said.push_back(Encoded(status.error_message()));
    said.push_back(Encoded(status.error_details()));
    report_["calls"].push_back({{"rpc", rpc},
                                {"number", number},
                                {"code", status.error_code()},
                                {"said", std::move(said)}});
  }

  std::string AnswerIn(const std::string& rpc, const MethodDescriptor* method,
                       size_t number, grpc::ByteBuffer& response) {
    grpc::Slice slice;
    response.DumpToSingleSlice(&slice);
    std::string bytes(reinterpret_cast<const char*>(slice.begin()),
                      slice.size());
    if (method == nullptr) return bytes;
    const std::unique_ptr<Message> answer = New(method->output_type());
    if (!answer->ParseFromString(bytes)) return bytes;
    TakeOut(answer.get(), absl::StrCat(rpc, " ", number, " given"),
            report_["secrets"]);
    return answer->SerializeAsString();
  }

  grpc::GenericStub stub_;
  const Json values_;
  Json report_ = {{"secrets", Json::object()},
                  {"calls", Json::array()},
                  {"fields", Json::array()}};
};

}  // namespace
}  // namespace keyturn::testing

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: keyturn-canary TARGET VALUES.json\n";
    return 2;
  }
  std::ifstream values(argv[2]);
  keyturn::testing::Canary canary(argv[1],
                                  nlohmann::ordered_json::parse(values));
  canary.CallAll();
  std::cout << canary.report().dump() << "\n";
  return 0;
}
