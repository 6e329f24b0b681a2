#include <string>

#include "daemon/rpc/convert.h"
#include "daemon/rpc/names.h"

namespace keyturn::rpc {
namespace {

v1::Task::State ToProto(migration::Task::State state) {
  switch (state) {
    case migration::Task::State::kOpen:
      return v1::Task::OPEN;
    case migration::Task::State::kDone:
      return v1::Task::DONE;
    case migration::Task::State::kWithdrawn:
      return v1::Task::WITHDRAWN;
  }
  return v1::Task::STATE_UNSPECIFIED;
}

v1::Task::Answer ToProto(migration::Task::Answer answer) {
  switch (answer) {
    case migration::Task::Answer::kDoneByHand:
      return v1::Task::DONE_BY_HAND;
    case migration::Task::Answer::kToken:
      return v1::Task::TOKEN;
    case migration::Task::Answer::kDoneOrToken:
      return v1::Task::DONE_OR_TOKEN;
  }
  return v1::Task::ANSWER_UNSPECIFIED;
}

}  // namespace

v1::Task ToProto(const migration::Task& task) {
  v1::Task result;
  result.set_name(FullName(kTaskPrefix, task.id));
  result.set_migration(FullName(kMigrationPrefix, task.migration_id));
  result.set_step(ToProto(task.step));
  result.set_state(ToProto(task.state));
  result.set_answer(ToProto(task.answer));
  result.set_title(task.title);
  result.set_problem(task.problem);
  for (const std::string& line : task.instructions) {
    result.add_instructions(line);
  }
  result.set_menu_path(task.menu_path);
  result.set_deep_link(task.deep_link);
  for (const migration::Task::Field& field : task.fields) {
    v1::Task::Field* added = result.add_fields();
    added->set_name(field.name);
    added->set_label(field.label);
    added->set_value(field.value);
  }
  for (const std::string& mistake : task.common_mistakes) {
    result.add_common_mistakes(mistake);
  }
  result.set_token_name(task.token_name);
  result.set_blocking(task.blocking);
  *result.mutable_create_time() = ToProto(task.created_at);
  if (task.expires_at.has_value()) {
    *result.mutable_expire_time() = ToProto(*task.expires_at);
  }
  if (task.ended_at.has_value()) {
    *result.mutable_end_time() = ToProto(*task.ended_at);
  }
  result.set_completed_by(task.completed_by);
  result.set_evidence(task.evidence);
  result.set_account(task.account);
  return result;
}

}  // namespace keyturn::rpc
