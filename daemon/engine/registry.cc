#include "daemon/engine/registry.h"

#include <algorithm>
#include <array>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/engine/trail_rows.h"
#include "daemon/steps/account_questions.h"
#include "daemon/store/codec.h"
#include "daemon/upstream/http/url.h"

namespace keyturn::engine {
namespace {

using store::AccountKind;
using store::CredentialInfo;
using store::CredentialKind;
using store::VersionLabel;

std::string AccountResource(std::string_view name) {
  return absl::StrCat("accounts/", base::ToAbsl(name));
}

std::string CredentialResource(std::string_view name) {
  return absl::StrCat("credentials/", base::ToAbsl(name));
}

// --- What a repeated request is answered with ---

std::string EncodeInfo(const CredentialInfo& info) {
  nlohmann::json versions = nlohmann::json::array();
  for (const CredentialInfo::Version& version : info.versions) {
    versions.push_back(
        {{"number", version.number},
         {"label", static_cast<int>(version.label)},
         {"created_at_ns", store::EncodeTime(version.created_at)},
         {"creator", version.creator}});
  }
  const nlohmann::json answer = {{"name", info.name},
                                 {"kind", static_cast<int>(info.kind)},
                                 {"migration", info.migration_id},
                                 {"versions", std::move(versions)}};
  return answer.dump();
}

absl::StatusOr<CredentialInfo> DecodeInfo(const std::string& answer) {
  try {
    const nlohmann::json json = nlohmann::json::parse(answer);
    CredentialInfo info;
    info.name = json.at("name").get<std::string>();
    info.kind = static_cast<CredentialKind>(json.at("kind").get<int>());
    info.migration_id = json.at("migration").get<std::string>();
    for (const nlohmann::json& from : json.at("versions")) {
      CredentialInfo::Version version;
      version.number = from.at("number").get<int>();
      version.label = static_cast<VersionLabel>(from.at("label").get<int>());
      version.created_at =
          store::DecodeTime(from.at("created_at_ns").get<int64_t>());
      version.creator = from.at("creator").get<std::string>();
      info.versions.push_back(std::move(version));
    }
    return info;
  } catch (const nlohmann::json::exception&) {
    return absl::DataLossError(
        "the stored answer to this request id cannot be read");
  }
}

template <typename T>
auto Decoded(Callback<T> callback,
             absl::StatusOr<T> (*decode)(const std::string&)) {
  return [callback = std::move(callback),
          decode](const absl::StatusOr<std::string>& answer) {
    callback(answer.ok() ? decode(*answer)
                         : absl::StatusOr<T>(answer.status()));
  };
}

absl::StatusOr<store::Account> DecodeAccountAnswer(const std::string& answer) {
  return store::DecodeAccount(answer);
}

auto StatusOnly(std::function<void(absl::Status)> callback) {
  return [callback =
              std::move(callback)](const absl::StatusOr<std::string>& answer) {
    callback(answer.status());
  };
}

// `info` once the rotation is stored: the new version is CURRENT, the one
// before it PREVIOUS.
CredentialInfo AfterRotation(CredentialInfo info,
                             const CredentialInfo::Version& added) {
  for (CredentialInfo::Version& version : info.versions) {
    if (version.label == VersionLabel::kCurrent) {
      version.label = VersionLabel::kPrevious;
    }
  }
  info.versions.push_back(added);
  return info;
}

// --- Checks ---

// Asks for the accounts' tests one after the other and gathers what they say.
class TestRun : public std::enable_shared_from_this<TestRun> {
 public:
  TestRun(Engine& engine, std::vector<std::string> accounts,
          std::shared_ptr<vault::Openings> openings,
          Callback<Findings> callback)
      : engine_(engine),
        accounts_(std::move(accounts)),
        openings_(std::move(openings)),
        callback_(std::move(callback)) {}

  void Next() {
    if (next_ == accounts_.size()) {
      callback_(std::move(findings_));
      return;
    }
    engine_.TestAccount(
        accounts_[next_], openings_,
        [self = shared_from_this()](absl::StatusOr<Findings> found) {
          self->Take(std::move(found));
        });
  }

 private:
  void Take(absl::StatusOr<Findings> found) {
    if (!found.ok()) {
      callback_(found.status());
      return;
    }
    for (const std::string& line : found->lines) {
      findings_.lines.push_back(
          absl::StrCat("account ", accounts_[next_], ": ", line));
    }
    findings_.accepted = findings_.accepted && found->accepted;
    ++next_;
    // What one account refuses, the others would refuse as well.
    if (!found->accepted) next_ = accounts_.size();
    Next();
  }

