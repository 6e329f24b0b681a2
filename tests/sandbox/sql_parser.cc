#include <array>
#include <cctype>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tests/sandbox/sql_tree.h"
#include "tests/sandbox/text.h"

namespace keyturn::sandbox {
namespace {

constexpr size_t kQueryBytesMax = 64 * 1024;
constexpr int kDepthMax = 64;

enum class TokenKind { kWord, kText, kNumber, kSymbol, kParameter, kEnd };

struct Token {
  TokenKind kind = TokenKind::kEnd;
  // Words keep their case here; compare with `Is`.
  std::string text;
};

bool IsWordStart(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) || c == '_';
}
bool IsWordPart(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '$' ||
         c == '#';
}

// Reads 'it''s'; `at` stands on the first quote and ends behind the last one.
absl::StatusOr<std::string> ReadQuoted(std::string_view query, size_t& at) {
  const char quote = query[at++];
  std::string text;
  while (at < query.size()) {
    if (query[at] != quote) {
      text.push_back(query[at++]);
    } else if (at + 1 < query.size() && query[at + 1] == quote) {
      text.push_back(quote);
      at += 2;
    } else {
      ++at;
      return text;
    }
  }
  return absl::InvalidArgumentError("Unterminated quoted text.");
}

absl::StatusOr<Token> ReadSymbol(std::string_view query, size_t& at) {
  constexpr std::array<std::string_view, 5> kPairs = {"<>",
                                                      "!=", "<=", ">=", "||"};
  for (const std::string_view pair : kPairs) {
    if (query.substr(at, 2) == pair) {
      at += 2;
      return Token{TokenKind::kSymbol, std::string(pair)};
    }
  }
  const char c = query[at++];
  if (c == '?') return Token{TokenKind::kParameter, "?"};
  if (std::string_view("(),.=<>*+-;").find(c) == std::string_view::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("Unexpected character '", std::string(1, c), "'."));
  }
  return Token{TokenKind::kSymbol, std::string(1, c)};
}

absl::StatusOr<std::vector<Token>> Tokenize(std::string_view query) {
  std::vector<Token> tokens;
  size_t at = 0;
  while (at < query.size()) {
    const char c = query[at];
    if (std::isspace(static_cast<unsigned char>(c))) {
      ++at;
    } else if (c == '\'' || c == '"') {
      absl::StatusOr<std::string> text = ReadQuoted(query, at);
      if (!text.ok()) return text.status();
      tokens.push_back({c == '"' ? TokenKind::kWord : TokenKind::kText, *text});
    } else if (IsWordStart(c)) {
      const size_t start = at;
      while (at < query.size() && IsWordPart(query[at])) ++at;
      tokens.push_back(
          {TokenKind::kWord, std::string(query.substr(start, at - start))});
    } else if (std::isdigit(static_cast<unsigned char>(c))) {
      const size_t start = at;
      while (at < query.size() &&
             (std::isdigit(static_cast<unsigned char>(query[at])) ||
              query[at] == '.')) {
        ++at;
      }
      tokens.push_back(
          {TokenKind::kNumber, std::string(query.substr(start, at - start))});
    } else {
      absl::StatusOr<Token> symbol = ReadSymbol(query, at);
      if (!symbol.ok()) return symbol.status();
      tokens.push_back(*symbol);
    }
  }
  tokens.push_back({TokenKind::kEnd, ""});
  return tokens;
}

SqlNode Make(SqlKind kind, std::string text) {
  auto node = std::make_unique<SqlExpression>();
  node->kind = kind;
  node->text = std::move(text);
  return node;
}

SqlNode MakeCall(std::string name, SqlNode left, SqlNode right = nullptr) {
  SqlNode node = Make(SqlKind::kCall, std::move(name));
  node->parts.push_back(std::move(left));
  if (right != nullptr) node->parts.push_back(std::move(right));
  return node;
}

