// A stretch of memory that is kept from everywhere a secret could leak to.
#ifndef KEYTURN_DAEMON_SECRET_ARENA_H_
#define KEYTURN_DAEMON_SECRET_ARENA_H_

#include <cstddef>
#include <map>
#include <memory>
#include <string_view>

#include "absl/base/thread_annotations.h"
#include "daemon/base/mutex.h"

namespace keyturn::secret {

// How well the system keeps a stretch of memory, best first. In each of them it
// stands between two pages that nobody may touch, stays out of core dumps, and
// a child process gets nothing of it.
enum class Protection {
  // memfd_secret: never swapped; the kernel itself has no mapping of it, so
  // that neither a debugger, nor root through /proc, nor a hole in a driver
  // reads it. Linux 5.14 where it is switched on, always from 6.5.
  kHidden,
  // mlock: never swapped.
  kLocked,
  // The system lets us lock nothing.
  kSwappable,
};

// "hidden", "locked", "swappable".
std::string_view Name(Protection protection);

// Hands out blocks of one mapping. What is handed out is zero; what comes back
// is wiped. Blocks are described outside of the mapping, so that an overrun
// does not damage the book-keeping. Thread-safe.
class Arena {
 public:
  // As many bytes as the system lets us lock, from `bytes_max` down to
  // `bytes_min` by halves, with the best protection that it has; `best` leaves
  // out the better ones. Where not even `bytes_min` can be locked: `bytes_max`
  // of kSwappable. Both are multiples of the page size. Null when the system
  // has no memory at all.
  static std::unique_ptr<Arena> Open(size_t bytes_max, size_t bytes_min,
                                     Protection best = Protection::kHidden);
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  // Null when there is no room. `size` is not 0.
  char* Allocate(size_t size);
  // `size` as given to Allocate.
  void WipeAndFree(char* block, size_t size);
  bool Owns(const char* block) const;

  Protection protection() const { return protection_; }
  size_t size() const { return size_; }
  size_t used() const;

 private:
  Arena(char* begin, size_t size, Protection protection);

  char* const begin_;
  const size_t size_;
  const Protection protection_;

  mutable base::Mutex mutex_;
  // Free stretches by their beginning; neighbours are joined.
  std::map<char*, size_t> free_ ABSL_GUARDED_BY(mutex_);
  size_t used_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace keyturn::secret

#endif  // KEYTURN_DAEMON_SECRET_ARENA_H_
