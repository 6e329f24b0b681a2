#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cli/commands/command.h"
#include "cli/new_file.h"
#include "cli/output/resource_page.h"
#include "cli/version.h"

namespace keyturn::cli {
namespace {

Outcome WhoAmI(Invocation& invocation) {
  const absl::StatusOr<Client*> client = invocation.Connect();
  if (!client.ok()) return client.status();
  v1::WhoAmIRequest request;
  const absl::StatusOr<v1::WhoAmIResponse> caller =
      (*client)->Call(&v1::Access::Stub::WhoAmI, request);
  if (!caller.ok()) {
    return WhileDoing(caller.status(), "cannot ask the daemon who I am");
  }
  invocation.Print(*caller, [&caller](const Style& style) {
    return WhoAmIPage(*caller, absl::Now(), style);
  });
  return ExitCode::kDone;
}

Outcome Server(Invocation& invocation) {
  const absl::StatusOr<Client*> client = invocation.Connect();
  if (!client.ok()) return client.status();
  v1::GetServerInfoRequest request;
  const absl::StatusOr<v1::ServerInfo> server =
      (*client)->Call(&v1::Admin::Stub::GetServerInfo, request);
  if (!server.ok()) {
    return WhileDoing(server.status(), "cannot ask the daemon about itself");
  }
  invocation.Print(*server, [&server](const Style& style) {
    return ServerPage(*server, kVersion, absl::Now(), style);
  });
  return ExitCode::kDone;
}

Outcome SupportBundle(Invocation& invocation, const std::string& path) {
  const absl::StatusOr<Client*> client = invocation.Connect();
  if (!client.ok()) return client.status();
  v1::GetSupportBundleRequest request;
  const absl::StatusOr<v1::SupportBundle> bundle =
      (*client)->Call(&v1::Admin::Stub::GetSupportBundle, request);
  if (!bundle.ok()) {
    return WhileDoing(bundle.status(), "cannot get a support bundle");
  }
  const bool json = invocation.format() == OutputFormat::kJson;
  const std::string text =
      ToStructured(*bundle, json ? OutputFormat::kJson : OutputFormat::kYaml);
  Console& console = invocation.console();
  if (path.empty()) {
    console.Write(Stream::kOut, text);
    return ExitCode::kDone;
  }
  const absl::StatusOr<std::unique_ptr<NewFile>> file = NewFile::Make(path);
  if (!file.ok()) return file.status();
  absl::Status written = (*file)->Write(text);
  if (written.ok()) written = (*file)->Keep();
  if (!written.ok()) return written;
  console.Write(Stream::kError,
                absl::StrCat("wrote ", path,
                             ". It holds no secret, but names of accounts, "
                             "hosts, users and paths: read it before you pass "
                             "it on\n"));
  return ExitCode::kDone;
}

}  // namespace

void AddServerCommands(CLI::App& top, Invocation& invocation) {
  AddCommand(top, invocation, "whoami",
             "Tells who the daemon takes you for, and your roles",
             {"keyturn whoami", "keyturn -o json whoami"},
             [&invocation] { return WhoAmI(invocation); });
  CLI::App& server =
      AddCommand(top, invocation, "server", "Tells about the daemon",
                 {"keyturn server", "keyturn --context production server"},
                 [&invocation] { return Server(invocation); });
  const auto path = std::make_shared<std::string>();
  CLI::App& bundle = AddCommand(
      server, invocation, "support-bundle",
      "Collects what helps to find a fault, without any secret",
      {"keyturn server support-bundle --file bundle.yaml",
       "keyturn -o json server support-bundle"},
      [&invocation, path] { return SupportBundle(invocation, *path); });
  bundle
      .add_option("--file", *path,
                  "A new file for it, instead of standard output")
      ->type_name(kFileType);
  // A command's own callback comes after those of the commands below it.
  server.callback([&invocation, &bundle] {
    if (bundle.parsed()) return;
    invocation.action = [&invocation] { return Server(invocation); };
  });
}

}  // namespace keyturn::cli
