// What every implementation of Store must do. A new one is added at the end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "absl/strings/str_cat.h"
#include "daemon/store/store.h"
#include "tests/store/samples.h"
#include "tests/support/status_matchers.h"

namespace keyturn::store {
namespace {

using migration::Migration;
using migration::State;
using migration::Task;
using ::testing::AllOf;
using testing::At;
using testing::AuditOf;
using testing::CredentialOf;
using ::testing::ElementsAre;
using testing::EventOf;
using ::testing::Field;
using testing::HasCode;
using testing::HasReason;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::IsOk;
using testing::IsOkAndHolds;
using testing::MessageIs;
using testing::NewBatch;
using testing::NextBatch;
using ::testing::Optional;
using ::testing::Pair;
using testing::RequestOf;
using testing::SmallMigration;
using testing::TaskOf;
using ::testing::UnorderedElementsAre;
using testing::VersionOf;

class StoreContractTest
    : public ::testing::TestWithParam<std::unique_ptr<Store> (*)(
          const std::string& path)> {
 protected:
  StoreContractTest() { Reopen(); }

  void Reopen() {
    store_.reset();
    store_ = GetParam()(directory_.Path("data/keyturn.db"));
  }
  absl::StatusOr<CommitResult> Commit(Batch batch) {
    return store_->CommitAndWait(std::move(batch));
  }
  absl::Status Create(const Migration& migration) {
    return Commit(NewBatch(migration)).status();
  }
  absl::Status Write(CredentialWrite write) {
    Batch batch;
    batch.credentials.push_back(std::move(write));
    return Commit(std::move(batch)).status();
  }
  absl::Status Write(AccountWrite write) {
    Batch batch;
    batch.accounts.push_back(std::move(write));
    return Commit(std::move(batch)).status();
  }
  absl::Status Write(RequestRecord request) {
    Batch batch;
    batch.request = std::move(request);
    return Commit(std::move(batch)).status();
  }
  absl::Status Close(const std::string& task_id,
                     Task::State state = Task::State::kDone) {
    Batch batch;
    batch.closed_tasks = {{{task_id, state, "nora", "seen"}, testing::At(9)}};
    return Commit(std::move(batch)).status();
  }
  std::vector<int64_t> Sequences(std::string_view migration_id = "") {
    std::vector<int64_t> sequences;
    const auto events = store_->ListEvents(migration_id, 0, kPageItemsMax);
    EXPECT_THAT(events, IsOk());
    for (const StoredEvent& event : *events) {
      sequences.push_back(event.sequence);
    }
    return sequences;
  }
  VersionLabel LabelOf(const std::string& name, int number) {
    return store_->GetCredential(name)->versions.at(number - 1).label;
  }

  testing::TemporaryDirectory directory_;
  std::unique_ptr<Store> store_;
};

TEST_P(StoreContractTest, GivesAMigrationBackWithItsLastEventAndOpenTasks) {
  Migration migration = SmallMigration("m1");
  migration.notes = "{}";
  Batch batch = NewBatch(migration);
  batch.events.push_back(EventOf("m1", "TASK_OPENED"));
  batch.opened_tasks = {TaskOf("m1", "t1", 1), TaskOf("m1", "t2", 0)};
  const absl::StatusOr<CommitResult> committed = Commit(std::move(batch));
  ASSERT_THAT(committed, IsOk());
  EXPECT_EQ(committed->first_sequence, 1);
  EXPECT_EQ(committed->last_sequence, 2);

  const absl::StatusOr<StoredMigration> stored = store_->GetMigration("m1");
  ASSERT_THAT(stored, IsOk());
  EXPECT_EQ(stored->migration.notes, "{}");
  EXPECT_EQ(stored->last_sequence, 2);
  EXPECT_THAT(stored->open_task_ids, ElementsAre("t2", "t1"));
  EXPECT_THAT(store_->GetMigration("m2"), HasReason("MIGRATION_NOT_FOUND"));
}

TEST_P(StoreContractTest, RefusesAMigrationThatWasChangedMeanwhile) {
  Migration migration = SmallMigration("m1");
  ASSERT_THAT(Create(migration), IsOk());
  EXPECT_THAT(Create(migration), HasCode(absl::StatusCode::kAborted));
  ASSERT_THAT(Commit(NextBatch(migration)), IsOk());

  Batch stale = NextBatch(migration);
  stale.migration->expected_revision = 1;
  EXPECT_THAT(Commit(stale), HasReason("REVISION_CONFLICT"));
  Migration absent = SmallMigration("m2");
  EXPECT_THAT(Commit(NextBatch(absent)), HasReason("REVISION_CONFLICT"));
  Batch standing_still = NextBatch(migration);
  standing_still.migration->expected_revision =
      standing_still.migration->migration.revision;
  EXPECT_THAT(Commit(standing_still), HasCode(absl::StatusCode::kInternal));
}

TEST_P(StoreContractTest, HoldsOneLiveMigrationForEachConnection) {
  Migration first = SmallMigration("m1");
  first.connection_key = "acme/c1";
  ASSERT_THAT(Create(first), IsOk());
  Migration second = SmallMigration("m2");
  second.connection_key = "acme/c1";
  EXPECT_THAT(Create(second),
              AllOf(HasCode(absl::StatusCode::kFailedPrecondition),
                    HasReason("LIVE_MIGRATION"), MessageIs(HasSubstr("m1"))));
  EXPECT_THAT(store_->FindLiveByConnection("acme/c1"),
              IsOkAndHolds(Optional(std::string("m1"))));
  EXPECT_THAT(Commit(NextBatch(first)), IsOk());

  for (const State state : migration::kAllStates) {
    if (!migration::IsAtRest(state)) continue;
    first.state = state;
    ASSERT_THAT(Commit(NextBatch(first)), IsOk());
    EXPECT_THAT(store_->FindLiveByConnection("acme/c1"),
                IsOkAndHolds(std::nullopt));
  }
  EXPECT_THAT(Create(second), IsOk());
}

TEST_P(StoreContractTest, LearnsOfTheSameConnectionLater) {
  Migration first = SmallMigration("m1");
  Migration second = SmallMigration("m2");
  ASSERT_THAT(Create(first), IsOk());
  ASSERT_THAT(Create(second), IsOk());
  first.connection_key = "acme/c1";
  ASSERT_THAT(Commit(NextBatch(first)), IsOk());
  second.connection_key = "acme/c1";
  EXPECT_THAT(Commit(NextBatch(second)), HasReason("LIVE_MIGRATION"));
}

TEST_P(StoreContractTest, StoresNothingOfARefusedBatch) {
  ASSERT_THAT(Create(SmallMigration("m1")), IsOk());
  Batch batch = NewBatch(SmallMigration("m2"));
  batch.request = RequestOf("r1");
  batch.opened_tasks = {TaskOf("m2", "t1")};
  batch.credentials = {CredentialOf("c1")};
  batch.audit = {AuditOf("Create")};
  batch.data_keys = {{"k1", testing::At(0), "wrapped"}};
  batch.accounts = {DeleteAccount{"nobody"}};
  EXPECT_THAT(Commit(batch), HasReason("ACCOUNT_NOT_FOUND"));

  EXPECT_THAT(store_->GetMigration("m2"), HasReason("MIGRATION_NOT_FOUND"));
  EXPECT_THAT(store_->GetTask("t1"), HasReason("TASK_NOT_FOUND"));
  EXPECT_THAT(store_->GetCredential("c1"), HasReason("CREDENTIAL_NOT_FOUND"));
  EXPECT_FALSE(store_->FindRequest("olga", "r1")->has_value());
  EXPECT_THAT(*store_->ListAuditRows(0, 10), IsEmpty());
  EXPECT_THAT(*store_->ReadDataKeys(), IsEmpty());
  EXPECT_THAT(Sequences(), ElementsAre(1));
}

TEST_P(StoreContractTest, NumbersEventsWithoutAGapAlsoAfterARestart) {
  Migration one = SmallMigration("m1");
  ASSERT_THAT(Create(one), IsOk());
  EXPECT_THAT(Create(one), HasCode(absl::StatusCode::kAborted));
  ASSERT_THAT(Create(SmallMigration("m2")), IsOk());
  Reopen();
  Batch batch = NextBatch(one);
  batch.events.push_back(EventOf("m1"));
  const absl::StatusOr<CommitResult> committed = Commit(std::move(batch));
  ASSERT_THAT(committed, IsOk());
  EXPECT_EQ(committed->first_sequence, 3);
  EXPECT_THAT(Sequences(), ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(Sequences("m1"), ElementsAre(1, 3, 4));
  EXPECT_THAT(store_->LastSequence(""), IsOkAndHolds(4));
  EXPECT_THAT(store_->LastSequence("m2"), IsOkAndHolds(2));
  EXPECT_THAT(store_->LastSequence("m3"), IsOkAndHolds(0));
}

TEST_P(StoreContractTest, ListsEventsAfterASequenceUpToALimit) {
  Migration migration = SmallMigration("m1");
  ASSERT_THAT(Create(migration), IsOk());
  for (int i = 0; i < 4; ++i) ASSERT_THAT(Commit(NextBatch(migration)), IsOk());
  const auto events = store_->ListEvents("m1", 2, 2);
  ASSERT_THAT(events, IsOk());
  EXPECT_THAT(*events, ElementsAre(Field(&StoredEvent::sequence, 3),
                                   Field(&StoredEvent::sequence, 4)));
  EXPECT_THAT(*store_->ListEvents("nobody", 0, 10), IsEmpty());
}

TEST_P(StoreContractTest, KeepsEventsOfABatchWithoutAMigration) {
  ASSERT_THAT(Create(SmallMigration("m1")), IsOk());
  Batch batch;
  batch.events = {EventOf("m1", "NOTED")};
  ASSERT_THAT(Commit(batch), IsOk());
  EXPECT_EQ(store_->GetMigration("m1")->last_sequence, 2);
  batch.events = {EventOf("nobody")};
  EXPECT_THAT(Commit(batch), HasCode(absl::StatusCode::kInternal));
  batch.events = {EventOf("m1"), EventOf("m2")};
  EXPECT_THAT(Commit(batch), HasCode(absl::StatusCode::kInternal));
  EXPECT_THAT(store_->LastSequence(""), IsOkAndHolds(2));
}

TEST_P(StoreContractTest, ListsMigrationsNewestFirstInPages) {
  for (int i = 0; i < 5; ++i) {
    Migration migration = SmallMigration("m" + std::to_string(i), i / 2);
    if (i == 2) migration.state = State::kSucceeded;
    ASSERT_THAT(Create(migration), IsOk());
  }
  std::vector<std::string> seen;
  PageRequest request{.limit = 2, .after = ""};
  do {
    const auto page = store_->ListMigrations({}, request);
    ASSERT_THAT(page, IsOk());
    EXPECT_LE(page->items.size(), 2u);
    for (const StoredMigration& stored : page->items) {
      seen.push_back(stored.migration.id);
    }
    request.after = page->next;
  } while (!request.after.empty());
  EXPECT_THAT(seen, ElementsAre("m4", "m3", "m2", "m1", "m0"));

  const auto done = store_->ListMigrations({State::kSucceeded}, {});
  ASSERT_EQ(done->items.size(), 1u);
  EXPECT_EQ(done->items[0].migration.id, "m2");
  EXPECT_THAT(store_->ListMigrations({State::kPaused}, {})->items, IsEmpty());
  const PageRequest bad{.limit = 2, .after = "rubbish"};
  EXPECT_THAT(store_->ListMigrations({}, bad), HasReason("INVALID_FIELD"));
}

TEST_P(StoreContractTest, ListsWhatIsUnfinishedAndCounts) {
  Migration waiting = SmallMigration("m1");
  waiting.wake_at = testing::At(60);
  Migration paused = SmallMigration("m2");
  paused.state = State::kPaused;
  Migration done = SmallMigration("m3");
  done.state = State::kRolledBack;
  for (const Migration& migration : {waiting, paused, done}) {
    ASSERT_THAT(Create(migration), IsOk());
  }
  const auto unfinished = store_->ListUnfinished();
  ASSERT_THAT(unfinished, IsOk());
  using Item = UnfinishedMigration;
  EXPECT_THAT(
      *unfinished,
      UnorderedElementsAre(
          AllOf(Field(&Item::id, "m1"), Field(&Item::state, State::kRunning),
                Field(&Item::wake_at, Optional(testing::At(60)))),
          AllOf(Field(&Item::id, "m2"), Field(&Item::state, State::kPaused),
                Field(&Item::wake_at, std::nullopt))));
  EXPECT_THAT(*store_->CountByState(),
              ElementsAre(Pair(State::kRunning, 1), Pair(State::kPaused, 1),
                          Pair(State::kRolledBack, 1)));
}

TEST_P(StoreContractTest, ClosesATaskOnce) {
  Batch batch = NewBatch(SmallMigration("m1"));
  batch.opened_tasks = {TaskOf("m1", "t1")};
  ASSERT_THAT(Commit(batch), IsOk());
  ASSERT_THAT(Close("t1"), IsOk());
  const absl::StatusOr<Task> task = store_->GetTask("t1");
  ASSERT_THAT(task, IsOk());
  EXPECT_EQ(task->state, Task::State::kDone);
  EXPECT_EQ(task->completed_by, "nora");
  EXPECT_EQ(task->evidence, "seen");
  EXPECT_EQ(task->ended_at, testing::At(9));
  EXPECT_THAT(*store_->ListOpenTaskIds("m1"), IsEmpty());
  EXPECT_THAT(Close("t1", Task::State::kWithdrawn),
              AllOf(HasCode(absl::StatusCode::kFailedPrecondition),
                    HasReason("TASK_CLOSED")));
  EXPECT_THAT(Close("t2"), HasReason("TASK_NOT_FOUND"));
}

TEST_P(StoreContractTest, ListsTasksOldestFirstInPages) {
  for (const std::string id : {"m1", "m2"}) {
    Batch batch = NewBatch(SmallMigration(id));
    for (int i = 0; i < 3; ++i) {
      batch.opened_tasks.push_back(
          TaskOf(id, id + "t" + std::to_string(i), i / 2));
    }
    ASSERT_THAT(Commit(batch), IsOk());
  }
  ASSERT_THAT(Close("m1t0"), IsOk());
  const auto list = [this](std::string_view migration_id, bool open_only) {
    std::vector<std::string> ids;
    PageRequest request{.limit = 2, .after = ""};
    do {
      const auto page = store_->ListTasks(migration_id, open_only, request);
      EXPECT_THAT(page, IsOk());
      for (const Task& task : page->items) ids.push_back(task.id);
      request.after = page->next;
    } while (!request.after.empty());
    return ids;
  };
  EXPECT_THAT(list("", false),
              ElementsAre("m1t0", "m1t1", "m2t0", "m2t1", "m1t2", "m2t2"));
  EXPECT_THAT(list("", true),
              ElementsAre("m1t1", "m2t0", "m2t1", "m1t2", "m2t2"));
  EXPECT_THAT(list("m1", false), ElementsAre("m1t0", "m1t1", "m1t2"));
  EXPECT_THAT(list("m1", true), ElementsAre("m1t1", "m1t2"));
}

TEST_P(StoreContractTest, KeepsCredentialsInVersionsWithOneCurrent) {
  ASSERT_THAT(Write(CredentialOf("c1")), IsOk());
  EXPECT_THAT(Write(CredentialOf("c1")), HasReason("CREDENTIAL_EXISTS"));
  ASSERT_THAT(Write(VersionOf("c1", 2, VersionLabel::kPending)), IsOk());
  EXPECT_EQ(LabelOf("c1", 1), VersionLabel::kCurrent);
  ASSERT_THAT(Write(VersionOf("c1", 3, VersionLabel::kCurrent)), IsOk());
  EXPECT_EQ(LabelOf("c1", 1), VersionLabel::kPrevious);
  EXPECT_EQ(LabelOf("c1", 2), VersionLabel::kPending);
  ASSERT_THAT(Write(RelabelVersion{"c1", 2, VersionLabel::kCurrent}), IsOk());
  EXPECT_EQ(LabelOf("c1", 2), VersionLabel::kCurrent);
  EXPECT_EQ(LabelOf("c1", 3), VersionLabel::kPrevious);
  ASSERT_THAT(Write(RelabelVersion{"c1", 2, VersionLabel::kCurrent}), IsOk());
  EXPECT_EQ(LabelOf("c1", 2), VersionLabel::kCurrent);

  EXPECT_EQ(store_->ReadSealed("c1", VersionLabel::kCurrent)->sealed,
            "sealed 2");
  EXPECT_EQ(store_->ReadSealed("c1", VersionLabel::kPrevious)->number, 3);
  EXPECT_EQ(store_->ReadSealed("c1", 1)->sealed, "sealed 1");
  EXPECT_EQ(store_->GetCredential("c1")->Find(VersionLabel::kPrevious)->number,
            3);
  EXPECT_EQ(store_->GetCredential("c1")->Find(VersionLabel::kRevoked), nullptr);
}

TEST_P(StoreContractTest, NamesWhatACredentialLacks) {
  EXPECT_THAT(store_->ReadSealed("c1", 1), HasReason("CREDENTIAL_NOT_FOUND"));
  EXPECT_THAT(Write(VersionOf("c1", 1, VersionLabel::kPending)),
              HasReason("CREDENTIAL_NOT_FOUND"));
  EXPECT_THAT(Write(RelabelVersion{"c1", 1, VersionLabel::kRevoked}),
              HasReason("CREDENTIAL_NOT_FOUND"));
  EXPECT_THAT(Write(DeleteCredential{"c1"}), HasReason("CREDENTIAL_NOT_FOUND"));
  ASSERT_THAT(Write(CredentialOf("c1")), IsOk());
  EXPECT_THAT(store_->ReadSealed("c1", 2), HasReason("VERSION_NOT_FOUND"));
  EXPECT_THAT(store_->ReadSealed("c1", VersionLabel::kPending),
              HasReason("VERSION_NOT_FOUND"));
  EXPECT_THAT(Write(VersionOf("c1", 3, VersionLabel::kPending)),
              HasReason("REVISION_CONFLICT"));
}

TEST_P(StoreContractTest, DeletesACredentialThatNobodyUses) {
  for (const char* name : {"c1", "c2", "c3", "c4"}) {
    ASSERT_THAT(Write(CredentialOf(name)), IsOk());
  }
  Account account;
  account.name = "acme";
  account.credential = "c1";
  ASSERT_THAT(Write(CreateAccount{account}), IsOk());
  Migration migration = SmallMigration("m1");
  migration.spec.old_login = "c2";
  ASSERT_THAT(Create(migration), IsOk());
  NewCredential made = std::get<NewCredential>(CredentialOf("made"));
  made.migration_id = "m1";
  ASSERT_THAT(Write(CredentialWrite(made)), IsOk());

  for (const char* name : {"c1", "c2", "made"}) {
    EXPECT_THAT(Write(DeleteCredential{name}), HasReason("CREDENTIAL_IN_USE"));
  }
  EXPECT_THAT(Write(DeleteCredential{"c3"}), IsOk());
  EXPECT_THAT(store_->ReadSealed("c3", 1), HasReason("CREDENTIAL_NOT_FOUND"));
  migration.state = State::kSucceeded;
  ASSERT_THAT(Commit(NextBatch(migration)), IsOk());
  EXPECT_THAT(Write(DeleteCredential{"c2"}), IsOk());
  EXPECT_THAT(Write(DeleteCredential{"made"}), IsOk());
  const auto left = store_->ListCredentials({});
  EXPECT_THAT(left->items, ElementsAre(Field(&CredentialInfo::name, "c1"),
                                       Field(&CredentialInfo::name, "c4")));
}

TEST_P(StoreContractTest, KeepsAccountsThatALiveMigrationUses) {
  Account account = testing::FullAccount();
  EXPECT_THAT(Write(CreateAccount{account}), HasReason("CREDENTIAL_NOT_FOUND"));
  ASSERT_THAT(Write(CredentialOf(account.credential)), IsOk());
  ASSERT_THAT(Write(CreateAccount{account}), IsOk());
  EXPECT_THAT(Write(CreateAccount{account}), HasReason("ACCOUNT_EXISTS"));
  EXPECT_EQ(store_->GetAccount("acme")->ca_pem, account.ca_pem);
  EXPECT_THAT(store_->GetAccount("other"), HasReason("ACCOUNT_NOT_FOUND"));

  Migration migration = SmallMigration("m1");
  migration.spec.celigo.account = "acme";
  ASSERT_THAT(Create(migration), IsOk());
  EXPECT_THAT(Write(DeleteAccount{"acme"}),
              AllOf(HasReason("ACCOUNT_IN_USE"), MessageIs(HasSubstr("m1"))));
  migration.state = State::kCancelled;
  ASSERT_THAT(Commit(NextBatch(migration)), IsOk());
  EXPECT_THAT(Write(DeleteAccount{"acme"}), IsOk());
  EXPECT_THAT(store_->ListAccounts({})->items, IsEmpty());
}

TEST_P(StoreContractTest, ListsAccountsAndCredentialsByNameInPages) {
  for (const char* name : {"b", "a", "c"}) {
    Account account;
    account.name = name;
    ASSERT_THAT(Write(CreateAccount{account}), IsOk());
    ASSERT_THAT(Write(CredentialOf(name)), IsOk());
  }
  const PageRequest first{.limit = 2, .after = ""};
  const auto accounts = store_->ListAccounts(first);
  EXPECT_THAT(accounts->items, ElementsAre(Field(&Account::name, "a"),
                                           Field(&Account::name, "b")));
  const PageRequest second{.limit = 2, .after = accounts->next};
  EXPECT_THAT(store_->ListAccounts(second)->items,
              ElementsAre(Field(&Account::name, "c")));
  EXPECT_EQ(store_->ListAccounts(second)->next, "");
  EXPECT_EQ(store_->ListCredentials(first)->items.size(), 2u);
  EXPECT_EQ(store_->ListCredentials(second)->items.size(), 1u);
}

TEST_P(StoreContractTest, GivesDataKeysBackInTheirOrder) {
  for (const char* id : {"z", "a"}) {
    Batch batch;
    batch.data_keys = {{id, testing::At(1), std::string("\0wrapped", 8)}};
    ASSERT_THAT(Commit(batch), IsOk());
  }
  const auto keys = store_->ReadDataKeys();
  ASSERT_THAT(keys, IsOk());
  EXPECT_THAT(*keys, ElementsAre(Field(&WrappedDataKey::id, "z"),
                                 Field(&WrappedDataKey::id, "a")));
  EXPECT_EQ(keys->front().wrapped, std::string("\0wrapped", 8));
}

TEST_P(StoreContractTest, CarriesOutARequestOnce) {
  Batch batch = NewBatch(SmallMigration("m1"));
  batch.request = RequestOf("r1");
  ASSERT_THAT(Commit(batch), IsOk());
  // What else the repeated batch holds would be refused too.
  EXPECT_THAT(Commit(batch), AllOf(HasCode(absl::StatusCode::kAlreadyExists),
                                   HasReason("REQUEST_REPEATED")));
  EXPECT_THAT(Write(RequestOf("r1", "f2")),
              AllOf(HasCode(absl::StatusCode::kAlreadyExists),
                    HasReason("REQUEST_ID_REUSED")));
  const auto found = store_->FindRequest("olga", "r1");
  ASSERT_THAT(found, IsOk());
  ASSERT_TRUE(found->has_value());
  EXPECT_EQ((*found)->answer, "answer to r1");
  RequestRecord of_another = RequestOf("r1", "f2");
  of_another.caller = "nora";
  EXPECT_THAT(Write(of_another), IsOk());
}

TEST_P(StoreContractTest, ForgetsRequestsAfterTheRetentionNotBefore) {
  const int week = static_cast<int>(absl::ToInt64Seconds(kRequestRetention));
  ASSERT_THAT(Write(RequestOf("old", "f", 0)), IsOk());
  ASSERT_THAT(Write(RequestOf("young", "f", week)), IsOk());
  EXPECT_TRUE(store_->FindRequest("olga", "old")->has_value());
  ASSERT_THAT(Write(RequestOf("new", "f", week + 1)), IsOk());
  EXPECT_FALSE(store_->FindRequest("olga", "old")->has_value());
  EXPECT_TRUE(store_->FindRequest("olga", "young")->has_value());
}

TEST_P(StoreContractTest, ForgetsABoundedNumberOfRequestsAtOnce) {
  const int week = static_cast<int>(absl::ToInt64Seconds(kRequestRetention));
  for (int i = 0; i < kPurgedRequestsMax + 1; ++i) {
    ASSERT_THAT(Write(RequestOf("old" + std::to_string(i), "f", i)), IsOk());
  }
  const std::string last = "old" + std::to_string(kPurgedRequestsMax);
  ASSERT_THAT(Write(RequestOf("new1", "f", 2 * week)), IsOk());
  EXPECT_FALSE(store_->FindRequest("olga", "old0")->has_value());
  EXPECT_TRUE(store_->FindRequest("olga", last)->has_value());
  ASSERT_THAT(Write(RequestOf("new2", "f", 2 * week)), IsOk());
  EXPECT_FALSE(store_->FindRequest("olga", last)->has_value());
}

TEST_P(StoreContractTest, NumbersAuditRowsOnTheirOwn) {
  Batch batch = NewBatch(SmallMigration("m1"));
  batch.audit = {AuditOf("one"), AuditOf("two")};
  ASSERT_THAT(Commit(batch), IsOk());
  Reopen();
  Batch more;
  more.audit = {AuditOf("three")};
  ASSERT_THAT(Commit(more), IsOk());
  const auto rows = store_->ListAuditRows(1, 10);
  ASSERT_THAT(rows, IsOk());
  ASSERT_EQ(rows->size(), 2u);
  EXPECT_EQ((*rows)[0].sequence, 2);
  EXPECT_EQ((*rows)[1].sequence, 3);
  EXPECT_EQ((*rows)[1].action, "three");
  EXPECT_EQ((*rows)[1].actor, "olga");
  EXPECT_EQ((*rows)[1].transport, "tls");
  EXPECT_EQ((*rows)[1].target, "migrations/aaaaaaaaaaaaaaaa");
  EXPECT_EQ((*rows)[1].request_id, "request-1");
  EXPECT_EQ((*rows)[1].result, "OK");
  EXPECT_EQ((*rows)[1].detail, "detail");
}

TEST_P(StoreContractTest, KeepsEveryFieldOfAnAuditRow) {
  AuditRow row = AuditOf("one");
  row.subject = "CN=olga";
  row.serial = "0a1b";
  row.peer = "ipv4:127.0.0.1:4711";
  row.digest = "d1";
  Batch batch;
  batch.audit = {row};
  ASSERT_THAT(Commit(batch), IsOk());
  const AuditRow stored = store_->ListAuditRows(0, 1)->front();
  EXPECT_EQ(stored.time, row.time);
  EXPECT_EQ(stored.subject, row.subject);
  EXPECT_EQ(stored.serial, row.serial);
  EXPECT_EQ(stored.peer, row.peer);
  EXPECT_EQ(stored.digest, row.digest);
  EXPECT_THAT(store_->LastAuditSequence(), IsOkAndHolds(1));
}

TEST_P(StoreContractTest, FindsAuditRowsNewestFirstAndByEachField) {
  Batch batch;
  for (int i = 1; i <= 4; ++i) {
    AuditRow row = AuditOf(absl::StrCat("keyturn.v1.Tasks/Deed", i));
    row.time = At(i);
    row.actor = i % 2 == 0 ? "even" : "odd";
    row.target = absl::StrCat("tasks/", i);
    batch.audit.push_back(row);
  }
  ASSERT_THAT(Commit(batch), IsOk());
  const auto find = [this](const AuditFilter& filter) {
    std::vector<int64_t> sequences;
    const auto page = store_->FindAuditRows(filter, {});
    EXPECT_THAT(page, IsOk());
    for (const AuditRow& row : page->items) sequences.push_back(row.sequence);
    return sequences;
  };
  AuditFilter filter;
  EXPECT_THAT(find(filter), ElementsAre(4, 3, 2, 1));
  filter.actor = "even";
  EXPECT_THAT(find(filter), ElementsAre(4, 2));
  filter.until = At(4);
  EXPECT_THAT(find(filter), ElementsAre(2));
  filter.since = At(3);
  EXPECT_THAT(find(filter), IsEmpty());
  filter = {};
  filter.action = "Deed3";
  EXPECT_THAT(find(filter), ElementsAre(3));
  filter.action = "keyturn.v1.Tasks/Deed2";
  EXPECT_THAT(find(filter), ElementsAre(2));
  filter = {};
  filter.target = "tasks/1";
  EXPECT_THAT(find(filter), ElementsAre(1));

  const auto first = store_->FindAuditRows({}, {3, ""});
  ASSERT_THAT(first, IsOk());
  EXPECT_EQ(first->items.size(), 3u);
  const auto second = store_->FindAuditRows({}, {3, first->next});
  ASSERT_THAT(second, IsOk());
  EXPECT_EQ(second->items.size(), 1u);
  EXPECT_EQ(second->next, "");
  EXPECT_THAT(store_->FindAuditRows({}, {3, "x"}),
              HasCode(absl::StatusCode::kInvalidArgument));
}

TEST_P(StoreContractTest, TellsSubscribersOfDurableAuditRows) {
  std::atomic<int64_t> last = 0;
  const auto subscription =
      store_->SubscribeAudit([&last](int64_t sequence) { last = sequence; });
  Batch batch;
  batch.audit = {AuditOf("one"), AuditOf("two")};
  ASSERT_THAT(Commit(batch), IsOk());
  // Called after the callbacks of its group, so at the latest before the next.
  ASSERT_THAT(Create(SmallMigration("m1")), IsOk());
  EXPECT_EQ(last, 2);
}

TEST_P(StoreContractTest, RefusesARecordThatIsTooLarge) {
  Migration migration = SmallMigration("m1");
  migration.notes.assign(kRecordBytesMax, 'x');
  EXPECT_THAT(Create(migration), HasReason("RECORD_TOO_LARGE"));
  migration.notes = "{}";
  EXPECT_THAT(Create(migration), IsOk());
}

TEST_P(StoreContractTest, TellsSubscribersOfDurableEvents) {
  std::atomic<int64_t> last = 0;
  std::atomic<int> calls = 0;
  auto subscription = store_->Subscribe([&](int64_t sequence) {
    last = sequence;
    ++calls;
    EXPECT_EQ(store_->LastSequence("").value(), sequence);
  });
  ASSERT_THAT(Create(SmallMigration("m1")), IsOk());
  ASSERT_THAT(Write(CredentialOf("c1")), IsOk());
  EXPECT_THAT(Create(SmallMigration("m1")),
              HasCode(absl::StatusCode::kAborted));
  ASSERT_THAT(Create(SmallMigration("m2")), IsOk());
  // A commit's callback runs before the subscribers of its group: one more
  // commit makes sure that they were called.
  ASSERT_THAT(Write(CredentialOf("c2")), IsOk());
  EXPECT_EQ(last, 2);
  EXPECT_EQ(calls, 2);
  subscription.reset();
  ASSERT_THAT(Create(SmallMigration("m3")), IsOk());
  ASSERT_THAT(Write(CredentialOf("c3")), IsOk());
  EXPECT_EQ(calls, 2);
}

TEST_P(StoreContractTest, CommitsWhatWaitsBeforeItCloses) {
  std::atomic<int> committed = 0;
  for (int i = 0; i < 50; ++i) {
    store_->Commit(NewBatch(SmallMigration("m" + std::to_string(i))),
                   [&committed](const absl::StatusOr<CommitResult>& result) {
                     if (result.ok()) ++committed;
                   });
  }
  Reopen();
  EXPECT_EQ(committed, 50);
  EXPECT_THAT(store_->LastSequence(""), IsOkAndHolds(50));
}

TEST_P(StoreContractTest, ServesReadersWhileManyWrite) {
  constexpr int kWriters = 4;
  constexpr int kChanges = 50;
  std::atomic<bool> writing = true;
  std::vector<std::thread> readers;
  for (int i = 0; i < 6; ++i) {
    readers.emplace_back([this, &writing] {
      int64_t seen = 0;
      while (writing) {
        const auto events = store_->ListEvents("", seen, 10);
        ASSERT_THAT(events, IsOk());
        for (const StoredEvent& event : *events) {
          ASSERT_EQ(event.sequence, ++seen);
        }
        ASSERT_THAT(store_->ListMigrations({}, {}), IsOk());
      }
    });
  }
  std::vector<std::thread> writers;
  for (int i = 0; i < kWriters; ++i) {
    writers.emplace_back([this, i] {
      Migration migration = SmallMigration("m" + std::to_string(i));
      ASSERT_THAT(Create(migration), IsOk());
      for (int change = 1; change < kChanges; ++change) {
        ASSERT_THAT(Commit(NextBatch(migration)), IsOk());
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  writing = false;
  for (std::thread& reader : readers) reader.join();
  EXPECT_THAT(store_->LastSequence(""), IsOkAndHolds(kWriters * kChanges));
}

// --- Certificates and invitations ---

class StoredIdentitiesTest : public StoreContractTest {
 protected:
  static Certificate CertificateOf(const std::string& serial,
                                   const std::string& identity = "bob",
                                   int issued = 10) {
    Certificate certificate;
    certificate.serial = serial;
    certificate.identity = identity;
    certificate.roles = {"operator", "reader"};
    certificate.issued_at = testing::At(issued);
    certificate.expires_at = testing::At(issued + 1000);
    certificate.creator = "ann";
    certificate.accounts = {"acme", "acme-ns"};
    return certificate;
  }
  static Invitation InvitationOf(const std::string& hash,
                                 const std::string& identity = "bob") {
    return {hash, identity, {"operator"}, testing::At(100), "ann", 1, {"acme"}};
  }
  absl::Status Write(IdentityWrite write) {
    Batch batch;
    batch.identities.push_back(std::move(write));
    return Commit(std::move(batch)).status();
  }
};

TEST_P(StoredIdentitiesTest, ACertificateIsKnownByItsSerial) {
  ASSERT_THAT(Write(AddCertificate{CertificateOf("5f"), "", ""}), IsOk());
  ASSERT_THAT(Write(NoteCertificateUse{"5f", testing::At(20)}), IsOk());
  ASSERT_THAT(Write(NoteCertificateUse{"5f", testing::At(15)}), IsOk());
  Reopen();

  const auto stored = store_->GetCertificate("5f");
  ASSERT_THAT(stored, IsOk());
  EXPECT_EQ(stored->identity, "bob");
  EXPECT_THAT(stored->roles, ElementsAre("operator", "reader"));
  EXPECT_THAT(stored->accounts, ElementsAre("acme", "acme-ns"));
  EXPECT_EQ(stored->issued_at, testing::At(10));
  EXPECT_EQ(stored->expires_at, testing::At(1010));
  EXPECT_EQ(stored->creator, "ann");
  EXPECT_EQ(stored->used_at, testing::At(20)) << "the later one";
  EXPECT_EQ(stored->revoked_at, std::nullopt);
  EXPECT_THAT(store_->GetCertificate("5e"), HasReason("CERTIFICATE_NOT_FOUND"));
}

TEST_P(StoredIdentitiesTest, AnInvitationIsGoodForItsUsesAndItsName) {
  ASSERT_THAT(Write(AddInvitation{InvitationOf("h1")}), IsOk());
  EXPECT_THAT(Write(AddInvitation{InvitationOf("h1")}),
              HasReason("INVITATION_EXISTS"));

  EXPECT_THAT(Write(AddCertificate{CertificateOf("1", "eve"), "h1", ""}),
              HasReason("INVITATION_NOT_FOUND"));
  EXPECT_THAT(Write(AddCertificate{CertificateOf("1", "bob", /*issued=*/100),
                                   "h1", ""}),
              HasReason("INVITATION_NOT_FOUND"))
      << "expired";
  EXPECT_THAT(Write(AddCertificate{CertificateOf("1"), "h1", ""}), IsOk());
  EXPECT_THAT(Write(AddCertificate{CertificateOf("2"), "h1", ""}),
              HasReason("INVITATION_NOT_FOUND"));
  EXPECT_THAT(store_->GetCertificate("2"), HasReason("CERTIFICATE_NOT_FOUND"));
  EXPECT_EQ(store_->GetInvitation("h1")->uses_left, 0);
}

TEST_P(StoredIdentitiesTest, RevokingTakesCertificatesAndInvitationsOfOneName) {
  ASSERT_THAT(Write(AddCertificate{CertificateOf("1"), "", ""}), IsOk());
  ASSERT_THAT(Write(AddCertificate{CertificateOf("2"), "", "1"}), IsOk());
  ASSERT_THAT(Write(AddCertificate{CertificateOf("3", "ann"), "", ""}), IsOk());
  ASSERT_THAT(Write(AddInvitation{InvitationOf("h1")}), IsOk());

  ASSERT_THAT(Write(RevokeIdentity{"bob", testing::At(50)}), IsOk());
  ASSERT_THAT(Write(RevokeIdentity{"bob", testing::At(60)}), IsOk());

  EXPECT_EQ(store_->GetCertificate("1")->revoked_at, testing::At(50));
  EXPECT_EQ(store_->GetCertificate("2")->revoked_at, testing::At(50));
  EXPECT_EQ(store_->GetCertificate("3")->revoked_at, std::nullopt);
  EXPECT_THAT(Write(AddCertificate{CertificateOf("4"), "h1", ""}),
              HasReason("INVITATION_NOT_FOUND"));
  EXPECT_THAT(Write(RevokeIdentity{"eve", testing::At(50)}),
              HasReason("IDENTITY_NOT_FOUND"));
}

TEST_P(StoredIdentitiesTest, ARevokedOrForeignCertificateHasNoSuccessor) {
  ASSERT_THAT(Write(AddCertificate{CertificateOf("1"), "", ""}), IsOk());
  EXPECT_THAT(Write(AddCertificate{CertificateOf("2", "eve"), "", "1"}),
              HasReason("CERTIFICATE_NOT_FOUND"));
  ASSERT_THAT(Write(RevokeIdentity{"bob", testing::At(50)}), IsOk());

  EXPECT_THAT(Write(AddCertificate{CertificateOf("2"), "", "1"}),
              HasReason("CERTIFICATE_NOT_FOUND"));
}

TEST_P(StoredIdentitiesTest, AnIdentityIsListedOnceWithItsNewest) {
  ASSERT_THAT(Write(AddCertificate{CertificateOf("1", "bob", 10), "", ""}),
              IsOk());
  ASSERT_THAT(Write(AddCertificate{CertificateOf("2", "bob", 20), "", ""}),
              IsOk());
  ASSERT_THAT(Write(NoteCertificateUse{"1", testing::At(30)}), IsOk());
  ASSERT_THAT(Write(AddInvitation{InvitationOf("h1", "cy")}), IsOk());
  ASSERT_THAT(Write(AddCertificate{CertificateOf("3", "ann"), "", ""}), IsOk());

  const auto first = store_->ListIdentities({2, ""});
  ASSERT_THAT(first->items, ElementsAre(Field(&IdentityInfo::name, "ann"),
                                        Field(&IdentityInfo::name, "bob")));
  EXPECT_EQ(first->items[1].newest->serial, "2");
  EXPECT_EQ(first->items[1].newest->used_at, testing::At(30));
  EXPECT_EQ(first->items[1].invitation, std::nullopt);
  const auto second = store_->ListIdentities({2, first->next});
  ASSERT_THAT(second->items, ElementsAre(Field(&IdentityInfo::name, "cy")));
  EXPECT_EQ(second->items[0].newest, std::nullopt);
  EXPECT_EQ(second->items[0].invitation->hash, "h1");
  EXPECT_EQ(second->next, "");
}

TEST_P(StoredIdentitiesTest, LongExpiredCertificatesAreForgotten) {
  ASSERT_THAT(Write(AddCertificate{CertificateOf("1"), "", ""}), IsOk());
  Certificate later = CertificateOf("2");
  later.issued_at += kCertificateRetention + absl::Hours(1);
  ASSERT_THAT(Write(AddCertificate{later, "", ""}), IsOk());

  EXPECT_THAT(store_->GetCertificate("1"), HasReason("CERTIFICATE_NOT_FOUND"));
  EXPECT_THAT(store_->GetCertificate("2"), IsOk());
}

INSTANTIATE_TEST_SUITE_P(Sqlite, StoreContractTest,
                         ::testing::Values(&testing::OpenStore));
INSTANTIATE_TEST_SUITE_P(Sqlite, StoredIdentitiesTest,
                         ::testing::Values(&testing::OpenStore));

}  // namespace
}  // namespace keyturn::store
