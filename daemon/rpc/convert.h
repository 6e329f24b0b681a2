// Between the public messages and the daemon's values. Pure.
//
// From a message: errors are InvalidArgument and name the field. To a message:
// never fails; every field of the message that has a value gets it.
#ifndef KEYTURN_DAEMON_RPC_CONVERT_H_
#define KEYTURN_DAEMON_RPC_CONVERT_H_

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "daemon/engine/custodian.h"
#include "daemon/engine/engine.h"
#include "daemon/migration/campaign.h"
#include "daemon/migration/model.h"
#include "daemon/steps/discover.h"
#include "daemon/store/records.h"
#include "daemon/vault/payload.h"
#include "keyturn/v1/accounts.pb.h"
#include "keyturn/v1/admin.pb.h"
#include "keyturn/v1/campaigns.pb.h"
#include "keyturn/v1/credentials.pb.h"
#include "keyturn/v1/inventory.pb.h"
#include "keyturn/v1/migrations.pb.h"
#include "keyturn/v1/tasks.pb.h"

namespace keyturn::rpc {

google::protobuf::Timestamp ToProto(absl::Time time);
google::protobuf::Duration ToProto(absl::Duration duration);
absl::Duration FromProto(const google::protobuf::Duration& duration);

// --- Migrations ---

v1::Spec ToProto(const migration::Spec& spec);
v1::Plan ToProto(const migration::Plan& plan);
v1::Migration ToProto(const store::StoredMigration& stored);
v1::Event ToProto(const store::StoredEvent& event);

v1::Migration::State ToProto(migration::State state);
v1::Step::Name ToProto(migration::Step step);
v1::Step::State ToProto(migration::StepState state);

// Checks the form of every field.
absl::StatusOr<migration::Spec> FromProto(const v1::Spec& spec);
absl::StatusOr<migration::State> FromProto(v1::Migration::State state);

// --- Campaigns ---

v1::Campaign ToProto(const store::StoredCampaign& stored);
// With the defaults for what is absent; nothing is checked.
migration::CampaignPolicy FromProto(const v1::Campaign::Policy& policy);

// --- Tasks ---

v1::Task ToProto(const migration::Task& task);

// --- Accounts, credentials ---

v1::Account ToProto(const store::Account& account);
v1::Credential ToProto(const store::CredentialInfo& credential);

// The account to be created under the name `account_id`, its form checked.
absl::StatusOr<store::Account> FromProto(const std::string& account_id,
                                         const v1::Account& account);

v1::VaultStatus ToProto(const engine::VaultStatus& status);

// Copies the secrets into memory that wipes itself and checks their form; the
// error never repeats a value. The message is the caller's to wipe.
absl::StatusOr<vault::Payload> FromProto(const v1::CredentialSecret& secret);

// --- Inventory ---

v1::DiscoverResponse ToProto(
    const std::vector<steps::DiscoveredConnection>& connections);

}  // namespace keyturn::rpc

#endif  // KEYTURN_DAEMON_RPC_CONVERT_H_
