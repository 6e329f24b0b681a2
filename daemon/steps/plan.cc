#include "daemon/steps/plan.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "daemon/base/status.h"
#include "daemon/secret/digest.h"
#include "daemon/steps/drain.h"
#include "daemon/upstream/celigo/document.h"

namespace keyturn::steps {
namespace {

using migration::Plan;
using migration::PlannedStep;
using migration::Step;
using Actor = migration::PlannedStep::Actor;

constexpr char kReadsOnly[] = "changes nothing";

std::string Because(const Context& context, const Survey& survey) {
  if (context.spec().adopt) {
    return "nothing is written, so there is nothing to go back from";
  }
  if (context.spec().old_login.empty()) {
    return "the old login is not held (spec: oldLogin), and Celigo masks the "
           "password, so the switch is one-way";
  }
  if (!survey.old_login_works) {
    return "Celigo cannot log in with the old login that is held, so the "
           "switch is one-way";
  }
  return "the old login is held and works today; Celigo may still refuse to "
         "save a password login (netsuite_wsdl_tba_mandatory)";
}

std::vector<PlannedStep> NetSuiteSteps(const Context& context,
                                       const Survey& survey) {
  const migration::Spec& spec = context.spec();
  std::vector<PlannedStep> steps;
  steps.push_back({Step::kEnableTba,
                   survey.feature_on ? Actor::kNobody : Actor::kPerson,
                   survey.feature_on
                       ? "the feature Token-Based Authentication is on"
                       : "an administrator turns on Token-Based Authentication",
                   false, "the feature stays on"});
  steps.push_back(
      {Step::kCreateRole, survey.role_good ? Actor::kNobody : Actor::kPerson,
       survey.role_good
           ? absl::StrCat("the role ", spec.role.name, " is as it should be")
           : absl::StrCat("an administrator makes the role ", spec.role.name,
                          " from ", context.notes.source_role, " and adds ",
                          absl::StrJoin(context.notes.permissions, ", ")),
       false, "the role stays"});
  const bool assigns = survey.reads_netsuite && survey.user_found;
  steps.push_back(
      {Step::kAssignRole, assigns ? Actor::kDaemon : Actor::kPerson,
       absl::StrCat(assigns ? "Keyturn" : "an administrator", " gives ",
                    spec.netsuite.user, " the role ", spec.role.name),
       true, "a person is asked to take the role away again"});
  const bool issues = !spec.token.consumer.empty() && !spec.old_login.empty() &&
                      survey.reads_netsuite;
  steps.push_back({Step::kIssueToken, issues ? Actor::kDaemon : Actor::kPerson,
                   absl::StrCat(issues ? "Keyturn" : "an administrator",
                                " makes an access token of the application ",
                                context.notes.application),
                   true, "a person is asked to revoke the token"});
  return steps;
}

// What comes before the end of a migration that is on trial.
std::string TrialText(const migration::Spec& spec, const Plan& plan) {
  if (spec.confirm_within <= absl::ZeroDuration()) return "";
  return absl::StrCat(
      "somebody confirms that all works",
      plan.reversible_after_cut_over
          ? absl::StrCat("; without it, after ",
                         absl::FormatDuration(spec.confirm_within),
                         ", everything goes back; with it, ")
          : ", however long that takes; then ");
}

std::vector<PlannedStep> Steps(const Context& context, const Survey& survey,
                               const Plan& plan) {
  const migration::Spec& spec = context.spec();
  std::vector<PlannedStep> steps = {
      {Step::kPreflight, Actor::kDaemon, "reads everything and makes this plan",
       true, kReadsOnly},
      {Step::kApprove, spec.approvals > 0 ? Actor::kPerson : Actor::kNobody,
       spec.approvals > 0
           ? absl::StrCat(spec.approvals, " people approve this plan")
           : "no approval is asked for",
       true, kReadsOnly}};
  for (PlannedStep& step : NetSuiteSteps(context, survey)) {
    steps.push_back(std::move(step));
  }
  steps.push_back({Step::kTestCandidate, Actor::kDaemon,
                   "Celigo tests the new document without saving it", true,
                   kReadsOnly});
  steps.push_back({Step::kQuiesce, Actor::kDaemon,
                   absl::StrCat("switches off ", survey.enabled_flows.size(),
                                " of ", context.notes.flows.size(),
                                " flows and waits until nothing runs, for at "
                                "most ",
                                absl::FormatDuration(DrainWithin(spec)),
                                "; after that an operator chooses"),
                   true, "every flow gets its former state back"});
  steps.push_back(
      {Step::kCutOver, Actor::kDaemon,
       absl::StrCat("writes the connection ", context.notes.connection_name,
                    " with the token in it"),
       plan.reversible_after_cut_over, plan.reversibility});
  steps.push_back({Step::kVerifyConnection, Actor::kDaemon,
                   "tests the saved connection", true, kReadsOnly});
  steps.push_back({Step::kVerifyFlows, Actor::kDaemon,
                   "test runs of the chosen flows; no data moves", true,
                   kReadsOnly});
  steps.push_back({Step::kResumeFlows, Actor::kDaemon,
                   "gives every flow its former state back", true,
                   "the flows are switched off again"});
  const auto runs =
      std::count_if(context.notes.flows.begin(), context.notes.flows.end(),
                    [](const FlowNote& flow) { return flow.run; });
  steps.push_back(
      {Step::kProveTraffic, runs > 0 ? Actor::kDaemon : Actor::kNobody,
       runs > 0 ? absl::StrCat("real runs of ", runs, " flows")
                : "no flow was chosen for a real run",
       runs == 0, runs > 0 ? "data that was moved stays moved" : kReadsOnly});
  steps.push_back(
      {Step::kFinish,
       spec.confirm_within > absl::ZeroDuration() ? Actor::kPerson
                                                  : Actor::kDaemon,
       absl::StrCat(TrialText(spec, plan),
                    "the token becomes the connection's current credential"),
       false, "the end"});
  return steps;
}

// An adoption: what each step would do is proved where it can be seen.
std::vector<PlannedStep> Adoption(const Context& context,
                                  const Survey& survey) {
  const migration::Spec& spec = context.spec();
  std::vector<PlannedStep> steps = Steps(context, survey, Plan());
  const auto proved = [&survey](std::string what) {
    return survey.reads_netsuite
               ? absl::StrCat("proved, not repeated: ", what)
               : absl::StrCat(
                     "not repeated; cannot be proved without access "
                     "to NetSuite: ",
                     what);
  };
  for (PlannedStep& step : steps) {
    switch (step.step) {
      case Step::kEnableTba:
        step.what = proved("the feature Token-Based Authentication is on");
        break;
      case Step::kCreateRole:
        // Not as it should be: people mend it, as in any migration.
        if (survey.reads_netsuite && !survey.role_good) continue;
        step.what = proved(absl::StrCat("the role ", spec.role.name));
        break;
      case Step::kAssignRole:
        step.what = proved(absl::StrCat(spec.netsuite.user, " has the role"));
        break;
      case Step::kIssueToken:
        step.what = proved(absl::StrCat(
            "a token of the application ", context.notes.application,
            " is in force; Keyturn does not hold it"));
        break;
      case Step::kTestCandidate:
        step.what = "not run: there is no new document";
        break;
      case Step::kQuiesce:
      case Step::kResumeFlows:
        step.what = "not run: the flows stay as they are";
        break;
      case Step::kCutOver:
        step.what = absl::StrCat("proved, not repeated: the connection ",
                                 context.notes.connection_name,
                                 " logs in with a token");
        break;
      case Step::kVerifyFlows:
        step.what = "test runs of the chosen flows that are off; no data moves";
        continue;
      case Step::kFinish:
        step.what = "writes down that the connection was adopted";
        continue;
      case Step::kPreflight:
      case Step::kApprove:
      case Step::kVerifyConnection:
      case Step::kProveTraffic:
        continue;
    }
    step.actor = Actor::kDaemon;
    step.reversible = true;
    step.undo = "changes nothing: nothing to undo";
  }
  return steps;
}

// The exact difference of the document, made by the same function that will
// make the real one.
absl::StatusOr<std::vector<Plan::Change>> Changes(const Context& context) {
  if (context.spec().adopt) return std::vector<Plan::Change>();
  ASSIGN_OR_RETURN(
      const secret::Secret text,
      celigo::MakeTokenDocument(
          context.notes.pre_image, secret::Secret("placeholder-id"),
          secret::Secret("placeholder-secret"), context.notes.iclient_id));
  ASSIGN_OR_RETURN(const celigo::Document after,
                   http::ParseJson(text.Expose()));
  std::vector<Plan::Change> changes;
  for (const celigo::Difference& difference :
       celigo::Diff(context.notes.pre_image, after)) {
    changes.push_back({difference.path, difference.before.value_or(""),
                       difference.after.value_or("")});
  }
  return changes;
}

std::vector<std::string> Warnings(const Context& context,
                                  const Survey& survey) {
  std::vector<std::string> warnings = survey.warnings;
  if (survey.offline) {
    warnings.push_back(
        "the connection is offline: its flows do not run now; what is queued "
        "waits and goes on when the token works");
  }
  if (!survey.role_problem.empty()) warnings.push_back(survey.role_problem);
  if (!survey.has_access) {
    warnings.push_back(
        "without access to NetSuite, Celigo's test of the connection is the "
        "only proof of what people do there");
  }
  const celigo::Document& document = context.notes.pre_image;
  const std::string wsdl =
      document.contains("netsuite") && document.at("netsuite").is_object()
          ? http::StringAt(document.at("netsuite"), "wsdlVersion")
          : "";
  if (!context.spec().adopt && wsdl != "latest" && wsdl != "next") {
    warnings.push_back(absl::StrCat(
        "the connection's wsdlVersion is ", wsdl.empty() ? "not set" : wsdl,
        "; Celigo sets it to latest whenever a connection is saved"));
  }
  if (!context.spec().old_login.empty() && !survey.old_login_works) {
    warnings.push_back(
        "the old login was tested and refused: the way back is closed");
  }
  return warnings;
}

}  // namespace

absl::StatusOr<migration::Plan> MakePlan(const Context& context,
                                         const Survey& survey) {
  const Notes& notes = context.notes;
  Plan plan;
  plan.reversible_after_cut_over =
      !context.spec().old_login.empty() && survey.old_login_works;
  plan.reversibility = Because(context, survey);
  plan.steps = context.spec().adopt ? Adoption(context, survey)
                                    : Steps(context, survey, plan);
  ASSIGN_OR_RETURN(plan.changes, Changes(context));
  for (const FlowNote& flow : notes.flows) {
    plan.flows.push_back({flow.id, flow.name,
                          survey.enabled_flows.count(flow.id) > 0, flow.test,
                          flow.run});
  }
  plan.warnings = Warnings(context, survey);
  plan.findings = {
      {"application", notes.application},
      {"connection",
       absl::StrCat(notes.connection_name, " (", notes.connection_id, ")")},
      {"iclient",
       absl::StrCat(notes.iclient_name, " (", notes.iclient_id, ")")},
      {"netsuite access", survey.reads_netsuite
                              ? "reads roles, users and tokens"
                          : survey.has_access ? "held, but limited"
                                              : "none: people do this part"},
      {"recipe", notes.recipe.empty() ? "none" : notes.recipe},
      {"role",
       absl::StrCat(context.spec().role.name, " from ", notes.source_role)},
      {"tile", notes.tile_id.empty()
                   ? "none"
                   : absl::StrCat(notes.tile_name, " (", notes.tile_id, ")")},
      {"unfinished jobs", absl::StrCat(survey.unfinished_jobs)},
      {"user", context.spec().netsuite.user},
  };
  plan.hash = secret::Sha256Hex(migration::PlanText(plan));
  return plan;
}

}  // namespace keyturn::steps
