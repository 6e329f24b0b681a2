#include "daemon/upstream/netsuite/errors.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "daemon/base/status.h"
#include "daemon/upstream/http/json.h"
#include "daemon/upstream/http/retry_after.h"
#include "daemon/upstream/netsuite/oauth1.h"
#include "daemon/upstream/netsuite/screens.h"

namespace keyturn::netsuite {
namespace {

using base::ToAbsl;
using base::WithReason;
using http::Document;

// Shorter than a token or a consumer key (64 characters), so that none of them
// can pass for a code word.
constexpr size_t kCodeWordSizeMax = 48;
// An error answer is short; a longer body is some other page.
constexpr size_t kErrorBodySizeMax = 64 * 1024;

bool IsCodeWord(std::string_view text) {
  return !text.empty() && text.size() <= kCodeWordSizeMax &&
         absl::ascii_isalpha(static_cast<unsigned char>(text.front())) &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                  c == '_';
         });
}

Document ParseBody(const http::Response& response) {
  const std::string_view body = response.body.Expose();
  if (body.size() > kErrorBodySizeMax) return Document();
  return http::ParseJson(body).value_or(Document());
}

const Document* Member(const Document* value, const char* name) {
  if (value == nullptr || !value->is_object()) return nullptr;
  const auto found = value->find(name);
  return found == value->end() ? nullptr : &*found;
}

std::string_view TextOf(const Document* value) {
  if (value == nullptr) return {};
  const auto* text = value->get_ptr<const std::string*>();
  return text == nullptr ? std::string_view() : std::string_view(*text);
}

// The first entry of `o:errorDetails`.
const Document* ErrorDetail(const Document& body) {
  const Document* details = Member(&body, "o:errorDetails");
  if (details == nullptr || !details->is_array() || details->empty()) {
    return nullptr;
  }
  return &details->front();
}

// RESTlets answer "error code: X" in a line of its own when the request was not
// JSON (NetSuite help section_4634920277).
std::string_view PlainTextCode(std::string_view body) {
  constexpr std::string_view kLabel = "error code:";
  if (!absl::StartsWithIgnoreCase(ToAbsl(body), ToAbsl(kLabel))) return {};
  body.remove_prefix(kLabel.size());
  return base::ToStd(absl::StripAsciiWhitespace(
      ToAbsl(body.substr(0, std::min(body.find('\n'), body.size())))));
}

// SuiteQL has these two sentences for a table that cannot be read.
bool SpeaksOfAnUnseenTable(const http::Response& response) {
  const Document body = ParseBody(response);
  const std::string lower = absl::AsciiStrToLower(
      ToAbsl(TextOf(Member(ErrorDetail(body), "detail"))));
  return absl::StrContains(lower, "invalid search type") ||
         absl::StrContains(lower, "was not found");
}

std::string InParentheses(int status, std::string_view code) {
  return code.empty() ? absl::StrCat("HTTP ", status)
                      : absl::StrCat("HTTP ", status, ", ", ToAbsl(code));
}

std::string SkewSentence(const http::Response& response, absl::Time now) {
  const std::optional<absl::Duration> skew = ClockSkew(response, now);
  if (!skew.has_value() || absl::AbsDuration(*skew) <= kClockSkewMax) return "";
  return absl::StrCat(
      " The likely cause: this machine's clock is ",
      absl::FormatDuration(absl::AbsDuration(*skew)),
      *skew > absl::ZeroDuration() ? " ahead of" : " behind",
      " NetSuite's, and NetSuite takes no signature that is more than 5 "
      "minutes off. Set the clock and try again.");
}

absl::Status LoginRefused(const http::Response& response,
                          const Purpose& purpose, std::string_view code,
                          absl::Time now) {
  if (code == "TWO_FA_REQD") {
    return WithReason(
        absl::FailedPreconditionError(absl::StrCat(
            "NetSuite refused the login that was needed ",
            ToAbsl(purpose.doing),
            " (TWO_FA_REQD): this role demands two-factor authentication, so "
            "a password alone does not work. A person has to do this in the "
            "browser, or the login must use another role.")),
        kLoginRefused);
  }
  return WithReason(
      absl::FailedPreconditionError(absl::StrCat(
          "NetSuite refused the login that was needed ", ToAbsl(purpose.doing),
          " (", InParentheses(response.status, code), "). ",
          ToAbsl(LoginAuditTrailHint()), SkewSentence(response, now))),
      kLoginRefused);
}

