#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/sandbox/text.h"

// OAuth 1.0a as NetSuite checks it (Oracle help section_157651396916,
// section_1534939551, section_1534941088), written only from the fact sheet so
// that it is an independent check of the daemon's own signing.
namespace keyturn::sandbox {

// The fields of an Authorization header, decoded, in their order.
struct OAuthHeader {
  std::vector<NameValue> fields;

  bool Has(std::string_view name) const;
  // "" when there is none.
  std::string Field(std::string_view name) const;
};

// Parses `OAuth realm="…", oauth_consumer_key="…", …`. Nothing for a value
// without quotes, a field without value, or a field that comes twice.
std::optional<OAuthHeader> ParseOAuthHeader(std::string_view authorization);

// What is signed: method, URL without query, and the sorted parameters. Signed
// are all header fields except realm and oauth_signature, and `parameters`: the
// decoded query and, for a form body, the body.
std::string SignatureBase(std::string_view method, std::string_view url,
                          const OAuthHeader& header,
                          const std::vector<NameValue>& parameters);

// base64(HMAC-SHA256) over `base` with enc(consumer) '&' enc(token) as key.
std::string Signature(std::string_view base, std::string_view consumer_secret,
                      std::string_view token_secret);

// The signature of a SOAP tokenPassport: five values, no URL.
std::string PassportSignature(std::string_view account,
                              std::string_view consumer_key,
                              std::string_view token, std::string_view nonce,
                              std::string_view timestamp,
                              std::string_view consumer_secret,
                              std::string_view token_secret);

// `NLAuth nlauth_account=…, nlauth_email=…, …` (Oracle help
// section_4623992425), decoded.
struct NlAuth {
  std::string account;
  std::string email;
  std::string password;
  std::string role;
  std::string one_time_password;
};
std::optional<NlAuth> ParseNlAuth(std::string_view authorization);

// RFC 6238 with HMAC-SHA1: six digits, 30 seconds.
std::string TimeBasedPassword(std::string_view secret, absl::Time now);

}  // namespace keyturn::sandbox
