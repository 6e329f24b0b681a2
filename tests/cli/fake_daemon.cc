#include "tests/cli/fake_daemon.h"

#include <arpa/inet.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "google/rpc/status.pb.h"

namespace keyturn::cli {
namespace {

constexpr char kServerName[] = "keyturnd";
constexpr absl::Duration kWaitMax = absl::Seconds(10);

bool AtRest(v1::Migration::State state) {
  return state >= v1::Migration::SUCCEEDED;
}

template <typename Value>
grpc::Status Find(const std::map<std::string, Value>& values,
                  const std::string& name, Value* found) {
  const auto value = values.find(name);
  if (value == values.end()) {
    return MakeError(grpc::StatusCode::NOT_FOUND, "NOT_FOUND",
                     "there is no " + name);
  }
  *found = value->second;
  return grpc::Status::OK;
}

}  // namespace

grpc::Status MakeError(
    grpc::StatusCode code, const std::string& reason,
    const std::string& message,
    const std::vector<google::rpc::BadRequest::FieldViolation>& violations) {
  google::rpc::Status status;
  status.set_code(code);
  status.set_message(message);
  google::rpc::ErrorInfo info;
  info.set_reason(reason);
  info.set_domain("keyturn");
  status.add_details()->PackFrom(info);
  if (!violations.empty()) {
    google::rpc::BadRequest bad_request;
    for (const auto& violation : violations) {
      *bad_request.add_field_violations() = violation;
    }
    status.add_details()->PackFrom(bad_request);
  }
  return grpc::Status(code, message, status.SerializeAsString());
}

class FakeDaemon::MigrationsService : public v1::Migrations::Service {
 public:
  explicit MigrationsService(FakeDaemon& daemon) : daemon_(daemon) {}

  grpc::Status CreateMigration(grpc::ServerContext*,
                               const v1::CreateMigrationRequest* request,
                               v1::Migration* response) override {
    grpc::Status status = daemon_.Enter("CreateMigration", *request);
    if (!status.ok()) return status;
    absl::MutexLock lock(&daemon_.mutex_);
    *response = daemon_.next_;
    if (request->validate_only()) {
      response->clear_name();
    } else {
      daemon_.migrations_.emplace(response->name(), *response);
    }
    return grpc::Status::OK;
  }

  grpc::Status GetMigration(grpc::ServerContext*,
                            const v1::GetMigrationRequest* request,
                            v1::Migration* response) override {
    grpc::Status status = daemon_.Enter("GetMigration", *request);
    if (!status.ok()) return status;
    absl::MutexLock lock(&daemon_.mutex_);
    return Find(daemon_.migrations_, request->name(), response);
  }

  grpc::Status ListMigrations(grpc::ServerContext*,
                              const v1::ListMigrationsRequest* request,
                              v1::ListMigrationsResponse* response) override {
    grpc::Status status = daemon_.Enter("ListMigrations", *request);
    if (!status.ok()) return status;
    absl::MutexLock lock(&daemon_.mutex_);
    // One a page, so that clients have to turn pages.
    auto migration = daemon_.migrations_.upper_bound(request->page_token());
    if (migration == daemon_.migrations_.end()) return status;
    *response->add_migrations() = migration->second;
    const std::string name = migration->first;
    if (++migration != daemon_.migrations_.end()) {
      response->set_next_page_token(name);
    }
    return status;
  }

  grpc::Status ListEvents(grpc::ServerContext*,
                          const v1::ListEventsRequest* request,
                          v1::ListEventsResponse* response) override {
    grpc::Status status = daemon_.Enter("ListEvents", *request);
    if (!status.ok()) return status;
    absl::MutexLock lock(&daemon_.mutex_);
    for (const v1::Event& event : daemon_.events_) {
      *response->add_events() = event;
    }
    return status;
  }