bool IsReserved(const std::string& word) {
  static const auto* const reserved = new std::set<std::string>(
      {"FROM",  "WHERE",  "GROUP", "ORDER", "BY",     "JOIN", "INNER",
       "LEFT",  "OUTER",  "ON",    "AND",   "OR",     "NOT",  "AS",
       "ASC",   "DESC",   "FETCH", "LIKE",  "IN",     "IS",   "BETWEEN",
       "NULLS", "SELECT", "RIGHT", "CROSS", "HAVING", "UNION"});
  return reserved->contains(Upper(word));
}

// Recursive descent. The first error is kept in `error_` and makes everything
// after it return null, so that the grammar below reads without checks.
class Parser {
 public:
  Parser(std::vector<Token> tokens, const std::vector<std::string>& parameters)
      : tokens_(std::move(tokens)), parameters_(parameters) {}

  absl::StatusOr<std::unique_ptr<SqlSelect>> Run() {
    std::unique_ptr<SqlSelect> select = Select();
    TakeSymbol(";");
    if (Peek().kind != TokenKind::kEnd) Fail("the end");
    if (!error_.ok()) return error_;
    return select;
  }

 private:
  const Token& Peek() const { return tokens_[at_]; }
  bool IsWord(std::string_view word) const {
    return Peek().kind == TokenKind::kWord && Upper(Peek().text) == word;
  }
  bool TakeWord(std::string_view word) {
    if (!IsWord(word)) return false;
    Step();
    return true;
  }
  bool IsSymbol(std::string_view symbol) const {
    return Peek().kind == TokenKind::kSymbol && Peek().text == symbol;
  }
  bool TakeSymbol(std::string_view symbol) {
    if (!IsSymbol(symbol)) return false;
    Step();
    return true;
  }
  void Step() {
    if (at_ + 1 < tokens_.size()) ++at_;
  }
  void Fail(std::string_view expected) {
    if (!error_.ok()) return;
    error_ = absl::InvalidArgumentError(
        absl::StrCat("Syntax error near \"", Peek().text, "\": expected ",
                     View(expected), "."));
    at_ = tokens_.size() - 1;
  }
  void Expect(std::string_view symbol) {
    if (!TakeSymbol(symbol)) Fail(symbol);
  }
  std::string Name() {
    if (Peek().kind != TokenKind::kWord || IsReserved(Peek().text)) {
      Fail("a name");
      return "";
    }
    const std::string name = Lower(Peek().text);
    Step();
    return name;
  }

  std::unique_ptr<SqlSelect> Select();
  void Sources(SqlSelect& select);
  SqlSource Source();
  SqlNode Or();
  SqlNode And();
  SqlNode Not();
  SqlNode Comparison();
  SqlNode NegatableTail(SqlNode left);
  SqlNode In(SqlNode left);
  SqlNode Concatenation();
  SqlNode Primary();
  SqlNode WordPrimary();
  SqlNode Call(std::string name);

  std::vector<Token> tokens_;
  const std::vector<std::string>& parameters_;
  size_t at_ = 0;
  size_t next_parameter_ = 0;
  int depth_ = 0;
  absl::Status error_;
};

