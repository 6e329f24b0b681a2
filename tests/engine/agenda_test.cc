#include "daemon/engine/agenda.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace keyturn::engine {
namespace {

using ::testing::Eq;
using ::testing::Optional;

const absl::Time kNoon = absl::FromUnixSeconds(1'800'000'000);
const std::string kFirst = "aaaaaaaaaaaaaaaa";
const std::string kSecond = "bbbbbbbbbbbbbbbb";

TEST(AgendaTest, GivesWhatIsDueAndNothingElse) {
  Agenda agenda;
  agenda.Put(kFirst, kNoon + absl::Seconds(2));
  agenda.Put(kSecond, kNoon + absl::Seconds(1));

  EXPECT_EQ(agenda.TakeDue(kNoon), std::nullopt);
  EXPECT_THAT(agenda.TakeDue(kNoon + absl::Seconds(5)), Optional(kSecond));
  EXPECT_THAT(agenda.TakeDue(kNoon + absl::Seconds(5)), Optional(kFirst));
  EXPECT_EQ(agenda.TakeDue(kNoon + absl::Seconds(5)), std::nullopt);
}

TEST(AgendaTest, KeepsTheOrderOfThoseDueAtTheSameInstant) {
  Agenda agenda;
  agenda.Put(kSecond, kNoon);
  agenda.Put(kFirst, kNoon);

  EXPECT_THAT(agenda.TakeDue(kNoon), Optional(kSecond));
  EXPECT_THAT(agenda.TakeDue(kNoon), Optional(kFirst));
}

TEST(AgendaTest, ReplacesWhatWasPutDownBefore) {
  Agenda agenda;
  agenda.Put(kFirst, kNoon);
  agenda.Put(kFirst, kNoon + absl::Hours(1));

  EXPECT_EQ(agenda.size(), 1u);
  EXPECT_EQ(agenda.TakeDue(kNoon), std::nullopt);
  EXPECT_THAT(agenda.NextInstant(), Optional(Eq(kNoon + absl::Hours(1))));
}

TEST(AgendaTest, ForgetsWhatWasRemoved) {
  Agenda agenda;
  agenda.Put(kFirst, kNoon);
  agenda.Remove(kFirst);
  agenda.Remove(kSecond);

  EXPECT_EQ(agenda.size(), 0u);
  EXPECT_EQ(agenda.NextInstant(), std::nullopt);
}

}  // namespace
}  // namespace keyturn::engine
