// The real binary, from init to its end.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <yaml-cpp/yaml.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daemon/app/config.h"
#include "daemon/app/exit_codes.h"
#include "daemon/secret/memory.h"
#include "keyturn/v1/access.grpc.pb.h"
#include "keyturn/v1/admin.grpc.pb.h"
#include "keyturn/v1/credentials.grpc.pb.h"
#include "keyturn/v1/migrations.grpc.pb.h"
#include "tests/store/samples.h"
#include "tests/support/status_matchers.h"

namespace keyturn::app {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::chrono::seconds kPatience{30};

// A child process whose output, both kinds, is read through one pipe.
class Process {
 public:
  // As the user `uid`, if that is given, which takes root; able to lock so many
  // bytes of memory, root included. `input` is what standard input holds; it
  // must fit into a pipe.
  explicit Process(std::vector<std::string> arguments,
                   std::optional<uid_t> uid = std::nullopt,
                   rlim_t lockable_bytes = secret::kArenaBytesMax,
                   const std::string& input = "") {
    int given[2];
    if (pipe2(given, O_CLOEXEC) != 0) std::abort();
    if (write(given[1], input.data(), input.size()) !=
        static_cast<ssize_t>(input.size())) {
      std::abort();
    }
    close(given[1]);
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) std::abort();
    std::vector<char*> argv = {const_cast<char*>(KEYTURND)};
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    pid_ = fork();
    if (pid_ == 0) {
      dup2(given[0], STDIN_FILENO);
      dup2(ends[1], STDOUT_FILENO);
      dup2(ends[1], STDERR_FILENO);
      // An ordinary user keeps the limit that there is, if that is lower.
      const rlimit lockable{lockable_bytes, lockable_bytes};
      setrlimit(RLIMIT_MEMLOCK, &lockable);
      prctl(PR_CAPBSET_DROP, CAP_IPC_LOCK);
      if (uid.has_value() && (setgid(*uid) != 0 || setuid(*uid) != 0)) _exit(1);
      execv(KEYTURND, argv.data());
      _exit(127);
    }
    close(given[0]);
    close(ends[1]);
    output_ = fdopen(ends[0], "r");
  }
  ~Process() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
    fclose(output_);
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // Reads until a line with `text` came; false when the output ended before.
  bool ReadUntil(const std::string& text) {
    char* line = nullptr;
    size_t capacity = 0;
    bool found = false;
    while (!found && getline(&line, &capacity, output_) > 0) {
      text_ += line;
      found = std::string(line).find(text) != std::string::npos;
    }
    free(line);
    return found;
  }
  void Signal(int number) { kill(pid_, number); }
  int Wait() {
    ReadUntil("a text that no line has");
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  pid_t pid() const { return pid_; }
  const std::string& text() const { return text_; }

 private:
  pid_t pid_ = -1;
  FILE* output_ = nullptr;
  std::string text_;
};

int RunKeyturnd(std::vector<std::string> arguments,
                std::string* output = nullptr, const std::string& input = "") {
  Process process(std::move(arguments), std::nullopt, secret::kArenaBytesMax,
                  input);
  const int code = process.Wait();
  if (output != nullptr) *output = process.text();
  return code;
}

grpc::Status AddCredential(const std::shared_ptr<grpc::Channel>& channel,
                           const std::string& name) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kPatience);
  v1::CreateCredentialRequest request;
  v1::Credential credential;
  request.set_credential_id(name);
  request.set_request_id("request-" + name);
  request.mutable_secret()->mutable_celigo_token()->set_token("hunter2hunter2");
  return v1::Credentials::NewStub(channel)->CreateCredential(&context, request,
                                                             &credential);
}

class KeyturndTest : public ::testing::Test {
 protected:
  KeyturndTest() {
    std::string output;
    EXPECT_EQ(RunKeyturnd({"init", "--data-dir", data_, "--tcp", "127.0.0.1:0",
                           "--context-out", context_},
                          &output),
              kStopped)
        << output;
  }

  std::unique_ptr<Process> Start() {
    auto daemon = std::make_unique<Process>(
        std::vector<std::string>{"--config", config_});
    EXPECT_TRUE(daemon->ReadUntil("msg=ready")) << daemon->text();
    return daemon;
  }

