// Where the bytes of all Secrets rest: one arena for the whole process, opened
// when the first of them is made. It belongs to the process as malloc does, so
// it is the one global of its kind.
#ifndef KEYTURN_DAEMON_SECRET_MEMORY_H_
#define KEYTURN_DAEMON_SECRET_MEMORY_H_

#include <cstddef>

#include "absl/status/status.h"
#include "daemon/secret/arena.h"

namespace keyturn::secret {

// The arena takes no more than this, and what is not used of it costs nothing.
inline constexpr size_t kArenaBytesMax = size_t{64} << 20;
// With less the arena is not worth the name. Every Linux lets everybody lock
// that much, unless an administrator says otherwise.
inline constexpr size_t kArenaBytesMin = size_t{64} << 10;
// What is larger is not a secret but a document that may hold one somewhere
// (the body of an outside system's answer). It would drive the secrets out of
// the arena, so it lives on the heap: wiped, but not locked.
inline constexpr size_t kArenaBlockBytesMax = size_t{64} << 10;

struct MemoryReport {
  Protection protection = Protection::kSwappable;
  size_t arena_bytes = 0;
  size_t arena_bytes_used = 0;
  // Bytes on the heap now, because they were too large or the arena was full.
  size_t heap_bytes = 0;
  // How often a block that should have gone into the arena did not fit.
  size_t overflows = 0;
};

MemoryReport DescribeMemory();

// FailedPrecondition with reason MEMORY_NOT_LOCKED unless the arena is locked
// and has at least `bytes`; the message has the line for the unit file.
absl::Status RequireLockedMemory(size_t bytes);

// For Secret alone. Zero bytes; never null. `size` is not 0.
char* AllocateSecretBytes(size_t size);
void WipeAndFreeSecretBytes(char* block, size_t size);

}  // namespace keyturn::secret

#endif  // KEYTURN_DAEMON_SECRET_MEMORY_H_
