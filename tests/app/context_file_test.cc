#include "daemon/app/context_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <yaml-cpp/yaml.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "tests/store/samples.h"
#include "tests/support/status_matchers.h"

namespace keyturn::app {
namespace {

using testing::HasCode;
using testing::IsOk;
using testing::IsOkAndHolds;

Context Sample() {
  Context context;
  context.server = "127.0.0.1:7443";
  context.server_name = "keyturnd";
  context.ca_pem = "-----BEGIN CERTIFICATE-----\nca\n";
  context.certificate_pem = "-----BEGIN CERTIFICATE-----\nclient\n";
  context.key_pem = secret::Secret("-----BEGIN PRIVATE KEY-----\nkey\n");
  return context;
}

class ContextFileTest : public ::testing::Test {
 protected:
  void Write(const std::string& text, mode_t mode = 0600) {
    std::ofstream(path_) << text;
    chmod(path_.c_str(), mode);
  }
  std::string Read() {
    std::stringstream content;
    content << std::ifstream(path_).rdbuf();
    return content.str();
  }

  testing::TemporaryDirectory directory_;
  std::string path_ = directory_.Path("config.yaml");
};

TEST_F(ContextFileTest, LeavesAFileAloneThatHasNoEnd) {
  const std::string doubled =
      "a: &a [x, x, x, x, x, x, x, x]\n"
      "b: &b [*a, *a, *a, *a, *a, *a, *a, *a]\n"
      "c: &c [*b, *b, *b, *b, *b, *b, *b, *b]\n"
      "d: &d [*c, *c, *c, *c, *c, *c, *c, *c]\n"
      "e: &e [*d, *d, *d, *d, *d, *d, *d, *d]\n"
      "f: [*e, *e, *e, *e, *e, *e, *e, *e]\n"
      "contexts: []\n";
  for (const std::string& text :
       {std::string("other: &a [*a]\ncontexts: []\n"), doubled}) {
    Write(text);
    EXPECT_THAT(AddContext(path_, Sample()),
                HasCode(absl::StatusCode::kFailedPrecondition));
    EXPECT_EQ(Read(), text);
  }
}

TEST_F(ContextFileTest, IsMadeWithItsDirectory) {
  path_ = directory_.Path("new/keyturn/config.yaml");

  ASSERT_THAT(AddContext(path_, Sample()),
              IsOkAndHolds(std::string("default")));

  const YAML::Node file = YAML::LoadFile(path_);
  EXPECT_EQ(file["currentContext"].Scalar(), "default");
  ASSERT_EQ(file["contexts"].size(), 1u);
  const YAML::Node context = file["contexts"][0];
  EXPECT_EQ(context["name"].Scalar(), "default");
  EXPECT_EQ(context["server"].Scalar(), "127.0.0.1:7443");
  EXPECT_EQ(context["serverName"].Scalar(), "keyturnd");
  EXPECT_EQ(context["ca"].Scalar(), Sample().ca_pem);
  EXPECT_EQ(context["certificate"].Scalar(), Sample().certificate_pem);
  EXPECT_EQ(context["key"].Scalar(), Sample().key_pem.Expose());
  struct stat info {};
  ASSERT_EQ(stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(ContextFileTest, KeepsTheContextsThatAreThere) {
  Write(R"(currentContext: default
contexts:
  - name: default
    server: unix:/run/keyturnd.sock
  - name: default-2
    server: other:1
    ca: |
      line one
      line two
)");

  ASSERT_THAT(AddContext(path_, Sample()),
              IsOkAndHolds(std::string("default-3")));

  const YAML::Node file = YAML::LoadFile(path_);
  ASSERT_EQ(file["contexts"].size(), 3u);
  EXPECT_EQ(file["contexts"][0]["server"].Scalar(), "unix:/run/keyturnd.sock");
  EXPECT_EQ(file["contexts"][1]["ca"].Scalar(), "line one\nline two\n");
  EXPECT_EQ(file["currentContext"].Scalar(), "default-3");
}

TEST_F(ContextFileTest, LeavesAFileAloneThatIsNone) {
  for (const char* text :
       {"just text", "contexts: 1\n", "contexts: [1]\n", "a: [", "- x\n"}) {
    Write(text);
    EXPECT_THAT(AddContext(path_, Sample()),
                HasCode(absl::StatusCode::kFailedPrecondition))
        << text;
    EXPECT_EQ(Read(), text);
  }
}

TEST_F(ContextFileTest, LeavesAFileAloneThatOthersCanRead) {
  Write("currentContext: a\ncontexts: []\n", 0644);

  EXPECT_THAT(AddContext(path_, Sample()),
              HasCode(absl::StatusCode::kFailedPrecondition));
}

TEST_F(ContextFileTest, TheUsersOwnFileIsWhereTheEnvironmentSays) {
  setenv("HOME", "/nowhere/ann", 1);
  unsetenv("XDG_CONFIG_HOME");
  EXPECT_THAT(
      DefaultContextPath(),
      IsOkAndHolds(std::string("/nowhere/ann/.config/keyturn/config.yaml")));
  setenv("XDG_CONFIG_HOME", "/elsewhere", 1);
  EXPECT_THAT(DefaultContextPath(),
              IsOkAndHolds(std::string("/elsewhere/keyturn/config.yaml")));
  unsetenv("XDG_CONFIG_HOME");
  unsetenv("HOME");
  EXPECT_THAT(DefaultContextPath(),
              HasCode(absl::StatusCode::kFailedPrecondition));
}

}  // namespace
}  // namespace keyturn::app
