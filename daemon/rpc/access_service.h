// keyturn.v1.Access.
#ifndef KEYTURN_DAEMON_RPC_ACCESS_SERVICE_H_
#define KEYTURN_DAEMON_RPC_ACCESS_SERVICE_H_

#include "daemon/base/clock.h"
#include "daemon/rpc/enrolment.h"
#include "daemon/rpc/gate.h"
#include "daemon/rpc/identity_book.h"
#include "daemon/rpc/wiping_allocator.h"
#include "daemon/store/store.h"
#include "keyturn/v1/access.grpc.pb.h"

namespace keyturn::rpc {

// Thread-safe. What the constructor gets outlives the service.
class AccessService final : public v1::Access::CallbackService {
 public:
  struct Options {
    Gate& gate;
    store::Store& store;
    base::Clock& clock;
    IdentityBook& book;
    Enrolment& enrolment;
  };
  explicit AccessService(Options options);

  grpc::ServerUnaryReactor* WhoAmI(grpc::CallbackServerContext* context,
                                   const v1::WhoAmIRequest* request,
                                   v1::WhoAmIResponse* response) override;
  grpc::ServerUnaryReactor* InviteIdentity(
      grpc::CallbackServerContext* context,
      const v1::InviteIdentityRequest* request,
      v1::Invitation* response) override;
  grpc::ServerUnaryReactor* Enroll(grpc::CallbackServerContext* context,
                                   const v1::EnrollRequest* request,
                                   v1::IssuedCertificate* response) override;
  grpc::ServerUnaryReactor* RenewCertificate(
      grpc::CallbackServerContext* context,
      const v1::RenewCertificateRequest* request,
      v1::IssuedCertificate* response) override;
  grpc::ServerUnaryReactor* ListIdentities(
      grpc::CallbackServerContext* context,
      const v1::ListIdentitiesRequest* request,
      v1::ListIdentitiesResponse* response) override;
  grpc::ServerUnaryReactor* RevokeIdentity(
      grpc::CallbackServerContext* context,
      const v1::RevokeIdentityRequest* request,
      v1::Identity* response) override;

 private:
  v1::Identity ToProto(const store::IdentityInfo& info) const;

  const Options options_;
  WipingAllocator<v1::EnrollRequest, v1::IssuedCertificate> enroll_allocator_;
};

}  // namespace keyturn::rpc

#endif  // KEYTURN_DAEMON_RPC_ACCESS_SERVICE_H_
