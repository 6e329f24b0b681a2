#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tests/sandbox/control_client.h"
#include "tests/sandbox/json.h"

namespace keyturn::sandbox {

// A person at NetSuite's screens, played: reads the daemon's open tasks through
// the `keyturn` command line, does in the sandbox what each asks, to the letter
// of its fields, and answers it. Token secrets go in through standard input.
//
// With mistakes it first does the named things wrongly, once each, and mends
// all of them when a later task says that there is a problem.
class Administrator {
 public:
  struct Options {
    // The program, and the configuration file of the person's own context.
    std::string keyturn;
    std::string config;
    // Of wrong_role, wrong_application, missing_permission,
    // integration_blocked, feature_off, secret_mistyped.
    std::vector<std::string> mistakes;
    absl::Duration interval = absl::Milliseconds(300);
    // Return when no migration is under way and no task is open.
    bool until_migration_ends = false;
    int workers = 2;
  };

  // InvalidArgument for an unknown mistake.
  static absl::Status CheckMistakes(const std::vector<std::string>& mistakes);

  Administrator(Options options, const ControlClient* sandbox);

  // Works until the migrations end, or for ever. Unavailable when the daemon
  // cannot be reached for kUnreachableMax.
  absl::Status Run();

 private:
  using Fields = std::map<std::string, std::string>;
  // What was done wrongly for one migration and is not mended yet.
  struct Wrong {
    bool feature_off = false;
    bool blocked = false;
    bool token = false;
    std::vector<std::string> missing_permissions;
    // Of the latest ISSUE_TOKEN task, for tasks that ask again.
    Fields token_fields;
  };
  struct Work {
    Json task;
    Fields fields;
    std::string account;
    std::string step;
    std::string answer;
    std::string migration;
  };

  absl::StatusOr<Json> Keyturn(const std::vector<std::string>& arguments,
                               const std::string& input = "");
  absl::Status HandleAll(const Json& tasks);
  absl::Status Handle(const Json& task);
  Work Prepare(const Json& task) const;
  absl::Status Perform(const Work& work, Wrong& wrong);
  absl::Status EnableFeature(const Work& work, Wrong& wrong);
  absl::Status CreateRole(const Work& work, Wrong& wrong);
  absl::Status AssignRole(const Work& work);
  absl::Status SwitchFlows(const Work& work);
  absl::Status SubmitToken(const Work& work, Wrong& wrong);
  absl::Status Mend(const Work& work, Wrong& wrong);
  absl::Status Done(const Work& work);
  absl::StatusOr<bool> AllEnded();
  // Whether this mistake is still to be made; it counts as made then.
  bool Take(const std::string& mistake);

  const Options options_;
  const ControlClient* const sandbox_;

  std::mutex mutex_;
  std::set<std::string> to_make_;
  std::set<std::string> answered_;
  std::map<std::string, Wrong> wrong_;
  // Tokens made for a task whose answer did not get through.
  std::map<std::string, Json> made_;
};

}  // namespace keyturn::sandbox
