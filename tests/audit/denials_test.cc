#include "daemon/audit/denials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/store/samples.h"

namespace keyturn::audit {
namespace {

using testing::At;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

store::AuditRow Denied(const std::string& actor) {
  store::AuditRow row = testing::AuditOf("keyturn.v1.Audit/VerifyAudit");
  row.actor = actor;
  row.result = "PERMISSION_DENIED";
  return row;
}

TEST(DenialsTest, TellsTheFirstOfAKindAtOnceAndTheOthersAsASum) {
  Denials denials;
  EXPECT_THAT(denials.Add(Denied("ann"), At(0)),
              ElementsAre(Field(&store::AuditRow::actor, "ann")));
  EXPECT_THAT(denials.Add(Denied("ann"), At(1)), IsEmpty());
  EXPECT_THAT(denials.Add(Denied("bob"), At(2)),
              ElementsAre(Field(&store::AuditRow::actor, "bob")));
  EXPECT_THAT(denials.Add(Denied("ann"), At(3)), IsEmpty());
  EXPECT_THAT(denials.Sums(At(59)), IsEmpty());
  const std::vector<store::AuditRow> sums = denials.Sums(At(60));
  EXPECT_THAT(sums, ElementsAre(Field(&store::AuditRow::detail,
                                      HasSubstr("2 more like this"))));
  EXPECT_EQ(RefusalsIn(sums[0]), 2);
  EXPECT_EQ(RefusalsIn(Denied("ann")), 1);
  EXPECT_THAT(denials.Sums(absl::InfiniteFuture()), IsEmpty());
}

TEST(DenialsTest, LetsAFloodOfManyNamesFillNothing) {
  Denials denials;
  size_t rows = 0;
  for (int i = 0; i < 10'000; ++i) {
    rows += denials.Add(Denied(absl::StrCat("mallory", i)), At(0)).size();
  }
  EXPECT_EQ(rows, kDenialKindsMax + 1);
  EXPECT_THAT(denials.Sums(absl::InfiniteFuture()),
              ElementsAre(Field(&store::AuditRow::actor, "(others)")));
}

TEST(DenialsTest, TellsASumWithTheFirstRefusalOfTheNextWindow) {
  Denials denials;
  denials.Add(Denied("ann"), At(0));
  denials.Add(Denied("ann"), At(1));
  EXPECT_THAT(denials.Add(Denied("ann"), At(100)), SizeIs(2));
}

}  // namespace
}  // namespace keyturn::audit
