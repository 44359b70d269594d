#include "db/metadata_rows.hpp"

#include "db/crawl_store.hpp"
#include "messages/metadata/registry.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <tuple>

namespace gitstar::db {

namespace {

using metadata::column;
using metadata::column_type;
using metadata::kind;

using names = std::vector<std::string>;

std::string joined(const names& parts, const std::string& before = {}) {
  std::string result;
  for (const auto& x : parts)
    result += (result.empty() ? "" : ", ") + before + x;
  return result;
}

const column& column_of(const kind& of, std::string_view name) {
  return of.columns[metadata::column_index(of, name).value()];
}

/// What tells rows apart: the repository first, by which tables are divided.
names unique_columns(const kind& of) {
  names result{"repo_id"};
  for (auto name : of.key)
    if (name != "repo_id")
      result.emplace_back(name);
  return result;
}

/// `$n::text[]`, each element as the column's type.
std::string unnested(const kind& of, const std::string& name, std::size_t n) {
  return "unnest($" + std::to_string(n) +
         "::text[])::" + std::string{to_string(column_of(of, name).type)} + " as " + name;
}

/// `l.a = r.a and l.b = r.b`
std::string equal(const names& columns, const std::string& left, const std::string& right) {
  std::string result;
  for (const auto& x : columns)
    result += (result.empty() ? "" : " and ") + left + x + " = " + right + x;
  return result;
}

/// Of several rows with the same key the last, by key.
std::vector<metadata_row> distinct_rows(const kind& of, std::vector<metadata_row> rows) {
  std::vector<std::size_t> key{metadata::column_index(of, "repo_id").value()};
  for (auto i : metadata::key_indexes(of))
    key.push_back(i);
  auto less = [&](const metadata_row& a, const metadata_row& b) {
    for (auto i : key)
      if (a.values[i] != b.values[i])
        return a.values[i] < b.values[i];
    return false;
  };
  for (const auto& row : rows) {
    if (row.values.size() != of.columns.size())
      throw store_error("a row of " + std::string{of.name} + " has " +
                        std::to_string(row.values.size()) + " values, not " +
                        std::to_string(of.columns.size()));
    for (auto i : key)
      if (!row.values[i])
        throw store_error("a row of " + std::string{of.name} + " has no " +
                          std::string{of.columns[i].name});
  }
  std::reverse(rows.begin(), rows.end());
  std::stable_sort(rows.begin(), rows.end(), less);
  auto end = std::unique(rows.begin(), rows.end(),
                         [&](const auto& a, const auto& b) { return !less(a, b) && !less(b, a); });
  rows.erase(end, rows.end());
  return rows;
}

template <class... More>
pqxx::result execute(pqxx::work& work, const std::string& sql,
                     const std::vector<pqxx::binarystring>& columns, const More&... more) {
  return work.exec_params(sql, pqxx::prepare::make_dynamic_params(columns), more...);
}

int64_t seconds_of(timestamp time) { return time.time_since_epoch().count(); }

void write_rows(pqxx::work& work, const kind& of, const std::vector<metadata_row>& found,
                timestamp observed_at, batch_receipt& receipt) {
  auto rows = distinct_rows(of, found);
  std::vector<pqxx::binarystring> columns;
  for (std::size_t i = 0; i < of.columns.size(); ++i)
    columns.push_back(column_values(rows, i));
  auto counts = execute(work, upsert_statement(of), columns, seconds_of(observed_at));
  receipt.items += static_cast<int64_t>(rows.size());
  receipt.items_inserted += counts[0][0].as<int64_t>();
  receipt.items_updated += counts[0][1].as<int64_t>();
}

/// Parents whose lists were read: the values of `link`, in its order.
struct read_parents {
  names link;
  std::vector<metadata_row> values;
};

using keys = std::set<std::vector<std::string>>;

/// What the store shows of lists, by key and with what else is asked for.
pqxx::result stored_elements(pqxx::work& work, const kind& of, const read_parents& of_parents,
                             const names& wanted) {
  std::vector<pqxx::binarystring> parameters;
  std::string parents;
  for (std::size_t i = 0; i < of_parents.link.size(); ++i) {
    parameters.push_back(column_values(of_parents.values, i));
    parents += (i == 0 ? "" : ", ") + unnested(of, of_parents.link[i], parameters.size());
  }
  return execute(work,
                 "select " + joined(wanted, "r.") + " from (select " + parents +
                     ") p cross join lateral (select * from " + std::string{of.name} + " r where " +
                     equal(of_parents.link, "r.", "p.") + " and r.gone_at is null offset 0) r",
                 parameters);
}

/// The columns by which elements of other kinds name an element of this one as their parent.
names links_to(const kind& of) {
  names result;
  for (const auto* child : metadata::all_kinds())
    for (const auto& list : child->lists)
      if (list.parent == of.name)
        for (auto name : list.link)
          if (std::find(result.begin(), result.end(), name) == result.end())
            result.emplace_back(name);
  return result;
}

/// Marks what the store shows of these lists and `present` does not have, and all below it.
void mark_lost(pqxx::work& work, const kind& of, const read_parents& of_parents,
               const keys& present, timestamp observed_at, batch_receipt& receipt) {
  auto unique = unique_columns(of);
  auto wanted = unique;
  for (auto& name : links_to(of))
    if (std::find(wanted.begin(), wanted.end(), name) == wanted.end())
      wanted.push_back(name);
  std::vector<metadata_row> lost;
  for (const auto& row : stored_elements(work, of, of_parents, wanted)) {
    std::vector<std::string> key;
    for (std::size_t i = 0; i < unique.size(); ++i)
      key.emplace_back(row[static_cast<int>(i)].c_str());
    if (present.count(key) != 0)
      continue;
    metadata_row values;
    for (const auto& field : row)
      values.values.push_back(std::string{field.c_str()});
    lost.push_back(std::move(values));
  }
  if (lost.empty())
    return;
  std::vector<pqxx::binarystring> parameters;
  std::string columns;
  for (std::size_t i = 0; i < unique.size(); ++i) {
    parameters.push_back(column_values(lost, i));
    columns += (i == 0 ? "" : ", ") + unnested(of, unique[i], i + 1);
  }
  auto table = std::string{of.name};
  auto marked = execute(work,
                        "with lost as (select " + joined(unique, "r.") + " from (select " +
                            columns + ") l join " + table + " r on " + equal(unique, "r.", "l.") +
                            " where r.gone_at is null order by " + joined(unique, "r.") +
                            " for update of r) update " + table +
                            " r set gone_at = to_timestamp($" + std::to_string(unique.size() + 1) +
                            "::bigint) from lost where " + equal(unique, "r.", "lost."),
                        parameters, seconds_of(observed_at));
  receipt.items_gone += static_cast<int64_t>(marked.affected_rows());
  for (const auto* child : metadata::all_kinds())
    for (const auto& list : child->lists) {
      if (!child->can_go || list.parent != of.name)
        continue;
      read_parents below;
      for (auto name : list.link)
        below.link.emplace_back(name);
      for (const auto& row : lost) {
        metadata_row link;
        for (const auto& name : below.link) {
          auto at = std::find(wanted.begin(), wanted.end(), name) - wanted.begin();
          link.values.push_back(row.values[static_cast<std::size_t>(at)]);
        }
        below.values.push_back(std::move(link));
      }
      mark_lost(work, *child, below, {}, observed_at, receipt);
    }
}

/// Lists of one kind whose parents are named by the same columns.
void mark_unseen(pqxx::work& work, const kind& of, const std::vector<const metadata_list*>& lists,
                 timestamp observed_at, batch_receipt& receipt) {
  read_parents parents;
  parents.link = lists.front()->link;
  keys present;
  auto has_repository = std::find(of.key.begin(), of.key.end(), "repo_id") != of.key.end();
  for (const auto* list : lists) {
    metadata_row parent;
    for (const auto& value : list->parent)
      parent.values.push_back(value);
    parents.values.push_back(std::move(parent));
    for (const auto& element : list->keys) {
      // In the order of `unique_columns`.
      std::vector<std::string> key{std::to_string(repository_of(*list))};
      for (std::size_t i = 0; i < of.key.size(); ++i)
        if (!has_repository || of.key[i] != "repo_id")
          key.push_back(element.values.at(i).value());
      present.insert(std::move(key));
    }
  }
  mark_lost(work, of, parents, present, observed_at, receipt);
}

void mark_unseen(pqxx::work& work, const kind& of, const batch& findings, batch_receipt& receipt) {
  std::map<names, std::vector<const metadata_list*>> by_link;
  for (const auto& list : findings.lists)
    if (list.kind == of.name)
      by_link[list.link].push_back(&list);
  for (const auto& [link, lists] : by_link)
    mark_unseen(work, of, lists, findings.observed_at, receipt);
}

constexpr auto upsert_watermarks = R"(
with input as (
  select unnest($1::text[])::bigint as repo_id, unnest($2::text[]) as kind,
         unnest($3::timestamptz[]) as watermark, unnest($4::text[])::jsonb as state
), changed as (
  select i.*
  from input i
  left join lateral (select * from metadata_watermarks w
                     where w.repo_id = i.repo_id and w.kind = i.kind offset 0) stored on true
  where stored.repo_id is null
     or (i.watermark, i.state) is distinct from (stored.watermark, stored.state)
)
insert into metadata_watermarks as w (repo_id, kind, watermark, state)
select repo_id, kind, watermark, state
from changed
order by repo_id, kind
on conflict (repo_id, kind) do update set watermark = excluded.watermark, state = excluded.state
where (w.watermark, w.state) is distinct from (excluded.watermark, excluded.state))";

void write_watermarks(pqxx::work& work, const std::vector<metadata_watermark>& watermarks) {
  std::map<std::tuple<repo_id, std::string>, const metadata_watermark*> newest;
  for (const auto& x : watermarks)
    newest[{x.repo_id, x.kind}] = &x;
  using element = array_encoder::element;
  auto bytes = newest.size() * 16;
  array_encoder ids{element::text, bytes};
  array_encoder kinds{element::text, bytes};
  array_encoder times{element::timestamptz, bytes};
  array_encoder states{element::text, bytes};
  for (const auto& [key, x] : newest) {
    ids.add(std::string_view{std::to_string(x->repo_id)});
    kinds.add(std::string_view{x->kind});
    times.add(x->watermark);
    states.add(std::string_view{x->state});
  }
  work.exec_params0(upsert_watermarks, ids.encoded(), kinds.encoded(), times.encoded(),
                    states.encoded());
}

repo_id id_from(const std::string& text) {
  repo_id result = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), result);
  if (error != std::errc{} || end != text.data() + text.size())
    throw store_error("'" + text + "' is no id of a repository");
  return result;
}

} // namespace

