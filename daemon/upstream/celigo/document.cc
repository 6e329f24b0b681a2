#include "daemon/upstream/celigo/document.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "daemon/base/status.h"

namespace keyturn::celigo {
namespace {

using base::ToAbsl;
using base::WithReason;

constexpr size_t kCredentialSizeMax = 512;
constexpr size_t kShownSizeMax = 200;
constexpr char kShownSecret[] = "(secret)";

// Fields that Celigo sets whenever it likes.
constexpr std::array<std::string_view, 11> kServerFields = {
    "lastModified",
    "lastModifiedBy",
    "offline",
    "queueSize",
    "queues",
    "needsAuthorization",
    "netsuite.dataCenterURLs",
    "netsuite.concurrencyLevelRESTlet",
    "netsuite.concurrencyLevelWebServices",
    "netsuite.suiteAppInstalled",
    "netsuite.useSsoLogin"};

// Fields that Celigo may change in what it is sent; see IsNormalization.
constexpr std::array<std::string_view, 5> kNormalizedFields = {
    "netsuite.wsdlVersion", "netsuite.account", "netsuite.authType",
    "netsuite.concurrencyLevel", "netsuite.environment"};

constexpr int64_t kConcurrencyMin = 1;
constexpr int64_t kConcurrencyMax = 50;

// The text or number in a field with one of these in its name is never shown.
constexpr std::array<std::string_view, 8> kSecretNames = {
    "password", "tokenid", "secret", "passphrase",
    "key",      "bearer",  "jwt",    "credential"};

bool IsServerField(std::string_view path) {
  return std::any_of(
      kServerFields.begin(), kServerFields.end(),
      [path](std::string_view field) {
        return absl::StartsWith(ToAbsl(path), ToAbsl(field)) &&
               (path.size() == field.size() || path[field.size()] == '.');
      });
}

bool IsSecretPath(std::string_view path) {
  const std::string name =
      absl::AsciiStrToLower(ToAbsl(path.substr(path.rfind('.') + 1)));
  return std::any_of(kSecretNames.begin(), kSecretNames.end(),
                     [&name](std::string_view part) {
                       return name.find(part) != std::string::npos;
                     });
}

bool IsShowablePath(std::string_view path) {
  return !path.empty() && path.size() <= kShownSizeMax &&
         std::all_of(path.begin(), path.end(), [](unsigned char c) {
           return absl::ascii_isalnum(c) || c == '_' || c == '.' || c == '-';
         });
}

std::string Join(std::string_view path, std::string_view name) {
  return path.empty() ? std::string(name)
                      : absl::StrCat(ToAbsl(path), ".", ToAbsl(name));
}

const Document* At(const Document& document, std::string_view path) {
  const Document* here = &document;
  for (const absl::string_view name : absl::StrSplit(ToAbsl(path), '.')) {
    if (!here->is_object()) return nullptr;
    const auto found = here->find(std::string(name));
    if (found == here->end()) return nullptr;
    here = &*found;
  }
  return here;
}

std::string Shown(std::string_view path, const Document& value) {
  const bool tells = value.is_string() || value.is_number();
  if (tells && (IsMask(value) || IsSecretPath(path))) return kShownSecret;
  std::string text = value.is_string()
                         ? value.get<std::string>()
                         : value.dump(-1, ' ', /*ensure_ascii=*/true);
  for (char& c : text) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) c = ' ';
  }
  if (text.size() > kShownSizeMax) {
    text.resize(kShownSizeMax);
    // Not in the middle of a character of UTF-8.
    while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0x80)) {
      text.pop_back();
    }
    text.append("…");
  }
  return text;
}

std::optional<std::string> Shown(std::string_view path, const Document* value) {
  if (value == nullptr) return std::nullopt;
  return Shown(path, *value);
}

void Compare(std::string_view path, const Document* before,
             const Document* after, std::vector<Difference>& differences);

