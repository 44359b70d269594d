#pragma once

#include "config/config.hpp"

#include <string>

namespace gitstar::tool {

enum class log_format : uint8_t { text, json };

/// Sends all logs to stderr, one line each: `2026-01-31T12:00:00.123Z info message`, or a JSON
/// object with the keys time, level and message.
void start_logging(log_format format, config::log_level level);

/// Whether each line on stderr is to be a JSON object.
bool logs_are_json();

/// Says on stderr why the program fails: `gitstar: why`, or an error in a JSON log.
void complain(const std::string& why);

/// Says something else that whoever has started the program is to know, whatever the level of the
/// logs: `text`, or a line of a JSON log.
void remark(const std::string& text);

/// `text` as the inside of a JSON string.
std::string json_escaped(std::string_view text);

} // namespace gitstar::tool
