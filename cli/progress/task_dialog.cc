#include "cli/progress/task_dialog.h"

#include <utility>

namespace keyturn::cli {

std::string TaskDialog::Prompt() const {
  switch (stage_) {
    case Stage::kTokenId:
      return "Token id (not shown; empty: back): ";
    case Stage::kTokenSecret:
      return "Token secret (not shown; empty: back): ";
    case Stage::kChoice:
      break;
  }
  switch (task_.answer()) {
    case v1::Task::TOKEN:
      return "Enter = type the token id and secret, w = watch on (somebody "
             "else answers), q = leave: ";
    case v1::Task::DONE_OR_TOKEN:
      return "Enter = it is done, t = type a new token id and secret, w = "
             "watch "
             "on (somebody else answers), q = leave: ";
    case v1::Task::DONE_BY_HAND:
    case v1::Task::ANSWER_UNSPECIFIED:
    default:  // Protobuf adds sentinel values to the enum.
      return "Enter = it is done, w = watch on (somebody else answers), q = "
             "leave: ";
  }
}

Echo TaskDialog::PromptEcho() const {
  return stage_ == Stage::kChoice ? Echo::kOn : Echo::kOff;
}

TaskDialog::Answer TaskDialog::Take(SecretText line) {
  if (stage_ == Stage::kChoice) return TakeChoice(line.Reveal());
  if (line.empty()) {
    Restart();
    return Answer::kNone;
  }
  if (stage_ == Stage::kTokenId) {
    token_.insert_or_assign("tokenId", std::move(line));
    stage_ = Stage::kTokenSecret;
    return Answer::kNone;
  }
  token_.insert_or_assign("tokenSecret", std::move(line));
  return Answer::kToken;
}

TaskDialog::Answer TaskDialog::TakeChoice(const std::string& choice) {
  const bool takes_token = task_.answer() == v1::Task::TOKEN ||
                           task_.answer() == v1::Task::DONE_OR_TOKEN;
  if (choice == "q") return Answer::kLeave;
  if (choice == "w") return Answer::kWatch;
  if ((choice == "t" && takes_token) ||
      (choice.empty() && task_.answer() == v1::Task::TOKEN)) {
    stage_ = Stage::kTokenId;
    return Answer::kNone;
  }
  return choice.empty() ? Answer::kDone : Answer::kNone;
}

void TaskDialog::Restart() {
  stage_ = Stage::kChoice;
  token_.clear();
}

}  // namespace keyturn::cli
