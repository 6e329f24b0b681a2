#include "daemon/upstream/netsuite/account_id.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/upstream/http/url.h"

namespace keyturn::netsuite {
namespace {

bool IsSeparator(char c) { return c == '_' || c == '-'; }

// Letters and digits in groups joined by single separators.
bool IsAccountIdText(std::string_view text) {
  if (text.empty() || text.size() > kAccountIdSizeMax) return false;
  if (IsSeparator(text.front()) || IsSeparator(text.back())) return false;
  bool after_separator = false;
  for (const char c : text) {
    if (IsSeparator(c)) {
      if (after_separator) return false;
      after_separator = true;
    } else {
      if (!absl::ascii_isalnum(static_cast<unsigned char>(c))) return false;
      after_separator = false;
    }
  }
  return true;
}

}  // namespace

AccountId::AccountId(std::string realm, std::string host)
    : realm_(std::move(realm)), host_(std::move(host)) {}

absl::StatusOr<AccountId> AccountId::Parse(std::string_view text) {
  if (!IsAccountIdText(text)) {
    return absl::InvalidArgumentError(
        "not a NetSuite account id: letters and digits are allowed, joined by "
        "'_' or '-', for instance 1234567 or 1234567_SB1 (NetSuite shows it at "
        "Setup > Company > Company Information, Account ID)");
  }
  std::string realm(text);
  std::string host(text);
  absl::AsciiStrToUpper(&realm);
  absl::AsciiStrToLower(&host);
  std::replace(realm.begin(), realm.end(), '-', '_');
  std::replace(host.begin(), host.end(), '_', '-');
  return AccountId(std::move(realm), std::move(host));
}

Endpoints Endpoints::Of(const AccountId& account) {
  return Endpoints{
      .suitetalk = absl::StrCat("https://", account.host(),
                                ".suitetalk.api.netsuite.com"),
      .restlets = absl::StrCat("https://", account.host(),
                               ".restlets.api.netsuite.com"),
      .app = absl::StrCat("https://", account.host(), ".app.netsuite.com"),
  };
}

absl::StatusOr<Endpoints> Endpoints::AtBaseUrl(const AccountId& account,
                                               std::string_view base_url) {
  ASSIGN_OR_RETURN(const std::string origin, http::NormalizeBaseUrl(base_url));
  return Endpoints{
      .suitetalk = origin, .restlets = origin, .app = Of(account).app};
}

}  // namespace keyturn::netsuite
