#include "daemon/rpc/migrations_service.h"

#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "daemon/access/identity.h"
#include "daemon/base/status.h"
#include "daemon/rpc/convert.h"
#include "daemon/rpc/names.h"
#include "daemon/rpc/nesting.h"
#include "daemon/rpc/pages.h"
#include "daemon/rpc/store_view.h"

namespace keyturn::rpc {
namespace {

using migration::EventKind;

constexpr size_t kStatesNamedMax = 32;
// A plan's hash: SHA-256 in hex.
constexpr size_t kPlanHashSize = 64;

absl::StatusOr<std::vector<migration::State>> ParseStates(
    const v1::ListMigrationsRequest& request) {
  if (static_cast<size_t>(request.states_size()) > kStatesNamedMax) {
    return base::FieldError("states", "names too many states");
  }
  std::vector<migration::State> states;
  for (const int number : request.states()) {
    ASSIGN_OR_RETURN(const migration::State state,
                     FromProto(static_cast<v1::Migration::State>(number)));
    states.push_back(state);
  }
  return states;
}

// What of a command is beside the migration's name, as far as it is there.
template <typename Request>
absl::Status FillCommand(const Request& request,
                         engine::MigrationCommand* command) {
  if constexpr (requires { request.etag(); }) {
    ASSIGN_OR_RETURN(command->expected_revision, ParseEtag(request.etag()));
  }
  if constexpr (requires { request.reason(); }) {
    RETURN_IF_ERROR(
        CheckProse("reason", request.reason(), engine::kReasonBytesMax));
    command->reason = request.reason();
  }
  if constexpr (requires { request.plan_hash(); }) {
    if (request.plan_hash().size() != kPlanHashSize) {
      return base::FieldError("plan_hash",
                              "must be the hash that the plan shows: 64 "
                              "hexadecimal digits");
    }
    command->plan_hash = request.plan_hash();
  }
  return absl::OkStatus();
}

absl::StatusOr<WatchStream::Request> ParseWatch(const grpc::ByteBuffer& bytes) {
  v1::WatchMigrationsRequest request;
  grpc::ByteBuffer copy = bytes;
  if (!grpc::SerializationTraits<v1::WatchMigrationsRequest>::Deserialize(
           &copy, &request)
           .ok()) {
    return absl::InvalidArgumentError(
        "the request is no WatchMigrationsRequest");
  }
  RETURN_IF_ERROR(CheckNesting(request));
  WatchStream::Request parsed;
  ASSIGN_OR_RETURN(parsed.migration_id,
                   ParseMigrationParent("name", request.name()));
  if (request.after_sequence() < 0) {
    return base::FieldError("after_sequence", "must not be negative");
  }
  if (request.snapshot_first() && parsed.migration_id.empty()) {
    return base::FieldError("snapshot_first",
                            "goes only with one migration, not with all");
  }
  parsed.snapshot_first = request.snapshot_first();
  parsed.after_sequence = parsed.snapshot_first ? 0 : request.after_sequence();
  return parsed;
}

}  // namespace

MigrationsService::MigrationsService(Gate& gate, store::Store& store,
                                     engine::Engine& engine, WatchHub& hub)
    : gate_(gate), store_(store), engine_(engine), hub_(hub) {}

grpc::ServerUnaryReactor* MigrationsService::CreateMigration(
    grpc::CallbackServerContext* context,
    const v1::CreateMigrationRequest* request, v1::Migration* response) {
  return gate_.ChangeOwn(
      context, "keyturn.v1.Migrations/CreateMigration", *request,
      [&](const access::Identity& identity, engine::Caller caller,
          Finish finish) -> absl::Status {
        engine::CreateCommand command;
        ASSIGN_OR_RETURN(command.spec, FromProto(request->spec()));
        command.validate_only = request->validate_only();
        command.start = request->start();
        command.accounts = identity.accounts.names();
        engine_.Create(std::move(caller), std::move(command),
                       [this, response, finish = std::move(finish)](
                           const absl::StatusOr<migration::Migration>& result) {
                         finish(Answer(result, response));
                       });
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* MigrationsService::GetMigration(
    grpc::CallbackServerContext* context,
    const v1::GetMigrationRequest* request, v1::Migration* response) {
  return gate_.Read(context, "keyturn.v1.Migrations/GetMigration", *request,
                    [&](const access::Identity& identity) -> absl::Status {
                      ASSIGN_OR_RETURN(
                          const std::string id,
                          ParseMigrationName("name", request->name()));
                      StoreView view(store_, identity.accounts);
                      ASSIGN_OR_RETURN(const store::StoredMigration stored,
                                       view.GetMigration(id));
                      *response = ToProto(stored);
                      return absl::OkStatus();
                    });
}

grpc::ServerUnaryReactor* MigrationsService::ListMigrations(
    grpc::CallbackServerContext* context,
    const v1::ListMigrationsRequest* request,
    v1::ListMigrationsResponse* response) {
  return gate_.Read(
      context, "keyturn.v1.Migrations/ListMigrations", *request,
      [&](const access::Identity& identity) -> absl::Status {
        ASSIGN_OR_RETURN(const auto states, ParseStates(*request));
        ASSIGN_OR_RETURN(const int limit,
                         ParsePageSize(request->page_size(), kPageSizeDefault));
        std::string list = "ListMigrations";
        for (const int state : request->states()) {
          absl::StrAppend(&list, " ", state);
        }
        ASSIGN_OR_RETURN(const std::string after,
                         ParsePageToken(list, request->page_token()));
        StoreView view(store_, identity.accounts);
        return FillPage(limit, response, [&](int size, auto* page) {
          ASSIGN_OR_RETURN(auto found,
                           view.ListMigrations(states, {size, after}));
          for (const store::StoredMigration& stored : found.items) {
            *page->add_migrations() = ToProto(stored);
          }
          page->set_next_page_token(MakePageToken(list, found.next));
          return absl::OkStatus();
        });
      });
}

template <typename Request>
grpc::ServerUnaryReactor* MigrationsService::Command(
    grpc::CallbackServerContext* context, std::string_view rpc, EventKind kind,
    const Request& request, v1::Migration* response) {
  return gate_.ChangeOwn(
      context, rpc, request,
      [&](const access::Identity& identity, engine::Caller caller,
          Finish finish) -> absl::Status {
        engine::MigrationCommand command;
        command.kind = kind;
        ASSIGN_OR_RETURN(command.migration_id,
                         ParseMigrationName("name", request.name()));
        RETURN_IF_ERROR(FillCommand(request, &command));
        if (identity.accounts.limited()) {
          StoreView view(store_, identity.accounts);
          RETURN_IF_ERROR(view.GetMigration(command.migration_id).status());
        }
        engine_.Command(
            std::move(caller), std::move(command),
            [this, response, finish = std::move(finish)](
                const absl::StatusOr<migration::Migration>& result) {
              finish(Answer(result, response));
            });
        return absl::OkStatus();
      });
}

// The answer is read anew together with its events and tasks, so that it is one
// consistent state, from which a watch can go on; the migration may have moved
// since.
absl::Status MigrationsService::Answer(
    const absl::StatusOr<migration::Migration>& result,
    v1::Migration* response) {
  RETURN_IF_ERROR(result.status());
  if (result->id.empty()) {
    store::StoredMigration planned;
    planned.migration = *result;
    *response = ToProto(planned);
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(const store::StoredMigration stored,
                   store_.GetMigration(result->id));
  *response = ToProto(stored);
  return absl::OkStatus();
}

grpc::ServerUnaryReactor* MigrationsService::StartMigration(
    grpc::CallbackServerContext* context,
    const v1::StartMigrationRequest* request, v1::Migration* response) {
  return Command(context, "keyturn.v1.Migrations/StartMigration",
                 EventKind::kStart, *request, response);
}

grpc::ServerUnaryReactor* MigrationsService::PauseMigration(
    grpc::CallbackServerContext* context,
    const v1::PauseMigrationRequest* request, v1::Migration* response) {
  return Command(context, "keyturn.v1.Migrations/PauseMigration",
                 EventKind::kPause, *request, response);
}

grpc::ServerUnaryReactor* MigrationsService::ResumeMigration(
    grpc::CallbackServerContext* context,
    const v1::ResumeMigrationRequest* request, v1::Migration* response) {
  return Command(context, "keyturn.v1.Migrations/ResumeMigration",
                 EventKind::kResume, *request, response);
}

grpc::ServerUnaryReactor* MigrationsService::CancelMigration(
    grpc::CallbackServerContext* context,
    const v1::CancelMigrationRequest* request, v1::Migration* response) {
  return Command(context, "keyturn.v1.Migrations/CancelMigration",
                 EventKind::kCancel, *request, response);
}

grpc::ServerUnaryReactor* MigrationsService::RetryMigration(
    grpc::CallbackServerContext* context,
    const v1::RetryMigrationRequest* request, v1::Migration* response) {
  return Command(context, "keyturn.v1.Migrations/RetryMigration",
                 EventKind::kRetry, *request, response);
}

grpc::ServerUnaryReactor* MigrationsService::RollBackMigration(
    grpc::CallbackServerContext* context,
    const v1::RollBackMigrationRequest* request, v1::Migration* response) {
  return Command(context, "keyturn.v1.Migrations/RollBackMigration",
                 EventKind::kRollBack, *request, response);
}

grpc::ServerUnaryReactor* MigrationsService::ApproveMigration(
    grpc::CallbackServerContext* context,
    const v1::ApproveMigrationRequest* request, v1::Migration* response) {
  return Command(context, "keyturn.v1.Migrations/ApproveMigration",
                 EventKind::kApprove, *request, response);
}

grpc::ServerUnaryReactor* MigrationsService::RejectMigration(
    grpc::CallbackServerContext* context,
    const v1::RejectMigrationRequest* request, v1::Migration* response) {
  return Command(context, "keyturn.v1.Migrations/RejectMigration",
                 EventKind::kReject, *request, response);
}

grpc::ServerUnaryReactor* MigrationsService::ListEvents(
    grpc::CallbackServerContext* context, const v1::ListEventsRequest* request,
    v1::ListEventsResponse* response) {
  return gate_.Read(
      context, "keyturn.v1.Migrations/ListEvents", *request,
      [&](const access::Identity& identity) -> absl::Status {
        ASSIGN_OR_RETURN(const std::string id,
                         ParseMigrationParent("parent", request->parent()));
        ASSIGN_OR_RETURN(const int limit, ParsePageSize(request->page_size(),
                                                        kEventPageSizeDefault));
        const std::string list = absl::StrCat("ListEvents ", id);
        ASSIGN_OR_RETURN(const std::string token,
                         ParsePageToken(list, request->page_token()));
        int64_t after = 0;
        if (!token.empty() && !absl::SimpleAtoi(token, &after)) {
          return base::FieldError("page_token", "cannot be read");
        }
        StoreView view(store_, identity.accounts);
        if (!id.empty()) RETURN_IF_ERROR(view.GetMigration(id).status());
        return FillPage(limit, response, [&](int size, auto* page) {
          ASSIGN_OR_RETURN(const std::vector<store::StoredEvent> events,
                           view.ListEvents(id, after, size));
          for (const store::StoredEvent& event : events) {
            *page->add_events() = ToProto(event);
          }
          if (events.size() == static_cast<size_t>(size)) {
            page->set_next_page_token(
                MakePageToken(list, absl::StrCat(events.back().sequence)));
          }
          return absl::OkStatus();
        });
      });
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* MigrationsService::WatchMigrations(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) {
  auto call = std::make_shared<Gate::Call>(
      gate_, "keyturn.v1.Migrations/WatchMigrations", /*request_id=*/"",
      /*resource=*/"");
  const auto to_status = [call](const absl::Status& status) {
    return call->End(status);
  };
  const absl::Status admitted =
      gate_.Admit(*context, *call, Gate::Kind::kStream);
  absl::StatusOr<WatchStream::Request> parsed =
      admitted.ok() ? ParseWatch(*request)
                    : absl::StatusOr<WatchStream::Request>(admitted);
  if (!parsed.ok()) {
    const auto refused =
        std::make_shared<WatchStream>(WatchStream::Request(), to_status);
    refused->End(parsed.status());
    return refused->Serve();
  }
  parsed->accounts = call->identity().accounts;
  const auto stream =
      std::make_shared<WatchStream>(*std::move(parsed), to_status);
  hub_.Add(stream);
  grpc::ServerWriteReactor<grpc::ByteBuffer>* const reactor = stream->Serve();
  call->CutWhenRevoked(
      [weak = std::weak_ptr<WatchStream>(stream)](const absl::Status& why) {
        if (const auto open = weak.lock()) open->Cut(why);
      });
  return reactor;
}

}  // namespace keyturn::rpc
