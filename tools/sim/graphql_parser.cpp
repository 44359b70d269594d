#include "tools/sim/graphql_parser.hpp"

#include "tools/sim/text.hpp"

#include <algorithm>
#include <utility>

namespace gitstar::sim::graphql {

namespace {

/// Deeper documents are refused, so that nobody can exhaust our stack.
constexpr int max_depth = 200;

bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

void append_utf8(std::string& out, uint32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | code >> 6);
    out += static_cast<char>(0x80 | (code & 63));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xe0 | code >> 12);
    out += static_cast<char>(0x80 | (code >> 6 & 63));
    out += static_cast<char>(0x80 | (code & 63));
  } else {
    out += static_cast<char>(0xf0 | code >> 18);
    out += static_cast<char>(0x80 | (code >> 12 & 63));
    out += static_cast<char>(0x80 | (code >> 6 & 63));
    out += static_cast<char>(0x80 | (code & 63));
  }
}

/// The common indentation and the blank first and last lines of a block string are not part of it.
std::string dedent(const std::string& raw) {
  std::vector<std::string> lines{""};
  for (size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] == '\r' && i + 1 < raw.size() && raw[i + 1] == '\n')
      continue;
    if (raw[i] == '\n' || raw[i] == '\r')
      lines.emplace_back();
    else
      lines.back() += raw[i];
  }
  auto indent_of = [](const std::string& line) { return line.find_first_not_of(" \t"); };
  auto common = std::string::npos;
  for (size_t i = 1; i < lines.size(); ++i)
    common = std::min(common, indent_of(lines[i]));
  for (size_t i = 1; i < lines.size() && common != std::string::npos; ++i)
    lines[i].erase(0, common);
  auto blank = [&](const std::string& line) { return indent_of(line) == std::string::npos; };
  while (!lines.empty() && blank(lines.front()))
    lines.erase(lines.begin());
  while (!lines.empty() && blank(lines.back()))
    lines.pop_back();
  std::string out;
  for (const auto& line : lines)
    out += (&line == &lines.front() ? "" : "\n") + line;
  return out;
}

class parser {
public:
  explicit parser(std::string_view source) : in_(source) {}

  document parse() {
    document doc;
    while (in_.peek().kind != token_kind::end) {
      if (in_.next_is("fragment"))
        doc.fragments.push_back(parse_fragment());
      else
        doc.operations.push_back(parse_operation());
    }
    if (doc.operations.empty() && doc.fragments.empty())
      in_.fail();
    return doc;
  }

private:
  operation parse_operation() {
    operation op;
    op.where = in_.peek().where;
    if (in_.next_is("{")) {
      op.selections = parse_selections();
      return op;
    }
    if (!in_.next_is("query") && !in_.next_is("mutation") && !in_.next_is("subscription"))
      in_.fail();
    op.type = in_.expect_name();
    if (in_.peek().kind == token_kind::name)
      op.name = in_.expect_name();
    if (in_.take_if("("))
      while (!in_.take_if(")"))
        op.variables.push_back(parse_variable());
    op.directives = parse_directives();
    op.selections = parse_selections();
    return op;
  }

  fragment parse_fragment() {
    fragment out;
    out.where = in_.expect("fragment").where;
    if (in_.next_is("on"))
      in_.fail();
    out.name = in_.expect_name();
    in_.expect("on");
    out.on = in_.expect_name();
    out.directives = parse_directives();
    out.selections = parse_selections();
    return out;
  }

  variable_definition parse_variable() {
    variable_definition out;
    out.where = in_.expect("$").where;
    out.name = in_.expect_name();
    in_.expect(":");
    out.type = parse_type(in_);
    if (in_.take_if("="))
      out.default_value = parse_value(true);
    parse_directives();
    return out;
  }

  std::vector<directive> parse_directives() {
    std::vector<directive> out;
    while (in_.next_is("@")) {
      directive next;
      next.where = in_.take().where;
      next.name = in_.expect_name();
      next.arguments = parse_arguments();
      out.push_back(std::move(next));
    }
    return out;
  }

  std::vector<argument> parse_arguments() {
    std::vector<argument> out;
    if (!in_.take_if("("))
      return out;
    do {
      argument next;
      next.where = in_.peek().where;
      next.name = in_.expect_name();
      in_.expect(":");
      next.value = parse_value(false);
      out.push_back(std::move(next));
    } while (!in_.take_if(")"));
    return out;
  }

  std::vector<selection> parse_selections() {
    deeper();
    in_.expect("{");
    std::vector<selection> out;
    do {
      out.push_back(parse_selection());
    } while (!in_.take_if("}"));
    --depth_;
    return out;
  }