  std::shared_ptr<grpc::Channel> Tls() {
    const YAML::Node context = YAML::LoadFile(context_)["contexts"][0];
    grpc::SslCredentialsOptions options;
    options.pem_root_certs = context["ca"].Scalar();
    options.pem_cert_chain = context["certificate"].Scalar();
    options.pem_private_key = context["key"].Scalar();
    grpc::ChannelArguments arguments;
    arguments.SetSslTargetNameOverride(context["serverName"].Scalar());
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel(context["server"].Scalar(),
                                     grpc::SslCredentials(options), arguments);
  }
  std::shared_ptr<grpc::Channel> Unix() {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel("unix:" + data_ + "/keyturnd.sock",
                                     grpc::InsecureChannelCredentials(),
                                     arguments);
  }
  std::string WhoAmI(const std::shared_ptr<grpc::Channel>& channel) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kPatience);
    v1::WhoAmIResponse who;
    const grpc::Status status = v1::Access::NewStub(channel)->WhoAmI(
        &context, v1::WhoAmIRequest(), &who);
    return status.ok() ? who.identity() : status.error_message();
  }
  std::string FileText(const std::string& path) {
    std::stringstream content;
    content << std::ifstream(path).rdbuf();
    return content.str();
  }

  testing::TemporaryDirectory directory_;
  const std::string data_ = directory_.Path("d");
  const std::string config_ = data_ + "/keyturnd.yaml";
  const std::string context_ = directory_.Path("context.yaml");
};

TEST_F(KeyturndTest, ServesBothTransportsAndStopsInOrder) {
  const auto daemon = Start();
  EXPECT_EQ(WhoAmI(Tls()), "admin");
  EXPECT_EQ(WhoAmI(Unix()), absl::StrCat("uid:", geteuid()));

  daemon->Signal(SIGTERM);

  EXPECT_EQ(daemon->Wait(), kStopped) << daemon->text();
  EXPECT_THAT(daemon->text(), HasSubstr("msg=stopped"));
  EXPECT_THAT(daemon->text(),
              HasSubstr("msg=call rpc=keyturn.v1.Access/WhoAmI identity=admin "
                        "transport=tls code=OK"));
  EXPECT_FALSE(std::filesystem::exists(data_ + "/keyturnd.sock"));
}

TEST_F(KeyturndTest, StopsOnInterruptAndStartsAgain) {
  for (int i = 0; i < 2; ++i) {
    const auto daemon = Start();
    EXPECT_EQ(WhoAmI(Unix()), absl::StrCat("uid:", geteuid()));
    daemon->Signal(SIGINT);
    EXPECT_EQ(daemon->Wait(), kStopped) << daemon->text();
  }
}

TEST_F(KeyturndTest, AnOpenStreamDoesNotKeepItFromStopping) {
  const auto daemon = Start();
  const auto stub = v1::Migrations::NewStub(Tls());
  grpc::ClientContext context;
  v1::WatchMigrationsRequest request;
  request.set_name("migrations/-");
  const auto reader = stub->WatchMigrations(&context, request);
  v1::WatchMigrationsResponse response;
  ASSERT_TRUE(reader->Read(&response));

  daemon->Signal(SIGTERM);

  while (reader->Read(&response)) continue;
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(daemon->Wait(), kStopped) << daemon->text();
}

TEST_F(KeyturndTest, WhatWasAcknowledgedSurvivesAKill) {
  auto daemon = Start();
  grpc::ClientContext context;
  v1::CreateCredentialRequest request;
  v1::Credential credential;
  request.set_credential_id("acme");
  request.mutable_secret()->mutable_celigo_token()->set_token("hunter2hunter2");
  ASSERT_TRUE(v1::Credentials::NewStub(Unix())
                  ->CreateCredential(&context, request, &credential)
                  .ok());

  daemon->Signal(SIGKILL);
  EXPECT_EQ(daemon->Wait(), -SIGKILL);
  EXPECT_THAT(daemon->text(), Not(HasSubstr("hunter2")));
  daemon = Start();

  grpc::ClientContext again;
  v1::GetCredentialRequest get;
  get.set_name("acme");
  EXPECT_TRUE(v1::Credentials::NewStub(Unix())
                  ->GetCredential(&again, get, &credential)
                  .ok());
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(data_)) {
    if (entry.is_regular_file()) {
      EXPECT_THAT(FileText(entry.path()), Not(HasSubstr("hunter2")))
          << entry.path();
    }
  }
}

