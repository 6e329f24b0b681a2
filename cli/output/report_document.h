#ifndef KEYTURN_CLI_OUTPUT_REPORT_DOCUMENT_H_
#define KEYTURN_CLI_OUTPUT_REPORT_DOCUMENT_H_

#include <vector>

#include "absl/time/time.h"
#include "cli/output/document.h"
#include "keyturn/v1/migrations.pb.h"
#include "keyturn/v1/tasks.pb.h"

namespace keyturn::cli {

// What a manager reads about one migration: how it went, who asked, approved,
// answered and confirmed, how long each step took, the proofs, what is left to
// do, and what NetSuite's calendar says. `tasks` are all of this migration,
// also closed ones. Pure.
Document ReportDocument(const v1::Migration& migration,
                        const std::vector<v1::Task>& tasks, absl::Time now);

}  // namespace keyturn::cli

#endif  // KEYTURN_CLI_OUTPUT_REPORT_DOCUMENT_H_
