// The two streams of keyturn.v1.Admin: a back-up goes out, or comes back.
#ifndef KEYTURN_DAEMON_RPC_BACK_UP_STREAMS_H_
#define KEYTURN_DAEMON_RPC_BACK_UP_STREAMS_H_

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/time/time.h"
#include "daemon/audit/trail.h"
#include "daemon/base/clock.h"
#include "daemon/engine/custodian.h"
#include "daemon/rpc/gate.h"
#include "daemon/store/store.h"
#include "keyturn/v1/admin.grpc.pb.h"

namespace keyturn::rpc {

// A stream whose other end stands still for that long is cut.
inline constexpr absl::Duration kBackUpStallMax = absl::Minutes(2);

// Thread-safe. Works on a thread of its own, since it waits for the disk. One
// stream at a time.
class BackUpStreams {
 public:
  struct Options {
    // All outlive the object.
    Gate& gate;
    store::Store& store;
    audit::Trail& trail;
    engine::Custodian& custodian;
    base::Clock& clock;
    // The store's file.
    std::string store_path;
    // Called once a back-up came back and its caller was told: the daemon is to
    // start anew. On any thread.
    std::function<void()> on_restored;
    absl::Duration stall_max = kBackUpStallMax;
  };
  explicit BackUpStreams(Options options);
  // gRPC is done with every call before.
  ~BackUpStreams();
  BackUpStreams(const BackUpStreams&) = delete;
  BackUpStreams& operator=(const BackUpStreams&) = delete;

  grpc::ServerWriteReactor<v1::BackUpResponse>* BackUp(
      grpc::CallbackServerContext* context, const v1::BackUpRequest* request);
  grpc::ServerReadReactor<v1::RestoreRequest>* Restore(
      grpc::CallbackServerContext* context, v1::RestoreResponse* response);

 private:
  template <typename Reactor>
  class Stream;
  class Outgoing;
  class Incoming;

  const Options options_;
  // Of the thread alone.
  bool busy_ = false;

  asio::io_context context_;
  asio::executor_work_guard<asio::io_context::executor_type> work_{
      context_.get_executor()};
  std::thread thread_;
};

}  // namespace keyturn::rpc

#endif  // KEYTURN_DAEMON_RPC_BACK_UP_STREAMS_H_
