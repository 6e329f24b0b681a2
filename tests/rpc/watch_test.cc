// The contract of WatchMigrations, over a real store and real connections.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daemon/rpc/watch_hub.h"
#include "keyturn/v1/migrations.grpc.pb.h"
#include "tests/rpc/raw_call.h"
#include "tests/rpc/served_daemon.h"
#include "tests/support/status_matchers.h"

namespace keyturn::rpc {
namespace {

using access::Role;
using migration::Migration;
using migration::State;
using testing::DetailsOf;
using ::testing::ElementsAre;
using testing::IsOk;

constexpr char kOne[] = "aaaaaaaaaaaaaaa2";
constexpr char kTwo[] = "bbbbbbbbbbbbbbb2";

// A stream, read message by message.
class Watch {
 public:
  Watch(v1::Migrations::Stub* stub, const v1::WatchMigrationsRequest& request) {
    context_.set_deadline(std::chrono::system_clock::now() +
                          testing::kCallPatience);
    reader_ = stub->WatchMigrations(&context_, request);
  }

  // None at the end.
  std::optional<v1::WatchMigrationsResponse> Next() {
    v1::WatchMigrationsResponse response;
    if (!reader_->Read(&response)) return std::nullopt;
    return response;
  }
  // The sequence of the next event; bookmarks are checked and skipped. 0 at the
  // end.
  int64_t NextEvent() {
    while (const auto response = Next()) {
      if (response->has_event()) {
        const int64_t sequence = response->event().sequence();
        EXPECT_GT(sequence, last_) << "ordered and unique";
        last_ = sequence;
        return sequence;
      }
      if (response->has_bookmark()) {
        EXPECT_GE(response->bookmark().sequence(), last_);
      }
    }
    return 0;
  }
  std::vector<int64_t> NextEvents(int count) {
    std::vector<int64_t> sequences;
    for (int i = 0; i < count; ++i) sequences.push_back(NextEvent());
    return sequences;
  }
  grpc::Status End() {
    while (Next().has_value()) continue;
    return reader_->Finish();
  }
  void HangUp() { context_.TryCancel(); }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::WatchMigrationsResponse>> reader_;
  int64_t last_ = 0;
};

class WatchTest : public ::testing::Test {
 protected:
  // A migration with one event.
  Migration Create(const std::string& id) {
    Migration migration = testing::SmallMigration(id);
    EXPECT_THAT(daemon_.store->CommitAndWait(testing::NewBatch(migration)),
                IsOk());
    return migration;
  }
  // One more event.
  void Happen(Migration& migration, State state = State::kRunning) {
    migration.state = state;
    store::Batch batch = testing::NextBatch(migration);
    batch.events[0].state = state;
    EXPECT_THAT(daemon_.store->CommitAndWait(std::move(batch)), IsOk());
  }
  // Many events in few transactions.
  void Happen(Migration& migration, int count) {
    for (int i = 0; i < count;) {
      store::Batch batch = testing::NextBatch(migration);
      for (int j = 1; j < 200 && i + j < count; ++j) {
        batch.events.push_back(batch.events[0]);
      }
      i += static_cast<int>(batch.events.size());
      EXPECT_THAT(daemon_.store->CommitAndWait(std::move(batch)), IsOk());
    }
  }

  std::unique_ptr<Watch> Start(const std::string& name, int64_t after = 0,
                               bool snapshot_first = false) {
    v1::WatchMigrationsRequest request;
    request.set_name(name);
    request.set_after_sequence(after);
    request.set_snapshot_first(snapshot_first);
    return std::make_unique<Watch>(stub_.get(), request);
  }
  grpc::Status EndOf(const std::string& name, int64_t after = 0,
                     bool snapshot_first = false) {
    return Start(name, after, snapshot_first)->End();
  }

