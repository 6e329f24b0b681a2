// Clients of one account that several attempts use side by side.
#include "daemon/steps/account_clients.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <asio/io_context.hpp>
#include <memory>
#include <utility>

#include "daemon/vault/payload.h"
#include "tests/steps/world.h"
#include "tests/support/run_awaitable.h"
#include "tests/support/status_matchers.h"

namespace keyturn::testing {
namespace {

using steps::AccountClients;
using ::testing::Not;

class AccountClientsTest : public StepsTest {
 protected:
  void SetUp() override {
    store::Account celigo;
    celigo.name = "acme";
    celigo.kind = store::AccountKind::kCeligo;
    celigo.credential = "acme-token";
    store::Account netsuite;
    netsuite.name = "acme-ns";
    netsuite.kind = store::AccountKind::kNetSuite;
    netsuite.account_id = "1234567";
    netsuite.credential = "acme-access";
    store::Batch batch;
    batch.credentials.push_back(Seal(
        "acme-token", vault::CeligoToken{secret::Secret("a-celigo-token")}));
    batch.credentials.push_back(
        Seal("acme-access",
             vault::NetSuiteTba{secret::Secret("key"), secret::Secret("secret"),
                                secret::Secret("id"), secret::Secret("more")}));
    batch.accounts = {store::CreateAccount{celigo},
                      store::CreateAccount{netsuite}};
    ASSERT_THAT(store_->CommitAndWait(std::move(batch)), IsOk());
    // No host is allowed, so nothing goes out: secrets are opened before that.
    auto clients = AccountClients::Open(
        context_, AccountClients::Options{*store_, *vault_, clock_, {}},
        http::AllowedHosts::Parse({}).value());
    ASSERT_THAT(clients, IsOk());
    clients_ = *std::move(clients);
  }

  store::CredentialWrite Seal(const char* name, const vault::Payload& payload) {
    return vault_
        ->SealNew(name, payload, store::VersionLabel::kCurrent, "", "olga",
                  clock_.Now())
        .value();
  }

  asio::io_context context_{1};
  std::unique_ptr<AccountClients> clients_;
  vault::Openings used_;
  vault::Openings idle_;
};

TEST_F(AccountClientsTest, WhatOneUseOpensIsNotNotedForAnother) {
  const auto celigo = clients_->Celigo("acme", used_);
  ASSERT_THAT(celigo, IsOk());
  ASSERT_THAT(clients_->Celigo("acme", idle_), IsOk());
  EXPECT_EQ(used_.Text(), "");
  EXPECT_THAT(RunAwaitable(context_, (*celigo)->GetTokenInfo(), &clock_),
              Not(IsOk()));
  EXPECT_EQ(used_.Text(), "credentials/acme-token version 1");

  const auto netsuite = clients_->NetSuite("acme-ns", used_);
  ASSERT_THAT(netsuite, IsOk());
  ASSERT_THAT(clients_->NetSuite("acme-ns", idle_), IsOk());
  EXPECT_TRUE(netsuite->has_access);
  EXPECT_THAT(RunAwaitable(context_, netsuite->client->TokenInfo(), &clock_),
              Not(IsOk()));
  EXPECT_EQ(used_.Text(),
            "credentials/acme-access version 1, credentials/acme-token "
            "version 1");
  EXPECT_EQ(idle_.Text(), "");
}

TEST_F(AccountClientsTest, AClientOutlivesItsAccountsBeingForgotten) {
  const auto celigo = clients_->Celigo("acme", used_);
  ASSERT_THAT(celigo, IsOk());
  clients_->Forget("acme");
  EXPECT_THAT(RunAwaitable(context_, (*celigo)->GetTokenInfo(), &clock_),
              Not(IsOk()));
  EXPECT_THAT(clients_->NetSuite("acme", idle_), HasReason("ACCOUNT_KIND"));
}

}  // namespace
}  // namespace keyturn::testing
