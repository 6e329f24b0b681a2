// Back-ups as callers make them and bring them back.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "daemon/store/replacement.h"
#include "keyturn/v1/admin.grpc.pb.h"
#include "keyturn/v1/credentials.grpc.pb.h"
#include "tests/rpc/raw_call.h"
#include "tests/rpc/served_daemon.h"
#include "tests/store/samples.h"
#include "tests/support/status_matchers.h"

namespace keyturn::rpc {
namespace {

using testing::Call;
using testing::DetailsOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::IsOk;
using testing::IsOkAndHolds;
using testing::kCallPatience;
using testing::NewBatch;
using testing::ServedDaemon;
using testing::SmallMigration;

class Served {
 public:
  Served()
      : daemon([this](Server::Options& options) {
          options.store_path = daemon.directory_.Path("store/keyturn.db");
          options.on_restored = [this] { restored_.set_value(); };
        }),
        channel(daemon.Tls({access::Role::kAdministrator}, "ann")),
        admin(v1::Admin::NewStub(channel)) {}

  grpc::Status BackUp(std::string* bytes) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kCallPatience);
    const auto stream = admin->BackUp(&context, v1::BackUpRequest());
    v1::BackUpResponse piece;
    while (stream->Read(&piece)) bytes->append(piece.data());
    return stream->Finish();
  }

