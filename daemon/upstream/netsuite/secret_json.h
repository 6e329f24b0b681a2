// Reads single values out of a JSON answer that holds secrets, without the
// copies that a JSON library leaves behind.
#ifndef KEYTURN_DAEMON_UPSTREAM_NETSUITE_SECRET_JSON_H_
#define KEYTURN_DAEMON_UPSTREAM_NETSUITE_SECRET_JSON_H_

#include <optional>
#include <string_view>

namespace keyturn::netsuite {

// The text of the string, or the literal (number, true, …), that stands under
// `key` in the object `json`; a view into `json`. Members of inner objects are
// passed over. Nothing when there is no such member, when it is an object, an
// array or a string with a backslash, or when `json` ends too early. Not a
// validator: what follows the value is not looked at.
std::optional<std::string_view> FindScalar(std::string_view json,
                                           std::string_view key);

}  // namespace keyturn::netsuite

#endif  // KEYTURN_DAEMON_UPSTREAM_NETSUITE_SECRET_JSON_H_
