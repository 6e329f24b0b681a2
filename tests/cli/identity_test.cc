// Invitations, and the certificate that renews itself.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "cli/context.h"
#include "cli/identity/certificates.h"
#include "cli/identity/renewal.h"
#include "tests/cli/fake_daemon.h"
#include "tests/cli/harness.h"

namespace keyturn::cli {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

class IdentityTest : public testing::Test {
 protected:
  IdentityTest() {
    daemon_.Start();
    config_ = directory_.Write("config.yaml", daemon_.ContextYaml());
  }

  // As if the certificate had been there for that long.
  void UseCertificate(long age_seconds, long left_seconds) {
    config_ = directory_.Write(
        "config.yaml", daemon_.ContextYaml(MakeClient(
                           daemon_.certificates(), age_seconds, left_seconds)));
  }
  Result Keyturn(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"--config", config_});
    return RunKeyturn(arguments);
  }
  int Renewals() {
    return static_cast<int>(daemon_.request_ids("RenewCertificate").size());
  }

  TemporaryDirectory directory_;
  FakeDaemon daemon_;
  std::string config_;
};

TEST_F(IdentityTest, ContextsTellWhenTheirCertificatesEnd) {
  constexpr long kDay = 24 * 60 * 60;
  const auto list = [this](const std::string& command) {
    return Keyturn({"context", command});
  };
  for (const char* command : {"list", "show"}) {
    UseCertificate(/*age_seconds=*/10 * kDay, /*left_seconds=*/80 * kDay);
    EXPECT_THAT(list(command).out, HasSubstr(", in 79d"));
    EXPECT_EQ(list(command).error, "");
    UseCertificate(/*age_seconds=*/80 * kDay, /*left_seconds=*/10 * kDay);
    EXPECT_THAT(list(command).error, HasSubstr("ends in 9d"));
    EXPECT_THAT(list(command).error, HasSubstr("whoami renews it"));
    // A young one of a short life renews itself in time.
    UseCertificate(/*age_seconds=*/60, /*left_seconds=*/kDay);
    EXPECT_EQ(list(command).error, "");
    UseCertificate(/*age_seconds=*/80 * kDay, /*left_seconds=*/-kDay);
    EXPECT_THAT(list(command).out, HasSubstr("EXPIRED"));
    EXPECT_THAT(list(command).error, HasSubstr("has expired: keyturn enroll"));
  }
  const Result json_result = Keyturn({"context", "show", "-o", "json"});
  EXPECT_THAT(
      json::parse(json_result.out)["certificateExpireTime"].get<std::string>(),
      testing::EndsWith("Z"));
}

TEST_F(IdentityTest, AnInvitationGoesAloneToStandardOutput) {
  const Result result = Keyturn({"identity", "invite", "bob@acme.example",
                                 "--role", "operator", "--role", "reader"});

  EXPECT_EQ(result.code, ExitCode::kDone);
  EXPECT_EQ(result.out, "kti1.fingerprint.secret\n");
  EXPECT_THAT(result.error, AllOf(HasSubstr("bob@acme.example"),
                                  HasSubstr("operator, reader"),
                                  Not(HasSubstr("fingerprint.secret"))));
}

TEST_F(IdentityTest, AsJsonAnInvitationIsOneValue) {
  const Result result = Keyturn(
      {"-o", "json", "identity", "invite", "ci", "--role", "automation"});

  EXPECT_EQ(json::parse(result.out)["token"], "kti1.fingerprint.secret");
  EXPECT_EQ(result.error, "");
}

TEST_F(IdentityTest, AnAutomationIsInvitedForSomeAccounts) {
  EXPECT_EQ(Keyturn({"identity", "invite", "ci", "--role", "automation",
                     "--account", "acme", "--account", "acme-ns"})
                .code,
            ExitCode::kDone);
  EXPECT_THAT(daemon_.requests(),
              Contains(AllOf(HasSubstr("\"acme\""), HasSubstr("\"acme-ns\""))));
}