  testing::ServedDaemon daemon_;
  std::shared_ptr<grpc::Channel> channel_ = daemon_.Tls({Role::kReader});
  std::unique_ptr<v1::Migrations::Stub> stub_ =
      v1::Migrations::NewStub(channel_);
};

TEST_F(WatchTest, SendsWhatHappenedAndThenWhatHappens) {
  Migration one = Create(kOne);
  Happen(one);
  const auto watch = Start("migrations/-");
  EXPECT_THAT(watch->NextEvents(2), ElementsAre(1, 2));

  Happen(one);
  Create(kTwo);

  EXPECT_THAT(watch->NextEvents(2), ElementsAre(3, 4));
}

TEST_F(WatchTest, BeginsAfterTheGivenSequence) {
  Migration one = Create(kOne);
  Happen(one, 5);

  EXPECT_THAT(Start("migrations/-", 4)->NextEvents(2), ElementsAre(5, 6));
}

TEST_F(WatchTest, OfOneMigrationSendsNothingOfOthers) {
  Migration one = Create(kOne);
  Migration two = Create(kTwo);
  Happen(one);
  const auto watch = Start(kTwo);
  EXPECT_EQ(watch->NextEvent(), 2);

  Happen(one);
  Happen(two);

  EXPECT_EQ(watch->NextEvent(), 5);
}

TEST_F(WatchTest, ASnapshotIsFollowedByExactlyTheEventsAfterIt) {
  Migration one = Create(kOne);
  Happen(one, 3);
  const auto watch = Start(kOne, /*after=*/0, /*snapshot_first=*/true);
  const auto first = watch->Next();
  ASSERT_TRUE(first.has_value() && first->has_snapshot());
  EXPECT_EQ(first->snapshot().name(), absl::StrCat("migrations/", kOne));
  EXPECT_EQ(first->snapshot().last_sequence(), 4);

  Happen(one);

  EXPECT_EQ(watch->NextEvent(), 5);
}

TEST_F(WatchTest, ABookmarkComesAsSoonAsAllIsSentAndThenNowAndThen) {
  Migration one = Create(kOne);
  const auto watch = Start("migrations/-");
  EXPECT_TRUE(watch->Next()->has_event());
  const auto caught_up = watch->Next();
  ASSERT_TRUE(caught_up->has_bookmark());
  EXPECT_EQ(caught_up->bookmark().sequence(), 1);

  daemon_.clock.Advance(kBookmarkInterval);

  const auto later = watch->Next();
  ASSERT_TRUE(later->has_bookmark());
  EXPECT_EQ(later->bookmark().sequence(), 1);
}

TEST_F(WatchTest, ABookmarkOfAQuietMigrationMovesWithTheOthers) {
  Create(kOne);
  Migration two = Create(kTwo);
  const auto quiet = Start(kOne);
  EXPECT_TRUE(quiet->Next()->has_event());
  EXPECT_TRUE(quiet->Next()->has_bookmark());
  const auto all = Start("migrations/-", 2);
  EXPECT_TRUE(all->Next()->has_bookmark());
  Happen(two, 7);
  EXPECT_THAT(all->NextEvents(7), ElementsAre(3, 4, 5, 6, 7, 8, 9));

  daemon_.clock.Advance(kBookmarkInterval);

  EXPECT_EQ(quiet->Next()->bookmark().sequence(), 9);
}

TEST_F(WatchTest, EndsWhenTheMigrationComesToRestAndAllWasSent) {
  Migration one = Create(kOne);
  const auto watch = Start(kOne);
  EXPECT_EQ(watch->NextEvent(), 1);

  Happen(one);
  Happen(one, State::kSucceeded);

  EXPECT_THAT(watch->NextEvents(2), ElementsAre(2, 3));
  EXPECT_TRUE(watch->End().ok());
}

TEST_F(WatchTest, OfAMigrationAtRestSendsItsHistoryAndEnds) {
  Migration one = Create(kOne);
  Happen(one, 600);
  Happen(one, State::kRolledBack);
  const auto watch = Start(kOne);
  for (int i = 1; i <= 602; ++i) ASSERT_EQ(watch->NextEvent(), i);
  EXPECT_TRUE(watch->End().ok());

  const auto snapshot = Start(kOne, 0, /*snapshot_first=*/true);
  EXPECT_TRUE(snapshot->Next()->has_snapshot());
  EXPECT_TRUE(snapshot->End().ok());
}

TEST_F(WatchTest, OfAllGoesOnWhenOneComesToRest) {
  Migration one = Create(kOne);
  const auto watch = Start("-");
  Happen(one, State::kCancelled);
  EXPECT_THAT(watch->NextEvents(2), ElementsAre(1, 2));

  Create(kTwo);

  EXPECT_EQ(watch->NextEvent(), 3);
}

TEST_F(WatchTest, LeavesNothingOutWhileEventsPourIn) {
  // No more than a queue holds: falling behind is another test.
  constexpr int kEvents = 1000;
  static_assert(kEvents < kQueuedItemsMax);
  constexpr int kWatchers = 20;
  Migration one = Create(kOne);
  std::vector<std::thread> readers;
  std::atomic<int> complete = 0;
  for (int i = 0; i < kWatchers; ++i) {
    readers.emplace_back([this, i, &complete] {
      // Some begin with the past, some with a snapshot, some of all, some of
      // one; all of them while events come.
      const bool snapshot = i % 2 == 1;
      const auto watch =
          Start(i % 4 < 2 ? kOne : "-", 0, snapshot && i % 4 < 2);
      int64_t last = 0;
      while (last < kEvents) {
        const auto item = watch->Next();
        if (!item.has_value()) return;
        if (item->has_snapshot()) last = item->snapshot().last_sequence();
        if (!item->has_event()) continue;
        if (item->event().sequence() != last + 1) return;
        ++last;
      }
      ++complete;
    });
  }
  for (int i = 1; i < kEvents; ++i) Happen(one);
  for (std::thread& reader : readers) reader.join();

  EXPECT_EQ(complete, kWatchers);
}

TEST_F(WatchTest, DropsAReaderThatIsTooSlowAndTellsItWhereToGoOn) {
  Migration one = Create(kOne);
  const auto slow = Start("-");
  EXPECT_EQ(slow->NextEvent(), 1);
  EXPECT_TRUE(slow->Next()->has_bookmark());
  const auto quick = Start("-", 1);
  EXPECT_TRUE(quick->Next()->has_bookmark());

  // Far more than the connection's window and the queue hold together. The
  // quick reader keeps up, whatever the slow one does.
  constexpr int kBatches = 60;
  constexpr int kBatchEvents = 100;
  for (int i = 0; i < kBatches; ++i) {
    store::Batch batch = testing::NextBatch(one);
    batch.events[0].message = std::string(2000, 'x');
    batch.events.resize(kBatchEvents, batch.events[0]);
    ASSERT_THAT(daemon_.store->CommitAndWait(std::move(batch)), IsOk());
    for (int j = 0; j < kBatchEvents; ++j) {
      ASSERT_EQ(quick->NextEvent(), i * kBatchEvents + j + 2);
    }
  }

  int64_t last = 1;
  for (int64_t next = slow->NextEvent(); next != 0; next = slow->NextEvent()) {
    ASSERT_EQ(next, last + 1) << "no gap before the end";
    last = next;
  }
  const grpc::Status status = slow->End();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(DetailsOf(status).reason, "WATCHER_TOO_SLOW");
  EXPECT_EQ(DetailsOf(status).metadata.at("last_sequence"), absl::StrCat(last));
  EXPECT_EQ(Start("-", last)->NextEvent(), last + 1) << "nothing is lost";
}

TEST_F(WatchTest, TellsWatchersThatTheDaemonStops) {
  Create(kOne);
  const auto watch = Start(kOne);
  EXPECT_EQ(watch->NextEvent(), 1);
  std::thread stopping(
      [this] { daemon_.server->Shutdown(absl::Now() + absl::Seconds(30)); });

  const grpc::Status status = watch->End();

  stopping.join();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(DetailsOf(status).reason, "STOPPING");
  EXPECT_TRUE(DetailsOf(status).retry_info);
  EXPECT_EQ(DetailsOf(status).metadata.at("last_sequence"), "1");
}

TEST_F(WatchTest, AReaderThatHangsUpDisturbsNobody) {
  Migration one = Create(kOne);
  const auto gone = Start("-");
  const auto stays = Start("-");
  EXPECT_EQ(gone->NextEvent(), 1);
  EXPECT_EQ(stays->NextEvent(), 1);

  gone->HangUp();
  Happen(one);

  EXPECT_EQ(stays->NextEvent(), 2);
  EXPECT_EQ(gone->End().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(WatchTest, RefusesWhatCannotBeWatched) {
  Create(kOne);
  const grpc::Status missing = EndOf(kTwo);
  EXPECT_EQ(missing.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(DetailsOf(missing).reason, "MIGRATION_NOT_FOUND");
  EXPECT_EQ(DetailsOf(EndOf("xyz")).field, "name");
  EXPECT_EQ(DetailsOf(EndOf("-", 0, /*snapshot_first=*/true)).field,
            "snapshot_first");
  EXPECT_EQ(DetailsOf(EndOf("-", -1)).field, "after_sequence");
  const grpc::Status beyond = EndOf("-", 99);
  EXPECT_EQ(beyond.error_code(), grpc::StatusCode::OUT_OF_RANGE);
  EXPECT_EQ(DetailsOf(beyond).reason, "SEQUENCE_UNKNOWN");
}

TEST_F(WatchTest, RefusesARequestThatIsNone) {
  EXPECT_EQ(testing::CallRaw(channel_, "keyturn.v1.Migrations/WatchMigrations",
                             "\xff\xff\xff")
                .error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
}

}  // namespace
}  // namespace keyturn::rpc
