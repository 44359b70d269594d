/// What answers say of metadata, read by the descriptions of the kinds.
#pragma once

#include "messages/api.hpp"
#include "net/github_answer.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace gitstar::net {

/// Reads the data of an answer to `request`, which has one of the shapes of metadata, into
/// `fields`: one entry per field of the request, with its pages. Lists that are not there are
/// closed; elements that are null, or lack what their kind must have, are counted. U+0000 is
/// dropped, invalid UTF-8 replaced. Returns why the body cannot be read, naming the place; empty:
/// it could. Never throws but `std::bad_alloc`.
std::string read_metadata(std::string_view body, const api_request& request,
                          std::vector<field_data>& fields);

} // namespace gitstar::net