std::unique_ptr<SqlSelect> Parser::Select() {
  auto select = std::make_unique<SqlSelect>();
  if (!TakeWord("SELECT")) Fail("SELECT");
  select->distinct = TakeWord("DISTINCT");
  do {
    SqlItem item;
    if (TakeSymbol("*")) {
      item.expression = Make(SqlKind::kStar, "*");
    } else {
      item.expression = Or();
      if (TakeWord("AS") ||
          (Peek().kind == TokenKind::kWord && !IsReserved(Peek().text))) {
        item.alias = Name();
      }
    }
    select->items.push_back(std::move(item));
  } while (TakeSymbol(","));
  if (!TakeWord("FROM")) Fail("FROM");
  Sources(*select);
  if (TakeWord("WHERE")) select->where = Or();
  if (TakeWord("GROUP")) {
    if (!TakeWord("BY")) Fail("BY");
    do select->group_by.push_back(Or());
    while (TakeSymbol(","));
  }
  if (TakeWord("ORDER")) {
    if (!TakeWord("BY")) Fail("BY");
    do {
      SqlOrder order;
      order.expression = Or();
      order.descending = TakeWord("DESC");
      if (!order.descending) TakeWord("ASC");
      if (TakeWord("NULLS") && !TakeWord("FIRST")) TakeWord("LAST");
      select->order_by.push_back(std::move(order));
    } while (TakeSymbol(","));
  }
  if (TakeWord("FETCH")) {
    if (!TakeWord("FIRST") && !TakeWord("NEXT")) Fail("FIRST");
    if (!absl::SimpleAtoi(Peek().text, &select->fetch)) Fail("a number");
    Step();
    if (!TakeWord("ROWS") && !TakeWord("ROW")) Fail("ROWS");
    if (!TakeWord("ONLY")) Fail("ONLY");
  }
  return select;
}

void Parser::Sources(SqlSelect& select) {
  select.sources.push_back(Source());
  while (error_.ok()) {
    if (TakeSymbol(",")) {
      select.sources.push_back(Source());
      continue;
    }
    const bool left = TakeWord("LEFT");
    if (left) TakeWord("OUTER");
    const bool inner = !left && TakeWord("INNER");
    if (!TakeWord("JOIN")) {
      if (left || inner) Fail("JOIN");
      return;
    }
    SqlSource source = Source();
    source.left_join = left;
    if (!TakeWord("ON")) Fail("ON");
    source.on = Or();
    select.sources.push_back(std::move(source));
  }
}

SqlSource Parser::Source() {
  SqlSource source;
  source.table = Name();
  source.alias = source.table;
  TakeWord("AS");
  if (Peek().kind == TokenKind::kWord && !IsReserved(Peek().text)) {
    source.alias = Name();
  }
  return source;
}

SqlNode Parser::Or() {
  if (++depth_ > kDepthMax) Fail("less nesting");
  SqlNode left = And();
  while (TakeWord("OR")) left = MakeCall("OR", std::move(left), And());
  --depth_;
  return left;
}

SqlNode Parser::And() {
  SqlNode left = Not();
  while (TakeWord("AND")) left = MakeCall("AND", std::move(left), Not());
  return left;
}

SqlNode Parser::Not() {
  int negations = 0;
  while (TakeWord("NOT")) ++negations;
  SqlNode node = Comparison();
  return negations % 2 == 1 ? MakeCall("NOT", std::move(node))
                            : std::move(node);
}

SqlNode Parser::Comparison() {
  SqlNode left = Concatenation();
  for (const std::string_view symbol :
       {"=", "<>", "!=", "<=", ">=", "<", ">"}) {
    if (TakeSymbol(symbol)) {
      return MakeCall(symbol == "!=" ? "<>" : std::string(symbol),
                      std::move(left), Concatenation());
    }
  }
  if (TakeWord("IS")) {
    const bool negated = TakeWord("NOT");
    if (!TakeWord("NULL")) Fail("NULL");
    SqlNode node = MakeCall("IS NULL", std::move(left));
    return negated ? MakeCall("NOT", std::move(node)) : std::move(node);
  }
  if (TakeWord("NOT")) return MakeCall("NOT", NegatableTail(std::move(left)));
  if (IsWord("LIKE") || IsWord("IN") || IsWord("BETWEEN")) {
    return NegatableTail(std::move(left));
  }
  return left;
}

SqlNode Parser::NegatableTail(SqlNode left) {
  if (TakeWord("LIKE")) {
    return MakeCall("LIKE", std::move(left), Concatenation());
  }
  if (TakeWord("IN")) return In(std::move(left));
  if (TakeWord("BETWEEN")) {
    SqlNode node = MakeCall("BETWEEN", std::move(left), Concatenation());
    if (!TakeWord("AND")) Fail("AND");
    node->parts.push_back(Concatenation());
    return node;
  }
  Fail("LIKE, IN or BETWEEN");
  return left;
}

