#include "daemon/rpc/campaigns_service.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/rpc/convert.h"
#include "daemon/rpc/names.h"
#include "daemon/rpc/pages.h"

namespace keyturn::rpc {
namespace {

using Changed = decltype(engine::ChangeCampaignCommand::change);
using SpecField = google::protobuf::RepeatedPtrField<v1::Spec>;

absl::StatusOr<std::vector<migration::Spec>> ParseSpecs(
    const SpecField& specs) {
  if (specs.size() > migration::kMembersMax) {
    return base::FieldError(
        "specs", absl::StrCat("holds ", specs.size(), " specs; ",
                              migration::kMembersMax, " are the most"));
  }
  std::vector<migration::Spec> parsed;
  for (const v1::Spec& spec : specs) {
    absl::StatusOr<migration::Spec> one = FromProto(spec);
    if (!one.ok()) {
      std::string field = base::FieldOf(one.status());
      if (field.starts_with("spec")) field.erase(0, 4);
      return base::WithField(one.status(),
                             absl::StrCat("specs[", parsed.size(), "]", field));
    }
    parsed.push_back(*std::move(one));
  }
  return parsed;
}

engine::Callback<store::StoredCampaign> AnswerWith(v1::Campaign* response,
                                                   Finish finish) {
  return [response, finish = std::move(finish)](
             const absl::StatusOr<store::StoredCampaign>& result) {
    if (result.ok()) *response = ToProto(*result);
    finish(result.status());
  };
}

}  // namespace

grpc::ServerUnaryReactor* CampaignsService::CreateCampaign(
    grpc::CallbackServerContext* context,
    const v1::CreateCampaignRequest* request, v1::Campaign* response) {
  return gate_.Change(
      context, "keyturn.v1.Campaigns/CreateCampaign", *request,
      [&](engine::Caller caller, Finish finish) -> absl::Status {
        engine::CreateCampaignCommand command;
        RETURN_IF_ERROR(CheckProse("campaign.title",
                                   request->campaign().title(),
                                   engine::kTitleBytesMax));
        command.title = request->campaign().title();
        command.policy = FromProto(request->campaign().policy());
        ASSIGN_OR_RETURN(command.specs, ParseSpecs(request->specs()));
        command.validate_only = request->validate_only();
        engine_.CreateCampaign(std::move(caller), std::move(command),
                               AnswerWith(response, std::move(finish)));
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* CampaignsService::GetCampaign(
    grpc::CallbackServerContext* context, const v1::GetCampaignRequest* request,
    v1::Campaign* response) {
  return gate_.Read(context, "keyturn.v1.Campaigns/GetCampaign", *request,
                    [&](const access::Identity&) -> absl::Status {
                      ASSIGN_OR_RETURN(
                          const std::string id,
                          ParseCampaignName("name", request->name()));
                      ASSIGN_OR_RETURN(const store::StoredCampaign stored,
                                       store_.GetCampaign(id));
                      *response = ToProto(stored);
                      return absl::OkStatus();
                    });
}

grpc::ServerUnaryReactor* CampaignsService::ListCampaigns(
    grpc::CallbackServerContext* context,
    const v1::ListCampaignsRequest* request,
    v1::ListCampaignsResponse* response) {
  return gate_.Read(
      context, "keyturn.v1.Campaigns/ListCampaigns", *request,
      [&](const access::Identity&) -> absl::Status {
        constexpr std::string_view kList = "ListCampaigns";
        ASSIGN_OR_RETURN(const int limit,
                         ParsePageSize(request->page_size(), kPageSizeDefault));
        ASSIGN_OR_RETURN(const std::string after,
                         ParsePageToken(kList, request->page_token()));
        return FillPage(limit, response, [&](int size, auto* page) {
          ASSIGN_OR_RETURN(const store::Page<store::StoredCampaign> found,
                           store_.ListCampaigns({size, after}));
          for (const store::StoredCampaign& stored : found.items) {
            v1::Campaign campaign = ToProto(stored);
            campaign.clear_members();
            *page->add_campaigns() = std::move(campaign);
          }
          page->set_next_page_token(MakePageToken(kList, found.next));
          return absl::OkStatus();
        });
      });
}

template <typename Request, typename ChangeOf>
grpc::ServerUnaryReactor* CampaignsService::Change(
    grpc::CallbackServerContext* context, std::string_view rpc,
    const Request& request, v1::Campaign* response, ChangeOf change_of) {
  return gate_.Change(
      context, rpc, request,
      [&](engine::Caller caller, Finish finish) -> absl::Status {
        engine::ChangeCampaignCommand command;
        ASSIGN_OR_RETURN(command.campaign_id,
                         ParseCampaignName("name", request.name()));
        ASSIGN_OR_RETURN(command.expected_revision, ParseEtag(request.etag()));
        ASSIGN_OR_RETURN(command.change, change_of(request));
        engine_.ChangeCampaign(std::move(caller), std::move(command),
                               AnswerWith(response, std::move(finish)));
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* CampaignsService::PauseCampaign(
    grpc::CallbackServerContext* context,
    const v1::PauseCampaignRequest* request, v1::Campaign* response) {
  return Change(context, "keyturn.v1.Campaigns/PauseCampaign", *request,
                response, [](const auto&) -> absl::StatusOr<Changed> {
                  return Changed(migration::CampaignCommand::kPause);
                });
}

grpc::ServerUnaryReactor* CampaignsService::ResumeCampaign(
    grpc::CallbackServerContext* context,
    const v1::ResumeCampaignRequest* request, v1::Campaign* response) {
  return Change(context, "keyturn.v1.Campaigns/ResumeCampaign", *request,
                response, [](const auto&) -> absl::StatusOr<Changed> {
                  return Changed(migration::CampaignCommand::kResume);
                });
}

grpc::ServerUnaryReactor* CampaignsService::CancelCampaign(
    grpc::CallbackServerContext* context,
    const v1::CancelCampaignRequest* request, v1::Campaign* response) {
  return Change(context, "keyturn.v1.Campaigns/CancelCampaign", *request,
                response, [](const auto&) -> absl::StatusOr<Changed> {
                  return Changed(migration::CampaignCommand::kCancel);
                });
}

grpc::ServerUnaryReactor* CampaignsService::AddMembers(
    grpc::CallbackServerContext* context, const v1::AddMembersRequest* request,
    v1::Campaign* response) {
  return Change(context, "keyturn.v1.Campaigns/AddMembers", *request, response,
                [](const auto& add) -> absl::StatusOr<Changed> {
                  engine::AddMembers members;
                  ASSIGN_OR_RETURN(members.specs, ParseSpecs(add.specs()));
                  return Changed(std::move(members));
                });
}

grpc::ServerUnaryReactor* CampaignsService::RemoveMember(
    grpc::CallbackServerContext* context,
    const v1::RemoveMemberRequest* request, v1::Campaign* response) {
  return Change(context, "keyturn.v1.Campaigns/RemoveMember", *request,
                response, [](const auto& remove) -> absl::StatusOr<Changed> {
                  if (remove.member() < 1) {
                    return base::FieldError(
                        "member", "must be a member's number, from 1");
                  }
                  return Changed(engine::RemoveMember{remove.member()});
                });
}

}  // namespace keyturn::rpc
