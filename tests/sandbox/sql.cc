#include "tests/sandbox/sql.h"

#include <algorithm>
#include <memory>
#include <set>
#include <unordered_map>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/sandbox/sql_tree.h"
#include "tests/sandbox/text.h"

namespace keyturn::sandbox {
namespace {

constexpr int64_t kJoinStepsMax = 5'000'000;

struct BoundTable {
  std::string alias;
  SqlTable table;
};

// One row of each table; null where a left join found none.
using JoinedRow = std::vector<const SqlRow*>;

// Empty is unknown.
using Truth = std::optional<bool>;

std::string Display(const SqlValue& value) {
  return value.display.empty() ? value.text.value_or("") : value.display;
}

std::optional<int> Compare(const SqlValue& left, const SqlValue& right) {
  if (!left.text || !right.text) return std::nullopt;
  double a = 0;
  double b = 0;
  if (absl::SimpleAtod(*left.text, &a) && absl::SimpleAtod(*right.text, &b)) {
    return a < b ? -1 : a > b ? 1 : 0;
  }
  return left.text->compare(*right.text);
}

Truth Equal(const SqlValue& left, const SqlValue& right) {
  const std::optional<int> order = Compare(left, right);
  if (!order.has_value()) return std::nullopt;
  // A reference equals its id and its name alike: which of the two a live
  // account compares is not documented.
  return *order == 0 ||
         (!left.display.empty() && left.display == *right.text) ||
         (!right.display.empty() && right.display == *left.text);
}

bool MatchesLike(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern.front() == '%') {
    for (size_t skip = 0; skip <= text.size(); ++skip) {
      if (MatchesLike(pattern.substr(1), text.substr(skip))) return true;
    }
    return false;
  }
  return !text.empty() &&
         (pattern.front() == '_' || pattern.front() == text.front()) &&
         MatchesLike(pattern.substr(1), text.substr(1));
}

void Conjuncts(const SqlExpression* node,
               std::vector<const SqlExpression*>& out) {
  if (node == nullptr) return;
  if (node->kind == SqlKind::kCall && node->text == "AND") {
    Conjuncts(node->parts[0].get(), out);
    Conjuncts(node->parts[1].get(), out);
    return;
  }
  out.push_back(node);
}

std::vector<SqlHint> HintsOf(const SqlSelect& select) {
  std::vector<SqlHint> hints;
  if (select.sources.size() != 1) return hints;
  std::vector<const SqlExpression*> conjuncts;
  Conjuncts(select.where.get(), conjuncts);
  for (const SqlExpression* node : conjuncts) {
    if (node->kind != SqlKind::kCall || node->text != "=") continue;
    const SqlExpression* left = node->parts[0].get();
    const SqlExpression* right = node->parts[1].get();
    if (left->kind == SqlKind::kLiteral) std::swap(left, right);
    if (left->kind == SqlKind::kColumn && right->kind == SqlKind::kLiteral) {
      hints.push_back({left->text, right->text});
    }
  }
  return hints;
}

bool HasAggregate(const SqlExpression& node) {
  return node.kind == SqlKind::kAggregate ||
         std::any_of(node.parts.begin(), node.parts.end(),
                     [](const SqlNode& part) { return HasAggregate(*part); });
}

// Runs one SELECT. Keeps the first error; after it every value is NULL.
class Query {
 public:
  Query(const SqlSelect& select, const SqlTables& tables)
      : select_(select), tables_(tables) {}

  absl::StatusOr<SqlResult> Run();

 private:
  struct Place {
    size_t table;
    size_t column;
  };
  struct Output {
    SqlRow row;
    std::vector<SqlValue> order;
  };

  absl::Status Open();
  void Join();
  void JoinOne(size_t index, const std::vector<JoinedRow>& before,
               std::vector<JoinedRow>& after);
  bool ExpandItems();
  std::vector<std::vector<JoinedRow>> Groups();
  void Project(const std::vector<JoinedRow>& group);
  std::optional<Place> Find(const SqlExpression& column);
  // The columns of an equality that ties table `index` to earlier ones.
  std::optional<std::pair<Place, Place>> JoinKey(size_t index);

