#include "cli/identity/invitation_token.h"

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cli/errors.h"

namespace keyturn::cli {
namespace {

constexpr size_t kFileBytesMax = 64 * 1024;
constexpr char kPrefix[] = "kti1";
constexpr size_t kFingerprintBytes = 32;

// The token in a JSON object; empty when there is none.
std::string TokenOfJson(const std::string& text) {
  const nlohmann::json json =
      nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("token")) return "";
  return json["token"].is_string() ? json["token"].get<std::string>() : "";
}

}  // namespace

absl::StatusOr<InvitationToken> ReadToken(const std::string& file,
                                          Console& console) {
  const absl::StatusOr<SecretText> content =
      file == "-" ? console.ReadIn(kFileBytesMax)
                  : ReadFile(file, kFileBytesMax);
  if (!content.ok()) return content.status();
  const absl::string_view text = absl::StripAsciiWhitespace(content->Reveal());
  InvitationToken token;
  token.text =
      SecretText(absl::StartsWith(text, "{") ? TokenOfJson(std::string(text))
                                             : std::string(text));
  const std::vector<absl::string_view> parts =
      absl::StrSplit(absl::string_view(token.text.Reveal()), '.');
  std::string fingerprint;
  if (parts.size() != 3 || parts[0] != kPrefix ||
      !absl::WebSafeBase64Unescape(parts[1], &fingerprint) ||
      fingerprint.size() != kFingerprintBytes) {
    return UsageError(
        absl::StrCat(file == "-" ? "standard input" : file,
                     ": holds no invitation: it must be one word that begins "
                     "with kti1., as keyturn identity invite wrote it"),
        "an administrator runs: keyturn identity invite NAME --role ROLE");
  }
  token.ca_fingerprint = absl::BytesToHexString(fingerprint);
  return token;
}

}  // namespace keyturn::cli
