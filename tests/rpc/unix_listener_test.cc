#include "daemon/rpc/unix_listener.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <future>
#include <string>

#include "tests/store/samples.h"
#include "tests/support/status_matchers.h"

namespace keyturn::rpc {
namespace {

using testing::HasCode;
using testing::HasReason;
using ::testing::HasSubstr;
using testing::IsOk;
using testing::MessageIs;

class UnixListenerTest : public ::testing::Test {
 protected:
  UnixListener::Options Options() {
    UnixListener::Options options;
    options.path = path_;
    options.accept = [this](int fd, uid_t uid) {
      close(fd);
      accepted_.set_value(uid);
    };
    options.admits = [](uid_t uid) { return uid == geteuid(); };
    options.log = [this](const std::string& line) { logged_.set_value(line); };
    return options;
  }

  int Connect() {
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, path_.c_str());
    if (connect(fd, reinterpret_cast<const sockaddr*>(&address),
                sizeof(address)) != 0) {
      close(fd);
      return -1;
    }
    return fd;
  }

  bool Exists() { return std::filesystem::exists(path_); }

  testing::TemporaryDirectory directory_;
  const std::string path_ = directory_.Path("s.sock");
  std::promise<uid_t> accepted_;
  std::promise<std::string> logged_;
};

TEST_F(UnixListenerTest, HandsOverTheConnectionWithItsUser) {
  const auto listener = UnixListener::Open(Options()).value();
  listener->Start();
  const int client = Connect();
  ASSERT_GE(client, 0);

  EXPECT_EQ(accepted_.get_future().get(), geteuid());
  close(client);
}

TEST_F(UnixListenerTest, HangsUpOnOthersAndSaysWho) {
  UnixListener::Options options = Options();
  options.admits = [](uid_t) { return false; };
  const auto listener = UnixListener::Open(std::move(options)).value();
  listener->Start();
  const int client = Connect();
  ASSERT_GE(client, 0);

  char byte = 0;
  EXPECT_EQ(read(client, &byte, 1), 0) << "the connection is closed";
  EXPECT_THAT(logged_.get_future().get(),
              HasSubstr("refused user " + std::to_string(geteuid())));
  close(client);
}

TEST_F(UnixListenerTest, TellsWhomItRefused) {
  std::promise<uid_t> refused;
  UnixListener::Options options = Options();
  options.admits = [](uid_t) { return false; };
  options.refused = [&refused](uid_t uid) { refused.set_value(uid); };
  const auto listener = UnixListener::Open(std::move(options)).value();
  listener->Start();
  const int client = Connect();
  ASSERT_GE(client, 0);

  EXPECT_EQ(refused.get_future().get(), geteuid());
  close(client);
}

TEST_F(UnixListenerTest, IsOpenToWhomItsFileIsOpen) {
  const auto mode_of = [this] {
    struct stat info {};
    EXPECT_EQ(stat(path_.c_str(), &info), 0);
    return info.st_mode & 07777;
  };
  const auto closed = UnixListener::Open(Options()).value();
  EXPECT_EQ(mode_of(), 0600u) << "unless told otherwise";
  closed->Stop();

  UnixListener::Options options = Options();
  options.mode = 0660;
  options.group = getegid();
  const auto open = UnixListener::Open(std::move(options)).value();

  EXPECT_EQ(mode_of(), 0660u);
  struct stat info {};
  ASSERT_EQ(stat(path_.c_str(), &info), 0);
  EXPECT_EQ(info.st_gid, getegid());
}

TEST_F(UnixListenerTest, RemovesItsSocketAtTheEnd) {
  {
    const auto listener = UnixListener::Open(Options()).value();
    EXPECT_TRUE(Exists());
  }
  EXPECT_FALSE(Exists());
}

TEST_F(UnixListenerTest, LeavesAnothersSocketAlone) {
  auto listener = UnixListener::Open(Options()).value();
  std::filesystem::remove(path_);
  std::ofstream(path_) << "another's";

  listener->Stop();

  EXPECT_TRUE(Exists());
}

TEST_F(UnixListenerTest, ReplacesASocketThatWasLeftBehind) {
  const int dead = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, path_.c_str());
  ASSERT_EQ(
      bind(dead, reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
      0);
  close(dead);
  ASSERT_TRUE(Exists());

  EXPECT_THAT(UnixListener::Open(Options()), IsOk());
}

TEST_F(UnixListenerTest, RefusesASocketWhereSomebodyAnswers) {
  const auto first = UnixListener::Open(Options()).value();

  EXPECT_THAT(UnixListener::Open(Options()), HasReason("SOCKET_IN_USE"));
  EXPECT_TRUE(Exists());
}

TEST_F(UnixListenerTest, RefusesAFileThatIsNoSocket) {
  std::ofstream(path_) << "precious";

  EXPECT_THAT(UnixListener::Open(Options()), HasReason("SOCKET_IN_USE"));
  EXPECT_TRUE(Exists());
}

TEST_F(UnixListenerTest, RefusesAPathThatIsTooLong) {
  UnixListener::Options options = Options();
  options.path = "/" + std::string(kUnixPathSizeMax, 'x');

  EXPECT_THAT(UnixListener::Open(std::move(options)),
              HasCode(absl::StatusCode::kInvalidArgument));
}

TEST_F(UnixListenerTest, RefusesADirectoryThatIsNotThere) {
  UnixListener::Options options = Options();
  options.path = directory_.Path("none/s.sock");

  EXPECT_THAT(UnixListener::Open(std::move(options)),
              MessageIs(HasSubstr("none/s.sock")));
}

}  // namespace
}  // namespace keyturn::rpc
