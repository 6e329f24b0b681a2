#include "daemon/migration/spec.h"

#include <algorithm>
#include <set>
#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "daemon/base/id.h"
#include "daemon/base/status.h"

namespace keyturn::migration {
namespace {

using base::FieldError;

constexpr size_t kOutsideIdLength = 24;
constexpr size_t kEmailMax = 254;
constexpr size_t kPermissionMax = 60;

bool IsAlphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
         (c >= 'A' && c <= 'Z');
}

bool IsPrintable(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
}

bool IsOutsideId(std::string_view text) {
  return text.size() == kOutsideIdLength &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
                  (c >= 'A' && c <= 'F');
         });
}

absl::Status CheckName(std::string_view field, std::string_view value,
                       std::string_view what) {
  if (value.empty()) {
    return FieldError(field, absl::StrCat("is missing; give the name of ",
                                          base::ToAbsl(what)));
  }
  if (!base::IsResourceName(value)) {
    return FieldError(field,
                      absl::StrCat("must be the name of ", base::ToAbsl(what),
                                   ": 1 to 63 characters a-z, 0-9, -, "
                                   "beginning with a letter"));
  }
  return absl::OkStatus();
}

absl::Status CheckOutsideId(std::string_view field, std::string_view value) {
  if (value.empty() || IsOutsideId(value)) return absl::OkStatus();
  return FieldError(field, "must be an id of 24 hexadecimal digits");
}

absl::Status CheckText(std::string_view field, std::string_view value) {
  if (value.size() <= static_cast<size_t>(kTextMax) && IsPrintable(value)) {
    return absl::OkStatus();
  }
  return FieldError(field,
                    absl::StrCat("must be at most ", kTextMax,
                                 " bytes of text without control characters"));
}

absl::Status CheckUser(std::string_view user) {
  constexpr std::string_view kField = "spec.netsuite.user";
  if (user.empty()) {
    return FieldError(kField,
                      "is missing; give the e-mail address of the user that "
                      "the integration logs in as");
  }
  const size_t at = user.find('@');
  const bool shaped = at != std::string_view::npos && at > 0 &&
                      at + 1 < user.size() &&
                      user.find('@', at + 1) == std::string_view::npos &&
                      user.find(' ') == std::string_view::npos;
  if (!shaped || user.size() > kEmailMax || !IsPrintable(user)) {
    return FieldError(kField, "must be an e-mail address");
  }
  return absl::OkStatus();
}

