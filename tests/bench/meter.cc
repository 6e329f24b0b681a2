#include "tests/bench/meter.h"

#include "daemon/store/codec.h"

namespace keyturn::bench {
namespace {

// Of rows that have no record of their own: what their columns hold.
size_t BytesOf(const store::AuditRow& row) {
  return row.actor.size() + row.transport.size() + row.action.size() +
         row.target.size() + row.request_id.size() + row.result.size() +
         row.detail.size() + row.subject.size() + row.serial.size() +
         row.peer.size() + row.digest.size();
}

size_t BytesOf(const store::RequestRecord& request) {
  return request.caller.size() + request.request_id.size() +
         request.fingerprint.size() + request.answer.size();
}

size_t BytesOf(const store::CredentialWrite& write) {
  if (const auto* made = std::get_if<store::NewCredential>(&write)) {
    return made->name.size() + made->sealed.size();
  }
  if (const auto* added = std::get_if<store::NewVersion>(&write)) {
    return added->name.size() + added->sealed.size();
  }
  return sizeof(store::VersionLabel);
}

CommitShape ShapeOf(const store::Batch& batch) {
  CommitShape shape;
  if (batch.migration) {
    shape.state_bytes =
        store::EncodeMigration(batch.migration->migration).size();
  }
  for (const store::StoredEvent& event : batch.events) {
    shape.row_bytes.push_back(store::EncodeEvent(event).size());
  }
  for (const migration::Task& task : batch.opened_tasks) {
    shape.row_bytes.push_back(store::EncodeTask(task).size());
  }
  for (const store::TaskClosing& closing : batch.closed_tasks) {
    shape.row_bytes.push_back(closing.task.id.size() +
                              closing.task.evidence.size());
  }
  for (const store::CredentialWrite& write : batch.credentials) {
    shape.row_bytes.push_back(BytesOf(write));
  }
  for (const store::AuditRow& row : batch.audit) {
    shape.row_bytes.push_back(BytesOf(row));
  }
  if (batch.request) shape.row_bytes.push_back(BytesOf(*batch.request));
  return shape;
}

}  // namespace

void Meter::Observe(Observer observer) {
  auto shared = std::make_shared<const Observer>(std::move(observer));
  base::MutexLock lock(mutex_);
  observer_ = std::move(shared);
}

void Meter::Commit(store::Batch batch, CommitCallback done) {
  if (trace_.on()) trace_.Add(ShapeOf(batch));
  if (!batch.migration) {
    inner().Commit(std::move(batch), std::move(done));
    return;
  }
  Durable durable;
  durable.migration_id = batch.migration->migration.id;
  durable.state = batch.migration->migration.state;
  for (const migration::Task& task : batch.opened_tasks) {
    durable.opened_tasks.push_back(
        {task.id, task.answer != migration::Task::Answer::kDoneByHand});
  }
  inner().Commit(std::move(batch),
                 [this, durable = std::move(durable), done = std::move(done)](
                     absl::StatusOr<store::CommitResult> result) {
                   const bool stored = result.ok();
                   done(std::move(result));
                   if (stored) Tell(durable);
                 });
}

void Meter::Tell(const Durable& durable) {
  std::shared_ptr<const Observer> observer;
  {
    base::MutexLock lock(mutex_);
    observer = observer_;
  }
  if (observer != nullptr && *observer != nullptr) (*observer)(durable);
}

}  // namespace keyturn::bench
