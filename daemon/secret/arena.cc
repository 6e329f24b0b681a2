#include "daemon/secret/arena.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <iterator>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(begin, size) static_cast<void>(begin)
#define ASAN_UNPOISON_MEMORY_REGION(begin, size) static_cast<void>(begin)
#endif

namespace keyturn::secret {
namespace {

constexpr size_t kAlignment = 16;

// At least one byte more than asked for, so that AddressSanitizer sees an
// overrun of one.
size_t StrideOf(size_t size) { return (size / kAlignment + 1) * kAlignment; }

size_t PageSize() { return static_cast<size_t>(sysconf(_SC_PAGESIZE)); }

// `place` is reserved, and replaced.
bool MapHidden(char* place, size_t size) {
#ifdef SYS_memfd_secret
  const int fd = static_cast<int>(syscall(SYS_memfd_secret, O_CLOEXEC));
  if (fd < 0) return false;
  const bool mapped = ftruncate(fd, static_cast<off_t>(size)) == 0 &&
                      mmap(place, size, PROT_READ | PROT_WRITE,
                           MAP_SHARED | MAP_FIXED, fd, 0) != MAP_FAILED &&
                      // It is shared memory: WIPEONFORK, which is for private
                      // memory, would not keep a child from it.
                      madvise(place, size, MADV_DONTFORK) == 0;
  close(fd);
  return mapped;
#else
  static_cast<void>(place);
  static_cast<void>(size);
  return false;
#endif
}

bool MapPrivate(char* place, size_t size) {
  return mmap(place, size, PROT_READ | PROT_WRITE,
              MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED &&
         madvise(place, size, MADV_DONTDUMP) == 0 &&
         madvise(place, size, MADV_WIPEONFORK) == 0;
}

bool Map(char* place, size_t size, Protection protection) {
  switch (protection) {
    case Protection::kHidden:
      return MapHidden(place, size);
    case Protection::kLocked:
      // Pages are locked when they are first used: what is never used costs
      // nothing.
      return MapPrivate(place, size) && mlock2(place, size, MLOCK_ONFAULT) == 0;
    case Protection::kSwappable:
      return MapPrivate(place, size);
  }
  return false;
}

// Between two guard pages; null when the system refuses.
char* MapGuarded(size_t size, Protection protection) {
  const size_t guard = PageSize();
  const size_t whole = size + 2 * guard;
  void* const reserved =
      mmap(nullptr, whole, PROT_NONE,
           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (reserved == MAP_FAILED) return nullptr;
  char* const begin = static_cast<char*>(reserved) + guard;
  if (Map(begin, size, protection)) return begin;
  munmap(reserved, whole);
  return nullptr;
}

}  // namespace

std::string_view Name(Protection protection) {
  switch (protection) {
    case Protection::kHidden:
      return "hidden";
    case Protection::kLocked:
      return "locked";
    case Protection::kSwappable:
      return "swappable";
  }
  return "";
}

std::unique_ptr<Arena> Arena::Open(size_t bytes_max, size_t bytes_min,
                                   Protection best) {
  for (const Protection protection :
       {Protection::kHidden, Protection::kLocked, Protection::kSwappable}) {
    if (protection < best) continue;
    for (size_t size = bytes_max; size >= bytes_min; size /= 2) {
      char* const begin = MapGuarded(size, protection);
      if (begin == nullptr) continue;
      return std::unique_ptr<Arena>(new Arena(begin, size, protection));
    }
  }
  return nullptr;
}

Arena::Arena(char* begin, size_t size, Protection protection)
    : begin_(begin),
      size_(size),
      protection_(protection),
      free_{{begin, size}} {
  ASAN_POISON_MEMORY_REGION(begin_, size_);
}

Arena::~Arena() {
  ASAN_UNPOISON_MEMORY_REGION(begin_, size_);
  munmap(begin_ - PageSize(), size_ + 2 * PageSize());
}

char* Arena::Allocate(size_t size) {
  if (size >= size_) return nullptr;
  const size_t stride = StrideOf(size);
  const base::MutexLock lock(mutex_);
  for (auto place = free_.begin(); place != free_.end(); ++place) {
    const auto [block, room] = *place;
    if (room < stride) continue;
    free_.erase(place);
    if (room > stride) free_.emplace(block + stride, room - stride);
    used_ += stride;
    ASAN_UNPOISON_MEMORY_REGION(block, size);
    return block;
  }
  return nullptr;
}

void Arena::WipeAndFree(char* block, size_t size) {
  OPENSSL_cleanse(block, size);
  ASAN_POISON_MEMORY_REGION(block, size);
  size_t stride = StrideOf(size);
  const base::MutexLock lock(mutex_);
  used_ -= stride;
  auto after = free_.lower_bound(block);
  if (after != free_.end() && block + stride == after->first) {
    stride += after->second;
    after = free_.erase(after);
  }
  if (after != free_.begin()) {
    const auto before = std::prev(after);
    if (before->first + before->second == block) {
      before->second += stride;
      return;
    }
  }
  free_.emplace(block, stride);
}

bool Arena::Owns(const char* block) const {
  return block >= begin_ && block < begin_ + size_;
}

size_t Arena::used() const {
  const base::MutexLock lock(mutex_);
  return used_;
}

}  // namespace keyturn::secret
