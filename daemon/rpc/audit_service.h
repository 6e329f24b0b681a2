// keyturn.v1.Audit.
#ifndef KEYTURN_DAEMON_RPC_AUDIT_SERVICE_H_
#define KEYTURN_DAEMON_RPC_AUDIT_SERVICE_H_

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <atomic>
#include <memory>
#include <set>
#include <thread>

#include "daemon/audit/trail.h"
#include "daemon/rpc/gate.h"
#include "daemon/store/store.h"
#include "keyturn/v1/audit.grpc.pb.h"

namespace keyturn::rpc {

inline constexpr size_t kTailsMax = 64;
// Entries of one read for a tail; it holds no more than these.
inline constexpr int kTailPageMax = 256;
// Verifications that wait or run; each reads the whole trail.
inline constexpr int kVerificationsMax = 4;
inline constexpr int kExpectedMax = 100;

// Thread-safe. What the constructor gets outlives the service. Reads on a
// thread of its own, so that nobody waits for an auditor.
class AuditService final : public v1::Audit::CallbackService {
 public:
  AuditService(Gate& gate, store::Store& store, audit::Trail& trail);
  // gRPC is done with every call before.
  ~AuditService() override;

  grpc::ServerUnaryReactor* ListAuditEntries(
      grpc::CallbackServerContext* context,
      const v1::ListAuditEntriesRequest* request,
      v1::ListAuditEntriesResponse* response) override;
  grpc::ServerUnaryReactor* VerifyAudit(
      grpc::CallbackServerContext* context,
      const v1::VerifyAuditRequest* request,
      v1::VerifyAuditResponse* response) override;
  grpc::ServerWriteReactor<v1::TailAuditResponse>* TailAudit(
      grpc::CallbackServerContext* context,
      const v1::TailAuditRequest* request) override;

  // Ends every tail that is there or comes later.
  void Stop();

 private:
  class Tail;
  using Tails = std::set<std::shared_ptr<Tail>>;

  absl::Status List(const v1::ListAuditEntriesRequest& request,
                    v1::ListAuditEntriesResponse* response);
  absl::Status Verify(const v1::VerifyAuditRequest& request,
                      v1::VerifyAuditResponse* response);

  // On the service's thread:
  void Begin(const std::shared_ptr<Tail>& tail);
  void Feed(const std::shared_ptr<Tail>& tail);
  void FeedAll();

  Gate& gate_;
  store::Store& store_;
  audit::Trail& trail_;

  asio::io_context context_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::atomic<bool> feed_posted_ = false;
  std::atomic<int> verifications_ = 0;
  // Of the service's thread alone.
  Tails tails_;
  bool stopping_ = false;

  std::unique_ptr<store::Subscription> subscription_;
  std::thread thread_;
};

}  // namespace keyturn::rpc

#endif  // KEYTURN_DAEMON_RPC_AUDIT_SERVICE_H_
