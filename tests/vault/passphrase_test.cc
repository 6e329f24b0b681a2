#include "daemon/vault/passphrase.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "tests/store/samples.h"
#include "tests/support/status_matchers.h"
#include "tests/vault/golden.h"

namespace keyturn::vault {
namespace {

using secret::Secret;
using ::testing::AllOf;
using testing::Golden;
using testing::HasCode;
using testing::HasReason;
using ::testing::HasSubstr;
using testing::IsOk;
using testing::MessageIs;

constexpr char kPassphrase[] = "correct horse battery staple";

TEST(PassphraseTest, GivesTheKeyThatTheGoldenFileSays) {
  const std::string bytes = Golden("passphrase_file");
  const auto parameters = DecodePassphraseParameters(bytes);
  ASSERT_THAT(parameters, IsOk());
  EXPECT_EQ(EncodePassphraseParameters(*parameters), bytes);

  const auto key = DeriveRootKey(Secret(kPassphrase), *parameters);

  ASSERT_THAT(key, IsOk());
  EXPECT_EQ(key->key.Expose(), Golden("passphrase_root_key"));
}

TEST(PassphraseTest, KnowsAWrongOneByTheCommitment) {
  const auto parameters =
      NewPassphrase(Secret(kPassphrase), kScryptLogNMin).value();
  EXPECT_THAT(DeriveRootKey(Secret(kPassphrase), parameters), IsOk());
  for (const std::string& wrong :
       {std::string(), std::string("correct horse battery stapl"),
        std::string("correct horse battery staple ")}) {
    EXPECT_THAT(DeriveRootKey(Secret(wrong), parameters).status(),
                AllOf(HasCode(absl::StatusCode::kInvalidArgument),
                      HasReason("WRONG_PASSPHRASE"),
                      MessageIs(HasSubstr("type it again"))));
  }
}

TEST(PassphraseTest, TwoOfTheSameGiveDifferentKeys) {
  const auto one = NewPassphrase(Secret(kPassphrase), kScryptLogNMin).value();
  const auto two = NewPassphrase(Secret(kPassphrase), kScryptLogNMin).value();
  EXPECT_NE(DeriveRootKey(Secret(kPassphrase), one)->key.Expose(),
            DeriveRootKey(Secret(kPassphrase), two)->key.Expose());
}

TEST(PassphraseTest, AnAlteredParameterIsAWrongPassphraseOrRefused) {
  const std::string bytes = EncodePassphraseParameters(
      NewPassphrase(Secret(kPassphrase), kScryptLogNMin).value());
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string altered = bytes;
    altered[i] = static_cast<char>(altered[i] ^ 1);
    const auto parameters = DecodePassphraseParameters(altered);
    if (!parameters.ok()) {
      EXPECT_THAT(parameters.status(), HasReason("PASSPHRASE_FILE")) << i;
      continue;
    }
    EXPECT_THAT(DeriveRootKey(Secret(kPassphrase), *parameters).status(),
                HasReason("WRONG_PASSPHRASE"))
        << i;
  }
  EXPECT_THAT(DecodePassphraseParameters(bytes.substr(1)).status(),
              HasReason("PASSPHRASE_FILE"));
  EXPECT_THAT(DecodePassphraseParameters("").status(),
              HasReason("PASSPHRASE_FILE"));
}

// An altered file must not make the daemon take all memory.
TEST(PassphraseTest, RefusesParametersBeyondItsLimits) {
  PassphraseParameters parameters;
  parameters.log_n = kScryptLogNMax + 1;
  EXPECT_THAT(
      DecodePassphraseParameters(EncodePassphraseParameters(parameters)),
      HasReason("PASSPHRASE_FILE"));
  parameters.log_n = kScryptLogNMax;
  parameters.p = kScryptPMax + 1;
  EXPECT_THAT(
      DecodePassphraseParameters(EncodePassphraseParameters(parameters)),
      HasReason("PASSPHRASE_FILE"));
}

TEST(PassphraseTest, RefusesAShortOne) {
  EXPECT_THAT(
      NewPassphrase(Secret("hunter2")).status(),
      AllOf(HasReason("PASSPHRASE_WEAK"), MessageIs(HasSubstr("12 to 1024"))));
  EXPECT_THAT(NewPassphrase(Secret(std::string(1025, 'x'))).status(),
              HasReason("PASSPHRASE_WEAK"));
}

TEST(PassphraseTest, ReadsItsFileAndNamesItInErrors) {
  const testing::TemporaryDirectory directory;
  const std::string path = directory.Path("root.scrypt");
  EXPECT_THAT(ReadPassphraseFile(path).status(),
              AllOf(HasReason("ROOT_KEY_MISSING"), MessageIs(HasSubstr(path))));
  std::ofstream(path, std::ios::binary) << Golden("passphrase_file");
  EXPECT_EQ(
      ReadRootKey(PassphraseFile{path}, Secret(kPassphrase))->key.Expose(),
      Golden("passphrase_root_key"));
  EXPECT_THAT(ReadRootKey(PassphraseFile{path}, Secret()).status(),
              HasReason("PASSPHRASE_REQUIRED"));
  std::ofstream(path, std::ios::binary | std::ios::app) << "x";
  EXPECT_THAT(ReadPassphraseFile(path).status(),
              AllOf(HasReason("PASSPHRASE_FILE"), MessageIs(HasSubstr(path))));
}

}  // namespace
}  // namespace keyturn::vault