  selection parse_selection() {
    selection out;
    out.where = in_.peek().where;
    if (in_.take_if("...")) {
      if (in_.peek().kind == token_kind::name && !in_.next_is("on")) {
        out.type = selection::kind::spread;
        out.name = in_.expect_name();
        out.directives = parse_directives();
        return out;
      }
      out.type = selection::kind::inline_fragment;
      if (in_.take_if("on"))
        out.name = in_.expect_name();
      out.directives = parse_directives();
      out.selections = parse_selections();
      return out;
    }
    out.name = in_.expect_name();
    if (in_.take_if(":"))
      out.alias = std::exchange(out.name, in_.expect_name());
    out.arguments = parse_arguments();
    out.directives = parse_directives();
    if (in_.next_is("{"))
      out.selections = parse_selections();
    return out;
  }

  value parse_value(bool constant) {
    value out;
    const auto& next = in_.peek();
    if (next.kind == token_kind::integer) {
      auto number = parse_number(next.raw);
      if (!number)
        in_.fail();
      out.type = value::kind::integer;
      out.integer = *number;
      in_.take();
    } else if (next.kind == token_kind::real) {
      out.type = value::kind::real;
      out.text = std::string{in_.take().raw};
    } else if (next.kind == token_kind::text) {
      out.type = value::kind::text;
      out.text = in_.take().text;
    } else if (next.kind == token_kind::name) {
      read_named_value(out);
    } else if (!constant && in_.take_if("$")) {
      out.type = value::kind::variable;
      out.text = in_.expect_name();
    } else {
      read_compound_value(out, constant);
    }
    return out;
  }

  void read_named_value(value& out) {
    out.text = in_.expect_name();
    if (out.text == "true" || out.text == "false") {
      out.type = value::kind::boolean;
      out.boolean = out.text == "true";
    } else if (out.text != "null") {
      out.type = value::kind::enumeration;
    }
  }

  void read_compound_value(value& out, bool constant) {
    deeper();
    if (in_.take_if("[")) {
      out.type = value::kind::list;
      while (!in_.take_if("]"))
        out.items.push_back(parse_value(constant));
    } else {
      out.type = value::kind::object;
      in_.expect("{");
      while (!in_.take_if("}")) {
        auto name = in_.expect_name();
        in_.expect(":");
        out.members.push_back({std::move(name), parse_value(constant)});
      }
    }
    --depth_;
  }

  void deeper() {
    if (++depth_ > max_depth)
      throw syntax_error("Query has too many levels of nesting", in_.peek().where);
  }

  lexer in_;
  int depth_ = 0;
};

} // namespace

std::string to_string(const type_ref& type) {
  auto name = type.is_list ? "[" + type.name + (type.item_required ? "!]" : "]") : type.name;
  return type.required ? name + "!" : name;
}

std::string to_string(const value& x) {
  std::string out;
  switch (x.type) {
  case value::kind::null:
    return "null";
  case value::kind::boolean:
    return x.boolean ? "true" : "false";
  case value::kind::integer:
    return std::to_string(x.integer);
  case value::kind::real:
  case value::kind::enumeration:
    return x.text;
  case value::kind::variable:
    return "$" + x.text;
  case value::kind::text:
    append_json_string(out, x.text);
    return out;
  case value::kind::list:
    for (const auto& item : x.items)
      out += (out.empty() ? "" : ", ") + to_string(item);
    return "[" + out + "]";
  case value::kind::object:
    for (const auto& [name, member] : x.members)
      out += (out.empty() ? "" : ", ") + name + ": " + to_string(member);
    return "{" + out + "}";
  }
  return out;
}

lexer::lexer(std::string_view source) : source_(source) {
  if (source_.substr(0, 3) == "\xef\xbb\xbf")
    pos_ = 3;
  advance();
}

token lexer::take() {
  auto out = std::move(next_);
  advance();
  return out;
}

bool lexer::next_is(std::string_view raw) const {
  return next_.raw == raw &&
         (next_.kind == token_kind::punctuator || next_.kind == token_kind::name);
}

bool lexer::take_if(std::string_view raw) {
  if (!next_is(raw))
    return false;
  advance();
  return true;
}

token lexer::expect(std::string_view raw) {
  if (!next_is(raw))
    fail();
  return take();
}

std::string lexer::expect_name() {
  if (next_.kind != token_kind::name)
    fail();
  std::string name{next_.raw};
  advance();
  return name;
}

void lexer::fail() const {
  if (next_.kind == token_kind::end)
    throw syntax_error("Unexpected end of document", next_.where);
  std::string message{"Parse error on "};
  append_json_string(message, next_.raw);
  message +=
      " at [" + std::to_string(next_.where.line) + ", " + std::to_string(next_.where.column) + "]";
  throw syntax_error(message, next_.where);
}

char lexer::at(size_t ahead) const {
  return pos_ + ahead < source_.size() ? source_[pos_ + ahead] : '\0';
}

void lexer::step() {
  if (source_[pos_] == '\n') {
    ++here_.line;
    here_.column = 1;
  } else {
    ++here_.column;
  }
  ++pos_;
}

