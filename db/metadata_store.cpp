#include "db/metadata_store.hpp"

#include "db/array_encoder.hpp"
#include "db/connection.hpp"
#include "db/rows.hpp"

namespace gitstar::db {

namespace {

pqxx::binarystring encoded(const std::vector<std::string>& texts) {
  array_encoder array{array_encoder::element::text, texts.size() * 24};
  for (const auto& x : texts)
    array.add(std::string_view{x});
  return array.encoded();
}

} // namespace

class metadata_store::implementation {
public:
  explicit implementation(const std::string& connection_string)
      : database_(connection_string, frozen_after) {}

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

private:
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

} // namespace gitstar::db
