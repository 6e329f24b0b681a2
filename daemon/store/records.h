// The values that the store keeps, beside those of the core. Plain data.
#ifndef KEYTURN_DAEMON_STORE_RECORDS_H_
#define KEYTURN_DAEMON_STORE_RECORDS_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "daemon/migration/campaign.h"
#include "daemon/migration/model.h"
#include "daemon/migration/transition.h"

namespace keyturn::store {

// Something that happened to a migration, as watchers get it.
struct StoredEvent {
  // Given by the store in the transaction: ascending over all migrations,
  // without a gap, never used twice. Ignored in a Batch.
  int64_t sequence = 0;
  std::string migration_id;
  absl::Time time;
  // A caller's identity, or "daemon".
  std::string actor;
  // UPPER_SNAKE_CASE.
  std::string kind;
  // For people.
  std::string message;
  // The migration's state after this event.
  migration::State state = migration::State::kPlanning;
  // The step after this event, whole; both or neither.
  std::optional<migration::Step> step;
  std::optional<migration::StepRecord> record;
  // When that step's next attempt or look comes.
  std::optional<absl::Time> wake_at;
  // With the state NEEDS_ATTENTION.
  std::optional<migration::Attention> attention;
};

// A migration together with what a reader needs from other rows, all of one
// instant.
struct StoredMigration {
  migration::Migration migration;
  // Of its newest event; 0: it has none.
  int64_t last_sequence = 0;
  // Oldest first.
  std::vector<std::string> open_task_ids;
};

// What is needed to go on after a start.
struct UnfinishedMigration {
  std::string id;
  migration::State state = migration::State::kPlanning;
  std::optional<absl::Time> wake_at;
};

// A campaign with its members in the order of their numbers, and how the
// migrations of these stand, all of one instant.
struct StoredCampaign {
  migration::Campaign campaign;
  std::vector<migration::MemberStanding> members;
};

// Never renumber: the numbers are stored.
enum class CredentialKind : int {
  kCeligoToken = 1,
  kNetSuiteTba = 2,
  kNetSuiteM2m = 3,
  kNetSuiteLogin = 4,
  // Made by a migration: the token that the connection runs on.
  kConnectionToken = 5,
};

inline constexpr std::array kAllCredentialKinds = {
    CredentialKind::kCeligoToken,     CredentialKind::kNetSuiteTba,
    CredentialKind::kNetSuiteM2m,     CredentialKind::kNetSuiteLogin,
    CredentialKind::kConnectionToken,
};

// "CELIGO_TOKEN", "NETSUITE_TBA", ...
std::string_view Name(CredentialKind kind);

// Never renumber: the numbers are stored.
enum class VersionLabel : int {
  kPending = 1,
  kCurrent = 2,
  kPrevious = 3,
  kRevoked = 4,
};

inline constexpr std::array kAllVersionLabels = {
    VersionLabel::kPending,
    VersionLabel::kCurrent,
    VersionLabel::kPrevious,
    VersionLabel::kRevoked,
};

// "PENDING", "CURRENT", ...
std::string_view Name(VersionLabel label);

// A credential as it may be shown: everything but its secret.
struct CredentialInfo {
  struct Version {
    int number = 0;
    VersionLabel label = VersionLabel::kCurrent;
    absl::Time created_at;
    std::string creator;
  };
  std::string name;
  CredentialKind kind = CredentialKind::kCeligoToken;
  // The migration that made it; empty: a person brought it.
  std::string migration_id;
  // Ascending, from 1.
  std::vector<Version> versions;

