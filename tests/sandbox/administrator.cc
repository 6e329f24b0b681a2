#include "tests/sandbox/administrator.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <iostream>
#include <thread>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "tests/sandbox/process.h"
#include "tests/sandbox/text.h"

namespace keyturn::sandbox {
namespace {

constexpr absl::Duration kUnreachableMax = absl::Minutes(3);
constexpr std::array<std::string_view, 6> kMistakes = {
    "wrong_role",          "wrong_application", "missing_permission",
    "integration_blocked", "feature_off",       "secret_mistyped"};
constexpr char kWrongRole[] = "Celigo Jira Connector";
constexpr char kWrongApplication[] = "integrator.io";

std::vector<std::string> SplitList(const std::string& text) {
  std::vector<std::string> parts;
  for (absl::string_view part : absl::StrSplit(text, ',')) {
    part = absl::StripAsciiWhitespace(part);
    if (!part.empty()) parts.emplace_back(part.data(), part.size());
  }
  return parts;
}

std::string Field(const std::map<std::string, std::string>& fields,
                  const std::string& name) {
  const auto found = fields.find(name);
  return found == fields.end() ? "" : found->second;
}

// Another secret that looks like the right one.
std::string Mistyped(std::string secret) {
  if (!secret.empty()) secret.back() = secret.back() == '0' ? '1' : '0';
  return secret;
}

absl::Status Ignore(const absl::StatusOr<Json>& answer) {
  return answer.ok() ? absl::OkStatus() : answer.status();
}

// Whether a task undoes an earlier one: its title begins with such a verb.
bool AsksToTakeAway(const Json& task) {
  const std::string title = Lower(Text(task, "title"));
  for (const char* verb : {"revoke ", "remove ", "take ", "withdraw "}) {
    if (title.starts_with(verb)) return true;
  }
  return false;
}

// As the token screen calls it, or shorter.
std::string Application(const std::map<std::string, std::string>& fields) {
  const std::string name = Field(fields, "application");
  return name.empty() ? Field(fields, "application_name") : name;
}

}  // namespace

absl::Status Administrator::CheckMistakes(
    const std::vector<std::string>& mistakes) {
  for (const std::string& mistake : mistakes) {
    if (std::find(kMistakes.begin(), kMistakes.end(), mistake) ==
        kMistakes.end()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "unknown mistake \"", mistake,
          "\"; known are wrong_role, wrong_application, missing_permission, "
          "integration_blocked, feature_off, secret_mistyped"));
    }
  }
  return absl::OkStatus();
}

Administrator::Administrator(Options options, const ControlClient* sandbox)
    : options_(std::move(options)),
      sandbox_(sandbox),
      to_make_(options_.mistakes.begin(), options_.mistakes.end()) {}

bool Administrator::Take(const std::string& mistake) {
  const std::lock_guard lock(mutex_);
  return to_make_.erase(mistake) > 0;
}

absl::StatusOr<Json> Administrator::Keyturn(
    const std::vector<std::string>& arguments, const std::string& input) {
  std::vector<std::string> command = {options_.keyturn, "--config",
                                      options_.config, "-o", "json"};
  command.insert(command.end(), arguments.begin(), arguments.end());
  absl::StatusOr<Finished> finished = RunProgram(command, input);
  if (!finished.ok()) return finished.status();
  if (finished->exit_code != 0) {
    return absl::UnavailableError(absl::StrCat(
        "keyturn ", arguments[0], " ended with code ", finished->exit_code));
  }
  Json answer = ParseJson(finished->output);
  if (answer.is_discarded()) return Json::object();
  return answer;
}

absl::Status Administrator::Run() {
  absl::Time reached = absl::Now();
  while (true) {
    absl::StatusOr<Json> listed = Keyturn({"task", "list"});
    if (listed.ok()) {
      reached = absl::Now();
      const absl::Status handled = HandleAll(Member(*listed, "tasks"));
      if (!handled.ok()) {
        std::cerr << "administrator: " << handled.message() << std::endl;
      }
      if (options_.until_migration_ends && Member(*listed, "tasks").empty()) {
        const absl::StatusOr<bool> ended = AllEnded();
        if (ended.ok() && *ended) return absl::OkStatus();
      }
    } else if (absl::Now() - reached > kUnreachableMax) {
      return listed.status();
    }
    absl::SleepFor(options_.interval);
  }
}

absl::StatusOr<bool> Administrator::AllEnded() {
  absl::StatusOr<Json> listed = Keyturn({"list"});
  if (!listed.ok()) return listed.status();
  const Json& migrations = Member(*listed, "migrations");
  if (!migrations.is_array() || migrations.empty()) return false;
  return std::all_of(
      migrations.begin(), migrations.end(), [](const Json& migration) {
        const std::string state = Text(migration, "state");
        return state == "SUCCEEDED" || state == "ROLLED_BACK" ||
               state == "CANCELLED" || state == "NEEDS_ATTENTION";
      });
}