void CompareObjects(std::string_view path, const Document& before,
                    const Document& after,
                    std::vector<Difference>& differences) {
  for (const auto& [name, value] : before.items()) {
    const auto other = after.find(name);
    Compare(Join(path, name), &value, other == after.end() ? nullptr : &*other,
            differences);
  }
  for (const auto& [name, value] : after.items()) {
    if (!before.contains(name)) {
      Compare(Join(path, name), nullptr, &value, differences);
    }
  }
}

void CompareArrays(std::string_view path, const Document& before,
                   const Document& after,
                   std::vector<Difference>& differences) {
  for (size_t i = 0; i < std::max(before.size(), after.size()); ++i) {
    Compare(Join(path, std::to_string(i)),
            i < before.size() ? &before[i] : nullptr,
            i < after.size() ? &after[i] : nullptr, differences);
  }
}

void Compare(std::string_view path, const Document* before,
             const Document* after, std::vector<Difference>& differences) {
  static const Document kNoFields = Document::object();
  static const Document kNoElements = Document::array();
  const auto is = [before, after](bool (Document::*kind)() const noexcept) {
    return (before == nullptr || (before->*kind)()) &&
           (after == nullptr || (after->*kind)());
  };
  const bool both_empty_or_missing = (before == nullptr || before->empty()) &&
                                     (after == nullptr || after->empty());
  const bool one_missing = before == nullptr || after == nullptr;
  if (is(&Document::is_object) && !(one_missing && both_empty_or_missing)) {
    CompareObjects(path, before == nullptr ? kNoFields : *before,
                   after == nullptr ? kNoFields : *after, differences);
    return;
  }
  if (is(&Document::is_array) && !(one_missing && both_empty_or_missing)) {
    CompareArrays(path, before == nullptr ? kNoElements : *before,
                  after == nullptr ? kNoElements : *after, differences);
    return;
  }
  if (!one_missing) {
    if (IsMask(*before) && IsMask(*after)) return;
    // Of scalars, or of different kinds: the order of fields plays no part.
    if (*before == *after) return;
  }
  Difference difference;
  difference.path = std::string(path);
  difference.before = Shown(path, before);
  difference.after = Shown(path, after);
  differences.push_back(std::move(difference));
}

// The path of the first mask in `document`; empty: none.
std::string FindMask(const Document& document, std::string_view path) {
  if (IsMask(document)) return std::string(path);
  if (document.is_object()) {
    for (const auto& [name, value] : document.items()) {
      std::string found = FindMask(value, Join(path, name));
      if (!found.empty()) return found;
    }
  } else if (document.is_array()) {
    for (size_t i = 0; i < document.size(); ++i) {
      std::string found = FindMask(document[i], Join(path, std::to_string(i)));
      if (!found.empty()) return found;
    }
  }
  return {};
}

bool IsAllAsterisks(std::string_view text) {
  return !text.empty() && text.find_first_not_of('*') == std::string_view::npos;
}

// The value itself is never repeated.
absl::Status CheckCredential(std::string_view value, std::string_view name,
                             bool spaces_allowed) {
  std::string_view fault;
  if (value.empty()) {
    fault = "is empty";
  } else if (value.size() > kCredentialSizeMax) {
    fault = "is too long";
  } else if (IsAllAsterisks(value)) {
    fault = "is a mask; give the real one";
  } else if (std::any_of(value.begin(), value.end(),
                         [spaces_allowed](unsigned char c) {
                           return absl::ascii_iscntrl(c) ||
                                  (!spaces_allowed && !absl::ascii_isgraph(c));
                         })) {
    fault = "has a space or a character that does not belong there";
  } else {
    return absl::OkStatus();
  }
  return WithReason(absl::InvalidArgumentError(
                        absl::StrCat("the ", ToAbsl(name), " ", ToAbsl(fault))),
                    "INVALID_CREDENTIAL");
}

