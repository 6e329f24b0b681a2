// Gets the access token into the vault. A token for another user can be made
// only in NetSuite's screens (NetSuite help chapter_157017286140), so as a rule
// a person makes it and hands it in. Where the application's consumer pair and
// the user's login are held, the daemon asks the issuetoken endpoint itself.
//
// The vault's version is the look; the token list, where it may be read, the
// proof; the connection's own test (test_candidate) the gate.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/steps/netsuite_checks.h"
#include "daemon/steps/steps.h"
#include "daemon/steps/tasks.h"
#include "daemon/vault/vault.h"

namespace keyturn::steps {
namespace {

using migration::Task;

// So many tokens are named when a migration goes back, newest last.
constexpr int kRevocationsMax = 10;

// Whether it is worth waiting for a better answer than an error.
bool MayPassLater(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsCancelled(status);
}

bool CanIssue(const Context& context) {
  return !context.spec().token.consumer.empty() &&
         !context.spec().old_login.empty() && !context.notes.role_id.empty();
}

// The token is in the vault; says whether NetSuite lists it as it should be.
asio::awaitable<Outcome> Prove(Context& context, NetSuiteAccount account) {
  std::vector<migration::Proof> proofs = {
      {"vault",
       absl::StrCat("credentials/", TokenCredential(context.migration.id),
                    " version ", context.notes.token_version)}};
  if (!account.has_access) {
    co_return Done("the token is in the vault; test_candidate proves it",
                   std::move(proofs));
  }
  const absl::StatusOr<TokenCheck> check =
      co_await CheckToken(context, *account.client);
  if (!check.ok()) {
    if (netsuite::MeansNoRight(check.status())) {
      proofs.push_back({"token list", "not visible to Keyturn's own role"});
      co_return Done("the token is in the vault; test_candidate proves it",
                     std::move(proofs));
    }
    co_return FromError(check.status(), "reading the list of access tokens");
  }
  if (!check->good) {
    context.notes.tokens_asked = context.notes.token_version + 1;
    co_return Ask(IssueTokenTask(context, account.client->endpoints(),
                                 Task::Answer::kDoneOrToken, check->problem));
  }
  proofs.insert(proofs.end(), check->proofs.begin(), check->proofs.end());
  co_return Done("the token is in the vault and listed by NetSuite",
                 std::move(proofs));
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
  ASSIGN_OR_RETURN(
      vault::NetSuiteTba consumer,
      context.vault.OpenAs<vault::NetSuiteTba>(context.spec().token.consumer,
                                               store::VersionLabel::kCurrent));
  ASSIGN_OR_RETURN(
      vault::NetSuiteLogin login,
      context.vault.OpenAs<vault::NetSuiteLogin>(
          context.spec().old_login, store::VersionLabel::kCurrent));
  IssueArguments arguments;
  arguments.login.email = std::string(login.email.Expose());
  arguments.login.password = std::move(login.password);
  arguments.consumer_key = std::move(consumer.consumer_key);
  return arguments;
}

// One call that makes a token. Its name is durable before it is sent, so that a
// token whose answer was lost can be found, and is never counted as ours.
asio::awaitable<Outcome> Issue(Context& context, NetSuiteAccount account) {
  absl::StatusOr<IssueArguments> arguments = OpenArguments(context);
  if (!arguments.ok()) {
    co_return FromError(arguments.status(), "opening the user's login");
  }
  ++context.notes.tokens_asked;
  context.notes.issue_sent = true;
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
    if (http::EffectOf(issued.status()) == http::Effect::kUnknown) {
      absl::StrAppend(&lost, ". If NetSuite lists a token named ", name,
                      ", revoke it: its secret never arrived");
      ++context.notes.tokens_asked;
    }
    context.notes.issue_sent = false;
    co_return Ask(IssueTokenTask(context, account.client->endpoints(),
                                 Task::Answer::kToken, lost));
  }
  absl::StatusOr<store::CredentialWrite> sealed =
      Seal(context, *std::move(issued));
  if (!sealed.ok()) co_return FromError(sealed.status(), "sealing the token");
  ++context.notes.token_version;
  context.notes.issue_sent = false;
  Outcome outcome =
      Done("NetSuite issued the token and the vault holds it",
           {{"token", name},
            {"vault",
             absl::StrCat("credentials/", TokenCredential(context.migration.id),
                          " version ", context.notes.token_version)}});
  outcome.credentials.push_back(*std::move(sealed));
  co_return outcome;
}

}  // namespace

asio::awaitable<Outcome> IssueToken(Context& context) {
  const absl::StatusOr<NetSuiteAccount> account =
      context.outside.NetSuite(context.spec().netsuite.account);
  if (!account.ok()) {
    co_return FromError(account.status(), "opening the NetSuite account");
  }
  if (context.notes.token_version > 0) {
    co_return co_await Prove(context, *account);
  }
  // Sent before, and no token in the vault: the answer was lost in a crash.
  if (CanIssue(context) && !context.notes.issue_sent) {
    co_return co_await Issue(context, *account);
  }
  std::string problem;
  if (context.notes.issue_sent) {
    problem = absl::StrCat(
        "a token named ",
        TokenName(context.migration.id, context.notes.tokens_asked),
        " may have been made whose secret never arrived: revoke it if NetSuite "
        "lists it");
    context.notes.issue_sent = false;
    ++context.notes.tokens_asked;
  }
  if (context.notes.tokens_asked == 0) context.notes.tokens_asked = 1;
  co_return Ask(IssueTokenTask(context, account->client->endpoints(),
                               Task::Answer::kToken, std::move(problem)));
}

namespace {

// The tokens that may have to be revoked: those that NetSuite lists, or, where
// it does not let us see, every one that was asked for.
asio::awaitable<absl::StatusOr<std::vector<std::string>>> ToRevoke(
    Context& context, NetSuiteAccount account, bool& listed) {
  if (account.has_access) {
    absl::StatusOr<std::vector<std::string>> live =
        co_await LiveTokens(context, *account.client);
    listed = live.ok();
    if (live.ok() || MayPassLater(live.status())) co_return live;
  }
  std::vector<std::string> asked;
  const int last = context.notes.tokens_asked;
  for (int number = std::max(1, last - kRevocationsMax + 1); number <= last;
       ++number) {
    asked.push_back(TokenName(context.migration.id, number));
  }
  co_return asked;
}

}  // namespace

asio::awaitable<Outcome> UndoIssueToken(Context& context) {
  if (context.notes.tokens_asked == 0) {
    co_return Done("no token was asked for");
  }
  const absl::StatusOr<NetSuiteAccount> account =
      context.outside.NetSuite(context.spec().netsuite.account);
  if (!account.ok()) {
    co_return FromError(account.status(), "opening the NetSuite account");
  }
  bool listed = false;
  const absl::StatusOr<std::vector<std::string>> tokens =
      co_await ToRevoke(context, *account, listed);
  if (!tokens.ok()) {
    co_return FromError(tokens.status(), "reading the list of access tokens");
  }
  Outcome outcome = Done("a person is asked to revoke the token");
  for (int version = 1; version <= context.notes.token_version; ++version) {
    outcome.credentials.push_back(
        store::RelabelVersion{TokenCredential(context.migration.id), version,
                              store::VersionLabel::kRevoked});
  }
  if (tokens->empty()) {
    outcome.message = "NetSuite lists no token of this migration";
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
