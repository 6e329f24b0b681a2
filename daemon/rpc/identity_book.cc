#include "daemon/rpc/identity_book.h"

#include <algorithm>
#include <utility>

#include "daemon/base/status.h"

namespace keyturn::rpc {
namespace {

absl::Status Revoked() {
  return base::WithReason(
      absl::UnauthenticatedError(
          "the client certificate was revoked; ask an administrator for an "
          "invitation"),
      "CERTIFICATE_REVOKED");
}

absl::Status Expired() {
  return base::WithReason(
      absl::UnauthenticatedError(
          "the client certificate has expired while this stream was open"),
      "CERTIFICATE_EXPIRED");
}

absl::Status NotLetIn() {
  return base::WithReason(
      absl::UnauthenticatedError(
          "the daemon's configuration does not let this caller in as before"),
      "IDENTITY_UNKNOWN");
}

absl::Status Unknown() {
  return base::WithReason(
      absl::UnauthenticatedError(
          "the client certificate is none that this daemon gave out; ask an "
          "administrator for an invitation"),
      "CERTIFICATE_UNKNOWN");
}

access::Roles RolesOf(const std::vector<std::string>& names) {
  access::Roles roles;
  for (const std::string& name : names) {
    if (const auto role = access::RoleFromName(name)) roles.Add(*role);
  }
  return roles;
}

}  // namespace

IdentityBook::~IdentityBook() { StoreUses(); }

IdentityBook::Follower::~Follower() {
  base::MutexLock lock(book_.mutex_);
  book_.followed_.erase(id_);
}

absl::Status IdentityBook::Check(access::Identity& identity) {
  const absl::Time now = options_.clock.Now();
  store::Batch uses;
  {
    base::MutexLock lock(mutex_);
    ASSIGN_OR_RETURN(Entry* const entry, Find(identity.certificate_serial));
    if (entry == nullptr) {
      return options_.knows_all ? Unknown() : absl::OkStatus();
    }
    if (entry->name != identity.name) return Unknown();
    if (entry->revoked) return Revoked();
    identity.roles = identity.roles.Intersection(entry->roles);
    identity.accounts = identity.accounts.Intersection(entry->accounts);
    // They contradict each other: one of them was altered. What is limited to
    // nothing could not be told from what is not limited, when it is renewed.
    if (identity.accounts.empty()) return Unknown();
    entry->used_at = std::max(entry->used_at, now);
    last_uses_[entry->name] = now;
    if (now - entry->use_stored_at >= kUseStoredEvery) uses = TakeUses();
  }
  if (!uses.identities.empty()) {
    // A use that is not stored is no reason to refuse the call.
    options_.store.Commit(std::move(uses), [](const auto&) {});
  }
  return absl::OkStatus();
}

// The store is read under the lock: so a revocation, which is noted after it is
// durable, either is seen here or finds the entry.
absl::StatusOr<IdentityBook::Entry*> IdentityBook::Find(
    const std::string& serial) {
  const auto known = entries_.find(serial);
  if (known != entries_.end()) return &known->second;
  const absl::StatusOr<store::Certificate> stored =
      options_.store.GetCertificate(serial);
  if (stored.status().code() == absl::StatusCode::kNotFound) return nullptr;
  RETURN_IF_ERROR(stored.status());
  if (entries_.size() >= kBookEntriesMax) entries_.clear();
  Entry entry;
  entry.name = stored->identity;
  entry.roles = RolesOf(stored->roles);
  entry.accounts = access::AccountScope::OfList(stored->accounts);
  entry.revoked = stored->revoked_at.has_value();
  entry.used_at = stored->used_at.value_or(stored->issued_at);
  entry.use_stored_at = entry.used_at;
  return &entries_.emplace(serial, std::move(entry)).first->second;
}

std::unique_ptr<IdentityBook::Follower> IdentityBook::Follow(
    const access::Identity& identity, std::function<void(absl::Status)> cut) {
  bool revoked = false;
  std::unique_ptr<Follower> follower;
  {
    base::MutexLock lock(mutex_);
    const auto entry = entries_.find(identity.certificate_serial);
    revoked =
        !identity.outside && entry != entries_.end() && entry->second.revoked;
    follower = std::make_unique<Follower>(*this, next_follower_);
    if (!revoked) followed_[next_follower_] = {identity, cut};
    ++next_follower_;
  }
  if (revoked) cut(Revoked());
  return follower;
}

template <typename Leaves>
IdentityBook::Cuts IdentityBook::TakeFollowed(Leaves leaves) {
  Cuts cuts;
  for (auto it = followed_.begin(); it != followed_.end();) {
    if (leaves(it->second.identity)) {
      cuts.push_back(std::move(it->second.cut));
      it = followed_.erase(it);
    } else {
      ++it;
    }
  }
  return cuts;
}

void IdentityBook::NoteRevocation(const std::string& name) {
  Cuts cuts;
  {
    base::MutexLock lock(mutex_);
    for (auto& [serial, entry] : entries_) {
      if (entry.name == name) entry.revoked = true;
    }
    cuts = TakeFollowed([&name](const access::Identity& identity) {
      return identity.name == name;
    });
  }
  for (const auto& cut : cuts) cut(Revoked());
}

void IdentityBook::CutExpired(absl::Time now) {
  Cuts cuts;
  {
    base::MutexLock lock(mutex_);
    cuts = TakeFollowed([now](const access::Identity& identity) {
      return identity.certificate_expires_at <= now;
    });
  }
  for (const auto& cut : cuts) cut(Expired());
}

void IdentityBook::Review(
    const std::function<bool(const access::Identity&)>& stays) {
  Cuts cuts;
  {
    base::MutexLock lock(mutex_);
    cuts = TakeFollowed([&stays](const access::Identity& identity) {
      return identity.outside && !stays(identity);
    });
  }
  for (const auto& cut : cuts) cut(NotLetIn());
}

std::optional<absl::Time> IdentityBook::LastUse(const std::string& name) const {
  base::MutexLock lock(mutex_);
  const auto use = last_uses_.find(name);
  if (use == last_uses_.end()) return std::nullopt;
  return use->second;
}

void IdentityBook::StoreUses() {
  store::Batch uses;
  {
    base::MutexLock lock(mutex_);
    uses = TakeUses();
  }
  if (uses.identities.empty()) return;
  options_.store.Commit(std::move(uses), [](const auto&) {});
}

store::Batch IdentityBook::TakeUses() {
  store::Batch batch;
  for (auto& [serial, entry] : entries_) {
    if (entry.used_at <= entry.use_stored_at) continue;
    entry.use_stored_at = entry.used_at;
    batch.identities.push_back(
        store::NoteCertificateUse{serial, entry.used_at});
  }
  return batch;
}

}  // namespace keyturn::rpc
