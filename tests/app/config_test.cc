#include "daemon/app/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>

#include "absl/strings/str_cat.h"
#include "daemon/app/files.h"
#include "daemon/base/status.h"
#include "tests/store/samples.h"
#include "tests/support/status_matchers.h"

namespace keyturn::app {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::HasCode;
using ::testing::HasSubstr;
using testing::IsOk;
using testing::MessageIs;

constexpr char kFile[] = "/etc/keyturn/keyturnd.yaml";

constexpr char kGood[] = R"(dataDir: /var/lib/keyturn
listen:
  tcp: 127.0.0.1:7443
  unix: run/keyturnd.sock
tls:
  ca: ca.pem
  certificate: server.pem
  key: /secure/server-key.pem
rootKey:
  file: ../root.key
outside:
  allowedHosts: [api.integrator.io, "*.example.com:8443"]
log:
  level: debug
limits:
  stopSeconds: 3
  lockedMemoryKib: 64
audit:
  checkpoints: /elsewhere/checkpoints
  checkpointSeconds: 5
unix:
  peers:
    - {uid: 40001, roles: [operator]}
    - {user: daemon, roles: [reader, approver]}
  group: root
)";

// Goes behind "tls:" of kGood.
constexpr char kOutsideCa[] = R"(
  outsideCa:
    file: acme-ca.pem
    identities:
      - {spiffeId: "spiffe://acme.example/ops/ann", roles: [operator]}
      - {spiffeId: "spiffe://acme.example/ci/*", roles: [automation],
         accounts: [acme]}
)";

absl::StatusOr<Config> Parse(const std::string& text) {
  return ParseConfig(text, kFile);
}

// kGood with `from` replaced.
absl::StatusOr<Config> ParseWith(const std::string& from,
                                 const std::string& to) {
  std::string text = kGood;
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return Parse(text.replace(at, from.size(), to));
}

TEST(ConfigTest, ReadsEveryKey) {
  const absl::StatusOr<Config> config = Parse(kGood);

  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(config->data_dir, "/var/lib/keyturn");
  EXPECT_EQ(config->listen_tcp, "127.0.0.1:7443");
  EXPECT_EQ(config->listen_unix, "/etc/keyturn/run/keyturnd.sock");
  ASSERT_EQ(config->unix_peers.size(), 2u);
  EXPECT_EQ(config->unix_peers.at(40001).roles,
            access::Roles({access::Role::kOperator}));
  EXPECT_EQ(config->unix_peers.at(1).roles,
            access::Roles({access::Role::kReader, access::Role::kApprover}));
  EXPECT_EQ(config->unix_group, gid_t{0});
  EXPECT_EQ(config->tls_ca, "/etc/keyturn/ca.pem");
  EXPECT_EQ(config->tls_certificate, "/etc/keyturn/server.pem");
  EXPECT_EQ(config->tls_key, "/secure/server-key.pem");
  EXPECT_EQ(vault::Describe(config->root_key.current),
            "key file /etc/root.key");
  EXPECT_THAT(config->allowed_hosts,
              ElementsAre("api.integrator.io", "*.example.com:8443"));
  EXPECT_EQ(config->log_level, LogLevel::kDebug);
  EXPECT_EQ(config->stop_deadline, absl::Seconds(3));
  EXPECT_EQ(config->locked_memory_bytes, 64u << 10);
  EXPECT_EQ(config->audit_checkpoints, "/elsewhere/checkpoints");
  EXPECT_EQ(config->checkpoint_interval, absl::Seconds(5));
  EXPECT_EQ(config->StorePath(), "/var/lib/keyturn/store/keyturn.db");
}

TEST(ConfigTest, HasDefaults) {
  const absl::StatusOr<Config> config =
      Parse("dataDir: .\nlisten: {unix: s.sock}\nrootKey: {file: root.key}\n");

  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(config->listen_tcp, "");
  EXPECT_TRUE(config->unix_peers.empty());
  EXPECT_FALSE(config->unix_group.has_value());
  EXPECT_EQ(config->allowed_hosts, DefaultAllowedHosts());
  EXPECT_EQ(config->log_level, LogLevel::kInfo);
  EXPECT_EQ(config->stop_deadline, absl::Seconds(10));
  EXPECT_EQ(config->audit_checkpoints, "/etc/keyturn/audit-checkpoints");
  EXPECT_EQ(config->locked_memory_bytes, 4u << 20);
}

