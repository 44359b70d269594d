#include "db/rows.hpp"

#include <charconv>
#include <stdexcept>
#include <string_view>

namespace gitstar::db {

namespace {

partition_state state_from(std::string_view text) {
  for (auto state : {partition_state::open, partition_state::split, partition_state::done,
                     partition_state::incomplete, partition_state::dead})
    if (to_string(state) == text)
      return state;
  throw std::runtime_error("unknown partition state " + std::string{text});
}

optional<query_shape> shape_from(std::string_view text) {
  for (auto shape :
       {query_shape::search_count, query_shape::search_page, query_shape::nodes,
        query_shape::owner_page, query_shape::metadata_probe, query_shape::metadata_list})
    if (to_string(shape) == text)
      return shape;
  return caf::none;
}

/// Reads PostgreSQL's text form of bigint[]: {1,2,3}
std::vector<repo_id> ids_from(std::string_view text) {
  std::vector<repo_id> result;
  const auto* end = text.data() + text.size();
  for (const auto* at = text.data() + 1; at < end - 1;) {
    repo_id id = 0;
    auto [next, error] = std::from_chars(at, end, id);
    if (error != std::errc{})
      throw std::runtime_error("not an array of ids");
    result.push_back(id);
    at = next + 1;
  }
  return result;
}

} // namespace

timestamp time_from(const pqxx::field& seconds) {
  return timestamp{std::chrono::seconds{seconds.as<int64_t>()}};
}

crawl crawl_from(const pqxx::row& row) {
  crawl result;
  result.id = row[0].as<int64_t>();
  result.epoch = row[1].as<int64_t>();
  result.name = row[2].as<std::string>();
  result.source = row[3].as<std::string>();
  result.state = row[4].as<std::string>();
  result.started_at = time_from(row[5]);
  result.threshold = row[6].as<int64_t>();
  result.previous_at = time_from(row[7]);
  result.resumed = result.epoch > 1;
  return result;
}

partition partition_from(const pqxx::row& row) {
  partition result;
  result.id = row[0].as<int64_t>();
  result.parent_id = row[1].as<int64_t>();
  result.description = row[2].as<std::string>();
  result.state = state_from(row[3].c_str());
  result.expected = row[4].as<int64_t>();
  result.seen = row[5].as<int64_t>();
  result.duplicates = row[6].as<int64_t>();
  result.lease = row[7].as<int64_t>();
  result.attempts = row[8].as<uint32_t>();
  result.pass = row[9].as<uint32_t>();
  result.pages_done = row[10].as<uint32_t>();
  result.cursor = row[11].as<std::string>();
  result.seen_ids = ids_from(row[12].c_str());
  result.reason = row[13].as<std::string>();
  return result;
}

void join_whole_tables(pqxx::work& work) { work.exec0("set local enable_nestloop = off"); }

certificate certify(pqxx::work& work, int64_t crawl_id) {
  auto row = work.exec_params1(R"(
select coalesce(sum(greatest(expected, 0)) filter (where state <> 'split'), 0),
       coalesce(sum(seen) filter (where state <> 'split'), 0),
       coalesce(sum(duplicates) filter (where state <> 'split'), 0),
       coalesce(sum(greatest(0, expected - seen)) filter (where state <> 'split'), 0),
       count(*) filter (where state = 'open'),
       count(*) filter (where state = 'split'),
       count(*) filter (where state = 'done'),
       count(*) filter (where state = 'incomplete'),
       count(*) filter (where state = 'dead')
from partitions
where crawl_id = $1)",
                               crawl_id);
  certificate result;
  int column = 0;
  for (auto member : {&certificate::expected, &certificate::seen, &certificate::duplicates,
                      &certificate::missing, &certificate::open, &certificate::split,
                      &certificate::done, &certificate::incomplete, &certificate::dead})
    result.*member = row[column++].as<int64_t>();
  return result;
}

const char* budget_table(resource what) {
  return what == resource::core ? "request_budgets" : "credential_budgets";
}

static std::vector<budget_record> load_budgets(pqxx::work& work, resource what) {
  std::vector<budget_record> result;
  for (const auto& row :
       work.exec("select credential, enabled, points_limit, remaining, "
                 "extract(epoch from reset_at)::bigint, extract(epoch from banned_until)::bigint, "
                 "viewer_id, extract(epoch from spending_day)::bigint, spent_today, benched, bans, "
                 "extract(epoch from paused_until)::bigint, refusals, "
                 "extract(epoch from minute_at)::bigint, minute_queries, minute_response, "
                 "unsaved_queries, unsaved_response from " +
                 std::string{budget_table(what)} + " order by credential")) {
    budget_record record;
    record.credential = row[0].as<std::string>();
    record.what = what;
    record.enabled = row[1].as<bool>();
    record.limit = row[2].as<int64_t>();
    record.remaining = row[3].as<int64_t>();
    record.reset_at = time_from(row[4]);
    record.banned_until = time_from(row[5]);
    record.viewer_id = row[6].as<int64_t>();
    record.day = time_from(row[7]);
    record.spent_today = row[8].as<int64_t>();
    record.benched = row[9].as<bool>();
    record.bans = row[10].as<uint32_t>();
    record.paused_until = time_from(row[11]);
    record.refusals = row[12].as<uint32_t>();
    record.minute_at = time_from(row[13]);
    record.minute_queries = row[14].as<int64_t>();
    record.minute_response = milliseconds{row[15].as<int64_t>()};
    record.unsaved_queries = row[16].as<int64_t>();
    record.unsaved_response = milliseconds{row[17].as<int64_t>()};
    result.push_back(std::move(record));
  }
  return result;
}

std::vector<budget_record> load_budgets(pqxx::work& work) {
  auto result = load_budgets(work, resource::graphql);
  auto requests = load_budgets(work, resource::core);
  result.insert(result.end(), requests.begin(), requests.end());
  return result;
}

std::vector<width_record> load_widths(pqxx::work& work) {
  std::vector<width_record> result;
  for (const auto& row : work.exec("select shape, credential_kind, width from query_widths "
                                   "order by shape, credential_kind"))
    // A shape that a newer program wrote is none of ours.
    if (auto shape = shape_from(row[0].c_str()))
      result.push_back({*shape, row[1].as<std::string>(), row[2].as<uint32_t>()});
  return result;
}

std::vector<error_record> load_errors(pqxx::work& work, int64_t crawl_id) {
  std::vector<error_record> result;
  for (const auto& row :
       work.exec_params("select kind, message, count, extract(epoch from at)::bigint "
                        "from crawl_errors where crawl_id = $1 order by at desc, kind",
                        crawl_id))
    result.push_back({row[0].as<std::string>(), row[1].as<std::string>(), row[2].as<int64_t>(),
                      time_from(row[3])});
  return result;
}

} // namespace gitstar::db
