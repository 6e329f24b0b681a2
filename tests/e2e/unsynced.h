// What a disk may lose when the power goes: every write and truncation since
// the last sync of its file. For disk_faults.cc, so without the C library's own
// calls to files. Safe to call from any thread.
#ifndef KEYTURN_TESTS_E2E_UNSYNCED_H_
#define KEYTURN_TESTS_E2E_UNSYNCED_H_

#include <sys/types.h>

#include <cstddef>
#include <string>

namespace keyturn::e2e {

// Before `size` bytes are written to `path` at `offset`, and before it is cut
// to `size`.
void NoteWrite(const std::string& path, off64_t offset, const void* bytes,
               size_t size);
void NoteTruncation(const std::string& path, off64_t size);
// After a sync that worked.
void NoteSync(const std::string& path);

// Takes back what was not synced and ends the process at once. `torn`: every
// other write has come to the disk all the same, and of the newest a half.
[[noreturn]] void LosePower(bool torn);

}  // namespace keyturn::e2e

#endif  // KEYTURN_TESTS_E2E_UNSYNCED_H_
