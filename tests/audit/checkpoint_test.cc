#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daemon/audit/checkpoint_file.h"
#include "daemon/audit/trail.h"
#include "daemon/base/mutex.h"
#include "tests/store/samples.h"
#include "tests/support/fake_clock.h"
#include "tests/support/status_matchers.h"

namespace keyturn::audit {
namespace {

using ::testing::ElementsAre;
using ::testing::Field;
using testing::HasCode;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::IsOk;
using ::testing::SizeIs;

std::shared_ptr<const ChainKey> KeyOf(char byte) {
  return std::make_shared<ChainKey>(
      ChainKey::DeriveFrom(secret::Secret(std::string(32, byte))).value());
}

// Each with its end.
std::vector<std::string> LinesOf(const std::string& path) {
  std::vector<std::string> lines;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    lines.push_back(line + "\n");
  }
  return lines;
}

auto IsAltered(const std::string& text) {
  return ::testing::AllOf(
      Field(&Finding::kind, Finding::Kind::kCheckpointAltered),
      Field(&Finding::message, HasSubstr(text)));
}

class CheckpointTest : public ::testing::Test {
 protected:
  CheckpointTest()
      : clock_(testing::At(0)),
        store_(testing::OpenSealedStore(store_path_, &sealer_)) {
    sealer_.SetKey(key_);
  }

  void Write(int rows) {
    for (int i = 0; i < rows; ++i) {
      store::Batch batch;
      batch.audit = {testing::AuditOf("deed")};
      ASSERT_THAT(store_->CommitAndWait(std::move(batch)), IsOk());
    }
  }

  std::unique_ptr<Trail> NewTrail() {
    return std::make_unique<Trail>(Trail::Options{
        *store_, sealer_, clock_, path_, absl::Hours(1),
        [this](const std::string& line) { Note(notes_, line); },
        [this](const std::string& line) { Note(warnings_, line); }});
  }

  void Note(std::vector<std::string>& lines, const std::string& line) {
    base::MutexLock lock(mutex_);
    lines.push_back(line);
  }
  std::vector<std::string> warnings() {
    base::MutexLock lock(mutex_);
    return warnings_;
  }
  std::vector<Checkpoint> Stored() {
    const auto file = ReadCheckpoints(path_, *key_);
    EXPECT_THAT(file, IsOk());
    return file->checkpoints;
  }

  void WriteLines(const std::vector<std::string>& lines) {
    std::ofstream file(path_, std::ios::trunc);
    for (const std::string& line : lines) file << line;
  }