absl::Status CheckNetSuite(const Document& connection) {
  const auto netsuite =
      connection.is_object() ? connection.find("netsuite") : connection.end();
  if (http::StringAt(connection, "type") == "netsuite" &&
      netsuite != connection.end() && netsuite->is_object()) {
    return absl::OkStatus();
  }
  return WithReason(absl::FailedPreconditionError(
                        "this is not a NetSuite connection, so its login "
                        "cannot be changed; check the id"),
                    "NOT_NETSUITE");
}

void SetSecret(Document& field, const secret::Secret& value) {
  field = Document::string_t();
  auto& text = field.get_ref<Document::string_t&>();
  text.reserve(value.size());
  text.append(value.Expose());
}

absl::StatusOr<secret::Secret> SerializeUnmasked(const Document& document) {
  const std::string mask = FindMask(document, "");
  if (!mask.empty()) {
    return WithReason(
        absl::FailedPreconditionError(absl::StrCat(
            "the field ", mask,
            " of the connection is a secret that Celigo shows as asterisks; "
            "sending the document back would overwrite it. Change this "
            "connection by hand in Celigo")),
        "MASK_IN_DOCUMENT");
  }
  return http::SerializeJson(document);
}

IntendedField Value(std::string path, Document value) {
  IntendedField field;
  field.path = std::move(path);
  field.value = std::move(value);
  return field;
}

IntendedField Of(IntendedField::Kind kind, std::string path) {
  IntendedField field;
  field.path = std::move(path);
  field.kind = kind;
  return field;
}

bool IsAbsent(const Document* value) {
  return value == nullptr || value->is_null() ||
         (value->is_string() && value->get_ref<const std::string&>().empty());
}

bool IsFulfilled(const IntendedField& field, const Document* actual) {
  switch (field.kind) {
    case IntendedField::Kind::kValue:
      return actual != nullptr && Diff(field.value, *actual).empty();
    case IntendedField::Kind::kSecret:
      return !IsAbsent(actual) && actual->is_string();
    case IntendedField::Kind::kRemoved:
      return IsAbsent(actual);
  }
  return false;
}

// Whether Celigo kept a field of the login that was left out of the write.
// Whether that matters, the test of the connection tells.
bool IsKept(const IntendedField& field, const Document* before,
            const Document* actual) {
  if (field.kind != IntendedField::Kind::kRemoved || actual == nullptr) {
    return false;
  }
  return IsMask(*actual) || (before != nullptr && *before == *actual);
}

Difference Unfulfilled(const IntendedField& field, const Document* actual) {
  Difference difference;
  difference.path = field.path;
  if (field.kind == IntendedField::Kind::kValue) {
    difference.before = Shown(field.path, field.value);
  } else if (field.kind == IntendedField::Kind::kSecret) {
    difference.before = kShownSecret;
  }
  difference.after = Shown(field.path, actual);
  return difference;
}

// Clamped to the licence, or its default where there was none.
bool IsNormalizedConcurrency(const Document* before, const Document& after) {
  if (!after.is_number_integer()) return false;
  const auto is = after.get<int64_t>();
  if (is < kConcurrencyMin || is > kConcurrencyMax) return false;
  if (before == nullptr) return true;
  if (!before->is_number_integer()) return false;
  const auto was = before->get<int64_t>();
  return is < was || (was < kConcurrencyMin && is == kConcurrencyMin);
}

// Whether Celigo is known to turn `before` into `after` by itself.
bool IsNormalization(std::string_view path, const Document* before,
                     const Document* after) {
  if (after == nullptr) return false;
  if (path == "netsuite.wsdlVersion") {
    return *after == "latest" || *after == "next";
  }
  if (path == "netsuite.concurrencyLevel") {
    return IsNormalizedConcurrency(before, *after);
  }
  if (before == nullptr) {
    return path == "netsuite.environment" && *after == "production";
  }
  if (!before->is_string() || !after->is_string()) return false;
  const auto& was = before->get_ref<const std::string&>();
  const auto& is = after->get_ref<const std::string&>();
  if (path == "netsuite.account") return absl::AsciiStrToUpper(was) == is;
  if (path == "netsuite.authType") return absl::AsciiStrToLower(was) == is;
  return false;
}

}  // namespace

