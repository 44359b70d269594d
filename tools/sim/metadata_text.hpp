#pragma once

#include "tools/sim/text.hpp"

#include <vector>

/// The texts of metadata, made from numbers: the same number gives the same text.
namespace gitstar::sim {

/// One line, never empty; with emoji, other scripts, quotes and whatever else breaks parsers.
std::string title_text(uint64_t from);

/// Lines of Markdown, ended by CR LF as browsers send them; empty for 0. One in 300 is long.
std::string body_text(uint64_t from);

/// A commit message: a title and perhaps a body, ended by LF.
std::string message_text(uint64_t from);

std::string path_text(uint64_t from);
std::string branch_text(uint64_t from);
std::string check_name(uint64_t from);
std::string person_name(uint64_t from);

/// 40 hexadecimal digits.
std::string sha_text(uint64_t from);

/// What the sha was made from; nothing if `sha_text` never made it.
std::optional<uint64_t> sha_source(std::string_view sha);

/// The labels of all repositories, by number.
inline constexpr uint16_t label_count = 140;
std::string label_name(uint16_t number);

/// Names by number from 1; 0 is null.
std::string_view milestone_title(uint8_t number);
std::string_view app_slug(uint8_t number);
inline constexpr uint8_t milestone_count = 4;
inline constexpr uint8_t app_count = 5;

/// Names by number from 0.
std::string_view base_branch(uint8_t number);
std::string_view discussion_category(uint8_t number);
inline constexpr uint8_t base_branch_count = 4;
inline constexpr uint8_t category_count = 5;

/// `v1.4.2`; every version has a tag of its own.
std::string tag_text(int32_t version);

} // namespace gitstar::sim