absl::Status CheckRole(const Spec::Role& role) {
  if (role.name.empty()) {
    return FieldError("spec.role.name",
                      "is missing; give the name of the role to be used");
  }
  // Celigo help centre 360042885391: role names are alphanumeric only.
  if (role.name.size() > static_cast<size_t>(kTextMax) ||
      !std::all_of(role.name.begin(), role.name.end(), IsAlphanumeric)) {
    return FieldError("spec.role.name",
                      "must consist of letters and digits only (Celigo asks "
                      "that of roles for SmartConnectors)");
  }
  RETURN_IF_ERROR(CheckText("spec.role.from", role.from));
  if (role.add_permissions.size() > static_cast<size_t>(kPermissionsMax)) {
    return FieldError("spec.role.add_permissions",
                      absl::StrCat("must be at most ", kPermissionsMax));
  }
  for (const std::string& permission : role.add_permissions) {
    const bool shaped =
        !permission.empty() && permission.size() <= kPermissionMax &&
        std::all_of(permission.begin(), permission.end(), [](char c) {
          return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
        });
    if (!shaped) {
      return FieldError("spec.role.add_permissions",
                        "must be permission ids such as ADMI_LOGIN_OAUTH: "
                        "A-Z, 0-9, _");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckIds(std::string_view field,
                      const std::vector<std::string>& ids) {
  if (ids.size() > static_cast<size_t>(kFlowsNamedMax)) {
    return FieldError(field,
                      absl::StrCat("must be at most ", kFlowsNamedMax, " ids"));
  }
  std::set<std::string_view> seen;
  for (const std::string& id : ids) {
    if (!IsOutsideId(id)) {
      return FieldError(field,
                        "must be flow ids of 24 hexadecimal digits each");
    }
    if (!seen.insert(id).second) {
      return FieldError(field, absl::StrCat("names ", id, " twice"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckFlows(const Spec::Flows& flows) {
  RETURN_IF_ERROR(CheckIds("spec.flows.test_ids", flows.test_ids));
  if (!RunsEveryFlow(flows)) {
    RETURN_IF_ERROR(CheckIds("spec.flows.run_ids", flows.run_ids));
  }
  if (flows.test == Spec::Flows::Test::kIds && flows.test_ids.empty()) {
    return FieldError("spec.flows.test_ids",
                      "is empty; name flows, or say all or none");
  }
  if (flows.test != Spec::Flows::Test::kIds && !flows.test_ids.empty()) {
    return FieldError("spec.flows.test_ids", "goes only with flows.test: ids");
  }
  return absl::OkStatus();
}

absl::Status CheckTime(std::string_view field, absl::Duration time,
                       absl::Duration least, absl::Duration most) {
  if (time == absl::ZeroDuration()) return absl::OkStatus();
  if (time >= least && time <= most) return absl::OkStatus();
  return FieldError(
      field, absl::StrCat("must be ", absl::FormatDuration(least), " to ",
                          absl::FormatDuration(most), ", or be left out"));
}

// Nothing is written for an adoption: what is for making a token or for going
// back to the old login would say otherwise.
absl::Status CheckAdoption(const Spec& spec) {
  if (!spec.adopt) return absl::OkStatus();
  const std::string_view besides =
      !spec.old_login.empty()                       ? "old_login"
      : !spec.token.consumer.empty()                ? "token.consumer"
      : spec.confirm_within != absl::ZeroDuration() ? "confirm_within"
      : spec.drain_within != absl::ZeroDuration()   ? "drain_within"
                                                    : "";
  if (besides.empty()) return absl::OkStatus();
  return FieldError(
      absl::StrCat("spec.", base::ToAbsl(besides)),
      "does not go with adopt, which writes nothing: leave one of them out");
}

}  // namespace

bool RunsEveryFlow(const Spec::Flows& flows) {
  return flows.run_ids.size() == 1 && flows.run_ids.front() == kEveryFlow;
}

absl::Status ValidateSpec(const Spec& spec) {
  RETURN_IF_ERROR(CheckText("spec.recipe", spec.recipe));
  RETURN_IF_ERROR(CheckName("spec.celigo.account", spec.celigo.account,
                            "a Celigo account"));
  RETURN_IF_ERROR(
      CheckOutsideId("spec.celigo.connection", spec.celigo.connection));
  RETURN_IF_ERROR(CheckOutsideId("spec.celigo.tile", spec.celigo.tile));
  if (spec.celigo.connection.empty() && spec.celigo.tile.empty()) {
    return FieldError("spec.celigo.connection",
                      "is missing; give the connection's id or the tile's");
  }
  RETURN_IF_ERROR(CheckName("spec.netsuite.account", spec.netsuite.account,
                            "a NetSuite account"));
  RETURN_IF_ERROR(CheckUser(spec.netsuite.user));
  RETURN_IF_ERROR(CheckRole(spec.role));
  RETURN_IF_ERROR(CheckText("spec.token.application", spec.token.application));
  if (!spec.token.consumer.empty()) {
    RETURN_IF_ERROR(CheckName("spec.token.consumer", spec.token.consumer,
                              "a netsuite-tba credential"));
  }
  RETURN_IF_ERROR(CheckText("spec.iclient", spec.iclient));
  if (!spec.old_login.empty()) {
    RETURN_IF_ERROR(CheckName("spec.old_login", spec.old_login,
                              "a netsuite-login credential"));
  }
  RETURN_IF_ERROR(CheckFlows(spec.flows));
  if (spec.approvals < 0 || spec.approvals > kApprovalsMax) {
    return FieldError("spec.approvals",
                      absl::StrCat("must be 0 to ", kApprovalsMax));
  }
  RETURN_IF_ERROR(CheckTime("spec.confirm_within", spec.confirm_within,
                            kConfirmWithinMin, kConfirmWithinMax));
  RETURN_IF_ERROR(CheckTime("spec.drain_within", spec.drain_within,
                            kDrainWithinMin, kDrainWithinMax));
  return CheckAdoption(spec);
}

}  // namespace keyturn::migration
