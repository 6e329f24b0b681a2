#include "daemon/steps/notes.h"

#include <algorithm>
#include <exception>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "daemon/base/status.h"

namespace keyturn::steps {
namespace {

using http::Document;

// The fields of a note, each named once: `visit(key, member)`.
template <typename Note, typename Visitor>
void VisitFlow(Note& flow, Visitor&& visit) {
  visit("id", flow.id);
  visit("name", flow.name);
  visit("storeId", flow.store_id);
  visit("foreign", flow.foreign);
  visit("unplanned", flow.unplanned);
  visit("exportIds", flow.export_ids);
  visit("test", flow.test);
  visit("run", flow.run);
  visit("wasEnabled", flow.was_enabled);
  visit("runRequestedAt", flow.run_requested_at);
  visit("jobsBefore", flow.jobs_before);
  visit("jobId", flow.job_id);
}

template <typename AnyNotes, typename Visitor>
void VisitNotes(AnyNotes& notes, Visitor&& visit) {
  visit("recipe", notes.recipe);
  visit("sourceRole", notes.source_role);
  visit("application", notes.application);
  visit("permissions", notes.permissions);
  visit("tileId", notes.tile_id);
  visit("tileName", notes.tile_name);
  visit("appVersion1", notes.app_version_1);
  visit("connectionId", notes.connection_id);
  visit("connectionName", notes.connection_name);
  visit("preImage", notes.pre_image);
  visit("iclientId", notes.iclient_id);
  visit("iclientName", notes.iclient_name);
  visit("flows", notes.flows);
  visit("loginProblem", notes.login_problem);
  visit("accessClosed", notes.access_closed);
  visit("roleId", notes.role_id);
  visit("employeeId", notes.employee_id);
  visit("employeeName", notes.employee_name);
  visit("employeeFullName", notes.employee_full_name);
  visit("rolesBefore", notes.roles_before);
  visit("roleAdded", notes.role_added);
  visit("tokensAsked", notes.tokens_asked);
  visit("tokenVersion", notes.token_version);
  visit("tokenNumber", notes.token_number);
  visit("tokenNumbers", notes.token_numbers);
  visit("tokenProved", notes.token_proved);
  visit("formAsked", notes.form_asked);
  visit("nameAsked", notes.name_asked);
  visit("issueSent", notes.issue_sent);
  visit("issueCalls", notes.issue_calls);
  visit("tokenListed", notes.token_listed);
  visit("tokenTwins", notes.token_twins);
  visit("revokeSent", notes.revoke_sent);
  visit("sentVersion", notes.sent_version);
  visit("sentOver", notes.sent_over);
  visit("sentAt", notes.sent_at);
  visit("backVersion", notes.back_version);
  visit("backOver", notes.back_over);
  visit("flowsRestored", notes.flows_restored);
  visit("testsLost", notes.tests_lost);
}

struct Writer {
  Document& object;

  template <typename T>
  void operator()(const char* key, const T& member) {
    object[key] = member;
  }
  void operator()(const char* key, const std::optional<bool>& member) {
    if (member.has_value()) object[key] = *member;
  }
  void operator()(const char* key, const std::optional<absl::Time>& member) {
    if (member.has_value()) object[key] = absl::ToUnixMicros(*member);
  }
  void operator()(const char* key,
                  const std::optional<std::vector<std::string>>& member) {
    if (member.has_value()) object[key] = *member;
  }
  void operator()(const char* key, const std::vector<FlowNote>& member) {
    Document list = Document::array();
    for (const FlowNote& flow : member) {
      Document item = Document::object();
      VisitFlow(flow, Writer{item});
      list.push_back(std::move(item));
    }
    object[key] = std::move(list);
  }
};

absl::Status NotNotes() {
  return absl::DataLossError("the notes of a migration cannot be read");
}

// By its own type, so that the library refuses one with a fraction or an
// exponent: what it makes of that as a whole number is not defined.
int64_t WholeNumber(const Document& value) {
  return value.get_ref<const int64_t&>();
}

// A field that is not there keeps its default: notes of an older version.
struct Reader {
  const Document& object;

  template <typename T>
  void operator()(const char* key, T& member) {
    if (object.contains(key)) member = object.at(key).template get<T>();
  }
  void operator()(const char* key, int& member) {
    if (object.contains(key)) {
      member = static_cast<int>(WholeNumber(object.at(key)));
    }
  }
  void operator()(const char* key, std::vector<int>& member) {
    if (!object.contains(key)) return;
    for (const Document& item :
         object.at(key).get_ref<const Document::array_t&>()) {
      member.push_back(static_cast<int>(WholeNumber(item)));
    }
  }
  void operator()(const char* key, Document& member) {
    if (object.contains(key)) member = object.at(key);
  }
  void operator()(const char* key, std::optional<bool>& member) {
    if (object.contains(key)) member = object.at(key).get<bool>();
  }
  void operator()(const char* key, std::optional<absl::Time>& member) {
    if (object.contains(key)) {
      member = absl::FromUnixMicros(WholeNumber(object.at(key)));
    }
  }
  void operator()(const char* key,
                  std::optional<std::vector<std::string>>& member) {
    if (object.contains(key)) {
      member = object.at(key).get<std::vector<std::string>>();
    }
  }
  void operator()(const char* key, std::vector<FlowNote>& member) {
    if (!object.contains(key)) return;
    for (const Document& item :
         object.at(key).get_ref<const Document::array_t&>()) {
      VisitFlow(member.emplace_back(), Reader{item});
    }
  }
};

}  // namespace

std::string TokenCredential(std::string_view migration_id) {
  return absl::StrCat("token-", base::ToAbsl(migration_id));
}

std::string TokenName(std::string_view migration_id, int number) {
  return absl::StrCat(kTokenNamePrefix, base::ToAbsl(migration_id), "-",
                      number);
}

void NoteToken(Notes& notes, int version) {
  notes.token_version = version;
  notes.token_number = notes.tokens_asked;
  notes.token_numbers.resize(static_cast<size_t>(version));
  notes.token_numbers.back() = notes.tokens_asked;
}

void TakeNextTokenName(Notes& notes) {
  const int used =
      notes.token_number > 0 ? notes.token_number : notes.token_version;
  notes.tokens_asked = std::max(notes.tokens_asked, used + 1);
}

absl::StatusOr<Notes> ParseNotes(std::string_view text) {
  Notes notes;
  if (text.empty()) return notes;
  ASSIGN_OR_RETURN(const Document object, http::ParseJson(text));
  if (!object.is_object()) return NotNotes();
  try {
    VisitNotes(notes, Reader{object});
  } catch (const std::exception&) {
    return NotNotes();
  }
  return notes;
}

std::string FormatNotes(const Notes& notes) {
  Document object = Document::object();
  VisitNotes(notes, Writer{object});
  return object.dump(-1, ' ', /*ensure_ascii=*/false,
                     Document::error_handler_t::replace);
}

}  // namespace keyturn::steps