  Engine& engine_;
  const std::vector<std::string> accounts_;
  const std::shared_ptr<vault::Openings> openings_;
  const Callback<Findings> callback_;
  size_t next_ = 0;
  Findings findings_{/*accepted=*/true, {}};
};

}  // namespace

Registry::Registry(Options options)
    : store_(options.store),
      vault_(options.vault),
      engine_(options.engine),
      clock_(options.clock),
      allowed_hosts_(std::move(options.allowed_hosts)),
      forget_(std::move(options.forget)) {}

bool Registry::AnswerRepeated(const Caller& caller, const Answer& answer) {
  if (caller.request_id.empty()) return false;
  absl::StatusOr<std::optional<store::RequestRecord>> found =
      store_.FindRequest(caller.identity, caller.request_id);
  if (!found.ok()) {
    answer(found.status());
    return true;
  }
  if (!found->has_value()) return false;
  if ((*found)->fingerprint == caller.fingerprint) {
    answer((*found)->answer);
  } else {
    answer(base::WithReason(
        absl::AlreadyExistsError(
            "this request id was used for another request; choose a new one"),
        "REQUEST_ID_REUSED"));
  }
  return true;
}

Registry::Change Registry::NewChange(const Caller& caller,
                                     std::string_view action,
                                     std::string target, std::string answer) {
  Change change;
  change.answer = answer;
  const absl::Time now = clock_.Now();
  if (!caller.request_id.empty()) {
    change.batch.request =
        store::RequestRecord{caller.identity, caller.request_id,
                             caller.fingerprint, std::move(answer), now};
  }
  change.batch.audit.push_back(
      RowOf(caller, action, std::move(target), absl::OkStatus(), now));
  return change;
}

void Registry::Commit(const Caller& caller, Change change, Answer answer) {
  store::AuditRow row = change.batch.audit.front();
  store_.Commit(
      std::move(change.batch),
      [this, caller, row = std::move(row),
       accounts = std::move(change.accounts), text = std::move(change.answer),
       answer = std::move(answer)](
          const absl::StatusOr<store::CommitResult>& committed) {
        if (committed.ok()) {
          for (const std::string& account : accounts) {
            forget_(account);
          }
          answer(text);
          return;
        }
        // Another call with the same id was faster.
        if (base::ReasonOf(committed.status()) == "REQUEST_REPEATED" &&
            AnswerRepeated(caller, answer)) {
          return;
        }
        Refuse(row, committed.status(), answer);
      });
}

void Registry::Refuse(store::AuditRow row, const absl::Status& status,
                      Answer answer) {
  row.result = absl::StatusCodeToString(status.code());
  row.detail = base::MessageOf(status);
  store::Batch batch;
  batch.audit.push_back(std::move(row));
  store_.Commit(
      std::move(batch),
      [status, answer = std::move(answer)](
          const absl::StatusOr<store::CommitResult>&) { answer(status); });
}

absl::Status Registry::CheckAddress(store::Account& account) {
  RETURN_IF_ERROR(steps::NormalizeAccount(account));
  ASSIGN_OR_RETURN(const std::vector<std::string> origins,
                   steps::OriginsOf(account));
  for (const std::string& origin : origins) {
    ASSIGN_OR_RETURN(const http::Url url, http::ParseUrl(origin));
    RETURN_IF_ERROR(allowed_hosts_.Check(url));
  }
  return absl::OkStatus();
}

absl::Status Registry::CheckAccount(store::Account& account) {
  RETURN_IF_ERROR(CheckAddress(account));
  if (account.credential.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const CredentialInfo credential,
                   store_.GetCredential(account.credential));
  return base::WithField(
      steps::CheckCredentialFits(account.kind, credential.kind),
      "account.credential");
}

void Registry::CreateAccount(Caller caller, store::Account account,
                             Callback<store::Account> callback) {
  const Answer answer =
      Decoded<store::Account>(std::move(callback), DecodeAccountAnswer);
  if (AnswerRepeated(caller, answer)) return;
  account.created_at = clock_.Now();
  if (const absl::Status status = CheckAccount(account); !status.ok()) {
    Refuse(RowOf(caller, "keyturn.v1.Accounts/CreateAccount",
                 AccountResource(account.name), status, clock_.Now()),
           status, answer);
    return;
  }
  Change change =
      NewChange(caller, "keyturn.v1.Accounts/CreateAccount",
                AccountResource(account.name), store::EncodeAccount(account));
  change.batch.accounts.push_back(store::CreateAccount{account});
  change.accounts.push_back(account.name);
  Commit(caller, std::move(change), answer);
}

void Registry::DeleteAccount(Caller caller, std::string name,
                             std::function<void(absl::Status)> callback) {
  const Answer answer = StatusOnly(std::move(callback));
  if (AnswerRepeated(caller, answer)) return;
  Change change = NewChange(caller, "keyturn.v1.Accounts/DeleteAccount",
                            AccountResource(name), "");
  change.batch.accounts.push_back(store::DeleteAccount{name});
  change.accounts.push_back(std::move(name));
  Commit(caller, std::move(change), answer);
}

void Registry::CreateCredential(Caller caller, std::string name,
                                vault::Payload payload,
                                Callback<CredentialInfo> callback) {
  const Answer answer =
      Decoded<CredentialInfo>(std::move(callback), DecodeInfo);
  if (AnswerRepeated(caller, answer)) return;
  absl::StatusOr<store::CredentialWrite> write =
      vault_.SealNew(name, payload, VersionLabel::kCurrent,
                     /*migration_id=*/"", caller.identity, clock_.Now());
  if (!write.ok()) {
    Refuse(RowOf(caller, "keyturn.v1.Credentials/CreateCredential",
                 CredentialResource(name), write.status(), clock_.Now()),
           write.status(), answer);
    return;
  }
  CredentialInfo info;
  info.name = name;
  info.kind = vault::KindOf(payload);
  info.versions.push_back(std::get<store::NewCredential>(*write).version);
  Change change = NewChange(caller, "keyturn.v1.Credentials/CreateCredential",
                            CredentialResource(name), EncodeInfo(info));
  change.batch.credentials.push_back(*std::move(write));
  Commit(caller, std::move(change), answer);
}

void Registry::RotateCredential(Caller caller, std::string name,
                                vault::Payload payload,
                                Callback<CredentialInfo> callback) {
  const Answer answer =
      Decoded<CredentialInfo>(std::move(callback), DecodeInfo);
  if (AnswerRepeated(caller, answer)) return;
  const auto refuse = [&](const absl::Status& status) {
    Refuse(RowOf(caller, "keyturn.v1.Credentials/RotateCredential",
                 CredentialResource(name), status, clock_.Now()),
           status, answer);
  };
  absl::StatusOr<CredentialInfo> before = store_.GetCredential(name);
  if (!before.ok()) {
    refuse(before.status());
    return;
  }
  absl::StatusOr<store::CredentialWrite> write = vault_.SealVersion(
      name, payload, VersionLabel::kCurrent, caller.identity, clock_.Now());
  absl::StatusOr<std::vector<std::string>> accounts = AccountsWith(name);
  if (!write.ok() || !accounts.ok()) {
    refuse(write.ok() ? accounts.status() : write.status());
    return;
  }
  const CredentialInfo info = AfterRotation(
      *std::move(before), std::get<store::NewVersion>(*write).version);
  Change change = NewChange(caller, "keyturn.v1.Credentials/RotateCredential",
                            CredentialResource(name), EncodeInfo(info));
  change.batch.credentials.push_back(*std::move(write));
  change.accounts = *std::move(accounts);
  Commit(caller, std::move(change), answer);
}

void Registry::DeleteCredential(Caller caller, std::string name,
                                std::function<void(absl::Status)> callback) {
  const Answer answer = StatusOnly(std::move(callback));
  if (AnswerRepeated(caller, answer)) return;
  // The trail could not be told of what is left, see store::kCensusAction.
  if (vault_.sealed() && store_.GetCredential(name).ok()) {
    const absl::Status sealed = vault::SealedError();
    Refuse(RowOf(caller, "keyturn.v1.Credentials/DeleteCredential",
                 CredentialResource(name), sealed, clock_.Now()),
           sealed, answer);
    return;
  }
  Change change = NewChange(caller, "keyturn.v1.Credentials/DeleteCredential",
                            CredentialResource(name), "");
  change.batch.credentials.push_back(store::DeleteCredential{std::move(name)});
  Commit(caller, std::move(change), answer);
}

void Registry::TestCredential(std::string name,
                              std::shared_ptr<vault::Openings> openings,
                              Callback<Findings> callback) {
  const absl::StatusOr<CredentialInfo> credential = store_.GetCredential(name);
  if (!credential.ok()) {
    callback(credential.status());
    return;
  }
  absl::StatusOr<std::vector<std::string>> accounts = AccountsWith(name);
  if (!accounts.ok()) {
    callback(accounts.status());
    return;
  }
  if (accounts->empty()) {
    callback(base::WithReason(
        absl::FailedPreconditionError(absl::StrCat(
            "no account names the credential ", name,
            ", so there is nowhere to try it; create an account with it "
            "first")),
        "CREDENTIAL_UNUSED"));
    return;
  }
  if (accounts->size() > kTestedAccountsMax) {
    accounts->resize(kTestedAccountsMax);
  }
  std::make_shared<TestRun>(engine_, *std::move(accounts), std::move(openings),
                            std::move(callback))
      ->Next();
}

absl::StatusOr<std::vector<std::string>> Registry::AccountsWith(
    std::string_view credential) {
  std::vector<std::string> names;
  store::PageRequest request;
  do {
    ASSIGN_OR_RETURN(store::Page<store::Account> page,
                     store_.ListAccounts(request));
    for (const store::Account& account : page.items) {
      if (account.credential == credential) names.push_back(account.name);
    }
    request.after = std::move(page.next);
  } while (!request.after.empty());
  return names;
}

}  // namespace keyturn::engine