TEST_F(KeyturndTest, ASecondDaemonOnTheSameDataIsRefused) {
  const auto daemon = Start();
  std::string output;

  EXPECT_EQ(RunKeyturnd({"--config", config_}, &output), kLocked);
  EXPECT_THAT(output, HasSubstr("STORE_LOCKED"));
  EXPECT_EQ(WhoAmI(Unix()), absl::StrCat("uid:", geteuid()));
}

TEST_F(KeyturndTest, DumpsNoCoreAndNamesItsThreads) {
  const auto daemon = Start();
  rlimit limit{};
  ASSERT_EQ(prlimit(daemon->pid(), RLIMIT_CORE, nullptr, &limit), 0);
  EXPECT_EQ(limit.rlim_max, 0u);
  std::set<std::string> names;
  for (const auto& task : std::filesystem::directory_iterator(
           absl::StrCat("/proc/", daemon->pid(), "/task"))) {
    names.insert(FileText(task.path() / "comm"));
  }
  for (const char* name : {"kt-engine\n", "kt-watch\n", "kt-unix\n"}) {
    EXPECT_THAT(names, ::testing::Contains(name));
  }
}

// As init found it or as the configuration asks: both are told at the start.
TEST_F(KeyturndTest, RefusesToStartWhereTooLittleMemoryCanBeLocked) {
  constexpr rlim_t kTooLittle = 64 * 1024;
  YAML::Node config = YAML::LoadFile(config_);
  config["limits"]["lockedMemoryKib"] = kLockedMemoryKibDefault;
  std::ofstream(config_) << config;
  Process daemon({"--config", config_}, std::nullopt, kTooLittle);

  EXPECT_EQ(daemon.Wait(), kBadConfiguration);
  EXPECT_THAT(daemon.text(), HasSubstr("reason=MEMORY_NOT_LOCKED"));
  EXPECT_THAT(daemon.text(), HasSubstr("lets this process lock 64 KiB"));
  EXPECT_THAT(daemon.text(), HasSubstr("LimitMEMLOCK=64M"));
}

TEST_F(KeyturndTest, StartsWithLittleLockedMemoryWhereTheConfigurationSaysSo) {
  constexpr rlim_t kLittle = 64 * 1024;
  YAML::Node config = YAML::LoadFile(config_);
  config["limits"]["lockedMemoryKib"] = kLittle >> 10;
  std::ofstream(config_) << config;
  Process daemon({"--config", config_}, std::nullopt, kLittle);

  EXPECT_TRUE(daemon.ReadUntil("msg=ready")) << daemon.text();
  EXPECT_THAT(daemon.text(), HasSubstr(" secretsKib=64 "));
}

TEST_F(KeyturndTest, InitWritesDownThatLittleMemoryCanBeLocked) {
  const std::string data = directory_.Path("e");
  Process init({"init", "--data-dir", data, "--tcp", "127.0.0.1:0",
                "--context-out", directory_.Path("other.yaml")},
               std::nullopt, /*lockable_bytes=*/0);

  EXPECT_EQ(init.Wait(), kStopped) << init.text();
  EXPECT_THAT(init.text(), HasSubstr("note: this user may lock only 0 KiB"));
  EXPECT_THAT(init.text(), HasSubstr("LimitMEMLOCK=64M"));
  const YAML::Node config = YAML::LoadFile(data + "/keyturnd.yaml");
  EXPECT_EQ(config["limits"]["lockedMemoryKib"].as<int>(), 0);
}

