#include "daemon/base/mutex.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace keyturn::base {
namespace {

TEST(MutexTest, LetsOneThreadInAtATime) {
  Mutex mutex;
  int count = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&mutex, &count] {
      for (int j = 0; j < 1000; ++j) {
        MutexLock lock(mutex);
        ++count;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(count, 4000);
}

TEST(MutexTest, WakesWhoWaitsForACondition) {
  Mutex mutex;
  Condition changed;
  bool ready = false;
  bool seen = false;
  std::thread waiter([&] {
    MutexLock lock(mutex);
    while (!ready) changed.Wait(mutex);
    seen = true;
  });
  {
    MutexLock lock(mutex);
    ready = true;
  }
  changed.NotifyAll();
  waiter.join();
  EXPECT_TRUE(seen);
}

}  // namespace
}  // namespace keyturn::base
