// keyturn.v1.Campaigns.
#ifndef KEYTURN_DAEMON_RPC_CAMPAIGNS_SERVICE_H_
#define KEYTURN_DAEMON_RPC_CAMPAIGNS_SERVICE_H_

#include <string_view>

#include "daemon/engine/engine.h"
#include "daemon/rpc/gate.h"
#include "daemon/store/store.h"
#include "keyturn/v1/campaigns.grpc.pb.h"

namespace keyturn::rpc {

// Thread-safe. What the constructor gets outlives the service.
//
// Nobody who is limited to some accounts gets here: the table of permissions
// gives these calls to no automation.
class CampaignsService final : public v1::Campaigns::CallbackService {
 public:
  CampaignsService(Gate& gate, store::Store& store, engine::Engine& engine)
      : gate_(gate), store_(store), engine_(engine) {}

  grpc::ServerUnaryReactor* CreateCampaign(
      grpc::CallbackServerContext* context,
      const v1::CreateCampaignRequest* request,
      v1::Campaign* response) override;
  grpc::ServerUnaryReactor* GetCampaign(grpc::CallbackServerContext* context,
                                        const v1::GetCampaignRequest* request,
                                        v1::Campaign* response) override;
  grpc::ServerUnaryReactor* ListCampaigns(
      grpc::CallbackServerContext* context,
      const v1::ListCampaignsRequest* request,
      v1::ListCampaignsResponse* response) override;
  grpc::ServerUnaryReactor* PauseCampaign(
      grpc::CallbackServerContext* context,
      const v1::PauseCampaignRequest* request, v1::Campaign* response) override;
  grpc::ServerUnaryReactor* ResumeCampaign(
      grpc::CallbackServerContext* context,
      const v1::ResumeCampaignRequest* request,
      v1::Campaign* response) override;
  grpc::ServerUnaryReactor* CancelCampaign(
      grpc::CallbackServerContext* context,
      const v1::CancelCampaignRequest* request,
      v1::Campaign* response) override;
  grpc::ServerUnaryReactor* AddMembers(grpc::CallbackServerContext* context,
                                       const v1::AddMembersRequest* request,
                                       v1::Campaign* response) override;
  grpc::ServerUnaryReactor* RemoveMember(grpc::CallbackServerContext* context,
                                         const v1::RemoveMemberRequest* request,
                                         v1::Campaign* response) override;

 private:
  // `change_of(request)` gives what is to change, or an error.
  template <typename Request, typename ChangeOf>
  grpc::ServerUnaryReactor* Change(grpc::CallbackServerContext* context,
                                   std::string_view rpc, const Request& request,
                                   v1::Campaign* response, ChangeOf change_of);

  Gate& gate_;
  store::Store& store_;
  engine::Engine& engine_;
};

}  // namespace keyturn::rpc

#endif  // KEYTURN_DAEMON_RPC_CAMPAIGNS_SERVICE_H_
