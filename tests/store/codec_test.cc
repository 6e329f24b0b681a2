#include "daemon/store/codec.h"

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <gtest/gtest.h>

#include <tuple>

#include "keyturn/store/v1/records.pb.h"
#include "tests/store/samples.h"
#include "tests/support/status_matchers.h"

// Fields names every member, so that a new member does not compile here until
// the codec has been looked at.
namespace keyturn::migration {

auto Fields(const PlannedStep& value) {
  const auto& [a, b, c, d, e] = value;
  return std::tie(a, b, c, d, e);
}
auto Fields(const Plan::Change& value) {
  const auto& [a, b, c] = value;
  return std::tie(a, b, c);
}
auto Fields(const Plan::Flow& value) {
  const auto& [a, b, c, d, e] = value;
  return std::tie(a, b, c, d, e);
}
auto Fields(const Plan& value) {
  const auto& [a, b, c, d, e, f, g, h] = value;
  return std::tie(a, b, c, d, e, f, g, h);
}
auto Fields(const StepRecord& value) {
  const auto& [a, b, c, d, e, f, g, h, i] = value;
  return std::tie(a, b, c, d, e, f, g, h, i);
}
auto Fields(const Attention& value) {
  const auto& [a, b, c, d] = value;
  return std::tie(a, b, c, d);
}
auto Fields(const Approval& value) {
  const auto& [a, b] = value;
  return std::tie(a, b);
}
auto Fields(const Task::Field& value) {
  const auto& [a, b, c] = value;
  return std::tie(a, b, c);
}
auto Fields(const Task& value) {
  const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t] =
      value;
  return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t);
}
auto Fields(const Migration& value) {
  const auto& [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v,
               w, x, y, z, aa] = value;
  return std::tie(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u,
                  v, w, x, y, z, aa);
}

template <typename T>
requires requires(const T& value) { Fields(value); }
bool operator==(const T& a, const T& b) { return Fields(a) == Fields(b); }

}  // namespace keyturn::migration