  // The newest version with that label; null: none.
  const Version* Find(VersionLabel label) const;
};

// One version as the vault sealed it.
struct SealedVersion {
  std::string name;
  CredentialKind kind = CredentialKind::kCeligoToken;
  int number = 0;
  VersionLabel label = VersionLabel::kCurrent;
  // Ciphertext: safe to keep and to copy.
  std::string sealed;
};

// All that is stored of one credential, and what binds it together.
struct CredentialRows {
  CredentialInfo info;
  // Of each of info.versions.
  std::vector<std::string> sealed;
  // See RowBinder; empty: it was stored while there was none.
  std::string binding;
};

// Where among the versions under one data key a read begins: after this one.
struct VersionPlace {
  std::string name;
  int number = 0;
};

// Never renumber: the numbers are stored.
enum class AccountKind : int {
  kCeligo = 1,
  kNetSuite = 2,
};

// "Celigo", "NetSuite": for people.
std::string_view Name(AccountKind kind);

// Never renumber: the numbers are stored.
enum class CeligoRegion : int {
  // NetSuite accounts, and Celigo accounts with a base_url.
  kNone = 0,
  kUs = 1,
  kEu = 2,
  kAu = 3,
  kCa = 4,
};

// A Celigo or NetSuite account that the daemon may work on.
struct Account {
  std::string name;
  AccountKind kind = AccountKind::kCeligo;
  // Name of the credential it uses; empty: none (NetSuite, by tasks alone).
  std::string credential;
  // "https://host[:port]"; empty: the vendor's own address.
  std::string base_url;
  CeligoRegion region = CeligoRegion::kNone;
  // NetSuite's account id, as the caller wrote it.
  std::string account_id;
  // PEM certificates to trust instead of the system's; empty: the system's.
  std::string ca_pem;
  absl::Time created_at;
};

// A data key of the vault, sealed by the root key.
struct WrappedDataKey {
  std::string id;
  absl::Time created_at;
  std::string wrapped;
  // What was ever stored sealed under it, and what of that is there now. Kept
  // by the store; ignored in a Batch.
  int64_t seals = 0;
  int64_t versions = 0;
};

// A client certificate that our own authority signed, and whom it stands for.
struct Certificate {
  // Hexadecimal digits.
  std::string serial;
  // The name that it bears; several may bear the same.
  std::string identity;
  // Names of roles.
  std::vector<std::string> roles;
  absl::Time issued_at;
  absl::Time expires_at;
  // Who invited.
  std::string creator;
  std::optional<absl::Time> used_at;
  std::optional<absl::Time> revoked_at;
  // Names of the accounts that it is limited to; empty: it is not.
  std::vector<std::string> accounts = {};
};

// The right to get certificates for one name.
struct Invitation {
  // SHA-256 of the secret that proves it, in hexadecimal digits.
  std::string hash;
  std::string identity;
  std::vector<std::string> roles;
  absl::Time expires_at;
  // Who invited.
  std::string creator;
  // Certificates that it is still good for.
  int uses_left = 1;
  // As of a certificate.
  std::vector<std::string> accounts = {};
};

// What there is of one name.
struct IdentityInfo {
  std::string name;
  // The one that was issued last; `used_at` is that of all of them.
  std::optional<Certificate> newest;
  // The one that expires last and has uses left.
  std::optional<Invitation> invitation;
};

// One line of the trail of what was done and by whom.
struct AuditRow {
  // Given by the store, like that of an event but counted on its own.
  int64_t sequence = 0;
  absl::Time time;
  // The caller's identity, and how it came: "tls", "unix". The daemon's own:
  // "daemon" and "internal".
  std::string actor;
  std::string transport;
  // Of the client certificate; empty on the unix socket.
  std::string subject;
  std::string serial;
  // Address or user id of the other end.
  std::string peer;
  // The RPC's full name; of the daemon's own deeds a name like "step/cut_over".
  std::string action;
  // Resource name of what was acted on.
  std::string target;
  std::string request_id;
  // Keyed hash of all that the request held; empty: no request.
  std::string digest;
  // "INTENDED" before an effect outside; else what came of it: "OK", the name
  // of the status code, or of a step the kind of its outcome.
  std::string result;
  std::string detail;
  // What chains it to the row before, see AuditSealer. Given by the store;
  // empty: stored without a sealer.
  std::string seal;
};

// How many credentials there are, and what all of them come to, see RowBinder.
struct Census {
  int64_t count = 0;
  // Of what RowBinder::Weigh gives for each, lane by lane.
  std::array<uint64_t, 4> sum{};
  bool operator==(const Census&) const = default;
};

// Which audit rows; empty fields match all.
struct AuditFilter {
  // From this instant on, and before that one.
  std::optional<absl::Time> since;
  std::optional<absl::Time> until;
  std::string actor;
  // Also the part of an action after its "/": "CreateCredential".
  std::string action;
  std::string target;
};

// What makes a repeated request harmless (guarantee G10).
struct RequestRecord {
  std::string caller;
  std::string request_id;
  // SHA-256 of what was asked, so that another request under the same id is
  // told from a repeated one. Holds no secret that could be guessed.
  std::string fingerprint;
  // What to answer to the repeated request. Holds no secret.
  std::string answer;
  absl::Time created_at;
};

// --- What a Batch may hold ---

struct MigrationWrite {
  // Its revision is higher than `expected_revision`, so a new one (see
  // NewMigration, which gives 0) is stored with revision 1.
  migration::Migration migration;
  // The stored revision that the change was made from; 0: a new migration.
  int64_t expected_revision = 0;
};

struct CampaignWrite {
  // As of MigrationWrite.
  migration::Campaign campaign;
  int64_t expected_revision = 0;
};

struct MemberWrite {
  std::string campaign_id;
  migration::CampaignMember member;
  // The stored state that the change was made from; none: a new member.
  std::optional<migration::MemberState> expected;
};

struct TaskClosing {
  migration::Transition::ClosedTask task;
  absl::Time at;
};

struct NewCredential {
  std::string name;
  CredentialKind kind = CredentialKind::kCeligoToken;
  std::string migration_id;
  // Its number is 1.
  CredentialInfo::Version version;
  std::string sealed;
  // Id of the data key that it was sealed under.
  std::string data_key;
};

struct NewVersion {
  std::string name;
  // One higher than the newest that is stored.
  CredentialInfo::Version version;
  std::string sealed;
  std::string data_key;
};

// The same secret, sealed again under another data key.
struct ResealVersion {
  std::string name;
  int number = 0;
  // What it was sealed under; another one is stored: the commit is Aborted.
  std::string former_data_key;
  std::string sealed;
  std::string data_key;
};

struct RelabelVersion {
  std::string name;
  int number = 0;
  VersionLabel label = VersionLabel::kCurrent;
};

struct DeleteCredential {
  std::string name;
};

// Binds the rows as they are stored, see RowBinder. Every other write of a
// credential does that as well.
struct BindCredential {
  std::string name;
};

// Wherever a version becomes CURRENT, the one that was CURRENT becomes PREVIOUS
// by itself.
using CredentialWrite =
    std::variant<NewCredential, NewVersion, ResealVersion, RelabelVersion,
                 DeleteCredential, BindCredential>;

struct CreateAccount {
  Account account;
};

struct DeleteAccount {
  std::string name;
};

using AccountWrite = std::variant<CreateAccount, DeleteAccount>;

struct AddInvitation {
  Invitation invitation;
};

struct AddCertificate {
  Certificate certificate;
  // The invitation that it takes one use of; empty: none.
  std::string invitation_hash;
  // The valid certificate that it will follow; empty: none.
  std::string predecessor;
};

// Revokes all certificates of that name and withdraws its invitations.
struct RevokeIdentity {
  std::string identity;
  absl::Time at;
};

// Nothing happens when there is no such certificate, or when a later use is
// stored.
struct NoteCertificateUse {
  std::string serial;
  absl::Time at;
};

using IdentityWrite = std::variant<AddInvitation, AddCertificate,
                                   RevokeIdentity, NoteCertificateUse>;

// One change: all of it is stored, or nothing.
struct Batch {
  std::optional<RequestRecord> request;
  std::optional<MigrationWrite> migration;
  std::optional<CampaignWrite> campaign;
  // Of campaigns that are stored, or of `campaign`.
  std::vector<MemberWrite> members;
  // All of one migration: that of `migration` when it is given.
  std::vector<StoredEvent> events;
  std::vector<migration::Task> opened_tasks;
  std::vector<TaskClosing> closed_tasks;
  std::vector<CredentialWrite> credentials;
  std::vector<AccountWrite> accounts;
  std::vector<IdentityWrite> identities;
  // One that is stored already gets the new wrapped bytes and keeps its place.
  std::vector<WrappedDataKey> data_keys;
  std::vector<AuditRow> audit;
  // Counts all credentials anew and tells the trail so, at that instant:
  // whatever it said of them before, this is what holds.
  std::optional<absl::Time> census_at;
};

}  // namespace keyturn::store

#endif  // KEYTURN_DAEMON_STORE_RECORDS_H_