TEST_F(KeyturndTest, EveryThreadIsUnderTheFilterAndGainsNoPrivileges) {
  const auto daemon = Start();
  if (daemon->text().find("seccomp=off") != std::string::npos) {
    GTEST_SKIP() << "a build with sanitizers filters nothing";
  }
  for (const auto& task : std::filesystem::directory_iterator(
           absl::StrCat("/proc/", daemon->pid(), "/task"))) {
    const std::string status = FileText(task.path() / "status");
    EXPECT_THAT(status, HasSubstr("\nSeccomp:\t2\n"));
    EXPECT_THAT(status, HasSubstr("\nNoNewPrivs:\t1\n"));
  }
}

TEST_F(KeyturndTest, AWrongConfigurationIsToldBeforeAnythingStarts) {
  std::ofstream(config_, std::ios::app) << "surprise: 1\n";
  std::string output;

  EXPECT_EQ(RunKeyturnd({"--config", config_}, &output), kBadConfiguration);
  EXPECT_THAT(output, HasSubstr(config_ + ":"));
  EXPECT_THAT(output, HasSubstr("surprise: is unknown"));
}

TEST_F(KeyturndTest, ChecksAConfigurationWithoutServing) {
  std::string output;
  EXPECT_EQ(RunKeyturnd({"--check-config", "--config", config_}, &output),
            kStopped);
  EXPECT_THAT(output, HasSubstr("is good"));
  std::filesystem::copy_file(data_ + "/ca-key.pem", data_ + "/server-key.pem",
                             std::filesystem::copy_options::overwrite_existing);

  EXPECT_EQ(RunKeyturnd({"--check-config", "--config", config_}, &output),
            kBadConfiguration);
  EXPECT_THAT(output, HasSubstr("server-key.pem is not the key of the"));
}

TEST_F(KeyturndTest, ServesTheUnixSocketAlone) {
  YAML::Node config = YAML::LoadFile(config_);
  config["listen"].remove("tcp");
  config.remove("tls");
  std::ofstream(config_) << config;

  const auto daemon = Start();

  EXPECT_EQ(WhoAmI(Unix()), absl::StrCat("uid:", geteuid()));
}

// gRPC tells a handler nothing of a peer's user: the two users that the socket
// admits come in through two acceptors (rpc/peer.h).
TEST_F(KeyturndTest, RootIsRootAlsoWhereTheDaemonIsAnotherUser) {
  if (geteuid() != 0) GTEST_SKIP() << "takes root";
  constexpr uid_t kNobody = 65534;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(directory_.Path(""))) {
    ASSERT_EQ(chown(entry.path().c_str(), kNobody, kNobody), 0);
  }
  ASSERT_EQ(chown(directory_.Path("").c_str(), kNobody, kNobody), 0);
  Process daemon({"--config", config_}, kNobody);
  ASSERT_TRUE(daemon.ReadUntil("msg=ready")) << daemon.text();

  EXPECT_EQ(WhoAmI(Unix()), "uid:0");
}

TEST_F(KeyturndTest, ADamagedStoreHasItsOwnCode) {
  std::ofstream(data_ + "/store/keyturn.db",
                std::ios::in | std::ios::out | std::ios::binary)
          .seekp(5000)
      << std::string(20000, 'x');
  std::string output;

  EXPECT_EQ(RunKeyturnd({"--config", config_}, &output), kStoreBroken)
      << output;
}