  SqlValue Value(const SqlExpression& node, const JoinedRow& row,
                 const std::vector<JoinedRow>& group);
  SqlValue Call(const SqlExpression& node, const JoinedRow& row,
                const std::vector<JoinedRow>& group);
  SqlValue Aggregate(const SqlExpression& node,
                     const std::vector<JoinedRow>& group);
  Truth Test(const SqlExpression& node, const JoinedRow& row,
             const std::vector<JoinedRow>& group);
  Truth TestIn(const SqlExpression& node, const JoinedRow& row,
               const std::vector<JoinedRow>& group);
  const std::vector<SqlValue>& Subquery(const SqlExpression& node);
  void Fail(absl::Status status) {
    if (error_.ok()) error_ = std::move(status);
  }

  const SqlSelect& select_;
  const SqlTables& tables_;
  absl::Status error_;
  std::vector<BoundTable> bound_;
  std::vector<JoinedRow> rows_;
  std::vector<Output> outputs_;
  SqlResult result_;
  struct Selected {
    const SqlExpression* expression;
    Place place;
    bool direct;
  };
  std::vector<Selected> selected_;
  std::unordered_map<const SqlExpression*, std::vector<SqlValue>> subqueries_;
  int64_t steps_ = 0;
};

absl::Status Query::Open() {
  const std::vector<SqlHint> hints = HintsOf(select_);
  for (const SqlSource& source : select_.sources) {
    absl::StatusOr<SqlTable> table = tables_(source.table, hints);
    if (!table.ok()) return table.status();
    bound_.push_back({source.alias, std::move(*table)});
  }
  return absl::OkStatus();
}

std::optional<Query::Place> Query::Find(const SqlExpression& column) {
  for (size_t t = 0; t < bound_.size(); ++t) {
    if (!column.qualifier.empty() && bound_[t].alias != column.qualifier &&
        select_.sources[t].table != column.qualifier) {
      continue;
    }
    const auto& columns = bound_[t].table.columns;
    const auto found = std::find(columns.begin(), columns.end(), column.text);
    if (found != columns.end()) {
      return Place{t, static_cast<size_t>(found - columns.begin())};
    }
  }
  Fail(absl::InvalidArgumentError(absl::StrCat(
      "Search error occurred: Field '", column.text, "' for record '",
      select_.sources.empty() ? "" : select_.sources[0].table,
      "' was not found. Unknown identifier '", column.text, "'.")));
  return std::nullopt;
}

std::optional<std::pair<Query::Place, Query::Place>> Query::JoinKey(
    size_t index) {
  std::vector<const SqlExpression*> conjuncts;
  Conjuncts(select_.sources[index].on.get(), conjuncts);
  for (const SqlExpression* node : conjuncts) {
    if (node->kind != SqlKind::kCall || node->text != "=" ||
        node->parts[0]->kind != SqlKind::kColumn ||
        node->parts[1]->kind != SqlKind::kColumn) {
      continue;
    }
    std::optional<Place> left = Find(*node->parts[0]);
    std::optional<Place> right = Find(*node->parts[1]);
    if (!left || !right) return std::nullopt;
    if (left->table == index) std::swap(left, right);
    if (right->table == index && left->table < index) {
      return std::make_pair(*left, *right);
    }
  }
  return std::nullopt;
}

void Query::JoinOne(size_t index, const std::vector<JoinedRow>& before,
                    std::vector<JoinedRow>& after) {
  const SqlSource& source = select_.sources[index];
  const std::vector<SqlRow>& rows = bound_[index].table.rows;
  const auto key = JoinKey(index);
  std::unordered_multimap<std::string, const SqlRow*> by_key;
  if (key.has_value()) {
    for (const SqlRow& row : rows) {
      const SqlValue& value = row[key->second.column];
      if (!value.text) continue;
      by_key.emplace(*value.text, &row);
      if (!value.display.empty() && value.display != *value.text) {
        by_key.emplace(value.display, &row);
      }
    }
  }
  for (const JoinedRow& earlier : before) {
    bool matched = false;
    const auto consider = [&](const SqlRow& row) {
      if (++steps_ > kJoinStepsMax) return;
      JoinedRow joined = earlier;
      joined.push_back(&row);
      if (source.on != nullptr && Test(*source.on, joined, {}) != Truth(true)) {
        return;
      }
      matched = true;
      after.push_back(std::move(joined));
    };
    if (key.has_value()) {
      const SqlRow* row = earlier[key->first.table];
      if (row != nullptr && (*row)[key->first.column].text) {
        const auto range = by_key.equal_range(*(*row)[key->first.column].text);
        for (auto it = range.first; it != range.second; ++it) {
          consider(*it->second);
        }
      }
    } else {
      for (const SqlRow& row : rows) consider(row);
    }
    if (!matched && source.left_join) {
      JoinedRow joined = earlier;
      joined.push_back(nullptr);
      after.push_back(std::move(joined));
    }
  }
}

void Query::Join() {
  std::vector<JoinedRow> rows = {{}};
  for (size_t index = 0; index < bound_.size() && error_.ok(); ++index) {
    std::vector<JoinedRow> after;
    JoinOne(index, rows, after);
    rows = std::move(after);
  }
  for (JoinedRow& row : rows) {
    if (!error_.ok()) return;
    if (select_.where == nullptr ||
        Test(*select_.where, row, {}) == Truth(true)) {
      rows_.push_back(std::move(row));
    }
  }
  if (steps_ > kJoinStepsMax) {
    Fail(absl::ResourceExhaustedError("The query joins too many rows."));
  }
}

bool Query::ExpandItems() {
  int unnamed = 0;
  for (const SqlItem& item : select_.items) {
    const SqlExpression& node = *item.expression;
    if (node.kind != SqlKind::kStar) {
      selected_.push_back({&node, {0, 0}, false});
      std::string name = item.alias;
      if (name.empty()) {
        name = node.kind == SqlKind::kColumn ? node.text
                                             : absl::StrCat("expr", ++unnamed);
      }
      result_.columns.push_back(name);
      continue;
    }
    for (size_t t = 0; t < bound_.size(); ++t) {
      if (!node.qualifier.empty() && node.qualifier != bound_[t].alias) {
        continue;
      }
      for (size_t c = 0; c < bound_[t].table.columns.size(); ++c) {
        selected_.push_back({&node, {t, c}, true});
        result_.columns.push_back(bound_[t].table.columns[c]);
      }
    }
  }
  return !selected_.empty();
}

std::vector<std::vector<JoinedRow>> Query::Groups() {
  std::vector<std::vector<JoinedRow>> groups;
  const bool aggregated = std::any_of(
      select_.items.begin(), select_.items.end(),
      [](const SqlItem& item) { return HasAggregate(*item.expression); });
  if (select_.group_by.empty()) {
    if (aggregated) return {rows_};
    for (const JoinedRow& row : rows_) groups.push_back({row});
    return groups;
  }
  std::unordered_map<std::string, size_t> index;
  for (const JoinedRow& row : rows_) {
    std::string key;
    for (const SqlNode& node : select_.group_by) {
      absl::StrAppend(&key, Value(*node, row, {}).text.value_or("\1"), "\2");
    }
    const auto [at, fresh] = index.emplace(key, groups.size());
    if (fresh) groups.emplace_back();
    groups[at->second].push_back(row);
  }
  return groups;
}

void Query::Project(const std::vector<JoinedRow>& group) {
  static const JoinedRow* const kNoRow = new JoinedRow();
  const JoinedRow& row = group.empty() ? *kNoRow : group.front();
  Output output;
  for (const Selected& selected : selected_) {
    if (!selected.direct) {
      output.row.push_back(Value(*selected.expression, row, group));
      continue;
    }
    const SqlRow* source = row.empty() ? nullptr : row[selected.place.table];
    output.row.push_back(source == nullptr ? SqlValue()
                                           : (*source)[selected.place.column]);
  }
  for (const SqlOrder& order : select_.order_by) {
    const SqlExpression& node = *order.expression;
    const auto alias =
        std::find(result_.columns.begin(), result_.columns.end(), node.text);
    size_t position = 0;
    if (node.kind == SqlKind::kColumn && node.qualifier.empty() &&
        alias != result_.columns.end()) {
      output.order.push_back(output.row[alias - result_.columns.begin()]);
    } else if (node.kind == SqlKind::kLiteral &&
               absl::SimpleAtoi(node.text, &position) && position >= 1 &&
               position <= output.row.size()) {
      output.order.push_back(output.row[position - 1]);
    } else {
      output.order.push_back(Value(node, row, group));
    }
  }
  outputs_.push_back(std::move(output));
}

absl::StatusOr<SqlResult> Query::Run() {
  if (absl::Status status = Open(); !status.ok()) return status;
  if (!ExpandItems()) return absl::InvalidArgumentError("Nothing is selected.");
  // Names are checked even when there is no row to read them from.
  for (const SqlItem& item : select_.items) {
    if (item.expression->kind == SqlKind::kColumn) Find(*item.expression);
  }
  Join();
  for (const std::vector<JoinedRow>& group : Groups()) {
    if (!error_.ok()) break;
    Project(group);
  }
  if (!error_.ok()) return error_;
  std::stable_sort(
      outputs_.begin(), outputs_.end(),
      [&](const Output& left, const Output& right) {
        for (size_t i = 0; i < select_.order_by.size(); ++i) {
          const int order = Compare(left.order[i], right.order[i]).value_or(0);
          if (order == 0) continue;
          return select_.order_by[i].descending ? order > 0 : order < 0;
        }
        return false;
      });
  std::set<std::string> seen;
  for (Output& output : outputs_) {
    if (select_.fetch >= 0 &&
        static_cast<long>(result_.rows.size()) >= select_.fetch) {
      break;
    }
    if (select_.distinct) {
      std::string key;
      for (const SqlValue& value : output.row) {
        absl::StrAppend(&key, value.text.value_or("\1"), "\2");
      }
      if (!seen.insert(key).second) continue;
    }
    result_.rows.push_back(std::move(output.row));
  }
  return std::move(result_);
}

SqlValue Query::Value(const SqlExpression& node, const JoinedRow& row,
                      const std::vector<JoinedRow>& group) {
  switch (node.kind) {
    case SqlKind::kLiteral:
      return {node.text, ""};
    case SqlKind::kNull:
    case SqlKind::kStar:
      return {};
    case SqlKind::kColumn: {
      const std::optional<Place> place = Find(node);
      if (!place || place->table >= row.size() ||
          row[place->table] == nullptr) {
        return {};
      }
      return (*row[place->table])[place->column];
    }
    case SqlKind::kAggregate:
      return Aggregate(node, group);
    case SqlKind::kCall:
      return Call(node, row, group);
    case SqlKind::kInList:
    case SqlKind::kInSelect: {
      const Truth truth = Test(node, row, group);
      if (!truth) return {};
      return {*truth ? "T" : "F", ""};
    }
  }
  return {};
}

SqlValue Query::Call(const SqlExpression& node, const JoinedRow& row,
                     const std::vector<JoinedRow>& group) {
  const SqlValue first = Value(*node.parts[0], row, group);
  const std::string& name = node.text;
  if (name == "BUILTIN.DF") {
    if (!first.text) return {};
    return {Display(first), ""};
  }
  if (name == "NVL" || name == "COALESCE") {
    for (const SqlNode& part : node.parts) {
      SqlValue value = Value(*part, row, group);
      if (value.text) return value;
    }
    return {};
  }
  if (name == "||") {
    return {first.text.value_or("") +
                Value(*node.parts[1], row, group).text.value_or(""),
            ""};
  }
  if (name == "UPPER" || name == "LOWER" || name == "TRIM" ||
      name == "TO_CHAR" || name == "TO_NUMBER" || name == "LENGTH") {
    if (!first.text) return {};
    if (name == "UPPER") return {Upper(*first.text), Upper(first.display)};
    if (name == "LOWER") return {Lower(*first.text), Lower(first.display)};
    if (name == "LENGTH") return {std::to_string(first.text->size()), ""};
    if (name == "TRIM") {
      return {std::string(absl::StripAsciiWhitespace(*first.text)), ""};
    }
    return first;
  }
  const Truth truth = Test(node, row, group);
  if (!truth) return {};
  return {*truth ? "T" : "F", ""};
}

SqlValue Query::Aggregate(const SqlExpression& node,
                          const std::vector<JoinedRow>& group) {
  const SqlExpression& argument = *node.parts[0];
  int64_t count = 0;
  SqlValue best;
  for (const JoinedRow& row : group) {
    if (argument.kind == SqlKind::kStar) {
      ++count;
      continue;
    }
    SqlValue value = Value(argument, row, {});
    if (!value.text) continue;
    ++count;
    const int order = Compare(value, best).value_or(0);
    if (!best.text || (node.text == "MAX" ? order > 0 : order < 0)) {
      best = std::move(value);
    }
  }
  if (node.text == "COUNT") return {std::to_string(count), ""};
  return best;
}

Truth Query::Test(const SqlExpression& node, const JoinedRow& row,
                  const std::vector<JoinedRow>& group) {
  if (node.kind == SqlKind::kInList || node.kind == SqlKind::kInSelect) {
    return TestIn(node, row, group);
  }
  if (node.kind != SqlKind::kCall) {
    const SqlValue value = Value(node, row, group);
    if (!value.text) return std::nullopt;
    return *value.text == "T" || *value.text == "1";
  }
  const std::string& name = node.text;
  if (name == "AND" || name == "OR") {
    const bool decisive = name == "OR";
    const Truth left = Test(*node.parts[0], row, group);
    if (left == Truth(decisive)) return decisive;
    const Truth right = Test(*node.parts[1], row, group);
    if (right == Truth(decisive)) return decisive;
    if (!left || !right) return std::nullopt;
    return !decisive;
  }
  if (name == "NOT") {
    const Truth truth = Test(*node.parts[0], row, group);
    if (!truth) return std::nullopt;
    return !*truth;
  }
  const SqlValue left = Value(*node.parts[0], row, group);
  if (name == "IS NULL") return !left.text.has_value();
  if (node.parts.size() < 2) {
    Fail(absl::InvalidArgumentError(
        absl::StrCat("Unknown function '", name, "'.")));
    return std::nullopt;
  }
  const SqlValue right = Value(*node.parts[1], row, group);
  if (name == "=") return Equal(left, right);
  if (name == "LIKE") {
    if (!left.text || !right.text) return std::nullopt;
    return MatchesLike(*right.text, *left.text);
  }
  const std::optional<int> order = Compare(left, right);
  if (!order) return std::nullopt;
  if (name == "<>") return !*Equal(left, right);
  if (name == "<") return *order < 0;
  if (name == "<=") return *order <= 0;
  if (name == ">") return *order > 0;
  if (name == ">=") return *order >= 0;
  if (name == "BETWEEN") {
    const std::optional<int> upper =
        Compare(left, Value(*node.parts[2], row, group));
    if (!upper) return std::nullopt;
    return *order >= 0 && *upper <= 0;
  }
  Fail(absl::InvalidArgumentError(
      absl::StrCat("Unknown function '", name, "'.")));
  return std::nullopt;
}

Truth Query::TestIn(const SqlExpression& node, const JoinedRow& row,
                    const std::vector<JoinedRow>& group) {
  const SqlValue value = Value(*node.parts[0], row, group);
  if (!value.text) return std::nullopt;
  if (node.kind == SqlKind::kInSelect) {
    for (const SqlValue& candidate : Subquery(node)) {
      if (Equal(value, candidate) == Truth(true)) return true;
    }
    return false;
  }
  for (size_t i = 1; i < node.parts.size(); ++i) {
    if (Equal(value, Value(*node.parts[i], row, group)) == Truth(true)) {
      return true;
    }
  }
  return false;
}

const std::vector<SqlValue>& Query::Subquery(const SqlExpression& node) {
  const auto [found, fresh] = subqueries_.try_emplace(&node);
  if (!fresh) return found->second;
  absl::StatusOr<SqlResult> result = Query(*node.select, tables_).Run();
  if (!result.ok()) {
    Fail(result.status());
    return found->second;
  }
  for (SqlRow& row : result->rows) {
    if (!row.empty()) found->second.push_back(std::move(row.front()));
  }
  return found->second;
}

}  // namespace

absl::StatusOr<SqlResult> RunSql(std::string_view query,
                                 const std::vector<std::string>& parameters,
                                 const SqlTables& tables) {
  absl::StatusOr<std::unique_ptr<SqlSelect>> select =
      ParseSql(query, parameters);
  if (!select.ok()) return select.status();
  return Query(**select, tables).Run();
}

}  // namespace keyturn::sandbox