absl::Status Forbidden(const http::Response& response, const Purpose& purpose,
                       std::string_view code) {
  std::string text = absl::StrCat(
      "NetSuite does not allow the role of Keyturn's access ",
      ToAbsl(purpose.doing), " (", InParentheses(response.status, code), ").");
  if (!purpose.permissions.empty()) {
    absl::StrAppend(&text, " The role probably lacks ");
    bool first = true;
    for (const NeededPermission& needed : purpose.permissions) {
      absl::StrAppend(&text, first ? "" : " or ",
                      ToAbsl(PermissionName(needed.id)), " (",
                      ToAbsl(needed.id), ", level ", ToAbsl(needed.level), ")");
      first = false;
    }
    absl::StrAppend(&text,
                    "; an administrator adds it at Setup > Users/Roles > "
                    "Manage Roles.");
  }
  return WithReason(absl::FailedPreconditionError(text), kForbidden);
}

absl::Status WrongHost(const http::Response& response, const Purpose& purpose) {
  return WithReason(
      absl::FailedPreconditionError(absl::StrCat(
          "the address used ", ToAbsl(purpose.doing),
          " is not the one of this NetSuite account (HTTP ", response.status,
          "). Check the account id, and the base URL if one is set, against "
          "Setup > Company > Company Information, Company URLs.",
          response.status == 403
              ? " If they are right, the login was refused: Token-Based "
                "Authentication may be off."
              : "")),
      kWrongHost);
}

absl::Status Busy(const http::Response& response, const Purpose& purpose,
                  std::string_view code) {
  absl::Status status = WithReason(
      absl::UnavailableError(absl::StrCat(
          "NetSuite could not be asked ", ToAbsl(purpose.doing), " just now (",
          InParentheses(response.status, code), "); try again later.")),
      kBusy);
  if (!response.retry_after.has_value()) return status;
  return http::WithRetryAfter(std::move(status), *response.retry_after);
}

absl::Status NotVisible(const http::Response& response, const Purpose& purpose,
                        std::string_view code) {
  return WithReason(
      absl::FailedPreconditionError(absl::StrCat(
          "NetSuite has no table that would let the role of Keyturn's access ",
          ToAbsl(purpose.doing), " (", InParentheses(response.status, code),
          "): the role may not see it, or a feature is off. NetSuite does not "
          "tell these apart; a person has to look in the browser, or an "
          "administrator gives the role the permission.")),
      kTableNotVisible);
}

absl::Status RequestRefused(const http::Response& response,
                            const Purpose& purpose, std::string_view code) {
  return WithReason(
      absl::InvalidArgumentError(absl::StrCat(
          "NetSuite did not accept the request ", ToAbsl(purpose.doing), " (",
          InParentheses(response.status, code),
          "). The values in it do not fit this account; check them in the "
          "browser.")),
      kRequestRefused);
}

bool IsLimitWord(std::string_view code) {
  return code == "CONCURRENCY_LIMIT_EXCEEDED" ||
         code == "SSS_REQUEST_LIMIT_EXCEEDED" || code == "WS_REQUEST_BLOCKED";
}

bool IsLoginWord(std::string_view code) {
  return code == "INVALID_LOGIN" || code == "INVALID_LOGIN_ATTEMPT" ||
         code == "INVALID_LOGIN_CREDENTIALS" || code == "TWO_FA_REQD";
}

// A bad bearer token is answered with 401 or with 400 and this header (NetSuite
// help subsect_158521885412).
bool RefusesABearer(const http::Response& response) {
  return response.status == 400 &&
         absl::StartsWithIgnoreCase(ToAbsl(response.Find("www-authenticate")),
                                    "bearer");
}