  grpc::Status StartMigration(grpc::ServerContext*,
                              const v1::StartMigrationRequest* request,
                              v1::Migration* response) override {
    return Move("StartMigration", *request, v1::Migration::RUNNING, response);
  }
  grpc::Status PauseMigration(grpc::ServerContext*,
                              const v1::PauseMigrationRequest* request,
                              v1::Migration* response) override {
    return Move("PauseMigration", *request, v1::Migration::PAUSED, response);
  }
  grpc::Status ResumeMigration(grpc::ServerContext*,
                               const v1::ResumeMigrationRequest* request,
                               v1::Migration* response) override {
    return Move("ResumeMigration", *request, v1::Migration::RUNNING, response);
  }
  grpc::Status CancelMigration(grpc::ServerContext*,
                               const v1::CancelMigrationRequest* request,
                               v1::Migration* response) override {
    return Move("CancelMigration", *request, v1::Migration::CANCELLED,
                response);
  }
  grpc::Status RetryMigration(grpc::ServerContext*,
                              const v1::RetryMigrationRequest* request,
                              v1::Migration* response) override {
    return Move("RetryMigration", *request, v1::Migration::RUNNING, response);
  }
  grpc::Status RollBackMigration(grpc::ServerContext*,
                                 const v1::RollBackMigrationRequest* request,
                                 v1::Migration* response) override {
    return Move("RollBackMigration", *request, v1::Migration::ROLLING_BACK,
                response);
  }
  grpc::Status ApproveMigration(grpc::ServerContext*,
                                const v1::ApproveMigrationRequest* request,
                                v1::Migration* response) override {
    return Move("ApproveMigration", *request, v1::Migration::RUNNING, response);
  }
  grpc::Status RejectMigration(grpc::ServerContext*,
                               const v1::RejectMigrationRequest* request,
                               v1::Migration* response) override {
    return Move("RejectMigration", *request, v1::Migration::CANCELLED,
                response);
  }

  grpc::Status WatchMigrations(
      grpc::ServerContext* context, const v1::WatchMigrationsRequest* request,
      grpc::ServerWriter<v1::WatchMigrationsResponse>* writer) override {
    // Before the call is counted: a test that waits for it and then breaks the
    // watches is to break this one too.
    const int generation = daemon_.generation();
    grpc::Status status = daemon_.Enter("WatchMigrations", *request);
    if (!status.ok()) return status;
    int64_t after = request->after_sequence();
    v1::Migration::State state = v1::Migration::STATE_UNSPECIFIED;
    absl::MutexLock lock(&daemon_.mutex_);
    if (request->snapshot_first()) {
      v1::WatchMigrationsResponse response;
      status = Find(daemon_.migrations_, request->name(),
                    response.mutable_snapshot());
      if (!status.ok()) return status;
      after = response.snapshot().last_sequence();
      state = response.snapshot().state();
      writer->Write(response);
    }
    ++daemon_.watches_begun_;
    for (;;) {
      for (const v1::Event& event : daemon_.events_) {
        if (event.sequence() <= after) continue;
        v1::WatchMigrationsResponse response;
        *response.mutable_event() = event;
        after = event.sequence();
        state = event.state();
        writer->Write(response);
        response.mutable_bookmark()->set_sequence(after);
        writer->Write(response);
      }
      if (AtRest(state)) return grpc::Status::OK;
      const auto changed = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(daemon_.mutex_) {
        return daemon_.generation_ != generation || context->IsCancelled() ||
               (!daemon_.events_.empty() &&
                daemon_.events_.back().sequence() > after);
      };
      while (!daemon_.mutex_.AwaitWithTimeout(absl::Condition(&changed),
                                              absl::Milliseconds(20))) {
      }
      if (daemon_.generation_ != generation) {
        return grpc::Status(grpc::StatusCode::UNAVAILABLE, "going away");
      }
      if (context->IsCancelled()) return grpc::Status::CANCELLED;
    }
  }

