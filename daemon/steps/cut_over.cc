// The switch: reads the connection's document, compares it with the plan's,
// writes it back with the token in it, reads it again, and proves that exactly
// the intended fields differ (guarantee G7).
//
// What is about to be written is durable before it is sent. After a crash the
// document itself tells whether the write arrived: Celigo gives every write a
// new lastModified.
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "daemon/base/status.h"
#include "daemon/steps/adopt.h"
#include "daemon/steps/connection_tests.h"
#include "daemon/steps/flow_switch.h"
#include "daemon/steps/steps.h"

namespace keyturn::steps {
namespace {

using celigo::Comparison;
using celigo::Document;

// Whether `now` is what our write made of `notes.sent_over`.
bool Arrived(const Context& context, const Document& now) {
  const Notes& notes = context.notes;
  if (notes.sent_version != notes.token_version || notes.sent_over.is_null()) {
    return false;
  }
  const std::string before = http::StringAt(notes.sent_over, "lastModified");
  const std::string after = http::StringAt(now, "lastModified");
  if (!before.empty() && before == after) return false;
  return celigo::AuthTypeOf(now) == "token" &&
         celigo::UnexpectedDifferences(notes.sent_over, now,
                                       celigo::TokenIntent(notes.iclient_id))
             .missing.empty();
}

// The document as it was before anything was written to it by us.
const Document& Base(const Context& context) {
  return context.notes.sent_over.is_null() ? context.notes.pre_image
                                           : context.notes.sent_over;
}

Outcome Proved(const Context& context, const Comparison& comparison) {
  std::vector<migration::Proof> proofs = {
      {"netsuite.authType", "token"},
      {"netsuite.tokenId", "present"},
      {"netsuite.tokenSecret", "present"},
      {"netsuite._iClientId", context.notes.iclient_id},
      {"token version", absl::StrCat(context.notes.token_version)},
      {"other fields", "as they were"}};
  for (const celigo::Difference& note : comparison.notes) {
    // Of the old login there is nothing to be shown.
    const bool kept =
        !note.before.has_value() &&
        (note.path == "netsuite.email" || note.path == "netsuite.password");
    if (kept) {
      proofs.push_back({note.path, "left out, but kept by Celigo"});
      continue;
    }
    proofs.push_back({absl::StrCat(note.path, " (set by Celigo)"),
                      absl::StrCat(note.before.value_or("absent"), " -> ",
                                   note.after.value_or("absent"))});
  }
  return Done("the connection logs in with the token; nothing else changed",
              std::move(proofs));
}

Outcome Judge(const Context& context, const Document& now) {
  const Comparison comparison = celigo::UnexpectedDifferences(
      Base(context), now, celigo::TokenIntent(context.notes.iclient_id));
  if (comparison.clean()) return Proved(context, comparison);
  return Blocked(
      "DOCUMENT_DIFFERS", "operator",
      absl::StrCat(
          "the connection was written, but it is not as intended",
          comparison.missing.empty()
              ? ""
              : absl::StrCat("; not as written: ", Fields(comparison.missing)),
          comparison.unexpected.empty()
              ? ""
              : absl::StrCat("; changed besides: ",
                             Fields(comparison.unexpected))),
      {"compare the connection in Celigo with the plan's changes and mend it",
       "then `keyturn retry`, or `keyturn cancel` to go back"});
}

// So much later than a document's lastModified its entry in the audit trail may
// be dated.
constexpr absl::Duration kAuditSlack = absl::Seconds(5);

// Celigo has no way to write only what nobody else has changed: an edit between
// the last look and the write is lost, and only the audit trail tells of it. A
// trail that cannot be read says nothing either way. `replaced` is what the
// write replaced, last modified at `overwritten`.
asio::awaitable<Outcome> TellOthersEdits(Context& context,
                                         celigo::Client& client,
                                         Outcome outcome,
                                         const Document& replaced,
                                         std::string overwritten) {
  absl::Time since;
  if (outcome.kind != Outcome::Kind::kDone ||
      !absl::ParseTime(absl::RFC3339_full, overwritten, &since, nullptr)) {
    co_return outcome;
  }
  const absl::StatusOr<std::vector<Document>> entries =
      co_await client.ConnectionAudit(context.notes.connection_id, since);
  if (!entries.ok()) co_return outcome;
  // The way back changes the same fields as the way there.
  const std::vector<std::string> foreign = celigo::ForeignChanges(
      *entries, celigo::TokenIntent(context.notes.iclient_id),
      {.document = replaced, .known_until = since + kAuditSlack});
  outcome.proofs.push_back(
      {"other changes in the audit trail",
       foreign.empty() ? "none" : absl::StrJoin(foreign, ", ")});
  if (!foreign.empty()) {
    outcome.left_to_do.push_back(absl::StrCat(
        "somebody changed ", absl::StrJoin(foreign, ", "), " of ",
        context.notes.connection_name,
        " at the moment in which it was switched; see its audit trail in "
        "Celigo and make that change again if it is lost"));
  }
  co_return outcome;
}

asio::awaitable<Outcome> Conclude(Context& context, celigo::Client& client,
                                  Document now) {
  Outcome outcome = Judge(context, now);
  std::string overwritten = http::StringAt(Base(context), "lastModified");
  co_return co_await TellOthersEdits(context, client, std::move(outcome),
                                     Base(context), std::move(overwritten));
}

// A drain may take hours, in which a token is revoked or a role taken away: a
// test that is older than this is made once more before anything is written.
constexpr absl::Duration kTestGoodFor = absl::Minutes(1);

// Nothing where the token logs in as it did at the gate. The flows stand still
// by now: where it does not, going back ends the outage sooner than a person.
asio::awaitable<std::optional<Outcome>> EnsureTokenWorks(Context& context,
                                                         celigo::Client& client,
                                                         const Document& now) {
  const std::optional<absl::Time> tested =
      context.migration.record(migration::Step::kTestCandidate).ended_at;
  if (tested.has_value() && context.clock.Now() - *tested <= kTestGoodFor) {
    co_return std::nullopt;
  }
  absl::StatusOr<secret::Secret> candidate = WithToken(context, now);
  if (!candidate.ok()) {
    co_return FromError(candidate.status(), "making the new document");
  }
  const absl::StatusOr<celigo::PingResult> ping =
      co_await client.PingCandidate(*std::move(candidate));
  if (!ping.ok()) {
    co_return TestLost(context, ping.status(), "testing the token once more");
  }
  context.notes.tests_lost = 0;
  if (ping->ok) co_return std::nullopt;
  co_return Failed(absl::StrCat(
      "the token worked before the flows were drained and does not any more",
      ping->codes.empty() ? "" : " (", absl::StrJoin(ping->codes, ", "),
      ping->codes.empty() ? "" : ")",
      "; nothing was written, see what happened to it in NetSuite and plan "
      "again"));
}

// What the notes say of a write.
struct Sent {
  int version = 0;
  Document over;
  std::optional<absl::Time> at;
};

asio::awaitable<Outcome> Write(Context& context, celigo::Client& client,
                               Document now) {
  absl::StatusOr<secret::Secret> document = WithToken(context, now);
  if (!document.ok()) {
    co_return FromError(document.status(), "making the new document");
  }
  Sent before{context.notes.sent_version, context.notes.sent_over,
              context.notes.sent_at};
  context.notes.sent_over = std::move(now);
  context.notes.sent_version = context.notes.token_version;
  context.notes.sent_at = context.clock.Now();
  const absl::Status saved =
      co_await context.checkpoint("about to write the connection");
  if (!saved.ok()) co_return FromError(saved, "storing what is to be written");
  const absl::Status written = co_await client.PutConnection(
      context.notes.connection_id, *std::move(document));
  if (!written.ok()) {
    if (http::EffectOf(written) == http::Effect::kNone) {
      context.notes.sent_version = before.version;
      context.notes.sent_over = std::move(before.over);
      context.notes.sent_at = before.at;
    }
    Outcome outcome = FromError(written, "writing the connection");
    // A refused write changed nothing: before the switch that leads back.
    if (outcome.kind == Outcome::Kind::kBlocked &&
        !ConcernsOurAccess(written)) {
      outcome.kind = Outcome::Kind::kFailed;
    }
    co_return outcome;
  }
  const absl::StatusOr<Document> read_back =
      co_await client.GetConnection(context.notes.connection_id);
  if (!read_back.ok()) {
    co_return FromError(read_back.status(), "reading the connection back");
  }
  co_return co_await Conclude(context, client, *read_back);
}

}  // namespace

asio::awaitable<Outcome> CutOver(Context& context) {
  const auto opened = context.Celigo();
  if (!opened.ok()) {
    co_return FromError(opened.status(), "opening the Celigo account");
  }
  const std::shared_ptr<celigo::Client> client = *opened;
  const absl::StatusOr<Document> before =
      co_await client->GetConnection(context.notes.connection_id);
  if (!before.ok()) {
    co_return FromError(before.status(), "reading the connection");
  }
  if (Arrived(context, *before)) {
    co_return co_await Conclude(context, *client, *before);
  }
  const bool switched = migration::IsCutOver(context.migration);
  const std::vector<celigo::Difference> changed =
      switched ? std::vector<celigo::Difference>()
               : celigo::ChangedSincePlan(context.notes.pre_image, *before);
  if (!changed.empty()) {
    co_return Failed(absl::StrCat(
        "the connection was changed by somebody else since it was planned (",
        Fields(changed), "); it was not overwritten; ",
        AfterTheirChange(*before)));
  }
  std::optional<Outcome> unquiet = co_await EnsureQuiet(context, *client);
  if (unquiet.has_value()) co_return *std::move(unquiet);
  if (!switched) {
    std::optional<Outcome> refused =
        co_await EnsureTokenWorks(context, *client, *before);
    if (refused.has_value()) co_return *std::move(refused);
  }
  // Read last, right before the write: the time in which somebody else's edit
  // could get lost is one exchange.
  absl::StatusOr<Document> now =
      co_await client->GetConnection(context.notes.connection_id);
  if (!now.ok()) co_return FromError(now.status(), "reading the connection");
  if (!celigo::ChangedSincePlan(*before, *now).empty()) {
    co_return WaitFor(absl::Seconds(1),
                      "the connection is being changed by somebody else");
  }
  co_return co_await Write(context, *client, *std::move(now));
}

namespace {

Outcome OneWay(std::string why) {
  Outcome outcome;
  outcome.kind = Outcome::Kind::kTurnForward;
  outcome.message = absl::StrCat(
      "the connection runs on the token and cannot go back: ", why);
  return outcome;
}

// The saved connection logs in with the old login and is as it was.
asio::awaitable<Outcome> ProveOldLogin(Context& context,
                                       celigo::Client& client) {
  const absl::StatusOr<Document> now =
      co_await client.GetConnection(context.notes.connection_id);
  if (!now.ok()) co_return FromError(now.status(), "reading the connection");
  const Comparison comparison = celigo::UnexpectedDifferences(
      context.notes.pre_image, *now,
      celigo::BasicIntent(context.notes.pre_image));
  if (!comparison.clean()) {
    co_return Blocked(
        "DOCUMENT_DIFFERS", "operator",
        absl::StrCat("the connection is not as it was before: ",
                     Fields(comparison.missing), " ",
                     Fields(comparison.unexpected)),
        {"mend the connection in Celigo by hand, then `keyturn retry`"});
  }
  const absl::StatusOr<celigo::PingResult> ping =
      co_await client.PingConnection(context.notes.connection_id);
  if (!ping.ok()) {
    co_return TestLost(context, ping.status(), "testing the connection");
  }
  context.notes.tests_lost = 0;
  if (!ping->ok) {
    co_return Blocked(
        "OLD_LOGIN_REFUSED", "operator",
        "the connection has its old login again, but NetSuite refuses it",
        {"give the credential of oldLogin the password that works "
         "(`keyturn credential rotate`), then `keyturn retry`"});
  }
  Outcome outcome = Done("the connection works on its old login again",
                         {{"netsuite.authType", "basic"}, {"test", "ok"}});
  // But for the login it was as it had been: else nothing was written back.
  std::string overwritten = context.notes.back_over;
  co_return co_await TellOthersEdits(context, client, std::move(outcome),
                                     context.notes.pre_image,
                                     std::move(overwritten));
}

Outcome BackRefused(const absl::Status& status, std::string_view doing) {
  if (base::ReasonOf(status) == "WSDL_TBA_MANDATORY") {
    return OneWay("Celigo refuses password logins");
  }
  return FromError(status, doing);
}

// The gate before a token that works is taken out again: Celigo tests the old
// document unsaved. No value: it works.
asio::awaitable<std::optional<Outcome>> TestOldDocument(
    Context& context, celigo::Client& client, const secret::Secret& document) {
  const absl::StatusOr<celigo::PingResult> ping =
      co_await client.PingCandidate(document.Clone());
  if (!ping.ok()) {
    const Outcome refused = BackRefused(ping.status(), "testing the old login");
    if (refused.kind == Outcome::Kind::kTurnForward) co_return refused;
    co_return TestLost(context, ping.status(), "testing the old login");
  }
  context.notes.tests_lost = 0;
  if (ping->ok) co_return std::nullopt;
  co_return OneWay("NetSuite refuses the old login");
}

// Over `seen`, what the connection was when it was looked at. `gated`: it logs
// in with a token that must not be lost.
asio::awaitable<Outcome> WriteBack(Context& context, celigo::Client& client,
                                   const Document& seen, bool gated) {
  absl::StatusOr<OldLogin> old = WithOldLogin(context, context.notes.pre_image);
  if (!old.ok()) {
    co_return FromError(old.status(), "making the old document");
  }
  if (gated) {
    std::optional<Outcome> closed =
        co_await TestOldDocument(context, client, old->document);
    if (closed.has_value()) co_return *std::move(closed);
  }
  const absl::StatusOr<Document> now =
      co_await client.GetConnection(context.notes.connection_id);
  if (!now.ok()) co_return FromError(now.status(), "reading the connection");
  if (!celigo::ChangedSincePlan(seen, *now).empty()) {
    co_return WaitFor(absl::Seconds(1),
                      "the connection is being changed by somebody else");
  }
  context.notes.back_version = old->version;
  context.notes.back_over = http::StringAt(*now, "lastModified");
  const absl::Status saved =
      co_await context.checkpoint("about to write the old login back");
  if (!saved.ok()) co_return FromError(saved, "storing what is to be written");
  const absl::Status written = co_await client.PutConnection(
      context.notes.connection_id, std::move(old->document));
  if (!written.ok()) {
    co_return BackRefused(written, "writing the connection back");
  }
  co_return co_await ProveOldLogin(context, client);
}

// So long a write whose answer was lost may still take effect: longer than the
// call itself was waited for.
constexpr absl::Duration kLateWriteMax = absl::Minutes(2);

// The connection logs in with a password. Was that our doing?
asio::awaitable<Outcome> UndoneAlready(Context& context, celigo::Client& client,
                                       const Document& now) {
  const Notes& notes = context.notes;
  if (notes.back_version == 0 && !migration::IsCutOver(context.migration)) {
    // Were the token revoked before, a late write would strand the connection.
    if (notes.sent_version > 0 && notes.sent_at.has_value() &&
        context.clock.Now() - *notes.sent_at < kLateWriteMax) {
      co_return WaitFor(absl::Seconds(5),
                        "waits whether the write whose answer was lost still "
                        "takes effect");
    }
    co_return Done("the connection was not switched",
                   {{"netsuite.authType", "basic"}});
  }
  if (notes.back_version > 0) {
    const absl::StatusOr<OldLogin> old = WithOldLogin(context, notes.pre_image);
    // A person has given the credential another password since.
    if (old.ok() && old->version != notes.back_version) {
      co_return co_await WriteBack(context, client, now, /*gated=*/false);
    }
  }
  co_return co_await ProveOldLogin(context, client);
}

}  // namespace

asio::awaitable<Outcome> UndoCutOver(Context& context) {
  const auto opened = context.Celigo();
  if (!opened.ok()) {
    co_return FromError(opened.status(), "opening the Celigo account");
  }
  const std::shared_ptr<celigo::Client> client = *opened;
  const absl::StatusOr<Document> now =
      co_await client->GetConnection(context.notes.connection_id);
  if (absl::IsNotFound(now.status())) {
    co_return Done("the connection is gone from Celigo: nothing to go back to");
  }
  if (!now.ok()) co_return FromError(now.status(), "reading the connection");
  if (celigo::AuthTypeOf(*now) == "basic") {
    co_return co_await UndoneAlready(context, *client, *now);
  }
  if (context.notes.sent_version == 0) {
    co_return Done("somebody else switched the connection; it is left so",
                   {{"netsuite.authType", celigo::AuthTypeOf(*now)}});
  }
  if (context.spec().old_login.empty()) {
    co_return OneWay("the old login is not held");
  }
  const Comparison comparison = celigo::UnexpectedDifferences(
      context.notes.pre_image, *now,
      celigo::TokenIntent(context.notes.iclient_id));
  if (!comparison.unexpected.empty()) {
    co_return Blocked(
        "DOCUMENT_CHANGED", "operator",
        absl::StrCat("somebody else changed the connection since it was "
                     "switched (",
                     Fields(comparison.unexpected),
                     "); going back would undo that too"),
        {"take that change out of the connection in Celigo, then "
         "`keyturn retry`"});
  }
  std::optional<Outcome> unquiet = co_await EnsureQuiet(context, *client);
  if (unquiet.has_value()) co_return *std::move(unquiet);
  co_return co_await WriteBack(context, *client, *now, /*gated=*/true);
}

}  // namespace keyturn::steps
