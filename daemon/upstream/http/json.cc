#include "daemon/upstream/http/json.h"

#include <algorithm>
#include <exception>
#include <ostream>
#include <streambuf>

#include "daemon/base/status.h"

namespace keyturn::http {
namespace {

// Whether brackets nest at most `depth_max` deep; says nothing else about
// `text`.
bool IsShallow(std::string_view text, int depth_max) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') {
        ++i;
      } else if (c == '"') {
        in_string = false;
      }
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > depth_max) return false;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return true;
}

// Counts what is written to it, and keeps it where there is room.
class FixedBuffer final : public std::streambuf {
 public:
  FixedBuffer(char* begin, size_t capacity)
      : begin_(begin), capacity_(capacity) {}

  size_t size() const { return size_; }

 protected:
  int_type overflow(int_type c) override {
    if (c != traits_type::eof()) {
      if (size_ < capacity_) begin_[size_] = static_cast<char>(c);
      ++size_;
    }
    return 0;
  }
  std::streamsize xsputn(const char* text, std::streamsize count) override {
    const size_t room = size_ < capacity_ ? capacity_ - size_ : 0;
    std::copy_n(text, std::min(room, static_cast<size_t>(count)),
                begin_ + std::min(size_, capacity_));
    size_ += static_cast<size_t>(count);
    return count;
  }

 private:
  char* const begin_;
  const size_t capacity_;
  size_t size_ = 0;
};

size_t Write(const Document& document, char* begin, size_t capacity) {
  FixedBuffer buffer(begin, capacity);
  std::ostream stream(&buffer);
  stream << document;
  return buffer.size();
}

}  // namespace

absl::StatusOr<Document> ParseJson(std::string_view text) {
  if (!IsShallow(text, kJsonDepthMax)) {
    return absl::DataLossError("the answer is nested too deeply to be read");
  }
  Document document = Document::parse(text.begin(), text.end(), nullptr,
                                      /*allow_exceptions=*/false);
  if (document.is_discarded()) {
    return absl::DataLossError("the answer is not JSON");
  }
  return document;
}

absl::StatusOr<secret::Secret> SerializeJson(const Document& document) {
  try {
    char none = 0;
    const size_t size = Write(document, &none, 0);
    secret::Secret text = secret::Secret::OfSize(size);
    Write(document, text.ExposeMutable(), size);
    return text;
  } catch (const std::exception&) {
    return absl::InvalidArgumentError(
        "a text in the document is not valid UTF-8");
  }
}

void WipeStrings(Document& document) {
  if (document.is_string()) {
    secret::WipeString(document.get_ref<std::string&>());
  } else if (document.is_structured()) {
    for (Document& element : document) WipeStrings(element);
  }
}

std::string StringAt(const Document& object, std::string_view key) {
  if (!object.is_object()) return {};
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>()
                                                     : std::string();
}

}  // namespace keyturn::http
