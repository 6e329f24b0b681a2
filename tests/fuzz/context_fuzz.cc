// The command line's file of contexts: what one side writes, the other reads.
#include <algorithm>
#include <string>

#include "cli/context.h"
#include "daemon/app/context_file.h"
#include "tests/fuzz/lines.h"
#include "tests/fuzz/require.h"
#include "tests/fuzz/scratch_file.h"

namespace keyturn::fuzz {
namespace {

bool Same(const cli::Context& a, const cli::Context& b) {
  return a.name == b.name && a.server == b.server &&
         a.server_name == b.server_name && a.authority == b.authority &&
         a.certificate == b.certificate && a.key.Reveal() == b.key.Reveal();
}

// That `now` begins with all of `before`.
void RequireStillThere(const cli::ContextFile& before,
                       const cli::ContextFile& now) {
  Require(now.contexts().size() >= before.contexts().size() &&
              std::equal(before.contexts().begin(), before.contexts().end(),
                         now.contexts().begin(), Same),
          "contexts that are there stay as they are");
}

void RequireSurvivesWriting(const cli::ContextFile& file) {
  Require(file.Write().ok(), "what was read can be written");
  const absl::StatusOr<cli::ContextFile> again =
      cli::ContextFile::Read(file.path());
  Require(again.ok(), "what was written can be read",
          again.status().ToString());
  Require(again->contexts().size() == file.contexts().size() &&
              again->current() == file.current(),
          "nothing comes or goes with writing");
  RequireStillThere(file, *again);
}

void TryAdding(const ScratchFile& scratch, std::string_view text,
               const absl::StatusOr<cli::ContextFile>& before) {
  scratch.Write(text);
  const absl::StatusOr<std::string> name =
      app::AddContext(scratch.path(), {.server = "127.0.0.1:7443",
                                       .server_name = "keyturnd",
                                       .ca_pem = "ca\nof two lines\n",
                                       .certificate_pem = "certificate\n",
                                       .key_pem = secret::Secret("key\n")});
  if (!name.ok()) {
    Require(absl::IsFailedPrecondition(name.status()),
            "a file of another form is refused as such",
            name.status().ToString());
    Require(scratch.Read() == text, "what is refused is left as it is");
    return;
  }
  // A file that the command line refuses is mended by nobody.
  if (!before.ok()) return;
  const absl::StatusOr<cli::ContextFile> after =
      cli::ContextFile::Read(scratch.path());
  Require(after.ok(), "what the daemon writes can be read",
          after.status().ToString());
  Require(after->contexts().size() == before->contexts().size() + 1 &&
              after->current() == *name &&
              after->contexts().back().key.Reveal() == "key\n",
          "the context is added and made the current one");
  RequireStillThere(*before, *after);
}

}  // namespace
}  // namespace keyturn::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace keyturn;
  static const fuzz::ScratchFile scratch;
  const std::string_view text = fuzz::TextOf(data, size);
  scratch.Write(text);
  const absl::StatusOr<cli::ContextFile> file =
      cli::ContextFile::Read(scratch.path());
  if (!file.ok()) fuzz::RequireLineOfEach(file.status(), scratch.path(), text);
  if (file.ok()) fuzz::RequireSurvivesWriting(*file);
  fuzz::TryAdding(scratch, text, file);
  return 0;
}
