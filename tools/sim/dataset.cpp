#include "tools/sim/dataset.hpp"

#include <algorithm>
#include <numeric>
#include <stdexcept>

namespace gitstar::sim {

namespace {

struct known_license {
  const char* key;
  const char* name;
  const char* spdx_id;
};

constexpr known_license known_licenses[] = {
    {"mit", "MIT License", "MIT"},
    {"apache-2.0", "Apache License 2.0", "Apache-2.0"},
    {"gpl-3.0", "GNU General Public License v3.0", "GPL-3.0"},
    {"gpl-2.0", "GNU General Public License v2.0", "GPL-2.0"},
    {"agpl-3.0", "GNU Affero General Public License v3.0", "AGPL-3.0"},
    {"lgpl-3.0", "GNU Lesser General Public License v3.0", "LGPL-3.0"},
    {"bsd-3-clause", "BSD 3-Clause \"New\" or \"Revised\" License", "BSD-3-Clause"},
    {"bsd-2-clause", "BSD 2-Clause \"Simplified\" License", "BSD-2-Clause"},
    {"mpl-2.0", "Mozilla Public License 2.0", "MPL-2.0"},
    {"unlicense", "The Unlicense", "Unlicense"},
    {"isc", "ISC License", "ISC"},
    {"cc0-1.0", "Creative Commons Zero v1.0 Universal", "CC0-1.0"},
    {"wtfpl", "Do What The F*ck You Want To Public License", "WTFPL"},
    {"other", "Other", "NOASSERTION"},
};

/// Owner ids are evenly spaced, so that an id leads back to its owner.
constexpr int64_t first_owner_id = 1'000;
constexpr int64_t owner_id_step = 97;

license describe_license(std::string_view key) {
  for (const auto& known : known_licenses)
    if (key == known.key)
      return {known.key, known.name, known.spdx_id};
  return {std::string{key}, std::string{key}, ""};
}

/// Owners number about as many as repositories; three in ten are organisations.
bool looks_like_organization(std::string_view login) { return hash_text(login) % 10 < 3; }

} // namespace

void dataset::reserve(size_t rows) {
  rows_.reserve(rows);
  text_.reserve(rows * 110);
  by_name_.reserve(rows);
}

void dataset::add(const repository_input& input) {
  auto repo = input.values;
  repo.owner = owner_number(input.owner);
  repo.language = language_number(input.language);
  repo.license = license_number(input.license);
  repo.text = text_.size();
  append_json_escaped(text_, input.owner);
  text_ += '/';
  append_json_escaped(text_, input.name);
  repo.full_name_size = static_cast<uint16_t>(text_.size() - repo.text);
  if (input.description != nullptr) {
    auto begin = text_.size();
    append_json_escaped(text_, *input.description);
    repo.description_size = static_cast<uint16_t>(text_.size() - begin);
  }
  by_name_.emplace(hash_text(lower_case(full_name(repo))), size());
  rows_.push_back(repo);
}

void dataset::add_former_name(std::string_view full_name, row_index row) {
  former_names_.insert_or_assign(lower_case(full_name), row);
}

void dataset::finish() {
  stars_.reserve(rows_.size());
  flags_.reserve(rows_.size());
  for (const auto& repo : rows_) {
    stars_.push_back(repo.stars);
    flags_.push_back(repo.flags);
  }
  by_id_.resize(rows_.size());
  std::iota(by_id_.begin(), by_id_.end(), row_index{0});
  std::sort(by_id_.begin(), by_id_.end(),
            [this](auto a, auto b) { return rows_[a].id < rows_[b].id; });
}

std::string_view dataset::owner_login(const repository& repo) const {
  auto text = full_name(repo);
  return text.substr(0, text.find('/'));
}

std::string_view dataset::name(const repository& repo) const {
  auto text = full_name(repo);
  return text.substr(text.find('/') + 1);
}

row_index dataset::find_id(int64_t id) const {
  auto at = std::lower_bound(by_id_.begin(), by_id_.end(), id,
                             [this](auto row, auto wanted) { return rows_[row].id < wanted; });
  if (at == by_id_.end() || rows_[*at].id != id || (rows_[*at].flags & is_deleted) != 0)
    return no_row;
  return *at;
}

row_index dataset::find_name(std::string_view full_name) const {
  auto wanted = lower_case(full_name);
  auto [begin, end] = by_name_.equal_range(hash_text(wanted));
  for (auto i = begin; i != end; ++i) {
    const auto& repo = rows_[i->second];
    if ((repo.flags & is_deleted) == 0 && lower_case(this->full_name(repo)) == wanted)
      return i->second;
  }
  return no_row;
}

row_index dataset::find_former_name(std::string_view full_name) const {
  auto found = former_names_.find(lower_case(full_name));
  if (found == former_names_.end() || (rows_[found->second].flags & is_deleted) != 0)
    return no_row;
  return found->second;
}

std::optional<uint32_t> dataset::find_owner(std::string_view login) const {
  auto found = owner_numbers_.find(lower_case(login));
  if (found == owner_numbers_.end())
    return std::nullopt;
  return found->second;
}

const repository_owner* dataset::find_owner_id(int64_t id) const {
  auto number = (id - first_owner_id) / owner_id_step;
  auto known = id >= first_owner_id && (id - first_owner_id) % owner_id_step == 0 &&
               number < static_cast<int64_t>(owners_.size());
  return known ? &owners_[static_cast<size_t>(number)] : nullptr;
}

row_index dataset::first_created(unix_seconds time) const {
  auto at = std::lower_bound(rows_.begin(), rows_.end(), time, [](const auto& repo, auto wanted) {
    return repo.created_at < wanted;
  });
  return static_cast<row_index>(at - rows_.begin());
}

void dataset::set_stars(row_index row, int32_t stars) {
  rows_[row].stars = stars;
  stars_[row] = stars;
}

void dataset::remove(row_index row) {
  rows_[row].flags |= is_deleted;
  flags_[row] |= is_deleted;
}

void dataset::rename(row_index row, std::string_view name) {
  move(row, std::string{owner_login(rows_[row])}, name);
}

void dataset::transfer(row_index row, std::string_view owner) {
  rows_[row].owner = owner_number(owner);
  std::string plain;
  append_json_unescaped(plain, name(rows_[row]));
  move(row, owners_[rows_[row].owner].login, plain);
}

void dataset::move(row_index row, std::string_view owner, std::string_view name) {
  auto& repo = rows_[row];
  add_former_name(full_name(repo), row);
  auto about = std::string{description(repo)};
  repo.text = text_.size();
  append_json_escaped(text_, owner);
  text_ += '/';
  append_json_escaped(text_, name);
  repo.full_name_size = static_cast<uint16_t>(text_.size() - repo.text);
  text_ += about;
  by_name_.emplace(hash_text(lower_case(full_name(repo))), row);
}

row_index dataset::create(const repository_input& input) {
  add(input);
  auto row = size() - 1;
  stars_.push_back(rows_[row].stars);
  flags_.push_back(rows_[row].flags);
  by_id_.push_back(row);
  return row;
}

uint32_t dataset::owner_number(std::string_view login) {
  auto [at, added] =
      owner_numbers_.try_emplace(lower_case(login), static_cast<uint32_t>(owners_.size()));
  if (added)
    owners_.push_back({std::string{login},
                       first_owner_id + static_cast<int64_t>(owners_.size()) * owner_id_step,
                       looks_like_organization(login)});
  return at->second;
}

uint16_t dataset::language_number(std::string_view name) {
  if (name.empty())
    return 0;
  auto [at, added] =
      language_numbers_.try_emplace(std::string{name}, static_cast<uint16_t>(languages_.size()));
  if (added)
    languages_.emplace_back(name);
  return at->second;
}

uint8_t dataset::license_number(std::string_view key) {
  if (key.empty())
    return 0;
  auto found = license_numbers_.find(std::string{key});
  if (found != license_numbers_.end())
    return found->second;
  if (licenses_.size() > 255)
    throw std::length_error("more than 255 different licences");
  auto number = static_cast<uint8_t>(licenses_.size());
  license_numbers_.emplace(key, number);
  licenses_.push_back(describe_license(key));
  return number;
}

} // namespace gitstar::sim
