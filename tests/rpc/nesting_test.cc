// How deep the messages that callers send may nest.
#include "daemon/rpc/nesting.h"

#include <gmock/gmock.h>
#include <google/protobuf/struct.pb.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_replace.h"
#include "daemon/rpc/server.h"
#include "keyturn/v1/migrations.pb.h"
#include "tests/support/status_matchers.h"

namespace keyturn::rpc {
namespace {

using google::protobuf::Descriptor;
using testing::HasCode;
using testing::HasReason;
using ::testing::HasSubstr;
using testing::IsOk;

// `depth` groups of a field that nobody declares, each within the one before.
std::string Groups(int depth) {
  return std::string(depth, '\x7b') + std::string(depth, '\x7c');
}

// Requests that hold `depth` messages within each other, themselves counted.
v1::GetMigrationRequest Nested(int depth) {
  v1::GetMigrationRequest request;
  EXPECT_TRUE(request.ParseFromString(Groups(depth - 1)));
  return request;
}

// Not by what a limit of ours says, but by walking every type to its end.
int DepthOf(const Descriptor& type, std::vector<const Descriptor*> path) {
  if (std::count(path.begin(), path.end(), &type) > 0) {
    ADD_FAILURE() << type.full_name() << " holds itself";
    return 0;
  }
  path.push_back(&type);
  int below = 0;
  for (int i = 0; i < type.field_count(); ++i) {
    const Descriptor* const held = type.field(i)->message_type();
    if (held != nullptr) below = std::max(below, DepthOf(*held, path));
  }
  return 1 + below;
}

TEST(NestingTest, NoRequestOfTheApiHoldsItselfOrNestsDeeperThanTheLimit) {
  const auto* pool = google::protobuf::DescriptorPool::generated_pool();
  int deepest = 0;
  int requests = 0;
  for (const std::string& rpc : ServedRpcs()) {
    const auto* method =
        pool->FindMethodByName(absl::StrReplaceAll(rpc, {{"/", "."}}));
    if (method == nullptr) continue;
    ++requests;
    const int depth = DepthOf(*method->input_type(), {});
    EXPECT_EQ(NestingOf(*method->input_type()), depth) << rpc;
    deepest = std::max(deepest, depth);
  }
  EXPECT_GT(requests, 30);
  EXPECT_GT(deepest, 2);
  EXPECT_LE(deepest, kMessageNestingMax);
  EXPECT_THAT(CheckTypes(ServedRpcs()), IsOk());
}

TEST(NestingTest, ATypeThatHoldsItselfIsTooDeep) {
  EXPECT_EQ(NestingOf(*google::protobuf::Struct::descriptor()),
            kMessageNestingMax + 1);
  EXPECT_EQ(NestingOf(*v1::GetMigrationRequest::descriptor()), 1);
}

TEST(NestingTest, ARequestThatNestsDeeperIsRefusedAndToldWhatToDo) {
  EXPECT_THAT(CheckNesting(Nested(1)), IsOk());
  EXPECT_THAT(CheckNesting(Nested(kMessageNestingMax)), IsOk());
  const absl::Status refused = CheckNesting(Nested(kMessageNestingMax + 1));
  EXPECT_THAT(refused, HasCode(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(refused, HasReason("NESTED_TOO_DEEP"));
  EXPECT_THAT(std::string(refused.message()),
              HasSubstr("deeper than 8 messages"));
}

TEST(NestingTest, WhatIsDeclaredCountsTogetherWithWhatIsNot) {
  v1::CreateMigrationRequest request;
  auto* spec = request.mutable_spec();
  ASSERT_TRUE(spec->ParseFromString(Groups(kMessageNestingMax - 2)));
  EXPECT_THAT(CheckNesting(request), IsOk());
  ASSERT_TRUE(spec->ParseFromString(Groups(kMessageNestingMax - 1)));
  EXPECT_THAT(CheckNesting(request), HasReason("NESTED_TOO_DEEP"));
}

}  // namespace
}  // namespace keyturn::rpc
