#include "daemon/app/restored.h"

#include <unistd.h>

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/audit/chain.h"
#include "daemon/audit/old_copy.h"
#include "daemon/audit/sealer.h"
#include "daemon/base/status.h"
#include "daemon/store/store.h"
#include "daemon/vault/keyring.h"

namespace keyturn::app {
namespace {

store::AuditRow RowOf(absl::Time now) {
  store::AuditRow row;
  row.time = now;
  row.actor = "daemon";
  row.transport = "internal";
  row.peer = absl::StrCat("uid:", getuid());
  row.action = "daemon/accept-restored";
  row.target = "server";
  row.result = "OK";
  return row;
}

}  // namespace

absl::StatusOr<std::string> AcceptRestored(
    const Config& config, const vault::Passphrases& passphrases,
    absl::Time now) {
  audit::Sealer sealer;
  store::SqliteOptions options;
  options.path = config.StorePath();
  options.audit_sealer = &sealer;
  ASSIGN_OR_RETURN(const std::unique_ptr<store::Store> store,
                   store::OpenSqliteStore(std::move(options)));
  ASSIGN_OR_RETURN(const vault::RootKeys root_keys,
                   vault::ReadRootKeys(config.root_key, passphrases));
  ASSIGN_OR_RETURN(const vault::Keyring keyring,
                   vault::UnwrapKeyring(*store, root_keys));
  ASSIGN_OR_RETURN(
      audit::ChainKey key,
      audit::ChainKey::DeriveFrom(keyring.DeriveKey(audit::kKeyPurpose)));
  sealer.SetKey(std::make_shared<audit::ChainKey>(std::move(key)));
  ASSIGN_OR_RETURN(const int64_t last, store->LastAuditSequence());
  RETURN_IF_ERROR(vault::AcceptRestored(*store, root_keys, RowOf(now)));
  RETURN_IF_ERROR(
      audit::WriteRestored(*store, *sealer.key(), config.audit_checkpoints, now)
          .status());
  return absl::StrCat(
      "the store is taken as it is; its audit trail ended with row ", last,
      "\n");
}

}  // namespace keyturn::app
