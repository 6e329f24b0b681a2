#ifndef KEYTURN_TESTS_CLI_SAMPLES_H_
#define KEYTURN_TESTS_CLI_SAMPLES_H_

#include <string>

#include "absl/time/time.h"
#include "keyturn/v1/migrations.pb.h"
#include "keyturn/v1/tasks.pb.h"

namespace keyturn::cli {

inline constexpr char kSampleId[] = "k3q7n2x5a4bcdefg";
inline constexpr char kSampleName[] = "migrations/k3q7n2x5a4bcdefg";
inline constexpr char kSampleTask[] = "tasks/t2mwd4k7qx3zabcd";

// 2026-11-23 10:00:00Z, when the sample was created.
absl::Time SampleTime();

// A migration of the seed's kind with its whole plan, all steps pending.
v1::Migration SampleMigration();

// The same while create_role runs for the second time, one step after the other
// having taken two seconds.
v1::Migration RunningMigration();

// Waiting for kSampleTask in issue_token.
v1::Migration AwaitingMigration();

// Stuck in cut_over.
v1::Migration StuckMigration();

// At the good end.
v1::Migration SucceededMigration();

// The task that asks for a token.
v1::Task TokenTask();

// An event that brings `step` of the sample into `step_state`.
v1::Event SampleEvent(int64_t sequence, const std::string& kind,
                      v1::Step::Name step, v1::Step::State step_state,
                      v1::Migration::State state, const std::string& message);

// A spec file's text that asks for the sample.
std::string SampleSpec();

}  // namespace keyturn::cli

#endif  // KEYTURN_TESTS_CLI_SAMPLES_H_
