#include "db/store_layout.hpp"

#include <string>

namespace gitstar::db {

namespace {

using method = config::partitioning::method;

std::string word_for(method by) {
  switch (by) {
  case method::none:
    return "none";
  case method::hash:
    return "hash";
  case method::range:
    return "range";
  }
  return "none";
}

constexpr auto make_a_divided_table = R"(
alter table repositories rename constraint repositories_pkey to undivided_pkey;
alter table repositories rename to undivided;
create table repositories (like undivided including all) partition by )";

constexpr auto replace_the_undivided_table = R"(
do $$ begin
  execute format('comment on table repositories is %L', obj_description('undivided'::regclass));
end $$;
drop table undivided)";

} // namespace

void divide_repositories(pqxx::work& work, const config::partitioning& chosen) {
  if (chosen.by == method::none)
    return;
  work.exec(make_a_divided_table + word_for(chosen.by) + " (repo_id)");
  work.exec(replace_the_undivided_table);
  if (chosen.by == method::range)
    return; // parts are made when their ids turn up
  auto parts = std::to_string(chosen.number);
  for (uint64_t i = 0; i < chosen.number; ++i)
    work.exec("create table repositories_" + std::to_string(i) +
              " partition of repositories for values with (modulus " + parts + ", remainder " +
              std::to_string(i) + ')');
}

void store_partitioning(pqxx::work& work, const config::partitioning& chosen) {
  work.exec_params0("update store_layout set partitioning = $1, number = $2", word_for(chosen.by),
                    static_cast<int64_t>(chosen.number));
}

config::partitioning stored_partitioning(pqxx::work& work) {
  auto row = work.exec1("select partitioning, number from store_layout");
  config::partitioning result;
  result.number = static_cast<uint64_t>(row[1].as<int64_t>());
  for (auto by : {method::none, method::hash, method::range})
    if (row[0].as<std::string>() == word_for(by))
      result.by = by;
  return result;
}

} // namespace gitstar::db
