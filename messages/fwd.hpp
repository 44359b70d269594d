/// Forward declarations and the one block of message type IDs: append, never reorder, because
/// nodes of one cluster compare these numbers.
#pragma once

#include "messages/compat.hpp"

#include <vector>

namespace gitstar {

enum class cursor_mode : uint8_t;
enum class errc : uint8_t;
enum class field_error : uint8_t;
enum class outcome : uint8_t;
enum class id_listing : uint8_t;
enum class partition_state : uint8_t;
enum class query_shape : uint8_t;
enum class resource : uint8_t;

struct api_request;
struct api_response;
struct batch;
struct batch_receipt;
struct bucket_status;
struct budget_record;
struct budget_view;
struct certificate;
struct count_result;
struct crawl;
struct crawl_progress;
struct error_record;
struct field_answer;
struct known_selection;
struct lacking_node;
struct lease;
struct lease_result;
struct metadata_ask;
struct metadata_list;
struct metadata_page;
struct metadata_plan;
struct metadata_row;
struct metadata_rows;
struct metadata_watermark;
struct named_actor;
struct partition;
struct permit;
struct query_report;
struct rate_limit;
struct repository;
struct search_field;
struct viewer;
struct width_record;

struct cluster_status;
struct grant_block;
struct lease_key;
struct returned_lease;
struct worker_greeting;
struct worker_news;

} // namespace gitstar

CAF_BEGIN_TYPE_ID_BLOCK(gitstar, caf::first_custom_type_id)

CAF_ADD_TYPE_ID(gitstar, (gitstar::api_request))
CAF_ADD_TYPE_ID(gitstar, (gitstar::api_response))
CAF_ADD_TYPE_ID(gitstar, (gitstar::batch))
CAF_ADD_TYPE_ID(gitstar, (gitstar::batch_receipt))
CAF_ADD_TYPE_ID(gitstar, (gitstar::bucket_status))
CAF_ADD_TYPE_ID(gitstar, (gitstar::budget_record))
CAF_ADD_TYPE_ID(gitstar, (gitstar::budget_view))
CAF_ADD_TYPE_ID(gitstar, (gitstar::certificate))
CAF_ADD_TYPE_ID(gitstar, (gitstar::count_result))
CAF_ADD_TYPE_ID(gitstar, (gitstar::crawl))
CAF_ADD_TYPE_ID(gitstar, (gitstar::crawl_progress))
CAF_ADD_TYPE_ID(gitstar, (gitstar::field_answer))
CAF_ADD_TYPE_ID(gitstar, (gitstar::lease))
CAF_ADD_TYPE_ID(gitstar, (gitstar::lease_result))
CAF_ADD_TYPE_ID(gitstar, (gitstar::named_actor))
CAF_ADD_TYPE_ID(gitstar, (gitstar::partition))
CAF_ADD_TYPE_ID(gitstar, (gitstar::permit))
CAF_ADD_TYPE_ID(gitstar, (gitstar::query_report))
CAF_ADD_TYPE_ID(gitstar, (gitstar::query_shape))
CAF_ADD_TYPE_ID(gitstar, (gitstar::rate_limit))
CAF_ADD_TYPE_ID(gitstar, (gitstar::repository))
CAF_ADD_TYPE_ID(gitstar, (gitstar::search_field))
CAF_ADD_TYPE_ID(gitstar, (std::vector<gitstar::budget_record>))
CAF_ADD_TYPE_ID(gitstar, (std::vector<gitstar::lease>))
CAF_ADD_TYPE_ID(gitstar, (std::vector<gitstar::named_actor>))
CAF_ADD_TYPE_ID(gitstar, (std::vector<gitstar::partition>))
CAF_ADD_TYPE_ID(gitstar, (gitstar::viewer))
CAF_ADD_TYPE_ID(gitstar, (gitstar::error_record))
CAF_ADD_TYPE_ID(gitstar, (std::vector<gitstar::error_record>))
CAF_ADD_TYPE_ID(gitstar, (gitstar::width_record))
CAF_ADD_TYPE_ID(gitstar, (std::vector<gitstar::width_record>))
CAF_ADD_TYPE_ID(gitstar, (gitstar::lacking_node))
CAF_ADD_TYPE_ID(gitstar, (gitstar::known_selection))