absl::Status Administrator::HandleAll(const Json& tasks) {
  if (!tasks.is_array() || tasks.empty()) return absl::OkStatus();
  std::atomic<size_t> next = 0;
  std::mutex status_mutex;
  absl::Status worst;
  const auto work = [&] {
    for (size_t i = next++; i < tasks.size(); i = next++) {
      const absl::Status status = Handle(tasks[i]);
      const std::lock_guard lock(status_mutex);
      worst.Update(status);
    }
  };
  std::vector<std::thread> threads;
  const size_t count =
      std::min<size_t>(static_cast<size_t>(options_.workers), tasks.size());
  for (size_t i = 0; i < count; ++i) threads.emplace_back(work);
  for (std::thread& thread : threads) thread.join();
  return worst;
}

Administrator::Work Administrator::Prepare(const Json& task) const {
  Work work;
  work.task = task;
  work.step = Text(task, "step");
  work.answer = Text(task, "answer");
  work.migration = Text(task, "migration");
  for (const Json& field : Member(task, "fields")) {
    work.fields[Text(field, "name")] = Text(field, "value");
  }
  const std::string name = Text(task, "account");
  const Json& accounts = Member(sandbox_->info(), "netsuite_accounts");
  for (const Json& account : accounts) {
    if (Text(account, "name") == name || accounts.size() == 1) {
      work.account = Text(account, "account_id");
    }
  }
  for (const Json& connection : Member(sandbox_->info(), "connections")) {
    if (work.account.empty() &&
        Text(connection, "user") == Field(work.fields, "user")) {
      work.account = Text(connection, "netsuite_account");
    }
  }
  return work;
}

absl::Status Administrator::Handle(const Json& task) {
  const std::string name = Text(task, "name");
  const std::string state = Text(task, "state", "OPEN");
  Wrong wrong;
  {
    const std::lock_guard lock(mutex_);
    if (state != "OPEN" || answered_.contains(name)) return absl::OkStatus();
    wrong = wrong_[Text(task, "migration")];
  }
  const Work work = Prepare(task);
  const absl::Status status = Perform(work, wrong);
  const std::lock_guard lock(mutex_);
  wrong_[work.migration] = wrong;
  if (status.ok()) {
    answered_.insert(name);
    std::cout << "did " << work.step << " for " << work.migration << ": "
              << Text(task, "title") << std::endl;
  }
  return status;
}

absl::Status Administrator::Perform(const Work& work, Wrong& wrong) {
  const bool again =
      !Text(work.task, "problem").empty() || work.answer == "DONE_OR_TOKEN";
  const bool token_was_wrong = wrong.token;
  if (again) {
    if (absl::Status status = Mend(work, wrong); !status.ok()) return status;
  }
  if (work.step == "ENABLE_TBA") {
    if (absl::Status status = EnableFeature(work, wrong); !status.ok()) {
      return status;
    }
    return Done(work);
  }
  if (work.step == "CREATE_ROLE") {
    if (absl::Status status = CreateRole(work, wrong); !status.ok()) {
      return status;
    }
    return Done(work);
  }
  if (work.step == "ASSIGN_ROLE") {
    if (absl::Status status = AssignRole(work); !status.ok()) return status;
    return Done(work);
  }
  if (!Field(work.fields, "flows").empty()) {
    if (absl::Status status = SwitchFlows(work); !status.ok()) return status;
    return Done(work);
  }
  if (work.answer == "TOKEN" ||
      (work.answer == "DONE_OR_TOKEN" && token_was_wrong)) {
    return SubmitToken(work, wrong);
  }
  if (work.step == "ISSUE_TOKEN" && AsksToTakeAway(work.task)) {
    const absl::StatusOr<Json> revoked = sandbox_->Act(
        "revoke-token", {{"account", work.account},
                         {"name", Text(work.task, "tokenName",
                                       Field(work.fields, "token_name"))}});
    if (!revoked.ok()) return revoked.status();
  }
  return Done(work);
}

absl::Status Administrator::EnableFeature(const Work& work, Wrong& wrong) {
  if (Take("feature_off")) {
    wrong.feature_off = true;
    return absl::OkStatus();
  }
  return Ignore(sandbox_->Act("enable-feature", {{"account", work.account}}));
}

absl::Status Administrator::CreateRole(const Work& work, Wrong& wrong) {
  const std::vector<std::string> permissions =
      SplitList(Field(work.fields, "permissions"));
  const std::string name = Field(work.fields, "role_name");
  Json arguments = {{"account", work.account},
                    {"from", Field(work.fields, "source_role")},
                    {"name", name},
                    {"add_permissions", permissions},
                    {"force", wrong.feature_off}};
  if (Take("missing_permission")) {
    wrong.missing_permissions = permissions;
    arguments["omit_permissions"] = permissions;
  }
  // A task to mend the role names no source; one to make it finds it made when
  // an earlier answer did not get through.
  if (!Field(work.fields, "source_role").empty()) {
    const absl::StatusOr<Json> made = sandbox_->Act("clone-role", arguments);
    if (made.ok()) return absl::OkStatus();
    if (made.status().message().find("already exists") ==
        absl::string_view::npos) {
      return made.status();
    }
  }
  return Ignore(sandbox_->Act("edit-role", {{"account", work.account},
                                            {"role", name},
                                            {"inactive", false},
                                            {"add_permissions", permissions},
                                            {"force", wrong.feature_off}}));
}

