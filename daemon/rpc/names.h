// Resource names and the other small forms that requests hold. Errors are
// InvalidArgument and name the field of the request.
#ifndef KEYTURN_DAEMON_RPC_NAMES_H_
#define KEYTURN_DAEMON_RPC_NAMES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace keyturn::rpc {

inline constexpr size_t kRequestIdSizeMin = 8;
inline constexpr size_t kRequestIdSizeMax = 64;

inline constexpr std::string_view kMigrationPrefix = "migrations/";
inline constexpr std::string_view kCampaignPrefix = "campaigns/";
inline constexpr std::string_view kTaskPrefix = "tasks/";
inline constexpr std::string_view kAccountPrefix = "accounts/";
inline constexpr std::string_view kCredentialPrefix = "credentials/";
inline constexpr std::string_view kIdentityPrefix = "identities/";

// "migrations/abc" of "abc"; empty stays empty.
std::string FullName(std::string_view prefix, std::string_view id);

// The id in `name`, which is the full resource name or the short id.
absl::StatusOr<std::string> ParseMigrationName(std::string_view field,
                                               std::string_view name);
absl::StatusOr<std::string> ParseCampaignName(std::string_view field,
                                              std::string_view name);
absl::StatusOr<std::string> ParseTaskName(std::string_view field,
                                          std::string_view name);
absl::StatusOr<std::string> ParseAccountName(std::string_view field,
                                             std::string_view name);
absl::StatusOr<std::string> ParseCredentialName(std::string_view field,
                                                std::string_view name);
absl::StatusOr<std::string> ParseIdentityName(std::string_view field,
                                              std::string_view name);

// As ParseMigrationName; empty for "migrations/-" and "-", which stand for all.
absl::StatusOr<std::string> ParseMigrationParent(std::string_view field,
                                                 std::string_view name);

// The revision in an etag; none for an empty one.
absl::StatusOr<std::optional<int64_t>> ParseEtag(std::string_view etag);
std::string EtagOf(int64_t revision);

// Empty, or the form that every request id has.
absl::Status CheckRequestId(std::string_view request_id);

// What a person wrote: at most `size_max` bytes; no control characters but
// tabs and line ends.
absl::Status CheckProse(std::string_view field, std::string_view text,
                        size_t size_max);

}  // namespace keyturn::rpc

#endif  // KEYTURN_DAEMON_RPC_NAMES_H_
