#include "daemon/rpc/names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/rpc/pages.h"
#include "keyturn/v1/tasks.pb.h"
#include "tests/support/status_matchers.h"

namespace keyturn::rpc {
namespace {

using ::testing::AllOf;
using testing::HasCode;
using ::testing::HasSubstr;
using testing::IsOk;
using testing::IsOkAndHolds;
using testing::MessageIs;

constexpr char kId[] = "abcdefghijklmno2";

TEST(ParseNameTest, TakesTheFullNameAndTheShortId) {
  EXPECT_THAT(ParseMigrationName("name", kId), IsOkAndHolds(std::string(kId)));
  EXPECT_THAT(ParseMigrationName("name", std::string("migrations/") + kId),
              IsOkAndHolds(std::string(kId)));
  EXPECT_THAT(ParseTaskName("name", std::string("tasks/") + kId),
              IsOkAndHolds(std::string(kId)));
  EXPECT_THAT(ParseAccountName("name", "accounts/acme-ns"),
              IsOkAndHolds(std::string("acme-ns")));
  EXPECT_THAT(ParseCredentialName("name", "acme"),
              IsOkAndHolds(std::string("acme")));
}

TEST(ParseNameTest, RefusesOtherFormsAndNamesTheField) {
  for (const char* name :
       {"", "migrations/", "tasks/abcdefghijklmno2", "abc", "-",
        "ABCDEFGHIJKLMNO2", "migrations/migrations/abcdefghijklmno2",
        "abcdefghijklmno2/", "abcdefghijklmno1"}) {
    const auto parsed = ParseMigrationName("name", name);
    EXPECT_THAT(parsed, AllOf(HasCode(absl::StatusCode::kInvalidArgument),
                              MessageIs(HasSubstr("migrations/{id}"))))
        << name;
    EXPECT_EQ(base::FieldOf(parsed.status()), "name") << name;
  }
}

TEST(ParseNameTest, ADashStandsForAllWhereThatIsAllowed) {
  EXPECT_THAT(ParseMigrationParent("parent", "migrations/-"),
              IsOkAndHolds(std::string()));
  EXPECT_THAT(ParseMigrationParent("parent", "-"), IsOkAndHolds(std::string()));
  EXPECT_THAT(ParseMigrationParent("parent", kId),
              IsOkAndHolds(std::string(kId)));
}

TEST(EtagTest, IsTheRevisionAndNothingElse) {
  EXPECT_EQ(ParseEtag("").value(), std::nullopt);
  EXPECT_EQ(ParseEtag(EtagOf(12)).value(), 12);
  for (const char* etag :
       {"0", "-1", "012", "+1", " 1", "x", "1.0", "99999999999999999999"}) {
    EXPECT_EQ(base::FieldOf(ParseEtag(etag).status()), "etag") << etag;
  }
}

TEST(RequestIdTest, HasEightToSixtyFourPlainCharacters) {
  EXPECT_THAT(CheckRequestId(""), IsOk());
  EXPECT_THAT(CheckRequestId("aZ09_-aa"), IsOk());
  EXPECT_THAT(CheckRequestId(std::string(64, 'a')), IsOk());
  for (const std::string& id :
       {std::string("short"), std::string(65, 'a'), std::string("abcdefg h"),
        std::string("abcdefg\n")}) {
    EXPECT_EQ(base::FieldOf(CheckRequestId(id)), "request_id") << id;
  }
}

TEST(ProseTest, IsBoundedAndHasNoControlCharacters) {
  EXPECT_THAT(CheckProse("reason", "two\nlines\tand \xc3\xa4", 100), IsOk());
  EXPECT_EQ(base::FieldOf(CheckProse("reason", "abcd", 3)), "reason");
  EXPECT_EQ(base::FieldOf(CheckProse("reason", "\x1b[31m", 100)), "reason");
}

TEST(PageSizeTest, HasADefaultAndALimit) {
  EXPECT_THAT(ParsePageSize(0, 50), IsOkAndHolds(50));
  EXPECT_THAT(ParsePageSize(7, 50), IsOkAndHolds(7));
  EXPECT_THAT(ParsePageSize(5000, 50), IsOkAndHolds(1000));
  EXPECT_EQ(base::FieldOf(ParsePageSize(-1, 50).status()), "page_size");
}

TEST(PageTokenTest, ReadsBackForTheSameList) {
  const std::string token = MakePageToken("ListTasks 1", "17:abc");
  EXPECT_THAT(ParsePageToken("ListTasks 1", token),
              IsOkAndHolds(std::string("17:abc")));
  EXPECT_EQ(MakePageToken("ListTasks 1", ""), "");
  EXPECT_THAT(ParsePageToken("ListTasks 1", ""), IsOkAndHolds(std::string()));
}

TEST(PageTokenTest, IsRefusedForAnotherListAndWhenDamaged) {
  const std::string token = MakePageToken("ListTasks 1", "17");
  EXPECT_EQ(base::FieldOf(ParsePageToken("ListTasks 0", token).status()),
            "page_token");
  for (size_t i = 0; i < token.size(); ++i) {
    std::string damaged = token;
    damaged[i] = damaged[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(ParsePageToken("ListTasks 1", damaged).ok()) << i;
    EXPECT_FALSE(ParsePageToken("ListTasks 1", token.substr(0, i)).ok() &&
                 i > 0)
        << i;
  }
  EXPECT_FALSE(ParsePageToken("ListTasks 1", std::string(4096, 'A')).ok());
}

TEST(FillPageTest, CutsAPageThatWouldBeTooLarge) {
  v1::ListTasksResponse page;
  const auto fill = [](int limit, v1::ListTasksResponse* response) {
    for (int i = 0; i < limit; ++i) {
      response->add_tasks()->set_evidence(std::string(1024 * 1024, 'x'));
    }
    return absl::OkStatus();
  };

  ASSERT_THAT(FillPage(8, &page, fill), IsOk());
  EXPECT_EQ(page.tasks_size(), 2);
  EXPECT_LE(page.ByteSizeLong(), kPageBytesMax);
}

TEST(FillPageTest, AlwaysGivesOneItem) {
  v1::ListTasksResponse page;
  const auto fill = [](int limit, v1::ListTasksResponse* response) {
    for (int i = 0; i < limit; ++i) {
      response->add_tasks()->set_evidence(std::string(kPageBytesMax, 'x'));
    }
    return absl::OkStatus();
  };

  ASSERT_THAT(FillPage(8, &page, fill), IsOk());
  EXPECT_EQ(page.tasks_size(), 1);
}

}  // namespace
}  // namespace keyturn::rpc
