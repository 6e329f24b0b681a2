// A store that hands everything on to another one: what is made of it changes
// only what it is about.
#ifndef KEYTURN_TESTS_ENGINE_FORWARDING_STORE_H_
#define KEYTURN_TESTS_ENGINE_FORWARDING_STORE_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "daemon/store/store.h"

namespace keyturn::testing {

class ForwardingStore : public store::Store {
 public:
  explicit ForwardingStore(std::unique_ptr<store::Store> inner)
      : inner_(std::move(inner)) {}

  void Commit(store::Batch batch, CommitCallback done) override {
    inner_->Commit(std::move(batch), std::move(done));
  }
  std::unique_ptr<store::Subscription> Subscribe(
      std::function<void(int64_t)> subscriber) override {
    return inner_->Subscribe(std::move(subscriber));
  }
  std::unique_ptr<store::Subscription> SubscribeAudit(
      std::function<void(int64_t)> subscriber) override {
    return inner_->SubscribeAudit(std::move(subscriber));
  }
  absl::StatusOr<store::StoredMigration> GetMigration(
      std::string_view id) override {
    return inner_->GetMigration(id);
  }
  absl::StatusOr<store::Page<store::StoredMigration>> ListMigrations(
      const std::vector<migration::State>& states,
      const store::PageRequest& page) override {
    return inner_->ListMigrations(states, page);
  }
  absl::StatusOr<std::vector<store::UnfinishedMigration>> ListUnfinished()
      override {
    return inner_->ListUnfinished();
  }
  absl::StatusOr<std::optional<std::string>> FindLiveByConnection(
      std::string_view connection_key) override {
    return inner_->FindLiveByConnection(connection_key);
  }
  absl::StatusOr<std::map<migration::State, int64_t>> CountByState() override {
    return inner_->CountByState();
  }
  absl::StatusOr<store::StoredCampaign> GetCampaign(
      std::string_view id) override {
    return inner_->GetCampaign(id);
  }
  absl::StatusOr<store::Page<store::StoredCampaign>> ListCampaigns(
      const store::PageRequest& page) override {
    return inner_->ListCampaigns(page);
  }
  absl::StatusOr<std::vector<std::string>> ListLiveCampaigns() override {
    return inner_->ListLiveCampaigns();
  }
  absl::StatusOr<std::optional<std::string>> FindCampaignOf(
      std::string_view migration_id) override {
    return inner_->FindCampaignOf(migration_id);
  }
  absl::StatusOr<std::vector<store::StoredEvent>> ListEvents(
      std::string_view migration_id, int64_t after_sequence,
      int limit) override {
    return inner_->ListEvents(migration_id, after_sequence, limit);
  }
  absl::StatusOr<int64_t> LastSequence(std::string_view migration_id) override {
    return inner_->LastSequence(migration_id);
  }
  absl::StatusOr<migration::Task> GetTask(std::string_view id) override {
    return inner_->GetTask(id);
  }
  absl::StatusOr<store::Page<migration::Task>> ListTasks(
      std::string_view migration_id, bool open_only,
      const store::PageRequest& page) override {
    return inner_->ListTasks(migration_id, open_only, page);
  }
  absl::StatusOr<std::vector<std::string>> ListOpenTaskIds(
      std::string_view migration_id) override {
    return inner_->ListOpenTaskIds(migration_id);
  }
  absl::StatusOr<store::Account> GetAccount(std::string_view name) override {
    return inner_->GetAccount(name);
  }
  absl::StatusOr<store::Page<store::Account>> ListAccounts(
      const store::PageRequest& page) override {
    return inner_->ListAccounts(page);
  }
  absl::StatusOr<store::CredentialInfo> GetCredential(
      std::string_view name) override {
    return inner_->GetCredential(name);
  }
  absl::StatusOr<store::Page<store::CredentialInfo>> ListCredentials(
      const store::PageRequest& page) override {
    return inner_->ListCredentials(page);
  }
  absl::StatusOr<store::SealedVersion> ReadSealed(
      std::string_view name, store::VersionSelector version) override {
    return inner_->ReadSealed(name, version);
  }
  void BindRowsWith(std::shared_ptr<const store::RowBinder> binder) override {
    inner_->BindRowsWith(std::move(binder));
  }
  absl::StatusOr<store::CensusReport> TakeCensus() override {
    return inner_->TakeCensus();
  }
  absl::StatusOr<store::CredentialRows> ReadRows(
      std::string_view name) override {
    return inner_->ReadRows(name);
  }
  absl::StatusOr<std::vector<store::SealedVersion>> ListSealedUnder(
      std::string_view data_key, const store::VersionPlace& place,
      int limit) override {
    return inner_->ListSealedUnder(data_key, place, limit);
  }
  absl::StatusOr<std::vector<store::WrappedDataKey>> ReadDataKeys() override {
    return inner_->ReadDataKeys();
  }
  absl::StatusOr<store::Certificate> GetCertificate(
      std::string_view serial) override {
    return inner_->GetCertificate(serial);
  }
  absl::StatusOr<store::Invitation> GetInvitation(
      std::string_view hash) override {
    return inner_->GetInvitation(hash);
  }
  absl::StatusOr<store::IdentityInfo> GetIdentity(
      std::string_view name) override {
    return inner_->GetIdentity(name);
  }
  absl::StatusOr<store::Page<store::IdentityInfo>> ListIdentities(
      const store::PageRequest& page) override {
    return inner_->ListIdentities(page);
  }
  absl::StatusOr<std::optional<store::RequestRecord>> FindRequest(
      std::string_view caller, std::string_view request_id) override {
    return inner_->FindRequest(caller, request_id);
  }
  absl::StatusOr<std::vector<store::AuditRow>> ListAuditRows(
      int64_t after_sequence, int limit) override {
    return inner_->ListAuditRows(after_sequence, limit);
  }
  absl::StatusOr<store::Page<store::AuditRow>> FindAuditRows(
      const store::AuditFilter& filter,
      const store::PageRequest& page) override {
    return inner_->FindAuditRows(filter, page);
  }
  absl::StatusOr<int64_t> LastAuditSequence() override {
    return inner_->LastAuditSequence();
  }
  absl::StatusOr<std::unique_ptr<store::Snapshot>> TakeSnapshot() override {
    return inner_->TakeSnapshot();
  }
  store::Stats stats() const override { return inner_->stats(); }
  int schema_version() const override { return inner_->schema_version(); }

 protected:
  store::Store& inner() { return *inner_; }
  // For a class whose members the inner store still calls back to: in its
  // destructor.
  void CloseInner() { inner_.reset(); }

 private:
  std::unique_ptr<store::Store> inner_;
};

}  // namespace keyturn::testing

#endif  // KEYTURN_TESTS_ENGINE_FORWARDING_STORE_H_
