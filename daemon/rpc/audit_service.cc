#include "daemon/rpc/audit_service.h"

#include <pthread.h>

#include <asio/post.hpp>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/mutex.h"
#include "daemon/base/status.h"
#include "daemon/rpc/convert.h"
#include "daemon/rpc/nesting.h"
#include "daemon/rpc/pages.h"

namespace keyturn::rpc {
namespace {

constexpr std::string_view kTail = "keyturn.v1.Audit/TailAudit";
constexpr char kTarget[] = "audit";
constexpr int64_t kTimeSecondsMax = 253'402'300'799;

v1::AuditEntry EntryOf(const store::AuditRow& row) {
  v1::AuditEntry entry;
  entry.set_sequence(row.sequence);
  *entry.mutable_time() = ToProto(row.time);
  entry.set_actor(row.actor);
  entry.set_transport(row.transport);
  entry.set_certificate_subject(row.subject);
  entry.set_certificate_serial(row.serial);
  entry.set_peer(row.peer);
  entry.set_action(row.action);
  entry.set_target(row.target);
  entry.set_request_id(row.request_id);
  entry.set_request_digest(row.digest);
  entry.set_result(row.result);
  entry.set_detail(row.detail);
  return entry;
}

v1::AuditFinding::Kind KindOf(audit::Finding::Kind kind) {
  switch (kind) {
    case audit::Finding::Kind::kRowEdited:
      return v1::AuditFinding::ROW_EDITED;
    case audit::Finding::Kind::kRowsRemoved:
      return v1::AuditFinding::ROWS_REMOVED;
    case audit::Finding::Kind::kRowsReordered:
      return v1::AuditFinding::ROWS_REORDERED;
    case audit::Finding::Kind::kTailCut:
      return v1::AuditFinding::TAIL_CUT;
    case audit::Finding::Kind::kOldCopy:
      return v1::AuditFinding::OLD_COPY;
    case audit::Finding::Kind::kRowsUnproved:
      return v1::AuditFinding::ROWS_UNPROVED;
    case audit::Finding::Kind::kCheckpointAltered:
      return v1::AuditFinding::CHECKPOINT_ALTERED;
  }
  return v1::AuditFinding::KIND_UNSPECIFIED;
}

v1::VerifyAuditResponse ResponseOf(const audit::Verdict& verdict) {
  v1::VerifyAuditResponse response;
  response.set_intact(verdict.intact());
  for (const audit::Finding& finding : verdict.findings) {
    v1::AuditFinding* const told = response.add_findings();
    told->set_kind(KindOf(finding.kind));
    told->set_first_sequence(finding.first_sequence);
    told->set_last_sequence(finding.last_sequence);
    told->set_message(finding.message);
  }
  response.set_findings_not_told(verdict.findings_not_told);
  response.set_entries(verdict.rows);
  response.set_last_sequence(verdict.last_sequence);
  response.set_head(absl::BytesToHexString(verdict.head));
  response.set_checkpoints(verdict.checkpoints);
  return response;
}

absl::StatusOr<std::optional<absl::Time>> InstantOf(
    std::string_view field, bool given, const google::protobuf::Timestamp& at) {
  if (!given) return std::optional<absl::Time>();
  if (at.seconds() < 0 || at.seconds() > kTimeSecondsMax || at.nanos() < 0 ||
      at.nanos() > 999'999'999) {
    return base::FieldError(field, "is no instant from 1970 to 9999");
  }
  return std::optional(absl::FromUnixSeconds(at.seconds()) +
                       absl::Nanoseconds(at.nanos()));
}

absl::StatusOr<store::AuditFilter> FilterOf(
    const v1::ListAuditEntriesRequest& request) {
  store::AuditFilter filter;
  ASSIGN_OR_RETURN(filter.since,
                   InstantOf("since", request.has_since(), request.since()));
  ASSIGN_OR_RETURN(filter.until,
                   InstantOf("until", request.has_until(), request.until()));
  filter.actor = request.actor();
  filter.action = request.action();
  filter.target = request.target();
  return filter;
}

absl::StatusOr<std::vector<audit::Checkpoint>> ExpectedOf(
    const v1::VerifyAuditRequest& request) {
  if (request.expected_size() > kExpectedMax) {
    return base::FieldError("expected",
                            absl::StrCat("has more than ", kExpectedMax));
  }
  std::vector<audit::Checkpoint> expected;
  for (int i = 0; i < request.expected_size(); ++i) {
    const v1::VerifyAuditRequest::Expected& one = request.expected(i);
    const std::string head = absl::HexStringToBytes(one.head());
    if (one.sequence() <= 0) {
      return base::FieldError(absl::StrCat("expected[", i, "].sequence"),
                              "must be above 0");
    }
    if (head.size() != audit::kHeadBytes ||
        absl::BytesToHexString(head) != one.head()) {
      return base::FieldError(absl::StrCat("expected[", i, "].head"),
                              "must be 64 lower-case hexadecimal digits");
    }
    expected.push_back({one.sequence(), head, absl::InfinitePast()});
  }
  return expected;
}

}  // namespace

// One auditor's stream. The service's thread gives it a page whenever it has
// sent all of the one before, so a slow reader costs one page and nobody waits.
class AuditService::Tail final
    : public grpc::ServerWriteReactor<v1::TailAuditResponse>,
      public std::enable_shared_from_this<Tail> {
 public:
  Tail(std::function<grpc::Status(const absl::Status&)> to_status,
       int64_t after_sequence)
      : after_sequence(after_sequence), to_status_(std::move(to_status)) {}

  // Keeps the stream alive until gRPC is done with it.
  grpc::ServerWriteReactor<v1::TailAuditResponse>* Serve() {
    self_ = shared_from_this();
    return this;
  }

  bool ended() {
    base::MutexLock lock(mutex_);
    return ended_;
  }
  bool wants_more() {
    base::MutexLock lock(mutex_);
    return !ended_ && queue_.empty() && !writing_;
  }

  void Push(const std::vector<store::AuditRow>& rows) {
    bool write = false;
    {
      base::MutexLock lock(mutex_);
      if (ended_) return;
      for (const store::AuditRow& row : rows) {
        *queue_.emplace_back().mutable_audit_entry() = EntryOf(row);
      }
      write = !writing_ && !queue_.empty();
      writing_ = writing_ || write;
    }
    if (write) StartWrite(&queue_.front());
  }

  // Only the first call counts; what is being written is written.
  void End(const absl::Status& status) {
    {
      base::MutexLock lock(mutex_);
      if (std::exchange(ended_, true)) return;
    }
    Finish(to_status_(status));
  }

  // Called on gRPC's threads; to be set before Serve.
  std::function<void()> on_sent;
  std::function<void()> on_gone;
  // Of the service's thread alone, once it is served.
  int64_t after_sequence;

 private:
  void OnWriteDone(bool ok) override {
    bool write = false;
    {
      base::MutexLock lock(mutex_);
      if (ended_) return;
      if (ok) {
        queue_.pop_front();
        write = !queue_.empty();
        writing_ = write;
      }
    }
    if (!ok) {
      End(absl::CancelledError("the reader has gone"));
    } else if (write) {
      StartWrite(&queue_.front());
    } else {
      on_sent();
    }
  }
  void OnCancel() override { End(absl::CancelledError("the reader has gone")); }
  void OnDone() override {
    on_gone();
    self_ = nullptr;
  }

  const std::function<grpc::Status(const absl::Status&)> to_status_;
  std::shared_ptr<Tail> self_;
  base::Mutex mutex_;
  // The front is being written while `writing_`; only who ends a write, or
  // finds none under way, touches it.
  std::deque<v1::TailAuditResponse> queue_;
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
};

AuditService::AuditService(Gate& gate, store::Store& store, audit::Trail& trail)
    : gate_(gate),
      store_(store),
      trail_(trail),
      work_(context_.get_executor()),
      subscription_(store.SubscribeAudit([this](int64_t) {
        if (!feed_posted_.exchange(true)) {
          asio::post(context_, [this] { FeedAll(); });
        }
      })) {
  thread_ = std::thread([this] { context_.run(); });
  pthread_setname_np(thread_.native_handle(), "kt-auditors");
}

AuditService::~AuditService() {
  subscription_ = nullptr;
  context_.stop();
  thread_.join();
}

grpc::ServerUnaryReactor* AuditService::ListAuditEntries(
    grpc::CallbackServerContext* context,
    const v1::ListAuditEntriesRequest* request,
    v1::ListAuditEntriesResponse* response) {
  return gate_.Record(
      context, "keyturn.v1.Audit/ListAuditEntries", *request, kTarget,
      [this, request, response](const access::Identity&, Finish finish) {
        asio::post(context_,
                   [this, request, response, finish = std::move(finish)] {
                     finish(List(*request, response));
                   });
        return absl::OkStatus();
      });
}

absl::Status AuditService::List(const v1::ListAuditEntriesRequest& request,
                                v1::ListAuditEntriesResponse* response) {
  v1::ListAuditEntriesRequest others = request;
  others.clear_page_size();
  others.clear_page_token();
  const std::string list =
      absl::StrCat("ListAuditEntries ", others.SerializeAsString());
  ASSIGN_OR_RETURN(const int limit,
                   ParsePageSize(request.page_size(), kPageSizeDefault));
  ASSIGN_OR_RETURN(const std::string after,
                   ParsePageToken(list, request.page_token()));
  ASSIGN_OR_RETURN(const store::AuditFilter filter, FilterOf(request));
  return FillPage(limit, response, [&](int size, auto* page) -> absl::Status {
    ASSIGN_OR_RETURN(const auto found,
                     store_.FindAuditRows(filter, {size, after}));
    for (const store::AuditRow& row : found.items) {
      *page->add_audit_entries() = EntryOf(row);
    }
    page->set_next_page_token(MakePageToken(list, found.next));
    return absl::OkStatus();
  });
}

grpc::ServerUnaryReactor* AuditService::VerifyAudit(
    grpc::CallbackServerContext* context, const v1::VerifyAuditRequest* request,
    v1::VerifyAuditResponse* response) {
  return gate_.Record(
      context, "keyturn.v1.Audit/VerifyAudit", *request, kTarget,
      [this, request, response](const access::Identity&,
                                Finish finish) -> absl::Status {
        if (++verifications_ > kVerificationsMax) {
          --verifications_;
          return base::WithReason(
              absl::ResourceExhaustedError(
                  "the trail is being verified already; try again later"),
              "TOO_MANY_CALLS");
        }
        asio::post(context_,
                   [this, request, response, finish = std::move(finish)] {
                     const absl::Status status = Verify(*request, response);
                     --verifications_;
                     finish(status);
                   });
        return absl::OkStatus();
      });
}

absl::Status AuditService::Verify(const v1::VerifyAuditRequest& request,
                                  v1::VerifyAuditResponse* response) {
  ASSIGN_OR_RETURN(std::vector<audit::Checkpoint> expected,
                   ExpectedOf(request));
  ASSIGN_OR_RETURN(const audit::Verdict verdict,
                   trail_.Verify(std::move(expected)));
  *response = ResponseOf(verdict);
  return absl::OkStatus();
}

grpc::ServerWriteReactor<v1::TailAuditResponse>* AuditService::TailAudit(
    grpc::CallbackServerContext* context, const v1::TailAuditRequest* request) {
  auto call = std::make_shared<Gate::Call>(gate_, kTail, /*request_id=*/"",
                                           /*resource=*/kTarget);
  const auto tail = std::make_shared<Tail>(
      [call](const absl::Status& status) { return call->End(status); },
      request->after_sequence());
  tail->on_sent = [this, tail = tail.get()] {
    asio::post(context_,
               [this, kept = tail->shared_from_this()] { Feed(kept); });
  };
  tail->on_gone = [this, tail = tail.get()] {
    asio::post(context_,
               [this, kept = tail->shared_from_this()] { tails_.erase(kept); });
  };
  auto* const served = tail->Serve();
  absl::Status status = gate_.Admit(*context, *call, Gate::Kind::kStream);
  if (status.ok()) status = CheckNesting(*request);
  if (status.ok() && request->after_sequence() < 0) {
    status = base::FieldError("after_sequence", "must not be negative");
  }
  if (!status.ok()) {
    tail->End(status);
    return served;
  }
  trail_.Write(gate_.RowOf(*call, kTarget, "INTENDED"),
               [this, tail](const absl::Status& told) {
                 if (!told.ok()) {
                   tail->End(told);
                   return;
                 }
                 asio::post(context_, [this, tail] { Begin(tail); });
               });
  call->CutWhenRevoked(
      [weak = std::weak_ptr<Tail>(tail)](const absl::Status& why) {
        if (const auto open = weak.lock()) open->End(why);
      });
  return served;
}

void AuditService::Begin(const std::shared_ptr<Tail>& tail) {
  if (tail->ended()) return;
  if (stopping_) {
    tail->End(base::WithReason(absl::UnavailableError("the daemon stops"),
                               "STOPPING"));
    return;
  }
  if (tails_.size() >= kTailsMax) {
    tail->End(base::WithReason(
        absl::ResourceExhaustedError(absl::StrCat(
            kTailsMax, " auditors watch the trail already; try later")),
        "TOO_MANY_WATCHERS"));
    return;
  }
  if (tail->after_sequence == 0) {
    const absl::StatusOr<int64_t> last = store_.LastAuditSequence();
    if (!last.ok()) {
      tail->End(last.status());
      return;
    }
    tail->after_sequence = *last;
  }
  tails_.insert(tail);
  Feed(tail);
}

void AuditService::Feed(const std::shared_ptr<Tail>& tail) {
  if (!tails_.contains(tail) || !tail->wants_more()) return;
  const absl::StatusOr<std::vector<store::AuditRow>> rows =
      store_.ListAuditRows(tail->after_sequence, kTailPageMax);
  if (!rows.ok()) {
    tail->End(rows.status());
    return;
  }
  if (rows->empty()) return;
  tail->after_sequence = rows->back().sequence;
  tail->Push(*rows);
}

void AuditService::FeedAll() {
  feed_posted_ = false;
  const Tails tails = tails_;
  for (const std::shared_ptr<Tail>& tail : tails) Feed(tail);
}

void AuditService::Stop() {
  asio::post(context_, [this] {
    stopping_ = true;
    const Tails tails = std::exchange(tails_, {});
    for (const std::shared_ptr<Tail>& tail : tails) {
      tail->End(base::WithReason(
          absl::UnavailableError("the daemon stops; watch again later"),
          "STOPPING"));
    }
  });
}

}  // namespace keyturn::rpc
