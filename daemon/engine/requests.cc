#include "daemon/engine/requests.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/engine/trail_rows.h"

namespace keyturn::engine {
namespace {

store::AuditRow OutcomeOf(const Request& request, const absl::Status& result,
                          absl::Time now) {
  store::AuditRow row =
      RowOf(request.caller, request.action, request.target, result, now);
  if (request.openings != nullptr) {
    row.detail = DetailOf(*request.openings, row.detail);
  }
  return row;
}

}  // namespace

Extras ExtrasOf(const Request& request, std::string answer, absl::Time now) {
  Extras extras;
  extras.audit.push_back(OutcomeOf(request, absl::OkStatus(), now));
  if (request.caller.request_id.empty()) return extras;
  extras.request =
      store::RequestRecord{request.caller.identity, request.caller.request_id,
                           request.caller.fingerprint, std::move(answer), now};
  return extras;
}

absl::StatusOr<std::string> Requests::FindAnswer(const Caller& caller) {
  if (caller.request_id.empty()) return std::string();
  ASSIGN_OR_RETURN(const std::optional<store::RequestRecord> stored,
                   store_.FindRequest(caller.identity, caller.request_id));
  if (!stored.has_value()) return std::string();
  if (stored->fingerprint != caller.fingerprint) {
    return base::WithReason(
        absl::AlreadyExistsError(absl::StrCat(
            "request id ", caller.request_id,
            " was used for another request; give each request its own id")),
        "REQUEST_ID_REUSED");
  }
  return stored->answer;
}

asio::awaitable<void> Requests::Enter(Key key) {
  Waiting& waiting = under_way_[std::move(key)];
  ++waiting.users;
  co_await waiting.turns.Take();
}

void Requests::Leave(const Key& key) {
  const auto found = under_way_.find(key);
  found->second.turns.Pass();
  if (--found->second.users == 0) under_way_.erase(found);
}

asio::awaitable<void> Requests::Tell(Request request, absl::Status result) {
  const bool used = request.openings != nullptr && !request.openings->empty();
  const bool ours = base::ReasonOf(result) == "STOPPING";
  if ((ours && !used) || ledger_.broken()) co_return;
  store::Batch batch;
  batch.audit.push_back(OutcomeOf(request, result, clock_.Now()));
  const absl::Status stored = co_await ledger_.Commit(std::move(batch));
  if (!stored.ok()) {
    const std::string line =
        absl::StrCat("audit: the end of ", request.action,
                     " could not be stored: ", stored.message());
    ledger_.Log({line});
  }
}

}  // namespace keyturn::engine
