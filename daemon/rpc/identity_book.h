// Which client certificates count, beyond their signature.
#ifndef KEYTURN_DAEMON_RPC_IDENTITY_BOOK_H_
#define KEYTURN_DAEMON_RPC_IDENTITY_BOOK_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "daemon/access/identity.h"
#include "daemon/base/clock.h"
#include "daemon/base/mutex.h"
#include "daemon/store/store.h"

namespace keyturn::rpc {

// Certificates that are kept in memory.
inline constexpr size_t kBookEntriesMax = 10'000;
// The last use of a certificate is stored that often: a read must not cost a
// write. What a crash loses of it is no more than that.
inline constexpr absl::Duration kUseStoredEvery = absl::Minutes(5);

// Reads each certificate from the store once. Thread-safe. Outlives those who
// follow.
class IdentityBook {
 public:
  struct Options {
    store::Store& store;
    base::Clock& clock;
    // Whether every valid certificate is in the store, because our own
    // authority alone signs. Otherwise one that is not there counts too.
    bool knows_all = true;
  };
  explicit IdentityBook(Options options) : options_(options) {}
  ~IdentityBook();

  // Refuses a certificate that was revoked (CERTIFICATE_REVOKED) or is not
  // known (CERTIFICATE_UNKNOWN), both Unauthenticated; whatever the store says
  // when it cannot be read. Roles and accounts that the store does not know of
  // are taken away: neither a stolen signing key nor an edited row alone gives
  // any.
  absl::Status Check(access::Identity& identity);

  // While it lives, its owner is told of a revocation.
  class Follower {
   public:
    Follower(IdentityBook& book, int64_t id) : book_(book), id_(id) {}
    ~Follower();
    Follower(const Follower&) = delete;
    Follower& operator=(const Follower&) = delete;

   private:
    IdentityBook& book_;
    const int64_t id_;
  };
  // `cut` is called at most once, on any thread, with the error for the caller,
  // when the certificate is revoked, has expired (some time after that), or an
  // outside one is not let in any more; at once when it is revoked already. It
  // may come while the follower is being destroyed.
  [[nodiscard]] std::unique_ptr<Follower> Follow(
      const access::Identity& identity, std::function<void(absl::Status)> cut);

  // Cuts the calls of those whose certificate ends before `now`.
  void CutExpired(absl::Time now);
  // Cuts those of an outside authority's whom `stays` does not let stay: what
  // lets them in has changed.
  void Review(const std::function<bool(const access::Identity&)>& stays);

  // To be called once it is durable that all certificates of `name` are
  // revoked, before anybody is told so.
  void NoteRevocation(const std::string& name);

  // When a certificate of `name` was used last since the daemon started.
  std::optional<absl::Time> LastUse(const std::string& name) const;

  // Gives the uses that are not stored yet to the store.
  void StoreUses();

 private:
  struct Entry {
    std::string name;
    access::Roles roles;
    access::AccountScope accounts;
    bool revoked = false;
    absl::Time used_at;
    absl::Time use_stored_at;
  };
  struct Followed {
    access::Identity identity;
    std::function<void(absl::Status)> cut;
  };
  using Cuts = std::vector<std::function<void(absl::Status)>>;

  // Takes out those of whom `leaves` is true.
  template <typename Leaves>
  Cuts TakeFollowed(Leaves leaves) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  absl::StatusOr<Entry*> Find(const std::string& serial)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  store::Batch TakeUses() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Options options_;
  mutable base::Mutex mutex_;
  // By serial.
  std::unordered_map<std::string, Entry> entries_ ABSL_GUARDED_BY(mutex_);
  std::unordered_map<std::string, absl::Time> last_uses_
      ABSL_GUARDED_BY(mutex_);
  int64_t next_follower_ ABSL_GUARDED_BY(mutex_) = 1;
  std::map<int64_t, Followed> followed_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace keyturn::rpc

#endif  // KEYTURN_DAEMON_RPC_IDENTITY_BOOK_H_