// What somebody with the file does to the database of a stopped daemon.
void Tamper(const std::string& path, const char* sql) {
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(database, sql, nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(database);
}

TEST_F(KeyturndTest, DoesNotStartWhenTheAuditTrailCannotBeWritten) {
  Tamper(data_ + "/store/keyturn.db",
         "CREATE TRIGGER silence BEFORE INSERT ON audit"
         " BEGIN SELECT RAISE(ABORT, 'silenced'); END");
  std::string output;
  EXPECT_EQ(RunKeyturnd({"--config", config_}, &output), kAuditUnwritable)
      << output;
  EXPECT_THAT(output, HasSubstr("AUDIT_UNWRITABLE"));
}

TEST_F(KeyturndTest, DoesNothingAndStopsWhenTheAuditTrailCannotBeWritten) {
  Tamper(data_ + "/store/keyturn.db",
         "CREATE TRIGGER silence BEFORE INSERT ON audit"
         " WHEN NEW.actor <> 'daemon'"
         " BEGIN SELECT RAISE(ABORT, 'silenced'); END");
  const auto daemon = Start();
  const grpc::Status status = AddCredential(Tls(), "acme");
  EXPECT_EQ(status.error_code(), grpc::StatusCode::DATA_LOSS)
      << status.error_message();
  EXPECT_EQ(daemon->Wait(), kAuditUnwritable) << daemon->text();

  Tamper(data_ + "/store/keyturn.db", "DROP TRIGGER silence");
  const auto mended = Start();
  v1::ListCredentialsRequest list;
  v1::ListCredentialsResponse listed;
  grpc::ClientContext second;
  EXPECT_TRUE(v1::Credentials::NewStub(Tls())
                  ->ListCredentials(&second, list, &listed)
                  .ok());
  EXPECT_EQ(listed.credentials_size(), 0);
}

TEST_F(KeyturndTest, DoesNotStartWithAnOldCopyOfTheDatabaseUnlessItIsAccepted) {
  const std::string store = data_ + "/store";
  const std::string copy = directory_.Path("copy");
  std::filesystem::copy(store, copy);
  for (int i = 0; i < 2; ++i) {
    const auto daemon = Start();
    daemon->Signal(SIGTERM);
    EXPECT_EQ(daemon->Wait(), kStopped) << daemon->text();
    EXPECT_THAT(daemon->text(), HasSubstr("keyturn-audit-checkpoint 2 "));
    EXPECT_THAT(daemon->text(), Not(HasSubstr("old copy")));
  }
  EXPECT_THAT(FileText(data_ + "/audit-checkpoints"), HasSubstr("sequence=5 "));

  std::filesystem::remove_all(store);
  std::filesystem::rename(copy, store);
  std::string output;
  EXPECT_EQ(RunKeyturnd({"--config", config_}, &output), kRolledBack);
  EXPECT_THAT(output, HasSubstr("STORE_ROLLED_BACK"));
  EXPECT_THAT(output, HasSubstr("ends with row 1, but had come to row 5"));

  EXPECT_EQ(RunKeyturnd({"accept-restored", "--config", config_}, &output),
            kStopped)
      << output;
  for (int i = 0; i < 2; ++i) {
    const auto daemon = Start();
    daemon->Signal(SIGTERM);
    EXPECT_EQ(daemon->Wait(), kStopped) << daemon->text();
  }
}

// All its rows, so that they fit each other.
TEST_F(KeyturndTest, DoesNotStartWithACredentialOfAnOldCopyUnlessItIsAccepted) {
  const std::string store = data_ + "/store/keyturn.db";
  auto daemon = Start();
  ASSERT_TRUE(AddCredential(Tls(), "acme").ok());
  daemon->Signal(SIGTERM);
  ASSERT_EQ(daemon->Wait(), kStopped) << daemon->text();
  Tamper(store, "DELETE FROM credential_versions; DELETE FROM credentials");

  std::string output;
  EXPECT_EQ(RunKeyturnd({"--config", config_}, &output), kRolledBack);
  EXPECT_THAT(output, HasSubstr("CREDENTIALS_ROLLED_BACK"));
  EXPECT_THAT(output, HasSubstr("credential acme was taken out"));
  EXPECT_THAT(output, HasSubstr("keyturnd accept-restored"));

  EXPECT_EQ(RunKeyturnd({"accept-restored", "--config", config_}, &output),
            kStopped)
      << output;
  daemon = Start();
  EXPECT_EQ(RunKeyturnd({"accept-restored", "--config", config_}, &output),
            kLocked);
  EXPECT_TRUE(AddCredential(Tls(), "acme").ok());
}

TEST_F(KeyturndTest, AnotherRootKeyIsRefused) {
  std::ofstream(data_ + "/root.key", std::ios::binary) << std::string(32, 'k');
  std::string output;

  EXPECT_EQ(RunKeyturnd({"--config", config_}, &output), kFailed);
  EXPECT_THAT(output, HasSubstr("WRONG_ROOT_KEY"));
}

grpc::Status Unseal(const std::shared_ptr<grpc::Channel>& channel,
                    const std::string& passphrase, v1::VaultStatus* status) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + kPatience);
  v1::UnsealRequest request;
  request.set_passphrase(passphrase);
  return v1::Admin::NewStub(channel)->Unseal(&context, request, status);
}

