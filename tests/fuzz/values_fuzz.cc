// Small forms: page tokens, names, etags, addresses, hosts, SPIFFE ids,
// invitations. Every one is tried on the whole input.
#include <string>

#include "absl/strings/str_cat.h"
#include "daemon/access/certificates.h"
#include "daemon/access/invitation.h"
#include "daemon/access/spiffe.h"
#include "daemon/app/address.h"
#include "daemon/base/id.h"
#include "daemon/base/status.h"
#include "daemon/rpc/names.h"
#include "daemon/rpc/pages.h"
#include "daemon/upstream/http/allowed_hosts.h"
#include "daemon/upstream/http/retry_after.h"
#include "daemon/upstream/http/url.h"
#include "daemon/upstream/netsuite/account_id.h"
#include "tests/fuzz/require.h"

namespace keyturn::fuzz {
namespace {

using base::ToAbsl;

template <typename T>
void RequireRefusal(const absl::StatusOr<T>& outcome) {
  Require(outcome.ok() || absl::IsInvalidArgument(outcome.status()),
          "what has not the form is InvalidArgument",
          outcome.status().ToString());
}

template <typename T>
void RequireField(const absl::StatusOr<T>& outcome, std::string_view field) {
  RequireRefusal(outcome);
  Require(outcome.ok() || base::FieldOf(outcome.status()) == field,
          "a refusal names the field", outcome.status().ToString());
}

void TryPageToken(std::string_view text) {
  const auto after = rpc::ParsePageToken("list", text);
  RequireField(after, "page_token");
  // As a place in a list, and as a list.
  const std::string token = rpc::MakePageToken("list", text);
  if (token.size() > rpc::kPageTokenSizeMax) return;
  const auto again = rpc::ParsePageToken("list", token);
  Require(again.ok() && *again == text, "a place in a list survives");
  Require(text.empty() || !rpc::ParsePageToken("other", token).ok(),
          "a token is of one list");
}

void TryNames(std::string_view text) {
  const auto migration = rpc::ParseMigrationName("name", text);
  RequireField(migration, "name");
  Require(!migration.ok() || base::IsId(*migration), "an id is one");
  const auto account = rpc::ParseAccountName("name", text);
  RequireField(account, "name");
  Require(!account.ok() || base::IsResourceName(*account), "a name is one");
  const auto identity = rpc::ParseIdentityName("name", text);
  RequireField(identity, "name");
  Require(!identity.ok() || access::CheckCommonName(*identity).ok(),
          "who is named could be");
  const auto etag = rpc::ParseEtag(text);
  RequireField(etag, "etag");
  Require(!etag.ok() || rpc::EtagOf(etag->value_or(0)) == text,
          "an etag has one form only");
  static_cast<void>(rpc::CheckRequestId(text));
  static_cast<void>(rpc::CheckProse("reason", text, 100));
}

void TryAddresses(std::string_view text) {
  const auto address = app::ParseAddress(text);
  RequireRefusal(address);
  if (address.ok()) {
    const auto again = app::ParseAddress(address->ToString());
    Require(again.ok() && again->host == address->host &&
                again->port == address->port,
            "an address survives", address->ToString());
  }
  const auto url = http::ParseUrl(text);
  RequireRefusal(url);
  if (url.ok()) {
    const std::string written =
        absl::StrCat("https://", url->host, ":", url->port, url->path,
                     url->query.empty() ? "" : "?", url->query);
    const auto again = http::ParseUrl(written);
    Require(again.ok() && again->host == url->host &&
                again->port == url->port && again->path == url->path &&
                again->query == url->query,
            "a URL survives", written);
  }
  const auto base_url = http::NormalizeBaseUrl(text);
  RequireRefusal(base_url);
  Require(!base_url.ok() || *http::NormalizeBaseUrl(*base_url) == *base_url,
          "a base URL has one form", base_url.value_or(""));
  const auto hosts = http::AllowedHosts::Parse({std::string(text)});
  RequireRefusal(hosts);
  Require(!hosts.ok() || !hosts->Allows("", 443), "no host is not allowed");
}

void TryCallers(std::string_view text) {
  access::SpiffeGrants grants;
  const absl::Status added = grants.Add(text, {});
  Require(added.ok() || absl::IsInvalidArgument(added), "a pattern is one");
  const bool found = grants.Find(text) != nullptr;
  if (access::IsSpiffeId(text)) {
    Require(added.ok() && found, "an id is let in by its own name");
  } else {
    Require(!found || text.ends_with("*"), "what is no id is not let in");
  }
  const auto token = access::ParseToken(text);
  RequireRefusal(token);
  Require(!token.ok() || access::EncodeToken(*token).Expose() == text,
          "an invitation has one form only");
}

void TryOutside(std::string_view text) {
  const auto wait = http::ParseRetryAfter(text, absl::FromUnixSeconds(1));
  Require(!wait.has_value() ||
              (*wait >= absl::ZeroDuration() && *wait <= http::kRetryAfterMax),
          "nobody makes us wait for longer");
  const auto account = netsuite::AccountId::Parse(text);
  RequireRefusal(account);
  if (!account.ok()) return;
  Require(*netsuite::AccountId::Parse(account->realm()) == *account &&
              *netsuite::AccountId::Parse(account->host()) == *account,
          "both forms are the same account");
}

}  // namespace
}  // namespace keyturn::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace keyturn;
  const std::string_view text = fuzz::TextOf(data, size);
  fuzz::TryPageToken(text);
  fuzz::TryNames(text);
  fuzz::TryAddresses(text);
  fuzz::TryCallers(text);
  fuzz::TryOutside(text);
  return 0;
}
