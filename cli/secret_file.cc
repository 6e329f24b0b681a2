#include "cli/secret_file.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/errors.h"
#include "cli/names.h"
#include "cli/output/text.h"

namespace keyturn::cli {
namespace {

constexpr size_t kSecretBytesMax = 64 * 1024;
constexpr int kShownKeyColumnsMax = 40;

// Goes over a text and counts the lines it has passed.
class LineCounter {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  LineCounter(const char* at, int* line) : at_(at), line_(line) {}
  reference operator*() const { return *at_; }
  LineCounter& operator++() {
    if (*at_ == '\n') ++*line_;
    ++at_;
    return *this;
  }
  LineCounter operator++(int) {
    LineCounter former = *this;
    ++*this;
    return former;
  }
  bool operator==(const LineCounter& other) const { return at_ == other.at_; }
  bool operator!=(const LineCounter& other) const { return at_ != other.at_; }

 private:
  const char* at_;
  int* line_;
};

// Accepts one flat object of strings. The library's own message for a syntax
// error quotes the text around it, so it is never shown.
class SecretSax : public nlohmann::json_sax<nlohmann::json> {
 public:
  SecretSax(const std::vector<SecretField>& form, const std::string& name,
            const int& line)
      : form_(form), name_(name), line_(line) {}

  bool null() override { return NotText(); }
  bool boolean(bool) override { return NotText(); }
  bool number_integer(number_integer_t) override { return NotText(); }
  bool number_unsigned(number_unsigned_t) override { return NotText(); }
  bool number_float(number_float_t, const string_t& text) override {
    OverwriteCopy(text);
    return NotText();
  }
  bool binary(binary_t&) override { return NotText(); }
  bool start_array(size_t) override { return NotText(); }
  bool end_array() override { return true; }
  bool end_object() override { return true; }

  bool start_object(size_t) override {
    if (inside_) return NotText();
    inside_ = true;
    return true;
  }

  bool key(string_t& key) override {
    const bool known = std::any_of(
        form_.begin(), form_.end(),
        [&key](const SecretField& field) { return field.key == key; });
    // It is not refused before a colon has come: where a comma is missing or a
    // key was left out, it is a secret.
    unknown_ = !known;
    if (values_.contains(key)) {
      return Refuse(absl::StrCat("\"", key, "\" is given twice"));
    }
    key_ = key;
    return true;
  }

  bool string(string_t& text) override {
    SecretText value(text);
    Wipe(text);
    if (!inside_ || unknown_) return NotText();
    if (value.empty()) return Refuse(absl::StrCat("\"", key_, "\" is empty"));
    values_.emplace(key_, std::move(value));
    return true;
  }

  bool parse_error(size_t, const std::string&,
                   const nlohmann::json::exception&) override {
    return Refuse("is not JSON: expected an object with " + Allowed());
  }

  absl::Status Finish() {
    for (const SecretField& field : form_) {
      if (!status_.ok()) return status_;
      if (!values_.contains(field.key)) {
        Refuse(absl::StrCat("\"", std::string(field.key), "\" is missing"));
      }
    }
    return status_;
  }

  SecretValues TakeValues() { return std::move(values_); }

 private:
  static void OverwriteCopy(const string_t& text) {
    Wipe(const_cast<string_t&>(text));
  }

  bool NotText() {
    if (unknown_) {
      return Refuse(absl::StrCat("\"",
                                 Shorten(OneLine(key_), kShownKeyColumnsMax),
                                 "\" is not known here; allowed: ", Allowed()));
    }
    return Refuse(key_.empty()
                      ? "must be an object with " + Allowed()
                      : absl::StrCat("\"", key_, "\" must be a string"));
  }

  bool Refuse(const std::string& message) {
    if (status_.ok()) {
      status_ = UsageError(absl::StrCat(name_, ":", line_, ": ", message));
    }
    return false;
  }

  std::string Allowed() const {
    return absl::StrJoin(form_, ", ",
                         [](std::string* out, const SecretField& field) {
                           out->append("\"").append(field.key).append("\"");
                         });
  }

