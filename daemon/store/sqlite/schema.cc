#include "daemon/store/sqlite/schema.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"

namespace keyturn::store::sqlite {
namespace {

// Columns beside `record` are what is searched, sorted or checked; the record
// holds everything. Instants are nanoseconds since 1970.
constexpr char kVersion1[] = R"sql(
  CREATE TABLE counters (
    name TEXT PRIMARY KEY NOT NULL,
    last INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  INSERT INTO counters VALUES ('events', 0), ('audit', 0);

  CREATE TABLE migrations (
    id TEXT PRIMARY KEY NOT NULL,
    revision INTEGER NOT NULL,
    state INTEGER NOT NULL,
    live INTEGER NOT NULL,
    wake_at_ns INTEGER,
    created_at_ns INTEGER NOT NULL,
    connection_key TEXT NOT NULL,
    last_sequence INTEGER NOT NULL,
    record BLOB NOT NULL
  ) STRICT;
  CREATE INDEX migrations_by_creation
    ON migrations (created_at_ns, id, state);
  CREATE INDEX migrations_live
    ON migrations (id, state, wake_at_ns) WHERE live = 1;
  CREATE UNIQUE INDEX migrations_live_connection
    ON migrations (connection_key) WHERE live = 1 AND connection_key <> '';

  -- What live migrations name: kind 1, an account; kind 2, a credential.
  CREATE TABLE live_uses (
    kind INTEGER NOT NULL,
    name TEXT NOT NULL,
    migration_id TEXT NOT NULL,
    PRIMARY KEY (kind, name, migration_id)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE events (
    sequence INTEGER PRIMARY KEY NOT NULL,
    migration_id TEXT NOT NULL REFERENCES migrations (id),
    record BLOB NOT NULL
  ) STRICT;
  CREATE INDEX events_by_migration ON events (migration_id, sequence);

  CREATE TABLE tasks (
    id TEXT PRIMARY KEY NOT NULL,
    migration_id TEXT NOT NULL REFERENCES migrations (id),
    open INTEGER NOT NULL,
    created_at_ns INTEGER NOT NULL,
    record BLOB NOT NULL
  ) STRICT;
  CREATE INDEX tasks_by_creation ON tasks (created_at_ns, id);
  CREATE INDEX tasks_open ON tasks (created_at_ns, id) WHERE open = 1;
  CREATE INDEX tasks_by_migration
    ON tasks (migration_id, created_at_ns, id, open);

  CREATE TABLE credentials (
    name TEXT PRIMARY KEY NOT NULL,
    kind INTEGER NOT NULL,
    migration_id TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE credential_versions (
    name TEXT NOT NULL REFERENCES credentials (name) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    label INTEGER NOT NULL,
    created_at_ns INTEGER NOT NULL,
    creator TEXT NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (name, number)
  ) STRICT;
  CREATE UNIQUE INDEX credential_versions_current
    ON credential_versions (name) WHERE label = 2;

  CREATE TABLE accounts (
    name TEXT PRIMARY KEY NOT NULL,
    credential TEXT NOT NULL,
    record BLOB NOT NULL
  ) STRICT;
  CREATE INDEX accounts_by_credential ON accounts (credential, name);

  CREATE TABLE data_keys (
    position INTEGER PRIMARY KEY NOT NULL,
    id TEXT NOT NULL UNIQUE,
    created_at_ns INTEGER NOT NULL,
    wrapped BLOB NOT NULL
  ) STRICT;

  CREATE TABLE audit (
    sequence INTEGER PRIMARY KEY NOT NULL,
    time_ns INTEGER NOT NULL,
    actor TEXT NOT NULL,
    transport TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    request_id TEXT NOT NULL,
    result TEXT NOT NULL,
    detail TEXT NOT NULL
  ) STRICT;

  CREATE TABLE requests (
    caller TEXT NOT NULL,
    request_id TEXT NOT NULL,
    fingerprint BLOB NOT NULL,
    answer BLOB NOT NULL,
    created_at_ns INTEGER NOT NULL,
    PRIMARY KEY (caller, request_id)
  ) STRICT;
  CREATE INDEX requests_by_creation ON requests (created_at_ns);
)sql";

// Lists of names (roles) are joined by commas. No row holds a key or a token.
constexpr char kIdentities[] = R"sql(
  CREATE TABLE certificates (
    serial TEXT PRIMARY KEY NOT NULL,
    identity TEXT NOT NULL,
    roles TEXT NOT NULL,
    issued_at_ns INTEGER NOT NULL,
    expires_at_ns INTEGER NOT NULL,
    creator TEXT NOT NULL,
    used_at_ns INTEGER,
    revoked_at_ns INTEGER
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX certificates_by_identity
    ON certificates (identity, issued_at_ns);
  CREATE INDEX certificates_by_expiry ON certificates (expires_at_ns);

  CREATE TABLE invitations (
    hash TEXT PRIMARY KEY NOT NULL,
    identity TEXT NOT NULL,
    roles TEXT NOT NULL,
    expires_at_ns INTEGER NOT NULL,
    creator TEXT NOT NULL,
    uses_left INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX invitations_by_identity ON invitations (identity);
)sql";

// Who a caller was, and what chains each audit row to the one before.
constexpr char kAuditChain[] = R"sql(
  ALTER TABLE audit ADD COLUMN subject TEXT NOT NULL DEFAULT '';
  ALTER TABLE audit ADD COLUMN serial TEXT NOT NULL DEFAULT '';
  ALTER TABLE audit ADD COLUMN peer TEXT NOT NULL DEFAULT '';
  ALTER TABLE audit ADD COLUMN digest TEXT NOT NULL DEFAULT '';
  ALTER TABLE audit ADD COLUMN seal BLOB NOT NULL DEFAULT x'';
)sql";

// Which data key a version is sealed under, and how often each was used. What
// was sealed before says so itself: bytes 1 to 16 of an envelope. And what
// binds a credential's rows together, see RowBinder.
constexpr char kDataKeyUse[] = R"sql(
  ALTER TABLE credential_versions ADD COLUMN data_key TEXT NOT NULL DEFAULT '';
  UPDATE credential_versions
    SET data_key = CAST(substr(sealed, 2, 16) AS TEXT);
  CREATE INDEX credential_versions_by_data_key
    ON credential_versions (data_key, name, number);
  ALTER TABLE data_keys ADD COLUMN seals INTEGER NOT NULL DEFAULT 0;
  UPDATE data_keys SET seals = (SELECT COUNT(*) FROM credential_versions
    WHERE data_key = data_keys.id);
  ALTER TABLE credentials ADD COLUMN binding BLOB NOT NULL DEFAULT x'';
)sql";

// The accounts that an identity is limited to; none: it is not. Joined like
// roles.
constexpr char kIdentityAccounts[] = R"sql(
  ALTER TABLE certificates ADD COLUMN accounts TEXT NOT NULL DEFAULT '';
  ALTER TABLE invitations ADD COLUMN accounts TEXT NOT NULL DEFAULT '';
)sql";

// The same tables; but from now on the trail tells how all credentials stand
// (see Store::TakeCensus), and a keyturnd that does not must not change them.
constexpr char kCensus[] = "";

// The same tables; but a migration may be on trial (Spec::confirm_within), and
// a keyturnd that does not know that would let it end well without a word.
constexpr char kTrials[] = "";

// Sets of specs that are migrated in waves.
constexpr char kCampaigns[] = R"sql(
  CREATE TABLE campaigns (
    id TEXT PRIMARY KEY NOT NULL,
    revision INTEGER NOT NULL,
    state INTEGER NOT NULL,
    live INTEGER NOT NULL,
    created_at_ns INTEGER NOT NULL,
    record BLOB NOT NULL
  ) STRICT;
  CREATE INDEX campaigns_by_creation ON campaigns (created_at_ns, id);
  CREATE INDEX campaigns_live ON campaigns (id) WHERE live = 1;

