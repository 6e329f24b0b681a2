#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "cli/commands/command.h"
#include "cli/new_file.h"
#include "cli/output/table.h"
#include "cli/output/text.h"

namespace keyturn::cli {
namespace {

constexpr size_t kPieceBytes = 64 * 1024;

Outcome BackUp(Invocation& invocation, const std::string& path) {
  const absl::StatusOr<Client*> client = invocation.Connect();
  if (!client.ok()) return client.status();
  const absl::StatusOr<std::unique_ptr<NewFile>> file = NewFile::Make(path);
  if (!file.ok()) return file.status();
  grpc::ClientContext context;
  const auto stream = (*client)->BackUp(context, v1::BackUpRequest());
  v1::BackUpResponse piece;
  absl::Status written;
  int64_t bytes = 0;
  while (written.ok() && stream->Read(&piece)) {
    written = (*file)->Write(piece.data());
    bytes += static_cast<int64_t>(piece.data().size());
  }
  if (!written.ok()) context.TryCancel();
  const absl::Status told = (*client)->Tell(stream->Finish());
  if (written.ok() && !told.ok()) return WhileDoing(told, "cannot back up");
  if (written.ok()) written = (*file)->Keep();
  if (!written.ok()) return written;
  invocation.console().Write(
      Stream::kError,
      absl::StrCat("wrote ", path, ", ", bytes,
                   " bytes. Only the daemon's root key opens it: keep a copy "
                   "of that elsewhere\n"));
  return ExitCode::kDone;
}

absl::Status Unreadable(const std::string& path) {
  return UsageError(
      absl::StrCat("cannot read ", path, ": ", std::strerror(errno)));
}

// Sends the file's bytes; a daemon that wants no more has said why in the
// stream's end.
absl::Status Send(const std::string& path, std::ifstream& file,
                  grpc::ClientWriter<v1::RestoreRequest>& stream) {
  v1::RestoreRequest piece;
  std::string bytes(kPieceBytes, '\0');
  while (file.read(bytes.data(), kPieceBytes), file.gcount() > 0) {
    piece.set_data(bytes.data(), static_cast<size_t>(file.gcount()));
    if (!stream.Write(piece)) return absl::OkStatus();
  }
  if (file.bad()) return Unreadable(path);
  stream.WritesDone();
  return absl::OkStatus();
}

Outcome Restore(Invocation& invocation, const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Unreadable(path);
  const absl::StatusOr<Client*> client = invocation.Connect();
  if (!client.ok()) return client.status();
  grpc::ClientContext context;
  v1::RestoreResponse restored;
  const auto stream = (*client)->Restore(context, &restored);
  const absl::Status sent = Send(path, file, *stream);
  if (!sent.ok()) context.TryCancel();
  const absl::Status told = (*client)->Tell(stream->Finish());
  if (!sent.ok()) return sent;
  if (!told.ok()) return WhileDoing(told, "cannot restore");
  invocation.Print(restored, [&restored](const Style& style) {
    return ToText({{"back-up of", FormatInstant(restored.back_up_time())},
                   {"migrations", absl::StrCat(restored.migrations())},
                   {"credentials", absl::StrCat(restored.credentials())},
                   {"accounts", absl::StrCat(restored.accounts())}},
                  style);
  });
  invocation.console().Write(
      Stream::kError,
      "The daemon starts anew with it, sealed. When the daemon that the "
      "back-up "
      "is of does not work any more: keyturn admin unseal\n");
  return ExitCode::kDone;
}

}  // namespace

void AddBackUpCommands(CLI::App& admin, Invocation& invocation) {
  const auto to = std::make_shared<std::string>();
  AddPositional(
      AddCommand(admin, invocation, "backup",
                 "Writes a sealed copy of everything that the daemon stores, "
                 "while it works on",
                 {"keyturn admin backup keyturn-2026-11-24.backup"},
                 [&invocation, to] { return BackUp(invocation, *to); }),
      "file", *to, "A new file for it", kFileType);
  const auto from = std::make_shared<std::string>();
  AddPositional(
      AddCommand(admin, invocation, "restore",
                 "Gives a daemon whose store is empty what a back-up holds; it "
                 "starts anew, sealed",
                 {"keyturn admin restore keyturn-2026-11-24.backup"},
                 [&invocation, from] { return Restore(invocation, *from); }),
      "file", *from, "A file that `keyturn admin backup` wrote", kFileType);
}

}  // namespace keyturn::cli
