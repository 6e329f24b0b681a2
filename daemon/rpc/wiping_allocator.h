// Requests that carry secrets do not leave them behind.
#ifndef KEYTURN_DAEMON_RPC_WIPING_ALLOCATOR_H_
#define KEYTURN_DAEMON_RPC_WIPING_ALLOCATOR_H_

#include <google/protobuf/message.h>
#include <grpcpp/support/message_allocator.h>

namespace keyturn::rpc {

// Overwrites every field of `message`, at any depth, that is marked INPUT_ONLY,
// which in this API means: a secret.
void WipeSecrets(google::protobuf::Message* message);

// Makes the messages of one RPC and wipes the request's secrets when the call
// has ended in whatever way, before the memory is given back. For
// Service::SetMessageAllocatorFor_…; outlives the server. Thread-safe.
//
// What gRPC keeps of the bytes on their way (its receive buffers) is out of our
// reach.
template <typename Request, typename Response>
class WipingAllocator final : public grpc::MessageAllocator<Request, Response> {
 public:
  grpc::MessageHolder<Request, Response>* AllocateMessages() override {
    return new Holder;
  }

 private:
  class Holder final : public grpc::MessageHolder<Request, Response> {
   public:
    Holder() {
      this->set_request(&request_);
      this->set_response(&response_);
    }
    void Release() override {
      WipeSecrets(&request_);
      delete this;
    }

   private:
    Request request_;
    Response response_;
  };
};

}  // namespace keyturn::rpc

#endif  // KEYTURN_DAEMON_RPC_WIPING_ALLOCATOR_H_
