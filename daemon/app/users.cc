#include "daemon/app/users.h"

#include <grp.h>
#include <pwd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace keyturn::app {
namespace {

// A group's entry holds the names of all its members.
constexpr size_t kEntryBytesMax = 1 << 20;

// By getpwnam_r or getgrnam_r.
template <typename Entry, typename Look>
absl::StatusOr<Entry> Find(const std::string& name, const char* what,
                           Look look) {
  std::vector<char> text(4096);
  for (;;) {
    Entry entry{};
    Entry* found = nullptr;
    const int error =
        look(name.c_str(), &entry, text.data(), text.size(), &found);
    if (error == ERANGE && text.size() < kEntryBytesMax) {
      text.resize(text.size() * 2);
      continue;
    }
    if (found != nullptr) return entry;
    if (error != 0) {
      return absl::UnavailableError(absl::StrCat(
          "\"", name, "\" cannot be looked up: ", std::strerror(error)));
    }
    return absl::NotFoundError(
        absl::StrCat("\"", name, "\" is no ", what, " of this machine"));
  }
}

}  // namespace

absl::StatusOr<uid_t> UserNamed(const std::string& name) {
  const absl::StatusOr<passwd> entry = Find<passwd>(name, "user", getpwnam_r);
  if (!entry.ok()) return entry.status();
  return entry->pw_uid;
}

absl::StatusOr<gid_t> GroupNamed(const std::string& name) {
  const absl::StatusOr<group> entry = Find<group>(name, "group", getgrnam_r);
  if (!entry.ok()) return entry.status();
  return entry->gr_gid;
}

}  // namespace keyturn::app