 private:
  template <typename Request>
  grpc::Status Move(const std::string& method, const Request& request,
                    v1::Migration::State state, v1::Migration* response) {
    grpc::Status status = daemon_.Enter(method, request);
    if (!status.ok()) return status;
    absl::MutexLock lock(&daemon_.mutex_);
    status = Find(daemon_.migrations_, request.name(), response);
    if (!status.ok()) return status;
    response->set_state(state);
    daemon_.migrations_[request.name()] = *response;
    return status;
  }

  FakeDaemon& daemon_;
};

class FakeDaemon::TasksService : public v1::Tasks::Service {
 public:
  explicit TasksService(FakeDaemon& daemon) : daemon_(daemon) {}

  grpc::Status ListTasks(grpc::ServerContext*,
                         const v1::ListTasksRequest* request,
                         v1::ListTasksResponse* response) override {
    grpc::Status status = daemon_.Enter("ListTasks", *request);
    if (!status.ok()) return status;
    absl::MutexLock lock(&daemon_.mutex_);
    for (const auto& [name, task] : daemon_.tasks_) {
      if (task.state() == v1::Task::OPEN || request->show_closed()) {
        *response->add_tasks() = task;
      }
    }
    return status;
  }

  grpc::Status GetTask(grpc::ServerContext*, const v1::GetTaskRequest* request,
                       v1::Task* response) override {
    grpc::Status status = daemon_.Enter("GetTask", *request);
    if (!status.ok()) return status;
    absl::MutexLock lock(&daemon_.mutex_);
    return Find(daemon_.tasks_, request->name(), response);
  }

  grpc::Status CompleteTask(grpc::ServerContext*,
                            const v1::CompleteTaskRequest* request,
                            v1::Task* response) override {
    return Close("CompleteTask", *request, response);
  }

  grpc::Status SubmitTaskSecret(grpc::ServerContext*,
                                const v1::SubmitTaskSecretRequest* request,
                                v1::Task* response) override {
    return Close("SubmitTaskSecret", *request, response);
  }

 private:
  template <typename Request>
  grpc::Status Close(const std::string& method, const Request& request,
                     v1::Task* response) {
    grpc::Status status = daemon_.Enter(method, request);
    if (!status.ok()) return status;
    absl::MutexLock lock(&daemon_.mutex_);
    status = Find(daemon_.tasks_, request.name(), response);
    if (!status.ok()) return status;
    response->set_state(v1::Task::DONE);
    daemon_.tasks_[request.name()] = *response;
    return status;
  }

  FakeDaemon& daemon_;
};

class FakeDaemon::CredentialsService : public v1::Credentials::Service {
 public:
  explicit CredentialsService(FakeDaemon& daemon) : daemon_(daemon) {}

  grpc::Status CreateCredential(grpc::ServerContext*,
                                const v1::CreateCredentialRequest* request,
                                v1::Credential* response) override {
    grpc::Status status = daemon_.Enter("CreateCredential", *request);
    if (!status.ok()) return status;
    response->set_name("credentials/" + request->credential_id());
    response->set_kind(
        static_cast<v1::Credential::Kind>(request->secret().secret_case()));
    absl::MutexLock lock(&daemon_.mutex_);
    AddVersion(*response);
    return status;
  }

  grpc::Status GetCredential(grpc::ServerContext*,
                             const v1::GetCredentialRequest* request,
                             v1::Credential* response) override {
    grpc::Status status = daemon_.Enter("GetCredential", *request);
    if (!status.ok()) return status;
    absl::MutexLock lock(&daemon_.mutex_);
    return Find(daemon_.credentials_, request->name(), response);
  }

  grpc::Status ListCredentials(grpc::ServerContext*,
                               const v1::ListCredentialsRequest* request,
                               v1::ListCredentialsResponse* response) override {
    grpc::Status status = daemon_.Enter("ListCredentials", *request);
    if (!status.ok()) return status;
    absl::MutexLock lock(&daemon_.mutex_);
    for (const auto& [name, credential] : daemon_.credentials_) {
      *response->add_credentials() = credential;
    }
    return status;
  }

