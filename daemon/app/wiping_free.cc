// What is freed is wiped: the C library's free and realloc, replaced for this
// whole program, libraries included.
//
// A secret comes in through gRPC and protobuf and goes out through JSON,
// OpenSSL and libcurl. Each of them copies it into buffers of its own, which it
// gives back as they are; from there it would be read for as long as nobody
// happens to need that memory. None of them offers a hook, but all of them end
// here.
//
// What this does not reach: buffers still in use (a TLS connection keeps what
// it last read until it reads again or ends), and stacks.
//
// Not in builds with sanitizers, which bring their own allocator.
#include <malloc.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>

extern "C" {

// The C library's own, under the name that it keeps for replacements like this.
void __libc_free(void* block);  // NOLINT(bugprone-reserved-identifier)

void free(void* block) noexcept {
  if (block == nullptr) return;
  explicit_bzero(block, malloc_usable_size(block));
  __libc_free(block);
}

// Never leaves an old block behind unwiped, as the C library's would.
void* realloc(void* block, size_t size) noexcept {
  if (block == nullptr) return malloc(size);
  const size_t room = malloc_usable_size(block);
  if (size != 0 && size <= room && size >= room / 2) return block;
  void* const moved = size == 0 ? nullptr : malloc(size);
  if (moved == nullptr && size != 0) return nullptr;
  if (moved != nullptr) std::memcpy(moved, block, std::min(size, room));
  free(block);
  return moved;
}

}  // extern "C"