  CREATE TABLE campaign_members (
    campaign_id TEXT NOT NULL REFERENCES campaigns (id),
    number INTEGER NOT NULL,
    state INTEGER NOT NULL,
    migration_id TEXT NOT NULL,
    record BLOB NOT NULL,
    PRIMARY KEY (campaign_id, number)
  ) STRICT, WITHOUT ROWID;
  CREATE UNIQUE INDEX campaign_members_by_migration
    ON campaign_members (migration_id) WHERE migration_id <> '';
)sql";

// The same tables; but a migration may be an adoption (Spec::adopt), and a
// keyturnd that does not know that would ask for a token and write it.
constexpr char kAdoptions[] = "";

absl::Status UpgradeOnce(Connection& connection, const char* step,
                         size_t version) {
  const std::string sql = absl::StrCat(
      "BEGIN IMMEDIATE;", step, "PRAGMA application_id = ", kApplicationId,
      "; PRAGMA user_version = ", version, "; COMMIT;");
  const absl::Status status = connection.Execute(sql.c_str());
  if (status.ok()) return status;
  if (connection.in_transaction()) connection.Execute("ROLLBACK").IgnoreError();
  return base::Annotate(
      status, absl::StrCat("cannot bring the store to version ", version));
}

}  // namespace

const std::vector<const char*>& SchemaSteps() {
  static const auto* const steps = new std::vector<const char*>{
      kVersion1, kIdentities, kAuditChain, kDataKeyUse, kIdentityAccounts,
      kCensus,   kTrials,     kCampaigns,  kAdoptions};
  return *steps;
}

int SchemaVersion() { return static_cast<int>(SchemaSteps().size()); }

absl::Status CheckOrigin(Connection& connection, const std::string& path,
                         const std::vector<const char*>& steps) {
  const absl::Status foreign = base::WithReason(
      absl::FailedPreconditionError(absl::StrCat(
          path, " is not a store of Keyturn: give another data directory")),
      "STORE_FOREIGN");
  const absl::StatusOr<int64_t> application =
      connection.ReadNumber("PRAGMA application_id");
  if (base::ReasonOf(application.status()) == "STORE_CORRUPT") return foreign;
  RETURN_IF_ERROR(application.status());
  ASSIGN_OR_RETURN(const int64_t version,
                   connection.ReadNumber("PRAGMA user_version"));
  ASSIGN_OR_RETURN(const int64_t tables,
                   connection.ReadNumber("SELECT COUNT(*) FROM "
                                         "sqlite_schema"));
  const bool empty = *application == 0 && version == 0 && tables == 0;
  if (!empty && (*application != kApplicationId || version <= 0)) {
    return foreign;
  }
  if (version > static_cast<int64_t>(steps.size())) {
    return base::WithReason(absl::FailedPreconditionError(absl::StrCat(
                                path, " has version ", version,
                                ", but this keyturnd knows only up "
                                "to version ",
                                steps.size(), ": install a newer keyturnd")),
                            "STORE_NEWER");
  }
  return absl::OkStatus();
}

absl::Status Upgrade(Connection& connection,
                     const std::vector<const char*>& steps) {
  ASSIGN_OR_RETURN(const int64_t version,
                   connection.ReadNumber("PRAGMA user_version"));
  for (size_t step = version; step < steps.size(); ++step) {
    RETURN_IF_ERROR(UpgradeOnce(connection, steps[step], step + 1));
  }
  return absl::OkStatus();
}

}  // namespace keyturn::store::sqlite
