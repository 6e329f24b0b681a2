#include "daemon/base/id.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace keyturn::base {
namespace {

TEST(IdTest, GivesAFreshIdEachTime) {
  std::set<std::string> ids;
  for (int i = 0; i < 1000; ++i) {
    const std::string id = NewId();
    EXPECT_EQ(id.size(), 16u);
    EXPECT_TRUE(IsId(id)) << id;
    ids.insert(id);
  }
  EXPECT_EQ(ids.size(), 1000u);
}

TEST(IdTest, UsesTheWholeAlphabet) {
  std::set<char> letters;
  for (int i = 0; i < 1000; ++i) {
    for (const char letter : NewId()) letters.insert(letter);
  }
  EXPECT_EQ(letters.size(), 32u);
}

TEST(IdTest, KnowsAnIdByItsForm) {
  EXPECT_TRUE(IsId("abcdefghijklmn27"));
  for (const char* text :
       {"", "abcdefghijklmn2", "abcdefghijklmn277", "Abcdefghijklmn27",
        "abcdefghijklmn21", "abcdefghijklmn2/"}) {
    EXPECT_FALSE(IsId(text)) << text;
  }
}

TEST(IdTest, KnowsANameByItsForm) {
  EXPECT_TRUE(IsResourceName("a"));
  EXPECT_TRUE(IsResourceName("acme-ns-2"));
  EXPECT_TRUE(IsResourceName(std::string(63, 'a')));
  for (const std::string& text :
       {std::string(), std::string(64, 'a'), std::string("2acme"),
        std::string("-acme"), std::string("Acme"), std::string("ac me"),
        std::string("ac/me"), std::string("acm\xc3\xa9"),
        std::string("a\0b", 3)}) {
    EXPECT_FALSE(IsResourceName(text)) << text;
  }
}

}  // namespace
}  // namespace keyturn::base