  grpc::Status RotateCredential(grpc::ServerContext*,
                                const v1::RotateCredentialRequest* request,
                                v1::Credential* response) override {
    grpc::Status status = daemon_.Enter("RotateCredential", *request);
    if (!status.ok()) return status;
    absl::MutexLock lock(&daemon_.mutex_);
    status = Find(daemon_.credentials_, request->name(), response);
    if (status.ok()) AddVersion(*response);
    return status;
  }

  grpc::Status TestCredential(grpc::ServerContext*,
                              const v1::TestCredentialRequest* request,
                              v1::TestCredentialResponse* response) override {
    response->set_accepted(request->name() != "credentials/refused");
    response->add_findings("GET /v1/tokenInfo");
    return daemon_.Enter("TestCredential", *request);
  }

  grpc::Status DeleteCredential(grpc::ServerContext*,
                                const v1::DeleteCredentialRequest* request,
                                v1::DeleteCredentialResponse*) override {
    grpc::Status status = daemon_.Enter("DeleteCredential", *request);
    if (!status.ok()) return status;
    absl::MutexLock lock(&daemon_.mutex_);
    daemon_.credentials_.erase(request->name());
    return status;
  }

 private:
  void AddVersion(v1::Credential& credential)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(daemon_.mutex_) {
    for (auto& version : *credential.mutable_versions()) {
      version.set_label(v1::Credential::Version::PREVIOUS);
    }
    const int number = credential.versions_size() + 1;
    v1::Credential::Version& version = *credential.add_versions();
    version.set_number(number);
    version.set_label(v1::Credential::Version::CURRENT);
    daemon_.credentials_[credential.name()] = credential;
  }

  FakeDaemon& daemon_;
};

class FakeDaemon::AccountsService : public v1::Accounts::Service {
 public:
  explicit AccountsService(FakeDaemon& daemon) : daemon_(daemon) {}

  grpc::Status CreateAccount(grpc::ServerContext*,
                             const v1::CreateAccountRequest* request,
                             v1::Account* response) override {
    grpc::Status status = daemon_.Enter("CreateAccount", *request);
    if (!status.ok()) return status;
    *response = request->account();
    response->set_name("accounts/" + request->account_id());
    absl::MutexLock lock(&daemon_.mutex_);
    daemon_.accounts_[response->name()] = *response;
    return status;
  }

  grpc::Status GetAccount(grpc::ServerContext*,
                          const v1::GetAccountRequest* request,
                          v1::Account* response) override {
    grpc::Status status = daemon_.Enter("GetAccount", *request);
    if (!status.ok()) return status;
    absl::MutexLock lock(&daemon_.mutex_);
    return Find(daemon_.accounts_, request->name(), response);
  }

  grpc::Status ListAccounts(grpc::ServerContext*,
                            const v1::ListAccountsRequest* request,
                            v1::ListAccountsResponse* response) override {
    grpc::Status status = daemon_.Enter("ListAccounts", *request);
    if (!status.ok()) return status;
    absl::MutexLock lock(&daemon_.mutex_);
    for (const auto& [name, account] : daemon_.accounts_) {
      *response->add_accounts() = account;
    }
    return status;
  }

  grpc::Status TestAccount(grpc::ServerContext*,
                           const v1::TestAccountRequest* request,
                           v1::TestAccountResponse* response) override {
    response->set_accepted(true);
    return daemon_.Enter("TestAccount", *request);
  }

  grpc::Status DeleteAccount(grpc::ServerContext*,
                             const v1::DeleteAccountRequest* request,
                             v1::DeleteAccountResponse*) override {
    return daemon_.Enter("DeleteAccount", *request);
  }

 private:
  FakeDaemon& daemon_;
};

// One campaign that stands still, whatever is asked.
class FakeDaemon::CampaignsService : public v1::Campaigns::Service {
 public:
  explicit CampaignsService(FakeDaemon& daemon) : daemon_(daemon) {}

