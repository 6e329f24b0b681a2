#ifndef KEYTURN_CLI_PROGRESS_TASK_DIALOG_H_
#define KEYTURN_CLI_PROGRESS_TASK_DIALOG_H_

#include <optional>
#include <string>

#include "cli/console.h"
#include "cli/secret_file.h"
#include "keyturn/v1/tasks.pb.h"

namespace keyturn::cli {

// Asks a person on the terminal for the answer to one task, one line at a time,
// so that the watching can go on in between. Knows no terminal and no daemon:
// lines in, prompts and answers out.
class TaskDialog {
 public:
  enum class Answer {
    // Ask on: show Prompt() again.
    kNone,
    kDone,
    // TakeToken() gives the token id and secret.
    kToken,
    // Somebody else answers it; the person wants to go on watching.
    kWatch,
    kLeave,
  };

  explicit TaskDialog(const v1::Task& task) : task_(task) {}

  const std::string& task_name() const { return task_.name(); }

  // What to write before the next line is read.
  std::string Prompt() const;

  // Whether that line may be seen while it is typed.
  Echo PromptEcho() const;

  Answer Take(SecretText line);

  // Only after Take answered kToken.
  SecretValues TakeToken() { return std::move(token_); }

  // Begins again, after the daemon refused an answer.
  void Restart();

 private:
  enum class Stage { kChoice, kTokenId, kTokenSecret };

  Answer TakeChoice(const std::string& choice);

  const v1::Task task_;
  Stage stage_ = Stage::kChoice;
  SecretValues token_;
};

}  // namespace keyturn::cli

#endif  // KEYTURN_CLI_PROGRESS_TASK_DIALOG_H_