  grpc::Status Restore(std::string_view bytes,
                       v1::RestoreResponse* response = nullptr) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + kCallPatience);
    v1::RestoreResponse ignored;
    const auto stream =
        admin->Restore(&context, response == nullptr ? &ignored : response);
    v1::RestoreRequest piece;
    while (!bytes.empty()) {
      piece.set_data(std::string(bytes.substr(0, 10'000)));
      bytes.remove_prefix(std::min<size_t>(bytes.size(), 10'000));
      if (!stream->Write(piece)) break;
    }
    stream->WritesDone();
    return stream->Finish();
  }

  grpc::Status Seal() {
    v1::VaultStatus status;
    return Call(&v1::Admin::Stub::Seal, admin.get(), v1::SealRequest(),
                &status);
  }

  bool restored() {
    return future_.wait_for(kCallPatience) == std::future_status::ready;
  }

  // "Admin/BackUp: OK", what the trail has of back-ups.
  std::vector<std::string> Trail() {
    std::vector<std::string> lines;
    const auto rows = daemon.store->ListAuditRows(0, 100).value();
    for (const store::AuditRow& row : rows) {
      if (row.target == "store") lines.push_back(row.action + " " + row.result);
    }
    return lines;
  }

  // The names of the files beside the store that are none of its own.
  std::vector<std::string> Left() {
    std::vector<std::string> names;
    for (const auto& entry :
         std::filesystem::directory_iterator(daemon.directory_.Path("store"))) {
      const std::string name = entry.path().filename();
      if (name.find(".co") != std::string::npos) names.push_back(name);
    }
    return names;
  }

 private:
  std::promise<void> restored_;
  std::future<void> future_ = restored_.get_future();

 public:
  ServedDaemon daemon;
  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<v1::Admin::Stub> admin;
};

// A migration and a credential.
void Fill(Served& served) {
  ASSERT_THAT(served.daemon.store
                  ->CommitAndWait(NewBatch(SmallMigration("migration-1")))
                  .status(),
              IsOk());
  v1::CreateCredentialRequest request;
  v1::Credential credential;
  request.set_credential_id("acme");
  request.set_request_id("request-1");
  request.mutable_secret()->mutable_celigo_token()->set_token("hunter2");
  const auto stub = v1::Credentials::NewStub(served.channel);
  ASSERT_TRUE(Call(&v1::Credentials::Stub::CreateCredential, stub.get(),
                   request, &credential)
                  .ok());
}

TEST(BackUpTest, ComesBackInAnEmptyPlaceWithTheSameRootKey) {
  std::string bytes;
  Served from;
  Fill(from);
  ASSERT_TRUE(from.BackUp(&bytes).ok());
  EXPECT_THAT(bytes, Not(HasSubstr("acme"))) << "even names are sealed";
  EXPECT_THAT(from.Trail(), ElementsAre("keyturn.v1.Admin/BackUp INTENDED",
                                        "keyturn.v1.Admin/BackUp OK"));
  EXPECT_THAT(from.Left(), ElementsAre());

  Served to;
  const auto other_key = to.Restore(bytes);
  EXPECT_EQ(DetailsOf(other_key).reason, "WRONG_ROOT_KEY");
}

TEST(BackUpTest, TakesThePlaceOfTheStoreItselfOnceThatIsEmpty) {
  Served served;
  std::string bytes;
  ASSERT_TRUE(served.BackUp(&bytes).ok());
  v1::RestoreResponse response;
  const grpc::Status status = served.Restore(bytes, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.migrations(), 0);
  EXPECT_EQ(response.credentials(), 0);
  EXPECT_EQ(response.back_up_time().seconds(),
            absl::ToUnixSeconds(served.daemon.clock.Now()));
  EXPECT_TRUE(served.restored()) << "the daemon is told to start anew";
  EXPECT_THAT(served.Left(), ElementsAre());
  EXPECT_TRUE(std::filesystem::exists(
      served.daemon.directory_.Path("store/keyturn.db.restored")));
}

TEST(BackUpTest, ReplacesNothingThatIsThere) {
  Served served;
  std::string bytes;
  ASSERT_TRUE(served.BackUp(&bytes).ok());
  Fill(served);
  const grpc::Status refused = served.Restore(bytes);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(DetailsOf(refused).reason, "STORE_NOT_EMPTY");
  EXPECT_THAT(served.Left(), ElementsAre());
}

TEST(BackUpTest, WhatIsDamagedChangesNothing) {
  Served served;
  std::string bytes;
  ASSERT_TRUE(served.BackUp(&bytes).ok());
  std::string altered = bytes;
  altered[altered.size() / 2] ^= 1;
  EXPECT_EQ(DetailsOf(served.Restore(altered)).reason, "BACK_UP_ALTERED");
  EXPECT_EQ(DetailsOf(served.Restore(bytes.substr(0, bytes.size() - 1))).reason,
            "BACK_UP_CUT");
  EXPECT_EQ(DetailsOf(served.Restore("")).reason, "BACK_UP_FOREIGN");
  EXPECT_EQ(DetailsOf(served.Restore(std::string(1000, 'x'))).reason,
            "BACK_UP_FOREIGN");
  EXPECT_THAT(served.Left(), ElementsAre());
  EXPECT_FALSE(std::filesystem::exists(
      served.daemon.directory_.Path("store/keyturn.db.restored")));
}

TEST(BackUpTest, NeedsTheRootKey) {
  Served served;
  std::string bytes;
  ASSERT_TRUE(served.BackUp(&bytes).ok());
  ASSERT_TRUE(served.Seal().ok());
  std::string none;
  EXPECT_EQ(DetailsOf(served.BackUp(&none)).reason, "SEALED");
  EXPECT_EQ(DetailsOf(served.Restore(bytes)).reason, "SEALED");
  EXPECT_EQ(none, "");
}

TEST(BackUpTest, IsMadeOneAtATimeAndAReaderThatGoesLeavesNothing) {
  Served served;
  {
    grpc::ClientContext context;
    const auto stream = served.admin->BackUp(&context, v1::BackUpRequest());
    v1::BackUpResponse piece;
    ASSERT_TRUE(stream->Read(&piece));
    // Nothing more is read: gRPC's windows are larger than a small store, so
    // the second caller may find the first one done.
    context.TryCancel();
    EXPECT_FALSE(stream->Finish().ok());
  }
  std::string bytes;
  grpc::Status status;
  do {
    bytes.clear();
    status = served.BackUp(&bytes);
  } while (status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_TRUE(status.ok()) << status.error_message();
  EXPECT_THAT(served.Left(), ElementsAre());
}

TEST(BackUpTest, AWriterThatGoesLeavesNothing) {
  Served served;
  std::string bytes;
  ASSERT_TRUE(served.BackUp(&bytes).ok());
  constexpr size_t kAll = 16 * 1024 * 1024;
  const size_t size =
      served.daemon.store->TakeSnapshot().value()->Read(kAll).value().size();
  {
    grpc::ClientContext context;
    v1::RestoreResponse response;
    const auto stream = served.admin->Restore(&context, &response);
    v1::RestoreRequest piece;
    piece.set_data(bytes);
    ASSERT_TRUE(stream->Write(piece));
    const std::string coming =
        served.daemon.directory_.Path("store/keyturn.db.coming");
    std::error_code none;
    const auto end = std::chrono::steady_clock::now() + kCallPatience;
    while (std::filesystem::file_size(coming, none) != size &&
           std::chrono::steady_clock::now() < end) {
      std::this_thread::yield();
    }
    ASSERT_EQ(std::filesystem::file_size(coming), size);
    context.TryCancel();
    EXPECT_FALSE(stream->Finish().ok());
  }
  grpc::Status status;
  do {
    std::string again;
    status = served.BackUp(&again);
  } while (status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_TRUE(status.ok());
  EXPECT_THAT(served.Left(), ElementsAre());
  EXPECT_FALSE(std::filesystem::exists(
      served.daemon.directory_.Path("store/keyturn.db.restored")))
      << "although every byte had come";
}

}  // namespace
}  // namespace keyturn::rpc
