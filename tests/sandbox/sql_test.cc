#include "tests/sandbox/sql.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"

namespace keyturn::sandbox {
namespace {

SqlValue V(std::string text) { return {std::move(text), ""}; }

absl::StatusOr<SqlTable> Tables(const std::string& name,
                                const std::vector<SqlHint>&) {
  if (name == "role") {
    return SqlTable{{"id", "name", "isinactive"},
                    {{V("3"), V("Administrator"), V("F")},
                     {V("10"), V("O'Neil's role"), V("T")},
                     {V("9"), V("Celigo Jira Connector"), {}}}};
  }
  if (name == "rolepermissions") {
    return SqlTable{{"role", "permkey", "permlevel"},
                    {{{"3", "Administrator"}, V("A"), V("4")},
                     {{"9", "Celigo Jira Connector"}, V("B"), V("1")},
                     {{"9", "Celigo Jira Connector"}, V("A"), V("4")}}};
  }
  return absl::InvalidArgumentError("Invalid search type: " + name + ".");
}

// "1,x;2,y": rows by ';', columns by ',', NULL as '-'.
std::string Query(const std::string& query,
                  const std::vector<std::string>& parameters = {}) {
  absl::StatusOr<SqlResult> result = RunSql(query, parameters, Tables);
  if (!result.ok()) return "error: " + std::string(result.status().message());
  std::vector<std::string> rows;
  for (const SqlRow& row : result->rows) {
    std::vector<std::string> cells;
    for (const SqlValue& value : row) cells.push_back(value.text.value_or("-"));
    rows.push_back(absl::StrJoin(cells, ","));
  }
  return absl::StrJoin(rows, ";");
}

TEST(SqlTest, SelectsByEqualityWithDoubledApostrophes) {
  EXPECT_EQ(Query("SELECT id FROM role WHERE name = 'O''Neil''s role'"), "10");
  EXPECT_EQ(Query("select ID as X from Role r where r.Name='Administrator'"),
            "3");
  EXPECT_EQ(Query("SELECT id FROM role WHERE name = 'administrator'"), "");
}

TEST(SqlTest, ComparesNumbersAsNumbersAndSortsThem) {
  EXPECT_EQ(Query("SELECT id FROM role ORDER BY id"), "3;9;10");
  EXPECT_EQ(Query("SELECT id FROM role ORDER BY id DESC"), "10;9;3");
  EXPECT_EQ(Query("SELECT id FROM role WHERE id >= 9 ORDER BY name"), "9;10");
}

TEST(SqlTest, KnowsLikeInBetweenAndNull) {
  EXPECT_EQ(Query("SELECT id FROM role WHERE UPPER(name) LIKE 'CELIGO%'"), "9");
  EXPECT_EQ(Query("SELECT id FROM role WHERE id IN (3, '9') ORDER BY 1"),
            "3;9");
  EXPECT_EQ(Query("SELECT id FROM role WHERE id NOT IN (3, 9)"), "10");
  EXPECT_EQ(Query("SELECT id FROM role WHERE id BETWEEN 4 AND 9"), "9");
  EXPECT_EQ(Query("SELECT id FROM role WHERE isinactive IS NULL"), "9");
  EXPECT_EQ(Query("SELECT id FROM role WHERE isinactive <> 'T'"), "3");
  EXPECT_EQ(Query("SELECT id FROM role WHERE NVL(isinactive, 'F') = 'F' ORDER "
                  "BY id"),
            "3;9");
  EXPECT_EQ(Query("SELECT id FROM role WHERE NOT (id = 3 OR id = 9)"), "10");
}

TEST(SqlTest, JoinsAndShowsReferences) {
  EXPECT_EQ(Query("SELECT rp.permkey, r.id FROM rolepermissions rp INNER JOIN "
                  "role r ON (r.id = rp.role) WHERE r.name = 'Celigo Jira "
                  "Connector' ORDER BY rp.permkey"),
            "A,9;B,9");
  EXPECT_EQ(
      Query("SELECT r.id, rp.permkey FROM role r LEFT JOIN rolepermissions "
            "rp ON rp.role = r.id WHERE rp.permkey IS NULL"),
      "10,-");
  EXPECT_EQ(Query("SELECT DISTINCT BUILTIN.DF(role) AS n FROM rolepermissions "
                  "ORDER BY n"),
            "Administrator;Celigo Jira Connector");
  EXPECT_EQ(Query("SELECT id FROM role WHERE id IN (SELECT role FROM "
                  "rolepermissions WHERE permkey = 'B')"),
            "9");
}

TEST(SqlTest, Counts) {
  EXPECT_EQ(Query("SELECT COUNT(*) FROM role"), "3");
  EXPECT_EQ(Query("SELECT role, COUNT(*) FROM rolepermissions GROUP BY role "
                  "ORDER BY role"),
            "3,1;9,2");
}

TEST(SqlTest, BindsParameters) {
  EXPECT_EQ(Query("SELECT id FROM role WHERE name = ?", {"Administrator"}),
            "3");
}

TEST(SqlTest, NamesWhatIsWrong) {
  EXPECT_NE(Query("SELECT nonsense FROM role").find("nonsense"),
            std::string::npos);
  EXPECT_NE(
      Query("SELECT id FROM nowhere").find("Invalid search type: nowhere."),
      std::string::npos);
  EXPECT_NE(Query("SELECT id FROM role WHERE").find("error"),
            std::string::npos);
  EXPECT_NE(Query("SELECT id FROM role WHERE name = 'x").find("Unterminated"),
            std::string::npos);
  EXPECT_NE(Query("SELECT id FROM role WHERE FOO(id) = 1").find("FOO"),
            std::string::npos);
  EXPECT_NE(Query("SELECT id FROM role; DROP TABLE role").find("error"),
            std::string::npos);
}

TEST(SqlTest, RefusesBottomlessNesting) {
  const std::string query =
      "SELECT id FROM role WHERE " + std::string(5000, '(') + "1 = 1";
  EXPECT_NE(Query(query).find("less nesting"), std::string::npos);
}

}  // namespace
}  // namespace keyturn::sandbox
