#include "daemon/rpc/support_bundle.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/rpc/convert.h"

namespace keyturn::rpc {
namespace {

constexpr store::PageRequest kFirstPage{kBundleItemsMax, ""};

void NoteCut(bool more, const char* what, v1::SupportBundle* bundle) {
  if (!more) return;
  bundle->add_cut(absl::StrCat("only the first ", kBundleItemsMax, " ", what));
}

absl::Status AddRegistry(store::Store& store, v1::SupportBundle* bundle) {
  ASSIGN_OR_RETURN(const auto credentials, store.ListCredentials(kFirstPage));
  for (const store::CredentialInfo& credential : credentials.items) {
    *bundle->add_credentials() = ToProto(credential);
  }
  NoteCut(!credentials.next.empty(), "credentials", bundle);
  ASSIGN_OR_RETURN(const auto accounts, store.ListAccounts(kFirstPage));
  for (const store::Account& account : accounts.items) {
    *bundle->add_accounts() = ToProto(account);
  }
  NoteCut(!accounts.next.empty(), "accounts", bundle);
  return absl::OkStatus();
}

absl::Status AddEvents(store::Store& store, v1::SupportBundle* bundle) {
  ASSIGN_OR_RETURN(const int64_t last, store.LastSequence(""));
  const int64_t after = std::max<int64_t>(0, last - kBundleItemsMax);
  ASSIGN_OR_RETURN(const std::vector<store::StoredEvent> events,
                   store.ListEvents("", after, kBundleItemsMax));
  for (const store::StoredEvent& event : events) {
    *bundle->add_events() = ToProto(event);
  }
  return absl::OkStatus();
}

// The newest lines that have room, oldest first.
void AddLog(const std::vector<std::string>& lines, v1::SupportBundle* bundle) {
  size_t bytes = 0;
  auto first = lines.end();
  while (first != lines.begin() &&
         bytes + std::prev(first)->size() <= kBundleLogBytesMax) {
    --first;
    bytes += first->size();
  }
  bundle->mutable_log_lines()->Assign(first, lines.end());
}

}  // namespace

absl::Status FillSupportBundle(store::Store& store, const Diagnosis& diagnosis,
                               absl::Time now, v1::SupportBundle* bundle) {
  *bundle->mutable_create_time() = ToProto(now);
  for (const auto& [key, value] : diagnosis.configuration) {
    (*bundle->mutable_configuration())[key] = value;
  }
  for (const auto& [key, value] : diagnosis.process) {
    (*bundle->mutable_process())[key] = value;
  }
  RETURN_IF_ERROR(AddRegistry(store, bundle));
  RETURN_IF_ERROR(AddEvents(store, bundle));
  AddLog(diagnosis.log_lines, bundle);
  return absl::OkStatus();
}

}  // namespace keyturn::rpc