absl::Status Administrator::AssignRole(const Work& work) {
  const char* act = AsksToTakeAway(work.task) ? "unassign-role" : "assign-role";
  return Ignore(
      sandbox_->Act(act, {{"account", work.account},
                          {"user", Field(work.fields, "user")},
                          {"role", Field(work.fields, "role_name")}}));
}

absl::Status Administrator::SwitchFlows(const Work& work) {
  // "Home > Jira - NetSuite > Flows"
  const std::string path = Text(work.task, "menuPath");
  const size_t begin = path.find("> ");
  const size_t end = path.rfind(" >");
  const std::string tile = begin == std::string::npos || end <= begin
                               ? ""
                               : path.substr(begin + 2, end - begin - 2);
  const bool off =
      Lower(Text(work.task, "title")).find(" off") != std::string::npos;
  for (const std::string& name : SplitList(Field(work.fields, "flows"))) {
    const absl::Status status = Ignore(sandbox_->Act(
        "edit-flow",
        {{"tile", tile}, {"name", name}, {"set", {{"disabled", off}}}}));
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Administrator::SubmitToken(const Work& work, Wrong& wrong) {
  Fields fields = work.fields;
  for (const auto& [name, value] : wrong.token_fields) {
    fields.emplace(name, value);
  }
  wrong.token_fields = fields;
  const std::string task = Text(work.task, "name");
  Json secret;
  {
    const std::lock_guard lock(mutex_);
    const auto made = made_.find(task);
    if (made != made_.end()) secret = made->second;
  }
  if (secret.is_null()) {
    Json arguments = {
        {"account", work.account},
        {"application", Application(fields)},
        {"user", Field(fields, "user")},
        {"role", Field(fields, "role_name")},
        {"name", Text(work.task, "tokenName", Field(fields, "token_name"))},
        {"force", wrong.feature_off}};
    if (Take("wrong_role")) {
      arguments["role"] = kWrongRole;
      wrong.token = true;
    } else if (Take("wrong_application")) {
      arguments["application"] = kWrongApplication;
      wrong.token = true;
    }
    const absl::StatusOr<Json> token = sandbox_->Act("create-token", arguments);
    if (!token.ok()) return token.status();
    std::string token_secret = Text(*token, "tokenSecret");
    if (Take("secret_mistyped")) {
      token_secret = Mistyped(token_secret);
      wrong.token = true;
    }
    if (Take("integration_blocked")) {
      wrong.blocked = true;
      const absl::StatusOr<Json> blocked = sandbox_->Act(
          "block-integration",
          {{"account", work.account}, {"application", Application(fields)}});
      if (!blocked.ok()) return blocked.status();
    }
    secret = {{"tokenId", Text(*token, "tokenId")},
              {"tokenSecret", token_secret}};
    const std::lock_guard lock(mutex_);
    made_[task] = secret;
  }
  const absl::StatusOr<Json> submitted =
      Keyturn({"task", "submit", task, "--from-file", "-"}, Dump(secret));
  if (!submitted.ok()) return submitted.status();
  const std::lock_guard lock(mutex_);
  made_.erase(task);
  return absl::OkStatus();
}

absl::Status Administrator::Mend(const Work& work, Wrong& wrong) {
  const std::string application = Application(wrong.token_fields);
  if (wrong.feature_off) {
    const absl::Status status =
        Ignore(sandbox_->Act("enable-feature", {{"account", work.account}}));
    if (!status.ok()) return status;
    wrong.feature_off = false;
  }
  if (wrong.blocked) {
    const absl::Status status = Ignore(sandbox_->Act(
        "unblock-integration",
        {{"account", work.account}, {"application", application}}));
    if (!status.ok()) return status;
    wrong.blocked = false;
  }
  std::string role = Field(work.fields, "role_name");
  if (role.empty()) role = Field(wrong.token_fields, "role_name");
  if (!wrong.missing_permissions.empty()) {
    const absl::Status status = Ignore(sandbox_->Act(
        "edit-role", {{"account", work.account},
                      {"role", role},
                      {"add_permissions", wrong.missing_permissions}}));
    if (!status.ok()) return status;
    wrong.missing_permissions.clear();
  }
  if (wrong.token) {
    // The one that was made wrongly goes; another is made when it is asked for.
    const absl::StatusOr<Json> revoked = sandbox_->Act(
        "revoke-token", {{"account", work.account},
                         {"name", Field(wrong.token_fields, "token_name")}});
    if (!revoked.ok()) {
      std::cerr << "administrator: " << revoked.status().message() << std::endl;
    }
    wrong.token = false;
  }
  return absl::OkStatus();
}

absl::Status Administrator::Done(const Work& work) {
  return Ignore(Keyturn({"task", "done", Text(work.task, "name")}));
}

}  // namespace keyturn::sandbox