void lexer::skip_ignored() {
  while (pos_ < source_.size()) {
    auto c = source_[pos_];
    if (c == '#')
      while (pos_ < source_.size() && source_[pos_] != '\n')
        step();
    else if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ',')
      step();
    else
      return;
  }
}

void lexer::advance() {
  skip_ignored();
  next_ = token{};
  next_.where = here_;
  auto begin = pos_;
  auto c = at();
  if (pos_ == source_.size()) {
    return;
  } else if (is_name_start(c)) {
    next_.kind = token_kind::name;
    while (is_name_start(at()) || is_digit(at()))
      step();
  } else if (is_digit(c) || c == '-') {
    read_number();
  } else if (c == '"') {
    next_.kind = token_kind::text;
    if (at(1) == '"' && at(2) == '"')
      read_block_string();
    else
      read_string();
  } else {
    next_.kind = token_kind::punctuator;
    auto dots = source_.substr(pos_, 3) == "...";
    for (auto i = 0; i < (dots ? 3 : 1); ++i)
      step();
    if (!dots && std::string_view{"!$&()[]{}:=@|"}.find(c) == std::string_view::npos) {
      while ((static_cast<unsigned char>(at()) & 0xC0) == 0x80) // the rest of its UTF-8
        step();
      next_.raw = source_.substr(begin, pos_ - begin);
      fail();
    }
  }
  next_.raw = source_.substr(begin, pos_ - begin);
}

void lexer::read_number() {
  auto begin = pos_;
  auto digits = [&] {
    auto from = pos_;
    while (is_digit(at()))
      step();
    return pos_ > from;
  };
  next_.kind = token_kind::integer;
  if (at() == '-')
    step();
  auto good = digits();
  if (at() == '.') {
    next_.kind = token_kind::real;
    step();
    good = good && digits();
  }
  if (at() == 'e' || at() == 'E') {
    next_.kind = token_kind::real;
    step();
    if (at() == '+' || at() == '-')
      step();
    good = good && digits();
  }
  next_.raw = source_.substr(begin, pos_ - begin);
  if (!good || is_name_start(at()))
    fail();
}

void lexer::read_string() {
  auto begin = pos_;
  step();
  while (at() != '"') {
    if (pos_ == source_.size() || at() == '\n') {
      next_.raw = source_.substr(begin, pos_ - begin);
      fail();
    }
    if (at() == '\\') {
      read_escape();
    } else {
      next_.text += at();
      step();
    }
  }
  step();
}

void lexer::read_escape() {
  constexpr std::string_view names = "\"\\/bfnrt";
  constexpr std::string_view values = "\"\\/\b\f\n\r\t";
  step();
  if (at() == 'u') {
    auto code = read_code_unit();
    auto is_high = code >= 0xd800 && code < 0xdc00;
    if (is_high && at() == '\\' && at(1) == 'u') {
      step();
      auto low = read_code_unit();
      if (low < 0xdc00 || low > 0xdfff)
        fail();
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    } else if (code >= 0xd800 && code < 0xe000) {
      fail(); // half of a pair is no character
    }
    append_utf8(next_.text, code);
    return;
  }
  auto which = names.find(at());
  if (at() == '\0' || which == std::string_view::npos)
    fail();
  next_.text += values[which];
  step();
}

/// Reads `u00e9`.
uint32_t lexer::read_code_unit() {
  uint32_t code = 0;
  step();
  for (auto i = 0; i < 4; ++i) {
    auto digit = std::string_view{"0123456789abcdef"}.find(
        at() >= 'A' && at() <= 'F' ? static_cast<char>(at() - 'A' + 'a') : at());
    if (digit == std::string_view::npos)
      fail();
    code = code << 4 | static_cast<uint32_t>(digit);
    step();
  }
  return code;
}

void lexer::read_block_string() {
  std::string raw;
  for (auto i = 0; i < 3; ++i)
    step();
  while (source_.substr(pos_, 3) != "\"\"\"") {
    if (pos_ == source_.size())
      fail();
    if (source_.substr(pos_, 4) == "\\\"\"\"")
      step();
    auto width = source_.substr(pos_, 3) == "\"\"\"" ? 3 : 1;
    for (auto i = 0; i < width; ++i) {
      raw += at();
      step();
    }
  }
  for (auto i = 0; i < 3; ++i)
    step();
  next_.text = dedent(raw);
}

document parse_document(std::string_view source) { return parser{source}.parse(); }

type_ref parse_type(lexer& in) {
  type_ref type;
  if (in.take_if("[")) {
    type.is_list = true;
    type.name = in.expect_name();
    type.item_required = in.take_if("!");
    in.expect("]");
  } else {
    type.name = in.expect_name();
  }
  type.required = in.take_if("!");
  return type;
}

} // namespace gitstar::sim::graphql
