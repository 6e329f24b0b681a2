// What the store's answers have in common with those of who stands before it
// and shows only a part of them.
#ifndef KEYTURN_DAEMON_STORE_LISTS_H_
#define KEYTURN_DAEMON_STORE_LISTS_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace keyturn::store {

// NotFound with `reason`, naming the resource: "there is no migration abc".
absl::Status NoSuch(std::string_view what, std::string_view name,
                    std::string_view reason);

// The `next` of a page, of a list in the order of creation, that ends with such
// an item: "{nanoseconds}.{id}".
std::string AfterItem(absl::Time created_at, std::string_view id);

}  // namespace keyturn::store

#endif  // KEYTURN_DAEMON_STORE_LISTS_H_
