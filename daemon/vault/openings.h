// Which versions of credentials one use of secrets has opened, for whoever has
// to tell the trail of it.
#ifndef KEYTURN_DAEMON_VAULT_OPENINGS_H_
#define KEYTURN_DAEMON_VAULT_OPENINGS_H_

#include <set>
#include <string>
#include <string_view>
#include <utility>

namespace keyturn::vault {

// One attempt's, or one call's: nobody opens a credential without saying for
// whom (Vault::Open). Not thread-safe; it is handed on with the use's answer.
class Openings {
 public:
  // The vault's: a version was opened. Again is no difference.
  void Note(std::string_view name, int version);

  bool empty() const { return opened_.empty(); }

  // "credentials/acme version 1, credentials/other version 3", by name and
  // number; empty when nothing was opened.
  std::string Text() const;

 private:
  std::set<std::pair<std::string, int>> opened_;
};

}  // namespace keyturn::vault

#endif  // KEYTURN_DAEMON_VAULT_OPENINGS_H_