TEST(ConfigTest, TheExampleThatIsShippedIsGood) {
  const absl::StatusOr<Config> config = ReadConfig(KEYTURN_EXAMPLE);

  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(config->data_dir, "/var/lib/keyturn");
  EXPECT_EQ(config->allowed_hosts, DefaultAllowedHosts());
  EXPECT_EQ(config->locked_memory_bytes, Config().locked_memory_bytes);
  EXPECT_EQ(config->stop_deadline, Config().stop_deadline);
}

struct Mistake {
  const char* from;
  const char* to;
  const char* message;
};

class ConfigMistakeTest : public ::testing::TestWithParam<Mistake> {};

TEST_P(ConfigMistakeTest, IsToldWithItsLineAndKey) {
  EXPECT_THAT(ParseWith(GetParam().from, GetParam().to),
              AllOf(HasCode(absl::StatusCode::kInvalidArgument),
                    MessageIs(HasSubstr(std::string(kFile) + ":" +
                                        GetParam().message))));
}

INSTANTIATE_TEST_SUITE_P(
    All, ConfigMistakeTest,
    ::testing::Values(
        Mistake{"dataDir", "datadir", "1: datadir: is unknown; allowed here: "},
        Mistake{"dataDir: /var/lib/keyturn\n", "",
                "1: dataDir: is missing; it must be the path of a directory"},
        Mistake{"/var/lib/keyturn", "[a]",
                "1: dataDir: must be the path of a directory"},
        Mistake{"  tcp: ", "  udp: ",
                "3: listen.udp: is unknown; allowed here: tcp, unix"},
        Mistake{"127.0.0.1:7443", "127.0.0.1",
                "3: listen.tcp: \"127.0.0.1\" is not HOST:PORT"},
        Mistake{"run/keyturnd.sock",
                "/123456789/123456789/123456789/123456789/123456789/123456789/"
                "123456789/123456789/123456789/123456789/1234567",
                "4: listen.unix: makes a path of 108 bytes"},
        Mistake{"listen:\n  tcp: 127.0.0.1:7443\n  unix: run/keyturnd.sock",
                "listen: {}", "2: listen.tcp: is missing, and so is unix"},
        Mistake{"  ca: ca.pem\n", "", "6: tls.ca: is missing"},
        Mistake{"  key: /secure/server-key.pem", "  ca: again.pem",
                "8: tls.ca: is given twice"},
        Mistake{"rootKey:\n  file: ../root.key", "rootKey: root.key",
                "9: rootKey: must be a mapping of keys and values"},
        Mistake{"[api.integrator.io, \"*.example.com:8443\"]",
                "api.integrator.io",
                "12: outside.allowedHosts: must be a list of"},
        Mistake{"*.example.com:8443", "*", "12: outside.allowedHosts: "},
        Mistake{"debug", "loud",
                "14: log.level: must be debug, info, warning or error"},
        Mistake{"stopSeconds: 3", "stopSeconds: ten",
                "16: limits.stopSeconds: must be a number of seconds"},
        Mistake{"stopSeconds: 3", "stopSeconds: 3601",
                "16: limits.stopSeconds: must be a number of seconds"},
        Mistake{"lockedMemoryKib: 64", "lockedMemoryKib: 65537",
                "17: limits.lockedMemoryKib: must be a number of KiB"},
        Mistake{"checkpointSeconds: 5", "checkpointSeconds: 0",
                "20: audit.checkpointSeconds: must be a number of seconds"},
        Mistake{"uid: 40001, ", "", "23: unix.peers[0].uid: is missing"},
        Mistake{"uid: 40001", "uid: ann",
                "23: unix.peers[0].uid: must be a user's number"},
        Mistake{"uid: 40001", "uid: 4294967295",
                "23: unix.peers[0].uid: must be a user's number"},
        Mistake{"uid: 40001", "uid: -1",
                "23: unix.peers[0].uid: must be a user's number"},
        Mistake{"uid: 40001", "uid: 0", "23: unix.peers[0].uid: is root"},
        Mistake{"uid: 40001", "uid: 65534",
                "23: unix.peers[0].uid: is the user that stands for all"},
        Mistake{"uid: 40001", "uid: 1",
                "24: unix.peers[1]: names a user for the second time"},
        Mistake{"user: daemon", "user: daemon, uid: 40002",
                "24: unix.peers[1].uid: stands beside user"},
        Mistake{"user: daemon", "user: no-such-user",
                "24: unix.peers[1].user: \"no-such-user\" is no user"},
        // A number is no name.
        Mistake{"user: daemon", "user: 1",
                "24: unix.peers[1].user: \"1\" is no user"},
        Mistake{"roles: [operator]", "roles: []",
                "23: unix.peers[0].roles: must be a list of administrator, "},
        Mistake{"roles: [operator]", "roles: operator",
                "23: unix.peers[0].roles: must be a list of"},
        Mistake{"[operator]", "[operator, root]",
                "23: unix.peers[0].roles: has \"root\"; it must be a list of"},
        Mistake{", roles: [operator]", "",
                "23: unix.peers[0].roles: is missing"},
        Mistake{"roles: [operator]", "roles: [operator], gid: 1",
                "23: unix.peers[0].gid: is unknown; allowed here: uid, user, "},
        Mistake{"roles: [operator]", "roles: [operator], accounts: [acme]",
                "23: unix.peers[0].accounts: go only with the role automation"},
        Mistake{"roles: [operator]", "roles: [automation], accounts: []",
                "23: unix.peers[0].accounts: must be a list of 1 to 32 names"},
        Mistake{"roles: [operator]", "roles: [automation], accounts: [A]",
                "23: unix.peers[0].accounts: must be a list of 1 to 32 names"},
        Mistake{"    - {uid: 40001, roles: [operator]}", "    - 40001",
                "23: unix.peers[0]: must be a mapping"},
        Mistake{"  group: root", "  group: no-such-group",
                "25: unix.group: \"no-such-group\" is no group"},
        Mistake{"  group: root", "  mode: 0666", "25: unix.mode: is unknown"},
        Mistake{"log:", "log: [", "1"}));

