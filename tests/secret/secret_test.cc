#include "daemon/secret/secret.h"

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <type_traits>
#include <utility>

#include "daemon/secret/digest.h"

namespace keyturn::secret {
namespace {

constexpr std::string_view kText = "correct horse battery staple";

// What cannot be done by accident.
static_assert(!std::is_copy_constructible_v<Secret>);
static_assert(!std::is_copy_assignable_v<Secret>);
static_assert(!std::is_convertible_v<std::string, Secret>);
static_assert(!std::is_convertible_v<Secret, std::string>);
static_assert(!std::is_convertible_v<Secret, std::string_view>);
template <typename T>
concept Printable = requires(std::ostream& out, const T& value) {
  out << value;
};
static_assert(!Printable<Secret>);
template <typename T>
concept Comparable = requires(const T& a, const T& b) {
  a == b;
};
static_assert(!Comparable<Secret>);

TEST(SecretTest, HoldsItsBytes) {
  const Secret secret(kText);
  EXPECT_EQ(secret.Expose(), kText);
  EXPECT_EQ(secret.size(), kText.size());
  EXPECT_FALSE(secret.empty());
  EXPECT_TRUE(Secret().empty());
  EXPECT_EQ(Secret("").Expose(), "");
  EXPECT_EQ(Secret(std::string_view("a\0b", 3)).size(), 3u);
}

TEST(SecretTest, IsMadeOfZerosToBeFilled) {
  Secret secret = Secret::OfSize(4);
  EXPECT_EQ(secret.Expose(), std::string_view("\0\0\0\0", 4));
  secret.ExposeMutable()[1] = 'x';
  EXPECT_EQ(secret.Expose(), std::string_view("\0x\0\0", 4));
  EXPECT_TRUE(Secret::OfSize(0).empty());
}

TEST(SecretTest, MovesWithoutACopy) {
  Secret from(kText);
  const char* const bytes = from.Expose().data();
  Secret to(std::move(from));
  EXPECT_EQ(to.Expose().data(), bytes);
  EXPECT_TRUE(from.empty());  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(from.Expose(), "");

  Secret assigned("another");
  assigned = std::move(to);
  EXPECT_EQ(assigned.Expose(), kText);
  Secret& same = assigned;
  assigned = std::move(same);
  EXPECT_EQ(assigned.Expose(), kText);
}

TEST(SecretTest, ClonesOnPurpose) {
  const Secret original(kText);
  const Secret clone = original.Clone();
  EXPECT_EQ(clone.Expose(), kText);
  EXPECT_NE(clone.Expose().data(), original.Expose().data());
}

TEST(SecretTest, TakesTheBytesOutOfAString) {
  std::string source(kText);
  const char* const bytes = source.data();
  const size_t size = source.size();
  const Secret secret = Secret::Take(source);
  EXPECT_EQ(secret.Expose(), kText);
  EXPECT_TRUE(source.empty());
  // The string keeps its buffer.
  ASSERT_EQ(source.data(), bytes);
  source.resize(size);
  EXPECT_EQ(source, std::string(size, '\0'));
}

TEST(SecretTest, WipesTheWholeBufferOfAString) {
  std::string text(100, 'x');
  text.resize(10);
  const char* const bytes = text.data();
  WipeString(text);
  EXPECT_TRUE(text.empty());
  ASSERT_EQ(text.data(), bytes);
  text.resize(100);
  EXPECT_EQ(text, std::string(100, '\0'));
}

TEST(SecretTest, ComparesBytes) {
  EXPECT_TRUE(Equal(Secret(kText), Secret(kText)));
  EXPECT_FALSE(Equal(Secret("one"), Secret("two")));
  EXPECT_FALSE(Equal(Secret("one"), Secret("one more")));
  EXPECT_FALSE(Equal(Secret("one"), Secret()));
  EXPECT_TRUE(Equal(Secret(), Secret("")));
}

TEST(DigestTest, GivesTheStandardsVectors) {
  // FIPS 180-2, appendix B.1 and B.2.
  EXPECT_EQ(Sha256Hex("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(
      Sha256Hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(Sha256Hex(""),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

}  // namespace
}  // namespace keyturn::secret