TEST_F(IdentityTest, ListsAndRevokes) {
  const Result list = Keyturn({"identity", "list"});
  EXPECT_THAT(list.out, AllOf(HasSubstr("anna@acme.example"),
                              HasSubstr("ACTIVE"), HasSubstr("operator"),
                              HasSubstr("5f00"), HasSubstr("7 enrolments")));

  EXPECT_EQ(Keyturn({"identity", "revoke", "anna@acme.example"}).code,
            ExitCode::kDone);
  EXPECT_THAT(daemon_.requests(),
              Contains(HasSubstr("identities/anna@acme.example")));
}

TEST_F(IdentityTest, ANewCertificateStaysAsItIs) {
  const std::string before = ReadText(config_);
  EXPECT_EQ(Keyturn({"whoami"}).code, ExitCode::kDone);
  EXPECT_EQ(Renewals(), 0);
  EXPECT_EQ(ReadText(config_), before);
}

TEST_F(IdentityTest, ACertificateIsRenewedAtTwoThirdsOfItsLife) {
  UseCertificate(/*age_seconds=*/660, /*left_seconds=*/400);
  EXPECT_EQ(Keyturn({"whoami"}).code, ExitCode::kDone);
  EXPECT_EQ(Renewals(), 0) << "a little before";

  UseCertificate(/*age_seconds=*/700, /*left_seconds=*/300);
  const auto before = ContextFile::Read(config_);
  const Result result = Keyturn({"whoami"});

  EXPECT_EQ(result.code, ExitCode::kDone);
  EXPECT_EQ(result.error, "");
  EXPECT_EQ(Renewals(), 1);
  const auto after = ContextFile::Read(config_);
  ASSERT_TRUE(after.ok());
  const Context& renewed = **after->Find("");
  EXPECT_NE(renewed.key.Reveal(), (*before->Find(""))->key.Reveal());
  EXPECT_EQ(renewed.authority, daemon_.certificates().authority_pem);
  EXPECT_TRUE(CheckPair(renewed.certificate, renewed.key).ok());
  EXPECT_FALSE(IsRenewalDue(renewed, absl::Now()));
  struct stat info {};
  ASSERT_EQ(stat(config_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_EQ(Keyturn({"whoami"}).code, ExitCode::kDone);
  EXPECT_EQ(Renewals(), 1) << "once is enough";
}

TEST_F(IdentityTest, TheFormerPairStaysWhenTheRenewalFails) {
  UseCertificate(/*age_seconds=*/900, /*left_seconds=*/100);
  const std::string before = ReadText(config_);
  daemon_.Fail("RenewCertificate",
               MakeError(grpc::StatusCode::INTERNAL, "INTERNAL", "no luck"));

  const Result result = Keyturn({"whoami"});

  EXPECT_EQ(result.code, ExitCode::kDone) << "the command goes on";
  EXPECT_THAT(result.error, HasSubstr("could not be renewed: no luck"));
  EXPECT_EQ(ReadText(config_), before);
}

TEST_F(IdentityTest, TheFormerPairStaysWhenTheNewOneDoesNotWork) {
  UseCertificate(/*age_seconds=*/900, /*left_seconds=*/100);
  const std::string before = ReadText(config_);
  daemon_.Fail("WhoAmI", MakeError(grpc::StatusCode::UNAUTHENTICATED,
                                   "CERTIFICATE_UNKNOWN", "not that one"));

  EXPECT_EQ(Keyturn({"whoami"}).code, ExitCode::kDone);
  EXPECT_EQ(ReadText(config_), before);
}

TEST_F(IdentityTest,
       AnAuthorityThatIsNotTheDaemonsRenewsNothingAndSaysNothing) {
  UseCertificate(/*age_seconds=*/900, /*left_seconds=*/100);
  daemon_.Fail("RenewCertificate",
               MakeError(grpc::StatusCode::FAILED_PRECONDITION,
                         "ENROLLMENT_OFF", "somebody else's"));

  const Result result = Keyturn({"whoami"});
  EXPECT_EQ(result.code, ExitCode::kDone);
  EXPECT_EQ(result.error, "");
}

TEST_F(IdentityTest, ConcurrentRunsRenewOnceAndAllWork) {
  UseCertificate(/*age_seconds=*/900, /*left_seconds=*/100);
  std::vector<std::thread> runs;
  for (int i = 0; i < 6; ++i) {
    runs.emplace_back(
        [this] { EXPECT_EQ(Keyturn({"whoami"}).code, ExitCode::kDone); });
  }
  for (std::thread& run : runs) run.join();

  EXPECT_EQ(Renewals(), 1);
  const auto after = ContextFile::Read(config_);
  ASSERT_TRUE(after.ok());
  EXPECT_TRUE(
      CheckPair((*after->Find(""))->certificate, (*after->Find(""))->key).ok());
}

TEST_F(IdentityTest, WhileAnotherRunHoldsTheFileNobodyWaits) {
  UseCertificate(/*age_seconds=*/900, /*left_seconds=*/100);
  const auto other = ContextLock::Take(config_);
  ASSERT_TRUE(other.ok());

  EXPECT_EQ(Keyturn({"whoami"}).code, ExitCode::kDone);
  EXPECT_EQ(Renewals(), 0);
}

TEST_F(IdentityTest, AnExpiredCertificateIsToldWithTheWayOut) {
  UseCertificate(/*age_seconds=*/9000, /*left_seconds=*/-900);

  const Result result = Keyturn({"whoami"});

  EXPECT_EQ(result.code, ExitCode::kNotPermitted);
  EXPECT_THAT(result.error,
              AllOf(HasSubstr("expired at"), HasSubstr("keyturn enroll")));
  EXPECT_THAT(daemon_.requests(), IsEmpty());
}

TEST_F(IdentityTest, EnrollTakesOnlyATokenAndAFreeName) {
  const std::string none = directory_.Write("none", "hello");
  const std::string token = directory_.Write(
      "token", "kti1." + std::string(43, 'A') + "." + std::string(43, 'A'));
  for (const std::vector<std::string>& wrong :
       std::vector<std::vector<std::string>>{
           {"enroll", "127.0.0.1:1", "--token-from", none},
           {"enroll", "127.0.0.1:1", "--token-from", "/nowhere"},
           {"enroll", "127.0.0.1:1"},
           {"enroll", "127.0.0.1:1", "--token-from", token, "--name",
            "default"}}) {
    const Result result = Keyturn(wrong);
    EXPECT_EQ(result.code, ExitCode::kUsage) << result.error;
    EXPECT_THAT(result.error, Not(HasSubstr("hello")));
  }
}

TEST_F(IdentityTest, EnrollTellsAServerThatIsNotTheRightOne) {
  const std::string token = directory_.Write(
      "token", "kti1." + std::string(43, 'A') + "." + std::string(43, 'A'));
  const std::string before = ReadText(config_);
  const std::string address = (*ContextFile::Read(config_)->Find(""))->server;

  const Result result =
      Keyturn({"enroll", address, "--token-from", token, "--name", "new"});

  EXPECT_EQ(result.code, ExitCode::kNotPermitted) << result.error;
  EXPECT_THAT(result.error, HasSubstr("The token was not sent"));
  EXPECT_THAT(daemon_.requests(), IsEmpty());
}

TEST_F(IdentityTest, EnrollTellsThatNobodyAnswers) {
  const std::string token = directory_.Write(
      "token", "kti1." + std::string(43, 'A') + "." + std::string(43, 'A'));
  const std::string address = (*ContextFile::Read(config_)->Find(""))->server;
  daemon_.Stop();

  EXPECT_EQ(
      Keyturn({"enroll", address, "--token-from", token, "--name", "new"}).code,
      ExitCode::kUnreachable);
}

}  // namespace
}  // namespace keyturn::cli