bool IsMask(const Document& value) {
  return value.is_string() &&
         IsAllAsterisks(value.get_ref<const std::string&>());
}

std::string AuthTypeOf(const Document& connection) {
  if (!connection.is_object()) return {};
  const auto netsuite = connection.find("netsuite");
  if (netsuite == connection.end()) return {};
  const std::string named = http::StringAt(*netsuite, "authType");
  if (!named.empty()) return absl::AsciiStrToLower(named);
  const auto has = [&netsuite](std::string_view name) {
    return !http::StringAt(*netsuite, name).empty();
  };
  if (has("tokenId") || has("tokenSecret")) return "token";
  if (has("email") || has("password")) return "basic";
  return {};
}

absl::StatusOr<secret::Secret> MakeTokenDocument(
    const Document& pre_image, const secret::Secret& token_id,
    const secret::Secret& token_secret, std::string_view iclient_id) {
  RETURN_IF_ERROR(CheckNetSuite(pre_image));
  RETURN_IF_ERROR(CheckCredential(token_id.Expose(), "token id", false));
  RETURN_IF_ERROR(
      CheckCredential(token_secret.Expose(), "token secret", false));
  RETURN_IF_ERROR(CheckCredential(iclient_id, "iClient's id", false));
  Document document = pre_image;
  auto wipe = absl::MakeCleanup([&document] { http::WipeStrings(document); });
  Document& netsuite = document["netsuite"];
  netsuite["authType"] = "token";
  SetSecret(netsuite["tokenId"], token_id);
  SetSecret(netsuite["tokenSecret"], token_secret);
  netsuite["_iClientId"] = std::string(iclient_id);
  netsuite["requestLevelCredentials"] = true;
  netsuite.erase("email");
  netsuite.erase("password");
  return SerializeUnmasked(document);
}

absl::StatusOr<secret::Secret> MakeBasicDocument(
    const Document& pre_image, const secret::Secret& email,
    const secret::Secret& password) {
  RETURN_IF_ERROR(CheckNetSuite(pre_image));
  if (AuthTypeOf(pre_image) != "basic") {
    return WithReason(
        absl::FailedPreconditionError(
            "the connection did not use email and password before, so there "
            "is no such login to go back to"),
        "NOT_BASIC");
  }
  RETURN_IF_ERROR(CheckCredential(email.Expose(), "email", false));
  RETURN_IF_ERROR(CheckCredential(password.Expose(), "password", true));
  Document document = pre_image;
  auto wipe = absl::MakeCleanup([&document] { http::WipeStrings(document); });
  Document& netsuite = document["netsuite"];
  SetSecret(netsuite["email"], email);
  SetSecret(netsuite["password"], password);
  for (const char* name : {"tokenId", "tokenSecret"}) {
    if (netsuite.contains(name) && IsMask(netsuite[name])) netsuite.erase(name);
  }
  return SerializeUnmasked(document);
}

std::vector<Difference> Diff(const Document& before, const Document& after) {
  std::vector<Difference> differences;
  Compare("", &before, &after, differences);
  return differences;
}

std::vector<IntendedField> TokenIntent(std::string_view iclient_id) {
  using Kind = IntendedField::Kind;
  return {
      Value("netsuite.authType", "token"),
      Of(Kind::kSecret, "netsuite.tokenId"),
      Of(Kind::kSecret, "netsuite.tokenSecret"),
      Value("netsuite._iClientId", std::string(iclient_id)),
      Value("netsuite.requestLevelCredentials", true),
      Of(Kind::kRemoved, "netsuite.email"),
      Of(Kind::kRemoved, "netsuite.password"),
  };
}

