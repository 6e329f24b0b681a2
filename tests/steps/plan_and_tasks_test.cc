// What people read: the plan and the tasks.
#include "daemon/migration/transition.h"
#include "daemon/steps/plan.h"
#include "daemon/steps/tasks.h"
#include "tests/steps/world.h"

namespace keyturn::testing {
namespace {

using migration::Task;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class PlanAndTasksTest : public StepsTest {
 protected:
  PlanAndTasksTest() {
    context_.notes.source_role = "Celigo Jira Connector";
    context_.notes.application = "High Tech Connectors Token-based Auth";
    context_.notes.permissions = {"ADMI_LOGIN_OAUTH"};
    context_.notes.tokens_asked = 3;
    context_.notes.tile_name = "Jira - NetSuite";
    context_.notes.pre_image = Connection();
    context_.notes.pre_image["netsuite"]["password"] = "******";
    context_.notes.iclient_id = "5f2222222222222222222222";
  }

  static std::string FieldOf(const Task& task, std::string_view name) {
    for (const Task::Field& field : task.fields) {
      if (field.name == name) return field.value;
    }
    return "(none)";
  }
  const netsuite::Endpoints& endpoints() {
    return outside_.netsuite->endpoints();
  }
  migration::Plan PlanOf(const steps::Survey& survey) {
    return steps::MakePlan(context_, survey).value();
  }

  steps::Context context_{migration_, {},      outside_, *vault_,
                          openings_,  *store_, clock_,   nullptr};
};

TEST_F(PlanAndTasksTest, EveryScreenCarriesItsValues) {
  EXPECT_NE(FieldOf(steps::EnableTbaTask(context_, endpoints(), ""), "feature"),
            "(none)");
  const Task role = steps::CreateRoleTask(context_, endpoints(), "");
  EXPECT_EQ(FieldOf(role, "role_name"), "CeligoJiraTBA");
  EXPECT_EQ(FieldOf(role, "source_role"), "Celigo Jira Connector");
  EXPECT_THAT(FieldOf(role, "permissions"),
              HasSubstr("Log in using Access Tokens"));
  const Task assign = steps::AssignRoleTask(context_, endpoints(), "");
  EXPECT_EQ(FieldOf(assign, "user"), "jira.integration@example.com");
  EXPECT_EQ(FieldOf(assign, "role_name"), "CeligoJiraTBA");
  for (const Task& task : {role, assign}) {
    EXPECT_EQ(task.answer, Task::Answer::kDoneByHand);
    EXPECT_TRUE(task.blocking);
    EXPECT_THAT(task.instructions, Not(IsEmpty()));
    EXPECT_THAT(task.deep_link, HasSubstr("https://"));
    EXPECT_EQ(task.account, "acme-ns");
  }
}

TEST_F(PlanAndTasksTest, TokenTasksNameTheTokenTwice) {
  const Task issue =
      steps::IssueTokenTask(context_, endpoints(), Task::Answer::kToken, "");
  EXPECT_EQ(FieldOf(issue, "application_name"),
            "High Tech Connectors Token-based Auth");
  EXPECT_EQ(FieldOf(issue, "user"), "jira.integration@example.com");
  EXPECT_EQ(FieldOf(issue, "token_name"), "keyturn-m1-3");
  EXPECT_EQ(issue.token_name, "keyturn-m1-3");
  const Task mend = steps::MendTokenTask(context_, endpoints(), "refused");
  EXPECT_EQ(mend.token_name, "keyturn-m1-3");
  EXPECT_EQ(mend.answer, Task::Answer::kDoneOrToken);
  EXPECT_EQ(mend.problem, "refused");
  const Task revoke =
      steps::RevokeTokenTask(context_, endpoints(), "keyturn-m1-1");
  EXPECT_EQ(revoke.token_name, "keyturn-m1-1");
  EXPECT_EQ(FieldOf(revoke, "token_name"), "keyturn-m1-1");
  EXPECT_FALSE(revoke.blocking);
}

TEST_F(PlanAndTasksTest, FlowsAreSwitchedInCeligo) {
  const Task task = steps::SwitchFlowsTask(context_, {"A", "B"}, false, "no");
  EXPECT_EQ(FieldOf(task, "flows"), "A, B");
  EXPECT_EQ(task.account, "acme");
}

TEST_F(PlanAndTasksTest, TheHashIsThatOfThePlan) {
  steps::Survey survey;
  const migration::Plan plan = PlanOf(survey);
  EXPECT_EQ(PlanOf(survey).hash, plan.hash);
  EXPECT_EQ(plan.hash.size(), 64);
  survey.warnings = {"new"};
  EXPECT_NE(PlanOf(survey).hash, plan.hash);
  EXPECT_EQ(plan.steps.size(), migration::kAllSteps.size());
}

TEST_F(PlanAndTasksTest, TheWayBackIsSaidBefore) {
  steps::Survey survey;
  EXPECT_THAT(PlanOf(survey).reversibility, HasSubstr("one-way"));
  migration_.spec.old_login = "old";
  EXPECT_FALSE(PlanOf(survey).reversible_after_cut_over);
  EXPECT_THAT(PlanOf(survey).warnings,
              Contains(HasSubstr("the way back is closed")));
  survey.old_login_works = true;
  const migration::Plan plan = PlanOf(survey);
  EXPECT_TRUE(plan.reversible_after_cut_over);
  EXPECT_THAT(plan.reversibility, HasSubstr("netsuite_wsdl_tba_mandatory"));
}

TEST_F(PlanAndTasksTest, NoSecretAndNoPlaceholderIsInThePlan) {
  const std::string text = migration::PlanText(PlanOf({}));
  EXPECT_THAT(text, Not(HasSubstr("placeholder")));
  EXPECT_THAT(text, Not(HasSubstr(old_password_)));
}

}  // namespace
}  // namespace keyturn::testing
