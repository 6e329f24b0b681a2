#include "daemon/app/init.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <yaml-cpp/yaml.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "daemon/access/certificates.h"
#include "daemon/app/address.h"
#include "daemon/app/config.h"
#include "daemon/app/daemon.h"
#include "daemon/store/store.h"
#include "daemon/vault/vault.h"
#include "tests/store/samples.h"
#include "tests/support/status_matchers.h"

namespace keyturn::app {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using testing::HasCode;
using ::testing::HasSubstr;
using testing::IsOk;
using testing::MessageIs;
using ::testing::Not;

class InitTest : public ::testing::Test {
 protected:
  InitTest() {
    options_.data_dir = In("d");
    options_.tcp = "127.0.0.1:0";
    options_.context_out = In("context.yaml");
  }

  std::string In(const std::string& name) {
    return fs::path(directory_.Path(name)).lexically_normal();
  }
  absl::StatusOr<std::string> Run() { return Init(options_, absl::Now()); }
  std::string InData(const std::string& name) {
    return absl::StrCat(options_.data_dir, "/", name);
  }
  Config ReadMade() { return ReadConfig(InData("keyturnd.yaml")).value(); }

  testing::TemporaryDirectory directory_;
  InitOptions options_;
};

TEST_F(InitTest, MakesWhatTheDaemonNeeds) {
  const absl::StatusOr<std::string> report = Run();

  ASSERT_THAT(report, IsOk());
  EXPECT_THAT(*report,
              HasSubstr("keyturnd --config " + InData("keyturnd.yaml")));
  EXPECT_THAT(*report, HasSubstr("keyturn --config " + options_.context_out));
  const Config config = ReadMade();
  EXPECT_THAT(CheckFiles(config), IsOk());
  EXPECT_EQ(config.data_dir, options_.data_dir);
  EXPECT_EQ(config.listen_unix, InData("keyturnd.sock"));
  EXPECT_NE(ParseAddress(config.listen_tcp)->port, 0);
  EXPECT_EQ(config.allowed_hosts, DefaultAllowedHosts());
  const auto store = testing::OpenStore(config.StorePath());
  EXPECT_EQ(store->ReadDataKeys()->size(), 1u);
  EXPECT_THAT(vault::Vault::Open(
                  *store, vault::ReadRootKeys(config.root_key, {}).value(),
                  absl::Now()),
              IsOk());
}

TEST_F(InitTest, EverythingIsClosedToOthers) {
  ASSERT_THAT(Run(), IsOk());

  std::set<std::string> names;
  for (const auto& entry :
       fs::recursive_directory_iterator(options_.data_dir)) {
    names.insert(entry.path().filename());
    struct stat info {};
    ASSERT_EQ(stat(entry.path().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, S_ISDIR(info.st_mode) ? 0700u : 0600u)
        << entry.path();
  }
  for (const char* name : {"ca.pem", "ca-key.pem", "server.pem",
                           "server-key.pem", "root.key", "keyturnd.yaml"}) {
    EXPECT_THAT(names, Contains(name));
  }
  struct stat info {};
  ASSERT_EQ(stat(options_.data_dir.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
  ASSERT_EQ(stat(options_.context_out.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(InitTest, TheContextIsTheFirstAdministrators) {
  ASSERT_THAT(Run(), IsOk());

  const YAML::Node context =
      YAML::LoadFile(options_.context_out)["contexts"][0];
  EXPECT_EQ(context["server"].Scalar(), ReadMade().listen_tcp);
  const access::Identity admin =
      access::IdentityOfCertificate(context["certificate"].Scalar()).value();
  EXPECT_EQ(admin.name, "admin");
  EXPECT_EQ(admin.roles, access::Roles({access::Role::kAdministrator}));
  EXPECT_THAT(access::CheckKeyFits(context["certificate"].Scalar(),
                                   secret::Secret(context["key"].Scalar())),
              IsOk());
}

TEST_F(InitTest, HostsAreAddedToTheDefaultOnes) {
  options_.allowed_hosts = {"127.0.0.1:8443", "proxy.example"};
  ASSERT_THAT(Run(), IsOk());

  const std::vector<std::string> hosts = ReadMade().allowed_hosts;
  EXPECT_EQ(hosts.size(), DefaultAllowedHosts().size() + 2);
  EXPECT_THAT(hosts, Contains("127.0.0.1:8443"));
}

TEST_F(InitTest, TakesAnEmptyDirectory) {
  fs::create_directory(options_.data_dir);
  fs::permissions(options_.data_dir, fs::perms::all);

  ASSERT_THAT(Run(), IsOk());
  EXPECT_EQ(fs::status(options_.data_dir).permissions(), fs::perms::owner_all);
}

TEST_F(InitTest, RefusesADirectoryThatHoldsSomething) {
  ASSERT_THAT(Run(), IsOk());
  const auto before = fs::last_write_time(InData("ca.pem"));

  const absl::StatusOr<std::string> again = Run();

  EXPECT_THAT(again, HasCode(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(again, MessageIs(HasSubstr("not an empty directory")));
  EXPECT_EQ(fs::last_write_time(InData("ca.pem")), before);
  EXPECT_EQ(YAML::LoadFile(options_.context_out)["contexts"].size(), 1u);
}

TEST_F(InitTest, LeavesNothingBehindWhenTheContextCannotBeWritten) {
  std::ofstream(options_.context_out) << "something else";

  EXPECT_THAT(Run(), HasCode(absl::StatusCode::kFailedPrecondition));

  EXPECT_FALSE(fs::exists(options_.data_dir));
}

TEST_F(InitTest, LeavesTheEmptyDirectoryAsItWas) {
  fs::create_directory(options_.data_dir);
  std::ofstream(options_.context_out) << "something else";

  EXPECT_THAT(Run(), Not(IsOk()));

  EXPECT_TRUE(fs::is_empty(options_.data_dir));
}

TEST_F(InitTest, NamesTheOptionThatIsWrong) {
  options_.tcp = "nonsense";
  EXPECT_THAT(Run(), MessageIs(HasSubstr("--tcp: ")));
  options_.tcp = "127.0.0.1:0";
  options_.allowed_hosts = {"*"};
  EXPECT_THAT(Run(), MessageIs(HasSubstr("--allow-host: ")));
  options_.allowed_hosts.clear();
  options_.unix_path = "/" + std::string(107, 'x');
  EXPECT_THAT(Run(), MessageIs(HasSubstr("--unix: ")));
  EXPECT_FALSE(fs::exists(options_.data_dir));
}

TEST_F(InitTest, DoesWithoutASocketWhereItsPathWouldBeTooLong) {
  options_.data_dir = In(std::string(100, 'd'));

  const absl::StatusOr<std::string> report = Run();

  ASSERT_THAT(report, IsOk());
  EXPECT_THAT(*report, HasSubstr("note: no unix socket"));
  EXPECT_EQ(ReadMade().listen_unix, "");
}

TEST_F(InitTest, AWildcardIsReachedThroughTheLoopback) {
  options_.tcp = "0.0.0.0:0";
  ASSERT_THAT(Run(), IsOk());

  EXPECT_THAT(
      YAML::LoadFile(options_.context_out)["contexts"][0]["server"].Scalar(),
      HasSubstr("127.0.0.1:"));
}

}  // namespace
}  // namespace keyturn::app
