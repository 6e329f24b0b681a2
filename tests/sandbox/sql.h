#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

// As much of SuiteQL as reading roles, permissions, employees and tokens needs:
// SELECT [DISTINCT] … FROM … [INNER | LEFT] JOIN … ON … WHERE … GROUP BY …
// ORDER BY …; =, <>, <, >, LIKE, IN (list or SELECT), BETWEEN, IS NULL, AND,
// OR, NOT, ||; UPPER, LOWER, TRIM, NVL, COALESCE, TO_CHAR, TO_NUMBER, LENGTH,
// BUILTIN.DF; COUNT, MIN, MAX. Comparison of text is case-sensitive.
namespace keyturn::sandbox {

struct SqlValue {
  // No value: NULL.
  std::optional<std::string> text;
  // What BUILTIN.DF shows; empty: the text itself.
  std::string display;
};
using SqlRow = std::vector<SqlValue>;

struct SqlTable {
  // Lower case.
  std::vector<std::string> columns;
  std::vector<SqlRow> rows;
};

// `column = literal` that every result row fulfils, so that a table need not
// build the other rows. Only given when the query reads one table.
struct SqlHint {
  std::string column;
  std::string value;
};
using SqlTables = std::function<absl::StatusOr<SqlTable>(
    const std::string& lower_name, const std::vector<SqlHint>& hints)>;

struct SqlResult {
  // Lower case, as SuiteQL answers.
  std::vector<std::string> columns;
  std::vector<SqlRow> rows;
};

// InvalidArgument with the detail for the caller: a syntax error, an unknown
// column, or what `tables` said. ResourceExhausted when a join grows too large.
absl::StatusOr<SqlResult> RunSql(std::string_view query,
                                 const std::vector<std::string>& parameters,
                                 const SqlTables& tables);

}  // namespace keyturn::sandbox
