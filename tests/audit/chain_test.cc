#include "daemon/audit/chain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <numeric>

#include "absl/strings/escaping.h"
#include "daemon/audit/sealer.h"
#include "daemon/store/codec.h"
#include "tests/support/status_matchers.h"

namespace keyturn::audit {
namespace {

using testing::HasCode;

// The text that testdata/row_1.txt has under `name`; it must be there.
std::string Golden(const std::string& name) {
  std::ifstream file(KEYTURN_TESTDATA "/row_1.txt");
  std::string line;
  while (std::getline(file, line)) {
    if (line.rfind(name + " ", 0) == 0) return line.substr(name.size() + 1);
  }
  ADD_FAILURE() << "the golden file has no line " << name;
  return "";
}

ChainKey TestKey() {
  std::string root(32, '\0');
  std::iota(root.begin(), root.end(), static_cast<char>(0));
  return ChainKey::DeriveFrom(secret::Secret(root)).value();
}

// The row that the golden file is about.
store::AuditRow GoldenRow() {
  store::AuditRow row;
  row.sequence = 2;
  row.time = store::DecodeTime(1767225600123456789);
  row.actor = "ann";
  row.transport = "tls";
  row.subject = "CN=ann";
  row.serial = "0a1b";
  row.peer = "ipv4:127.0.0.1:4711";
  row.action = "keyturn.v1.Credentials/CreateCredential";
  row.target = "credentials/acme";
  row.request_id = "request-1";
  row.digest = "d1";
  row.result = "OK";
  row.detail = "version 1";
  return row;
}

TEST(ChainTest, ChainsAndSealsAsTheGoldenFileSays) {
  const ChainKey key = TestKey();
  EXPECT_EQ(absl::BytesToHexString(key.id()), Golden("key_id"));
  const std::string before(kHeadBytes, '\x11');
  const store::AuditRow row = GoldenRow();
  EXPECT_EQ(absl::BytesToHexString(HeadAfter(row, 2, before)), Golden("head"));
  EXPECT_EQ(absl::BytesToHexString(MakeSeal(row, before, &key)),
            Golden("seal"));
  EXPECT_EQ(absl::BytesToHexString(MakeSeal(row, before, nullptr)),
            Golden("seal_without_key"));
}

TEST(ChainTest, SaysInTheSealWhereTheRowStood) {
  const ChainKey key = TestKey();
  const std::string before(kHeadBytes, '\x11');
  const auto seal = ParseSeal(MakeSeal(GoldenRow(), before, &key));
  ASSERT_THAT(seal, testing::IsOk());
  EXPECT_EQ(seal->key_id, key.id());
  EXPECT_EQ(seal->sequence, 2);
  EXPECT_EQ(seal->head_before, before);
  EXPECT_THAT(ParseSeal(""), HasCode(absl::StatusCode::kDataLoss));
  EXPECT_THAT(ParseSeal(std::string(kSealBytes, '\x02')),
              HasCode(absl::StatusCode::kDataLoss));
}

TEST(ChainTest, NoticesAChangeOfEveryField) {
  const ChainKey key = TestKey();
  store::AuditRow row = GoldenRow();
  row.seal = MakeSeal(row, "", &key);
  ASSERT_TRUE(IsSealedUnder(row, key));
  for (std::string store::AuditRow::*field :
       {&store::AuditRow::actor, &store::AuditRow::transport,
        &store::AuditRow::subject, &store::AuditRow::serial,
        &store::AuditRow::peer, &store::AuditRow::action,
        &store::AuditRow::target, &store::AuditRow::request_id,
        &store::AuditRow::digest, &store::AuditRow::result,
        &store::AuditRow::detail}) {
    store::AuditRow edited = row;
    (edited.*field).push_back('x');
    EXPECT_FALSE(IsSealedUnder(edited, key));
  }
  store::AuditRow later = row;
  later.time += absl::Nanoseconds(1);
  EXPECT_FALSE(IsSealedUnder(later, key));
  // Two fields that together read the same.
  store::AuditRow shifted = row;
  shifted.actor = "an";
  shifted.transport = "ntls";
  EXPECT_FALSE(IsSealedUnder(shifted, key));
}

TEST(ChainTest, NoticesEveryFlippedBitOfTheSeal) {
  const ChainKey key = TestKey();
  store::AuditRow row = GoldenRow();
  row.seal = MakeSeal(row, "", &key);
  for (size_t bit = 0; bit < 8 * kSealBytes; ++bit) {
    store::AuditRow flipped = row;
    flipped.seal[bit / 8] ^= static_cast<char>(1 << bit % 8);
    EXPECT_FALSE(IsSealedUnder(flipped, key)) << bit;
  }
}

TEST(ChainTest, IsNotFooledByAnotherRootKey) {
  const ChainKey other =
      ChainKey::DeriveFrom(secret::Secret(std::string(32, 'x'))).value();
  store::AuditRow row = GoldenRow();
  row.seal = MakeSeal(row, "", &other);
  EXPECT_FALSE(IsSealedUnder(row, TestKey()));
  EXPECT_NE(other.id(), TestKey().id());
}

TEST(SealerTest, SealsWithoutAKeyUntilThereIsOne) {
  Sealer sealer;
  store::AuditRow row = GoldenRow();
  row.seal = sealer.Seal(row, "").value();
  EXPECT_EQ(ParseSeal(row.seal)->key_id, "");
  sealer.SetKey(std::make_shared<ChainKey>(TestKey()));
  row.seal = sealer.Seal(row, "").value();
  EXPECT_TRUE(IsSealedUnder(row, TestKey()));
  EXPECT_EQ(sealer.HeadAfter(row, "ignored: the seal says it"),
            HeadAfter(row, 2, FirstHead()));
}

}  // namespace
}  // namespace keyturn::audit
