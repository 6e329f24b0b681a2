// Gets the access token into the vault. A token for another user can be made
// only in NetSuite's screens (NetSuite help chapter_157017286140), so as a rule
// a person makes it and hands it in. Where the application's consumer pair and
// the user's login are held, the daemon asks the issuetoken endpoint itself.
//
// The vault's version is the look; the token list, where it may be read, the
// proof; the connection's own test (test_candidate) the gate.
//
// A token whose secret never arrived is found by its name and revoked before
// another one is made, so that there are never two in force.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/steps/connection_tests.h"
#include "daemon/steps/netsuite_checks.h"
#include "daemon/steps/steps.h"
#include "daemon/steps/tasks.h"
#include "daemon/steps/token_proof.h"
#include "daemon/vault/vault.h"

namespace keyturn::steps {
namespace {

using migration::Task;

// So many tokens are named when a migration goes back, newest last.
constexpr int kRevocationsMax = 10;
// So many calls that make a token are sent; then a person makes it.
constexpr int kIssueCallsMax = 2;

// Whether it is worth waiting for a better answer than an error.
bool MayPassLater(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsCancelled(status);
}

bool CanIssue(const Context& context) {
  return !context.spec().token.consumer.empty() &&
         !context.spec().old_login.empty() && !context.notes.role_id.empty() &&
         context.notes.issue_calls < kIssueCallsMax;
}

// The new token as a write into the vault.
absl::StatusOr<store::CredentialWrite> Seal(Context& context,
                                            netsuite::IssuedToken token) {
  vault::ConnectionToken payload;
  payload.token_id = std::move(token.id);
  payload.token_secret = std::move(token.secret);
  const std::string name = TokenCredential(context.migration.id);
  const absl::Time now = context.clock.Now();
  if (context.notes.token_version > 0) {
    return context.vault.SealVersion(name, vault::Payload(std::move(payload)),
                                     store::VersionLabel::kPending, "daemon",
                                     now);
  }
  return context.vault.SealNew(name, vault::Payload(std::move(payload)),
                               store::VersionLabel::kPending,
                               context.migration.id, "daemon", now);
}

struct IssueArguments {
  netsuite::Login login;
  secret::Secret consumer_key;
};

absl::StatusOr<IssueArguments> OpenArguments(Context& context) {
  ASSIGN_OR_RETURN(vault::NetSuiteTba consumer,
                   context.vault.OpenAs<vault::NetSuiteTba>(
                       context.spec().token.consumer,
                       store::VersionLabel::kCurrent, context.openings));
  ASSIGN_OR_RETURN(vault::NetSuiteLogin login,
                   context.vault.OpenAs<vault::NetSuiteLogin>(
                       context.spec().old_login, store::VersionLabel::kCurrent,
                       context.openings));
  IssueArguments arguments;
  arguments.login.email = std::string(login.email.Expose());
  arguments.login.password = std::move(login.password);
  arguments.consumer_key = std::move(consumer.consumer_key);
  return arguments;
}

// A person makes the token, under a name of its own.
Outcome AskForToken(Context& context, const NetSuiteAccount& account,
                    std::string problem) {
  context.notes.issue_sent = false;
  context.notes.tokens_asked = std::max(context.notes.tokens_asked, 1);
  return Ask(IssueTokenTask(context, account.client->endpoints(),
                            Task::Answer::kToken, std::move(problem)));
}

// A call was sent and its answer is not known. True: NetSuite has made a token
// of that name, and it is in force. No value: that cannot be seen.
asio::awaitable<absl::StatusOr<std::optional<bool>>> WasMade(
    Context& context, NetSuiteAccount account) {
  if (!MayAsk(context, account)) co_return std::nullopt;
  const absl::StatusOr<std::vector<LiveToken>> live =
      co_await LiveTokens(context, *account.client);
  if (!live.ok()) {
    if (IsForPeople(context, live.status())) co_return std::nullopt;
    co_return live.status();
  }
  const int number = context.notes.tokens_asked;
  co_return std::any_of(
      live->begin(), live->end(),
      [number](const LiveToken& token) { return token.number == number; });
}

// Settles by reading what became of a call whose answer was lost. Its secret
// can never be had again, so a token that was made is revoked first; only then
// another one is made. An outcome: a person must act. None: make another.
asio::awaitable<std::optional<Outcome>> SettleLost(Context& context,
                                                   NetSuiteAccount account,
                                                   std::string lost) {
  const std::string name =
      TokenName(context.migration.id, context.notes.tokens_asked);
  const absl::StatusOr<std::optional<bool>> made =
      co_await WasMade(context, account);
  if (!made.ok()) {
    co_return FromError(made.status(), "looking for a token that was lost");
  }
  if (made->value_or(false)) {
    Task task = RevokeTokenTask(context, account.client->endpoints(), name);
    task.blocking = true;
    task.problem = absl::StrCat("the token ", name,
                                " was made, but its secret never arrived");
    co_return Ask(std::move(task));
  }
  context.notes.issue_sent = false;
  ++context.notes.tokens_asked;
  if (made->has_value() && CanIssue(context)) co_return std::nullopt;
  if (!made->has_value()) {
    absl::StrAppend(&lost, lost.empty() ? "" : ". ", "A token named ", name,
                    " may have been made whose secret never arrived: revoke "
                    "it if NetSuite lists it");
  }
  co_return AskForToken(context, account, std::move(lost));
}

// One call that makes a token. Its name is durable before it is sent, so that a
// token whose answer was lost can be found, and is never counted as ours.
asio::awaitable<Outcome> Issue(Context& context, NetSuiteAccount account) {
  absl::StatusOr<IssueArguments> arguments = OpenArguments(context);
  if (!arguments.ok()) {
    co_return FromError(arguments.status(), "opening the user's login");
  }
  context.notes.tokens_asked = std::max(context.notes.tokens_asked, 1);
  context.notes.issue_sent = true;
  ++context.notes.issue_calls;
  const std::string name =
      TokenName(context.migration.id, context.notes.tokens_asked);
  const absl::Status saved =
      co_await context.checkpoint(absl::StrCat("asking for the token ", name));
  if (!saved.ok()) co_return FromError(saved, "storing the token's name");
  absl::StatusOr<netsuite::IssuedToken> issued =
      co_await account.client->IssueToken(
          std::move(arguments->login), context.notes.role_id,
          std::move(arguments->consumer_key), name);
  if (!issued.ok()) {
    std::string lost = base::MessageOf(issued.status());
    if (http::EffectOf(issued.status()) != http::Effect::kUnknown) {
      co_return AskForToken(context, account, std::move(lost));
    }
    std::optional<Outcome> stop =
        co_await SettleLost(context, account, std::move(lost));
    if (stop.has_value()) co_return *std::move(stop);
    co_return WaitFor(absl::ZeroDuration(),
                      "no token was made: it is asked for once more");
  }
  absl::StatusOr<store::CredentialWrite> sealed =
      Seal(context, *std::move(issued));
  if (!sealed.ok()) co_return FromError(sealed.status(), "sealing the token");
  NoteToken(context.notes, context.notes.token_version + 1);
  context.notes.issue_sent = false;
  // Durable first; then the list is the proof that it is there, and but once.
  Outcome outcome = WaitFor(
      absl::ZeroDuration(),
      absl::StrCat("NetSuite issued the token ", name,
                   " and the vault holds it; how NetSuite lists it is next"));
  outcome.credentials.push_back(*std::move(sealed));
  co_return outcome;
}

}  // namespace

asio::awaitable<Outcome> IssueToken(Context& context) {
  const absl::StatusOr<NetSuiteAccount> account = context.NetSuite();
  if (!account.ok()) {
    co_return FromError(account.status(), "opening the NetSuite account");
  }
  if (context.notes.token_version > 0) {
    co_return co_await ProveToken(context, *account);
  }
  // Sent before, and no token in the vault: the answer was lost.
  if (context.notes.issue_sent) {
    std::optional<Outcome> stop = co_await SettleLost(context, *account, "");
    if (stop.has_value()) co_return *std::move(stop);
  }
  if (CanIssue(context)) co_return co_await Issue(context, *account);
  co_return AskForToken(context, *account, "");
}

namespace {

// The tokens that may have to be revoked: those that NetSuite lists, or, where
// it does not let us see, every one that was asked for.
asio::awaitable<absl::StatusOr<std::vector<std::string>>> ToRevoke(
    Context& context, NetSuiteAccount account, bool& listed) {
  std::vector<std::string> asked;
  if (MayAsk(context, account)) {
    const absl::StatusOr<std::vector<LiveToken>> live =
        co_await LiveTokens(context, *account.client);
    listed = live.ok();
    if (MayPassLater(live.status())) co_return live.status();
    if (listed) {
      for (const LiveToken& token : *live) {
        asked.push_back(TokenName(context.migration.id, token.number));
      }
      co_return asked;
    }
  }
  const int last = context.notes.tokens_asked;
  for (int number = std::max(1, last - kRevocationsMax + 1); number <= last;
       ++number) {
    asked.push_back(TokenName(context.migration.id, number));
  }
  co_return asked;
}

}  // namespace

namespace {

absl::StatusOr<netsuite::Tba> OpenToken(Context& context) {
  ASSIGN_OR_RETURN(vault::NetSuiteTba consumer,
                   context.vault.OpenAs<vault::NetSuiteTba>(
                       context.spec().token.consumer,
                       store::VersionLabel::kCurrent, context.openings));
  ASSIGN_OR_RETURN(vault::ConnectionToken token,
                   context.vault.OpenAs<vault::ConnectionToken>(
                       TokenCredential(context.migration.id),
                       context.notes.token_version, context.openings));
  netsuite::Tba tba;
  tba.consumer_key = std::move(consumer.consumer_key);
  tba.consumer_secret = std::move(consumer.consumer_secret);
  tba.token_id = std::move(token.token_id);
  tba.token_secret = std::move(token.token_secret);
  return tba;
}

// Where the application's consumer pair is held the token revokes itself. Asked
// once: a token that is revoked already is a refused login. Whether it is done;
// all else is for people.
asio::awaitable<bool> RevokeByCall(Context& context, NetSuiteAccount account) {
  if (context.spec().token.consumer.empty() ||
      context.notes.token_version == 0 || context.notes.revoke_sent) {
    co_return false;
  }
  absl::StatusOr<netsuite::Tba> token = OpenToken(context);
  if (!token.ok()) co_return false;
  context.notes.revoke_sent = true;
  const absl::Status saved =
      co_await context.checkpoint("about to revoke the token");
  if (!saved.ok()) co_return false;
  const absl::Status revoked =
      co_await account.client->RevokeToken(*std::move(token));
  co_return revoked.ok();
}

// See RunsOnAToken. What is in the vault stays as it is.
Outcome LeftInForce(const Context& context) {
  Outcome outcome = Done(
      "somebody else moved the connection to a token, which may be the one of "
      "this migration: it is not revoked");
  for (int number = 1; number <= context.notes.tokens_asked; ++number) {
    outcome.left_to_do.push_back(absl::StrCat(
        "revoke the access token ", TokenName(context.migration.id, number),
        " if NetSuite lists it and the connection does not use it"));
  }
  return outcome;
}

}  // namespace

asio::awaitable<Outcome> UndoIssueToken(Context& context) {
  if (context.notes.tokens_asked == 0) {
    co_return Done("no token was asked for");
  }
  const absl::StatusOr<NetSuiteAccount> account = context.NetSuite();
  if (!account.ok()) {
    co_return FromError(account.status(), "opening the NetSuite account");
  }
  const absl::StatusOr<bool> moved = co_await RunsOnAToken(context);
  if (!moved.ok())
    co_return FromError(moved.status(), "reading the connection");
  if (*moved) co_return LeftInForce(context);
  const bool revoked = co_await RevokeByCall(context, *account);
  bool listed = false;
  absl::StatusOr<std::vector<std::string>> tokens =
      co_await ToRevoke(context, *account, listed);
  if (!tokens.ok()) {
    co_return FromError(tokens.status(), "reading the list of access tokens");
  }
  if (revoked && !listed) {
    const std::string name =
        TokenName(context.migration.id, context.notes.token_number);
    std::erase(*tokens, name);
  }
  Outcome outcome = Done("a person is asked to revoke the token");
  for (int version = 1; version <= context.notes.token_version; ++version) {
    outcome.credentials.push_back(
        store::RelabelVersion{TokenCredential(context.migration.id), version,
                              store::VersionLabel::kRevoked});
  }
  if (tokens->empty()) {
    outcome.message = listed ? "NetSuite lists no token of this migration"
                             : "NetSuite was asked to revoke the token";
    outcome.proofs = {{"tokens in force", "0"}};
    co_return outcome;
  }
  const bool certain = listed || context.notes.token_version > 0;
  if (!certain) outcome.message = "no token was handed in";
  for (const std::string& name : *tokens) {
    outcome.left_to_do.push_back(
        listed ? absl::StrCat("revoke the access token ", name, " in NetSuite")
               : absl::StrCat("revoke the access token ", name,
                              " if NetSuite lists it"));
    if (!certain) continue;
    outcome.follow_up_tasks.push_back(
        RevokeTokenTask(context, account->client->endpoints(), name));
  }
  co_return outcome;
}

}  // namespace keyturn::steps
