// A Client on a scripted transport and a clock that a test moves.
#ifndef KEYTURN_TESTS_UPSTREAM_NETSUITE_CLIENT_FIXTURE_H_
#define KEYTURN_TESTS_UPSTREAM_NETSUITE_CLIENT_FIXTURE_H_

#include <gtest/gtest.h>

#include <asio/io_context.hpp>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/upstream/netsuite/client.h"
#include "tests/support/fake_clock.h"
#include "tests/support/run_awaitable.h"
#include "tests/upstream/netsuite/scripted_transport.h"

namespace keyturn::netsuite {

inline Tba TestTba() {
  return Tba{.consumer_key = secret::Secret("consumer-key"),
             .consumer_secret = secret::Secret("consumer-secret"),
             .token_id = secret::Secret("token-id"),
             .token_secret = secret::Secret("token-secret")};
}

class ClientFixture : public ::testing::Test {
 protected:
  static constexpr char kSuiteTalk[] =
      "https://123456-sb1.suitetalk.api.netsuite.com";
  static constexpr char kRestlets[] =
      "https://123456-sb1.restlets.api.netsuite.com";

  ClientFixture()
      : client_(PartsFor([this]() -> absl::StatusOr<AccessCredential> {
                  ++credentials_opened_;
                  return AccessCredential(TestTba());
                }),
                transport_, clock_) {}

  // Nonces count up, and every wait has its full length.
  Client::Parts PartsFor(CredentialSource credential) {
    const AccountId account = *AccountId::Parse("123456_SB1");
    return Client::Parts{
        .account = account,
        .endpoints = Endpoints::Of(account),
        .credential = std::move(credential),
        .nonce = [this] { return absl::StrCat("nonce", ++nonces_); },
        .jitter = [] { return 1.0; }};
  }

  template <typename T>
  T Run(asio::awaitable<T> work) {
    return testing::RunAwaitable(io_, std::move(work), &clock_);
  }

  const SentRequest& sent(size_t index) const {
    return transport_.sent().at(index);
  }

  asio::io_context io_;
  testing::FakeClock clock_;
  ScriptedTransport transport_;
  int nonces_ = 0;
  int credentials_opened_ = 0;
  Client client_;
};

}  // namespace keyturn::netsuite

#endif  // KEYTURN_TESTS_UPSTREAM_NETSUITE_CLIENT_FIXTURE_H_
