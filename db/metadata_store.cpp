#include "db/metadata_store.hpp"

#include "db/connection.hpp"
#include "db/metadata_rows.hpp"
#include "db/rows.hpp"

#include <algorithm>

namespace gitstar::db {

namespace {

using metadata::kind;

pqxx::binarystring encoded(const std::vector<repo_id>& ids) {
  array_encoder array{array_encoder::element::bigint, ids.size() * 12};
  for (auto id : ids)
    array.add(id);
  return array.encoded();
}

pqxx::binarystring encoded(const std::vector<std::string>& texts) {
  array_encoder array{array_encoder::element::text, texts.size() * 24};
  for (const auto& x : texts)
    array.add(std::string_view{x});
  return array.encoded();
}

std::string type_of(const kind& of, std::string_view name) {
  auto index = metadata::column_index(of, name);
  if (!index)
    throw store_error(std::string{of.name} + " has no column " + std::string{name});
  return std::string{to_string(of.columns[*index].type)};
}

std::string order_of(const kind& of) {
  std::string result = "r.repo_id";
  for (auto name : of.key)
    if (name != "repo_id")
      result += ", r." + std::string{name};
  return result;
}

std::string is_there(const kind& of) { return of.can_go ? " and r.gone_at is null" : ""; }

metadata_rows rows_from(const kind& of, const pqxx::result& found) {
  metadata_rows result{std::string{of.name}, {}};
  for (const auto& row : found)
    result.rows.push_back(metadata_row_from(of, row));
  return result;
}

/// From `(select ...) i`, whose columns are named as the kind's.
std::string unnested(const kind& of, const std::string& name, std::size_t n) {
  return "unnest($" + std::to_string(n) + "::text[])::" + type_of(of, name) + " as " + name;
}

} // namespace

class metadata_store::implementation {
public:
  explicit implementation(const std::string& connection_string) : database_(connection_string) {}

  std::vector<metadata_watermark> watermarks(const std::vector<repo_id>& repositories,
                                             const std::vector<std::string>& kinds) {
    return database_.transaction([&](pqxx::work& work) {
      std::vector<metadata_watermark> result;
      for (const auto& row :
           work.exec_params("select repo_id, kind, extract(epoch from watermark)::bigint, state "
                            "from metadata_watermarks where repo_id = any ($1::bigint[]) and "
                            "kind = any ($2::text[]) order by repo_id, kind",
                            encoded(repositories), encoded(kinds))) {
        metadata_watermark x;
        x.repo_id = row[0].as<int64_t>();
        x.kind = row[1].as<std::string>();
        if (!row[2].is_null())
          x.watermark = time_from(row[2]);
        x.state = row[3].as<std::string>();
        result.push_back(std::move(x));
      }
      return result;
    });
  }

  std::vector<repo_id> repositories(const std::string& condition, repo_id after, uint32_t limit) {
    return database_.transaction([&](pqxx::work& work) {
      // The operator's own words: they must not write.
      work.exec0("set transaction read only");
      std::vector<repo_id> result;
      for (const auto& row : work.exec_params(
               "select repo_id from repositories where repo_id > $1 and "
               "gone_at is null and (" +
                   (condition.empty() ? "true" : condition) + "\n) order by repo_id limit $2",
               after, limit))
        result.push_back(row[0].as<int64_t>());
      return result;
    });
  }

  metadata_rows stored(const kind& of, const std::vector<std::string>& link,
                       const std::vector<metadata_row>& parents) {
    std::vector<pqxx::binarystring> parameters;
    std::string columns;
    std::string same;
    for (std::size_t i = 0; i < link.size(); ++i) {
      parameters.push_back(column_values(parents, i));
      columns += (i == 0 ? "" : ", ") + unnested(of, link[i], i + 1);
      same += (i == 0 ? "r." : " and r.") + link[i] + " = p." + link[i];
    }
    return select(of,
                  "(select " + columns + ") p cross join lateral (select * from " +
                      std::string{of.name} + " r where " + same + is_there(of) + " offset 0) r",
                  parameters);
  }

  metadata_rows open(const kind& of, const std::vector<repo_id>& repositories) {
    return select(of,
                  "unnest($1::bigint[]) p(id) cross join lateral (select * from " +
                      std::string{of.name} + " r where r.repo_id = p.id and r.state = '" +
                      std::string{of.open_state} + '\'' + is_there(of) + " offset 0) r",
                  {encoded(repositories)});
  }

  metadata_rows changed(const kind& of, const metadata_rows& found) {
    std::vector<pqxx::binarystring> parameters;
    std::string columns;
    std::string same = "r.repo_id = i.repo_id";
    std::string found_values;
    std::string stored_values;
    for (const auto& x : of.columns) {
      std::string name{x.name};
      parameters.push_back(column_values(found.rows, parameters.size()));
      columns += (columns.empty() ? "" : ", ") + unnested(of, name, parameters.size());
      if (name != "repo_id" && std::find(of.key.begin(), of.key.end(), name) != of.key.end())
        same += " and r." + name + " = i." + name;
      if (x.sticky)
        continue;
      found_values += (found_values.empty() ? "i." : ", i.") + name;
      stored_values += (stored_values.empty() ? "r." : ", r.") + name;
    }
    auto sql =
        "select i.place from (select " + columns +
        ", generate_subscripts($1::text[], 1) as place) i left join lateral (select * from " +
        std::string{of.name} + " r where " + same + is_there(of) +
        " offset 0) r on true where r.repo_id is null or (" + found_values +
        ") is distinct from (" + stored_values + ") order by i.place";
    return database_.transaction([&](pqxx::work& work) {
      metadata_rows result{found.kind, {}};
      for (const auto& row : work.exec_params(sql, pqxx::prepare::make_dynamic_params(parameters)))
        result.rows.push_back(found.rows.at(row[0].as<std::size_t>() - 1));
      return result;
    });
  }

private:
  metadata_rows select(const kind& of, const std::string& from,
                       const std::vector<pqxx::binarystring>& parameters) {
    return database_.transaction([&](pqxx::work& work) {
      return rows_from(of, work.exec_params("select " + column_texts(of) + " from " + from +
                                                " order by " + order_of(of),
                                            pqxx::prepare::make_dynamic_params(parameters)));
    });
  }

  connection database_;
};

metadata_store::metadata_store(const std::string& connection_string)
    : impl_(std::make_unique<implementation>(connection_string)) {}

metadata_store::~metadata_store() = default;

std::vector<metadata_watermark> metadata_store::watermarks(const std::vector<repo_id>& repositories,
                                                           const std::vector<std::string>& kinds) {
  return impl_->watermarks(repositories, kinds);
}

std::vector<repo_id> metadata_store::repositories(const std::string& condition, repo_id after,
                                                  uint32_t limit) {
  return impl_->repositories(condition, after, limit);
}

metadata_rows metadata_store::stored(const std::string& kind, const std::vector<std::string>& link,
                                     const std::vector<metadata_row>& parents) {
  return impl_->stored(kind_named(kind), link, parents);
}

metadata_rows metadata_store::open(const std::string& kind,
                                   const std::vector<repo_id>& repositories) {
  auto& of = kind_named(kind);
  if (of.open_state.empty())
    throw store_error("what is in " + kind + " is neither open nor closed");
  return impl_->open(of, repositories);
}

metadata_rows metadata_store::changed(const metadata_rows& found) {
  return impl_->changed(kind_named(found.kind), found);
}

} // namespace gitstar::db
