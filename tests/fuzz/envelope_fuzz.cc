// What the vault sealed and wrote: envelopes, secrets, back-ups, and the file
// of a passphrase.
#include <string>
#include <utility>

#include "daemon/base/status.h"
#include "daemon/vault/back_up.h"
#include "daemon/vault/passphrase.h"
#include "daemon/vault/payload.h"
#include "daemon/vault/sealing.h"
#include "tests/fuzz/require.h"

namespace keyturn::fuzz {
namespace {

constexpr char kRow[] = "row";

// Key 00..1f, as in tests/vault/testdata.
const secret::Secret& Key() {
  static const auto& key = *[] {
    std::string bytes(vault::kKeyBytes, '\0');
    for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i);
    return new secret::Secret(bytes);
  }();
  return key;
}

void TryOpening(std::string_view bytes) {
  const absl::StatusOr<secret::Secret> opened =
      vault::OpenEnvelope(Key(), bytes, kRow);
  Require(!opened.ok() && absl::IsDataLoss(opened.status()),
          "what we did not seal does not open", opened.status().ToString());
  const absl::StatusOr<std::string_view> key_id = vault::EnvelopeKeyId(bytes);
  Require(key_id.ok() ? key_id->size() == vault::kKeyIdBytes
                      : absl::IsDataLoss(key_id.status()),
          "an envelope names its key");
}

// `bytes` as a secret: what was sealed opens, and with one bit changed it does
// not.
void TrySealing(std::string_view bytes) {
  static const std::string key_id = *vault::KeyIdOf(Key());
  vault::SealingRandomness randomness = {};
  const absl::StatusOr<std::string> sealed =
      vault::Seal(Key(), key_id, bytes, kRow, randomness);
  Require(sealed.ok() == (bytes.size() <= vault::kSealedBytesMax),
          "everything of that size can be sealed");
  if (!sealed.ok()) return;
  Require(sealed->size() == bytes.size() + vault::kEnvelopeOverhead,
          "an envelope has its size");
  const auto opened = vault::OpenEnvelope(Key(), *sealed, kRow);
  Require(opened.ok() && opened->Expose() == bytes, "what was sealed opens");
  Require(!vault::OpenEnvelope(Key(), *sealed, "another row").ok(),
          "an envelope opens in its row alone");
  // Which bit follows from the input.
  size_t bit = bytes.size();
  for (const char c : bytes) bit = bit * 31 + static_cast<unsigned char>(c);
  std::string altered = *sealed;
  altered[bit / 8 % altered.size()] ^= static_cast<char>(1 << bit % 8);
  TryOpening(altered);
}

void TryPayload(std::string_view bytes) {
  const absl::StatusOr<vault::Payload> payload = vault::DecodePayload(bytes);
  if (!payload.ok()) {
    Require(absl::IsDataLoss(payload.status()), "what is no secret is DataLoss",
            payload.status().ToString());
    return;
  }
  const absl::StatusOr<secret::Secret> encoded = vault::EncodePayload(*payload);
  Require(encoded.ok() && encoded->Expose() == bytes,
          "a secret has one form only");
}

void TryPassphraseFile(std::string_view bytes) {
  const auto parameters = vault::DecodePassphraseParameters(bytes);
  if (!parameters.ok()) {
    Require(base::ReasonOf(parameters.status()) == "PASSPHRASE_FILE",
            "a refusal says of what", parameters.status().ToString());
    return;
  }
  Require(vault::EncodePassphraseParameters(*parameters) == bytes,
          "a passphrase's file has one form only");
  Require(parameters->log_n >= vault::kScryptLogNMin &&
              parameters->log_n <= vault::kScryptLogNMax &&
              parameters->r <= vault::kScryptRMax &&
              parameters->p <= vault::kScryptPMax,
          "no file makes us take all memory");
}

struct Restored {
  absl::Status status;
  std::string copy;
};

// In pieces of that size.
Restored Restore(std::string_view bytes, size_t piece) {
  static const auto& keys = *new vault::RootKeys{
      .current = {.key = secret::Secret(std::string(32, 'r')),
                  .source = "a test"},
      .previous = std::nullopt};
  vault::BackUpOpener opener(
      [](std::string_view envelope, std::string_view identity) {
        return vault::OpenUnderRoot(keys, envelope, identity);
      });
  Restored restored;
  while (restored.status.ok() && !bytes.empty()) {
    restored.status =
        opener.Add(bytes.substr(0, piece), [&restored](std::string_view more) {
          restored.copy += more;
          return absl::OkStatus();
        });
    bytes.remove_prefix(std::min(piece, bytes.size()));
  }
  if (restored.status.ok()) restored.status = opener.CheckComplete();
  return restored;
}

void TryBackUp(std::string_view bytes) {
  const Restored whole = Restore(bytes, bytes.size() + 1);
  const Restored pieces = Restore(bytes, 7);
  Require(whole.status == pieces.status && whole.copy == pieces.copy,
          "a back-up is the same however it comes", whole.status.ToString());
  Require(whole.status.ok() || !base::ReasonOf(whole.status).empty(),
          "a refusal has a reason", whole.status.ToString());
}

}  // namespace
}  // namespace keyturn::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace keyturn;
  const std::string_view bytes = fuzz::TextOf(data, size);
  fuzz::TryOpening(bytes);
  fuzz::TrySealing(bytes);
  fuzz::TryPayload(bytes);
  fuzz::TryPassphraseFile(bytes);
  fuzz::TryBackUp(bytes);
  return 0;
}
