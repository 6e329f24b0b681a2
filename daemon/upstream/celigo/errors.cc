#include "daemon/upstream/celigo/errors.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/upstream/http/retry_after.h"

namespace keyturn::celigo {
namespace {

using base::ToAbsl;
using base::WithReason;

constexpr size_t kWordSizeMax = 64;

struct KnownCode {
  std::string_view code;
  std::string_view reason;
  std::string_view meaning;
};

constexpr KnownCode kKnownCodes[] = {
    {"netsuite_wsdl_tba_mandatory", "WSDL_TBA_MANDATORY",
     "NetSuite's web services of the version that Celigo uses accept tokens "
     "only, so this connection cannot be put back on email and password"},
    {"inactive_flow", "FLOW_INACTIVE",
     "the flow is disabled; enable it in Celigo first"},
    {"subscription_required", "SUBSCRIPTION_REQUIRED",
     "the Celigo account's licence does not cover this; renew or extend it, "
     "then retry"},
    {"entitlement_reached", "ENTITLEMENT_REACHED",
     "the Celigo account has used up what its licence allows; free an "
     "entitlement or extend the licence, then retry"},
    {"invalid_ref", "INVALID_REFERENCE",
     "an id in the request leads to nothing that this account can see; check "
     "the ids, the iClient's included"},
    {"feature_not_enabled", "FEATURE_NOT_ENABLED",
     "the Celigo account does not have this feature"},
    {"access_restricted", "ACCESS_RESTRICTED",
     "only the user to whom the token belongs may do this; use a token of "
     "that user"},
    {"missing_required_field", "INVALID_FIELD_OUTSIDE",
     "a field that Celigo requires is missing"},
    {"invalid_or_missing_field", "INVALID_FIELD_OUTSIDE",
     "a field is missing or has a value that Celigo does not take"},
    {"invalid_query_params", "INVALID_QUERY_OUTSIDE",
     "Celigo does not take the parameters of this query"},
    {"invalid_query", "INVALID_QUERY_OUTSIDE",
     "Celigo does not take the parameters of this query"},
    {"invalid_filter_request_body", "INVALID_QUERY_OUTSIDE",
     "Celigo does not take the filter of this query"},
    {"rate_limited", "OUTSIDE_BUSY",
     "the account has used up its calls for now"},
    {"resource_not_found", "OUTSIDE_NOT_FOUND", "there is no such thing"},
    {"audit_not_supported", "OUTSIDE_REFUSED",
     "Celigo keeps no audit trail of this"},
    // What Celigo passes on of NetSuite's own words.
    {"INVALID_LOGIN_ATTEMPT", "CONNECTION_LOGIN_REFUSED",
     "NetSuite refused the login: the token is revoked or mistyped, its role "
     "or user is not in order, or the application does not fit the iClient"},
    {"INVALID_LOGIN", "CONNECTION_LOGIN_REFUSED",
     "NetSuite refused the login: the token is revoked or mistyped, its role "
     "or user is not in order, or the application does not fit the iClient"},
    {"INVALID_LOGIN_CREDENTIALS", "CONNECTION_LOGIN_REFUSED",
     "NetSuite refused the email and password"},
    {"INSUFFICIENT_PERMISSION", "CONNECTION_PERMISSION_MISSING",
     "the role lacks a permission in NetSuite"},
    {"TWO_FA_REQD", "CONNECTION_LOGIN_REFUSED",
     "NetSuite asks this user for a second factor, which no integration has"},
};

const KnownCode* Find(std::string_view code) {
  const auto known = std::find_if(
      std::begin(kKnownCodes), std::end(kKnownCodes),
      [code](const KnownCode& entry) { return entry.code == code; });
  return known == std::end(kKnownCodes) ? nullptr : known;
}

bool IsWordCharacter(char c) {
  return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' ||
         c == '-';
}

// `text` when it is a word that can be shown, else empty.
std::string Word(std::string text, bool dots) {
  const bool fits = text.size() <= kWordSizeMax &&
                    std::all_of(text.begin(), text.end(), [dots](char c) {
                      return IsWordCharacter(c) || (dots && c == '.');
                    });
  return fits ? text : std::string();
}

// A known code that stands in a text of Celigo's; nothing else of it.
std::string KnownCodeIn(std::string_view text) {
  std::string_view longest;
  for (const KnownCode& known : kKnownCodes) {
    if (text.find(known.code) != std::string_view::npos &&
        known.code.size() > longest.size()) {
      longest = known.code;
    }
  }
  return std::string(longest);
}

std::string CodeOf(const http::Document& object) {
  const auto code = object.find("code");
  if (code == object.end()) return {};
  if (code->is_number_integer()) return std::to_string(code->get<int64_t>());
  return code->is_string() ? Word(code->get<std::string>(), /*dots=*/false)
                           : std::string();
}

// "401" and 401 are codes of HTTP; below 400 they tell of no error.
bool IsSuccessCode(std::string_view code) {
  return !code.empty() && code.size() <= 3 &&
         std::all_of(code.begin(), code.end(),
                     [](unsigned char c) { return absl::ascii_isdigit(c); }) &&
         (code.size() < 3 || code < "400");
}

ErrorEntry EntryOf(const http::Document& element) {
  ErrorEntry entry;
  if (element.is_string()) {
    entry.code = KnownCodeIn(element.get<std::string>());
  } else if (element.is_object()) {
    entry.code = CodeOf(element);
    if (Find(entry.code) == nullptr) {
      const std::string inner = KnownCodeIn(http::StringAt(element, "message"));
      if (!inner.empty()) entry.code = inner;
    }
    entry.field = Word(http::StringAt(element, "field"), /*dots=*/true);
  }
  return entry;
}

std::vector<ErrorEntry> EntriesOf(const http::Response& response) {
  const absl::StatusOr<http::Document> body =
      http::ParseJson(response.body.Expose());
  return body.ok() ? ErrorEntriesOf(*body) : std::vector<ErrorEntry>();
}

absl::Status Refused(const std::vector<ErrorEntry>& entries,
                     std::string_view task, std::string_view how) {
  for (const ErrorEntry& entry : entries) {
    const KnownCode* known = Find(entry.code);
    if (known == nullptr) continue;
    return WithReason(
        absl::FailedPreconditionError(absl::StrCat(
            ToAbsl(task), " was refused by Celigo: ", MeaningOf(entry))),
        known->reason);
  }
  const std::string code = entries.empty() || entries.front().code.empty()
                               ? std::string("no code")
                               : MeaningOf(entries.front());
  return WithReason(
      absl::FailedPreconditionError(absl::StrCat(
          ToAbsl(task), " was refused by Celigo (", ToAbsl(how), ", ", code,
          "); look the connection and the flow up in Celigo for the cause")),
      "OUTSIDE_REFUSED");
}

absl::Status LoginRefused(std::string_view task) {
  return WithReason(
      absl::FailedPreconditionError(absl::StrCat(
          ToAbsl(task),
          ": Celigo does not accept the account's API token. It is mistyped, "
          "revoked or expired, or belongs to another region (us, eu, au and ca "
          "are separate systems). Put a valid token in with `keyturn "
          "credential "
          "rotate`, or add the account anew with the right region")),
      "OUTSIDE_LOGIN_REFUSED");
}

absl::Status Forbidden(std::string_view task) {
  return WithReason(
      absl::FailedPreconditionError(absl::StrCat(
          ToAbsl(task),
          ": Celigo forbids this. The API token needs full access, or the "
          "rights of a user who may manage the integration")),
      "OUTSIDE_FORBIDDEN");
}

absl::Status Busy(const http::Response& response, std::string_view task) {
  absl::Status status =
      WithReason(absl::UnavailableError(absl::StrCat(
                     ToAbsl(task), ": Celigo asks to come back later (",
                     response.status, "); it will be tried again")),
                 "OUTSIDE_BUSY");
  return response.retry_after.has_value()
             ? http::WithRetryAfter(std::move(status), *response.retry_after)
             : status;
}

absl::Status Broken(const http::Response& response, std::string_view task) {
  absl::Status status =
      WithReason(absl::UnavailableError(absl::StrCat(
                     ToAbsl(task), ": Celigo has a fault of its own (",
                     response.status, "); it will be tried again")),
                 "OUTSIDE_UNAVAILABLE");
  return response.retry_after.has_value()
             ? http::WithRetryAfter(std::move(status), *response.retry_after)
             : status;
}

absl::Status ClientError(const http::Response& response,
                         std::string_view task) {
  switch (response.status) {
    case 401:
      return LoginRefused(task);
    case 403:
      return Forbidden(task);
    case 404:
      return WithReason(
          absl::NotFoundError(absl::StrCat(
              ToAbsl(task),
              ": Celigo knows no such thing, or this token may not see it")),
          "OUTSIDE_NOT_FOUND");
    case 409:
      return WithReason(absl::AbortedError(absl::StrCat(
                            ToAbsl(task),
                            ": somebody else changed it at the same time; it "
                            "is read again before the next try")),
                        "OUTSIDE_CONFLICT");
    case 429:
      return Busy(response, task);
    default:
      return Refused(EntriesOf(response), task,
                     absl::StrCat("status ", response.status));
  }
}

}  // namespace

std::vector<ErrorEntry> ErrorEntriesOf(const http::Document& body) {
  std::vector<ErrorEntry> entries;
  if (!body.is_object()) return entries;
  const auto errors = body.find("errors");
  if (errors != body.end() && errors->is_array()) {
    for (const http::Document& element : *errors) {
      if (entries.size() >= kErrorEntriesMax) break;
      entries.push_back(EntryOf(element));
    }
    if (!entries.empty()) return entries;
  } else if (errors != body.end() && !errors->empty() &&
             (errors->is_object() || errors->is_string())) {
    entries.push_back(EntryOf(*errors));
    return entries;
  }
  const auto error = body.find("error");
  if (error != body.end() && !error->is_null()) {
    entries.push_back(EntryOf(*error));
  } else if (body.contains("code") && !IsSuccessCode(CodeOf(body))) {
    entries.push_back(EntryOf(body));
  }
  return entries;
}

absl::Status StatusOf(const http::Response& response, std::string_view task) {
  const int status = response.status;
  if (status == 408) {
    return http::WithEffect(Busy(response, task), http::Effect::kUnknown);
  }
  if (status >= 400 && status < 500) {
    return http::WithEffect(ClientError(response, task), http::Effect::kNone);
  }
  if (status >= 300 && status < 400) {
    return http::WithEffect(
        WithReason(absl::FailedPreconditionError(absl::StrCat(
                       ToAbsl(task),
                       ": Celigo's host sends us elsewhere, which is not "
                       "followed; check the account's base URL")),
                   "OUTSIDE_REDIRECTED"),
        http::Effect::kNone);
  }
  return http::WithEffect(Broken(response, task), http::Effect::kUnknown);
}

absl::Status RefusalOf(const std::vector<ErrorEntry>& entries,
                       std::string_view task) {
  return Refused(entries, task, "errors in the answer");
}

bool IsFailedLogin(const ErrorEntry& entry) {
  const KnownCode* known = Find(entry.code);
  return known != nullptr && known->reason == "CONNECTION_LOGIN_REFUSED";
}

std::string MeaningOf(const ErrorEntry& entry) {
  const KnownCode* known = Find(entry.code);
  std::string meaning = known != nullptr ? std::string(known->meaning)
                                         : absl::StrCat("code ", entry.code);
  if (!entry.field.empty()) absl::StrAppend(&meaning, " (", entry.field, ")");
  return meaning;
}

}  // namespace keyturn::celigo