  grpc::Status CreateCampaign(grpc::ServerContext*,
                              const v1::CreateCampaignRequest* request,
                              v1::Campaign* response) override {
    *response = request->campaign();
    response->set_name("campaigns/cccccccccccccccc");
    response->set_state(v1::Campaign::RUNNING);
    for (const v1::Spec& spec : request->specs()) {
      v1::Campaign::Member& member = *response->add_members();
      member.set_number(response->members_size());
      *member.mutable_spec() = spec;
      member.set_state(v1::Campaign::Member::WAITING);
    }
    return daemon_.Enter("CreateCampaign", *request);
  }

  grpc::Status GetCampaign(grpc::ServerContext*,
                           const v1::GetCampaignRequest* request,
                           v1::Campaign* response) override {
    *response = Sample();
    return daemon_.Enter("GetCampaign", *request);
  }

  grpc::Status ListCampaigns(grpc::ServerContext*,
                             const v1::ListCampaignsRequest* request,
                             v1::ListCampaignsResponse* response) override {
    *response->add_campaigns() = Sample();
    return daemon_.Enter("ListCampaigns", *request);
  }

  grpc::Status PauseCampaign(grpc::ServerContext*,
                             const v1::PauseCampaignRequest* request,
                             v1::Campaign* response) override {
    *response = Sample();
    return daemon_.Enter("PauseCampaign", *request);
  }

  grpc::Status ResumeCampaign(grpc::ServerContext*,
                              const v1::ResumeCampaignRequest* request,
                              v1::Campaign* response) override {
    *response = Sample();
    return daemon_.Enter("ResumeCampaign", *request);
  }

  grpc::Status CancelCampaign(grpc::ServerContext*,
                              const v1::CancelCampaignRequest* request,
                              v1::Campaign* response) override {
    *response = Sample();
    return daemon_.Enter("CancelCampaign", *request);
  }

  grpc::Status AddMembers(grpc::ServerContext*,
                          const v1::AddMembersRequest* request,
                          v1::Campaign* response) override {
    *response = Sample();
    return daemon_.Enter("AddMembers", *request);
  }

  grpc::Status RemoveMember(grpc::ServerContext*,
                            const v1::RemoveMemberRequest* request,
                            v1::Campaign* response) override {
    *response = Sample();
    return daemon_.Enter("RemoveMember", *request);
  }

 private:
  static v1::Campaign Sample() {
    v1::Campaign campaign;
    campaign.set_name("campaigns/cccccccccccccccc");
    campaign.set_title("all of acme");
    campaign.set_state(v1::Campaign::RUNNING);
    campaign.set_standing("1 run, and max_running is 1");
    campaign.mutable_policy()->set_max_running(1);
    v1::Campaign::Progress& progress = *campaign.mutable_progress();
    progress.set_succeeded(1);
    progress.set_running(1);
    progress.set_waiting(2);
    progress.set_wave(2);
    progress.set_waves(3);
    constexpr int kMembers = 4;
    for (int number = 1; number <= kMembers; ++number) {
      v1::Campaign::Member& member = *campaign.add_members();
      member.set_number(number);
      member.mutable_spec()->mutable_celigo()->set_account("acme");
      member.set_state(v1::Campaign::Member::WAITING);
      if (number > 2) continue;
      member.set_state(v1::Campaign::Member::BEGUN);
      member.set_migration_state(number == 1 ? v1::Migration::SUCCEEDED
                                             : v1::Migration::RUNNING);
    }
    return campaign;
  }

  FakeDaemon& daemon_;
};

class FakeDaemon::InventoryService : public v1::Inventory::Service {
 public:
  explicit InventoryService(FakeDaemon& daemon) : daemon_(daemon) {}

