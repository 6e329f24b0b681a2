// Drives campaigns: makes the migrations of their members, wave by wave.
//
// What begins is what migration::Decide says of the stored state, whenever a
// migration of the campaign has come to a stop, the campaign was changed, or
// the daemon starts. That a member has begun is stored in one transaction with
// its migration: no crash makes two of one member.
#ifndef KEYTURN_DAEMON_ENGINE_CAMPAIGNS_H_
#define KEYTURN_DAEMON_ENGINE_CAMPAIGNS_H_

#include <asio/awaitable.hpp>
#include <asio/io_context.hpp>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/engine/alarm.h"
#include "daemon/engine/creation.h"
#include "daemon/engine/engine.h"
#include "daemon/engine/ledger.h"
#include "daemon/engine/requests.h"
#include "daemon/engine/turns.h"
#include "daemon/migration/campaign.h"
#include "daemon/migration/model.h"

namespace keyturn::engine {

// A member that could not begin for a reason that passes is tried again then.
inline constexpr absl::Duration kBeginAgainWait = absl::Minutes(1);
// So often, in one life of the daemon; then the member is refused, and its
// failure counts.
inline constexpr int kBeginTriesMax = 240;

// The RPC's full name.
std::string ActionOf(const ChangeCampaignCommand& command);

// Belongs to the engine's thread.
class Campaigns {
 public:
  // All outlive the object. `on_end` is called from the loop whenever something
  // under way has ended.
  Campaigns(asio::io_context& context, const Engine::Options& options,
            Ledger& ledger, Creation& creation, std::function<void()> on_end);

  // Looks at every campaign that is not at rest, once the context runs.
  absl::Status Start();

  // To be called when a migration has come to a stop, with its stored value.
  void Note(const migration::Migration& migration);

  // Begins nothing any more.
  void Stop();
  // Begins nothing until Unpark.
  void Park() { parked_ = true; }
  void Unpark();

  // Looks and beginnings under way.
  int running() const { return running_; }

  // Engine::CreateCampaign and Engine::ChangeCampaign, but for repeated
  // requests.
  asio::awaitable<absl::StatusOr<store::StoredCampaign>> Create(
      Request request, CreateCampaignCommand command);
  asio::awaitable<absl::StatusOr<store::StoredCampaign>> Change(
      Request request, ChangeCampaignCommand command);

 private:
  // A campaign that is not at rest, or was not when it was last looked at.
  struct Live {
    // For who changes the campaign's row.
    Turns turns;
    // Members whose migrations are being made.
    std::set<int> beginning;
    // How often a member could not begin for a reason that passes.
    std::map<int, int> tries;
    bool looking = false;
    // Something has changed since the last look.
    bool due = false;
    // It is at rest: it is kept only for those who are at work on it.
    bool ended = false;
    // Callers who change it.
    int callers = 0;
  };

  void Wake(const std::string& id);
  void WakeAll();
  void WakeLater(const std::string& id);
  asio::awaitable<void> Look(std::string id);
  asio::awaitable<void> LookOnce(const std::string& id, Live& live);
  asio::awaitable<void> Settle(const migration::Campaign& campaign,
                               const migration::CampaignDecision& decision,
                               Live& live);
  void BeginAll(const store::StoredCampaign& stored,
                const std::vector<int>& numbers, Live& live);
  asio::awaitable<void> Begin(std::string id, migration::CampaignMember member);
  asio::awaitable<void> Refuse(const Request& request, const std::string& id,
                               migration::CampaignMember member,
                               const absl::Status& why);
  asio::awaitable<absl::StatusOr<store::StoredCampaign>> ChangeInTurn(
      const Request& request, const ChangeCampaignCommand& command);
  // Drops it from memory when it has ended and nobody is at work on it.
  void Forget(const std::string& id);

  asio::io_context& context_;
  const Engine::Options& options_;
  Ledger& ledger_;
  Creation& creation_;
  const std::function<void()> on_end_;

  bool stopping_ = false;
  bool parked_ = false;
  int running_ = 0;
  int beginning_ = 0;
  // Some member waits only because of kBeginningMax.
  bool crowded_ = false;
  // At stable addresses: coroutines hold references.
  std::map<std::string, Live> live_;
  std::set<std::string> later_;
  Alarm alarm_;
};

}  // namespace keyturn::engine

#endif  // KEYTURN_DAEMON_ENGINE_CAMPAIGNS_H_