bool RefusesTheLogin(const http::Response& response, Channel channel,
                     std::string_view code) {
  if (response.status == 401 || IsLoginWord(code)) return true;
  if (RefusesABearer(response)) return true;
  return channel == Channel::kOAuth2 && response.status == 400;
}

}  // namespace

std::string CodeWord(const http::Response& response, Channel channel) {
  const Document body = ParseBody(response);
  std::string_view code;
  switch (channel) {
    case Channel::kRest:
      code = TextOf(Member(ErrorDetail(body), "o:errorCode"));
      break;
    case Channel::kRestlet:
      code = TextOf(Member(Member(&body, "error"), "code"));
      if (code.empty()) code = PlainTextCode(response.body.Expose());
      break;
    case Channel::kOAuth2:
      code = TextOf(Member(&body, "error"));
      break;
  }
  return IsCodeWord(code) ? std::string(code) : std::string();
}

absl::Status ErrorOf(const http::Response& response, const Purpose& purpose,
                     absl::Time now) {
  const int status = response.status;
  if (status >= 200 && status < 300) return absl::OkStatus();
  const std::string code = CodeWord(response, purpose.channel);
  const bool rest = purpose.channel == Channel::kRest;

  if (status == 429 || status == 408 || status >= 500 || IsLimitWord(code)) {
    return Busy(response, purpose, code);
  }
  if (RefusesTheLogin(response, purpose.channel, code)) {
    return LoginRefused(response, purpose, code, now);
  }
  if (status >= 300 && status < 400) return WrongHost(response, purpose);
  // A query of ours is well formed, whatever words NetSuite has for it.
  if (purpose.fixed_query && (status == 400 || status == 404)) {
    return NotVisible(response, purpose, code);
  }
  if (status == 403) {
    const bool says_why = rest || !code.empty() || !purpose.permissions.empty();
    return says_why ? Forbidden(response, purpose, code)
                    : WrongHost(response, purpose);
  }
  if (status == 404 && rest) {
    return WithReason(
        absl::NotFoundError(absl::StrCat(
            "NetSuite has no such record: it was needed ",
            ToAbsl(purpose.doing), " (", InParentheses(status, code), ").")),
        kNotFound);
  }
  if (status == 404 || status == 405) {
    return WithReason(
        absl::FailedPreconditionError(absl::StrCat(
            "this NetSuite account does not offer the address used ",
            ToAbsl(purpose.doing), " (", InParentheses(status, code),
            "); a person has to do it in the browser.")),
        kNotOffered);
  }
  if (code == "INVALID_PARAMETER" && SpeaksOfAnUnseenTable(response)) {
    return NotVisible(response, purpose, code);
  }
  if (status >= 400) return RequestRefused(response, purpose, code);
  return UnexpectedAnswer(purpose.doing, absl::StrCat("HTTP ", status));
}

std::optional<absl::Duration> ClockSkew(const http::Response& response,
                                        absl::Time now) {
  const std::string_view date = response.Find("date");
  absl::Time theirs;
  if (!absl::ParseTime("%a, %d %b %E4Y %H:%M:%S GMT", ToAbsl(date),
                       absl::UTCTimeZone(), &theirs, /*err=*/nullptr)) {
    return std::nullopt;
  }
  return absl::Trunc(now - theirs, absl::Seconds(1));
}

bool MeansNoRight(const absl::Status& status) {
  const std::string reason = base::ReasonOf(status);
  return reason == kForbidden || reason == kTableNotVisible;
}

absl::Status UnexpectedAnswer(std::string_view doing, std::string_view what) {
  return WithReason(
      absl::UnavailableError(absl::StrCat(
          "NetSuite's answer to the request ", ToAbsl(doing),
          " is not in the documented form (", ToAbsl(what),
          "); try again later, and check that nothing stands between Keyturn "
          "and NetSuite that answers in its place.")),
      kUnexpectedAnswer);
}

std::string_view LoginAuditTrailHint() {
  return "NetSuite does not tell a caller why. An administrator finds the "
         "reason at Setup > Users/Roles > User Management > View Login Audit "
         "Trail, column Detail. Keyturn does not try again by itself, since "
         "five refused logins lock the user out for 30 minutes.";
}

}  // namespace keyturn::netsuite