  grpc::Status Discover(grpc::ServerContext*,
                        const v1::DiscoverRequest* request,
                        v1::DiscoverResponse* response) override {
    v1::DiscoveredConnection& connection = *response->add_connections();
    connection.set_id("5f3a00000000000000000001");
    connection.set_name("Jira NetSuite");
    connection.set_auth_type("basic");
    connection.set_netsuite_account("1234567");
    connection.set_recipe("jira");
    connection.set_migratable(true);
    connection.add_needs("a token for the role CeligoJiraTBA");
    response->MergeFrom(daemon_.discovered);
    return daemon_.Enter("Discover", *request);
  }

 private:
  FakeDaemon& daemon_;
};

class FakeDaemon::AccessService : public v1::Access::Service {
 public:
  explicit AccessService(FakeDaemon& daemon) : daemon_(daemon) {}

  grpc::Status WhoAmI(grpc::ServerContext* context,
                      const v1::WhoAmIRequest* request,
                      v1::WhoAmIResponse* response) override {
    const bool over_tls = context->auth_context()->IsPeerAuthenticated();
    response->set_identity(over_tls ? "anna" : "uid:0");
    response->set_transport(over_tls ? "tls" : "unix");
    response->add_roles("administrator");
    return daemon_.Enter("WhoAmI", *request);
  }

  grpc::Status InviteIdentity(grpc::ServerContext*,
                              const v1::InviteIdentityRequest* request,
                              v1::Invitation* response) override {
    response->set_token("kti1.fingerprint.secret");
    response->set_identity("identities/" + request->identity_id());
    *response->mutable_roles() = request->roles();
    return daemon_.Enter("InviteIdentity", *request);
  }

  grpc::Status RenewCertificate(grpc::ServerContext*,
                                const v1::RenewCertificateRequest* request,
                                v1::IssuedCertificate* response) override {
    constexpr long kLifeSeconds = 3600;
    response->set_certificate_pem(
        SignRequest(daemon_.certificates(), request->certificate_request_pem(),
                    kLifeSeconds));
    return daemon_.Enter("RenewCertificate", *request);
  }

  grpc::Status ListIdentities(grpc::ServerContext*,
                              const v1::ListIdentitiesRequest* request,
                              v1::ListIdentitiesResponse* response) override {
    v1::Identity& identity = *response->add_identities();
    identity.set_name("identities/anna@acme.example");
    identity.set_state(v1::Identity::ACTIVE);
    identity.add_roles("operator");
    identity.set_certificate_serial("5f00");
    response->set_refused_enrollments(7);
    return daemon_.Enter("ListIdentities", *request);
  }

  grpc::Status RevokeIdentity(grpc::ServerContext*,
                              const v1::RevokeIdentityRequest* request,
                              v1::Identity* response) override {
    response->set_name(request->name());
    response->set_state(v1::Identity::REVOKED);
    return daemon_.Enter("RevokeIdentity", *request);
  }

 private:
  FakeDaemon& daemon_;
};

class FakeDaemon::AdminService : public v1::Admin::Service {
 public:
  explicit AdminService(FakeDaemon& daemon) : daemon_(daemon) {}

  grpc::Status GetServerInfo(grpc::ServerContext*,
                             const v1::GetServerInfoRequest* request,
                             v1::ServerInfo* response) override {
    response->set_version("0.0.1");
    response->set_schema_version(1);
    (*response->mutable_migrations())["RUNNING"] = 2;
    *response->mutable_vault() = daemon_.vault;
    return daemon_.Enter("GetServerInfo", *request);
  }
  grpc::Status GetSupportBundle(grpc::ServerContext*,
                                const v1::GetSupportBundleRequest* request,
                                v1::SupportBundle* response) override {
    response->mutable_server()->set_version("0.0.1");
    response->add_log_lines("msg=ready");
    return daemon_.Enter("GetSupportBundle", *request);
  }

