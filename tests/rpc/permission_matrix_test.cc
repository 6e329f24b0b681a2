// Every RPC × every role × every way to come, tried at the real server and
// compared with permissions.txt. The RPCs come from the descriptors.
#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/dynamic_message.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "daemon/access/policy.h"
#include "tests/rpc/raw_call.h"
#include "tests/rpc/served_daemon.h"
#include "tests/support/status_matchers.h"
#include "tests/support/svid.h"

namespace keyturn::rpc {
namespace {

using access::Role;
using access::Roles;
using testing::CallRaw;
using testing::DetailsOf;
using ::testing::IsEmpty;
using testing::IsOk;

using Channel = std::shared_ptr<grpc::Channel>;

constexpr char kNoRole[] = "no-role";
constexpr char kAnonymous[] = "anonymous";

// Which columns have an x, by RPC.
using Matrix = std::map<std::string, std::set<std::string>>;

Matrix ReadMatrix() {
  std::ifstream file(KEYTURN_PERMISSIONS);
  std::vector<std::string> columns;
  Matrix matrix;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    const std::vector<std::string> words =
        absl::StrSplit(line, ' ', absl::SkipEmpty());
    if (columns.empty()) {
      columns = words;
      continue;
    }
    EXPECT_EQ(words.size(), columns.size()) << line;
    std::set<std::string>& may = matrix[words[0]];
    for (size_t i = 1; i < words.size(); ++i) {
      EXPECT_TRUE(words[i] == "x" || words[i] == ".") << line;
      if (words[i] == "x") may.insert(columns[i]);
    }
  }
  return matrix;
}

// Users of the machine, one for each role of kAllRoles, and one whom the
// configuration does not name.
constexpr uid_t kFirstUid = 40001;
constexpr uid_t kRefusedUid = 40000;

// Who calls: one role each, or none.
struct Caller {
  std::string column;
  Roles roles;
};

std::vector<Caller> Callers() {
  std::vector<Caller> callers;
  for (const Role role : access::kAllRoles) {
    callers.push_back({std::string(access::Name(role)), {role}});
  }
  callers.push_back({kNoRole, {}});
  return callers;
}

std::string SpiffeIdOf(const std::string& name) {
  return "spiffe://test.example/" + name;
}

// What became of a call. The gate's refusals have a reason; before gRPC's own
// services there is only a code.
enum class Outcome { kLetIn, kNotPermitted, kNotIdentified, kNotConnected };

Outcome OutcomeOf(const grpc::Status& status) {
  switch (status.error_code()) {
    case grpc::StatusCode::PERMISSION_DENIED:
      return Outcome::kNotPermitted;
    case grpc::StatusCode::UNAUTHENTICATED:
      return !status.error_details().empty() &&
                     DetailsOf(status).reason == "INVITATION_REFUSED"
                 ? Outcome::kLetIn
                 : Outcome::kNotIdentified;
    case grpc::StatusCode::UNAVAILABLE:
      return Outcome::kNotConnected;
    default:
      return Outcome::kLetIn;
  }
}

class PermissionMatrixTest : public ::testing::Test {
 protected:
  // Tries every RPC on `channel`; the cells of a row that differ from what
  // `expected` says of it.
  template <typename Expected>
  void Try(const std::string& who, const Channel& channel, Expected expected) {
    for (const std::string& rpc : ServedRpcs()) {
      TryOne(rpc, who, channel, expected(rpc));
    }
  }
  void TryOne(const std::string& rpc, const std::string& who,
              const Channel& channel, Outcome expected) {
    const grpc::Status status = CallRaw(channel, rpc, /*request=*/"",
                                        /*answer=*/nullptr, /*hang_up=*/true);
    EXPECT_EQ(OutcomeOf(status), expected)
        << rpc << " for " << who << ": " << status.error_code() << " "
        << status.error_message();
    tried_.insert({rpc, who});
  }

  access::CertifiedKey CertificateOf(const Caller& caller) {
    return access::IssueClientCertificate(daemon_.ca, caller.column,
                                          caller.roles, absl::Now(),
                                          access::kClientLifetime)
        .value();
  }
  Channel Connected(const access::CertifiedKey& client) {
    const Channel channel = daemon_.Tls(daemon_.ca.certificate_pem, client);
    EXPECT_TRUE(channel->WaitForConnected(std::chrono::system_clock::now() +
                                          testing::kCallPatience));
    return channel;
  }
  void Revoke(const std::string& name) {
    // RevokeIdentityRequest{name: NAME}.
    const std::string request = absl::StrCat(
        "\x0a", std::string(1, static_cast<char>(name.size())), name);
    EXPECT_TRUE(
        CallRaw(daemon_.Unix(), "keyturn.v1.Access/RevokeIdentity", request)
            .ok());
  }

