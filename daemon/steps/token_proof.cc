#include "daemon/steps/token_proof.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/steps/netsuite_checks.h"
#include "daemon/steps/tasks.h"
#include "daemon/vault/vault.h"

namespace keyturn::steps {
namespace {

using migration::Task;

// Of a token id or secret in every published example.
constexpr size_t kUsualSize = 64;
// So many earlier versions are compared with the newest.
constexpr int kVersionsMax = 20;

bool IsUsual(std::string_view value) {
  return value.size() == kUsualSize &&
         std::all_of(value.begin(), value.end(),
                     [](unsigned char c) { return absl::ascii_isxdigit(c); });
}

std::string OddValue(std::string_view what, std::string_view value) {
  return absl::StrCat(
      "the token ", base::ToAbsl(what), " that was handed in has ",
      value.size(), " characters",
      value.size() == kUsualSize ? ", not all of them 0-9 and a-f"
                                 : ", the other value has 64",
      ": it was probably cut off, or mistyped. Hand both in again as NetSuite "
      "shows them; if they are as shown, answer this task as done");
}

// What a slip of the hand looks like, found without a login: one of the two
// values has NetSuite's usual form and the other has not. Neither form is
// promised, so a person has the last word. Empty: nothing.
std::string SlipOf(const vault::ConnectionToken& token) {
  const std::string_view id = token.token_id.Expose();
  const std::string_view secret = token.token_secret.Expose();
  if (IsUsual(id) == IsUsual(secret)) return "";
  return IsUsual(id) ? OddValue("secret", secret) : OddValue("id", id);
}

absl::StatusOr<vault::ConnectionToken> OpenToken(Context& context,
                                                 int version) {
  return context.vault.OpenAs<vault::ConnectionToken>(
      TokenCredential(context.migration.id), version, context.openings);
}

// Whether this token was handed in before, its secret perhaps mistyped: then it
// has the name of that time, and nobody must take it for one made in vain.
void KeepItsName(Context& context, const vault::ConnectionToken& token) {
  Notes& notes = context.notes;
  const int oldest = std::max(1, notes.token_version - kVersionsMax);
  for (int version = oldest; version < notes.token_version; ++version) {
    const auto index = static_cast<size_t>(version - 1);
    if (index >= notes.token_numbers.size()) continue;
    const absl::StatusOr<vault::ConnectionToken> earlier =
        OpenToken(context, version);
    const bool same =
        earlier.ok() && earlier->token_id.Expose() == token.token_id.Expose();
    if (!earlier.ok() || same) {
      notes.token_number = same ? notes.token_numbers[index] : 0;
      return;
    }
  }
}

// Asks for another token, or for the word that this one is right.
Outcome AskAgain(Context& context, const NetSuiteAccount& account,
                 std::string problem) {
  TakeNextTokenName(context.notes);
  return Ask(IssueTokenTask(context, account.client->endpoints(),
                            Task::Answer::kDoneOrToken, std::move(problem)));
}

// The list has no token of the names that we gave out: perhaps the name was
// left as NetSuite fills it in. A person is told once; after that one of any
// name will do that fits in all else.
asio::awaitable<absl::StatusOr<TokenCheck>> CheckUnnamed(
    Context& context, netsuite::Client& client, TokenCheck check) {
  if (!context.notes.name_asked) {
    context.notes.name_asked = true;
    absl::StrAppend(&check.problem,
                    ". If only its name is another one, answer this task as "
                    "done");
    co_return check;
  }
  CO_ASSIGN_OR_RETURN(TokenCheck other,
                      co_await CheckTokenOfAnyName(context, client));
  if (other.good) co_return other;
  co_return check;
}

asio::awaitable<absl::StatusOr<TokenCheck>> LookUp(Context& context,
                                                   netsuite::Client& client) {
  CO_ASSIGN_OR_RETURN(TokenCheck check, co_await CheckToken(context, client));
  if (check.good || check.listed) co_return check;
  co_return co_await CheckUnnamed(context, client, std::move(check));
}

// Says whether NetSuite lists the token as it should be.
asio::awaitable<Outcome> Prove(Context& context, NetSuiteAccount account) {
  if (context.notes.form_asked < context.notes.token_version) {
    const absl::StatusOr<vault::ConnectionToken> token =
        OpenToken(context, context.notes.token_version);
    if (!token.ok()) co_return FromError(token.status(), "opening the token");
    KeepItsName(context, *token);
    context.notes.form_asked = context.notes.token_version;
    std::string slip = SlipOf(*token);
    if (!slip.empty()) co_return AskAgain(context, account, std::move(slip));
  }
  std::vector<migration::Proof> proofs = {
      {"vault",
       absl::StrCat("credentials/", TokenCredential(context.migration.id),
                    " version ", context.notes.token_version)}};
  if (!MayAsk(context, account)) {
    co_return Done("the token is in the vault; test_candidate proves it",
                   std::move(proofs));
  }
  const absl::StatusOr<TokenCheck> check =
      co_await LookUp(context, *account.client);
  if (!check.ok()) {
    if (IsForPeople(context, check.status())) {
      proofs.push_back({"token list", "not visible to Keyturn's own role"});
      co_return Done("the token is in the vault; test_candidate proves it",
                     std::move(proofs));
    }
    co_return FromError(check.status(), "reading the list of access tokens");
  }
  if (!check->good) co_return AskAgain(context, account, check->problem);
  context.notes.token_listed = true;
  context.notes.token_twins = std::max(0, check->live - 1);
  proofs.insert(proofs.end(), check->proofs.begin(), check->proofs.end());
  co_return Done("the token is in the vault and listed by NetSuite",
                 std::move(proofs));
}

}  // namespace

asio::awaitable<Outcome> ProveToken(Context& context, NetSuiteAccount account) {
  Outcome outcome = co_await Prove(context, std::move(account));
  if (outcome.kind == Outcome::Kind::kDone) {
    context.notes.token_proved = context.notes.token_version;
  }
  co_return outcome;
}

}  // namespace keyturn::steps
