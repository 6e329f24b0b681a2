// A NetSuite account's id in the two forms that NetSuite asks for, and the
// addresses that follow from it (NetSuite help section_1546938065).
#ifndef KEYTURN_DAEMON_UPSTREAM_NETSUITE_ACCOUNT_ID_H_
#define KEYTURN_DAEMON_UPSTREAM_NETSUITE_ACCOUNT_ID_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace keyturn::netsuite {

inline constexpr size_t kAccountIdSizeMax = 32;

// A valid account id. "1234567_SB1", "1234567-sb1" and "1234567_sb1" are the
// same account; the wrong form in the wrong place fails as a generic login
// error, so nobody but this class writes them.
class AccountId {
 public:
  // Takes either form. InvalidArgument when `text` is not 1 to
  // kAccountIdSizeMax letters and digits in groups joined by one '_' or '-'.
  static absl::StatusOr<AccountId> Parse(std::string_view text);

  // Upper case with '_': OAuth realm, SOAP account, NLAuth.
  const std::string& realm() const { return realm_; }
  // Lower case with '-': host names.
  const std::string& host() const { return host_; }

  friend bool operator==(const AccountId& a, const AccountId& b) {
    return a.realm_ == b.realm_;
  }

 private:
  AccountId(std::string realm, std::string host);

  std::string realm_;
  std::string host_;
};

// Where an account answers: https origins without a slash at the end.
struct Endpoints {
  // REST records, SuiteQL, the OAuth 2.0 token.
  std::string suitetalk;
  // RESTlets and the token endpoints under /rest.
  std::string restlets;
  // What people open in a browser.
  std::string app;

  static Endpoints Of(const AccountId& account);

  // One origin that stands for what programs call: rehearsal, proxies. People
  // go to the account's own pages all the same. InvalidArgument as for
  // http::NormalizeBaseUrl.
  static absl::StatusOr<Endpoints> AtBaseUrl(const AccountId& account,
                                             std::string_view base_url);
};

}  // namespace keyturn::netsuite

#endif  // KEYTURN_DAEMON_UPSTREAM_NETSUITE_ACCOUNT_ID_H_
