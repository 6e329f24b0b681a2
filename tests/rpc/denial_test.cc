// Callers who would use the daemon up: they are held off, and others are
// served.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daemon/rpc/enrolment.h"
#include "daemon/rpc/gate.h"
#include "daemon/rpc/lobby.h"
#include "daemon/rpc/nesting.h"
#include "daemon/rpc/strangers.h"
#include "daemon/rpc/tcp_listener.h"
#include "keyturn/v1/access.grpc.pb.h"
#include "keyturn/v1/inventory.grpc.pb.h"
#include "tests/rpc/raw_call.h"
#include "tests/rpc/served_daemon.h"
#include "tests/support/status_matchers.h"

namespace keyturn::rpc {
namespace {

using access::Role;
using testing::Call;
using testing::CallRaw;
using testing::DetailsOf;
using testing::HasCode;
using testing::IsOk;

using Channel = std::shared_ptr<grpc::Channel>;

// A TCP connection that says nothing. `from` is a loopback address.
class Silent {
 public:
  explicit Silent(int port, const char* from = "127.0.0.1")
      : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in own{};
    own.sin_family = AF_INET;
    inet_pton(AF_INET, from, &own.sin_addr);
    EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&own), sizeof(own)), 0);
    sockaddr_in server{};
    server.sin_family = AF_INET;
    server.sin_port = htons(static_cast<uint16_t>(port));
    inet_pton(AF_INET, "127.0.0.1", &server.sin_addr);
    EXPECT_EQ(
        connect(fd_, reinterpret_cast<sockaddr*>(&server), sizeof(server)), 0);
  }
  ~Silent() { close(fd_); }
  Silent(const Silent&) = delete;
  Silent& operator=(const Silent&) = delete;

  void Say(std::string_view text) const {
    EXPECT_EQ(send(fd_, text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }

  // As gRPC would write it.
  std::string peer() const {
    sockaddr_in own{};
    socklen_t size = sizeof(own);
    EXPECT_EQ(getsockname(fd_, reinterpret_cast<sockaddr*>(&own), &size), 0);
    return absl::StrCat("ipv4:127.0.0.1:", ntohs(own.sin_port));
  }

  // Whether the other side hangs up within that time.
  bool HungUpWithin(absl::Duration patience) const {
    pollfd waiting{fd_, POLLIN | POLLRDHUP, 0};
    char byte = 0;
    return poll(&waiting, 1,
                static_cast<int>(absl::ToInt64Milliseconds(patience))) == 1 &&
           recv(fd_, &byte, 1, MSG_DONTWAIT) <= 0;
  }

 private:
  const int fd_;
};

constexpr absl::Duration kPatience = absl::Seconds(60);
// For what must not happen.
constexpr absl::Duration kMoment = absl::Milliseconds(50);

// What a TLS connection begins with: the whole of a record, and its first half.
constexpr std::string_view kHello(
    "\x16\x03\x01\x00\x04"
    "abcd",
    9);
constexpr std::string_view kHalfAHello = kHello.substr(0, 7);

class TcpListenerTest : public ::testing::Test {
 protected:
  TcpListenerTest() : TcpListenerTest(/*connections=*/3, /*of_one=*/2) {}
  TcpListenerTest(size_t connections_max, size_t connections_per_address_max) {
    TcpListener::Options options;
    options.address = "127.0.0.1:0";
    options.connections_max = connections_max;
    options.connections_per_address_max = connections_per_address_max;
    options.silent_max = kSilentOnes;
    options.hello_time_max = kHelloTime;
    options.accept = [this](int fd) {
      base::MutexLock lock(mutex_);
      accepted_.push_back(fd);
    };
    options.log = [this](const std::string&) { ++refused_; };
    options.strangers = &strangers_;
    listener_ = TcpListener::Open(std::move(options)).value();
    listener_->Start();
  }
  ~TcpListenerTest() override {
    listener_ = nullptr;
    for (const int fd : accepted_) close(fd);
  }

  static constexpr size_t kSilentOnes = 4;
  // What strangers may send, and how many there may be.
  static constexpr size_t kBytesMax = 1000;
  static constexpr size_t kStrangersMax = 4;
  // Long enough for what is to happen before it is over.
  static constexpr absl::Duration kHelloTime = absl::Seconds(6);

  std::unique_ptr<Silent> ConnectSilently(const char* from = "127.0.0.1") {
    return std::make_unique<Silent>(listener_->port(), from);
  }
  std::unique_ptr<Silent> Connect(const char* from = "127.0.0.1") {
    auto connection = ConnectSilently(from);
    connection->Say(kHello);
    return connection;
  }
  size_t accepted() {
    base::MutexLock lock(mutex_);
    return accepted_.size();
  }
  void WaitForAccepted(size_t count) {
    while (true) {
      {
        base::MutexLock lock(mutex_);
        if (accepted_.size() >= count) return;
      }
      std::this_thread::yield();
    }
  }

  std::atomic<int> refused_ = 0;
  std::atomic<int> strangers_hung_up_on_ = 0;
  Strangers strangers_{
      {kBytesMax, kStrangersMax* kStrangerCost + kBytesMax,
       [this](const std::string&) { ++strangers_hung_up_on_; }}};
  base::Mutex mutex_;
  std::vector<int> accepted_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<TcpListener> listener_;
};

TEST_F(TcpListenerTest, OneAddressDoesNotShutTheOthersOut) {
  const auto one = Connect();
  const auto two = Connect();
  WaitForAccepted(2);

  EXPECT_TRUE(Connect()->HungUpWithin(kPatience));
  const auto other = Connect("127.0.0.2");
  WaitForAccepted(3);
  EXPECT_FALSE(other->HungUpWithin(kMoment));
  EXPECT_EQ(refused_, 1);
}

TEST_F(TcpListenerTest, WhoHasMostPlacesGivesOneToWhoHasNone) {
  const auto quiet = Connect();
  const auto talker = Connect();
  talker->Say("and more than that");
  const auto other = Connect("127.0.0.2");
  WaitForAccepted(3);

  const auto newcomer = Connect("127.0.0.3");
  WaitForAccepted(4);

  EXPECT_TRUE(quiet->HungUpWithin(kPatience)) << "it has been silent longest";
  EXPECT_FALSE(talker->HungUpWithin(kMoment));
  EXPECT_FALSE(other->HungUpWithin(kMoment));
  EXPECT_FALSE(newcomer->HungUpWithin(kMoment));
  EXPECT_TRUE(Connect("127.0.0.4")->HungUpWithin(kPatience))
      << "nobody has more than one any more";
}

TEST_F(TcpListenerTest, WhoSaysNothingGetsNoFurther) {
  const auto silent = ConnectSilently();
  const auto half = ConnectSilently();
  half->Say(kHalfAHello);
  const auto other = Connect();
  WaitForAccepted(1);
  EXPECT_FALSE(half->HungUpWithin(kMoment));
  EXPECT_EQ(accepted(), 1u);

  half->Say(kHello.substr(kHalfAHello.size()));
  WaitForAccepted(2);
  EXPECT_TRUE(silent->HungUpWithin(kHelloTime + kPatience));
}

TEST_F(TcpListenerTest, OfTheSilentTheOldestGoesAndWhoSpeaksIsHeard) {
  std::vector<std::unique_ptr<Silent>> silent;
  for (size_t i = 0; i < kSilentOnes + 1; ++i) {
    silent.push_back(ConnectSilently());
  }
  EXPECT_TRUE(silent.front()->HungUpWithin(kPatience));
  silent.back()->Say(kHello);
  WaitForAccepted(1);
}

TEST_F(TcpListenerTest, WhoAnnouncesAHelloWithoutEndIsNotHeardToItsEnd) {
  const auto endless = ConnectSilently();
  endless->Say(std::string("\x16\x03\x01\xff\xff", 5));
  endless->Say(std::string(kHelloBytesMax, 'a'));
  WaitForAccepted(1);
}

TEST_F(TcpListenerTest, WhoSpeaksNoTlsIsNotKeptWaiting) {
  const auto plain = ConnectSilently();
  plain->Say("P");
  WaitForAccepted(1);
}

TEST_F(TcpListenerTest, WhoGoesMakesRoom) {
  const auto one = Connect();
  const auto two = Connect();
  WaitForAccepted(2);
  {
    base::MutexLock lock(mutex_);
    close(accepted_.front());
    accepted_.erase(accepted_.begin());
  }
  // Those who have gone are looked for now and then.
  const absl::Time limit = absl::Now() + kPatience;
  while (accepted() < 2) {
    const auto next = Connect();
    while (accepted() < 2 && !next->HungUpWithin(kMoment)) continue;
    ASSERT_LT(absl::Now(), limit);
  }
}

TEST(TcpListenerOpenTest, RefusesWhatIsNoAddressOrInUse) {
  const auto open = [](const std::string& address) {
    TcpListener::Options options;
    options.address = address;
    options.accept = [](int fd) { close(fd); };
    options.log = [](const std::string&) {};
    static Strangers strangers({.log = options.log});
    options.strangers = &strangers;
    return TcpListener::Open(std::move(options));
  };
  EXPECT_THAT(open("nowhere"), HasCode(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(open("192.0.2.1:0"), HasCode(absl::StatusCode::kUnavailable));
  const auto first = open("127.0.0.1:0");
  ASSERT_THAT(first, IsOk());
  EXPECT_THAT(open(absl::StrCat("127.0.0.1:", (*first)->port())),
              HasCode(absl::StatusCode::kUnavailable));
}

// Places for connections there are enough.
class StrangersTest : public TcpListenerTest {
 protected:
  StrangersTest() : TcpListenerTest(/*connections=*/64, /*of_one=*/64) {}
};

TEST_F(StrangersTest, OneMaySendSoMuchUntilSomebodyVouchesForIt) {
  const auto known = Connect();
  const auto stranger = Connect();
  WaitForAccepted(2);
  strangers_.Vouch(known->peer());

  known->Say(std::string(kBytesMax, 'a'));
  stranger->Say(std::string(kBytesMax, 'a'));

  EXPECT_TRUE(stranger->HungUpWithin(kPatience));
  EXPECT_FALSE(known->HungUpWithin(kMoment));
  EXPECT_EQ(strangers_hung_up_on_, 1);
}

TEST_F(StrangersTest, OfTooManyTheMachineWithMostGivesOneUp) {
  std::vector<std::unique_ptr<Silent>> many;
  for (size_t i = 0; i < kStrangersMax; ++i) {
    many.push_back(Connect("127.0.0.2"));
    WaitForAccepted(i + 1);
  }
  many.front()->Say(std::string(kBytesMax / 2, 'a'));
  const auto newcomer = Connect("127.0.0.3");
  WaitForAccepted(kStrangersMax + 1);

  EXPECT_TRUE(many.front()->HungUpWithin(kPatience)) << "it has sent most";
  EXPECT_FALSE(newcomer->HungUpWithin(kMoment));
  EXPECT_FALSE(many.back()->HungUpWithin(kMoment));
  EXPECT_EQ(strangers_hung_up_on_, 1);
}

TEST_F(StrangersTest, WhoIsVouchedForMakesRoom) {
  for (size_t i = 0; i < 3 * kStrangersMax; ++i) {
    const auto known = Connect();
    WaitForAccepted(i + 1);
    strangers_.Vouch(known->peer());
    EXPECT_FALSE(known->HungUpWithin(absl::ZeroDuration()));
  }
  EXPECT_EQ(strangers_hung_up_on_, 0);
}

class DenialTest : public ::testing::Test {
 protected:
  grpc::Status WhoAmI(const Channel& channel) {
    v1::WhoAmIResponse response;
    return Call(&v1::Access::Stub::WhoAmI, v1::Access::NewStub(channel).get(),
                v1::WhoAmIRequest(), &response);
  }

  testing::ServedDaemon daemon_;
};

TEST_F(DenialTest, SilentConnectionsAreClosedAndOthersServedMeanwhile) {
  constexpr int kSilentOnes = 200;
  std::vector<std::unique_ptr<Silent>> silent;
  for (int i = 0; i < kSilentOnes; ++i) {
    silent.push_back(std::make_unique<Silent>(daemon_.server->tcp_port()));
  }
  EXPECT_TRUE(WhoAmI(daemon_.Tls({Role::kReader})).ok());

  for (const auto& one : silent) {
    EXPECT_TRUE(one->HungUpWithin(kHelloTimeMax + kPatience));
  }
}

TEST_F(DenialTest, WithoutACertificateAConnectionBeginsFewCalls) {
  const auto unknown = [this] {
    return daemon_.Tls(daemon_.ca.certificate_pem, {});
  };
  const auto channel = unknown();
  for (size_t i = 0; i < kUnnamedCallsMax; ++i) {
    EXPECT_EQ(WhoAmI(channel).error_code(), grpc::StatusCode::UNAUTHENTICATED);
  }
  EXPECT_EQ(WhoAmI(channel).error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);

  EXPECT_EQ(WhoAmI(unknown()).error_code(), grpc::StatusCode::UNAUTHENTICATED);
  const auto known = daemon_.Tls({Role::kReader});
  for (size_t i = 0; i < 2 * kUnnamedCallsMax; ++i) {
    EXPECT_TRUE(WhoAmI(known).ok());
  }
}

TEST_F(DenialTest, ACompressedMessageIsNotUnpacked) {
  const auto channel = daemon_.Tls({Role::kReader});
  for (const grpc_compression_algorithm algorithm :
       {GRPC_COMPRESS_GZIP, GRPC_COMPRESS_DEFLATE}) {
    grpc::ClientContext context;
    context.set_compression_algorithm(algorithm);
    context.set_deadline(std::chrono::system_clock::now() +
                         testing::kCallPatience);
    v1::DiscoverRequest request;
    // A bomb: some bytes on the wire.
    request.set_account(std::string(100 * 1024 * 1024, 'a'));
    v1::DiscoverResponse response;
    const grpc::Status status =
        v1::Inventory::NewStub(channel)->Discover(&context, request, &response);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED)
        << status.error_message();
  }
  EXPECT_TRUE(WhoAmI(channel).ok());
}

TEST_F(DenialTest, DeeplyNestedBytesAreRefused) {
  const auto channel = daemon_.Tls({Role::kReader});
  // Groups of field 15 within each other: the parser's recursion.
  const std::string nested(100'000, '\x7b');
  const grpc::Status status =
      CallRaw(channel, "keyturn.v1.Access/WhoAmI", nested);
  EXPECT_FALSE(status.ok());
  EXPECT_TRUE(WhoAmI(channel).ok());
}

TEST_F(DenialTest, BytesThatNestDeeperThanTheApiDoesAreRefusedByName) {
  const auto channel = daemon_.Tls({Role::kReader});
  // Groups that nobody declares; protobuf itself takes a hundred of them.
  const auto nested = [](int depth) {
    return std::string(depth, '\x7b') + std::string(depth, '\x7c');
  };
  EXPECT_TRUE(CallRaw(channel, "keyturn.v1.Access/WhoAmI",
                      nested(kMessageNestingMax - 1))
                  .ok());
  for (const char* rpc :
       {"keyturn.v1.Access/WhoAmI", "keyturn.v1.Migrations/WatchMigrations"}) {
    const grpc::Status status =
        CallRaw(channel, rpc, nested(kMessageNestingMax));
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << rpc;
    EXPECT_EQ(DetailsOf(status).reason, "NESTED_TOO_DEEP") << rpc;
  }
}

// One call of many that are under way at once.
struct Pending {
  grpc::ClientContext context;
  v1::DiscoverResponse response;
  grpc::Status status;
  std::unique_ptr<grpc::ClientAsyncResponseReader<v1::DiscoverResponse>> reader;
};

TEST_F(DenialTest, OneCallerCannotHaveAllCallsUnderWay) {
  daemon_.engine.hold_discover = true;
  const auto channel = daemon_.Tls({Role::kOperator}, "greedy");
  const auto stub = v1::Inventory::NewStub(channel);
  grpc::CompletionQueue queue;
  v1::DiscoverRequest request;
  request.set_account("accounts/acme");
  constexpr int kTooMany = 3;
  std::vector<std::unique_ptr<Pending>> calls;
  for (int i = 0; i < kCallsPerCallerMax + kTooMany; ++i) {
    auto call = std::make_unique<Pending>();
    call->reader = stub->AsyncDiscover(&call->context, request, &queue);
    call->reader->Finish(&call->response, &call->status, call.get());
    calls.push_back(std::move(call));
  }
  const auto next = [&queue] {
    void* tag = nullptr;
    bool ok = false;
    EXPECT_TRUE(queue.Next(&tag, &ok));
    return static_cast<Pending*>(tag);
  };
  for (int i = 0; i < kTooMany; ++i) {
    const Pending* const refused = next();
    EXPECT_EQ(refused->status.error_code(),
              grpc::StatusCode::RESOURCE_EXHAUSTED);
    EXPECT_EQ(DetailsOf(refused->status).reason, "TOO_MANY_CALLS");
    EXPECT_TRUE(DetailsOf(refused->status).retry_info);
  }
  EXPECT_TRUE(WhoAmI(daemon_.Tls({Role::kReader}, "modest")).ok());

  while (daemon_.engine.held() < kCallsPerCallerMax) std::this_thread::yield();
  daemon_.engine.Release();
  for (int i = 0; i < kCallsPerCallerMax; ++i) EXPECT_TRUE(next()->status.ok());
  EXPECT_TRUE(WhoAmI(channel).ok()) << "who is done may call again";
}

TEST(CallRateTest, ACallerThatCallsTooOftenIsHeldOff) {
  testing::ServedDaemon daemon([](Server::Options& options) {
    options.call_rate = {/*burst=*/5, /*interval=*/absl::Seconds(1)};
  });
  const auto who = [](const Channel& channel) {
    v1::WhoAmIResponse response;
    return Call(&v1::Access::Stub::WhoAmI, v1::Access::NewStub(channel).get(),
                v1::WhoAmIRequest(), &response);
  };
  const auto ann = daemon.Tls({Role::kReader}, "ann");
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(who(ann).ok());

  const grpc::Status status = who(ann);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(DetailsOf(status).reason, "TOO_MANY_CALLS");
  EXPECT_TRUE(DetailsOf(status).retry_info);
  EXPECT_TRUE(who(daemon.Tls({Role::kReader}, "bob")).ok());

  daemon.clock.Advance(absl::Seconds(1));
  EXPECT_TRUE(who(ann).ok());
}

TEST(CallTimeTest, ACallThatNobodyEndsIsCancelled) {
  testing::ServedDaemon daemon([](Server::Options& options) {
    options.call_time_max = absl::Milliseconds(100);
  });
  daemon.engine.hold_discover = true;
  const auto stub =
      v1::Inventory::NewStub(daemon.Tls({Role::kOperator}, "patient"));
  grpc::ClientContext without_deadline;
  v1::DiscoverRequest request;
  request.set_account("accounts/acme");
  v1::DiscoverResponse response;

  EXPECT_EQ(stub->Discover(&without_deadline, request, &response).error_code(),
            grpc::StatusCode::CANCELLED);

  EXPECT_EQ(daemon.engine.held(), 1u) << "its answer may still come";
  daemon.engine.Release();
}

TEST_F(DenialTest, AFloodOfEnrolmentsIsHeldOffAndOthersAreServed) {
  const auto flood = daemon_.Tls(daemon_.ca.certificate_pem, {});
  constexpr int kAttempts = 500;
  int held_off = 0;
  for (int i = 0; i < kAttempts; ++i) {
    v1::EnrollRequest request;
    request.set_token(absl::StrCat("guess ", i));
    v1::IssuedCertificate response;
    const grpc::Status status =
        Call(&v1::Access::Stub::Enroll, v1::Access::NewStub(flood).get(),
             request, &response);
    if (status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED) ++held_off;
  }
  EXPECT_GE(held_off, kAttempts - kRefusedEnrolmentsMax);
  EXPECT_TRUE(WhoAmI(daemon_.Tls({Role::kReader})).ok());
}

}  // namespace
}  // namespace keyturn::rpc