SqlNode Parser::In(SqlNode left) {
  Expect("(");
  if (IsWord("SELECT")) {
    SqlNode node = Make(SqlKind::kInSelect, "IN");
    node->parts.push_back(std::move(left));
    if (++depth_ > kDepthMax) Fail("less nesting");
    node->select = Select();
    --depth_;
    Expect(")");
    return node;
  }
  SqlNode node = Make(SqlKind::kInList, "IN");
  node->parts.push_back(std::move(left));
  do node->parts.push_back(Concatenation());
  while (TakeSymbol(","));
  Expect(")");
  return node;
}

SqlNode Parser::Concatenation() {
  SqlNode left = Primary();
  while (TakeSymbol("||")) left = MakeCall("||", std::move(left), Primary());
  return left;
}

SqlNode Parser::Primary() {
  if (TakeSymbol("(")) {
    SqlNode node = Or();
    Expect(")");
    return node;
  }
  const std::string sign = TakeSymbol("-") ? "-" : "";
  const Token token = Peek();
  switch (token.kind) {
    case TokenKind::kText:
      Step();
      return Make(token.text.empty() ? SqlKind::kNull : SqlKind::kLiteral,
                  token.text);
    case TokenKind::kNumber:
      Step();
      return Make(SqlKind::kLiteral, sign + token.text);
    case TokenKind::kParameter:
      if (next_parameter_ >= parameters_.size()) {
        Fail("a value for each ?");
        return Make(SqlKind::kNull, "");
      }
      Step();
      return Make(SqlKind::kLiteral, parameters_[next_parameter_++]);
    case TokenKind::kWord:
      return WordPrimary();
    case TokenKind::kSymbol:
    case TokenKind::kEnd:
      break;
  }
  Fail("a value");
  return Make(SqlKind::kNull, "");
}

SqlNode Parser::WordPrimary() {
  if (TakeWord("NULL")) return Make(SqlKind::kNull, "");
  std::string name = Name();
  if (TakeSymbol("(")) return Call(Upper(name));
  if (!TakeSymbol(".")) return Make(SqlKind::kColumn, name);
  if (TakeSymbol("*")) {
    SqlNode star = Make(SqlKind::kStar, "*");
    star->qualifier = name;
    return star;
  }
  const std::string member = Name();
  if (TakeSymbol("(")) return Call(Upper(name) + "." + Upper(member));
  SqlNode column = Make(SqlKind::kColumn, member);
  column->qualifier = name;
  return column;
}

SqlNode Parser::Call(std::string name) {
  const bool aggregate = name == "COUNT" || name == "MIN" || name == "MAX";
  SqlNode node = Make(aggregate ? SqlKind::kAggregate : SqlKind::kCall, name);
  if (TakeSymbol("*")) {
    node->parts.push_back(Make(SqlKind::kStar, "*"));
  } else if (!IsSymbol(")")) {
    if (aggregate) TakeWord("DISTINCT");
    do node->parts.push_back(Or());
    while (TakeSymbol(","));
  }
  Expect(")");
  if (node->parts.empty()) Fail("an argument");
  return node;
}

}  // namespace

absl::StatusOr<std::unique_ptr<SqlSelect>> ParseSql(
    std::string_view query, const std::vector<std::string>& parameters) {
  if (query.size() > kQueryBytesMax) {
    return absl::InvalidArgumentError("The query is too long.");
  }
  absl::StatusOr<std::vector<Token>> tokens = Tokenize(query);
  if (!tokens.ok()) return tokens.status();
  return Parser(std::move(*tokens), parameters).Run();
}

}  // namespace keyturn::sandbox
