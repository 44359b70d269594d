#pragma once

#include "tools/sim/graphql_ast.hpp"

#include <stdexcept>
#include <string_view>

namespace gitstar::sim::graphql {

/// The text is no GraphQL document; `what` reads as GitHub's message.
struct syntax_error : std::runtime_error {
  syntax_error(const std::string& message, location at) : std::runtime_error(message), where(at) {}

  location where;
};

enum class token_kind : uint8_t { name, punctuator, integer, real, text, end };

struct token {
  token_kind kind = token_kind::end;
  std::string_view raw; ///< as written; of a text including its quotes
  std::string text;     ///< of a text: its value
  location where;
};

/// Cuts a document into tokens; white space, commas and comments are skipped.
class lexer {
public:
  explicit lexer(std::string_view source);

  const token& peek() const { return next_; }
  token take();

  /// Takes the next token if it is this punctuator or this name.
  bool take_if(std::string_view raw);
  bool next_is(std::string_view raw) const;

  /// Takes the next token, which must be this one.
  token expect(std::string_view raw);
  std::string expect_name();

  [[noreturn]] void fail() const;

private:
  void advance();
  void skip_ignored();
  char at(size_t ahead = 0) const;
  void step();
  void read_number();
  void read_string();
  void read_block_string();
  void read_escape();
  uint32_t read_code_unit();

  std::string_view source_;
  size_t pos_ = 0;
  location here_;
  token next_;
};

/// Parses an executable document (GraphQL, October 2021). Throws `syntax_error`.
document parse_document(std::string_view source);

/// Reads a type such as `[ID!]!`.
type_ref parse_type(lexer& in);

} // namespace gitstar::sim::graphql
