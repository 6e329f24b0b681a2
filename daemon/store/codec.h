// Between the values of the daemon and what is written to disk
// (keyturn/store/v1/records.proto). Pure.
//
// Encode never fails: a value of the core can always be stored. Decode gives
// DataLoss when the bytes are not such a record or hold a number that this
// daemon has no meaning for; it cannot know which row they came from, so the
// store adds table and key.
#ifndef KEYTURN_DAEMON_STORE_CODEC_H_
#define KEYTURN_DAEMON_STORE_CODEC_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "daemon/migration/campaign.h"
#include "daemon/migration/model.h"
#include "daemon/store/records.h"

namespace keyturn::store {

std::string EncodeMigration(const migration::Migration& migration);
absl::StatusOr<migration::Migration> DecodeMigration(std::string_view bytes);

// Without its sequence, which is the row's key.
std::string EncodeEvent(const StoredEvent& event);
absl::StatusOr<StoredEvent> DecodeEvent(std::string_view bytes);

std::string EncodeTask(const migration::Task& task);
absl::StatusOr<migration::Task> DecodeTask(std::string_view bytes);

std::string EncodeAccount(const Account& account);
absl::StatusOr<Account> DecodeAccount(std::string_view bytes);

std::string EncodeCampaign(const migration::Campaign& campaign);
absl::StatusOr<migration::Campaign> DecodeCampaign(std::string_view bytes);

// Without its number, which is part of the row's key.
std::string EncodeMember(const migration::CampaignMember& member);
absl::StatusOr<migration::CampaignMember> DecodeMember(std::string_view bytes);

// Nanoseconds since 1970; infinite instants are the lowest and highest number.
// What is finer than a nanosecond is cut.
int64_t EncodeTime(absl::Time time);
absl::Time DecodeTime(int64_t nanoseconds);

}  // namespace keyturn::store

#endif  // KEYTURN_DAEMON_STORE_CODEC_H_