  const std::vector<SecretField>& form_;
  const std::string& name_;
  const int& line_;
  bool inside_ = false;
  std::string key_;
  bool unknown_ = false;
  SecretValues values_;
  absl::Status status_;
};

absl::StatusOr<SecretText> AskFor(const SecretField& field, Console& console) {
  const std::string question =
      std::string(field.label) + (field.asked_as_file ? " (path of the file): "
                                  : field.echo == Echo::kOff ? " (not shown): "
                                                             : ": ");
  absl::StatusOr<SecretText> answer =
      console.Ask(question, field.asked_as_file ? Echo::kOn : field.echo);
  if (!answer.ok()) return answer.status();
  if (answer->empty()) {
    return UsageError(absl::StrCat(std::string(field.label), " is empty"));
  }
  if (field.asked_as_file) return ReadFile(answer->Reveal(), kSecretBytesMax);
  return answer;
}

absl::StatusOr<SecretValues> AskForAll(const std::vector<SecretField>& form,
                                       Console& console) {
  SecretValues values;
  for (const SecretField& field : form) {
    absl::StatusOr<SecretText> value = AskFor(field, console);
    if (!value.ok()) return value.status();
    values.emplace(field.key, *std::move(value));
  }
  return values;
}

const std::string& Value(const SecretValues& values, std::string_view key) {
  return values.find(key)->second.Reveal();
}

}  // namespace

absl::StatusOr<SecretValues> ReadSecret(const std::vector<SecretField>& form,
                                        const std::string& file,
                                        Console& console) {
  if (file.empty() && !console.InIsTerminal()) {
    return UsageError(
        "the secret is asked for on a terminal, and there is none",
        "the same command with --from-file FILE, or --from-file - for standard "
        "input");
  }
  if (file.empty()) return AskForAll(form, console);
  const absl::StatusOr<SecretText> text = file == "-"
                                              ? console.ReadIn(kSecretBytesMax)
                                              : ReadFile(file, kSecretBytesMax);
  if (!text.ok()) return text.status();
  return ParseSecret(form, text->Reveal(),
                     file == "-" ? "standard input" : file);
}

absl::StatusOr<SecretValues> ParseSecret(const std::vector<SecretField>& form,
                                         const std::string& text,
                                         const std::string& name) {
  int line = 1;
  SecretSax sax(form, name, line);
  const char* const begin = text.data();
  nlohmann::json::sax_parse(LineCounter(begin, &line),
                            LineCounter(begin + text.size(), &line), &sax);
  if (absl::Status status = sax.Finish(); !status.ok()) return status;
  return sax.TakeValues();
}

const std::vector<SecretField>& SecretForm(v1::Credential::Kind kind) {
  static const auto& forms =
      *new std::map<v1::Credential::Kind, std::vector<SecretField>>{
          {v1::Credential::CELIGO_TOKEN, {{"token", "Celigo API token"}}},
          {v1::Credential::NETSUITE_TBA,
           {{"consumerKey", "Consumer key"},
            {"consumerSecret", "Consumer secret"},
            {"tokenId", "Token id"},
            {"tokenSecret", "Token secret"}}},
          {v1::Credential::NETSUITE_M2M,
           {{"clientId", "Client id"},
            {"certificateId", "Certificate id"},
            {.key = "privateKeyPem",
             .label = "Private key in PEM",
             .asked_as_file = true}}},
          {v1::Credential::NETSUITE_LOGIN,
           {{.key = "email", .label = "E-mail address", .echo = Echo::kOn},
            {"password", "Password"}}}};
  static const auto& none = *new std::vector<SecretField>;
  const auto form = forms.find(kind);
  return form == forms.end() ? none : form->second;
}

const std::vector<SecretField>& TokenForm() {
  static const auto& form = *new std::vector<SecretField>{
      {"tokenId", "Token id"}, {"tokenSecret", "Token secret"}};
  return form;
}

v1::Credential::Kind ParseKind(std::string_view text) {
  for (const v1::Credential::Kind kind :
       {v1::Credential::CELIGO_TOKEN, v1::Credential::NETSUITE_TBA,
        v1::Credential::NETSUITE_M2M, v1::Credential::NETSUITE_LOGIN}) {
    if (KindName(kind) == text) return kind;
  }
  return v1::Credential::KIND_UNSPECIFIED;
}

void Fill(v1::Credential::Kind kind, const SecretValues& values,
          v1::CredentialSecret& secret) {
  switch (kind) {
    case v1::Credential::CELIGO_TOKEN:
      secret.mutable_celigo_token()->set_token(Value(values, "token"));
      return;
    case v1::Credential::NETSUITE_TBA: {
      auto& tba = *secret.mutable_netsuite_tba();
      tba.set_consumer_key(Value(values, "consumerKey"));
      tba.set_consumer_secret(Value(values, "consumerSecret"));
      tba.set_token_id(Value(values, "tokenId"));
      tba.set_token_secret(Value(values, "tokenSecret"));
      return;
    }
    case v1::Credential::NETSUITE_M2M: {
      auto& m2m = *secret.mutable_netsuite_m2m();
      m2m.set_client_id(Value(values, "clientId"));
      m2m.set_certificate_id(Value(values, "certificateId"));
      m2m.set_private_key_pem(Value(values, "privateKeyPem"));
      return;
    }
    case v1::Credential::NETSUITE_LOGIN: {
      auto& login = *secret.mutable_netsuite_login();
      login.set_email(Value(values, "email"));
      login.set_password(Value(values, "password"));
      return;
    }
    case v1::Credential::KIND_UNSPECIFIED:
    case v1::Credential::CONNECTION_TOKEN:
    default:  // Protobuf adds sentinel values to the enum.
      return;
  }
}

void Fill(const SecretValues& values, v1::SubmitTaskSecretRequest& request) {
  request.set_token_id(Value(values, "tokenId"));
  request.set_token_secret(Value(values, "tokenSecret"));
}

}  // namespace keyturn::cli
