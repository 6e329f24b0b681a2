// keyturn.v1.Tasks.
#ifndef KEYTURN_DAEMON_RPC_TASKS_SERVICE_H_
#define KEYTURN_DAEMON_RPC_TASKS_SERVICE_H_

#include "daemon/engine/engine.h"
#include "daemon/rpc/gate.h"
#include "daemon/rpc/wiping_allocator.h"
#include "daemon/store/store.h"
#include "keyturn/v1/tasks.grpc.pb.h"

namespace keyturn::rpc {

// Thread-safe. What the constructor gets outlives the service.
class TasksService final : public v1::Tasks::CallbackService {
 public:
  TasksService(Gate& gate, store::Store& store, engine::Engine& engine);

  grpc::ServerUnaryReactor* ListTasks(grpc::CallbackServerContext* context,
                                      const v1::ListTasksRequest* request,
                                      v1::ListTasksResponse* response) override;
  grpc::ServerUnaryReactor* GetTask(grpc::CallbackServerContext* context,
                                    const v1::GetTaskRequest* request,
                                    v1::Task* response) override;
  grpc::ServerUnaryReactor* CompleteTask(grpc::CallbackServerContext* context,
                                         const v1::CompleteTaskRequest* request,
                                         v1::Task* response) override;
  grpc::ServerUnaryReactor* SubmitTaskSecret(
      grpc::CallbackServerContext* context,
      const v1::SubmitTaskSecretRequest* request, v1::Task* response) override;

 private:
  Gate& gate_;
  store::Store& store_;
  engine::Engine& engine_;
  WipingAllocator<v1::SubmitTaskSecretRequest, v1::Task> submit_allocator_;
};

}  // namespace keyturn::rpc

#endif  // KEYTURN_DAEMON_RPC_TASKS_SERVICE_H_
