// Short ways to call from a test.
#ifndef KEYTURN_TESTS_RPC_RAW_CALL_H_
#define KEYTURN_TESTS_RPC_RAW_CALL_H_

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"

namespace keyturn::testing {

// A call that is not answered by then fails.
inline constexpr std::chrono::seconds kCallPatience{30};

template <typename Stub, typename Request, typename Response>
grpc::Status Call(grpc::Status (Stub::*method)(grpc::ClientContext*,
                                               const Request&, Response*),
                  Stub* stub, const Request& request, Response* response) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kCallPatience);
  response->Clear();
  return (stub->*method)(&context, request, response);
}

// Calls any RPC with bytes: sends one message, takes the first answer if there
// is one, and waits for the end. With `hang_up` an answer is enough: a stream
// may have no end.
inline grpc::Status CallRaw(
    const std::shared_ptr<grpc::Channel>& channel, const std::string& rpc,
    const std::string& request = "", std::string* answer = nullptr,
    bool hang_up = false, std::chrono::milliseconds patience = kCallPatience) {
  grpc::GenericStub stub(channel);
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + patience);
  grpc::CompletionQueue queue;
  void* tag = nullptr;
  bool ok = false;
  const auto call = stub.PrepareCall(&context, absl::StrCat("/", rpc), &queue);
  call->StartCall(nullptr);
  queue.Next(&tag, &ok);
  const grpc::Slice slice(request);
  call->WriteLast(grpc::ByteBuffer(&slice, 1), grpc::WriteOptions(), nullptr);
  queue.Next(&tag, &ok);
  grpc::ByteBuffer response;
  call->Read(&response, nullptr);
  queue.Next(&tag, &ok);
  if (ok && answer != nullptr) {
    grpc::Slice bytes;
    response.DumpToSingleSlice(&bytes);
    answer->assign(reinterpret_cast<const char*>(bytes.begin()), bytes.size());
  }
  const bool enough = ok && hang_up;
  if (enough) context.TryCancel();
  grpc::Status status;
  call->Finish(&status, nullptr);
  queue.Next(&tag, &ok);
  return enough ? grpc::Status::OK : status;
}

}  // namespace keyturn::testing

#endif  // KEYTURN_TESTS_RPC_RAW_CALL_H_
