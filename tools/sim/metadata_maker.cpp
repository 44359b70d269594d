#include "tools/sim/metadata_maker.hpp"

#include "tools/sim/metadata_text.hpp"

#include <algorithm>

namespace gitstar::sim {

namespace {

constexpr person first_special = 0x80000000;

struct special_person {
  repository_owner owner;
  std::string_view type;
};

const std::array<special_person, 6>& special_people() {
  static const std::array<special_person, 6> all{{
      {{"dependabot", 49'699'333, false}, "Bot"},
      {{"github-actions", 41'898'282, false}, "Bot"},
      {{"renovate", 29'139'614, false}, "Bot"},
      {{"imported-from-elsewhere", 70'000'001, false}, "Mannequin"},
      {{"ada_enterprise", 80'000'001, false}, "EnterpriseUserAccount"},
      {{"ada_corp", 80'000'002, false}, "EnterpriseUserAccount"},
  }};
  return all;
}

constexpr int64_t wide_stride = int64_t{1} << 20;
constexpr int64_t narrow_end = int64_t{1} << 31; ///< of GraphQL's Int

struct id_layout {
  int64_t first;
  bool narrow;
};

id_layout layout_of(id_space space) {
  switch (space) {
  case id_space::issue:
    return {2'100'000'000, false};
  case id_space::pull_request:
    return {2'140'000'000, false};
  case id_space::issue_comment:
    return {4'870'000'000, false};
  case id_space::review:
    return {3'200'000'000, false};
  case id_space::review_comment:
    return {2'300'000'000, false};
  case id_space::check_run:
    return {40'000'000'000, false};
  case id_space::release:
  case id_space::discussion:
    break;
  }
  return {0, true};
}

/// About `mean`; of a thousand, `long_per_mille` are longer than a page of 100.
int32_t list_size(dice& random, uint64_t mean, uint64_t long_per_mille, int32_t longest) {
  if (random.chance(long_per_mille))
    return 101 + static_cast<int32_t>(random.below(static_cast<uint64_t>(longest) - 100));
  return random.few(mean);
}

/// Many things happen in the same second: a bot goes through old issues, an import ends.
constexpr item_time bulk_step = 86'400 * 90;

} // namespace

size_t repository_metadata::footprint() const {
  size_t out = sizeof(*this) + issues.size() * sizeof(issue_item) +
               pull_requests.size() * sizeof(pull_request_item) +
               releases.size() * sizeof(release_item) +
               discussions.size() * sizeof(discussion_item);
  auto thread = [&](const thread_item& x) {
    out += x.comments.size() * sizeof(comment_item) + x.labels.size() * sizeof(uint16_t) +
           x.assignees.size() * sizeof(person);
  };
  for (const auto& x : issues)
    thread(x);
  for (const auto& x : pull_requests) {
    thread(x);
    out += x.reviews.size() * sizeof(review_item) +
           (x.commits.size() + x.dropped.size()) * sizeof(commit_item) +
           x.checks.size() * sizeof(check_item);
    for (const auto& review : x.reviews)
      out += review.comments.size() * sizeof(review_comment_item);
  }
  return out;
}

person people::anybody(uint64_t random) const {
  auto what = random % 100;
  random /= 100;
  if (what < 4)
    return 0;
  if (what < 12)
    return first_special + static_cast<person>(random % special_people().size());
  return owners_ == 0 ? 0 : static_cast<person>(1 + random % owners_);
}

person people::user(uint64_t random) const {
  for (auto tries = 0; tries < 16 && owners_ > 0; ++tries, random = mix(random)) {
    auto number = random % owners_;
    if (!data_.owners()[number].is_organization)
      return static_cast<person>(1 + number);
  }
  return 0;
}

people::actor people::describe(person who) const {
  if (who == 0)
    return {};
  if (who >= first_special) {
    const auto& special = special_people()[who - first_special];
    return {&special.owner, special.type};
  }
  const auto& owner = data_.owners()[who - 1];
  return {&owner, owner.is_organization ? "Organization" : "User"};
}

int32_t dice::few(uint64_t mean) {
  int32_t out = 0;
  while (out < 60 && below(mean + 1) != 0)
    ++out;
  return out;
}

item_time dice::between(item_time from, item_time until) {
  return until <= from ? from : from + static_cast<item_time>(below(until - from + 1));
}

int64_t ids_per_place(const metadata_terms& terms, id_space space) {
  if (!layout_of(space).narrow)
    return wide_stride;
  return std::clamp<int64_t>((narrow_end - 1) / static_cast<int64_t>(terms.places), 1'000, 65'536);
}

int64_t item_id(const metadata_terms& terms, id_space space, uint64_t place, int32_t nth) {
  return layout_of(space).first + static_cast<int64_t>(place) * ids_per_place(terms, space) + nth;
}

std::optional<uint64_t> place_of_item(const metadata_terms& terms, id_space space, int64_t id) {
  auto offset = id - 1 - layout_of(space).first;
  auto place = static_cast<uint64_t>(offset / ids_per_place(terms, space));
  return offset < 0 || place >= terms.places ? std::nullopt : std::optional{place};
}

bool item_maker::has_room(id_space space) const {
  return into_.used_ids[static_cast<size_t>(space)] + 1 < ids_per_place(terms_, space);
}

uint64_t item_maker::text() {
  return mix(mix(terms_.seed, static_cast<uint64_t>(into_.repo_id)), ++into_.used_texts);
}

void item_maker::start(written_item& out, id_space space, item_time created) {
  out.id = item_id(terms_, space, into_.place, ++into_.used_ids[static_cast<size_t>(space)]);
  out.text = random.chance(60) ? 0 : text();
  out.created_at = created;
  out.updated_at = created;
  out.author = somebody();
  out.association = random.one_of(author_associations);
}

void item_maker::start(thread_item& out, id_space space, item_time created, item_time until) {
  start(out, space, created);
  out.title = text();
  // Numbers of what was deleted stay unused.
  out.number = into_.last_number += random.chance(20) ? 2 : 1;
  out.reactions = random.chance(700) ? 0 : random.few(4);
  out.milestone =
      random.chance(850) ? uint8_t{0} : static_cast<uint8_t>(1 + random.below(milestone_count));
  out.is_locked = random.chance(30);
  out.labels = labels();
  out.assignees = assignees();
  auto comments = list_size(random, 2, 8, 320);
  for (auto i = 0; i < comments; ++i)
    out.comments.push_back(
        comment(out.comments.empty() ? created : out.comments.back().created_at, until));
  out.updated_at = random.chance(400) ? created : random.between(created, until);
  // All that was old enough then was touched at once.
  auto bulk = until / bulk_step * bulk_step;
  if (bulk > out.updated_at && random.chance(150))
    out.updated_at = bulk;
  for (const auto& one : out.comments)
    out.updated_at = std::max(out.updated_at, one.updated_at);
}

std::vector<uint16_t> item_maker::labels() {
  std::vector<uint16_t> out;
  // GitHub allows 100 of them.
  auto wanted = random.chance(4) ? 100 : random.chance(500) ? 0 : random.few(2);
  auto number = random.below(label_count);
  for (auto i = 0; i < wanted; ++i)
    out.push_back(static_cast<uint16_t>((number + static_cast<uint64_t>(i)) % label_count));
  return out;
}

std::vector<person> item_maker::assignees() {
  std::vector<person> out;
  auto wanted = random.chance(650) ? 0 : random.chance(30) ? 10 : 1 + random.few(1);
  for (auto i = 0; i < wanted; ++i) {
    auto who = user();
    if (who != 0 && std::find(out.begin(), out.end(), who) == out.end())
      out.push_back(who);
  }
  return out;
}

issue_item item_maker::issue(item_time created, item_time until) {
  issue_item out;
  start(out, id_space::issue, created, until);
  if (until > created && random.chance(600)) {
    out.state = state_closed;
    out.closed_at = random.between(created, out.updated_at);
    out.reason = random.chance(150) ? no_value : static_cast<uint8_t>(random.below(3));
  } else if (random.chance(50)) {
    out.reason = reason_reopened;
  }
  return out;
}

pull_request_item item_maker::pull_request(item_time created, item_time until) {
  pull_request_item out;
  start(out, id_space::pull_request, created, until);
  out.is_draft = random.chance(100);
  out.decision = random.chance(400) ? no_value : random.one_of(review_decisions);
  out.base_ref = static_cast<uint8_t>(random.below(base_branch_count));
  out.head_ref = text();
  out.additions = random.few(40);
  out.deletions = random.few(20);
  out.changed_files = 1 + random.few(3);
  auto commits = std::max(1, list_size(random, 2, 10, 250));
  for (auto i = 0; i < commits; ++i)
    out.commits.push_back(commit(created > bulk_step ? created - 86'400 : created, created));
  auto reviews = list_size(random, 1, 5, 160);
  for (auto i = 0; i < reviews; ++i) {
    auto after = out.reviews.empty() ? created : out.reviews.back().created_at;
    out.reviews.push_back(review(out, after, until, list_size(random, 1, 8, 130)));
    out.updated_at = std::max(out.updated_at, out.reviews.back().updated_at);
    for (const auto& one : out.reviews.back().comments)
      out.updated_at = std::max(out.updated_at, one.updated_at);
  }
  out.checks = checks(created, until);
  auto fate = until > created ? random.below(10) : 0;
  if (fate >= 6)
    merge(out, random.between(created, out.updated_at));
  else if (fate >= 4)
    out.state = state_closed;
  if (fate >= 4 && out.closed_at == 0)
    out.closed_at = random.between(created, out.updated_at);
  return out;
}

void item_maker::merge(pull_request_item& what, item_time when) {
  what.state = state_merged;
  what.closed_at = when;
  what.merged_at = when;
  what.merged_by = somebody();
  what.merge = random.chance(20) ? commit_item{} : commit(when, when);
}

comment_item item_maker::comment(item_time from, item_time until) {
  comment_item out;
  // Talks are quick: most of what follows does so within days.
  auto soon = std::min<uint64_t>(until, uint64_t{from} + 86'400 * 3);
  start(out, id_space::issue_comment, random.between(from, static_cast<item_time>(soon)));
  if (random.chance(100))
    out.updated_at = random.between(out.created_at, until);
  return out;
}

review_item item_maker::review(const pull_request_item& in, item_time from, item_time until,
                               int32_t comments) {
  review_item out;
  auto soon = std::min<uint64_t>(until, uint64_t{from} + 86'400 * 5);
  start(out, id_space::review, random.between(from, static_cast<item_time>(soon)));
  if (random.chance(500))
    out.text = 0;
  out.state = random.one_of(review_states);
  out.submitted_at = out.state == review_pending ? 0 : random.between(out.created_at, until);
  out.updated_at = std::max(out.created_at, out.submitted_at);
  out.commit = random.chance(30) ? 0 : in.commits[random.below(in.commits.size())].seed;
  for (auto i = 0; i < comments; ++i)
    out.comments.push_back(review_comment(out, out.created_at, until));
  return out;
}

review_comment_item item_maker::review_comment(const review_item& in, item_time from,
                                               item_time until) {
  review_comment_item out;
  start(out, id_space::review_comment, from);
  out.updated_at = random.chance(900) ? from : random.between(from, until);
  out.path = text();
  out.line = random.chance(150) ? 0 : 1 + static_cast<int32_t>(random.below(2'000));
  out.commit = in.commit;
  if (!in.comments.empty() && random.chance(300))
    out.reply_to = in.comments.front().id;
  return out;
}

commit_item item_maker::commit(item_time from, item_time until) {
  commit_item out;
  out.seed = text();
  out.committed_at = random.between(from, until);
  out.authored_at = random.chance(800) ? out.committed_at : random.between(from, out.committed_at);
  out.author = random.chance(100) ? 0 : user();
  out.additions = random.few(30);
  out.deletions = random.few(15);
  out.changed_files = random.chance(30) ? -1 : 1 + random.few(2);
  out.parents = static_cast<uint8_t>(random.chance(20) ? 0 : random.chance(60) ? 2 : 1);
  return out;
}

std::vector<check_item> item_maker::checks(item_time from, item_time until) {
  std::vector<check_item> out;
  if (random.chance(300))
    return out;
  auto wanted = list_size(random, 4, 10, 230);
  for (auto i = 0; i < wanted; ++i)
    out.push_back(random.chance(250) ? status_context(from, until) : check_run(from, until));
  return out;
}

check_item item_maker::check_run(item_time from, item_time until) {
  check_item out;
  auto& used = into_.used_ids[static_cast<size_t>(id_space::check_run)];
  out.id = item_id(terms_, id_space::check_run, into_.place, ++used);
  out.name = text();
  out.app = static_cast<uint8_t>(random.below(app_count + 1u));
  out.has_url = !random.chance(50);
  out.status = random.one_of(check_statuses);
  if (out.status == check_in_progress || random.chance(600))
    out.started_at = random.between(from, until);
  if (out.status == check_completed || random.chance(500))
    finish(out, random.between(std::max(from, out.started_at), until));
  return out;
}

void item_maker::finish(check_item& run, item_time when) {
  run.status = check_completed;
  run.started_at = run.started_at == 0 ? when : run.started_at;
  run.completed_at = when;
  run.conclusion = random.one_of(check_conclusions);
}

check_item item_maker::status_context(item_time from, item_time until) {
  check_item out;
  out.name = text();
  out.has_url = !random.chance(100);
  out.conclusion = random.one_of(context_states);
  out.started_at = random.between(from, until);
  return out;
}

discussion_item item_maker::discussion(item_time created, item_time until) {
  discussion_item out;
  start(out, id_space::discussion, created);
  out.title = text();
  out.number = ++into_.last_number;
  out.comments = random.few(3);
  out.upvotes = 1 + random.few(3);
  out.category = static_cast<uint8_t>(random.below(category_count));
  if (out.category == 0) // questions alone have answers
    out.answered = static_cast<uint8_t>(random.below(2));
  out.is_locked = random.chance(30);
  out.updated_at = random.chance(300) ? created : random.between(created, until);
  if (random.chance(200))
    out.closed_at = random.between(created, out.updated_at);
  return out;
}

release_item item_maker::release(item_time created, item_time until) {
  release_item out;
  start(out, id_space::release, created);
  out.author = random.chance(40) ? 0 : user();
  out.version = ++into_.last_version;
  out.name = random.chance(100) ? 0 : text();
  out.is_draft = random.chance(30);
  out.is_prerelease = random.chance(150);
  out.published_at = out.is_draft ? 0 : random.between(created, until);
  out.updated_at = std::max(created, out.published_at);
  return out;
}

repository_metadata make_metadata(const repository& repo, uint64_t place, int64_t issues,
                                  const people& who, const metadata_terms& terms) {
  repository_metadata out;
  out.repo_id = repo.id;
  out.place = place;
  item_maker make{out, who, terms, dice{mix(terms.seed, static_cast<uint64_t>(repo.id))}};
  out.has_issues = !make.random.chance(30);
  out.has_discussions = make.random.chance(350);
  auto begin = std::min<item_time>(repo.created_at, metadata_horizon);
  auto end = metadata_horizon;
  if (begin == end)
    return out;
  auto threads = issues + issues * 6 / 10 + (out.has_discussions ? issues / 7 : 0);
  auto created = begin;
  for (int64_t i = 0; i < threads; ++i) {
    auto left = static_cast<uint64_t>(threads - i);
    if (!make.random.chance(100)) // some come in the same second, by a bot
      created = make.random.between(
          created, created + static_cast<item_time>(2 * uint64_t{end - created} / (left + 1)));
    auto kind = make.random.below(out.has_discussions ? 122 : 112);
    if (kind < 70 && out.has_issues)
      out.issues.push_back(make.issue(created, end));
    else if (kind < 112)
      out.pull_requests.push_back(make.pull_request(created, end));
    else if (make.has_room(id_space::discussion))
      out.discussions.push_back(make.discussion(created, end));
  }
  auto releases = std::min<int64_t>(issues / 5 + make.random.few(1), 400);
  created = begin;
  for (int64_t i = 0; i < releases; ++i) {
    auto left = static_cast<uint64_t>(releases - i);
    created = make.random.between(
        created, created + static_cast<item_time>(2 * uint64_t{end - created} / (left + 1)));
    out.releases.push_back(make.release(created, end));
  }
  return out;
}

} // namespace gitstar::sim
