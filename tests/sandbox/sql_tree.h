#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

// The parsed form of a SuiteQL query; see sql.h for what is understood.
namespace keyturn::sandbox {

struct SqlSelect;

enum class SqlKind {
  kLiteral,
  kNull,
  kColumn,
  // `text` names the operator or function, upper case: "=", "AND", "UPPER".
  kCall,
  // kCall with the rows of a group instead of one row.
  kAggregate,
  kInList,
  kInSelect,
  kStar,
};

struct SqlExpression {
  SqlKind kind = SqlKind::kLiteral;
  // Literal, operator, function, or column in lower case.
  std::string text;
  // Table or alias before the dot, lower case; "" without.
  std::string qualifier;
  std::vector<std::unique_ptr<SqlExpression>> parts;
  std::unique_ptr<SqlSelect> select;
};
using SqlNode = std::unique_ptr<SqlExpression>;

struct SqlItem {
  SqlNode expression;
  // Lower case; "" without.
  std::string alias;
};

struct SqlSource {
  std::string table;
  std::string alias;
  bool left_join = false;
  // Null for the first table and after a comma.
  SqlNode on;
};

struct SqlOrder {
  SqlNode expression;
  bool descending = false;
};

struct SqlSelect {
  bool distinct = false;
  std::vector<SqlItem> items;
  std::vector<SqlSource> sources;
  SqlNode where;
  std::vector<SqlNode> group_by;
  std::vector<SqlOrder> order_by;
  // From FETCH FIRST n ROWS; negative without.
  long fetch = -1;
};

// InvalidArgument with what is wrong and where.
absl::StatusOr<std::unique_ptr<SqlSelect>> ParseSql(
    std::string_view query, const std::vector<std::string>& parameters);

}  // namespace keyturn::sandbox
