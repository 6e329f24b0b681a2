// The saved connection works: Celigo tests it, shows it online, and reads
// NetSuite's record types through it, which needs more than a login.
#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/steps/connection_tests.h"
#include "daemon/steps/steps.h"

namespace keyturn::steps {
namespace {

// Celigo updates `offline` after a test.
constexpr absl::Duration kOnlinePoll = absl::Seconds(1);
constexpr int kOnlineLooksMax = 30;

bool IsOffline(const celigo::Document& connection) {
  return connection.contains("offline") && connection.at("offline") == true;
}

// A read through NetSuite; an account whose token may not ask is no failure.
asio::awaitable<Outcome> ReadMetadata(Context& context,
                                      celigo::Client& client) {
  std::vector<migration::Proof> proofs = {{"test", "ok"}, {"offline", "false"}};
  const absl::StatusOr<size_t> types =
      co_await client.CountRecordTypes(context.notes.connection_id);
  if (types.ok()) {
    proofs.push_back(
        {"record types read through NetSuite", absl::StrCat(*types)});
    co_return Done("the connection works on the token", std::move(proofs));
  }
  const std::string reason = base::ReasonOf(types.status());
  if (absl::IsNotFound(types.status()) || reason == "OUTSIDE_FORBIDDEN") {
    proofs.push_back({"record types", "not offered to Keyturn's Celigo token"});
    co_return Done("the connection works on the token", std::move(proofs));
  }
  const Outcome outcome =
      FromError(types.status(), "reading NetSuite's record types");
  if (outcome.kind == Outcome::Kind::kRetry) co_return outcome;
  if (ConcernsOurAccess(types.status())) {
    // The connection's login or ours: whether our own token works tells.
    const absl::StatusOr<celigo::TokenInfo> ours =
        co_await client.GetTokenInfo();
    if (!ours.ok()) {
      co_return FromError(ours.status(), "reading NetSuite's record types");
    }
  }
  std::vector<std::string> codes = {"RECORD_TYPES_NOT_READABLE"};
  co_return co_await AskToMend(context, std::move(codes));
}

}  // namespace

asio::awaitable<Outcome> VerifyConnection(Context& context) {
  const auto opened = context.Celigo();
  if (!opened.ok()) {
    co_return FromError(opened.status(), "opening the Celigo account");
  }
  const std::shared_ptr<celigo::Client> client = *opened;
  const absl::StatusOr<celigo::PingResult> ping =
      co_await client->PingConnection(context.notes.connection_id);
  if (!ping.ok()) co_return FromError(ping.status(), "testing the connection");
  if (!ping->ok) co_return co_await AskToMend(context, ping->codes);
  const absl::StatusOr<celigo::Document> now =
      co_await client->GetConnection(context.notes.connection_id);
  if (!now.ok()) co_return FromError(now.status(), "reading the connection");
  if (IsOffline(*now)) {
    if (context.record().waits < kOnlineLooksMax) {
      co_return WaitFor(kOnlinePoll,
                        "waits for Celigo to show the connection "
                        "online");
    }
    co_return Blocked(
        "CONNECTION_OFFLINE", "operator",
        "the test of the connection succeeds, but Celigo still shows it "
        "offline",
        {"open the connection in Celigo and test it there, then "
         "`keyturn retry`"});
  }
  co_return co_await ReadMetadata(context, *client);
}

}  // namespace keyturn::steps
