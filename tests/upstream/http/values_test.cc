#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "daemon/upstream/http/allowed_hosts.h"
#include "daemon/upstream/http/json.h"
#include "daemon/upstream/http/retry_after.h"
#include "daemon/upstream/http/url.h"
#include "tests/support/status_matchers.h"

namespace keyturn::http {
namespace {

using ::testing::Eq;
using testing::HasCode;
using testing::HasReason;
using ::testing::HasSubstr;
using testing::IsOk;
using testing::IsOkAndHolds;
using testing::MessageIs;
using ::testing::Not;
using ::testing::Optional;

const absl::Time kNow = absl::FromCivil(
    absl::CivilSecond(1994, 11, 6, 8, 49, 0), absl::UTCTimeZone());

TEST(RetryAfterTest, ReadsSecondsAndTheThreeFormsOfADate) {
  EXPECT_THAT(ParseRetryAfter("120", kNow), Optional(absl::Seconds(120)));
  EXPECT_THAT(ParseRetryAfter(" 0 ", kNow), Optional(absl::ZeroDuration()));
  for (const char* date :
       {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994"}) {
    EXPECT_THAT(ParseRetryAfter(date, kNow), Optional(absl::Seconds(37)))
        << date;
  }
}

TEST(RetryAfterTest, StaysWithinItsLimits) {
  EXPECT_THAT(ParseRetryAfter("99999999999999999999", kNow),
              Optional(kRetryAfterMax));
  EXPECT_THAT(ParseRetryAfter("86400", kNow), Optional(kRetryAfterMax));
  EXPECT_THAT(ParseRetryAfter("Sun, 06 Nov 1993 08:49:37 GMT", kNow),
              Optional(absl::ZeroDuration()));
}

TEST(RetryAfterTest, IgnoresWhatItCannotRead) {
  for (const char* value : {"", "soon", "-5", "1.5", "12 seconds"}) {
    EXPECT_THAT(ParseRetryAfter(value, kNow), Eq(std::nullopt)) << value;
  }
}

TEST(RetryAfterTest, TravelsWithAnError) {
  const absl::Status status =
      WithRetryAfter(absl::UnavailableError("busy"), absl::Seconds(7));

  EXPECT_THAT(RetryAfterOf(status), Optional(absl::Seconds(7)));
  EXPECT_THAT(RetryAfterOf(base::Annotate(status, "listing")),
              Optional(absl::Seconds(7)));
  EXPECT_THAT(RetryAfterOf(absl::UnavailableError("busy")), Eq(std::nullopt));
}

TEST(UrlTest, TakesAnAddressApart) {
  absl::StatusOr<Url> url =
      ParseUrl("https://API.Example.com:8443/v1/a%20b?x=1");

  ASSERT_THAT(url, IsOk());
  EXPECT_EQ(url->host, "api.example.com");
  EXPECT_EQ(url->port, 8443);
  EXPECT_EQ(url->path, "/v1/a%20b");
  EXPECT_EQ(url->query, "x=1");
  EXPECT_EQ(ParseUrl("https://example.com")->port, 443);
}

TEST(UrlTest, RefusesWhatMustNotBeCalled) {
  for (const char* text :
       {"", "http://example.com/", "ftp://example.com/", "file:///etc/passwd",
        "example.com", "/v1/x", "https://", "https://user@example.com/",
        "https://user:pw@example.com/", "https://example.com/#x",
        "https://example.com/a b", "https://example.com:0/",
        "https://example.com:99999/", "https://ex\xC3\xA4mple.com/",
        "https://example.com/\r\nX: 1"}) {
    EXPECT_THAT(ParseUrl(text), HasCode(absl::StatusCode::kInvalidArgument))
        << text;
  }
  EXPECT_THAT(ParseUrl("https://e.com/" + std::string(kUrlSizeMax, 'x')),
              HasReason("INVALID_URL"));
}

TEST(UrlTest, NormalizesABaseUrl) {
  EXPECT_THAT(NormalizeBaseUrl("https://API.integrator.io/"),
              IsOkAndHolds("https://api.integrator.io"));
  EXPECT_THAT(NormalizeBaseUrl("https://127.0.0.1:8443"),
              IsOkAndHolds("https://127.0.0.1:8443"));
  EXPECT_THAT(NormalizeBaseUrl("https://api.integrator.io/v1"),
              HasReason("INVALID_URL"));
  EXPECT_THAT(NormalizeBaseUrl("https://api.integrator.io/?x=1"),
              HasReason("INVALID_URL"));
}

TEST(UrlTest, EncodesEverythingThatIsReserved) {
  EXPECT_EQ(PercentEncode("aZ0-._~"), "aZ0-._~");
  EXPECT_EQ(PercentEncode("a b/ü&="), "a%20b%2F%C3%BC%26%3D");
}

AllowedHosts Allowed() {
  return *AllowedHosts::Parse(
      {"api.integrator.io", "*.suitetalk.api.netsuite.com", "localhost:8443"});
}

TEST(AllowedHostsTest, AllowsExactHostsAndDomains) {
  EXPECT_TRUE(Allowed().Allows("api.integrator.io", 443));
  EXPECT_TRUE(Allowed().Allows("API.Integrator.IO", 8080));
  EXPECT_TRUE(Allowed().Allows("123-sb1.suitetalk.api.netsuite.com", 443));
  EXPECT_TRUE(Allowed().Allows("localhost", 8443));
}

TEST(AllowedHostsTest, AllowsNothingElse) {
  for (const char* host :
       {"integrator.io", "evil-api.integrator.io", "api.integrator.io.evil.com",
        "suitetalk.api.netsuite.com", ".suitetalk.api.netsuite.com",
        "xsuitetalk.api.netsuite.com", ""}) {
    EXPECT_FALSE(Allowed().Allows(host, 443)) << host;
  }
  EXPECT_FALSE(Allowed().Allows("localhost", 443));
  EXPECT_FALSE(AllowedHosts().Allows("api.integrator.io", 443));
}

TEST(AllowedHostsTest, SaysWhatToAdd) {
  const absl::Status status =
      Allowed().Check(*ParseUrl("https://api.eu.integrator.io:444/"));

  EXPECT_THAT(status, HasReason("HOST_NOT_ALLOWED"));
  EXPECT_THAT(status, MessageIs(HasSubstr("api.eu.integrator.io:444")));
}

TEST(AllowedHostsTest, RefusesEntriesThatAllowTooMuchOrNothing) {
  for (const char* entry :
       {"", "*", "*.", "*.com", "**.example.com", "a.*.com", "https://a.com",
        "a.com/x", "a.com:", "a.com:0", "a.com:x", ".a.com", "a..com"}) {
    EXPECT_THAT(AllowedHosts::Parse({entry}),
                HasCode(absl::StatusCode::kInvalidArgument))
        << entry;
  }
}

TEST(JsonTest, KeepsOrderAndUnknownFields) {
  const std::string text =
      R"({"z":1,"a":{"q":null,"b":[1,2.5,"x"]},"m":12345678901234567})";
  absl::StatusOr<Document> document = ParseJson(text);

  ASSERT_THAT(document, IsOk());
  EXPECT_EQ(SerializeJson(*document)->Expose(), text);
}

TEST(JsonTest, RefusesWhatIsNotJsonOrTooDeep) {
  for (const std::string& text :
       {std::string(), std::string("{"), std::string("<html>"),
        std::string("{\"a\":\"\xFF\"}"),
        std::string(65, '[') + std::string(65, ']'),
        std::string(1'000'000, '[')}) {
    EXPECT_THAT(ParseJson(text), HasCode(absl::StatusCode::kDataLoss));
  }
  EXPECT_THAT(ParseJson(std::string(64, '[') + std::string(64, ']')), IsOk());
  EXPECT_THAT(ParseJson("\"[[[[\\\"[[[[\""), IsOk());
}

TEST(JsonTest, SaysWhenAStringIsNotText) {
  EXPECT_THAT(SerializeJson(Document("\xFF")),
              HasCode(absl::StatusCode::kInvalidArgument));
}

TEST(JsonTest, WipesEveryString) {
  Document document = *ParseJson(R"({"a":"secret","b":["secret",{"c":"s"}]})");

  WipeStrings(document);

  EXPECT_THAT(document.dump(), Not(HasSubstr("s\"")));
  EXPECT_EQ(document.dump(), R"({"a":"","b":["",{"c":""}]})");
}

}  // namespace
}  // namespace keyturn::http
