// From NetSuite's answers to our errors. NetSuite gives a caller one generic
// refusal and tells the reason only in its Login Audit Trail, so the texts made
// here send the person there. Nothing of an outside text passes but its code
// word, and that only in the form of a code word.
#ifndef KEYTURN_DAEMON_UPSTREAM_NETSUITE_ERRORS_H_
#define KEYTURN_DAEMON_UPSTREAM_NETSUITE_ERRORS_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "daemon/upstream/http/transport.h"

namespace keyturn::netsuite {

// FailedPrecondition: the login was refused. Never repeat it by itself: five
// refusals lock the user out for half an hour.
inline constexpr char kLoginRefused[] = "OUTSIDE_LOGIN_REFUSED";
// FailedPrecondition: logged in, but the role may not do this.
inline constexpr char kForbidden[] = "OUTSIDE_FORBIDDEN";
// NotFound: there is no record of that id.
inline constexpr char kNotFound[] = "OUTSIDE_NOT_FOUND";
// FailedPrecondition: the role may not see this table, or the account has no
// such table; NetSuite does not tell these apart.
inline constexpr char kTableNotVisible[] = "OUTSIDE_TABLE_NOT_VISIBLE";
// InvalidArgument: NetSuite cannot make sense of what was sent.
inline constexpr char kRequestRefused[] = "OUTSIDE_REQUEST_REFUSED";
// Unavailable: too many requests at once, or a failure on NetSuite's side.
inline constexpr char kBusy[] = "OUTSIDE_BUSY";
// FailedPrecondition: the address belongs to another data centre or domain.
inline constexpr char kWrongHost[] = "OUTSIDE_WRONG_HOST";
// FailedPrecondition: the account does not offer that endpoint.
inline constexpr char kNotOffered[] = "OUTSIDE_NOT_OFFERED";
// Unavailable: an answer that is not in the documented form.
inline constexpr char kUnexpectedAnswer[] = "OUTSIDE_UNEXPECTED_ANSWER";

// The ways in; each has its own form of error.
enum class Channel {
  // SuiteQL and records: `o:errorDetails`.
  kRest,
  // RESTlets and /rest/*: {"error":{"code","message"}}.
  kRestlet,
  // The OAuth 2.0 token endpoint: {"error":"invalid_grant"}.
  kOAuth2,
};

// A permission that a call needs, by id, and at which level.
struct NeededPermission {
  std::string_view id;
  std::string_view level;
};

// What was asked, for the words of an error.
struct Purpose {
  Channel channel = Channel::kRest;
  // Continues "NetSuite refused …": "to list the access tokens".
  std::string_view doing;
  // What the role probably lacks when NetSuite forbids it.
  std::vector<NeededPermission> permissions;
  // A query of ours that is known to be well formed: a complaint about it then
  // means that the role does not see what it asks for.
  bool fixed_query = false;
};

// OK for 2xx. `now` is compared with the answer's Date header: a clock that is
// off is named as the likely cause of a refused login.
absl::Status ErrorOf(const http::Response& response, const Purpose& purpose,
                     absl::Time now);

// NetSuite's code word in an error answer: "INVALID_LOGIN", "invalid_grant".
// Empty when there is none or when it does not look like one.
std::string CodeWord(const http::Response& response, Channel channel);

// How far our clock is ahead of the one that wrote the answer. Nothing when the
// answer has no Date header in the form of RFC 9110.
std::optional<absl::Duration> ClockSkew(const http::Response& response,
                                        absl::Time now);

// Whether `status` means that our role lacks a right, so that a person (or
// another proof) must take the place of reading it: OUTSIDE_FORBIDDEN or
// OUTSIDE_TABLE_NOT_VISIBLE.
bool MeansNoRight(const absl::Status& status);

// UNAVAILABLE with reason OUTSIDE_UNEXPECTED_ANSWER.
absl::Status UnexpectedAnswer(std::string_view doing, std::string_view what);

// Where an administrator finds why NetSuite refused a login; a sentence.
std::string_view LoginAuditTrailHint();

}  // namespace keyturn::netsuite

#endif  // KEYTURN_DAEMON_UPSTREAM_NETSUITE_ERRORS_H_
