#include "tests/crash/checkers.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "daemon/audit/verifier.h"
#include "daemon/base/status.h"
#include "daemon/steps/notes.h"
#include "tests/crash/simulation.h"

namespace keyturn::crash {
namespace {

using migration::State;
using sandbox::Json;
using sandbox::Text;

// NetSuite locks a user after so many failed logins.
constexpr int kFailedLoginsMax = 5;

// Fields of a connection that the switch is about, and those that Celigo sets.
constexpr const char* kOfTheSwitch[] = {"/netsuite/authType",
                                        "/netsuite/email",
                                        "/netsuite/password",
                                        "/netsuite/tokenId",
                                        "/netsuite/tokenSecret",
                                        "/netsuite/_iClientId",
                                        "/netsuite/requestLevelCredentials"};
constexpr const char* kSetByCeligo[] = {"/lastModified", "/lastModifiedBy",
                                        "/offline", "/queueSize"};

template <size_t N>
bool IsOneOf(const std::string& path, const char* const (&paths)[N]) {
  return std::any_of(std::begin(paths), std::end(paths),
                     [&path](const char* one) { return path == one; });
}

bool IsLive(const sandbox::AccessToken& token) {
  return !token.revoked && !token.inactive;
}

sandbox::NetsuiteAccount& AccountIn(sandbox::World& world) {
  return world.netsuite().accounts().begin()->second;
}

// Why Celigo could not log in with what the document holds; empty: it could.
std::string TroubleOf(sandbox::World& world, const Json& document) {
  const Json& netsuite = sandbox::Member(document, "netsuite");
  sandbox::NetsuiteAccount& account = AccountIn(world);
  if (Text(netsuite, "authType") == "basic") {
    const sandbox::Employee* user =
        account.FindEmployee(Text(netsuite, "email"));
    if (user == nullptr) return "no such user";
    if (user->password != Text(netsuite, "password")) return "wrong password";
    return user->locked_until > world.Now() ? "the user is locked" : "";
  }
  const sandbox::AccessToken* token =
      account.FindToken(Text(netsuite, "tokenId"));
  if (token == nullptr) return "no such token";
  if (!IsLive(*token)) return "the token is revoked";
  if (token->secret != Text(netsuite, "tokenSecret")) return "wrong secret";
  const sandbox::Employee* user = account.EmployeeById(token->employee);
  return user == nullptr || !user->HasRole(token->role)
             ? "the user has not the token's role"
             : "";
}

}  // namespace

bool Checkers::IsForgotten(const Asked& asked) {
  return simulation_.clock_.Now() - asked.answered_at >
         store::kRequestRetention - absl::Hours(24);
}

void Checkers::Find(std::string_view guarantee, std::string what) {
  simulation_.Tell(
      absl::StrCat("VIOLATION of ", base::ToAbsl(guarantee), ": ", what));
  simulation_.violations_.push_back({std::string(guarantee), std::move(what)});
}

const migration::Migration* Checkers::Migration() {
  std::optional<migration::Migration>& end = simulation_.end_;
  end.reset();
  const std::string& id = simulation_.people_.migration_id();
  if (id.empty()) return nullptr;
  absl::StatusOr<store::StoredMigration> stored =
      simulation_.store_->GetMigration(id);
  if (!stored.ok()) {
    Find("G4", "the migration is not there");
    return nullptr;
  }
  end = std::move(stored->migration);
  return &*end;
}

std::vector<store::StoredEvent> Checkers::Events() {
  std::vector<store::StoredEvent> events;
  while (true) {
    const int64_t after = events.empty() ? 0 : events.back().sequence;
    const auto page =
        simulation_.store_->ListEvents("", after, store::kPageItemsMax);
    if (!page.ok() || page->empty()) return events;
    events.insert(events.end(), page->begin(), page->end());
  }
}

std::vector<std::string> Checkers::Secrets() {
  std::vector<std::string> secrets = {
      Text(simulation_.outside_.info(), "celigo_token"),
      Text(simulation_.outside_.File("old-login.json"), "password")};
  simulation_.outside_.world().Seed([&secrets](sandbox::World& world) {
    for (const auto& [id, token] : AccountIn(world).tokens) {
      secrets.push_back(token.secret);
    }
    return 0;
  });
  return secrets;
}

void Checkers::NoteBeginning() {
  Outside& outside = simulation_.outside_;
  connection_ = outside.Connection();
  for (const Json& id : sandbox::Member(outside.info(), "flows")) {
    flows_disabled_[id] = sandbox::Flag(outside.Flow(id), "disabled");
  }
}

void Checkers::NoteSwitchByHand() {
  token_by_hand_ =
      Text(sandbox::Member(simulation_.outside_.Connection(), "netsuite"),
           "tokenId");
  // What ran just then was cut off by that person.
  lost_by_others_ = LostRecords();
}

int64_t Checkers::LostRecords() {
  return simulation_.outside_.world().Seed([](sandbox::World& world) {
    return world.celigo().state().lost_records;
  });
}

void Checkers::Sent(const http::Request& request) {
  StoredBeforeSent(request);
  NoMaskIsSent(request);
}

void Checkers::Written(const std::string& line, int status, bool changed) {
  if (changed || status >= 300) return;
  Find("G3", absl::StrCat(line, " was sent although its effect was there"));
}

void Checkers::AtStop() { seen_ = Events(); }

void Checkers::AtStart() {
  AcknowledgedIsThere();
  const std::vector<store::StoredEvent> events = Events();
  if (events.size() < seen_.size()) {
    Find("G4", "an event that was seen is not there any more");
  }
}

void Checkers::AtRest() {
  const migration::Migration* end = Migration();
  if (end != nullptr && IsAtRest(end->state)) cut_off_ = false;
  NeverStranded();
  HoldsTheTokenInUse();
  NoTokenIsLost();
  AcknowledgedIsThere();
  OneTransaction();
  EventsHaveNoGap();
  TrailIsWhole();
  NoSecretIsTold();
  OnlyIntendedFieldsDiffer();
  FlowsAreAsBefore();
  NoRecordIsLost();
  OneMigration();
  SomebodyMustAct();
  NobodyIsLockedOut();
  GoesBackOnlyAsPlanned();
  RepeatedRequestsAreHarmless();
}

void Checkers::NeverStranded() {
  if (stranded_ || cut_off_) return;
  const std::string trouble =
      simulation_.outside_.world().Seed([this](sandbox::World& world) {
        const Json& connection = *world.celigo().state().connections.Find(
            simulation_.outside_.connection());
        // Whoever put a token of his own in answers for it.
        const bool theirs = !token_by_hand_.empty() &&
                            Text(sandbox::Member(connection, "netsuite"),
                                 "tokenId") == token_by_hand_;
        return theirs ? "" : TroubleOf(world, connection);
      });
  if (trouble.empty()) return;
  stranded_ = true;
  Find("G1", absl::StrCat("the connection cannot log in: ", trouble));
}

void Checkers::HoldsTheTokenInUse() {
  const migration::Migration* end = Migration();
  if (end == nullptr) return;
  const Json connection = simulation_.outside_.Connection();
  const Json& netsuite = sandbox::Member(connection, "netsuite");
  const bool on_token = Text(netsuite, "authType") == "token";
  if (end->state == State::kSucceeded && !on_token) {
    Find("G1", "SUCCEEDED, and the connection is not on a token");
  }
  if (!on_token) return;
  const bool by_hand =
      !token_by_hand_.empty() && Text(netsuite, "tokenId") == token_by_hand_;
  if (by_hand && end->state != State::kSucceeded) return;
  const auto holds = [&](store::VersionSelector version) {
    vault::Openings openings;
    const auto held = simulation_.vault_->OpenAs<vault::ConnectionToken>(
        steps::TokenCredential(end->id), version, openings);
    return held.ok() && held->token_id.Expose() == Text(netsuite, "tokenId") &&
           held->token_secret.Expose() == Text(netsuite, "tokenSecret");
  };
  bool held = holds(store::VersionLabel::kCurrent);
  // Before its end an earlier one may be in use, until a new one is written.
  const auto info =
      simulation_.store_->GetCredential(steps::TokenCredential(end->id));
  const size_t versions =
      info.ok() && end->state != State::kSucceeded ? info->versions.size() : 0;
  for (size_t number = 1; number <= versions; ++number) {
    held = held || holds(static_cast<int>(number));
  }
  if (!held) Find("G1", "the vault does not hold the token in use");
}

void Checkers::NoTokenIsLost() {
  const migration::Migration* end = Migration();
  if (end == nullptr) return;
  const std::string in_use =
      Text(sandbox::Member(simulation_.outside_.Connection(), "netsuite"),
           "tokenId");
  std::vector<std::string> others;
  simulation_.outside_.world().Seed([&](sandbox::World& world) {
    const sandbox::NetsuiteAccount& account = AccountIn(world);
    for (const std::string& id : account.token_order) {
      const sandbox::AccessToken& token = account.tokens.at(id);
      if (IsLive(token) && id != in_use &&
          absl::StartsWith(token.name, steps::kTokenNamePrefix)) {
        others.push_back(token.name);
      }
    }
    return 0;
  });
  const std::string left = absl::StrJoin(end->left_to_do, "\n");
  const absl::StatusOr<steps::Notes> notes = steps::ParseNotes(end->notes);
  std::set<std::string> asked_for;
  for (int i = 1; notes.ok() && i <= notes->tokens_asked; ++i) {
    asked_for.insert(steps::TokenName(end->id, i));
  }
  for (const std::string& name : others) {
    // Whether it ends well or goes back, both tell of every one that was asked
    // for: what has not ended need not have told yet.
    const bool known = asked_for.contains(name);
    const bool told = absl::StrContains(left, name);
    if (IsAtRest(end->state) ? !told : !known) {
      Find("G1", absl::StrCat("the token ", name, " is in force for nothing"));
    }
  }
}

void Checkers::StoredBeforeSent(const http::Request& request) {
  const std::string_view body = request.body.Expose();
  if (body.find("tokenSecret") == std::string_view::npos) return;
  const Json document = sandbox::ParseJson(body);
  const std::string sent =
      Text(sandbox::Member(document, "netsuite"), "tokenSecret");
  if (sent.empty()) return;
  const std::string name =
      steps::TokenCredential(simulation_.people_.migration_id());
  const auto info = simulation_.store_->GetCredential(name);
  vault::Openings openings;
  for (int number = 1;
       info.ok() && number <= static_cast<int>(info->versions.size());
       ++number) {
    const auto held = simulation_.vault_->OpenAs<vault::ConnectionToken>(
        name, store::VersionSelector(number), openings);
    if (held.ok() && held->token_secret.Expose() == sent) return;
  }
  Find("G2", "a token was sent that the vault does not hold");
}

void Checkers::AcknowledgedIsThere() {
  for (const Asked& asked : simulation_.people_.asked()) {
    if (!asked.answered || !asked.answer.ok() || IsForgotten(asked)) continue;
    const auto record = simulation_.store_->FindRequest(
        asked.caller.identity, asked.caller.request_id);
    if (!record.ok() || !record->has_value()) {
      Find("G4", absl::StrCat(asked.what, " was answered and is not stored"));
    }
  }
}

void Checkers::OneTransaction() {
  const migration::Migration* end = Migration();
  if (end == nullptr) return;
  const std::vector<store::StoredEvent> events = Events();
  if (events.empty()) {
    Find("G5", "a migration without an event");
    return;
  }
  const State told = events.back().state;
  if (told != end->state) {
    Find("G5",
         absl::StrCat("the last event says ", base::ToAbsl(Name(told)),
                      ", the migration is ", base::ToAbsl(Name(end->state))));
  }
  const auto notes = steps::ParseNotes(end->notes);
  const auto info =
      simulation_.store_->GetCredential(steps::TokenCredential(end->id));
  const int held = info.ok() ? static_cast<int>(info->versions.size()) : 0;
  if (!notes.ok() || notes->token_version != held) {
    Find("G5", "the migration knows of another token than the vault holds");
  }
  const auto tasks = simulation_.store_->ListOpenTaskIds(end->id);
  if (tasks.ok() && end->state == State::kAwaitingTask && tasks->empty()) {
    Find("G5", "it waits for a task that is not open");
  }
}

void Checkers::EventsHaveNoGap() {
  int64_t last = 0;
  for (const store::StoredEvent& event : Events()) {
    if (event.sequence != last + 1) {
      Find("G5", absl::StrCat("event ", event.sequence, " follows ", last));
    }
    last = event.sequence;
  }
  // What is told once is told once.
  std::set<std::string> once;
  for (const store::StoredEvent& event : Events()) {
    const bool unique = event.kind == "CREATED" || event.kind == "SUCCEEDED" ||
                        event.kind == "ROLLED_BACK";
    if (unique && !once.insert(event.kind).second) {
      Find("G5", absl::StrCat(event.kind, " is told twice"));
    }
  }
}

void Checkers::TrailIsWhole() {
  const auto verdict =
      audit::VerifyTrail(*simulation_.store_, simulation_.sealer_.key(), {});
  if (!verdict.ok() || !verdict->intact()) {
    Find("G5", "the audit trail is not whole");
  }
  std::map<std::string, int> told;
  int64_t after = 0;
  while (true) {
    const auto rows =
        simulation_.store_->ListAuditRows(after, store::kPageItemsMax);
    if (!rows.ok() || rows->empty()) break;
    for (const store::AuditRow& row : *rows) {
      if (row.result == "OK" && !row.request_id.empty()) {
        ++told[row.request_id];
      }
      after = row.sequence;
    }
  }
  for (const Asked& asked : simulation_.people_.asked()) {
    if (!asked.answered || !asked.answer.ok()) continue;
    const int rows = told[asked.caller.request_id];
    if (rows != 1) {
      Find("G5", absl::StrCat("the trail tells of ", asked.what, " ", rows,
                              " times"));
    }
  }
}

void Checkers::NoSecretIsTold() {
  std::string told = simulation_.history_;
  for (const store::StoredEvent& event : Events()) {
    absl::StrAppend(&told, "\n", event.message);
  }
  for (const std::string& secret : Secrets()) {
    if (absl::StrContains(told, secret)) {
      Find("G6", "a secret stands in the log or in an event");
    }
  }
}

void Checkers::NoMaskIsSent(const http::Request& request) {
  if (request.body.Expose().find("******") != std::string_view::npos) {
    Find("G7", absl::StrCat("a mask was sent to ", request.url));
  }
}

void Checkers::OnlyIntendedFieldsDiffer() {
  const migration::Migration* end = Migration();
  if (end == nullptr) return;
  const Json before = connection_.flatten();
  const Json after = simulation_.outside_.Connection().flatten();
  const bool switched =
      Text(sandbox::Member(simulation_.outside_.Connection(), "netsuite"),
           "authType") == "token";
  const std::string left = absl::StrJoin(end->left_to_do, "\n");
  std::set<std::string> paths;
  for (const auto& [path, value] : before.items()) paths.insert(path);
  for (const auto& [path, value] : after.items()) paths.insert(path);
  for (const std::string& path : paths) {
    if (IsOneOf(path, kSetByCeligo)) continue;
    if (switched && IsOneOf(path, kOfTheSwitch)) continue;
    const bool same = before.contains(path) && after.contains(path) &&
                      before.at(path) == after.at(path);
    // An edit in the middle of an exchange is lost, and told: README.md.
    const bool told = absl::StrContains(
        left, absl::StrCat("somebody changed ", path.substr(1), " of"));
    if (!same && !told) {
      Find("G7", absl::StrCat(path, " is another than it should be"));
    }
  }
}

void Checkers::FlowsAreAsBefore() {
  const migration::Migration* end = Migration();
  // Elsewhere the flows may be held until somebody has acted.
  if (end == nullptr || !IsAtRest(end->state)) return;
  for (const auto& [id, disabled] : flows_disabled_) {
    const Json flow = simulation_.outside_.Flow(id);
    if (sandbox::Flag(flow, "disabled") == disabled) continue;
    Find("G8", absl::StrCat("the flow ", Text(flow, "name"), " was ",
                            disabled ? "off" : "on", " and is not"));
  }
}

void Checkers::NoRecordIsLost() {
  const int64_t lost = LostRecords() - lost_by_others_;
  if (lost != 0) Find("G8", absl::StrCat(lost, " records were lost"));
}

void Checkers::OneMigration() {
  const auto all = simulation_.store_->ListMigrations({}, {});
  if (!all.ok() || all->items.size() > 1) {
    Find("G9", "there is more than one migration");
  }
  for (const Asked& asked : simulation_.people_.asked()) {
    if (!asked.must_be_refused.empty() && asked.answered && asked.answer.ok()) {
      Find(asked.must_be_refused,
           absl::StrCat("\"", asked.what, "\" was accepted"));
    }
  }
}

void Checkers::RepeatedRequestsAreHarmless() {
  const migration::Migration* end = Migration();
  if (end == nullptr) return;
  const int64_t revision = end->revision;
  const size_t events = Events().size();
  const int calls = simulation_.outside_.calls();
  std::map<std::string, std::string> made;
  for (const Asked& asked : simulation_.people_.asked()) {
    if (asked.answer.ok()) made[asked.what] = asked.made;
  }
  simulation_.people_.RepeatAll(simulation_.clock_.Now() -
                                store::kRequestRetention + absl::Hours(24));
  simulation_.news_ = true;
  while (simulation_.people_.busy() && simulation_.Turn()) {
  }
  end = Migration();
  if (end == nullptr || end->revision != revision ||
      Events().size() != events || simulation_.outside_.calls() != calls) {
    Find("G10", "a repeated request had a second effect");
  }
  for (const Asked& asked : simulation_.people_.asked()) {
    const auto first = made.find(asked.what);
    if (first == made.end() || IsForgotten(asked)) continue;
    if (!asked.answer.ok() || asked.made != first->second) {
      Find("G10", absl::StrCat(asked.what, " got another answer: ",
                               asked.answer.ToString()));
    }
  }
}

void Checkers::SomebodyMustAct() {
  const migration::Migration* end = Migration();
  if (end == nullptr) {
    if (!simulation_.options_.troubles) Find("G11", "it was never made");
    return;
  }
  switch (end->state) {
    case State::kSucceeded:
    case State::kRolledBack:
    case State::kCancelled:
      if (!simulation_.options_.troubles &&
          end->state != simulation_.options_.scenario.end()) {
        Find("G11",
             absl::StrCat("it ended as ", base::ToAbsl(Name(end->state))));
      }
      return;
    case State::kNeedsAttention:
      if (!end->attention.has_value() || end->attention->reason.empty() ||
          end->attention->owner.empty() || end->attention->ways_out.empty()) {
        Find("G11", "it needs attention and does not say whose and why");
      }
      break;
    case State::kAwaitingTask:
    case State::kAwaitingApproval:
    case State::kPlanned:
    case State::kPaused:
      break;
    case State::kPlanning:
    case State::kRunning:
    case State::kRollingBack:
      Find("G11",
           absl::StrCat("it stands still in ", base::ToAbsl(Name(end->state))));
      return;
  }
  if (!simulation_.options_.troubles) {
    Find("G11",
         absl::StrCat(
             "it stays in ", base::ToAbsl(Name(end->state)),
             end->attention.has_value() ? ": " + end->attention->message : ""));
  }
}

void Checkers::NobodyIsLockedOut() {
  const int failed =
      simulation_.outside_.world().Seed([this](sandbox::World& world) {
        return AccountIn(world)
            .FindEmployee(simulation_.outside_.user())
            ->failed_logins;
      });
  if (failed >= kFailedLoginsMax) {
    Find("G11", absl::StrCat(failed, " logins failed: the user is locked out"));
  }
}

void Checkers::GoesBackOnlyAsPlanned() {
  const migration::Migration* end = Migration();
  if (end == nullptr || !end->plan.has_value()) return;
  if (end->plan->reversible_after_cut_over &&
      !simulation_.options_.scenario.old_login) {
    Find("G12", "the plan promises a way back that there is not");
  }
  if (static_cast<int>(end->approvals.size()) <
          simulation_.options_.scenario.approvals &&
      end->current > migration::Step::kApprove) {
    Find("G12", "it goes on without its approvals");
  }
}

}  // namespace keyturn::crash