CAF_ADD_TYPE_ID(gitstar, (gitstar::cluster_status))
CAF_ADD_TYPE_ID(gitstar, (gitstar::grant_block))
CAF_ADD_TYPE_ID(gitstar, (gitstar::worker_greeting))
CAF_ADD_TYPE_ID(gitstar, (gitstar::worker_news))
CAF_ADD_TYPE_ID(gitstar, (std::vector<uint64_t>))
CAF_ADD_TYPE_ID(gitstar, (std::vector<int64_t>))

CAF_ADD_TYPE_ID(gitstar, (gitstar::metadata_list))
CAF_ADD_TYPE_ID(gitstar, (gitstar::metadata_row))
CAF_ADD_TYPE_ID(gitstar, (gitstar::metadata_rows))
CAF_ADD_TYPE_ID(gitstar, (gitstar::metadata_watermark))
CAF_ADD_TYPE_ID(gitstar, (std::vector<gitstar::metadata_watermark>))
CAF_ADD_TYPE_ID(gitstar, (std::vector<std::string>))
CAF_ADD_TYPE_ID(gitstar, (gitstar::metadata_ask))
CAF_ADD_TYPE_ID(gitstar, (gitstar::metadata_page))
CAF_ADD_TYPE_ID(gitstar, (gitstar::metadata_plan))

CAF_ADD_ATOM(gitstar, gitstar, acquire_atom, "acquire")
CAF_ADD_ATOM(gitstar, gitstar, report_atom, "report")
CAF_ADD_ATOM(gitstar, gitstar, status_atom, "status")
CAF_ADD_ATOM(gitstar, gitstar, lost_atom, "lost")
CAF_ADD_ATOM(gitstar, gitstar, wake_atom, "wake")
CAF_ADD_ATOM(gitstar, gitstar, lease_atom, "lease")
CAF_ADD_ATOM(gitstar, gitstar, renew_atom, "renew")
CAF_ADD_ATOM(gitstar, gitstar, counted_atom, "counted")
CAF_ADD_ATOM(gitstar, gitstar, done_atom, "done")
CAF_ADD_ATOM(gitstar, gitstar, failed_atom, "failed")
CAF_ADD_ATOM(gitstar, gitstar, drain_atom, "drain")
CAF_ADD_ATOM(gitstar, gitstar, store_atom, "store")
CAF_ADD_ATOM(gitstar, gitstar, open_atom, "open")
CAF_ADD_ATOM(gitstar, gitstar, load_atom, "load")
CAF_ADD_ATOM(gitstar, gitstar, certify_atom, "certify")
CAF_ADD_ATOM(gitstar, gitstar, state_atom, "state")
CAF_ADD_ATOM(gitstar, gitstar, budgets_atom, "budgets")
CAF_ADD_ATOM(gitstar, gitstar, answer_atom, "answer")
CAF_ADD_ATOM(gitstar, gitstar, next_atom, "next")
CAF_ADD_ATOM(gitstar, gitstar, tick_atom, "tick")
CAF_ADD_ATOM(gitstar, gitstar, restart_atom, "restart")
CAF_ADD_ATOM(gitstar, gitstar, changed_atom, "changed")
CAF_ADD_ATOM(gitstar, gitstar, handles_atom, "handles")
CAF_ADD_ATOM(gitstar, gitstar, finished_atom, "finished")
CAF_ADD_ATOM(gitstar, gitstar, errors_atom, "errors")
CAF_ADD_ATOM(gitstar, gitstar, widths_atom, "widths")
CAF_ADD_ATOM(gitstar, gitstar, select_atom, "select")

CAF_ADD_ATOM(gitstar, gitstar, return_atom, "return")
CAF_ADD_ATOM(gitstar, gitstar, join_atom, "join")
CAF_ADD_ATOM(gitstar, gitstar, leave_atom, "leave")
CAF_ADD_ATOM(gitstar, gitstar, news_atom, "news")
CAF_ADD_ATOM(gitstar, gitstar, grant_atom, "grant")

CAF_END_TYPE_ID_BLOCK(gitstar)

CAF_ERROR_CODE_ENUM(gitstar::errc, "gitstar")