  const Matrix matrix_ = ReadMatrix();
  // Its certificate for "spiffe://test.example/NAME".
  Channel OutsideAs(const testing::Svid& svid) {
    return OutsideAs(svid, outside_);
  }
  Channel OutsideAs(const testing::Svid& svid, const testing::PemPair& ca) {
    const testing::PemPair pair = testing::IssueSvid(&ca, svid);
    return daemon_.Tls(daemon_.ca.certificate_pem,
                       {pair.certificate_pem, secret::Secret(pair.key_pem)});
  }

  const testing::PemPair outside_ =
      testing::IssueSvid(nullptr, testing::AuthoritySvid("outside-ca"));
  testing::ServedDaemon daemon_{[this](Server::Options& options) {
    uid_t uid = kFirstUid;
    options.tcp->outside_ca.emplace();
    options.tcp->outside_ca->ca_pem = outside_.certificate_pem;
    for (const Role role : access::kAllRoles) {
      options.unix_peers[uid++] = {{role}};
      EXPECT_THAT(options.tcp->outside_ca->grants.Add(
                      SpiffeIdOf(std::string(access::Name(role))), {{role}}),
                  IsOk());
    }
  }};
  std::set<std::pair<std::string, std::string>> tried_;
};

TEST_F(PermissionMatrixTest, HasARowForExactlyTheServedRpcs) {
  const std::vector<std::string> served = ServedRpcs();
  std::set<std::string> rows;
  for (const auto& [rpc, may] : matrix_) rows.insert(rpc);
  EXPECT_EQ(rows, std::set<std::string>(served.begin(), served.end()));
}

TEST_F(PermissionMatrixTest, TheTableSaysTheSame) {
  for (const auto& [rpc, may] : matrix_) {
    for (const Caller& caller : Callers()) {
      access::Identity identity;
      identity.name = "somebody";
      identity.roles = caller.roles;
      EXPECT_EQ(access::Authorize(identity, rpc).ok(),
                may.contains(caller.column))
          << rpc << " for " << caller.column;
    }
    EXPECT_EQ(access::Authorize(access::Identity(), rpc).ok(),
              may.contains(kAnonymous))
        << rpc;
  }
}

TEST_F(PermissionMatrixTest, EveryRpcForEveryRoleOnEveryTransport) {
  const std::vector<Caller> callers = Callers();
  const auto as_written = [this](const std::string& column) {
    return [this, column](const std::string& rpc) {
      if (matrix_.at(rpc).contains(column)) return Outcome::kLetIn;
      return column == kAnonymous ? Outcome::kNotIdentified
                                  : Outcome::kNotPermitted;
    };
  };
  const auto always = [](Outcome outcome) {
    return [outcome](const std::string&) { return outcome; };
  };
  const auto other_ca = access::MakeCa("test-ca", absl::Now()).value();

  Try("unix, owner", daemon_.Unix(), as_written("administrator"));
  size_t unix_ways = 1;
  if (testing::CanActAsOthers()) {
    uid_t uid = kFirstUid;
    for (const Role role : access::kAllRoles) {
      const std::string column(access::Name(role));
      Try("unix " + column, daemon_.UnixAs(uid++), as_written(column));
    }
    Try("unix, refused", daemon_.UnixAs(kRefusedUid),
        always(Outcome::kNotConnected));
    unix_ways += access::kAllRoles.size() + 1;
  }
  Try("plain tcp", daemon_.PlainTcp(), always(Outcome::kNotConnected));
  // Each over a connection of its own, since one may not make so many calls.
  for (const std::string& rpc : ServedRpcs()) {
    TryOne(rpc, kAnonymous, daemon_.Tls(daemon_.ca.certificate_pem, {}),
           as_written(kAnonymous)(rpc));
  }
  std::map<std::string, Channel> valid;
  for (const Caller& caller : callers) {
    const std::string& column = caller.column;
    valid[column] = daemon_.Tls(caller.roles, column);
    Try("valid " + column, valid[column], as_written(column));

    Try("unknown " + column, Connected(CertificateOf(caller)),
        always(Outcome::kNotIdentified));

    const auto foreign =
        access::IssueClientCertificate(other_ca, column, caller.roles,
                                       absl::Now(), access::kClientLifetime)
            .value();
    Try("wrong authority " + column,
        daemon_.Tls(daemon_.ca.certificate_pem, foreign),
        always(Outcome::kNotConnected));

    const auto old = access::IssueClientCertificate(
                         daemon_.ca, column, caller.roles,
                         absl::Now() - absl::Hours(48), absl::Hours(24))
                         .value();
    daemon_.Enter(old);
    Try("expired " + column, daemon_.Tls(daemon_.ca.certificate_pem, old),
        always(Outcome::kNotConnected));
  }
  size_t outside_ways = 0;
  for (const Role role : access::kAllRoles) {
    const std::string column(access::Name(role));
    const Channel outside = OutsideAs({.uris = {SpiffeIdOf(column)}});
    Try("outside " + column, outside, as_written(column));
    valid["outside " + column] = outside;
    outside_ways += 2;
  }
  const std::string administrator = SpiffeIdOf("administrator");
  Try("outside, not named", OutsideAs({.uris = {SpiffeIdOf("nobody")}}),
      always(Outcome::kNotIdentified));
  Try("outside, two names",
      OutsideAs({.uris = {administrator, SpiffeIdOf("reader")}}),
      always(Outcome::kNotIdentified));
  Try("outside, our names",
      OutsideAs({.uris = {"keyturn:role:administrator"},
                 .common_name = "administrator"}),
      always(Outcome::kNotIdentified));
  Try("outside, expired",
      OutsideAs({.uris = {administrator},
                 .begins_seconds = -7200,
                 .ends_seconds = -3600}),
      always(Outcome::kNotConnected));
  Try("outside, wrong authority",
      OutsideAs(
          {.uris = {administrator}},
          testing::IssueSvid(nullptr, testing::AuthoritySvid("outside-ca"))),
      always(Outcome::kNotConnected));
  outside_ways += 5;
  for (const Caller& caller : callers) {
    const auto revoked = access::IssueClientCertificate(
                             daemon_.ca, "out-" + caller.column, caller.roles,
                             absl::Now(), access::kClientLifetime)
                             .value();
    daemon_.Enter(revoked);
    const Channel channel = Connected(revoked);
    Revoke("out-" + caller.column);
    Try("revoked " + caller.column, channel, always(Outcome::kNotIdentified));
  }
  daemon_.clock.Advance(access::kClientLifetime + absl::Hours(1));
  for (const auto& [column, channel] : valid) {
    Try("expired while connected " + column, channel,
        always(Outcome::kNotIdentified));
  }

  constexpr size_t kWaysWithRoles = 6;
  // Plain TCP, and TLS without a certificate.
  constexpr size_t kWaysWithout = 2;
  EXPECT_EQ(tried_.size(),
            ServedRpcs().size() * (callers.size() * kWaysWithRoles +
                                   kWaysWithout + unix_ways + outside_ways))
      << "every cell was tried";
}

// A caller without permission hears the same whether what it names is there or
// not.
TEST_F(PermissionMatrixTest, NobodyLearnsWhatThereIsWithoutPermission) {
  const auto migration = testing::FullMigration();
  ASSERT_THAT(
      daemon_.store->CommitAndWait(testing::NewBatch(migration)).status(),
      IsOk());
  const Channel nobody = daemon_.Tls(Roles(), "nobody");
  const auto* pool = google::protobuf::DescriptorPool::generated_pool();
  google::protobuf::DynamicMessageFactory factory;
  int named = 0;
  for (const auto& [rpc, may] : matrix_) {
    if (may.contains(kNoRole)) continue;
    const std::vector<std::string> parts = absl::StrSplit(rpc, '/');
    const auto* method =
        pool->FindServiceByName(parts[0])->FindMethodByName(parts[1]);
    const auto* field = method->input_type()->FindFieldByName("name");
    if (field == nullptr) continue;
    ++named;
    const auto ask = [&](const std::string& name) {
      const std::unique_ptr<google::protobuf::Message> request(
          factory.GetPrototype(method->input_type())->New());
      request->GetReflection()->SetString(request.get(), field, name);
      return CallRaw(nobody, rpc, request->SerializeAsString());
    };
    const grpc::Status there = ask("migrations/" + migration.id);
    const grpc::Status absent = ask("migrations/aaaaaaaaaaaaaaaa");
    const grpc::Status nonsense = ask("?");
    EXPECT_EQ(there.error_code(), grpc::StatusCode::PERMISSION_DENIED) << rpc;
    for (const grpc::Status& other : {absent, nonsense}) {
      EXPECT_EQ(other.error_code(), there.error_code()) << rpc;
      EXPECT_EQ(other.error_message(), there.error_message()) << rpc;
      EXPECT_EQ(other.error_details(), there.error_details()) << rpc;
    }
  }
  EXPECT_GE(named, 15);
}

}  // namespace
}  // namespace keyturn::rpc
