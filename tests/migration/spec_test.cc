#include "daemon/migration/spec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "tests/migration/walk.h"
#include "tests/support/status_matchers.h"

namespace keyturn::migration {
namespace {

using keyturn::testing::HasCode;
using keyturn::testing::HasReason;
using keyturn::testing::IsOk;
using ::testing::AllOf;
using Which = Spec::Flows::Test;

constexpr char kId[] = "0123456789abcdefABCDEF99";
constexpr char kOtherId[] = "0123456789abcdefABCDEF98";

std::string Long(size_t size) { return std::string(size, 'a'); }

std::string IdNumber(int number) {
  return absl::StrCat(100000 + number, Long(18));
}

std::vector<std::string> Ids(int count) {
  std::vector<std::string> ids;
  for (int i = 0; i < count; ++i) ids.push_back(IdNumber(i));
  return ids;
}

struct Case {
  const char* says;
  std::function<void(Spec&)> change;
};

void ExpectAllowed(const std::vector<Case>& cases) {
  for (const Case& one : cases) {
    Spec spec = testing::MakeSpec(/*approvals=*/0);
    one.change(spec);
    EXPECT_THAT(ValidateSpec(spec), IsOk()) << one.says;
  }
}

// Each error names the field as the API does, and says what is allowed.
void ExpectRefused(const std::string& field, const std::vector<Case>& cases) {
  for (const Case& one : cases) {
    Spec spec = testing::MakeSpec(/*approvals=*/0);
    one.change(spec);
    const absl::Status status = ValidateSpec(spec);
    EXPECT_THAT(status, AllOf(HasCode(absl::StatusCode::kInvalidArgument),
                              HasReason("INVALID_FIELD")))
        << field << " " << one.says;
    EXPECT_EQ(base::FieldOf(status), field) << one.says;
    EXPECT_FALSE(status.message().empty()) << one.says;
  }
}

TEST(ValidateSpecTest, AcceptsTheSeedsSpec) {
  EXPECT_THAT(ValidateSpec(testing::MakeSpec(/*approvals=*/2)), IsOk());
}

TEST(ValidateSpecTest, AnEmptySpecNamesItsFirstMissingField) {
  const absl::Status status = ValidateSpec(Spec{});
  EXPECT_THAT(status, HasCode(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(base::FieldOf(status), "spec.celigo.account");
}

TEST(ValidateSpecTest, Recipe) {
  ExpectAllowed(
      {{"none", [](Spec& spec) { spec.recipe = ""; }},
       {"longest", [](Spec& spec) { spec.recipe = Long(kTextMax); }}});
  ExpectRefused("spec.recipe",
                {{"long", [](Spec& spec) { spec.recipe = Long(kTextMax + 1); }},
                 {"control", [](Spec& spec) { spec.recipe = "ji\nra"; }}});
}

TEST(ValidateSpecTest, CeligoAccount) {
  ExpectAllowed(
      {{"short", [](Spec& spec) { spec.celigo.account = "a"; }},
       {"longest", [](Spec& spec) { spec.celigo.account = Long(63); }},
       {"hyphen", [](Spec& spec) { spec.celigo.account = "acme-2-"; }}});
  ExpectRefused(
      "spec.celigo.account",
      {{"missing", [](Spec& spec) { spec.celigo.account = ""; }},
       {"long", [](Spec& spec) { spec.celigo.account = Long(64); }},
       {"upper case", [](Spec& spec) { spec.celigo.account = "Acme"; }},
       {"digit first", [](Spec& spec) { spec.celigo.account = "1acme"; }},
       {"path", [](Spec& spec) { spec.celigo.account = "../acme"; }},
       {"NUL",
        [](Spec& spec) { spec.celigo.account = std::string("ac\0me", 5); }}});
}

TEST(ValidateSpecTest, CeligoConnectionAndTile) {
  ExpectAllowed({{"any case", [](Spec& spec) { spec.celigo.connection = kId; }},
                 {"tile only",
                  [](Spec& spec) {
                    spec.celigo.connection = "";
                    spec.celigo.tile = kId;
                  }},
                 {"both", [](Spec& spec) { spec.celigo.tile = kId; }}});
  ExpectRefused(
      "spec.celigo.connection",
      {{"neither", [](Spec& spec) { spec.celigo.connection = ""; }},
       {"short", [](Spec& spec) { spec.celigo.connection.pop_back(); }},
       {"long", [](Spec& spec) { spec.celigo.connection += "a"; }},
       {"not hex", [](Spec& spec) { spec.celigo.connection[3] = 'g'; }},
       {"path", [](Spec& spec) { spec.celigo.connection[3] = '/'; }}});
  ExpectRefused("spec.celigo.tile",
                {{"short", [](Spec& spec) { spec.celigo.tile = "5f3a"; }},
                 {"name", [](Spec& spec) { spec.celigo.tile = "Jira tile"; }}});
}

TEST(ValidateSpecTest, NetSuiteAccountAndUser) {
  ExpectRefused("spec.netsuite.account",
                {{"missing", [](Spec& spec) { spec.netsuite.account = ""; }},
                 {"an account id",
                  [](Spec& spec) { spec.netsuite.account = "1234567_SB1"; }}});
  const auto user = [](std::string value) {
    return [value](Spec& spec) { spec.netsuite.user = value; };
  };
  ExpectAllowed({{"plus", user("jira+ns@example.com")},
                 {"short", user("a@b")},
                 {"longest", user(Long(242) + "@example.com")}});
  ExpectRefused("spec.netsuite.user",
                {{"missing", user("")},
                 {"no at", user("jira")},
                 {"nothing before", user("@example.com")},
                 {"nothing after", user("jira@")},
                 {"two", user("a@b@c")},
                 {"space", user("ji ra@example.com")},
                 {"line", user("jira@example.com\n")},
                 {"delete", user("jira\x7f@a.com")},
                 {"long", user(Long(243) + "@example.com")}});
}

TEST(ValidateSpecTest, Role) {
  const auto name = [](std::string value) {
    return [value](Spec& spec) { spec.role.name = value; };
  };
  ExpectAllowed({{"short", name("A")}, {"longest", name(Long(kTextMax))}});
  ExpectRefused("spec.role.name", {{"missing", name("")},
                                   {"space", name("Celigo Jira")},
                                   {"hyphen", name("Celigo-Jira")},
                                   {"quote", name("Celigo'Jira")},
                                   {"umlaut", name("Rölle")},
                                   {"long", name(Long(kTextMax + 1))}});
  ExpectAllowed(
      {{"source", [](Spec& spec) { spec.role.from = "Celigo Jira - R"; }}});
  ExpectRefused(
      "spec.role.from",
      {{"long", [](Spec& spec) { spec.role.from = Long(kTextMax + 1); }},
       {"control", [](Spec& spec) { spec.role.from = "a\tb"; }}});
}

TEST(ValidateSpecTest, RolePermissions) {
  const auto permissions = [](std::vector<std::string> values) {
    return [values](Spec& spec) { spec.role.add_permissions = values; };
  };
  ExpectAllowed({{"none", permissions({})},
                 {"usual", permissions({"ADMI_LOGIN_OAUTH", "LIST_FILE2"})},
                 {"longest", permissions({std::string(60, 'A')})},
                 {"most", permissions(std::vector<std::string>(
                              kPermissionsMax, "ADMI_LOGIN_OAUTH"))}});
  ExpectRefused("spec.role.add_permissions",
                {{"empty", permissions({"ADMI_LOGIN_OAUTH", ""})},
                 {"lower case", permissions({"admi_login_oauth"})},
                 {"space", permissions({"ADMI LOGIN"})},
                 {"quote", permissions({"A'B"})},
                 {"long", permissions({std::string(61, 'A')})},
                 {"many", permissions(std::vector<std::string>(
                              kPermissionsMax + 1, "A"))}});
}

TEST(ValidateSpecTest, Token) {
  ExpectAllowed(
      {{"application",
        [](Spec& spec) { spec.token.application = "Celigo IO"; }},
       {"consumer", [](Spec& spec) { spec.token.consumer = "acme-tba"; }}});
  ExpectRefused(
      "spec.token.application",
      {{"long",
        [](Spec& spec) { spec.token.application = Long(kTextMax + 1); }},
       {"control", [](Spec& spec) { spec.token.application = "\x01"; }}});
  ExpectRefused(
      "spec.token.consumer",
      {{"shape", [](Spec& spec) { spec.token.consumer = "Acme TBA"; }}});
}

TEST(ValidateSpecTest, IClientAndOldLogin) {
  ExpectAllowed(
      {{"iclient", [](Spec& spec) { spec.iclient = "Celigo iClient"; }},
       {"login", [](Spec& spec) { spec.old_login = "acme-old"; }}});
  ExpectRefused(
      "spec.iclient",
      {{"long", [](Spec& spec) { spec.iclient = Long(kTextMax + 1); }},
       {"control", [](Spec& spec) { spec.iclient = "a\rb"; }}});
  ExpectRefused("spec.old_login",
                {{"shape", [](Spec& spec) { spec.old_login = "old login"; }}});
}

TEST(ValidateSpecTest, Flows) {
  const auto flows = [](Which test, std::vector<std::string> test_ids,
                        std::vector<std::string> run_ids) {
    return [=](Spec& spec) { spec.flows = {test, test_ids, run_ids}; };
  };
  ExpectAllowed(
      {{"all", flows(Which::kAll, {}, {})},
       {"none", flows(Which::kNone, {}, {})},
       {"run all", flows(Which::kAll, {}, {"all"})},
       {"ids", flows(Which::kIds, {kId, kOtherId}, {kId})},
       {"most", flows(Which::kIds, Ids(kFlowsNamedMax), Ids(kFlowsNamedMax))}});
  ExpectRefused("spec.flows.test_ids",
                {{"ids without", flows(Which::kIds, {}, {})},
                 {"all with", flows(Which::kAll, {kId}, {})},
                 {"none with", flows(Which::kNone, {kId}, {})},
                 {"twice", flows(Which::kIds, {kId, kId}, {})},
                 {"shape", flows(Which::kIds, {"flow"}, {})},
                 {"empty", flows(Which::kIds, {""}, {})},
                 {"many", flows(Which::kIds, Ids(kFlowsNamedMax + 1), {})}});
  ExpectRefused("spec.flows.run_ids",
                {{"twice", flows(Which::kAll, {}, {kId, kId})},
                 {"shape", flows(Which::kAll, {}, {"flow"})},
                 {"all and more", flows(Which::kAll, {}, {"all", kId})},
                 {"many", flows(Which::kAll, {}, Ids(kFlowsNamedMax + 1))}});
}

TEST(ValidateSpecTest, Approvals) {
  const auto approvals = [](int count) {
    return [count](Spec& spec) { spec.approvals = count; };
  };
  ExpectAllowed({{"none", approvals(0)}, {"most", approvals(kApprovalsMax)}});
  ExpectRefused("spec.approvals", {{"negative", approvals(-1)},
                                   {"many", approvals(kApprovalsMax + 1)}});
}

TEST(ValidateSpecTest, DrainWithin) {
  const auto within = [](absl::Duration time) {
    return [time](Spec& spec) { spec.drain_within = time; };
  };
  ExpectAllowed({{"default", within(absl::ZeroDuration())},
                 {"least", within(kDrainWithinMin)},
                 {"most", within(kDrainWithinMax)}});
  ExpectRefused("spec.drain_within",
                {{"negative", within(-absl::Seconds(1))},
                 {"long", within(kDrainWithinMax + absl::Seconds(1))},
                 {"endless", within(absl::InfiniteDuration())}});
}

TEST(ValidateSpecTest, AdoptGoesWithNothingThatWrites) {
  ExpectAllowed({{"alone", [](Spec& spec) { spec.adopt = true; }}});
  ExpectRefused("spec.old_login", {{"a way back", [](Spec& spec) {
                                      spec.adopt = true;
                                      spec.old_login = "old";
                                    }}});
  ExpectRefused("spec.token.consumer", {{"making a token", [](Spec& spec) {
                                           spec.adopt = true;
                                           spec.token.consumer = "consumer";
                                         }}});
  ExpectRefused("spec.confirm_within", {{"on trial", [](Spec& spec) {
                                           spec.adopt = true;
                                           spec.confirm_within = absl::Hours(1);
                                         }}});
  ExpectRefused("spec.drain_within", {{"a drain", [](Spec& spec) {
                                         spec.adopt = true;
                                         spec.drain_within = absl::Hours(1);
                                       }}});
}

TEST(ValidateSpecTest, ConfirmWithin) {
  const auto within = [](absl::Duration time) {
    return [time](Spec& spec) { spec.confirm_within = time; };
  };
  ExpectAllowed({{"nobody", within(absl::ZeroDuration())},
                 {"least", within(kConfirmWithinMin)},
                 {"most", within(kConfirmWithinMax)}});
  ExpectRefused("spec.confirm_within",
                {{"negative", within(-absl::Seconds(1))},
                 {"short", within(kConfirmWithinMin - absl::Nanoseconds(1))},
                 {"long", within(kConfirmWithinMax + absl::Seconds(1))},
                 {"endless", within(absl::InfiniteDuration())}});
}

}  // namespace
}  // namespace keyturn::migration