  grpc::Status BackUp(grpc::ServerContext*, const v1::BackUpRequest* request,
                      grpc::ServerWriter<v1::BackUpResponse>* stream) override {
    for (const std::string& piece : daemon_.back_up) {
      v1::BackUpResponse response;
      response.set_data(piece);
      stream->Write(response);
    }
    return daemon_.Enter("BackUp", *request);
  }

  grpc::Status Restore(grpc::ServerContext*,
                       grpc::ServerReader<v1::RestoreRequest>* stream,
                       v1::RestoreResponse* response) override {
    v1::RestoreRequest request;
    while (stream->Read(&request)) daemon_.restored.append(request.data());
    response->set_credentials(3);
    return daemon_.Enter("Restore", request);
  }

  grpc::Status RotateKey(grpc::ServerContext*,
                         const v1::RotateKeyRequest* request,
                         v1::VaultStatus* response) override {
    const grpc::Status status = daemon_.Enter("RotateKey", *request);
    *response = daemon_.vault;
    return status;
  }

  grpc::Status Seal(grpc::ServerContext*, const v1::SealRequest* request,
                    v1::VaultStatus* response) override {
    daemon_.vault.set_sealed(true);
    *response = daemon_.vault;
    return daemon_.Enter("Seal", *request);
  }

  grpc::Status Unseal(grpc::ServerContext*, const v1::UnsealRequest* request,
                      v1::VaultStatus* response) override {
    daemon_.passphrase = request->passphrase();
    daemon_.previous_passphrase = request->previous_passphrase();
    daemon_.vault.set_sealed(false);
    *response = daemon_.vault;
    return daemon_.Enter("Unseal", *request);
  }

