// What tests ask about metadata, and how they move them: `/_sim/metadata*`.
#include "tools/sim/github.hpp"
#include "tools/sim/metadata_csv.hpp"

namespace gitstar::sim {

namespace {

constexpr size_t repositories_per_part = 100;

/// A parameter that is a number of at least `least`; `otherwise` where it is absent.
int64_t number_parameter(std::string_view parameters, std::string_view name, int64_t otherwise,
                         int64_t least = 1) {
  auto text = url_parameter(parameters, name);
  if (!text)
    return otherwise;
  auto number = parse_number(*text);
  if (!number || *number < least)
    throw std::invalid_argument("'" + std::string{name} + "' must be a number from " +
                                std::to_string(least));
  return *number;
}

double share_parameter(std::string_view parameters, double otherwise) {
  auto text = url_parameter(parameters, "share");
  if (!text)
    return otherwise;
  char* end = nullptr;
  auto share = std::strtod(text->c_str(), &end);
  if (text->empty() || *end != '\0' || !(share > 0 && share <= 1))
    throw std::invalid_argument("'share' must be above 0 and at most 1");
  return share;
}

http_answer moved_answer(item_time time) {
  http_answer out;
  out.body = "{\"time\":";
  append_json_time(out.body, time);
  out.body += "}\n";
  return out;
}

} // namespace

http_answer github::answer_metadata(std::string_view path, std::string_view parameters) {
  if (!metadata_.enabled())
    return plain_answer(400, "gitstar-sim was started without --metadata\n");
  try {
    if (path == "/_sim/metadata.csv")
      return answer_metadata_table(parameters);
    if (path == "/_sim/metadata/mutate")
      return answer_metadata_rounds(parameters);
    if (path == "/_sim/metadata/add")
      return answer_metadata_addition(parameters);
  } catch (const std::invalid_argument& error) {
    return plain_answer(400, std::string{error.what()} + "\n");
  }
  return plain_answer(404, "no such page of the simulator\n");
}

http_answer github::answer_metadata_table(std::string_view parameters) {
  auto kind = url_parameter(parameters, "kind").value_or("");
  auto header = metadata_header(kind);
  if (!header)
    throw std::invalid_argument("there is no kind '" + kind + "'");
  auto repo_id = number_parameter(parameters, "repo_id", 0);
  auto row = repo_id == 0 ? no_row : data_.find_id(repo_id);
  if (repo_id != 0 && row == no_row)
    throw std::invalid_argument("there is no repository " + std::to_string(repo_id));
  http_answer out;
  out.content_type = "text/csv; charset=utf-8";
  out.body = std::string{*header} + "\r\n";
  auto append = [this, kind](row_index which, std::string& part) {
    auto found = (data_.flags()[which] & is_deleted) != 0 ? nullptr : metadata_.find(data_[which]);
    if (found != nullptr)
      append_metadata_rows(part, kind, *found, metadata_.who());
  };
  if (repo_id != 0) {
    append(row, out.body);
    return out;
  }
  out.more = [this, append, done = size_t{0}](std::string& part) mutable {
    auto end = std::min(data_.by_id().size(), done + repositories_per_part);
    for (; done < end; ++done) {
      metadata_.trim();
      append(data_.by_id()[done], part);
    }
    return done < data_.by_id().size();
  };
  return out;
}

http_answer github::answer_metadata_rounds(std::string_view parameters) {
  auto rounds = number_parameter(parameters, "rounds", 1);
  auto seed = static_cast<uint64_t>(number_parameter(parameters, "seed", 1, 0));
  auto repo_id = number_parameter(parameters, "repo_id", 0);
  if (repo_id != 0 && data_.find_id(repo_id) == no_row)
    throw std::invalid_argument("there is no repository " + std::to_string(repo_id));
  auto share = share_parameter(parameters, repo_id == 0 ? 0.25 : 1);
  auto seconds = number_parameter(parameters, "seconds", 1, 0);
  item_time time = 0;
  for (int64_t i = 0; i < rounds; ++i)
    time = metadata_.move(seed, share, repo_id, server_time(now()), seconds);
  return moved_answer(time);
}

http_answer github::answer_metadata_addition(std::string_view parameters) {
  using kind = metadata_event::kind;
  constexpr std::pair<std::string_view, kind> additions[] = {
      {"comments", kind::comments},
      {"reviews", kind::reviews},
      {"commits", kind::commits},
      {"check_runs", kind::check_runs},
  };
  metadata_event event;
  event.repo_id = number_parameter(parameters, "repo_id", 0);
  event.number = static_cast<int32_t>(number_parameter(parameters, "number", 0));
  item_time time = 0;
  for (const auto& [name, what] : additions) {
    event.what = what;
    event.count = static_cast<int32_t>(number_parameter(parameters, name, 0));
    if (event.count > 0)
      time = metadata_.add(event, server_time(now()));
  }
  if (time == 0)
    throw std::invalid_argument("nothing to add: comments, reviews, commits or check_runs");
  return moved_answer(time);
}

} // namespace gitstar::sim
