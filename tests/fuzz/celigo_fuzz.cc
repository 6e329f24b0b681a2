// What Celigo answers: documents, lists, errors.
#include <algorithm>
#include <array>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "daemon/base/status.h"
#include "daemon/upstream/celigo/document.h"
#include "daemon/upstream/celigo/errors.h"
#include "daemon/upstream/celigo/paging.h"
#include "daemon/upstream/celigo/tile.h"
#include "daemon/upstream/celigo/values.h"
#include "tests/fuzz/require.h"

namespace keyturn::fuzz {
namespace {

using celigo::Document;

constexpr char kTokenId[] = "t0k3n-id-c4n4ry";
constexpr char kTokenSecret[] = "t0k3n-secret-c4n4ry";
constexpr char kIClient[] = "5f3a00000000000000000009";

constexpr std::array kStatuses = {302, 400, 401, 403, 404,
                                  409, 422, 429, 500, 503};

// The fields of the connection that are meant to change.
constexpr std::array<std::string_view, 7> kLoginPaths = {
    "netsuite.authType",
    "netsuite.tokenId",
    "netsuite.tokenSecret",
    "netsuite._iClientId",
    "netsuite.requestLevelCredentials",
    "netsuite.email",
    "netsuite.password"};

bool IsLogin(std::string_view path) {
  return std::any_of(
      kLoginPaths.begin(), kLoginPaths.end(), [path](std::string_view login) {
        // An old login may be more than a text.
        return path == login || path.starts_with(std::string(login) + ".");
      });
}

bool IsWord(std::string_view text, std::string_view more) {
  return text.size() <= 64 &&
         std::all_of(text.begin(), text.end(), [more](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                  more.find(c) != std::string_view::npos;
         });
}

void TrySerializing(const Document& document) {
  const absl::StatusOr<secret::Secret> text = http::SerializeJson(document);
  Require(text.ok(), "what was read can be written");
  const absl::StatusOr<Document> again = http::ParseJson(text->Expose());
  Require(again.ok() && *again == document, "a document survives");
  Require(http::SerializeJson(*again)->Expose() == text->Expose(),
          "and so do its order and its unknown fields");
}

void TryErrors(std::string_view body, const Document& document) {
  const auto entries = celigo::ErrorEntriesOf(document);
  Require(entries.size() <= celigo::kErrorEntriesMax, "errors are few");
  for (const celigo::ErrorEntry& entry : entries) {
    Require(IsWord(entry.code, "_-") && IsWord(entry.field, "_-."),
            "of an error only words come through", entry.code);
    static_cast<void>(celigo::MeaningOf(entry));
    static_cast<void>(celigo::IsFailedLogin(entry));
  }
  if (!entries.empty()) {
    Require(!celigo::RefusalOf(entries, "testing").ok(), "errors are errors");
  }
  for (const int status : kStatuses) {
    http::Response response;
    response.status = status;
    response.body = secret::Secret(body);
    const absl::Status error = celigo::StatusOf(response, "reading");
    Require(!error.ok() && !base::ReasonOf(error).empty(),
            "a refusal has a reason", error.ToString());
  }
}

// The document with its login changed differs in nothing else (G7).
void TryChanging(const Document& document) {
  const absl::StatusOr<secret::Secret> text =
      celigo::MakeTokenDocument(document, secret::Secret(kTokenId),
                                secret::Secret(kTokenSecret), kIClient);
  if (!text.ok()) {
    Require(!absl::StrContains(text.status().ToString(), "c4n4ry"),
            "no refusal repeats a token");
    return;
  }
  const absl::StatusOr<Document> sent = http::ParseJson(text->Expose());
  Require(sent.ok(), "what is sent is JSON");
  Require(sent->at("netsuite").at("tokenId") == kTokenId &&
              sent->at("netsuite").at("tokenSecret") == kTokenSecret,
          "the token is in it");
  for (const celigo::Difference& difference : celigo::Diff(document, *sent)) {
    Require(IsLogin(difference.path), "nothing but the login changes",
            difference.path);
    Require(!absl::StrContains(difference.after.value_or(""), "c4n4ry"),
            "no difference shows a secret");
  }
  Document read_back = *sent;
  read_back["netsuite"]["tokenId"] = "******";
  read_back["netsuite"]["tokenSecret"] = "******";
  const celigo::Comparison comparison = celigo::UnexpectedDifferences(
      document, read_back, celigo::TokenIntent(kIClient));
  Require(comparison.clean(), "what was written is what was intended",
          comparison.unexpected.empty() ? "missing"
                                        : comparison.unexpected[0].path);
}

void TryReading(const Document& document) {
  Require(celigo::Diff(document, document).empty() &&
              celigo::ChangedSincePlan(document, document).empty(),
          "a document does not differ from itself");
  static_cast<void>(celigo::AuthTypeOf(document));
  static_cast<void>(celigo::ForeignChanges(
      {document}, {},
      {.document = document, .known_until = absl::InfiniteFuture()}));
  static_cast<void>(celigo::DependenciesOf(document));
  static_cast<void>(celigo::FlowErrorCountOf(document));
  static_cast<void>(celigo::FlowErrorOf(document));
  static_cast<void>(celigo::TestRunOf(document));
  static_cast<void>(celigo::IClientOf(document));
  static_cast<void>(celigo::IntegrationAppVersionOf(document));
  static_cast<void>(celigo::IsMultiStore(document));
  static_cast<void>(celigo::StoreIdOf(document, "5f3a00000000000000000003"));
  static_cast<void>(celigo::UpdateInProgress(document));
  static_cast<void>(celigo::ExportIdsOf(document));
  std::vector<Document> entries;
  if (document.is_array()) {
    entries.assign(document.begin(), document.end());
  }
  static_cast<void>(celigo::JobsOf(entries));
  const Document& integration = entries.empty() ? document : entries.front();
  const auto found = celigo::FindNetSuiteConnection(integration, entries);
  Require(!found.ok() || celigo::IsCeligoId(found->connection_id),
          "a connection that was found has an id");
  const absl::StatusOr<std::string> page = celigo::NextPage({}, document);
  Require(!page.ok() || page->empty() || absl::StartsWith(*page, "/v1/"),
          "a list goes on at our own origin alone");
}

}  // namespace
}  // namespace keyturn::fuzz

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace keyturn;
  const std::string_view body = fuzz::TextOf(data, size);
  const absl::StatusOr<celigo::Document> document = http::ParseJson(body);
  if (!document.ok()) {
    fuzz::Require(absl::IsDataLoss(document.status()), "no JSON is DataLoss");
    fuzz::TryErrors(body, celigo::Document());
    return 0;
  }
  fuzz::TrySerializing(*document);
  fuzz::TryErrors(body, *document);
  fuzz::TryChanging(*document);
  fuzz::TryReading(*document);
  return 0;
}
