// Celigo's connection documents: what is in them, how one is changed, and
// whether exactly that was changed (guarantee G7). Pure functions.
//
// A path is written with dots: "netsuite.authType", "install.2.name".
#ifndef KEYTURN_DAEMON_UPSTREAM_CELIGO_DOCUMENT_H_
#define KEYTURN_DAEMON_UPSTREAM_CELIGO_DOCUMENT_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "daemon/secret/secret.h"
#include "daemon/upstream/http/json.h"

namespace keyturn::celigo {

using Document = http::Document;

// Whether `value` is what Celigo shows instead of a secret: a string of one or
// more asterisks and nothing else.
bool IsMask(const Document& value);

// "basic", "token" or "token-auto", in lower case, of a NetSuite connection. An
// old document without authType: "token" when it has a token id or secret, else
// "basic" when it has an email or password (as Celigo's own UI infers it), else
// empty.
std::string AuthTypeOf(const Document& connection);

// `pre_image` with its login changed to a token, and nothing else, as the JSON
// to be sent: netsuite.authType "token", tokenId, tokenSecret, _iClientId and
// requestLevelCredentials set, email and password taken out. Existing fields
// keep their place, new ones come last.
//
// FailedPrecondition: reason NOT_NETSUITE when it is no NetSuite connection;
// MASK_IN_DOCUMENT, naming the path, when any other field holds a mask, since
// sending it back might overwrite a secret with asterisks. InvalidArgument when
// one of the three is empty, itself a mask, or has a character that no token
// has.
absl::StatusOr<secret::Secret> MakeTokenDocument(
    const Document& pre_image, const secret::Secret& token_id,
    const secret::Secret& token_secret, std::string_view iclient_id);

// The way back: `pre_image`, a document that had authType basic, with email and
// password filled in. Masked remains of a token are left out, since they cannot
// be sent. Errors as above, and NOT_BASIC when the pre-image was not basic.
absl::StatusOr<secret::Secret> MakeBasicDocument(
    const Document& pre_image, const secret::Secret& email,
    const secret::Secret& password);

// One field that differs. A secret's value is shown as "(secret)", a field that
// is not there as nothing.
struct Difference {
  std::string path;
  std::optional<std::string> before;
  std::optional<std::string> after;

  bool operator==(const Difference&) const = default;
};

// Every leaf that differs, in the order of `before`, then what only `after`
// has. Numbers are equal when their values are (2 and 2.0).
std::vector<Difference> Diff(const Document& before, const Document& after);

// What one field should be after a write.
struct IntendedField {
  enum class Kind {
    kValue,    // exactly `value`
    kSecret,   // present; read back as a mask
    kRemoved,  // gone, or empty
  };
  std::string path;
  Kind kind = Kind::kValue;
  Document value;
};

// What MakeTokenDocument and MakeBasicDocument intend.
std::vector<IntendedField> TokenIntent(std::string_view iclient_id);
std::vector<IntendedField> BasicIntent(const Document& pre_image);

struct Comparison {
  // Intended fields that are not as intended.
  std::vector<Difference> missing;
  // Fields that changed although nobody intended it.
  std::vector<Difference> unexpected;
  // Changes that Celigo is documented to make by itself: netsuite.wsdlVersion
  // to latest or next, netsuite.account in upper case, authType in lower case,
  // concurrencyLevel clamped, it and environment set to their defaults where
  // there were none. And fields of the old login that Celigo kept although they
  // were left out, which it is not known to do or not to do. Worth a line in
  // the report.
  std::vector<Difference> notes;

  bool clean() const { return missing.empty() && unexpected.empty(); }
};

// Compares what was read back after a write with what was there before it.
// Fields that the server sets are not compared: _id's companions lastModified,
// lastModifiedBy, offline, queueSize, queues, needsAuthorization, and what is
// read-only below netsuite: dataCenterURLs, concurrencyLevelRESTlet,
// concurrencyLevelWebServices, suiteAppInstalled, useSsoLogin.
Comparison UnexpectedDifferences(const Document& pre_image,
                                 const Document& read_back,
                                 const std::vector<IntendedField>& intended);

// A document that a write has replaced, as it was read right before.
struct Replaced {
  const Document& document;
  // Entries of the audit trail that are dated no later may tell of edits that
  // the document has in it already.
  absl::Time known_until;
};

// Fields that these entries of the connection's audit trail tell of although
// neither `intended` nor the server explains them: somebody else's edits. Each
// once; a name that cannot be shown is left out, and so is, until
// `replaced.known_until`, a change after which the field was as the replaced
// document has it. How a path is written there is known from examples only, so
// a part of an explained path is explained too.
std::vector<std::string> ForeignChanges(
    const std::vector<Document>& audit_entries,
    const std::vector<IntendedField>& intended, const Replaced& replaced);

// What somebody else changed since `pre_image` was read; server-set fields do
// not count. Not empty: the document must not be overwritten.
std::vector<Difference> ChangedSincePlan(const Document& pre_image,
                                         const Document& now);

}  // namespace keyturn::celigo

#endif  // KEYTURN_DAEMON_UPSTREAM_CELIGO_DOCUMENT_H_
