#include "daemon/secret/memory.h"

#include <openssl/crypto.h>

#include <atomic>
#include <exception>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"

namespace keyturn::secret {
namespace {

struct Memory {
  // Never closed: Secrets with static storage may end after everything else.
  Arena& arena;
  std::atomic<size_t> heap_bytes = 0;
  std::atomic<size_t> overflows = 0;
};

Arena& OpenArena() {
  Arena* const arena = Arena::Open(kArenaBytesMax, kArenaBytesMin).release();
  // As when `new` has nothing to give.
  if (arena == nullptr) std::terminate();
  return *arena;
}

Memory& TheMemory() {
  static Memory& memory = *new Memory{OpenArena()};
  return memory;
}

}  // namespace

MemoryReport DescribeMemory() {
  const Memory& memory = TheMemory();
  return {.protection = memory.arena.protection(),
          .arena_bytes = memory.arena.size(),
          .arena_bytes_used = memory.arena.used(),
          .heap_bytes = memory.heap_bytes,
          .overflows = memory.overflows};
}

absl::Status RequireLockedMemory(size_t bytes) {
  const Arena& arena = TheMemory().arena;
  const bool locked = arena.protection() != Protection::kSwappable;
  if (locked && arena.size() >= bytes) return absl::OkStatus();
  return base::WithReason(
      absl::FailedPreconditionError(absl::StrCat(
          "secrets need ", bytes >> 10,
          " KiB of memory that is never swapped, and the system lets this "
          "process lock ",
          locked ? arena.size() >> 10 : 0,
          " KiB. In the unit file: LimitMEMLOCK=", kArenaBytesMax >> 20,
          "M; in a shell: ulimit -l ", kArenaBytesMax >> 10)),
      "MEMORY_NOT_LOCKED");
}

char* AllocateSecretBytes(size_t size) {
  Memory& memory = TheMemory();
  if (size <= kArenaBlockBytesMax) {
    if (char* const block = memory.arena.Allocate(size)) return block;
    ++memory.overflows;
  }
  memory.heap_bytes += size;
  return new char[size]();
}

void WipeAndFreeSecretBytes(char* block, size_t size) {
  Memory& memory = TheMemory();
  if (memory.arena.Owns(block)) {
    memory.arena.WipeAndFree(block, size);
    return;
  }
  OPENSSL_cleanse(block, size);
  delete[] block;
  memory.heap_bytes -= size;
}

}  // namespace keyturn::secret
