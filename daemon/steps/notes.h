// What the steps of one migration have found and need again. Kept as JSON in
// the migration; nobody else reads it. Holds no secret.
#ifndef KEYTURN_DAEMON_STEPS_NOTES_H_
#define KEYTURN_DAEMON_STEPS_NOTES_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "daemon/upstream/http/json.h"

namespace keyturn::steps {

struct FlowNote {
  std::string id;
  std::string name;
  // Of an app with several stores.
  std::string store_id;
  // Not one of the tile's flows: it uses the connection from elsewhere.
  bool foreign = false;
  // Found after the plan was made.
  bool unplanned = false;
  std::vector<std::string> export_ids;
  bool test = false;
  bool run = false;
  // What it goes back to: as quiesce found it, or as somebody has switched it
  // on since; unset before.
  std::optional<bool> was_enabled;
  // The real run: when it was asked for, and the job once it is known.
  std::optional<absl::Time> run_requested_at;
  // Jobs that were there before: test runs, runs from before the switch.
  std::vector<std::string> jobs_before;
  std::string job_id;
};

struct Notes {
  // --- preflight ---
  std::string recipe;
  std::string source_role;
  std::string application;
  std::vector<std::string> permissions;
  std::string tile_id;
  std::string tile_name;
  bool app_version_1 = false;
  std::string connection_id;
  std::string connection_name;
  // The connection's document as the plan saw it, secrets masked.
  http::Document pre_image;
  std::string iclient_id;
  std::string iclient_name;
  std::vector<FlowNote> flows;

  // --- NetSuite ---
  // Why Keyturn's own login to NetSuite was refused; empty: it was not.
  std::string login_problem;
  // Keyturn's own access is not used any more: its login was refused, or its
  // role may not read. People do NetSuite's part.
  bool access_closed = false;
  std::string role_id;
  std::string employee_id;
  // As lists show it, and as the two fields of the record have it.
  std::string employee_name;
  std::string employee_full_name;
  // Roles of the employee before assign_role acted; unset before.
  std::optional<std::vector<std::string>> roles_before;
  // The role was not there before and was added, by us or by a person.
  bool role_added = false;

  // --- token ---
  // How many names were given out: the next is TokenName(id, count + 1).
  int tokens_asked = 0;
  // Version of the migration's token credential in the vault; 0: none yet.
  int token_version = 0;
  // The number in the name that this version's token has; 0: not known. A
  // token that is handed in again keeps its first name.
  int token_number = 0;
  // By version: the number in the name that it was asked for under.
  std::vector<int> token_numbers;
  // The version that was looked at before it was used.
  int token_proved = 0;
  // The version whose form a person has been asked about.
  int form_asked = 0;
  // A person was told once that no token of the name is listed.
  bool name_asked = false;
  // A call that makes a token was sent for the name of `tokens_asked`, and its
  // answer is not known.
  bool issue_sent = false;
  // How many such calls were sent.
  int issue_calls = 0;
  // NetSuite's list showed the token in use.
  bool token_listed = false;
  // So many other tokens of the same name are in force.
  int token_twins = 0;
  // The token was asked to revoke itself.
  bool revoke_sent = false;

  // --- cut_over ---
  // What was about to be written when the PUT was sent: the token's version,
  // the document it replaced, and when. As if none was sent once it was
  // refused.
  int sent_version = 0;
  http::Document sent_over;
  std::optional<absl::Time> sent_at;
  // The version of the old login that was about to be written back when that
  // PUT was sent; 0: none was.
  int back_version = 0;
  // The lastModified of the document that it was about to replace.
  std::string back_over;

  // resume_flows has given every flow its state back: from then on people's
  // switching counts.
  bool flows_restored = false;

  // Tests of a login in a row whose answer never came: each may have been a
  // refused login.
  int tests_lost = 0;
};

// Name of the migration's token credential in the vault.
std::string TokenCredential(std::string_view migration_id);

// What the names of all access tokens that Keyturn asks for begin with.
inline constexpr char kTokenNamePrefix[] = "keyturn-";

// The name that the `number`th access token of a migration must get in
// NetSuite, so that it can be found again.
std::string TokenName(std::string_view migration_id, int number);

// A token that was asked for under the newest name is in the vault as
// `version`.
void NoteToken(Notes& notes, int version);

// The next token gets a name of its own, unless one is free already.
void TakeNextTokenName(Notes& notes);

// `text` empty: fresh notes. DataLoss when it is not what FormatNotes made.
absl::StatusOr<Notes> ParseNotes(std::string_view text);
std::string FormatNotes(const Notes& notes);

}  // namespace keyturn::steps

#endif  // KEYTURN_DAEMON_STEPS_NOTES_H_