TEST(ConfigTest, AnAutomationMayBeLimitedToAccounts) {
  const absl::StatusOr<Config> config = ParseWith(
      "roles: [operator]", "roles: [automation], accounts: [acme-ns, acme]");

  ASSERT_THAT(config, IsOk());
  EXPECT_THAT(config->unix_peers.at(40001).accounts.Names(),
              ElementsAre("acme", "acme-ns"));
  EXPECT_FALSE(config->unix_peers.at(1).accounts.limited());
}

TEST(ConfigTest, AnOutsideAuthorityNamesWhoIsLetIn) {
  const absl::StatusOr<Config> config =
      ParseWith("tls:\n", std::string("tls:") + kOutsideCa);

  ASSERT_THAT(config, IsOk());
  EXPECT_EQ(config->outside_ca.file, "/etc/keyturn/acme-ca.pem");
  EXPECT_EQ(config->outside_ca.grants.ToText(),
            "spiffe://acme.example/ops/ann operator; "
            "spiffe://acme.example/ci/* automation of acme");
  EXPECT_EQ(Parse(kGood)->outside_ca.file, "");
}

TEST(ConfigTest, TheMistakesOfAnOutsideAuthorityHaveLineAndKey) {
  const auto with = [](const std::string& from, const std::string& to) {
    std::string text = kOutsideCa;
    text.replace(text.find(from), from.size(), to);
    return ParseWith("tls:\n", "tls:" + text).status();
  };
  struct Case {
    const char* from;
    const char* to;
    const char* message;
  };
  for (const Case& one :
       {Case{"    file: acme-ca.pem\n", "",
             ":7: tls.outsideCa.file: is missing"},
        Case{"file:", "path:", ":7: tls.outsideCa.path: is unknown"},
        Case{"ops/ann", "ops/../ann",
             ":9: tls.outsideCa.identities[0].spiffeId: must be a SPIFFE id"},
        Case{"ci/*", "*/ci",
             ":10: tls.outsideCa.identities[1].spiffeId: must be a SPIFFE id"},
        Case{"ops/ann", "ci/*",
             ":10: tls.outsideCa.identities[1].spiffeId: is named for the "
             "second time"},
        Case{"[operator]", "[root]",
             ":9: tls.outsideCa.identities[0].roles: has \"root\""},
        Case{"[automation]", "[reader]",
             ":11: tls.outsideCa.identities[1].accounts: go only with"}}) {
    EXPECT_THAT(with(one.from, one.to), MessageIs(HasSubstr(one.message)));
  }
  EXPECT_THAT(ParseWith("tls:\n", "tls:\n  outsideCa: {file: a.pem}\n"),
              MessageIs(HasSubstr(
                  ":6: tls.outsideCa.identities: must be a list of who")));
}

