#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <memory>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cli/commands/command.h"
#include "cli/commands/paging.h"
#include "cli/output/audit_page.h"
#include "cli/output/text.h"

namespace keyturn::cli {
namespace {

struct Arguments {
  std::string since;
  std::string until;
  std::string actor;
  std::string action;
  std::string target;
  int limit = 0;
  int64_t after = 0;
  std::vector<std::string> expected;
};

// "2026-11-24T13:00:00Z", or "2h" for two hours ago.
absl::StatusOr<absl::Time> ParseInstant(const std::string& option,
                                        const std::string& text) {
  absl::Duration ago;
  if (absl::ParseDuration(text, &ago) && ago >= absl::ZeroDuration()) {
    return absl::Now() - ago;
  }
  absl::Time time;
  std::string error;
  if (absl::ParseTime(absl::RFC3339_full, text, &time, &error)) return time;
  return UsageError(absl::StrCat(
      option, ": \"", OneLine(text),
      "\" is no instant; give one like 2026-11-24T13:00:00Z, or how long ago, "
      "like 2h"));
}

absl::Status SetInstant(const std::string& option, const std::string& text,
                        google::protobuf::Timestamp* timestamp) {
  const absl::StatusOr<absl::Time> time = ParseInstant(option, text);
  if (!time.ok()) return time.status();
  *timestamp = google::protobuf::util::TimeUtil::NanosecondsToTimestamp(
      absl::ToUnixNanos(*time));
  return absl::OkStatus();
}

absl::StatusOr<v1::ListAuditEntriesRequest> RequestOf(
    const Arguments& arguments) {
  v1::ListAuditEntriesRequest request;
  if (!arguments.since.empty()) {
    const absl::Status status =
        SetInstant("--since", arguments.since, request.mutable_since());
    if (!status.ok()) return status;
  }
  if (!arguments.until.empty()) {
    const absl::Status status =
        SetInstant("--until", arguments.until, request.mutable_until());
    if (!status.ok()) return status;
  }
  request.set_actor(arguments.actor);
  request.set_action(arguments.action);
  request.set_target(arguments.target);
  return request;
}

// The newest `limit` entries; 0: all.
absl::StatusOr<v1::ListAuditEntriesResponse> Newest(
    Client& client, v1::ListAuditEntriesRequest request, int limit) {
  if (limit == 0) {
    return ListAll(client, &v1::Audit::Stub::ListAuditEntries, request);
  }
  v1::ListAuditEntriesResponse all;
  while (all.audit_entries_size() < limit) {
    request.set_page_size(
        std::min(kPageSize, limit - all.audit_entries_size()));
    absl::StatusOr<v1::ListAuditEntriesResponse> page =
        client.Call(&v1::Audit::Stub::ListAuditEntries, request);
    if (!page.ok()) return page.status();
    request.set_page_token(page->next_page_token());
    page->clear_next_page_token();
    all.MergeFrom(*page);
    if (request.page_token().empty()) break;
  }
  return all;
}

Outcome List(Invocation& invocation, const Arguments& arguments) {
  const absl::StatusOr<v1::ListAuditEntriesRequest> request =
      RequestOf(arguments);
  if (!request.ok()) return request.status();
  const absl::StatusOr<Client*> client = invocation.Connect();
  if (!client.ok()) return client.status();
  const absl::StatusOr<v1::ListAuditEntriesResponse> response =
      Newest(**client, *request, arguments.limit);
  if (!response.ok()) {
    return WhileDoing(response.status(), "cannot list the audit trail");
  }
  invocation.Print(*response, [&response](const Style& style) {
    return AuditTable(
        {response->audit_entries().begin(), response->audit_entries().end()},
        style);
  });
  return ExitCode::kDone;
}

Outcome Tail(Invocation& invocation, const Arguments& arguments) {
  const absl::StatusOr<Client*> client = invocation.Connect();
  if (!client.ok()) return client.status();
  v1::TailAuditRequest request;
  request.set_after_sequence(arguments.after);
  grpc::ClientContext context;
  const auto stream = (*client)->TailAudit(context, request);
  Console& console = invocation.console();
  const Style style = Style::For(console, Stream::kOut);
  v1::TailAuditResponse response;
  while (stream->Read(&response)) {
    const v1::AuditEntry& entry = response.audit_entry();
    switch (invocation.format()) {
      case OutputFormat::kJson:
        console.Write(Stream::kOut, ToJsonLine(entry) + "\n");
        break;
      case OutputFormat::kYaml:
        console.Write(Stream::kOut,
                      "---\n" + ToStructured(entry, OutputFormat::kYaml));
        break;
      case OutputFormat::kTable:
        console.Write(Stream::kOut, AuditLine(entry, style));
        break;
    }
  }
  const absl::Status status = (*client)->Tell(stream->Finish());
  if (status.ok()) return ExitCode::kDone;
  return WhileDoing(status, "cannot watch the audit trail");
}

// "SEQUENCE:HEAD".
absl::Status AddExpected(const std::string& text,
                         v1::VerifyAuditRequest& request) {
  const size_t colon = text.find(':');
  int64_t sequence = 0;
  if (colon == std::string::npos ||
      !absl::SimpleAtoi(text.substr(0, colon), &sequence)) {
    return UsageError(
        absl::StrCat("--expect: \"", OneLine(text),
                     "\" is not SEQUENCE:HEAD, as in a checkpoint's line"));
  }
  v1::VerifyAuditRequest::Expected* const expected = request.add_expected();
  expected->set_sequence(sequence);
  expected->set_head(text.substr(colon + 1));
  return absl::OkStatus();
}

Outcome Verify(Invocation& invocation, const Arguments& arguments) {
  v1::VerifyAuditRequest request;
  for (const std::string& text : arguments.expected) {
    const absl::Status status = AddExpected(text, request);
    if (!status.ok()) return status;
  }
  const absl::StatusOr<Client*> client = invocation.Connect();
  if (!client.ok()) return client.status();
  const absl::StatusOr<v1::VerifyAuditResponse> verdict = (*client)->Call(
      &v1::Audit::Stub::VerifyAudit, request, kOutsideCallTimeout);
  if (!verdict.ok()) {
    return WhileDoing(verdict.status(), "cannot verify the audit trail");
  }
  invocation.Print(*verdict, [&verdict](const Style& style) {
    return VerdictPage(*verdict, style);
  });
  return verdict->intact() ? ExitCode::kDone : ExitCode::kFailed;
}

void AddListCommand(CLI::App& noun, Invocation& invocation) {
  const auto arguments = std::make_shared<Arguments>();
  CLI::App& list = AddCommand(
      noun, invocation, "list", "Lists what was done and by whom, newest first",
      {"keyturn audit list --limit 20",
       "keyturn audit list --since 2h --actor ann",
       "keyturn audit list --action CreateCredential -o json",
       "keyturn audit list --target migrations/k3q7n2x5a4bcdefg"},
      [&invocation, arguments] { return List(invocation, *arguments); });
  list.add_option("--since", arguments->since,
                  "From this instant on, or from so long ago")
      ->type_name("TIME");
  list.add_option("--until", arguments->until, "Before this instant")
      ->type_name("TIME");
  list.add_option("--actor", arguments->actor, "Only what this identity did")
      ->type_name("NAME");
  list.add_option("--action", arguments->action,
                  "Only this action: an RPC, or step/cut_over and the like")
      ->type_name("ACTION");
  list.add_option("--target", arguments->target,
                  "Only what was done to this resource")
      ->type_name("RESOURCE");
  list.add_option("--limit", arguments->limit,
                  "At most so many entries [all of them]")
      ->check(CLI::Range(1, 1'000'000))
      ->type_name("N");
}

}  // namespace

void AddAuditCommands(CLI::App& top, Invocation& invocation) {
  CLI::App& noun = AddNoun(top, "audit", "The trail of who did what");
  AddListCommand(noun, invocation);

  const auto arguments = std::make_shared<Arguments>();
  CLI::App& tail = AddCommand(
      noun, invocation, "tail", "Shows each entry as it is made, until Ctrl-C",
      {"keyturn audit tail", "keyturn audit tail --after 1200 -o json"},
      [&invocation, arguments] { return Tail(invocation, *arguments); });
  tail.add_option("--after", arguments->after,
                  "Begins after this entry [with what comes from now on]")
      ->check(CLI::NonNegativeNumber)
      ->type_name("SEQUENCE");

  CLI::App& verify = AddCommand(
      noun, invocation, "verify",
      "Says whether somebody edited, removed or reordered entries, cut off the "
      "end, or put an old copy of the database back",
      {"keyturn audit verify", "keyturn audit verify -o json",
       "keyturn audit verify --expect 1200:5f1c…", "",
       "Exit code 1 when something was found. --expect takes what a "
       "checkpoint's",
       "line says (in the journal, on another machine), or an earlier head."},
      [&invocation, arguments] { return Verify(invocation, *arguments); });
  verify
      .add_option("--expect", arguments->expected,
                  "The trail had this head after this entry; may be repeated")
      ->allow_extra_args(false)
      ->type_name("SEQUENCE:HEAD");
}

}  // namespace keyturn::cli
