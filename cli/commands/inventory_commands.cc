#include <memory>

#include "cli/commands/command.h"
#include "cli/names.h"
#include "cli/output/resource_page.h"

namespace keyturn::cli {
namespace {

Outcome Discover(Invocation& invocation, const std::string& text) {
  const absl::StatusOr<std::string> name = ResourceName("accounts", text);
  if (!name.ok()) return name.status();
  const absl::StatusOr<Client*> client = invocation.Connect();
  if (!client.ok()) return client.status();
  v1::DiscoverRequest request;
  request.set_account(ShortId(*name));
  const absl::StatusOr<v1::DiscoverResponse> response = (*client)->Call(
      &v1::Inventory::Stub::Discover, request, kOutsideCallTimeout);
  if (!response.ok()) {
    return WhileDoing(response.status(), "cannot discover " + *name, *name);
  }
  invocation.Print(*response, [&response](const Style& style) {
    return DiscoverPage(*response, style);
  });
  return ExitCode::kDone;
}

}  // namespace

void AddInventoryCommands(CLI::App& top, Invocation& invocation) {
  const auto account = std::make_shared<std::string>();
  CLI::App& discover = AddCommand(
      top, invocation, "discover",
      "Describes every NetSuite connection of a Celigo account: how it logs "
      "in, what blocks a migration, what one would need",
      {"keyturn discover acme", "keyturn discover acme -o json"},
      [&invocation, account] { return Discover(invocation, *account); });
  AddPositional(discover, "ACCOUNT", *account, "The Celigo account",
                kCeligoAccountType);
}

}  // namespace keyturn::cli
