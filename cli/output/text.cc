#include "cli/output/text.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace keyturn::cli {
namespace {

constexpr char32_t kReplacement = 0xFFFD;
constexpr char kEllipsis[] = "…";

struct Range {
  char32_t first;
  char32_t last;
};

constexpr auto kNoColumns = std::to_array<Range>({{0x0300, 0x036F},
                                                  {0x200B, 0x200D},
                                                  {0x2060, 0x2060},
                                                  {0xFE00, 0xFE0F},
                                                  {0xFEFF, 0xFEFF}});
constexpr auto kTwoColumns = std::to_array<Range>({{0x1100, 0x115F},
                                                   {0x2E80, 0xA4CF},
                                                   {0xAC00, 0xD7A3},
                                                   {0xF900, 0xFAFF},
                                                   {0xFE30, 0xFE6F},
                                                   {0xFF00, 0xFF60},
                                                   {0xFFE0, 0xFFE6},
                                                   {0x1F300, 0x1FAFF},
                                                   {0x20000, 0x3FFFD}});
constexpr auto kDirectionMarks = std::to_array<Range>(
    {{0x061C, 0x061C}, {0x200E, 0x200F}, {0x202A, 0x202E}, {0x2066, 0x2069}});

template <size_t kSize>
bool IsIn(const std::array<Range, kSize>& ranges, char32_t c) {
  return std::any_of(ranges.begin(), ranges.end(), [c](const Range& range) {
    return c >= range.first && c <= range.last;
  });
}

// Surrogates, and what lies beyond the last character.
constexpr auto kNoCharacters =
    std::to_array<Range>({{0xD800, 0xDFFF}, {0x110000, 0x1FFFFF}});
// A character that would fit into fewer bytes is broken.
constexpr auto kFirstOfLength =
    std::to_array<char32_t>({0, 0, 0x80, 0x800, 0x10000});

struct Character {
  char32_t code;
  std::string_view bytes;
};

int LengthByFirstByte(unsigned char first) {
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first < 0xE0) return 2;
  if (first >= 0xE0 && first < 0xF0) return 3;
  if (first >= 0xF0 && first < 0xF5) return 4;
  return 0;
}

// Takes the first character off `text`, which is not empty.
Character TakeCharacter(std::string_view& text) {
  const auto byte = [&text](size_t i) {
    return static_cast<unsigned char>(text[i]);
  };
  const size_t length = static_cast<size_t>(LengthByFirstByte(byte(0)));
  char32_t code = length <= 1 ? byte(0) : byte(0) & (0x7Fu >> length);
  bool right = length > 0 && length <= text.size();
  for (size_t i = 1; right && i < length; ++i) {
    right = (byte(i) & 0xC0) == 0x80;
    code = (code << 6) | (byte(i) & 0x3F);
  }
  if (!right || IsIn(kNoCharacters, code) || code < kFirstOfLength[length]) {
    text.remove_prefix(1);
    return {.code = kReplacement, .bytes = "\xEF\xBF\xBD"};
  }
  const Character character = {.code = code, .bytes = text.substr(0, length)};
  text.remove_prefix(length);
  return character;
}

int Columns(char32_t c) {
  if (IsIn(kNoColumns, c)) return 0;
  return IsIn(kTwoColumns, c) ? 2 : 1;
}

bool IsControl(char32_t c) { return c < 0x20 || (c >= 0x7F && c < 0xA0); }

std::string Clean(std::string_view text, bool keep_line_ends) {
  std::string clean;
  clean.reserve(text.size());
  while (!text.empty()) {
    const Character character = TakeCharacter(text);
    if (IsIn(kDirectionMarks, character.code)) continue;
    if (character.code == '\n' && keep_line_ends) {
      clean += '\n';
    } else if (IsControl(character.code)) {
      clean += ' ';
    } else {
      clean += character.bytes;
    }
  }
  return clean;
}

// The longest beginning of `text` that fits.
std::string_view Fitting(std::string_view text, int columns) {
  std::string_view rest = text;
  int used = 0;
  while (!rest.empty()) {
    std::string_view after = rest;
    used += Columns(TakeCharacter(after).code);
    if (used > columns) break;
    rest = after;
  }
  return text.substr(0, text.size() - rest.size());
}

