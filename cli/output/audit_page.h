#ifndef KEYTURN_CLI_OUTPUT_AUDIT_PAGE_H_
#define KEYTURN_CLI_OUTPUT_AUDIT_PAGE_H_

#include <string>
#include <vector>

#include "cli/output/style.h"
#include "keyturn/v1/audit.pb.h"

namespace keyturn::cli {

// The audit trail as people read it. All functions are pure.

std::string AuditTable(const std::vector<v1::AuditEntry>& entries,
                       const Style& style);

// One entry on one line, with the line's end.
std::string AuditLine(const v1::AuditEntry& entry, const Style& style);

std::string VerdictPage(const v1::VerifyAuditResponse& verdict,
                        const Style& style);

}  // namespace keyturn::cli

#endif  // KEYTURN_CLI_OUTPUT_AUDIT_PAGE_H_