std::vector<IntendedField> BasicIntent(const Document& pre_image) {
  using Kind = IntendedField::Kind;
  std::vector<IntendedField> fields = {
      Of(Kind::kSecret, "netsuite.email"),
      Of(Kind::kSecret, "netsuite.password"),
  };
  for (const char* path : {"netsuite.tokenId", "netsuite.tokenSecret"}) {
    const Document* value = At(pre_image, path);
    if (value == nullptr || IsMask(*value)) {
      fields.push_back(Of(Kind::kRemoved, path));
    }
  }
  return fields;
}

Comparison UnexpectedDifferences(const Document& pre_image,
                                 const Document& read_back,
                                 const std::vector<IntendedField>& intended) {
  Comparison comparison;
  std::set<std::string> intended_paths;
  for (const IntendedField& field : intended) {
    intended_paths.insert(field.path);
    const Document* actual = At(read_back, field.path);
    if (IsFulfilled(field, actual)) continue;
    const bool kept = IsKept(field, At(pre_image, field.path), actual);
    (kept ? comparison.notes : comparison.missing)
        .push_back(Unfulfilled(field, actual));
  }
  for (Difference& difference : Diff(pre_image, read_back)) {
    const std::string& path = difference.path;
    if (IsServerField(path) || intended_paths.contains(path)) continue;
    const bool known =
        IsNormalization(path, At(pre_image, path), At(read_back, path));
    (known ? comparison.notes : comparison.unexpected)
        .push_back(std::move(difference));
  }
  return comparison;
}

namespace {

bool IsDatedUntil(const Document& audit_entry, absl::Time limit) {
  absl::Time time;
  return absl::ParseTime(absl::RFC3339_full,
                         http::StringAt(audit_entry, "time"), &time, nullptr) &&
         time <= limit;
}

bool IsSame(const Document& value, const Document& shown) {
  return value == shown || (shown.is_string() && !value.is_string() &&
                            shown.get<std::string>() == value.dump());
}

// Whether `document` has the field as `change` left it. A path that it does not
// have under that name may be one that is written in another way.
bool HasAsChanged(const Document& document, const std::string& path,
                  const Document& change) {
  const Document* value = At(document, path);
  if (value == nullptr) value = At(document, "netsuite." + path);
  if (value == nullptr) return true;
  return change.contains("newValue") && IsSame(*value, change.at("newValue"));
}

}  // namespace

std::vector<std::string> ForeignChanges(
    const std::vector<Document>& audit_entries,
    const std::vector<IntendedField>& intended, const Replaced& replaced) {
  std::vector<std::string> expected(kNormalizedFields.begin(),
                                    kNormalizedFields.end());
  expected.insert(expected.end(), kServerFields.begin(), kServerFields.end());
  for (const IntendedField& field : intended) expected.push_back(field.path);
  const auto is_explained = [&expected](const std::string& path) {
    return IsServerField(path) ||
           std::any_of(expected.begin(), expected.end(),
                       [&path](const std::string& field) {
                         return field == path ||
                                absl::StartsWith(field, path + ".") ||
                                absl::EndsWith(field, "." + path);
                       });
  };
  std::vector<std::string> foreign;
  std::set<std::string> seen;
  for (const Document& entry : audit_entries) {
    if (!entry.is_object() || !entry.contains("fieldChanges")) continue;
    const bool may_be_known = IsDatedUntil(entry, replaced.known_until);
    for (const Document& change : entry.at("fieldChanges")) {
      const std::string path = http::StringAt(change, "fieldPath");
      if (!IsShowablePath(path) || is_explained(path)) continue;
      if (may_be_known && HasAsChanged(replaced.document, path, change)) {
        continue;
      }
      if (seen.insert(path).second) foreign.push_back(path);
    }
  }
  return foreign;
}

std::vector<Difference> ChangedSincePlan(const Document& pre_image,
                                         const Document& now) {
  std::vector<Difference> differences = Diff(pre_image, now);
  differences.erase(std::remove_if(differences.begin(), differences.end(),
                                   [](const Difference& difference) {
                                     return IsServerField(difference.path);
                                   }),
                    differences.end());
  return differences;
}

}  // namespace keyturn::celigo
