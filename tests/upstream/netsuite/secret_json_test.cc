#include "daemon/upstream/netsuite/secret_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace keyturn::netsuite {
namespace {

using ::testing::Eq;
using ::testing::Optional;

TEST(FindScalarTest, FindsStringsAndLiteralsInAnyOrder) {
  constexpr std::string_view kJson =
      " { \"a\" : \"one\",\n\"n\":3600 , \"t\":true,\"tokenId\":\"x\"}";
  EXPECT_THAT(FindScalar(kJson, "a"), Optional(Eq("one")));
  EXPECT_THAT(FindScalar(kJson, "n"), Optional(Eq("3600")));
  EXPECT_THAT(FindScalar(kJson, "t"), Optional(Eq("true")));
  EXPECT_THAT(FindScalar(kJson, "tokenId"), Optional(Eq("x")));
}

TEST(FindScalarTest, PassesOverWhatIsNested) {
  constexpr std::string_view kJson =
      R"({"inner":{"a":"no","b":[{"a":"}"}]},"list":["a","]"],"a":"yes"})";
  EXPECT_THAT(FindScalar(kJson, "a"), Optional(Eq("yes")));
  EXPECT_EQ(FindScalar(kJson, "inner"), std::nullopt);
  EXPECT_EQ(FindScalar(kJson, "b"), std::nullopt);
}

TEST(FindScalarTest, IsNotMisledByTextInsideStrings) {
  EXPECT_EQ(FindScalar(R"({"x":"\",\"a\":\"evil"})", "a"), std::nullopt);
  EXPECT_EQ(FindScalar(R"({"x":"a","y":"z"})", "z"), std::nullopt);
  EXPECT_EQ(FindScalar(R"({"a":"with\\escape"})", "a"), std::nullopt);
}

TEST(FindScalarTest, GivesNothingForTextThatEndsTooEarly) {
  const std::string json = R"({"inner":{"b":[1,"x"]},"n":12,"a":"value"})";
  for (size_t size = 0; size + 1 < json.size(); ++size) {
    EXPECT_EQ(FindScalar(json.substr(0, size), "a"), std::nullopt) << size;
  }
  EXPECT_THAT(FindScalar(json, "a"), Optional(Eq("value")));
}

TEST(FindScalarTest, GivesNothingForWhatIsNoObject) {
  for (const char* text : {"", "[]", "\"a\"", "<html>", "{}", "{]}", "{\"a\"}",
                           "{\"a\":}", "{a:1}", "}}}"}) {
    EXPECT_EQ(FindScalar(text, "a"), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace keyturn::netsuite