bool has_metadata(const batch& findings) {
  return !findings.metadata.empty() || !findings.lists.empty() || !findings.watermarks.empty();
}

void write_metadata(pqxx::work& work, const batch& findings, batch_receipt& receipt) {
  for (const auto& x : findings.metadata)
    kind_named(x.kind);
  for (const auto& x : findings.lists)
    if (!kind_named(x.kind).can_go)
      throw store_error("what is in " + x.kind + " never goes");
  for (const auto* of : metadata::all_kinds())
    mark_unseen(work, *of, findings, receipt);
  for (const auto* of : metadata::all_kinds()) {
    std::vector<metadata_row> rows;
    for (const auto& x : findings.metadata)
      if (x.kind == of->name)
        rows.insert(rows.end(), x.rows.begin(), x.rows.end());
    if (!rows.empty())
      write_rows(work, *of, rows, findings.observed_at, receipt);
  }
  if (!findings.watermarks.empty())
    write_watermarks(work, findings.watermarks);
}

// As with repositories (postgres_store.cpp) rows that equal what is stored stop at `changed`,
// because ON CONFLICT would lock them, and LATERAL with LIMIT keeps the planner at one index lookup
// per row. It is asked for in the order of the primary key: to a planner that knows of one row per
// repository another index costs the same, and would read all rows of a large repository for each.
std::string upsert_statement(const kind& of) {
  auto unique = unique_columns(of);
  names all;
  names compared;
  std::string input;
  std::string assigned;
  for (const auto& x : of.columns) {
    std::string name{x.name};
    all.push_back(name);
    input += (input.empty() ? "" : ", ") + unnested(of, name, all.size());
    if (std::find(unique.begin(), unique.end(), name) != unique.end())
      continue;
    assigned += name + " = " +
                (x.sticky ? "case when r.gone_at is null then r." + name + " else excluded." +
                                name + " end, "
                          : "excluded." + name + ", ");
    if (!x.sticky)
      compared.push_back(name);
  }
  auto differ = [&](const std::string& a, const std::string& b) {
    auto result = "(" + joined(compared, a) + ") is distinct from (" + joined(compared, b) + ')';
    return of.can_go ? result + " or " + (b == "stored." ? b : a) + "gone_at is not null" : result;
  };
  auto before_last = unique;
  before_last.pop_back();
  const auto& last = unique.back();
  auto table = std::string{of.name};
  auto observed = "to_timestamp($" + std::to_string(all.size() + 1) + "::bigint)";
  return "with input as (select " + input +
         "), changed as (select i.*, stored.repo_id is null as "
         "missing from input i left join lateral (select * from " +
         table + " r where " + equal(before_last, "r.", "i.") + " and r." + last + " between i." +
         last + " and i." + last + " order by r." + last +
         " limit 1) stored on true where stored.repo_id is null or " + differ("i.", "stored.") +
         "), written as (insert into " + table + " as r (" + joined(all) + ", crawled_at) select " +
         joined(all) + ", " + observed + " from changed order by " + joined(unique) +
         " on conflict (" + joined(unique) + ") do update set " + assigned +
         "crawled_at = excluded.crawled_at" + (of.can_go ? ", gone_at = null" : "") + " where " +
         differ("r.", "excluded.") +
         " returning 1) select (select count(*) from changed where missing), "
         "(select count(*) from written) - (select count(*) from changed where missing)";
}

const kind& kind_named(const std::string& name) {
  const auto* found = metadata::find_kind(name);
  if (found == nullptr)
    throw store_error("there is no kind of metadata '" + name + '\'');
  return *found;
}

repo_id repository_of(const kind& of, const metadata_row& row) {
  auto index = metadata::column_index(of, "repo_id").value();
  if (index >= row.values.size() || !row.values[index])
    throw store_error("a row of " + std::string{of.name} + " has no repo_id");
  return id_from(*row.values[index]);
}

repo_id repository_of(const metadata_list& list) {
  for (std::size_t i = 0; i < list.link.size() && i < list.parent.size(); ++i)
    if (list.link[i] == "repo_id")
      return id_from(list.parent[i]);
  throw store_error("a list of " + list.kind + " names no repository");
}

} // namespace gitstar::db