  testing::TemporaryDirectory directory_;
  const std::string store_path_ = directory_.Path("store/keyturn.db");
  const std::string path_ = directory_.Path("checkpoints");
  const std::shared_ptr<const ChainKey> key_ = KeyOf('r');
  testing::FakeClock clock_;
  Sealer sealer_;
  std::unique_ptr<store::Store> store_;
  base::Mutex mutex_;
  std::vector<std::string> notes_;
  std::vector<std::string> warnings_;
};

TEST_F(CheckpointTest, ReadsTheLineThatItWrote) {
  Checkpoint checkpoint{12, std::string(kHeadBytes, 'h'), testing::At(5)};
  checkpoint.census = 9;
  checkpoint.restored = true;
  const Place before{3, std::string(2 * kMacBytes, 'b')};
  const std::string line = FormatCheckpoint(checkpoint, before, *key_);
  EXPECT_THAT(line, HasSubstr("keyturn-audit-checkpoint 2 number=4 "
                              "sequence=12 head=68"));
  const auto read = ParseCheckpoint(line, *key_);
  ASSERT_THAT(read, IsOk());
  EXPECT_EQ(read->checkpoint.sequence, 12);
  EXPECT_EQ(read->checkpoint.head, checkpoint.head);
  EXPECT_EQ(read->checkpoint.time, checkpoint.time);
  EXPECT_EQ(read->checkpoint.census, 9);
  EXPECT_TRUE(read->checkpoint.restored);
  EXPECT_EQ(read->place.number, 4);
  EXPECT_EQ(read->before, before.mac);
  EXPECT_TRUE(read->ours);
  // Of another root key: it can only raise an alarm.
  const auto other = ParseCheckpoint(line, *KeyOf('o'));
  ASSERT_THAT(other, IsOk());
  EXPECT_FALSE(other->ours);
  for (size_t i = 0; i < line.size(); ++i) {
    std::string altered = line;
    altered[i] ^= 1;
    const bool names_another_key =
        i > line.find(" key=") && i < line.find(" mac=");
    if (names_another_key) continue;
    EXPECT_FALSE(ParseCheckpoint(altered, *key_).ok()) << altered;
  }
}

// The lines that another program made from checkpoint_file.h, both formats.
TEST_F(CheckpointTest, ReadsTheLinesOfTheGoldenFile) {
  const std::string path = KEYTURN_TESTDATA "/checkpoints.txt";
  std::string secret(32, '\0');
  std::iota(secret.begin(), secret.end(), '\0');
  const ChainKey key = ChainKey::DeriveFrom(secret::Secret(secret)).value();
  const auto file = ReadCheckpoints(path, key);
  ASSERT_THAT(file, IsOk());
  EXPECT_THAT(file->altered_lines, IsEmpty());
  EXPECT_THAT(file->removed, IsEmpty());
  ASSERT_THAT(file->checkpoints, SizeIs(3));
  EXPECT_EQ(file->checkpoints[0].sequence, 5);
  EXPECT_EQ(file->checkpoints[1].census, 8);
  EXPECT_TRUE(file->checkpoints[2].restored);
  EXPECT_EQ(file->end.number, 2);
  const auto newest = ReadNewest(path, key);
  ASSERT_THAT(newest, IsOk());
  const CheckpointLine& last = newest->value();
  EXPECT_EQ(
      FormatCheckpoint(last.checkpoint, Place{1, last.before}, key) + "\n",
      LinesOf(path).back());
}

TEST_F(CheckpointTest, WritesOneWhenAskedAndOneAtTheEnd) {
  Write(3);
  {
    const auto trail = NewTrail();
    trail->CheckpointNow();
    EXPECT_THAT(Stored(), ElementsAre(Field(&Checkpoint::sequence, 3)));
    // Nothing new, nothing to say.
    trail->CheckpointNow();
    EXPECT_THAT(Stored(), SizeIs(1));
    Write(2);
  }
  EXPECT_THAT(Stored(), ElementsAre(Field(&Checkpoint::sequence, 3),
                                    Field(&Checkpoint::sequence, 5)));
  EXPECT_THAT(notes_, SizeIs(2));
  EXPECT_THAT(warnings(), IsEmpty());
  struct stat found;
  ASSERT_EQ(stat(path_.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 0777, 0600u);
}

TEST_F(CheckpointTest, GivesNoAlarmWhenTheDaemonDiedBeforeTheCheckpoint) {
  Write(3);
  NewTrail()->CheckpointNow();
  Write(5);
  std::ofstream(path_, std::ios::app) << "keyturn-audit-checkpoint 2 numb";
  const auto trail = NewTrail();
  auto verdict = trail->Verify({});
  ASSERT_THAT(verdict, IsOk());
  EXPECT_THAT(verdict->findings, IsEmpty());
  EXPECT_EQ(verdict->checkpoints, 1);
  // The next one begins a line of its own.
  trail->CheckpointNow();
  verdict = trail->Verify({});
  EXPECT_THAT(verdict->findings, IsEmpty());
  EXPECT_EQ(verdict->checkpoints, 2);
  EXPECT_THAT(warnings(), IsEmpty());
}

TEST_F(CheckpointTest, NamesLinesThatWereTakenOut) {
  const auto trail = NewTrail();
  for (int i = 0; i < 6; ++i) {
    Write(1);
    trail->CheckpointNow();
  }
  const std::vector<std::string> lines = LinesOf(path_);
  ASSERT_THAT(lines, SizeIs(6));
  EXPECT_THAT(trail->Verify({})->findings, IsEmpty());

  WriteLines({lines[0], lines[1], lines[4], lines[5]});
  EXPECT_THAT(trail->Verify({})->findings,
              ElementsAre(IsAltered("number 3 to 4 were taken out")));
  WriteLines({lines[2], lines[3], lines[4], lines[5]});
  EXPECT_THAT(trail->Verify({})->findings,
              ElementsAre(IsAltered("number 1 to 2 were taken out")));
  // Nor can they change places, or come twice.
  WriteLines({lines[0], lines[2], lines[1], lines[3], lines[4], lines[5]});
  EXPECT_THAT(trail->Verify({})->findings, ::testing::Not(IsEmpty()));
  WriteLines({lines[0], lines[1], lines[1], lines[2], lines[3], lines[4]});
  EXPECT_THAT(trail->Verify({})->findings,
              ElementsAre(IsAltered("not as they were written: 3")));
}

// Two files of one store, say of before and after a back-up came back, do not
// make a third: each line names the one before it.
TEST_F(CheckpointTest, NamesALineThatStoodAfterAnother) {
  const auto write_to = [this](size_t count) {
    const auto trail = NewTrail();
    while (LinesOf(path_).size() < count) {
      Write(1);
      trail->CheckpointNow();
    }
    return LinesOf(path_);
  };
  const std::vector<std::string> first = write_to(2);
  WriteLines({first[0]});
  const std::vector<std::string> second = write_to(3);
  EXPECT_THAT(NewTrail()->Verify({})->findings, IsEmpty());
  WriteLines({first[0], first[1], second[2]});
  EXPECT_THAT(NewTrail()->Verify({})->findings,
              ElementsAre(IsAltered("not as they were written: 3")));
}

// The last lines can be taken out of the file alone, but not while the daemon
// runs.
TEST_F(CheckpointTest, WarnsAndLeavesAGapWhenTheLastLinesWereTakenOut) {
  const auto trail = NewTrail();
  for (int i = 0; i < 3; ++i) {
    Write(1);
    trail->CheckpointNow();
  }
  const std::vector<std::string> lines = LinesOf(path_);
  WriteLines({lines[0]});
  Write(1);
  trail->CheckpointNow();
  EXPECT_THAT(warnings(), ElementsAre(HasSubstr("lines were taken out")));
  EXPECT_THAT(trail->Verify({})->findings,
              ElementsAre(IsAltered("number 2 to 3 were taken out")));
}

// Whoever keeps the file short moves it aside.
TEST_F(CheckpointTest, BeginsANewFileAndSaysSo) {
  const auto trail = NewTrail();
  Write(1);
  trail->CheckpointNow();
  std::filesystem::remove(path_);
  Write(1);
  trail->CheckpointNow();
  EXPECT_THAT(warnings(), ElementsAre(HasSubstr("begun anew")));
  EXPECT_THAT(trail->Verify({})->findings, IsEmpty());
  EXPECT_THAT(Stored(), ElementsAre(Field(&Checkpoint::sequence, 2)));
}

TEST_F(CheckpointTest, NamesALineThatWasAltered) {
  Write(1);
  NewTrail()->CheckpointNow();
  std::fstream file(path_, std::ios::in | std::ios::out);
  file.seekp(
      std::string("keyturn-audit-checkpoint 2 number=1 sequence=").size());
  file << '2';
  file.close();
  const auto verdict = NewTrail()->Verify({});
  ASSERT_THAT(verdict, IsOk());
  EXPECT_THAT(
      verdict->findings,
      ElementsAre(Field(&Finding::kind, Finding::Kind::kCheckpointAltered)));
}

TEST_F(CheckpointTest, ComparesWithWhatTheCallerRemembers) {
  Write(3);
  const auto trail = NewTrail();
  const std::string head = trail->Verify({})->head;
  EXPECT_THAT(trail->Verify({{3, head}})->findings, IsEmpty());
  EXPECT_THAT(trail->Verify({{3, std::string(kHeadBytes, 'x')}})->findings,
              SizeIs(1));
}

TEST_F(CheckpointTest, SaysOnceThatTheSecondPlaceFailsAndOnceThatItWorks) {
  std::filesystem::create_directory(path_);
  const auto trail = NewTrail();
  for (int i = 0; i < 3; ++i) {
    Write(1);
    trail->CheckpointNow();
  }
  EXPECT_THAT(warnings(), ElementsAre(HasSubstr("no checkpoint")));
  std::filesystem::remove(path_);
  trail->CheckpointNow();
  EXPECT_THAT(warnings(), SizeIs(2));
  EXPECT_THAT(Stored(), ElementsAre(Field(&Checkpoint::sequence, 3)));
}

// A place that hangs, such as a network's file system, holds nobody up: neither
// changes nor, for longer than it must, the daemon's end.
TEST_F(CheckpointTest, DelaysNobodyWhenTheSecondPlaceHangs) {
  std::promise<void> entered;
  auto release = std::make_shared<std::promise<void>>();
  auto released =
      std::make_shared<std::shared_future<void>>(release->get_future().share());
  Write(1);
  auto checkpointer = std::make_unique<Checkpointer>(Checkpointer::Options{
      *store_, sealer_, clock_, path_, absl::Milliseconds(1),
      [](const std::string&) {}, [](const std::string&) {}, nullptr,
      [&entered, released](const std::string&, std::string_view) {
        entered.set_value();
        released->wait();
        return absl::OkStatus();
      }});
  entered.get_future().wait();
  Write(10);
  EXPECT_THAT(VerifyTrail(*store_, key_, {})->findings, IsEmpty());
  checkpointer = nullptr;
  release->set_value();
}

TEST_F(CheckpointTest, WritesRefusalsSummedUpAtTheEnd) {
  {
    const auto trail = NewTrail();
    for (int i = 0; i < 1000; ++i) trail->Deny(testing::AuditOf("refused"));
  }
  const auto rows = store_->ListAuditRows(0, 10);
  ASSERT_THAT(*rows, SizeIs(2));
  EXPECT_THAT(rows->back().detail, HasSubstr("999 more"));
  EXPECT_THAT(Stored(), ElementsAre(Field(&Checkpoint::sequence, 2)));
}

TEST_F(CheckpointTest, CannotVerifyWithoutAKey) {
  const auto trail = NewTrail();
  sealer_.SetKey(nullptr);
  EXPECT_THAT(trail->Verify({}),
              HasCode(absl::StatusCode::kFailedPrecondition));
}

}  // namespace
}  // namespace keyturn::audit
