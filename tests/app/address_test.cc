#include "daemon/app/address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace keyturn::app {
namespace {

using testing::HasCode;

TEST(ParseAddressTest, TakesNamesAndAddresses) {
  for (const char* text :
       {"127.0.0.1:7443", "localhost:0", "[::1]:65535", "a-b.example:1"}) {
    const auto address = ParseAddress(text);
    ASSERT_TRUE(address.ok()) << text;
    EXPECT_EQ(address->ToString(), text);
  }
  EXPECT_EQ(ParseAddress("[::1]:7443")->host, "::1");
}

TEST(ParseAddressTest, RefusesEverythingElse) {
  for (const char* text :
       {"", ":", "7443", "host", "host:", ":7443", "host:65536", "host:-1",
        "host:x", "::1:7443", "[::1]", "[host]:1", "a b:1", "unix:/x"}) {
    EXPECT_THAT(ParseAddress(text), HasCode(absl::StatusCode::kInvalidArgument))
        << text;
  }
}

TEST(AddressTest, KnowsTheWildcards) {
  EXPECT_TRUE(ParseAddress("0.0.0.0:1")->IsWildcard());
  EXPECT_TRUE(ParseAddress("[::]:1")->IsWildcard());
  EXPECT_FALSE(ParseAddress("127.0.0.1:1")->IsWildcard());
}

TEST(FindFreePortTest, FindsOneOnThisMachineOnly) {
  EXPECT_GT(FindFreePort("127.0.0.1").value(), 0);
  EXPECT_THAT(FindFreePort("192.0.2.1"),
              HasCode(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace keyturn::app
