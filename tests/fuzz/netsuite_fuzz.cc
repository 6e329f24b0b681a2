// What NetSuite answers: records, SuiteQL, OAuth texts, errors. The first byte
// chooses the status, the others are the body. A body with kMark in it stands
// for an outside text that must not come through.
#include <array>
#include <asio/io_context.hpp>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "daemon/base/status.h"
#include "daemon/upstream/netsuite/client.h"
#include "daemon/upstream/netsuite/secret_json.h"
#include "daemon/upstream/netsuite/values.h"
#include "tests/fuzz/require.h"
#include "tests/support/run_awaitable.h"

namespace keyturn::fuzz {
namespace {

// No code word has a space.
constexpr char kMark[] = "c4n4ry text";
constexpr size_t kIssuedValueSizeMax = 256;

constexpr std::array kStatuses = {200, 201, 204, 302, 400, 401,
                                  403, 404, 429, 500, 503};

// Answers everything alike.
class OneAnswer final : public http::Transport {
 public:
  OneAnswer(int status, std::string_view body) : status_(status), body_(body) {}

  asio::awaitable<absl::StatusOr<http::Response>> Send(http::Request) override {
    http::Response response;
    response.status = status_;
    response.headers = {{"date", "Thu, 01 Jan 2026 00:10:00 GMT"}};
    response.body = secret::Secret(body_);
    co_return response;
  }

 private:
  const int status_;
  const std::string body_;
};

class Account {
 public:
  Account(int status, std::string_view body)
      : answer_(status, body), client_(Parts(), answer_, clock_) {}

  netsuite::Client& client() { return client_; }

  // The value of the call, if it has one.
  template <typename T>
  absl::StatusOr<T> Try(asio::awaitable<absl::StatusOr<T>> call) {
    absl::StatusOr<T> outcome =
        testing::RunAwaitable(io_, std::move(call), &clock_);
    if (!outcome.ok()) {
      Require(!absl::StrContains(outcome.status().ToString(), kMark),
              "no outside text comes through", outcome.status().ToString());
      Require(!base::ReasonOf(outcome.status()).empty() ||
                  absl::IsResourceExhausted(outcome.status()),
              "a refusal has a reason", outcome.status().ToString());
    }
    return outcome;
  }

 private:
  static netsuite::Client::Parts Parts() {
    const netsuite::AccountId account =
        *netsuite::AccountId::Parse("123456_SB1");
    return {.account = account,
            .endpoints = netsuite::Endpoints::Of(account),
            .credential = []() -> absl::StatusOr<netsuite::AccessCredential> {
              return netsuite::Tba{.consumer_key = secret::Secret("k"),
                                   .consumer_secret = secret::Secret("s"),
                                   .token_id = secret::Secret("t"),
                                   .token_secret = secret::Secret("u")};
            },
            .nonce = [] { return std::string("nonce"); },
            .jitter = [] { return 1.0; }};
  }

  asio::io_context io_;
  testing::FakeClock clock_;
  OneAnswer answer_;
  netsuite::Client client_;
};

void TryReads(Account& account) {
  netsuite::Client& client = account.client();
  static_cast<void>(account.Try(client.TokenInfo()));
  static_cast<void>(account.Try(client.Probe()));
  const auto rows = account.Try(client.SuiteQl("SELECT 1"));
  Require(!rows.ok() || rows->size() <= netsuite::kSuiteQlPagesMax *
                                            netsuite::kSuiteQlPageSize,
          "no more rows than are read");
  static_cast<void>(account.Try(client.FindRoles("CeligoJiraTBA")));
  static_cast<void>(account.Try(client.RolePermissions("1042")));
  static_cast<void>(account.Try(client.FindEmployee("u@example.com")));
  static_cast<void>(account.Try(client.EmployeeRecordRoles("42")));
  static_cast<void>(account.Try(client.ListTokens({})));
}

void TryIssuing(Account& account) {
  const auto token = account.Try(account.client().IssueToken(
      {.email = "u@example.com", .password = secret::Secret("p")}, "1042",
      secret::Secret("consumer"), "a name"));
  Require(!token.ok() || (!token->id.Expose().empty() &&
                          token->id.size() <= kIssuedValueSizeMax &&
                          !token->secret.Expose().empty() &&
                          token->secret.size() <= kIssuedValueSizeMax),
          "a token that was made is whole");
}

void TryTexts(std::string_view body) {
  for (const std::string_view key : {"tokenId", "token_secret", ""}) {
    const auto value = netsuite::FindScalar(body, key);
    Require(!value.has_value() ||
                (value->data() >= body.data() &&
                 value->data() + value->size() <= body.data() + body.size()),
            "what was found is in the text");
  }
  static_cast<void>(netsuite::DescribeBearer(secret::Secret(body)));
  const http::Response dated = {.headers = {{"date", std::string(body)}}};
  static_cast<void>(netsuite::ClockSkew(dated, absl::UnixEpoch()));
  const absl::StatusOr<std::string> quoted = netsuite::Quote(body);
  Require(!quoted.ok() || netsuite::IsPlainText(*quoted),
          "a literal has no control characters");
}

}  // namespace
}  // namespace keyturn::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace keyturn;
  if (size == 0) return 0;
  const int status = fuzz::kStatuses[data[0] % fuzz::kStatuses.size()];
  const std::string_view body = fuzz::TextOf(data + 1, size - 1);
  fuzz::Account account(status, body);
  fuzz::TryReads(account);
  fuzz::TryIssuing(account);
  fuzz::TryTexts(body);
  return 0;
}
