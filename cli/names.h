#ifndef KEYTURN_CLI_NAMES_H_
#define KEYTURN_CLI_NAMES_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "keyturn/v1/credentials.pb.h"
#include "keyturn/v1/migrations.pb.h"

namespace keyturn::cli {

// "abc" and "migrations/abc" become "migrations/abc" for the collection
// "migrations". InvalidArgument for a name of another collection and for
// characters that no id has.
absl::StatusOr<std::string> ResourceName(std::string_view collection,
                                         std::string_view text);

// "abc" of "migrations/abc"; a text without a slash is given back as it is.
std::string ShortId(std::string_view name);

// As design and scripts name it: "enable_tba".
std::string StepName(v1::Step::Name step);

// "AWAITING_TASK".
std::string StateName(v1::Migration::State state);

// "celigo-token", as `--kind` takes it.
std::string KindName(v1::Credential::Kind kind);

// Whether nothing will happen to a migration in this state any more.
bool AtRest(v1::Migration::State state);

// A fresh id by which the daemon knows a repeated request again: 32 hex digits
// from the operating system's random source.
std::string NewRequestId();

}  // namespace keyturn::cli

#endif  // KEYTURN_CLI_NAMES_H_
