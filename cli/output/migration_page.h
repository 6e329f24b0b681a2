#ifndef KEYTURN_CLI_OUTPUT_MIGRATION_PAGE_H_
#define KEYTURN_CLI_OUTPUT_MIGRATION_PAGE_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "cli/output/style.h"
#include "keyturn/v1/migrations.pb.h"

namespace keyturn::cli {

// Migrations as people read them. All functions are pure.

// "NetSuite (5f3a…) of acme": the connection by the best name there is.
std::string ConnectionTitle(const v1::Migration& migration);

// The connection, the NetSuite account and user, the role and the application,
// with their labels.
std::vector<std::pair<std::string, std::string>> Subject(
    const v1::Migration& migration);

// The heading under which a report shows the plan's changes: they were made, or
// still may come. Empty: they will not come.
std::string ChangesHeading(const v1::Migration& migration);

// What the migration waits for, or empty when it does not wait.
std::string WaitsFor(const v1::Migration& migration);

// The commands that make sense in the migration's present state, the likeliest
// first.
std::vector<std::string> NextCommands(const v1::Migration& migration);

// What was found, what will be done by whom and whether it can be undone, the
// exact changes, the flows, the warnings, the hash.
std::string PlanPage(const v1::Migration& migration, const Style& style);

// How it stands now, and the commands that make sense.
std::string ShowPage(const v1::Migration& migration, absl::Time now,
                     const Style& style);

// Who, what, when; each step with its time and proofs; the changes; what is
// left to do.
std::string ReportPage(const v1::Migration& migration, const Style& style);

// The short form, for the end of `migrate`: the result and what is left to do.
std::string ResultPage(const v1::Migration& migration, const Style& style);

// Why it stopped, who must act, and the ways out.
std::string AttentionPage(const v1::Migration& migration, const Style& style);

std::string MigrationTable(const std::vector<v1::Migration>& migrations,
                           absl::Time now, const Style& style);

std::string EventTable(const std::vector<v1::Event>& events,
                       const Style& style);

}  // namespace keyturn::cli

#endif  // KEYTURN_CLI_OUTPUT_MIGRATION_PAGE_H_