TEST(ConfigTest, ARunningDaemonReadsTheOutsideAuthorityAlone) {
  const testing::TemporaryDirectory directory;
  const std::string file = directory.Path("keyturnd.yaml");
  std::string text = kGood;
  text.replace(text.find("tls:\n"), 5, std::string("tls:") + kOutsideCa);
  // Users are looked up at the start only.
  text.replace(text.find("user: daemon"), 12, "user: no-such-user");
  ASSERT_THAT(WriteNewFile(file, text), IsOk());

  const absl::StatusOr<OutsideCaConfig> outside = ReadOutsideCa(file);
  ASSERT_THAT(outside, IsOk());
  EXPECT_THAT(outside->file, ::testing::EndsWith("/acme-ca.pem"));
  EXPECT_EQ(outside->grants.size(), 2u);
}

TEST(ConfigTest, AGroupAloneLetsNobodyIn) {
  EXPECT_THAT(Parse("dataDir: .\nlisten: {unix: s}\nrootKey: {file: a}\n"
                    "unix: {group: root}\n"),
              MessageIs(HasSubstr(":4: unix.group: has no use without peers")));
  EXPECT_THAT(Parse("dataDir: .\nlisten: {unix: s}\nrootKey: {file: a}\n"
                    "unix: {peers: {}}\n"),
              MessageIs(HasSubstr(":4: unix.peers: must be a list of users")));
}

TEST(ConfigTest, NamesOnlySoManyUsersOfTheSocket) {
  std::string text =
      "dataDir: .\nlisten: {unix: s}\nrootKey: {file: a}\nunix:\n  peers:\n";
  for (size_t i = 0; i < access::kUnixPeersMax; ++i) {
    text += absl::StrCat("    - {uid: ", 40000 + i, ", roles: [reader]}\n");
  }
  EXPECT_THAT(Parse(text), IsOk());
  EXPECT_THAT(Parse(text + "    - {uid: 39999, roles: [reader]}\n"),
              MessageIs(HasSubstr(":5: unix.peers: has more than 64 users")));
}

TEST(ConfigTest, NobodyEnrolsWithoutTheAuthoritysKey) {
  EXPECT_EQ(Parse(kGood)->tls_ca_key, "");
  EXPECT_EQ(ParseWith("rootKey:", "  caKey: ca-key.pem\nrootKey:")->tls_ca_key,
            "/etc/keyturn/ca-key.pem");
}

TEST(ConfigTest, TellsAllMistakesAtOnce) {
  EXPECT_THAT(Parse("dataDir: .\nlisten: {tcp: x}\nextra: 1\n"),
              MessageIs(AllOf(HasSubstr(":2: listen.tcp: "),
                              HasSubstr("tls.ca: is missing"),
                              HasSubstr("rootKey.file: is missing"),
                              HasSubstr(":3: extra: is unknown"))));
}

TEST(ConfigTest, RefusesWhatIsNoMapping) {
  for (const char* text :
       {"", "- a\n", "text", "a: 1\n---\nb: 2\n", "a: [", "{a: b: c}"}) {
    EXPECT_THAT(Parse(text), HasCode(absl::StatusCode::kInvalidArgument))
        << text;
  }
}

