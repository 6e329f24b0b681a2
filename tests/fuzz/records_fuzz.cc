// What is stored. The first byte chooses the record, the others are its bytes.
#include <string>
#include <string_view>

#include "daemon/steps/notes.h"
#include "daemon/store/codec.h"
#include "tests/fuzz/require.h"

namespace keyturn::fuzz {
namespace {

// What can be read is written in one form, which is read again.
template <typename Decode, typename Encode>
void TryRecord(std::string_view bytes, Decode decode, Encode encode) {
  const auto record = decode(bytes);
  if (!record.ok()) {
    Require(absl::IsDataLoss(record.status()),
            "what is no such record is DataLoss", record.status().ToString());
    return;
  }
  const std::string written = encode(*record);
  const auto again = decode(written);
  Require(again.ok(), "what was written can be read");
  Require(encode(*again) == written, "a record survives the store");
}

}  // namespace
}  // namespace keyturn::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace keyturn;
  if (size == 0) return 0;
  const std::string_view bytes = fuzz::TextOf(data + 1, size - 1);
  switch (data[0] % 5) {
    case 0:
      fuzz::TryRecord(bytes, store::DecodeMigration, store::EncodeMigration);
      break;
    case 1:
      fuzz::TryRecord(bytes, store::DecodeEvent, store::EncodeEvent);
      break;
    case 2:
      fuzz::TryRecord(bytes, store::DecodeTask, store::EncodeTask);
      break;
    case 3:
      fuzz::TryRecord(bytes, store::DecodeAccount, store::EncodeAccount);
      break;
    default:
      fuzz::TryRecord(bytes, steps::ParseNotes, steps::FormatNotes);
  }
  return 0;
}
