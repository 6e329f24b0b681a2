#include "tests/crash/troubles.h"

#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/steps/notes.h"
#include "tests/crash/checkers.h"

namespace keyturn::crash {
namespace {

using migration::Step;
using sandbox::Json;

constexpr absl::Duration kDelayMax = absl::Hours(5);
constexpr absl::Duration kStormMax = absl::Minutes(20);
constexpr int kRetryAfterSecondsMax = 2 * 60 * 60;
constexpr int kFlows = 5;
// Of this many histories, one.
constexpr int kAbsentIn = 10;
constexpr int kGivesUpIn = 6;
// Of seven days, after which a request id is forgotten.
constexpr absl::Duration kSlownessMax = absl::Hours(20);
constexpr std::array kErrors = {408, 500, 502, 503, 504};

}  // namespace

Troubles::Troubles(uint64_t seed, Outside& outside, Checkers& checkers,
                   std::function<void(std::string)> tell)
    : chance_(seed ^ 0x7261747274726174),
      rare_chance_(seed ^ 0x6f6e6c79736f6d65),
      outside_(outside),
      checkers_(checkers),
      tell_(std::move(tell)) {
  const auto either = [this](double little, double much) {
    const int drawn = Draw(4);
    return drawn == 0 ? 0 : drawn == 1 ? much : little;
  };
  network_ = either(0.02, 0.15);
  others_ = either(0.005, 0.02);
  disk_ = either(0.002, 0.02);
  leap_ = either(0.0005, 0.002);
  err_ = either(0.05, 0.3);
  slowness_ = Draw(2) * kSlownessMax * chance_.Fraction();
  retries_ = Draw(6);
  const auto one_in = [this](int histories) {
    return rare_chance_.Fraction() * histories < 1;
  };
  rare_ = one_in(2) ? 0.002 : one_in(2) ? 0.01 : 0;
  administrator_absent_ = one_in(kAbsentIn);
  approver_absent_ = one_in(kAbsentIn);
  gives_up_ = one_in(kGivesUpIn);
}

bool Troubles::Happens(double probability) {
  if (calls_ > kTroubledCallsMax || chance_.Fraction() >= probability) {
    return false;
  }
  ++count_;
  return true;
}

bool Troubles::HappensRarely(double probability) {
  if (calls_ > kTroubledCallsMax || rare_chance_.Fraction() >= probability) {
    return false;
  }
  ++count_;
  return true;
}

int Troubles::Draw(int limit) {
  return static_cast<int>(chance_.Fraction() * limit);
}

void Troubles::Note(const migration::Migration& migration) {
  before_quiesce_ = migration.current < Step::kQuiesce && !migration.going_back;
  before_cut_over_ =
      migration.current < Step::kCutOver && !migration.going_back;
}

Trouble Troubles::AtCall(absl::Time now) {
  ++calls_;
  if (refused_ && (now >= refused_until_ || calls_ > kTroubledCallsMax)) {
    refused_ = false;
    (void)outside_.Act("revoke-api-token", {{"revoked", false}});
  }
  if (Happens(others_)) OthersAct();
  if (Happens(others_ / 4)) RefuseLogins(now);
  if (HappensRarely(rare_)) RefreshSandbox();
  if (HappensRarely(rare_)) SwitchByHand();
  Trouble trouble;
  if (now < storm_until_ && calls_ <= kTroubledCallsMax) {
    trouble.kind = Trouble::Kind::kRateLimit;
    trouble.retry_after_seconds = 1 + Draw(60);
    return trouble;
  }
  if (!Happens(network_)) return trouble;
  constexpr int kKinds = static_cast<int>(Trouble::Kind::kSlow);
  trouble.kind = static_cast<Trouble::Kind>(1 + Draw(kKinds));
  trouble.status = kErrors[Draw(static_cast<int>(kErrors.size()))];
  trouble.retry_after_seconds = Draw(kRetryAfterSecondsMax);
  if (trouble.kind == Trouble::Kind::kSlow) {
    trouble.delay = kDelayMax * chance_.Fraction() * chance_.Fraction();
  }
  if (trouble.kind == Trouble::Kind::kRateLimit && Draw(4) == 0) {
    storm_until_ = now + kStormMax * chance_.Fraction();
  }
  return trouble;
}

absl::Status Troubles::AtCommit() {
  if (!Happens(disk_)) return absl::OkStatus();
  if (Draw(2) == 0) {
    return base::WithReason(absl::ResourceExhaustedError("no room"),
                            "DISK_FULL");
  }
  return base::WithReason(absl::DataLossError("a sync failed"), "STORE_BROKEN");
}

absl::Duration Troubles::AtTurn() {
  return Happens(leap_) ? absl::Hours(24) : absl::ZeroDuration();
}

absl::Duration Troubles::Delay() {
  const absl::Duration delay = slowness_ * chance_.Fraction();
  return administrator_absent_ ? absl::InfiniteDuration() : delay;
}

absl::Duration Troubles::ApprovalDelay() {
  return approver_absent_ ? absl::InfiniteDuration()
                          : kSlownessMax * rare_chance_.Fraction();
}

bool Troubles::Errs() { return Happens(err_); }

void Troubles::OthersAct() {
  switch (Draw(4)) {
    case 0:
      return EditConnection();
    case 1:
      return SwitchFlow();
    case 2:
      return RevokeToken();
    default:
      return UnassignRole();
  }
}

void Troubles::EditConnection() {
  const std::string name = absl::StrCat("NetSuite, renamed ", Draw(1000));
  tell_(absl::StrCat("somebody renames the connection: ", name));
  (void)outside_.Act("edit-connection", {{"connection", outside_.connection()},
                                         {"set", {{"name", name}}}});
  checkers_.NoteEdit("name", name);
}

void Troubles::SwitchFlow() {
  // Later nobody can tell whose wish a state is.
  if (!before_quiesce_) return;
  const Json& flows = sandbox::Member(outside_.info(), "flows");
  const std::string id = flows[Draw(kFlows)];
  const bool disabled = !sandbox::Flag(outside_.Flow(id), "disabled");
  tell_(absl::StrCat("somebody switches the flow ", id,
                     disabled ? " off" : " on"));
  (void)outside_.Act("edit-flow",
                     {{"flow", id}, {"set", {{"disabled", disabled}}}});
  checkers_.NoteSwitch(id, disabled);
}

void Troubles::RevokeToken() {
  // Later it is somebody else who cuts the connection off.
  if (!before_cut_over_) return;
  outside_.world().Seed([this](sandbox::World& world) {
    for (auto& [account_id, account] : world.netsuite().accounts()) {
      for (const std::string& id : account.token_order) {
        sandbox::AccessToken& token = account.tokens.at(id);
        if (!token.name.starts_with(steps::kTokenNamePrefix)) continue;
        token.revoked = true;
        checkers_.NoteCutOff();
        tell_(absl::StrCat("somebody revokes the token ", token.name));
      }
    }
    return 0;
  });
}

void Troubles::UnassignRole() {
  if (!before_cut_over_) return;
  tell_("somebody takes the role away");
  checkers_.NoteCutOff();
  (void)outside_.Act("unassign-role",
                     {{"user", outside_.user()}, {"role", "CeligoJiraTBA"}});
}

// A copy of production takes the account's place: no token is left in it.
void Troubles::RefreshSandbox() {
  if (!before_cut_over_) return;
  tell_("the sandbox is refreshed: all tokens are gone");
  checkers_.NoteCutOff();
  (void)outside_.Act("sandbox-refresh", Json::object());
}

// Somebody does by hand what the migration is about to do.
void Troubles::SwitchByHand() {
  if (!before_cut_over_) return;
  const absl::StatusOr<Json> token = outside_.Act(
      "create-token",
      {{"application", sandbox::Text(outside_.info(), "application")},
       {"user", outside_.user()},
       {"role", "CeligoJiraTBA"},
       {"name", "made by hand"}});
  if (!token.ok()) return;
  tell_("somebody puts the connection on a token by hand");
  const Json fields = {{"netsuite.authType", "token"},
                       {"netsuite.tokenId", token->at("tokenId")},
                       {"netsuite.tokenSecret", token->at("tokenSecret")},
                       {"netsuite._iClientId", outside_.info().at("iclient")},
                       {"netsuite.requestLevelCredentials", true}};
  (void)outside_.Act("edit-connection",
                     {{"connection", outside_.connection()},
                      {"set", fields},
                      {"remove", {"netsuite.email", "netsuite.password"}}});
  checkers_.NoteSwitchByHand();
}

void Troubles::RefuseLogins(absl::Time now) {
  refused_ = true;
  refused_until_ = now + kStormMax * chance_.Fraction();
  tell_("Celigo refuses our token for a while");
  (void)outside_.Act("revoke-api-token", {{"revoked", true}});
}

}  // namespace keyturn::crash
