
#include "absl/time/clock.h"
#include "cli/commands/command.h"
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

}  // namespace

void AddServerCommands(CLI::App& top, Invocation& invocation) {
  AddCommand(top, invocation, "whoami",
             "Tells who the daemon takes you for, and your roles",
             {"keyturn whoami", "keyturn -o json whoami"},
             [&invocation] { return WhoAmI(invocation); });
  AddCommand(top, invocation, "server", "Tells about the daemon",
             {"keyturn server", "keyturn --context production server"},
             [&invocation] { return Server(invocation); });
}

}  // namespace keyturn::cli