// yaml-cpp goes on for ever over what is left here, document by document.
TEST(ConfigTest, EndsWhereTheLibraryDoesNot) {
  EXPECT_THAT(Parse("\"\":1\n? a\n"),
              MessageIs(HasSubstr("must be one YAML document")));
}

TEST(ConfigTest, TellsEachMistakeOnOneLineWhateverStandsThere) {
  EXPECT_THAT(Parse("\"a\\nb\": 1\n"),
              MessageIs(HasSubstr(":1: a?b: is unknown; allowed here")));
  EXPECT_THAT(Parse("a: \"\\\x01\"\n"),
              MessageIs(HasSubstr("no valid YAML: unknown escape character")));
}

TEST(ConfigTest, CountsLinesFromOneAlsoForWhatIsNotThereAtAll) {
  EXPECT_THAT(Parse("dataDir: .\nlisten: {unix: s}\n"),
              MessageIs(HasSubstr("yaml:1: rootKey.file: is missing")));
}

TEST(ConfigTest, RefusesWhatOtherUsersMayChange) {
  const testing::TemporaryDirectory directory;
  const auto in = [&directory](const char* name) {
    return std::filesystem::path(directory.Path(name))
        .lexically_normal()
        .string();
  };
  const std::string file = in("keyturnd.yaml");
  const std::string data = in("data");
  ASSERT_EQ(mkdir(data.c_str(), 0700), 0);
  std::string text = kGood;
  text.replace(text.find("/var/lib/keyturn"), 16, data);
  ASSERT_THAT(WriteNewFile(file, text), IsOk());
  ASSERT_THAT(ReadConfig(file), IsOk());

  ASSERT_EQ(chmod(data.c_str(), 0777), 0);
  EXPECT_THAT(ReadConfig(file), MessageIs(HasSubstr("chmod go-w " + data)));
  ASSERT_EQ(chmod(data.c_str(), 0755), 0);
  EXPECT_THAT(ReadConfig(file), IsOk());
  ASSERT_EQ(chmod(file.c_str(), 0664), 0);
  EXPECT_THAT(ReadConfig(file), MessageIs(HasSubstr("chmod go-w " + file)));
}

TEST(ConfigTest, NamesAFileThatIsNotThere) {
  EXPECT_THAT(ReadConfig("/nowhere/keyturnd.yaml"),
              AllOf(HasCode(absl::StatusCode::kNotFound),
                    MessageIs(HasSubstr("/nowhere/keyturnd.yaml"))));
}

TEST(RootKeyConfigTest, NamesOneOfThreeSourcesAndOneBefore) {
  const auto root_key = [](const std::string& text) {
    return ParseConfig("dataDir: .\nlisten: {unix: s}\nrootKey: " + text + "\n",
                       "/etc/k.yaml");
  };
  const auto described = [&](const std::string& text) {
    std::string all;
    const auto config = root_key(text);
    EXPECT_THAT(config, IsOk());
    for (const auto& source : config->root_key.All()) {
      all += vault::Describe(source) + ";";
    }
    return all;
  };
  EXPECT_EQ(described("{file: a}"), "key file /etc/a;");
  EXPECT_EQ(described("{systemdCredential: keyturn-root}"),
            "systemd credential keyturn-root;");
  EXPECT_EQ(described("{passphrase: {file: a}}"), "passphrase;");
  EXPECT_EQ(described("{file: a, previous: {passphrase: {file: b}}}"),
            "key file /etc/a;passphrase;");

  for (const char* wrong :
       {"{}", "{file: a, systemdCredential: b}", "{systemdCredential: a/b}",
        "{passphrase: {}}", "{passphrase: {file: a, n: 1}}",
        "{file: a, previous: {}}",
        "{file: a, previous: {file: b, previous: {file: c}}}"}) {
    EXPECT_THAT(root_key(wrong),
                testing::MessageIs(::testing::HasSubstr("/etc/k.yaml:3: ")))
        << wrong;
  }
}

}  // namespace
}  // namespace keyturn::app