 private:
  FakeDaemon& daemon_;
};

FakeDaemon::FakeDaemon() : certificates_(MakeCertificates(kServerName)) {
  services_.push_back(std::make_unique<MigrationsService>(*this));
  services_.push_back(std::make_unique<TasksService>(*this));
  services_.push_back(std::make_unique<CredentialsService>(*this));
  services_.push_back(std::make_unique<AccountsService>(*this));
  services_.push_back(std::make_unique<CampaignsService>(*this));
  services_.push_back(std::make_unique<InventoryService>(*this));
  services_.push_back(std::make_unique<AccessService>(*this));
  services_.push_back(std::make_unique<AdminService>(*this));
}

FakeDaemon::~FakeDaemon() { Stop(); }

void FakeDaemon::Start() {
  grpc::SslServerCredentialsOptions options(
      GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs = certificates_.authority_pem;
  options.pem_key_cert_pairs.push_back(
      {.private_key = certificates_.server.key_pem,
       .cert_chain = certificates_.server.certificate_pem});
  grpc::ServerBuilder builder;
  builder.AddListeningPort(absl::StrCat("127.0.0.1:", port_),
                           grpc::SslServerCredentials(options), &port_);
  if (!socket_.empty()) {
    builder.AddListeningPort("unix:" + socket_,
                             grpc::InsecureServerCredentials());
  }
  for (const std::unique_ptr<grpc::Service>& service : services_) {
    builder.RegisterService(service.get());
  }
  server_ = builder.BuildAndStart();
}

void FakeDaemon::Stop() {
  if (server_ == nullptr) return;
  BreakWatches();
  server_->Shutdown(std::chrono::system_clock::now());
  server_->Wait();
  server_.reset();
}

void FakeDaemon::HangUp(int times) {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int yes = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  sockaddr_in address = {.sin_family = AF_INET,
                         .sin_port = htons(static_cast<uint16_t>(port_)),
                         .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof(address)) ==
          0 &&
      listen(listener, 1) == 0) {
    for (int i = 0; i < times; ++i) {
      const int connection = accept(listener, nullptr, nullptr);
      if (connection >= 0) close(connection);
    }
  }
  close(listener);
}

std::string FakeDaemon::ContextYaml() const {
  return ContextYaml(certificates_.client);
}

std::string FakeDaemon::ContextYaml(const Identity& client) const {
  const auto indented = [](const std::string& pem) {
    return absl::StrCat("|\n      ",
                        absl::StrReplaceAll(pem, {{"\n", "\n      "}}), "\n");
  };
  return absl::StrCat("currentContext: default\ncontexts:\n  - name: default\n",
                      "    server: 127.0.0.1:", port_,
                      "\n    serverName: ", kServerName,
                      "\n    ca: ", indented(certificates_.authority_pem),
                      "    certificate: ", indented(client.certificate_pem),
                      "    key: ", indented(client.key_pem));
}

std::string FakeDaemon::UnixContextYaml() const {
  return absl::StrCat("currentContext: local\ncontexts:\n  - name: local\n",
                      "    server: unix:", socket_, "\n");
}

void FakeDaemon::Put(const v1::Migration& migration) {
  absl::MutexLock lock(&mutex_);
  migrations_[migration.name()] = migration;
  next_ = migration;
}

void FakeDaemon::Put(const v1::Task& task) {
  absl::MutexLock lock(&mutex_);
  tasks_[task.name()] = task;
}

void FakeDaemon::Emit(const v1::Event& event,
                      std::optional<v1::Migration> after) {
  absl::MutexLock lock(&mutex_);
  events_.push_back(event);
  if (after.has_value()) {
    after->set_last_sequence(event.sequence());
    migrations_[after->name()] = *after;
  }
}

void FakeDaemon::BreakWatches() {
  absl::MutexLock lock(&mutex_);
  ++generation_;
}

void FakeDaemon::Fail(const std::string& method, const grpc::Status& status,
                      int times) {
  absl::MutexLock lock(&mutex_);
  failures_[method].assign(static_cast<size_t>(times), status);
}

void FakeDaemon::When(const std::string& method, std::function<void()> action) {
  absl::MutexLock lock(&mutex_);
  actions_[method] = std::move(action);
}

std::vector<std::string> FakeDaemon::requests() const {
  absl::MutexLock lock(&mutex_);
  std::vector<std::string> texts;
  for (const auto& [method, text] : requests_) {
    texts.push_back(method + " " + text);
  }
  return texts;
}

std::vector<std::string> FakeDaemon::request_ids(
    const std::string& method) const {
  absl::MutexLock lock(&mutex_);
  std::vector<std::string> ids;
  for (const auto& [called, id] : request_ids_) {
    if (called == method) ids.push_back(id);
  }
  return ids;
}

bool FakeDaemon::WaitForCalls(const std::string& method, int times) {
  absl::MutexLock lock(&mutex_);
  const auto called = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    int count = 0;
    for (const auto& [name, text] : requests_) count += name == method ? 1 : 0;
    return count >= times;
  };
  return mutex_.AwaitWithTimeout(absl::Condition(&called), kWaitMax);
}

bool FakeDaemon::WaitForWatches(int times) {
  absl::MutexLock lock(&mutex_);
  const auto begun = [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return watches_begun_ >= times;
  };
  return mutex_.AwaitWithTimeout(absl::Condition(&begun), kWaitMax);
}

int FakeDaemon::generation() const {
  absl::MutexLock lock(&mutex_);
  return generation_;
}

grpc::Status FakeDaemon::Enter(const std::string& method,
                               const google::protobuf::Message& request) {
  std::function<void()> action;
  grpc::Status status = grpc::Status::OK;
  {
    absl::MutexLock lock(&mutex_);
    requests_.emplace_back(method, request.ShortDebugString());
    const auto* field = request.GetDescriptor()->FindFieldByName("request_id");
    if (field != nullptr) {
      request_ids_.emplace_back(
          method, request.GetReflection()->GetString(request, field));
    }
    std::vector<grpc::Status>& failures = failures_[method];
    if (!failures.empty()) {
      status = failures.back();
      failures.pop_back();
    }
    if (actions_.contains(method)) action = actions_[method];
  }
  if (action) action();
  return status;
}

}  // namespace keyturn::cli
