#include "daemon/store/sqlite/reader.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "daemon/base/status.h"
#include "daemon/store/codec.h"
#include "daemon/store/lists.h"
#include "daemon/store/sqlite/pages.h"

namespace keyturn::store::sqlite {
namespace {

using migration::State;
using migration::Task;

absl::Status BadNumber(std::string_view table, std::string_view key,
                       std::string_view column, int64_t number) {
  return AtRow(
      absl::DataLossError(absl::StrCat("its ", base::ToAbsl(column),
                                       " has the unknown number ", number)),
      table, key);
}

// Columns: id, revision, last_sequence, record.
absl::StatusOr<StoredMigration> MigrationAt(const Query& query) {
  const std::string id = query.TextAt(0);
  absl::StatusOr<migration::Migration> decoded =
      DecodeMigration(query.BlobAt(3));
  if (!decoded.ok()) return AtRow(decoded.status(), "migrations", id);
  if (decoded->id != id || decoded->revision != query.IntAt(1)) {
    return AtRow(absl::DataLossError("its record is that of another row"),
                 "migrations", id);
  }
  StoredMigration stored;
  stored.migration = *std::move(decoded);
  stored.last_sequence = query.IntAt(2);
  return stored;
}

absl::Status ReadVersions(Connection& connection, CredentialInfo& info) {
  Query query(connection,
              "SELECT number, label, created_at_ns, creator"
              " FROM credential_versions WHERE name = ? ORDER BY number");
  query.Text(info.name);
  while (query.Next()) {
    CredentialInfo::Version version;
    version.number = static_cast<int>(query.IntAt(0));
    version.label = static_cast<VersionLabel>(query.IntAt(1));
    if (std::find(kAllVersionLabels.begin(), kAllVersionLabels.end(),
                  version.label) == kAllVersionLabels.end()) {
      return BadNumber("credential_versions", info.name, "label",
                       query.IntAt(1));
    }
    version.created_at = DecodeTime(query.IntAt(2));
    version.creator = query.TextAt(3);
    info.versions.push_back(std::move(version));
  }
  return query.status();
}

// Columns: name, kind, migration_id.
absl::StatusOr<CredentialInfo> CredentialAt(Connection& connection,
                                            const Query& query) {
  CredentialInfo info;
  info.name = query.TextAt(0);
  info.kind = static_cast<CredentialKind>(query.IntAt(1));
  if (std::find(kAllCredentialKinds.begin(), kAllCredentialKinds.end(),
                info.kind) == kAllCredentialKinds.end()) {
    return BadNumber("credentials", info.name, "kind", query.IntAt(1));
  }
  info.migration_id = query.TextAt(2);
  RETURN_IF_ERROR(ReadVersions(connection, info));
  return info;
}

std::vector<std::string> SplitNames(const std::string& text) {
  return absl::StrSplit(text, ',', absl::SkipEmpty());
}

std::optional<absl::Time> OptionalTimeAt(const Query& query, int column) {
  const std::optional<int64_t> time_ns = query.OptionalIntAt(column);
  if (!time_ns.has_value()) return std::nullopt;
  return DecodeTime(*time_ns);
}

// Columns: serial, identity, roles, issued_at_ns, expires_at_ns, creator,
// used_at_ns, revoked_at_ns, accounts.
Certificate CertificateAt(const Query& query) {
  return {query.TextAt(0),
          query.TextAt(1),
          SplitNames(query.TextAt(2)),
          DecodeTime(query.IntAt(3)),
          DecodeTime(query.IntAt(4)),
          query.TextAt(5),
          OptionalTimeAt(query, 6),
          OptionalTimeAt(query, 7),
          SplitNames(query.TextAt(8))};
}

// Columns: hash, identity, roles, expires_at_ns, creator, uses_left, accounts.
Invitation InvitationAt(const Query& query) {
  return {query.TextAt(0),
          query.TextAt(1),
          SplitNames(query.TextAt(2)),
          DecodeTime(query.IntAt(3)),
          query.TextAt(4),
          static_cast<int>(query.IntAt(5)),
          SplitNames(query.TextAt(6))};
}

// Columns: those of the two audit queries below, in their order.
AuditRow AuditRowAt(const Query& query) {
  AuditRow row;
  row.sequence = query.IntAt(0);
  row.time = DecodeTime(query.IntAt(1));
  int column = 2;
  for (std::string* const text :
       {&row.actor, &row.transport, &row.subject, &row.serial, &row.peer,
        &row.action, &row.target, &row.request_id, &row.digest, &row.result,
        &row.detail, &row.seal}) {
    *text = query.TextAt(column++);
  }
  return row;
}

const char* TasksQuery(bool of_one_migration, bool open_only) {
  if (of_one_migration) {
    return open_only ? "SELECT id, record FROM tasks"
                       " WHERE (created_at_ns, id) > (?1, ?2)"
                       " AND migration_id = ?4 AND open = 1"
                       " ORDER BY created_at_ns, id LIMIT ?3"
                     : "SELECT id, record FROM tasks"
                       " WHERE (created_at_ns, id) > (?1, ?2)"
                       " AND migration_id = ?4"
                       " ORDER BY created_at_ns, id LIMIT ?3";
  }
  return open_only ? "SELECT id, record FROM tasks"
                     " WHERE (created_at_ns, id) > (?1, ?2) AND open = 1"
                     " ORDER BY created_at_ns, id LIMIT ?3"
                   : "SELECT id, record FROM tasks"
                     " WHERE (created_at_ns, id) > (?1, ?2)"
                     " ORDER BY created_at_ns, id LIMIT ?3";
}

}  // namespace

absl::StatusOr<StoredMigration> ReadMigration(Connection& connection,
                                              std::string_view id) {
  const Snapshot snapshot(connection);
  RETURN_IF_ERROR(snapshot.status());
  Query query(connection,
              "SELECT id, revision, last_sequence, record FROM migrations"
              " WHERE id = ?");
  if (!query.Text(id).Next()) {
    RETURN_IF_ERROR(query.status());
    return NoSuch("migration", id, "MIGRATION_NOT_FOUND");
  }
  ASSIGN_OR_RETURN(StoredMigration stored, MigrationAt(query));
  ASSIGN_OR_RETURN(stored.open_task_ids, ReadOpenTaskIds(connection, id));
  return stored;
}

absl::StatusOr<Page<StoredMigration>> ReadMigrations(
    Connection& connection, const std::vector<State>& states,
    const PageRequest& page) {
  const int limit = CutLimit(page.limit);
  const CreationCursor newest{std::numeric_limits<int64_t>::max(), "~"};
  ASSIGN_OR_RETURN(const CreationCursor after, ParseCursor(page.after, newest));
  uint32_t wanted = states.empty() ? ~uint32_t{0} : 0;
  for (const State state : states) wanted |= 1u << static_cast<int>(state);

  const Snapshot snapshot(connection);
  RETURN_IF_ERROR(snapshot.status());
  // The inner query finds the page in the index alone.
  Query query(connection,
              "SELECT id, revision, last_sequence, record FROM migrations"
              " WHERE id IN (SELECT id FROM migrations"
              "  WHERE (created_at_ns, id) < (?1, ?2)"
              "  AND (1 << state) & ?3 <> 0"
              "  ORDER BY created_at_ns DESC, id DESC LIMIT ?4)"
              " ORDER BY created_at_ns DESC, id DESC");
  query.Int(after.created_at_ns).Text(after.id).Int(wanted).Int(limit + 1);
  std::vector<StoredMigration> migrations;
  while (query.Next()) {
    ASSIGN_OR_RETURN(StoredMigration stored, MigrationAt(query));
    ASSIGN_OR_RETURN(stored.open_task_ids,
                     ReadOpenTaskIds(connection, stored.migration.id));
    migrations.push_back(std::move(stored));
  }
  RETURN_IF_ERROR(query.status());
  return CutPage(std::move(migrations), limit, [](const StoredMigration& last) {
    return AfterItem(last.migration.created_at, last.migration.id);
  });
}

absl::StatusOr<std::vector<UnfinishedMigration>> ReadUnfinished(
    Connection& connection) {
  Query query(connection,
              "SELECT id, state, wake_at_ns FROM migrations WHERE live = 1");
  std::vector<UnfinishedMigration> unfinished;
  while (query.Next()) {
    UnfinishedMigration& migration = unfinished.emplace_back();
    migration.id = query.TextAt(0);
    migration.state = static_cast<State>(query.IntAt(1));
    if (std::find(migration::kAllStates.begin(), migration::kAllStates.end(),
                  migration.state) == migration::kAllStates.end()) {
      return BadNumber("migrations", migration.id, "state", query.IntAt(1));
    }
    if (const std::optional<int64_t> wake_at_ns = query.OptionalIntAt(2)) {
      migration.wake_at = DecodeTime(*wake_at_ns);
    }
  }
  RETURN_IF_ERROR(query.status());
  return unfinished;
}

absl::StatusOr<std::optional<std::string>> ReadLiveByConnection(
    Connection& connection, std::string_view connection_key) {
  Query query(connection,
              "SELECT id FROM migrations WHERE live = 1"
              " AND connection_key <> '' AND connection_key = ?");
  std::optional<std::string> id;
  if (query.Text(connection_key).Next()) id = query.TextAt(0);
  RETURN_IF_ERROR(query.status());
  return id;
}

absl::StatusOr<std::map<State, int64_t>> ReadCounts(Connection& connection) {
  Query query(connection,
              "SELECT state, COUNT(*) FROM migrations GROUP BY state");
  std::map<State, int64_t> counts;
  while (query.Next()) {
    counts[static_cast<State>(query.IntAt(0))] = query.IntAt(1);
  }
  RETURN_IF_ERROR(query.status());
  return counts;
}

absl::StatusOr<std::vector<StoredEvent>> ReadEvents(
    Connection& connection, std::string_view migration_id,
    int64_t after_sequence, int limit) {
  Query query(connection,
              migration_id.empty()
                  ? "SELECT sequence, record FROM events WHERE sequence > ?1"
                    " ORDER BY sequence LIMIT ?2"
                  : "SELECT sequence, record FROM events WHERE sequence > ?1"
                    " AND migration_id = ?3 ORDER BY sequence LIMIT ?2");
  query.Int(after_sequence).Int(CutLimit(limit));
  if (!migration_id.empty()) query.Text(migration_id);
  std::vector<StoredEvent> events;
  while (query.Next()) {
    absl::StatusOr<StoredEvent> event = DecodeEvent(query.BlobAt(1));
    if (!event.ok()) {
      return AtRow(event.status(), "events", absl::StrCat(query.IntAt(0)));
    }
    event->sequence = query.IntAt(0);
    events.push_back(*std::move(event));
  }
  RETURN_IF_ERROR(query.status());
  return events;
}

absl::StatusOr<int64_t> ReadLastSequence(Connection& connection,
                                         std::string_view migration_id) {
  if (migration_id.empty()) {
    return connection.ReadNumber(
        "SELECT last FROM counters WHERE name = 'events'");
  }
  Query query(connection, "SELECT last_sequence FROM migrations WHERE id = ?");
  const int64_t last = query.Text(migration_id).Next() ? query.IntAt(0) : 0;
  RETURN_IF_ERROR(query.status());
  return last;
}

absl::StatusOr<Task> ReadTask(Connection& connection, std::string_view id) {
  Query query(connection, "SELECT record FROM tasks WHERE id = ?");
  if (!query.Text(id).Next()) {
    RETURN_IF_ERROR(query.status());
    return NoSuch("task", id, "TASK_NOT_FOUND");
  }
  absl::StatusOr<Task> task = DecodeTask(query.BlobAt(0));
  if (!task.ok()) return AtRow(task.status(), "tasks", id);
  return task;
}

absl::StatusOr<Page<Task>> ReadTasks(Connection& connection,
                                     std::string_view migration_id,
                                     bool open_only, const PageRequest& page) {
  const int limit = CutLimit(page.limit);
  const CreationCursor oldest{std::numeric_limits<int64_t>::min(), ""};
  ASSIGN_OR_RETURN(const CreationCursor after, ParseCursor(page.after, oldest));
  Query query(connection, TasksQuery(!migration_id.empty(), open_only));
  query.Int(after.created_at_ns).Text(after.id).Int(limit + 1);
  if (!migration_id.empty()) query.Text(migration_id);
  std::vector<Task> tasks;
  while (query.Next()) {
    absl::StatusOr<Task> task = DecodeTask(query.BlobAt(1));
    if (!task.ok()) return AtRow(task.status(), "tasks", query.TextAt(0));
    tasks.push_back(*std::move(task));
  }
  RETURN_IF_ERROR(query.status());
  return CutPage(std::move(tasks), limit, [](const Task& last) {
    return AfterItem(last.created_at, last.id);
  });
}

absl::StatusOr<std::vector<std::string>> ReadOpenTaskIds(
    Connection& connection, std::string_view migration_id) {
  Query query(connection,
              "SELECT id FROM tasks WHERE migration_id = ? AND open = 1"
              " ORDER BY created_at_ns, id");
  query.Text(migration_id);
  std::vector<std::string> ids;
  while (query.Next()) ids.push_back(query.TextAt(0));
  RETURN_IF_ERROR(query.status());
  return ids;
}

absl::StatusOr<Account> ReadAccount(Connection& connection,
                                    std::string_view name) {
  Query query(connection, "SELECT record FROM accounts WHERE name = ?");
  if (!query.Text(name).Next()) {
    RETURN_IF_ERROR(query.status());
    return NoSuch("account", name, "ACCOUNT_NOT_FOUND");
  }
  absl::StatusOr<Account> account = DecodeAccount(query.BlobAt(0));
  if (!account.ok()) return AtRow(account.status(), "accounts", name);
  return account;
}

absl::StatusOr<Page<Account>> ReadAccounts(Connection& connection,
                                           const PageRequest& page) {
  const int limit = CutLimit(page.limit);
  Query query(connection,
              "SELECT name, record FROM accounts WHERE name > ?"
              " ORDER BY name LIMIT ?");
  query.Text(page.after).Int(limit + 1);
  std::vector<Account> accounts;
  while (query.Next()) {
    absl::StatusOr<Account> account = DecodeAccount(query.BlobAt(1));
    if (!account.ok()) {
      return AtRow(account.status(), "accounts", query.TextAt(0));
    }
    accounts.push_back(*std::move(account));
  }
  RETURN_IF_ERROR(query.status());
  return CutPage(std::move(accounts), limit,
                 [](const Account& last) { return last.name; });
}

absl::StatusOr<CredentialInfo> ReadCredential(Connection& connection,
                                              std::string_view name) {
  const Snapshot snapshot(connection);
  RETURN_IF_ERROR(snapshot.status());
  Query query(connection,
              "SELECT name, kind, migration_id FROM credentials"
              " WHERE name = ?");
  if (query.Text(name).Next()) return CredentialAt(connection, query);
  RETURN_IF_ERROR(query.status());
  return NoSuch("credential", name, "CREDENTIAL_NOT_FOUND");
}

absl::StatusOr<Page<CredentialInfo>> ReadCredentials(Connection& connection,
                                                     const PageRequest& page) {
  const int limit = CutLimit(page.limit);
  const Snapshot snapshot(connection);
  RETURN_IF_ERROR(snapshot.status());
  Query query(connection,
              "SELECT name, kind, migration_id FROM credentials"
              " WHERE name > ? ORDER BY name LIMIT ?");
  query.Text(page.after).Int(limit + 1);
  std::vector<CredentialInfo> credentials;
  while (query.Next()) {
    ASSIGN_OR_RETURN(CredentialInfo info, CredentialAt(connection, query));
    credentials.push_back(std::move(info));
  }
  RETURN_IF_ERROR(query.status());
  return CutPage(std::move(credentials), limit,
                 [](const CredentialInfo& last) { return last.name; });
}

absl::StatusOr<SealedVersion> ReadSealedVersion(Connection& connection,
                                                std::string_view name,
                                                VersionSelector version) {
  const int* const number = std::get_if<int>(&version);
  Query query(connection,
              number != nullptr
                  ? "SELECT kind, number, label, sealed"
                    " FROM credential_versions JOIN credentials USING (name)"
                    " WHERE name = ? AND number = ?"
                  : "SELECT kind, number, label, sealed"
                    " FROM credential_versions JOIN credentials USING (name)"
                    " WHERE name = ? AND label = ?"
                    " ORDER BY number DESC LIMIT 1");
  query.Text(name).Int(number != nullptr
                           ? *number
                           : static_cast<int>(std::get<VersionLabel>(version)));
  if (query.Next()) {
    return SealedVersion{
        std::string(name), static_cast<CredentialKind>(query.IntAt(0)),
        static_cast<int>(query.IntAt(1)),
        static_cast<VersionLabel>(query.IntAt(2)), query.TextAt(3)};
  }
  RETURN_IF_ERROR(query.status());
  RETURN_IF_ERROR(ReadCredential(connection, name).status());
  const std::string which =
      number != nullptr
          ? absl::StrCat("version ", *number)
          : absl::StrCat(base::ToAbsl(Name(std::get<VersionLabel>(version))),
                         " version");
  return NoSuch(absl::StrCat(which, " of credential"), name,
                "VERSION_NOT_FOUND");
}

absl::StatusOr<CredentialRows> ReadRows(Connection& connection,
                                        std::string_view name) {
  const Snapshot snapshot(connection);
  RETURN_IF_ERROR(snapshot.status());
  return ReadRowsInTransaction(connection, name);
}

absl::StatusOr<CredentialRows> ReadRowsInTransaction(Connection& connection,
                                                     std::string_view name) {
  Query query(connection,
              "SELECT name, kind, migration_id, binding FROM credentials"
              " WHERE name = ?");
  if (!query.Text(name).Next()) {
    RETURN_IF_ERROR(query.status());
    return NoSuch("credential", name, "CREDENTIAL_NOT_FOUND");
  }
  CredentialRows rows;
  rows.binding = query.TextAt(3);
  ASSIGN_OR_RETURN(rows.info, CredentialAt(connection, query));
  Query sealed(connection,
               "SELECT sealed FROM credential_versions"
               " WHERE name = ? ORDER BY number");
  sealed.Text(name);
  while (sealed.Next()) rows.sealed.push_back(sealed.TextAt(0));
  RETURN_IF_ERROR(sealed.status());
  return rows;
}

absl::StatusOr<std::vector<SealedVersion>> ReadSealedUnder(
    Connection& connection, std::string_view data_key,
    const VersionPlace& place, int limit) {
  Query query(connection,
              "SELECT name, kind, number, label, sealed"
              " FROM credential_versions JOIN credentials USING (name)"
              " WHERE data_key = ? AND (name, number) > (?, ?)"
              " ORDER BY name, number LIMIT ?");
  query.Text(data_key).Text(place.name).Int(place.number).Int(CutLimit(limit));
  std::vector<SealedVersion> versions;
  while (query.Next()) {
    versions.push_back(
        {query.TextAt(0), static_cast<CredentialKind>(query.IntAt(1)),
         static_cast<int>(query.IntAt(2)),
         static_cast<VersionLabel>(query.IntAt(3)), query.TextAt(4)});
  }
  RETURN_IF_ERROR(query.status());
  return versions;
}

absl::StatusOr<std::vector<WrappedDataKey>> ReadAllDataKeys(
    Connection& connection) {
  Query query(connection,
              "SELECT id, created_at_ns, wrapped, seals,"
              " (SELECT COUNT(*) FROM credential_versions"
              " WHERE data_key = data_keys.id) FROM data_keys"
              " ORDER BY position");
  std::vector<WrappedDataKey> keys;
  while (query.Next()) {
    keys.push_back({query.TextAt(0), DecodeTime(query.IntAt(1)),
                    query.TextAt(2), query.IntAt(3), query.IntAt(4)});
  }
  RETURN_IF_ERROR(query.status());
  return keys;
}

absl::StatusOr<Certificate> ReadCertificate(Connection& connection,
                                            std::string_view serial) {
  Query query(connection,
              "SELECT serial, identity, roles, issued_at_ns, expires_at_ns,"
              " creator, used_at_ns, revoked_at_ns, accounts"
              " FROM certificates WHERE serial = ?");
  if (query.Text(serial).Next()) return CertificateAt(query);
  RETURN_IF_ERROR(query.status());
  return NoSuch("certificate", serial, "CERTIFICATE_NOT_FOUND");
}

absl::StatusOr<Invitation> ReadInvitation(Connection& connection,
                                          std::string_view hash) {
  Query query(connection,
              "SELECT hash, identity, roles, expires_at_ns, creator, uses_left,"
              " accounts FROM invitations WHERE hash = ?");
  if (query.Text(hash).Next()) return InvitationAt(query);
  RETURN_IF_ERROR(query.status());
  return NoSuch("invitation", hash, "INVITATION_NOT_FOUND");
}

absl::StatusOr<IdentityInfo> ReadIdentity(Connection& connection,
                                          std::string_view name) {
  IdentityInfo info;
  info.name = name;
  Query certificate(
      connection,
      "SELECT serial, identity, roles, issued_at_ns, expires_at_ns, creator,"
      " (SELECT MAX(used_at_ns) FROM certificates WHERE identity = ?1),"
      " revoked_at_ns, accounts FROM certificates WHERE identity = ?1"
      " ORDER BY issued_at_ns DESC, serial LIMIT 1");
  if (certificate.Text(name).Next()) info.newest = CertificateAt(certificate);
  RETURN_IF_ERROR(certificate.status());
  Query invitation(
      connection,
      "SELECT hash, identity, roles, expires_at_ns, creator, uses_left,"
      " accounts FROM invitations WHERE identity = ? AND uses_left > 0"
      " ORDER BY expires_at_ns DESC LIMIT 1");
  if (invitation.Text(name).Next()) info.invitation = InvitationAt(invitation);
  RETURN_IF_ERROR(invitation.status());
  if (info.newest.has_value() || info.invitation.has_value()) return info;
  return NoSuch("identity", name, "IDENTITY_NOT_FOUND");
}

absl::StatusOr<Page<IdentityInfo>> ReadIdentities(Connection& connection,
                                                  const PageRequest& page) {
  const int limit = CutLimit(page.limit);
  const Snapshot snapshot(connection);
  RETURN_IF_ERROR(snapshot.status());
  Query query(connection,
              "SELECT identity FROM certificates WHERE identity > ?1"
              " UNION SELECT identity FROM invitations"
              "  WHERE identity > ?1 AND uses_left > 0"
              " ORDER BY identity LIMIT ?2");
  query.Text(page.after).Int(limit + 1);
  std::vector<IdentityInfo> identities;
  while (query.Next()) {
    ASSIGN_OR_RETURN(IdentityInfo info,
                     ReadIdentity(connection, query.TextAt(0)));
    identities.push_back(std::move(info));
  }
  RETURN_IF_ERROR(query.status());
  return CutPage(std::move(identities), limit,
                 [](const IdentityInfo& last) { return last.name; });
}

absl::StatusOr<std::optional<RequestRecord>> ReadRequest(
    Connection& connection, std::string_view caller,
    std::string_view request_id) {
  Query query(connection,
              "SELECT caller, request_id, fingerprint, answer, created_at_ns"
              " FROM requests WHERE caller = ? AND request_id = ?");
  std::optional<RequestRecord> request;
  if (query.Text(caller).Text(request_id).Next()) {
    request = RequestRecord{query.TextAt(0), query.TextAt(1), query.TextAt(2),
                            query.TextAt(3), DecodeTime(query.IntAt(4))};
  }
  RETURN_IF_ERROR(query.status());
  return request;
}

absl::StatusOr<std::vector<AuditRow>> ReadAuditRows(Connection& connection,
                                                    int64_t after_sequence,
                                                    int limit) {
  Query query(connection,
              "SELECT sequence, time_ns, actor, transport, subject, serial,"
              " peer, action, target, request_id, digest, result, detail, seal"
              " FROM audit WHERE sequence > ? ORDER BY sequence LIMIT ?");
  query.Int(after_sequence).Int(CutLimit(limit));
  std::vector<AuditRow> rows;
  while (query.Next()) rows.push_back(AuditRowAt(query));
  RETURN_IF_ERROR(query.status());
  return rows;
}

absl::StatusOr<Page<AuditRow>> ReadMatchingAuditRows(Connection& connection,
                                                     const AuditFilter& filter,
                                                     const PageRequest& page) {
  const int limit = CutLimit(page.limit);
  int64_t before = std::numeric_limits<int64_t>::max();
  if (!page.after.empty() && !absl::SimpleAtoi(page.after, &before)) {
    return BadPageToken();
  }
  Query query(connection,
              "SELECT sequence, time_ns, actor, transport, subject, serial,"
              " peer, action, target, request_id, digest, result, detail, seal"
              " FROM audit WHERE sequence < ?1"
              " AND time_ns >= ?2 AND time_ns < ?3"
              " AND (?4 = '' OR actor = ?4)"
              " AND (?5 = '' OR action = ?5"
              "  OR substr(action, -length(?5) - 1) = '/' || ?5)"
              " AND (?6 = '' OR target = ?6)"
              " ORDER BY sequence DESC LIMIT ?7");
  query.Int(before)
      .Int(EncodeTime(filter.since.value_or(absl::InfinitePast())))
      .Int(EncodeTime(filter.until.value_or(absl::InfiniteFuture())))
      .Text(filter.actor)
      .Text(filter.action)
      .Text(filter.target)
      .Int(limit + 1);
  std::vector<AuditRow> rows;
  while (query.Next()) rows.push_back(AuditRowAt(query));
  RETURN_IF_ERROR(query.status());
  return CutPage(std::move(rows), limit, [](const AuditRow& last) {
    return absl::StrCat(last.sequence);
  });
}

}  // namespace keyturn::store::sqlite
