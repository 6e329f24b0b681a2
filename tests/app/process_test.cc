#include "daemon/app/process.h"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <cstdlib>

namespace keyturn::app {
namespace {

// Each says one thing of a process that has just shut itself; tried in
// processes of their own, since nothing takes it back.
[[noreturn]] void ExitWith(bool as_said) { std::_Exit(as_said ? 0 : 1); }

TEST(ProcessTest, NoOtherProcessOfItsUserMayReadItsMemory) {
  EXPECT_EXIT(
      ExitWith(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 1 &&
               HardenProcess().ok() && prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0),
      ::testing::ExitedWithCode(0), "");
}

TEST(ProcessTest, NoFileMakesItMoreThanItIs) {
  EXPECT_EXIT(ExitWith(HardenProcess().ok() &&
                       prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1),
              ::testing::ExitedWithCode(0), "");
}

TEST(ProcessTest, DumpsNoCore) {
  rlimit limit{};
  EXPECT_EXIT(
      ExitWith(HardenProcess().ok() && getrlimit(RLIMIT_CORE, &limit) == 0 &&
               limit.rlim_cur == 0 && limit.rlim_max == 0),
      ::testing::ExitedWithCode(0), "");
}

TEST(ProcessTest, ClosesItsFilesToOthers) {
  EXPECT_EXIT(ExitWith(HardenProcess().ok() && umask(0) == 077),
              ::testing::ExitedWithCode(0), "");
}

TEST(ProcessTest, OutlivesAPeerThatHangsUp) {
  EXPECT_EXIT(ExitWith(HardenProcess().ok() && std::raise(SIGPIPE) == 0),
              ::testing::ExitedWithCode(0), "");
}

TEST(ProcessTest, IsNotMadeToTraceWhatItCarries) {
  const auto traced = [] {
    return getenv("GRPC_TRACE") != nullptr ||
           getenv("GRPC_VERBOSITY") != nullptr;
  };
  EXPECT_EXIT(ExitWith(setenv("GRPC_TRACE", "all", 1) == 0 &&
                       setenv("GRPC_VERBOSITY", "debug", 1) == 0 && traced() &&
                       HardenProcess().ok() && !traced()),
              ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace keyturn::app
