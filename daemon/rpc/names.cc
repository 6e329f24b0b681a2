#include "daemon/rpc/names.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "daemon/access/certificates.h"
#include "daemon/base/id.h"
#include "daemon/base/status.h"

namespace keyturn::rpc {
namespace {

using base::FieldError;
using base::ToAbsl;

absl::StatusOr<std::string> ParseName(std::string_view field,
                                      std::string_view name,
                                      std::string_view prefix,
                                      bool (*has_form)(std::string_view),
                                      std::string_view form) {
  std::string_view id = name;
  if (id.starts_with(prefix)) id.remove_prefix(prefix.size());
  if (has_form(id)) return std::string(id);
  return FieldError(
      field, absl::StrCat(name.empty() ? "is missing; give " : "must be ",
                          ToAbsl(prefix), "{id} or the id alone, which is ",
                          ToAbsl(form)));
}

constexpr std::string_view kIdForm = "16 characters a-z, 2-7";
constexpr std::string_view kNameForm =
    "1 to 63 characters a-z, 0-9, -, beginning with a letter";

}  // namespace

std::string FullName(std::string_view prefix, std::string_view id) {
  return id.empty() ? std::string() : absl::StrCat(ToAbsl(prefix), ToAbsl(id));
}

absl::StatusOr<std::string> ParseMigrationName(std::string_view field,
                                               std::string_view name) {
  return ParseName(field, name, kMigrationPrefix, base::IsId, kIdForm);
}

absl::StatusOr<std::string> ParseCampaignName(std::string_view field,
                                              std::string_view name) {
  return ParseName(field, name, kCampaignPrefix, base::IsId, kIdForm);
}

absl::StatusOr<std::string> ParseTaskName(std::string_view field,
                                          std::string_view name) {
  return ParseName(field, name, kTaskPrefix, base::IsId, kIdForm);
}

absl::StatusOr<std::string> ParseAccountName(std::string_view field,
                                             std::string_view name) {
  return ParseName(field, name, kAccountPrefix, base::IsResourceName,
                   kNameForm);
}

absl::StatusOr<std::string> ParseCredentialName(std::string_view field,
                                                std::string_view name) {
  return ParseName(field, name, kCredentialPrefix, base::IsResourceName,
                   kNameForm);
}

absl::StatusOr<std::string> ParseIdentityName(std::string_view field,
                                              std::string_view name) {
  return ParseName(
      field, name, kIdentityPrefix,
      [](std::string_view id) { return access::CheckCommonName(id).ok(); },
      "1 to 64 characters A-Z, a-z, 0-9, ., _, @, -, beginning with a letter "
      "or digit, and not \"daemon\"");
}

absl::StatusOr<std::string> ParseMigrationParent(std::string_view field,
                                                 std::string_view name) {
  if (name == "-" || name == "migrations/-") return std::string();
  return ParseMigrationName(field, name);
}

absl::StatusOr<std::optional<int64_t>> ParseEtag(std::string_view etag) {
  if (etag.empty()) return std::optional<int64_t>();
  int64_t revision = 0;
  if (absl::SimpleAtoi(ToAbsl(etag), &revision) && revision > 0 &&
      EtagOf(revision) == etag) {
    return std::optional<int64_t>(revision);
  }
  return FieldError("etag",
                    "is not an etag of this daemon; take it from the last "
                    "answer, or leave it out");
}

std::string EtagOf(int64_t revision) {
  return revision == 0 ? std::string() : absl::StrCat(revision);
}

absl::Status CheckRequestId(std::string_view request_id) {
  if (request_id.empty()) return absl::OkStatus();
  const bool shaped =
      request_id.size() >= kRequestIdSizeMin &&
      request_id.size() <= kRequestIdSizeMax &&
      std::all_of(request_id.begin(), request_id.end(), [](char c) {
        return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '_' ||
               c == '-';
      });
  if (shaped) return absl::OkStatus();
  return FieldError(
      "request_id",
      absl::StrCat("must be ", kRequestIdSizeMin, " to ", kRequestIdSizeMax,
                   " characters A-Z, a-z, 0-9, _, -"));
}

absl::Status CheckProse(std::string_view field, std::string_view text,
                        size_t size_max) {
  if (text.size() > size_max) {
    return FieldError(field, absl::StrCat("is ", text.size(), " bytes; ",
                                          size_max, " are allowed"));
  }
  const bool printable = std::none_of(text.begin(), text.end(), [](char c) {
    return absl::ascii_iscntrl(static_cast<unsigned char>(c)) && c != '\n' &&
           c != '\r' && c != '\t';
  });
  if (printable) return absl::OkStatus();
  return FieldError(field, "holds control characters; leave them out");
}

}  // namespace keyturn::rpc
