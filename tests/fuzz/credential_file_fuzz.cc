// The JSON files that secrets come in by, all the way to what the vault seals.
// Nothing that is refused is repeated: values with kMark in them stand for
// secrets.
#include <array>
#include <string>

#include "absl/strings/match.h"
#include "cli/secret_file.h"
#include "daemon/base/status.h"
#include "daemon/rpc/convert.h"
#include "daemon/vault/payload.h"
#include "tests/fuzz/require.h"

namespace keyturn::fuzz {
namespace {

constexpr char kMark[] = "c4n4ry";

constexpr std::array kKinds = {
    v1::Credential::CELIGO_TOKEN,
    v1::Credential::NETSUITE_TBA,
    v1::Credential::NETSUITE_M2M,
    v1::Credential::NETSUITE_LOGIN,
};

// Whether the mark may be told of: keys are, whatever comes after them.
bool IsInSomeKey(std::string_view text) {
  for (size_t at = text.find(kMark); at != std::string_view::npos;
       at = text.find(kMark, at + 1)) {
    const size_t quote = text.find('"', at);
    const size_t next = text.find_first_not_of(" \t\r\n", quote + 1);
    if (next != std::string_view::npos && text[next] == ':') return true;
  }
  // An escape may end a key, or be a part of it.
  return text.find('\\') != std::string_view::npos;
}

void TryPayload(v1::Credential::Kind kind, const cli::SecretValues& values) {
  v1::CredentialSecret message;
  cli::Fill(kind, values, message);
  const absl::StatusOr<vault::Payload> payload = rpc::FromProto(message);
  if (!payload.ok()) {
    Require(absl::IsInvalidArgument(payload.status()) &&
                !base::FieldOf(payload.status()).empty(),
            "a refusal names the field", payload.status().ToString());
    Require(!absl::StrContains(payload.status().ToString(), kMark),
            "no refusal repeats a value");
    return;
  }
  const absl::StatusOr<secret::Secret> encoded = vault::EncodePayload(*payload);
  Require(encoded.ok(), "what is taken can be sealed",
          encoded.status().ToString());
  const absl::StatusOr<vault::Payload> decoded =
      vault::DecodePayload(encoded->Expose());
  Require(decoded.ok(), "what was sealed can be opened");
  Require(vault::EncodePayload(*decoded)->Expose() == encoded->Expose(),
          "a secret survives the vault");
}

absl::StatusOr<cli::SecretValues> TryForm(
    const std::vector<cli::SecretField>& form, const std::string& text) {
  absl::StatusOr<cli::SecretValues> values =
      cli::ParseSecret(form, text, "secret.json");
  if (values.ok()) {
    Require(values->size() == form.size(), "every value is there");
    return values;
  }
  Require(absl::IsInvalidArgument(values.status()) &&
              absl::StrContains(values.status().message(), "secret.json"),
          "a refusal names the file", values.status().ToString());
  Require(!absl::StrContains(values.status().ToString(), kMark) ||
              IsInSomeKey(text),
          "no refusal repeats a value");
  return values;
}

}  // namespace
}  // namespace keyturn::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace keyturn;
  const std::string text(fuzz::TextOf(data, size));
  for (const v1::Credential::Kind kind : fuzz::kKinds) {
    const auto values = fuzz::TryForm(cli::SecretForm(kind), text);
    if (values.ok()) fuzz::TryPayload(kind, *values);
  }
  static_cast<void>(fuzz::TryForm(cli::TokenForm(), text));
  return 0;
}
