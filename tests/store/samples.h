// Values and places for tests that need a store.
#ifndef KEYTURN_TESTS_STORE_SAMPLES_H_
#define KEYTURN_TESTS_STORE_SAMPLES_H_

#include <memory>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "daemon/migration/campaign.h"
#include "daemon/migration/model.h"
#include "daemon/store/records.h"
#include "daemon/store/store.h"

namespace keyturn::testing {

// A directory of its own (mode 0700), removed with all that is in it.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  std::string Path(std::string_view name) const;

 private:
  std::string path_;
};

// 2026-01-01T00:00:00Z and that many seconds.
absl::Time At(int seconds);

// Opens a store that must open.
std::unique_ptr<store::Store> OpenStore(const std::string& path);
// The same with a sealed audit trail.
std::unique_ptr<store::Store> OpenSealedStore(const std::string& path,
                                              store::AuditSealer* sealer);

// Every field of these has a value that is not its default, and no two texts
// are alike.
migration::Migration FullMigration();
store::StoredEvent FullEvent();
migration::Task FullTask();
store::Account FullAccount();
migration::Campaign FullCampaign();
migration::CampaignMember FullMember();

// RUNNING, revision 1, without a connection key.
migration::Migration SmallMigration(const std::string& id, int created = 0);
store::StoredEvent EventOf(const std::string& migration_id,
                           std::string_view kind = "STEP_DONE");
migration::Task TaskOf(const std::string& migration_id, const std::string& id,
                       int created = 0);
store::CredentialWrite CredentialOf(
    const std::string& name,
    store::VersionLabel label = store::VersionLabel::kCurrent);
store::CredentialWrite VersionOf(const std::string& name, int number,
                                 store::VersionLabel label);
store::RequestRecord RequestOf(const std::string& request_id,
                               const std::string& fingerprint = "f1",
                               int created = 0);
store::AuditRow AuditOf(const std::string& action);

// A batch that stores `migration` as new, with one event.
store::Batch NewBatch(const migration::Migration& migration);
// A batch that stores `migration` with the next revision, with one event.
store::Batch NextBatch(migration::Migration& migration);

}  // namespace keyturn::testing

#endif  // KEYTURN_TESTS_STORE_SAMPLES_H_
