#include "daemon/rpc/tasks_service.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/rpc/convert.h"
#include "daemon/rpc/names.h"
#include "daemon/rpc/pages.h"
#include "daemon/rpc/store_view.h"
#include "daemon/secret/secret.h"

namespace keyturn::rpc {
namespace {

absl::Status CheckToken(std::string_view field, const std::string& value) {
  if (value.empty()) return base::FieldError(field, "is missing");
  if (value.size() <= engine::kTokenBytesMax) return absl::OkStatus();
  return base::FieldError(
      field, absl::StrCat("is longer than ", engine::kTokenBytesMax, " bytes"));
}

engine::Callback<migration::Task> AnswerWith(v1::Task* response,
                                             Finish finish) {
  return [response, finish = std::move(finish)](
             const absl::StatusOr<migration::Task>& task) {
    if (task.ok()) *response = ToProto(*task);
    finish(task.status());
  };
}

}  // namespace

TasksService::TasksService(Gate& gate, store::Store& store,
                           engine::Engine& engine)
    : gate_(gate), store_(store), engine_(engine) {
  SetMessageAllocatorFor_SubmitTaskSecret(&submit_allocator_);
}

grpc::ServerUnaryReactor* TasksService::ListTasks(
    grpc::CallbackServerContext* context, const v1::ListTasksRequest* request,
    v1::ListTasksResponse* response) {
  return gate_.Read(
      context, "keyturn.v1.Tasks/ListTasks", *request,
      [&](const access::Identity& identity) -> absl::Status {
        std::string migration_id;
        if (!request->migration().empty()) {
          ASSIGN_OR_RETURN(
              migration_id,
              ParseMigrationParent("migration", request->migration()));
        }
        ASSIGN_OR_RETURN(const int limit,
                         ParsePageSize(request->page_size(), kPageSizeDefault));
        const bool open_only = !request->show_closed();
        const std::string list =
            absl::StrCat("ListTasks ", migration_id, " ", open_only);
        ASSIGN_OR_RETURN(const std::string after,
                         ParsePageToken(list, request->page_token()));
        StoreView view(store_, identity.accounts);
        if (!migration_id.empty()) {
          RETURN_IF_ERROR(view.GetMigration(migration_id).status());
        }
        return FillPage(limit, response, [&](int size, auto* page) {
          ASSIGN_OR_RETURN(auto found, view.ListTasks(migration_id, open_only,
                                                      {size, after}));
          for (const migration::Task& task : found.items) {
            *page->add_tasks() = ToProto(task);
          }
          page->set_next_page_token(MakePageToken(list, found.next));
          return absl::OkStatus();
        });
      });
}

grpc::ServerUnaryReactor* TasksService::GetTask(
    grpc::CallbackServerContext* context, const v1::GetTaskRequest* request,
    v1::Task* response) {
  return gate_.Read(context, "keyturn.v1.Tasks/GetTask", *request,
                    [&](const access::Identity& identity) -> absl::Status {
                      ASSIGN_OR_RETURN(const std::string id,
                                       ParseTaskName("name", request->name()));
                      StoreView view(store_, identity.accounts);
                      ASSIGN_OR_RETURN(const migration::Task task,
                                       view.GetTask(id));
                      *response = ToProto(task);
                      return absl::OkStatus();
                    });
}

grpc::ServerUnaryReactor* TasksService::CompleteTask(
    grpc::CallbackServerContext* context,
    const v1::CompleteTaskRequest* request, v1::Task* response) {
  return gate_.Change(
      context, "keyturn.v1.Tasks/CompleteTask", *request,
      [&](engine::Caller caller, Finish finish) -> absl::Status {
        ASSIGN_OR_RETURN(std::string id,
                         ParseTaskName("name", request->name()));
        RETURN_IF_ERROR(CheckProse("evidence", request->evidence(),
                                   engine::kEvidenceBytesMax));
        engine_.CompleteTask(std::move(caller), std::move(id),
                             request->evidence(),
                             AnswerWith(response, std::move(finish)));
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* TasksService::SubmitTaskSecret(
    grpc::CallbackServerContext* context,
    const v1::SubmitTaskSecretRequest* request, v1::Task* response) {
  return gate_.Change(
      context, "keyturn.v1.Tasks/SubmitTaskSecret", *request,
      [&](engine::Caller caller, Finish finish) -> absl::Status {
        ASSIGN_OR_RETURN(std::string id,
                         ParseTaskName("name", request->name()));
        RETURN_IF_ERROR(CheckToken("token_id", request->token_id()));
        RETURN_IF_ERROR(CheckToken("token_secret", request->token_secret()));
        engine_.SubmitToken(std::move(caller), std::move(id),
                            secret::Secret(request->token_id()),
                            secret::Secret(request->token_secret()),
                            AnswerWith(response, std::move(finish)));
        return absl::OkStatus();
      });
}

}  // namespace keyturn::rpc
