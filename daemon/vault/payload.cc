#include "daemon/vault/payload.h"

#include <cstdint>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"

namespace keyturn::vault {
namespace {

constexpr char kPayloadFormat = 1;
constexpr size_t kHeaderBytes = 2;
constexpr size_t kLengthBytes = 4;

// The fields of each kind, in the order in which they are stored. Never change
// an order; a new field needs a new format.
std::vector<secret::Secret*> FieldsOf(CeligoToken& payload) {
  return {&payload.token};
}
std::vector<secret::Secret*> FieldsOf(NetSuiteTba& payload) {
  return {&payload.consumer_key, &payload.consumer_secret, &payload.token_id,
          &payload.token_secret};
}
std::vector<secret::Secret*> FieldsOf(NetSuiteM2m& payload) {
  return {&payload.client_id, &payload.certificate_id,
          &payload.private_key_pem};
}
std::vector<secret::Secret*> FieldsOf(NetSuiteLogin& payload) {
  return {&payload.email, &payload.password};
}
std::vector<secret::Secret*> FieldsOf(ConnectionToken& payload) {
  return {&payload.token_id, &payload.token_secret};
}

std::vector<secret::Secret*> FieldsOf(Payload& payload) {
  return std::visit([](auto& one) { return FieldsOf(one); }, payload);
}

std::vector<const secret::Secret*> FieldsOf(const Payload& payload) {
  const std::vector<secret::Secret*> fields =
      FieldsOf(const_cast<Payload&>(payload));
  return {fields.begin(), fields.end()};
}

std::optional<Payload> EmptyPayload(int kind) {
  switch (static_cast<store::CredentialKind>(kind)) {
    case store::CredentialKind::kCeligoToken:
      return CeligoToken();
    case store::CredentialKind::kNetSuiteTba:
      return NetSuiteTba();
    case store::CredentialKind::kNetSuiteM2m:
      return NetSuiteM2m();
    case store::CredentialKind::kNetSuiteLogin:
      return NetSuiteLogin();
    case store::CredentialKind::kConnectionToken:
      return ConnectionToken();
  }
  return std::nullopt;
}

char* WriteLength(char* out, size_t size) {
  for (int shift = 24; shift >= 0; shift -= 8) {
    *out++ = static_cast<char>(size >> shift);
  }
  return out;
}

size_t ReadLength(std::string_view bytes) {
  uint32_t size = 0;
  for (size_t i = 0; i < kLengthBytes; ++i) {
    size = size << 8 | static_cast<unsigned char>(bytes[i]);
  }
  return size;
}

absl::Status Malformed() {
  return absl::DataLossError("what was sealed is not a credential");
}

}  // namespace

store::CredentialKind KindOf(const Payload& payload) {
  struct Visitor {
    using Kind = store::CredentialKind;
    Kind operator()(const CeligoToken&) { return Kind::kCeligoToken; }
    Kind operator()(const NetSuiteTba&) { return Kind::kNetSuiteTba; }
    Kind operator()(const NetSuiteM2m&) { return Kind::kNetSuiteM2m; }
    Kind operator()(const NetSuiteLogin&) { return Kind::kNetSuiteLogin; }
    Kind operator()(const ConnectionToken&) { return Kind::kConnectionToken; }
  };
  return std::visit(Visitor(), payload);
}

absl::StatusOr<secret::Secret> EncodePayload(const Payload& payload) {
  size_t size = kHeaderBytes;
  for (const secret::Secret* field : FieldsOf(payload)) {
    if (field->size() > kFieldBytesMax) {
      return base::WithReason(absl::InvalidArgumentError(absl::StrCat(
                                  "a part of the credential is longer than ",
                                  kFieldBytesMax, " bytes")),
                              "INVALID_FIELD");
    }
    size += kLengthBytes + field->size();
  }
  secret::Secret encoded = secret::Secret::OfSize(size);
  char* out = encoded.ExposeMutable();
  *out++ = kPayloadFormat;
  *out++ = static_cast<char>(KindOf(payload));
  for (const secret::Secret* field : FieldsOf(payload)) {
    out = WriteLength(out, field->size());
    if (!field->empty()) {
      std::memcpy(out, field->Expose().data(), field->size());
    }
    out += field->size();
  }
  return encoded;
}

absl::StatusOr<Payload> DecodePayload(std::string_view bytes) {
  if (bytes.size() < kHeaderBytes || bytes[0] != kPayloadFormat) {
    return Malformed();
  }
  std::optional<Payload> payload = EmptyPayload(bytes[1]);
  if (!payload) return Malformed();
  bytes.remove_prefix(kHeaderBytes);
  for (secret::Secret* field : FieldsOf(*payload)) {
    if (bytes.size() < kLengthBytes) return Malformed();
    const size_t size = ReadLength(bytes);
    bytes.remove_prefix(kLengthBytes);
    if (size > kFieldBytesMax || size > bytes.size()) return Malformed();
    *field = secret::Secret(bytes.substr(0, size));
    bytes.remove_prefix(size);
  }
  if (!bytes.empty()) return Malformed();
  return *std::move(payload);
}

}  // namespace keyturn::vault
