// A spec as an operator writes it, from the file to the core's value.
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "cli/spec_file.h"
#include "daemon/base/status.h"
#include "daemon/migration/spec.h"
#include "daemon/rpc/convert.h"
#include "tests/fuzz/lines.h"
#include "tests/fuzz/require.h"

namespace keyturn::fuzz {
namespace {

void TrySpec(const v1::Spec& asked) {
  const absl::StatusOr<migration::Spec> spec = rpc::FromProto(asked);
  if (!spec.ok()) {
    Require(absl::IsInvalidArgument(spec.status()), "a spec is refused as such",
            spec.status().ToString());
    Require(absl::StartsWith(base::FieldOf(spec.status()), "spec"),
            "a refusal names the field", spec.status().ToString());
    return;
  }
  Require(migration::ValidateSpec(*spec).ok(), "what is taken is valid");
  const absl::StatusOr<migration::Spec> again =
      rpc::FromProto(rpc::ToProto(*spec));
  Require(again.ok() && *again == *spec, "a spec survives the API");
}

}  // namespace
}  // namespace keyturn::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace keyturn;
  const std::string text(fuzz::TextOf(data, size));
  const absl::StatusOr<cli::SpecFile> file =
      cli::SpecFile::Parse(text, "spec.yaml");
  if (file.ok()) {
    fuzz::TrySpec(file->spec());
  } else {
    fuzz::RequireLineOfEach(file.status(), "spec.yaml", text);
  }
  return 0;
}
