#pragma once

#include <string>
#include <string_view>

namespace gitstar::net {

/// `text` with invalid UTF-8 replaced by U+FFFD and control characters by spaces.
std::string repaired_text(std::string_view text);

/// A JSON text with what makes strict parsers refuse it as text replaced: invalid UTF-8 and escapes
/// of lone surrogates by U+FFFD, control characters by spaces. Nothing else is touched.
std::string repaired_json_text(std::string_view json);

} // namespace gitstar::net