void AppendWord(std::string_view word, int columns,
                std::vector<std::string>& lines) {
  const int needed = DisplayWidth(word);
  std::string& last = lines.back();
  const int used = DisplayWidth(last);
  if (used > 0 && used + 1 + needed <= columns) {
    last.append(" ").append(word);
    return;
  }
  if (used > 0) lines.emplace_back();
  while (DisplayWidth(word) > columns) {
    std::string_view part = Fitting(word, columns);
    if (part.empty()) part = word.substr(0, 1);
    lines.back() = std::string(part);
    lines.emplace_back();
    word.remove_prefix(part.size());
  }
  lines.back().append(word);
}

}  // namespace

bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    const size_t before = text.size();
    const bool replaced = TakeCharacter(text).code == kReplacement;
    // The character itself has three bytes.
    if (replaced && before - text.size() == 1) return false;
  }
  return true;
}

int DisplayWidth(std::string_view text) {
  int columns = 0;
  while (!text.empty()) columns += Columns(TakeCharacter(text).code);
  return columns;
}

std::string OneLine(std::string_view text) {
  return Clean(text, /*keep_line_ends=*/false);
}

std::string OneBlock(std::string_view text) {
  return Clean(text, /*keep_line_ends=*/true);
}

std::string EscapeControls(std::string_view json) {
  std::string escaped;
  escaped.reserve(json.size());
  while (!json.empty()) {
    const Character character = TakeCharacter(json);
    if (character.code == '\n' ||
        !(IsControl(character.code) || IsIn(kDirectionMarks, character.code))) {
      escaped += character.bytes;
    } else {
      absl::StrAppendFormat(&escaped, "\\u%04x",
                            static_cast<uint32_t>(character.code));
    }
  }
  return escaped;
}

std::string Shorten(std::string_view text, int columns) {
  if (DisplayWidth(text) <= columns) return std::string(text);
  if (columns <= 0) return "";
  std::string_view kept = Fitting(text, columns - 1);
  while (!kept.empty() && kept.back() == ' ') kept.remove_suffix(1);
  return std::string(kept) + kEllipsis;
}

std::string PadRight(std::string_view text, int columns) {
  const int missing = std::max(0, columns - DisplayWidth(text));
  return std::string(text) + std::string(static_cast<size_t>(missing), ' ');
}

std::string PadLeft(std::string_view text, int columns) {
  const int missing = std::max(0, columns - DisplayWidth(text));
  return std::string(static_cast<size_t>(missing), ' ') + std::string(text);
}

std::vector<std::string> Wrap(std::string_view text, int columns) {
  std::vector<std::string> lines(1);
  const int width = std::max(columns, 1);
  while (!text.empty()) {
    if (text.front() == '\n') {
      lines.emplace_back();
      text.remove_prefix(1);
      continue;
    }
    if (text.front() == ' ') {
      text.remove_prefix(1);
      continue;
    }
    const size_t end = std::min(text.find_first_of(" \n"), text.size());
    AppendWord(text.substr(0, end), width, lines);
    text.remove_prefix(end);
  }
  return lines;
}

absl::Time ToTime(const google::protobuf::Timestamp& timestamp) {
  return absl::FromUnixSeconds(timestamp.seconds()) +
         absl::Nanoseconds(timestamp.nanos());
}

std::string FormatInstant(const google::protobuf::Timestamp& timestamp) {
  if (timestamp.seconds() == 0 && timestamp.nanos() == 0) return "-";
  return absl::FormatTime("%Y-%m-%d %H:%M:%SZ", ToTime(timestamp),
                          absl::UTCTimeZone());
}

std::string FormatSpan(absl::Duration span) {
  const double seconds = std::max(0.0, absl::ToDoubleSeconds(span));
  if (seconds < 9.95) return absl::StrFormat("%.1fs", seconds);
  const int64_t whole = static_cast<int64_t>(seconds);
  if (whole < 60) return absl::StrCat(whole, "s");
  if (whole < 3600) return absl::StrFormat("%dm%02ds", whole / 60, whole % 60);
  if (whole < 86400) {
    return absl::StrFormat("%dh%02dm", whole / 3600, whole % 3600 / 60);
  }
  return absl::StrFormat("%dd%02dh", whole / 86400, whole % 86400 / 3600);
}

}  // namespace keyturn::cli
