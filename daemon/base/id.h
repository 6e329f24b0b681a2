// Names of things: resource ids and request ids.
#ifndef KEYTURN_DAEMON_BASE_ID_H_
#define KEYTURN_DAEMON_BASE_ID_H_

#include <string>
#include <string_view>

namespace keyturn::base {

// A fresh id of 16 characters [a-z2-7] (80 random bits). Thread-safe.
std::string NewId();

// Whether `text` has the form that NewId gives.
bool IsId(std::string_view text);

// 1 to 63 characters [a-z0-9-], beginning with a letter: what people may call a
// credential or an account.
bool IsResourceName(std::string_view text);

}  // namespace keyturn::base

#endif  // KEYTURN_DAEMON_BASE_ID_H_
