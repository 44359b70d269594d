/// Templates that almost every file of actors/, cluster/ and tools/gitstar uses and none has to
/// compile: instantiated once, in instantiated.cpp. Everything builds the same without it, only
/// slower. It is what the precompiled header holds.
#pragma once

#include "messages/interfaces.hpp"

#include <spdlog/spdlog.h>

// clang-format off

/// The messages of the type ID block in messages/fwd.hpp. One that is missing here only costs time.
#define GITSTAR_FOR_EACH_MESSAGE(apply)           \
  apply(gitstar::api_request)                     \
  apply(gitstar::api_response)                    \
  apply(gitstar::batch)                           \
  apply(gitstar::batch_receipt)                   \
  apply(gitstar::bucket_status)                   \
  apply(gitstar::budget_record)                   \
  apply(gitstar::budget_view)                     \
  apply(gitstar::certificate)                     \
  apply(gitstar::cluster_status)                  \
  apply(gitstar::count_result)                    \
  apply(gitstar::crawl)                           \
  apply(gitstar::crawl_progress)                  \
  apply(gitstar::error_record)                    \
  apply(gitstar::field_answer)                    \
  apply(gitstar::grant_block)                     \
  apply(gitstar::known_selection)                 \
  apply(gitstar::lacking_node)                    \
  apply(gitstar::lease)                           \
  apply(gitstar::lease_result)                    \
  apply(gitstar::metadata_ask)                    \
  apply(gitstar::metadata_list)                   \
  apply(gitstar::metadata_page)                   \
  apply(gitstar::metadata_plan)                   \
  apply(gitstar::metadata_row)                    \
  apply(gitstar::metadata_rows)                   \
  apply(gitstar::metadata_watermark)              \
  apply(gitstar::named_actor)                     \
  apply(gitstar::partition)                       \
  apply(gitstar::permit)                          \
  apply(gitstar::query_report)                    \
  apply(gitstar::query_shape)                     \
  apply(gitstar::rate_limit)                      \
  apply(gitstar::repository)                      \
  apply(gitstar::search_field)                    \
  apply(gitstar::viewer)                          \
  apply(gitstar::width_record)                    \
  apply(gitstar::worker_greeting)                 \
  apply(gitstar::worker_news)                     \
  apply(std::vector<gitstar::budget_record>)      \
  apply(std::vector<gitstar::error_record>)       \
  apply(std::vector<gitstar::lease>)              \
  apply(std::vector<gitstar::metadata_watermark>) \
  apply(std::vector<gitstar::named_actor>)        \
  apply(std::vector<gitstar::partition>)          \
  apply(std::vector<gitstar::width_record>)       \
  apply(std::vector<int64_t>)                     \
  apply(std::vector<std::string>)

// clang-format on

/// How CAF keeps a message in a box whose type it does not know: ten virtual functions each, with
/// all of (de)serialization behind them.
#define GITSTAR_DECLARE_BOX(type) extern template class caf::detail::type_erased_value_impl<type>;
GITSTAR_FOR_EACH_MESSAGE(GITSTAR_DECLARE_BOX)
#undef GITSTAR_DECLARE_BOX

/// All of fmt's number formatting. fmt declares it like this only from version 10 on.
extern template void
fmt::detail::vformat_to<char>(fmt::detail::buffer<char>&, fmt::string_view,
                              fmt::basic_format_args<fmt::buffer_context<char>>,
                              fmt::detail::locale_ref);