// With a passphrase the daemon starts sealed: there is nobody yet who could
// have given it.
TEST_F(KeyturndTest, WithAPassphraseItStartsSealedAndOpensWithIt) {
  constexpr char kPassphrase[] = "correct horse battery staple";
  const std::string data = directory_.Path("p");
  std::string output;
  ASSERT_EQ(RunKeyturnd({"init", "--data-dir", data, "--tcp", "127.0.0.1:0",
                         "--context-out", directory_.Path("p.yaml"),
                         "--root-key", "passphrase"},
                        &output, std::string(kPassphrase) + "\n"),
            kStopped)
      << output;
  EXPECT_THAT(output, HasSubstr("admin unseal"));
  EXPECT_THAT(output, Not(HasSubstr(kPassphrase)));
  EXPECT_FALSE(std::filesystem::exists(data + "/root.key"));
  Process daemon({"--config", data + "/keyturnd.yaml"});
  ASSERT_TRUE(daemon.ReadUntil("msg=ready")) << daemon.text();
  EXPECT_THAT(daemon.text(), HasSubstr("msg=sealed"));
  const auto channel = grpc::CreateChannel("unix:" + data + "/keyturnd.sock",
                                           grpc::InsecureChannelCredentials());
  EXPECT_EQ(AddCredential(channel, "acme").error_code(),
            grpc::StatusCode::FAILED_PRECONDITION);

  v1::VaultStatus status;
  EXPECT_EQ(Unseal(channel, "another passphrase", &status).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(Unseal(channel, "", &status).error_code(),
            grpc::StatusCode::FAILED_PRECONDITION);
  ASSERT_TRUE(Unseal(channel, kPassphrase, &status).ok());

  EXPECT_FALSE(status.sealed());
  EXPECT_TRUE(AddCredential(channel, "acme").ok());
  daemon.Signal(SIGTERM);
  EXPECT_EQ(daemon.Wait(), kStopped) << daemon.text();
  EXPECT_THAT(daemon.text(), Not(HasSubstr(kPassphrase)));
}

TEST_F(KeyturndTest, ARootKeyFromASystemdCredential) {
  std::filesystem::create_directory(directory_.Path("credentials"));
  std::filesystem::rename(data_ + "/root.key",
                          directory_.Path("credentials/keyturn-root"));
  YAML::Node config = YAML::LoadFile(config_);
  config["rootKey"] = YAML::Load("{systemdCredential: keyturn-root}");
  std::ofstream(config_) << config;
  std::string output;
  EXPECT_EQ(RunKeyturnd({"--config", config_}, &output), kFailed);
  EXPECT_THAT(output, HasSubstr("LoadCredentialEncrypted=keyturn-root:"));

  ASSERT_EQ(setenv("CREDENTIALS_DIRECTORY",
                   directory_.Path("credentials").c_str(), /*overwrite=*/1),
            0);
  const auto daemon = Start();
  unsetenv("CREDENTIALS_DIRECTORY");

  EXPECT_EQ(WhoAmI(Unix()), absl::StrCat("uid:", geteuid()));
}

TEST(KeyturndCommandTest, HelpsAndTellsItsVersion) {
  std::string output;
  EXPECT_EQ(RunKeyturnd({"--help"}, &output), kStopped);
  EXPECT_THAT(output, HasSubstr("--check-config"));
  EXPECT_EQ(RunKeyturnd({"--version"}, &output), kStopped);
  EXPECT_THAT(output, HasSubstr(KEYTURN_VERSION));
}

TEST(KeyturndCommandTest, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(RunKeyturnd({}), kBadConfiguration);
  EXPECT_EQ(RunKeyturnd({"--nonsense"}), kBadConfiguration);
  EXPECT_EQ(RunKeyturnd({"init"}), kBadConfiguration);
  EXPECT_EQ(RunKeyturnd({"--config", "/nowhere/keyturnd.yaml"}),
            kBadConfiguration);
}

}  // namespace
}  // namespace keyturn::app