namespace keyturn::store {

auto Fields(const StoredEvent& value) {
  const auto& [a, b, c, d, e, f, g, h, i, j, k] = value;
  return std::tie(a, b, c, d, e, f, g, h, i, j, k);
}
auto Fields(const Account& value) {
  const auto& [a, b, c, d, e, f, g, h] = value;
  return std::tie(a, b, c, d, e, f, g, h);
}

namespace {

using ::google::protobuf::FieldDescriptor;
using ::google::protobuf::Message;
using ::google::protobuf::Reflection;
using ::testing::ElementsAre;
using testing::HasCode;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::IsOk;
using testing::MessageIs;

// Paths of the fields, at any depth, that `message` does not set or sets to
// their default.
void CollectUnset(const Message& message, const std::string& path,
                  std::vector<std::string>& unset) {
  const Reflection& reflection = *message.GetReflection();
  for (int i = 0; i < message.GetDescriptor()->field_count(); ++i) {
    const FieldDescriptor* field = message.GetDescriptor()->field(i);
    const std::string name = path + "." + field->name();
    const int size = field->is_repeated() ? reflection.FieldSize(message, field)
                                          : reflection.HasField(message, field);
    if (size == 0) unset.push_back(name);
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
    for (int item = 0; field->is_repeated() && item < size; ++item) {
      CollectUnset(reflection.GetRepeatedMessage(message, field, item), name,
                   unset);
    }
    if (!field->is_repeated() && size > 0) {
      CollectUnset(reflection.GetMessage(message, field), name, unset);
    }
  }
}

template <typename Record>
std::vector<std::string> UnsetFields(const std::string& bytes) {
  Record record;
  EXPECT_TRUE(record.ParseFromString(bytes));
  std::vector<std::string> unset;
  CollectUnset(record, std::string(), unset);
  return unset;
}

TEST(CodecTest, SetsEveryFieldOfEveryRecord) {
  EXPECT_THAT(
      UnsetFields<v1::Migration>(EncodeMigration(testing::FullMigration())),
      IsEmpty());
  EXPECT_THAT(UnsetFields<v1::Event>(EncodeEvent(testing::FullEvent())),
              IsEmpty());
  EXPECT_THAT(UnsetFields<v1::Task>(EncodeTask(testing::FullTask())),
              IsEmpty());
  EXPECT_THAT(UnsetFields<v1::Account>(EncodeAccount(testing::FullAccount())),
              IsEmpty());
}

TEST(CodecTest, NoticesAFieldThatIsNotSet) {
  migration::Migration migration = testing::FullMigration();
  migration.plan->flows[0].run = false;
  EXPECT_THAT(UnsetFields<v1::Migration>(EncodeMigration(migration)),
              ElementsAre(".plan.flows.run"));
}

TEST(CodecTest, GivesBackEveryFieldOfACampaignAndItsMembers) {
  const std::string campaign = EncodeCampaign(testing::FullCampaign());
  EXPECT_THAT(UnsetFields<v1::Campaign>(campaign), IsEmpty());
  ASSERT_THAT(DecodeCampaign(campaign), IsOk());
  EXPECT_EQ(EncodeCampaign(*DecodeCampaign(campaign)), campaign);
  EXPECT_EQ(DecodeCampaign(campaign)->policy, testing::FullCampaign().policy);
  const std::string member = EncodeMember(testing::FullMember());
  EXPECT_THAT(UnsetFields<v1::CampaignMember>(member), IsEmpty());
  ASSERT_THAT(DecodeMember(member), IsOk());
  EXPECT_EQ(EncodeMember(*DecodeMember(member)), member);
  EXPECT_EQ(DecodeMember(member)->spec, testing::FullMember().spec);
}

TEST(CodecTest, GivesBackEveryFieldOfAMigration) {
  const migration::Migration migration = testing::FullMigration();
  const absl::StatusOr<migration::Migration> decoded =
      DecodeMigration(EncodeMigration(migration));
  ASSERT_THAT(decoded, IsOk());
  EXPECT_TRUE(*decoded == migration);
}

TEST(CodecTest, GivesBackAFreshMigrationWithNothingSet) {
  const migration::Migration migration;
  const absl::StatusOr<migration::Migration> decoded =
      DecodeMigration(EncodeMigration(migration));
  ASSERT_THAT(decoded, IsOk());
  EXPECT_TRUE(*decoded == migration);
}

TEST(CodecTest, GivesBackEveryFieldOfAnEvent) {
  const StoredEvent event = testing::FullEvent();
  const absl::StatusOr<StoredEvent> decoded = DecodeEvent(EncodeEvent(event));
  ASSERT_THAT(decoded, IsOk());
  EXPECT_TRUE(Fields(*decoded) == Fields(event));
}

TEST(CodecTest, GivesBackAnEventThatConcernsNoStep) {
  const StoredEvent event = testing::EventOf("aaaaaaaaaaaaaaaa");
  const absl::StatusOr<StoredEvent> decoded = DecodeEvent(EncodeEvent(event));
  ASSERT_THAT(decoded, IsOk());
  EXPECT_TRUE(Fields(*decoded) == Fields(event));
}

TEST(CodecTest, GivesBackEveryFieldOfATask) {
  const migration::Task task = testing::FullTask();
  const absl::StatusOr<migration::Task> decoded = DecodeTask(EncodeTask(task));
  ASSERT_THAT(decoded, IsOk());
  EXPECT_TRUE(*decoded == task);
}

TEST(CodecTest, GivesBackEveryFieldOfAnAccount) {
  const Account account = testing::FullAccount();
  const absl::StatusOr<Account> decoded = DecodeAccount(EncodeAccount(account));
  ASSERT_THAT(decoded, IsOk());
  EXPECT_TRUE(Fields(*decoded) == Fields(account));
}

TEST(CodecTest, KeepsTextThatIsNotUtf8) {
  StoredEvent event = testing::EventOf("aaaaaaaaaaaaaaaa");
  event.message = "cut within a character: \xc3";
  const absl::StatusOr<StoredEvent> decoded = DecodeEvent(EncodeEvent(event));
  ASSERT_THAT(decoded, IsOk());
  EXPECT_EQ(decoded->message, event.message);
}

TEST(CodecTest, KeepsInstantsToTheNanosecondAndInfiniteOnes) {
  for (const absl::Time time :
       {absl::UnixEpoch(), absl::InfinitePast(), absl::InfiniteFuture(),
        testing::At(5) + absl::Nanoseconds(1),
        absl::UnixEpoch() - absl::Nanoseconds(1)}) {
    EXPECT_EQ(DecodeTime(EncodeTime(time)), time);
  }
}

TEST(CodecTest, RefusesBytesThatAreNoRecord) {
  EXPECT_THAT(DecodeMigration("\xff\xff"),
              HasCode(absl::StatusCode::kDataLoss));
  EXPECT_THAT(DecodeEvent("\xff\xff"), HasCode(absl::StatusCode::kDataLoss));
  EXPECT_THAT(DecodeTask("\xff\xff"), HasCode(absl::StatusCode::kDataLoss));
  EXPECT_THAT(DecodeAccount("\xff\xff"), HasCode(absl::StatusCode::kDataLoss));
  EXPECT_THAT(DecodeCampaign("\xff\xff"), HasCode(absl::StatusCode::kDataLoss));
  EXPECT_THAT(DecodeMember("\xff\xff"), HasCode(absl::StatusCode::kDataLoss));
}

TEST(CodecTest, RefusesANumberThatHasNoMeaning) {
  v1::Migration record;
  record.ParseFromString(EncodeMigration(testing::FullMigration()));
  record.mutable_steps(3)->set_state(99);
  const absl::StatusOr<migration::Migration> decoded =
      DecodeMigration(record.SerializeAsString());
  EXPECT_THAT(decoded, HasCode(absl::StatusCode::kDataLoss));
  EXPECT_THAT(decoded, MessageIs(HasSubstr("99")));
}

}  // namespace
}  // namespace keyturn::store
