#include "tools/sim/metadata_fields.hpp"
#include "tools/sim/metadata_text.hpp"

#include <algorithm>
#include <span>

namespace gitstar::sim {

namespace {

using object = metadata_object;
using request = metadata_request;
using value = metadata_value;
using value_kind = metadata_value::kind;

/// Objects that are older have ids of the old form; GitHub changed types one after the other during
/// 2021, we all of them at once.
constexpr item_time new_ids_since = 1'630'454'400; // 2021-09-01

value null() { return {}; }

value truth(bool x) {
  value out;
  out.what = value_kind::boolean;
  out.number = x ? 1 : 0;
  return out;
}

value number(int64_t x) {
  value out;
  out.what = value_kind::number;
  out.number = x;
  return out;
}

value text(std::string x) {
  value out;
  out.what = value_kind::text;
  out.text = std::move(x);
  return out;
}

value text(std::string_view x) { return text(std::string{x}); }

value time(item_time x) {
  value out;
  out.number = x;
  out.what = x == 0 ? value_kind::null : value_kind::time;
  return out;
}

value object_value(object x) {
  value out;
  out.what = value_kind::object;
  out.object = x;
  return out;
}

value missing(std::string why) {
  value out;
  out.what = value_kind::missing;
  out.text = std::move(why);
  return out;
}

value one_of(std::span<const std::string_view> names, uint8_t index) {
  return index == no_value ? null() : text(names[index]);
}

/// GraphQL's Int has 32 bits; what does not fit is null.
value small_number(int64_t x) { return x == static_cast<int32_t>(x) ? number(x) : null(); }

value actor(const object& in, person who, const request& from) {
  if (who == 0)
    return null();
  auto out = in;
  out.who = who;
  out.type = from.world.who().describe(who).type;
  return object_value(out);
}

value user(const object& in, person who) {
  if (who == 0)
    return null();
  auto out = in;
  out.who = who;
  out.type = "User";
  return object_value(out);
}

template <class Item>
const Item& as(const object& x) {
  if constexpr (std::is_same_v<Item, commit_item>)
    return *x.commit;
  else if constexpr (std::is_same_v<Item, check_item>)
    return *x.check;
  else
    return static_cast<const Item&>(*x.written);
}

object inside(const object& in, std::string_view type) {
  auto out = in;
  out.type = type;
  return out;
}

object inside(const object& in, std::string_view type, const written_item& item) {
  auto out = inside(in, type);
  out.written = &item;
  return out;
}

object inside(const object& in, std::string_view type, const commit_item& item) {
  auto out = inside(in, type);
  out.commit = &item;
  return out;
}

object inside(const object& in, std::string_view type, const check_item& item) {
  auto out = inside(in, type);
  out.check = &item;
  return out;
}

/// A label, milestone, app or category.
object inside(const object& in, std::string_view type, int64_t number) {
  auto out = inside(in, type);
  out.number = number;
  return out;
}

std::string url(const object& x, const request& from, std::string_view path, int64_t number) {
  std::string out{"https://github.com/"};
  out += from.world.full_name(*x.repo);
  out += path;
  append_number(out, number);
  return out;
}

value id(node_kind kind, const object& x, int64_t item, item_time created, const request& from) {
  node_id out{kind, item, false, x.repo->id};
  return text(served_node_id(out, created < new_ids_since, from.next_global_ids));
}

// Lists

value sorted(std::vector<metadata_element> elements, bool ascending) {
  sort_elements(elements, ascending);
  value out;
  out.what = value_kind::list;
  out.list = std::move(elements);
  return out;
}

/// A list in its own order.
template <class List, class Make>
value in_order(const List& items, Make make) {
  value out;
  out.what = value_kind::list;
  out.list.reserve(items.size());
  for (size_t i = 0; i < items.size(); ++i)
    out.list.push_back({make(items[i]), static_cast<int64_t>(i), 0});
  return out;
}

/// A list of what was written, in order of its ids, which is that of creation.
template <class List>
value written(const object& in, const List& items, std::string_view type) {
  value out;
  out.what = value_kind::list;
  out.list.reserve(items.size());
  for (const auto& item : items)
    out.list.push_back({inside(in, type, item), item.created_at, item.id});
  return out;
}

bool is_wanted(const std::vector<std::string>& wanted, std::string_view state) {
  return wanted.empty() || std::find(wanted.begin(), wanted.end(), state) != wanted.end();
}

bool has_labels(const thread_item& item, const std::vector<std::string>& wanted) {
  if (wanted.empty())
    return true;
  return std::any_of(item.labels.begin(), item.labels.end(), [&](auto label) {
    return std::find(wanted.begin(), wanted.end(), label_name(label)) != wanted.end();
  });
}

/// The first bytes of a text, which order as the text does.
int64_t key_of(std::string_view name) {
  int64_t out = 0;
  for (size_t i = 0; i < 7; ++i)
    out = out << 8 | (i < name.size() ? static_cast<uint8_t>(name[i]) : 0);
  return out;
}

value list_labels(const object& in) {
  return in_order(in.thread->labels,
                  [&](uint16_t label) { return inside(in, "Label", int64_t{label}); });
}

value list_assignees(const object& in) {
  return in_order(in.thread->assignees, [&](person who) {
    auto out = in;
    out.type = "User";
    out.who = who;
    return out;
  });
}

/// Reactions are counted only.
value counted(int64_t count) {
  value out = number(count);
  out.what = value_kind::list;
  return out;
}

value list_comments(const object& in, const request& from) {
  auto out = written(in, in.thread->comments, "IssueComment");
  if (from.arguments.order_field == "UPDATED_AT") {
    for (auto& element : out.list)
      element.key = element.object.written->updated_at;
    return sorted(std::move(out.list), from.arguments.ascending);
  }
  return out;
}

value list_reviews(const object& in, const request& from) {
  auto out = written(in, in.pull_request->reviews, "PullRequestReview");
  auto unwanted = [&](metadata_element& element) {
    const auto& review = as<review_item>(element.object);
    element.object.review = &review;
    return !is_wanted(from.arguments.states, review_states[review.state]);
  };
  out.list.erase(std::remove_if(out.list.begin(), out.list.end(), unwanted), out.list.end());
  return out;
}

value list_commits(const object& in) {
  return in_order(in.pull_request->commits, [&](const commit_item& commit) {
    return inside(in, "PullRequestCommit", commit);
  });
}

value list_checks(const object& in) {
  return in_order(in.pull_request->checks, [&](const check_item& check) {
    return inside(in, check.id == 0 ? "StatusContext" : "CheckRun", check);
  });
}

// Single objects

value find_issue(const object& in, const request& from) {
  if (in.all != nullptr)
    for (const auto& item : in.all->issues)
      if (item.number == from.arguments.number)
        return object_value(issue_object(in, item));
  return missing("Could not resolve to an Issue with the number of " +
                 std::to_string(from.arguments.number) + ".");
}

value find_pull_request(const object& in, const request& from) {
  if (in.all != nullptr)
    for (const auto& item : in.all->pull_requests)
      if (item.number == from.arguments.number)
        return object_value(pull_request_object(in, item));
  return missing("Could not resolve to a PullRequest with the number of " +
                 std::to_string(from.arguments.number) + ".");
}

value find_discussion(const object& in, const request& from) {
  if (in.all != nullptr)
    for (const auto& item : in.all->discussions)
      if (item.number == from.arguments.number)
        return object_value(inside(in, "Discussion", item));
  return missing("Could not resolve to a Discussion with the number of " +
                 std::to_string(from.arguments.number) + ".");
}

/// The commit with this source in one pull request, also after it was dropped, or null.
const commit_item* find_commit(const pull_request_item& in, uint64_t seed) {
  if (in.merge.seed == seed)
    return &in.merge;
  for (auto list : {&in.commits, &in.dropped})
    for (const auto& commit : *list)
      if (commit.seed == seed)
        return &commit;
  return nullptr;
}

value commit_value(const object& in, uint64_t seed) {
  auto found = seed == 0 ? nullptr : find_commit(*in.pull_request, seed);
  return found == nullptr ? null() : object_value(inside(in, "Commit", *found));
}

/// Nobody has checked but the head of the pull request.
value rollup(const object& x) {
  const auto& commit = as<commit_item>(x);
  const auto& of = *x.pull_request;
  if (of.checks.empty() || of.commits.back().seed != commit.seed)
    return null();
  return object_value(inside(x, "StatusCheckRollup"));
}

/// Bad if anything is, good if all is, and otherwise not known yet.
value rollup_state(const object& x) {
  auto pending = false;
  for (const auto& check : x.pull_request->checks) {
    if (check.conclusion == no_value) {
      pending = true;
      continue;
    }
    auto name =
        check.id == 0 ? context_states[check.conclusion] : check_conclusions[check.conclusion];
    if (name == "ERROR" || name == "FAILURE" || name == "TIMED_OUT" || name == "CANCELLED" ||
        name == "ACTION_REQUIRED" || name == "STARTUP_FAILURE")
      return text(std::string_view{"FAILURE"});
    pending = pending || name == "PENDING" || name == "EXPECTED";
  }
  return text(std::string_view{pending ? "PENDING" : "SUCCESS"});
}

value app_of(const object& x) {
  auto app = as<check_item>(x).app;
  return app == 0 ? null() : object_value(inside(x, "App", int64_t{app}));
}

value state_reason(const object& x, const request& from) {
  auto reason = as<issue_item>(x).reason;
  // Without the argument GitHub keeps to the reasons that old clients know.
  if (reason == reason_duplicate && !from.arguments.enable_duplicate)
    reason = reason_not_planned;
  return one_of(issue_reasons, reason);
}

value milestone(const object& x) {
  return x.thread->milestone == 0
             ? null()
             : object_value(inside(x, "Milestone", int64_t{x.thread->milestone}));
}

value reply_to(const object& x) {
  auto id = as<review_comment_item>(x).reply_to;
  for (const auto& other : x.review->comments)
    if (id != 0 && other.id == id)
      return object_value(inside(x, "PullRequestReviewComment", other));
  return null();
}

value url_of_check(const object& x) {
  return x.check->has_url ? text(check_url(*x.check)) : null();
}

value headline(const object& x, bool body) {
  auto message = message_text(as<commit_item>(x).seed);
  auto end = message.find("\n\n");
  if (body)
    return text(end == std::string::npos ? std::string{} : message.substr(end + 2));
  return text(message.substr(0, end));
}

struct named_getter {
  std::string_view field;
  metadata_getter get;
};

#define GETTER(expression)                                                                         \
  [](const object& x, const request& from) -> value {                                              \
    (void)x;                                                                                       \
    (void)from;                                                                                    \
    return expression;                                                                             \
  }

constexpr named_getter getters[] = {
    {"Repository.issue", find_issue},
    {"Repository.pullRequest", find_pull_request},
    {"Repository.discussion", find_discussion},

    {"Issue.stateReason", state_reason},
    {"Issue.id", GETTER(id(node_kind::issue, x, x.thread->id, x.thread->created_at, from))},
    {"Issue.url", GETTER(text(url(x, from, "/issues/", x.thread->number)))},

    {"PullRequest.id",
     GETTER(id(node_kind::pull_request, x, x.thread->id, x.thread->created_at, from))},
    {"PullRequest.url", GETTER(text(url(x, from, "/pull/", x.thread->number)))},
    {"PullRequest.isDraft", GETTER(truth(x.pull_request->is_draft))},
    {"PullRequest.merged", GETTER(truth(x.pull_request->state == state_merged))},
    {"PullRequest.mergedAt", GETTER(time(x.pull_request->merged_at))},
    {"PullRequest.mergedBy", GETTER(actor(x, x.pull_request->merged_by, from))},
    {"PullRequest.mergeCommit", GETTER(commit_value(x, x.pull_request->merge.seed))},
    {"PullRequest.additions", GETTER(number(x.pull_request->additions))},
    {"PullRequest.deletions", GETTER(number(x.pull_request->deletions))},
    {"PullRequest.changedFiles", GETTER(number(x.pull_request->changed_files))},
    {"PullRequest.baseRefName", GETTER(text(base_branch(x.pull_request->base_ref)))},
    {"PullRequest.headRefName", GETTER(text(branch_text(x.pull_request->head_ref)))},
    {"PullRequest.headRefOid", GETTER(text(sha_text(x.pull_request->commits.back().seed)))},
    {"PullRequest.reviewDecision", GETTER(one_of(review_decisions, x.pull_request->decision))},
    {"PullRequest.reviews", list_reviews},
    {"PullRequest.commits", GETTER(list_commits(x))},

    {"IssueComment.id", GETTER(id(node_kind::issue_comment, x, as<written_item>(x).id,
                                  as<written_item>(x).created_at, from))},

    {"PullRequestReview.id", GETTER(id(node_kind::review, x, as<written_item>(x).id,
                                       as<written_item>(x).created_at, from))},
    {"PullRequestReview.state", GETTER(text(review_states[as<review_item>(x).state]))},
    {"PullRequestReview.submittedAt", GETTER(time(as<review_item>(x).submitted_at))},
    {"PullRequestReview.commit", GETTER(commit_value(x, as<review_item>(x).commit))},
    {"PullRequestReview.comments",
     GETTER(written(x, as<review_item>(x).comments, "PullRequestReviewComment"))},
    {"PullRequestReview.pullRequest",
     GETTER(object_value(pull_request_object(x, *x.pull_request)))},

    {"PullRequestReviewComment.id", GETTER(id(node_kind::review_comment, x, as<written_item>(x).id,
                                              as<written_item>(x).created_at, from))},
    {"PullRequestReviewComment.path", GETTER(text(path_text(as<review_comment_item>(x).path)))},
    {"PullRequestReviewComment.line",
     GETTER(as<review_comment_item>(x).line == 0 ? null()
                                                 : number(as<review_comment_item>(x).line))},
    {"PullRequestReviewComment.originalCommit",
     GETTER(commit_value(x, as<review_comment_item>(x).commit))},
    {"PullRequestReviewComment.commit", GETTER(commit_value(x, as<review_comment_item>(x).commit))},
    {"PullRequestReviewComment.replyTo", GETTER(reply_to(x))},
    {"PullRequestReviewComment.pullRequestReview",
     GETTER(object_value(inside(x, "PullRequestReview", *x.review)))},

    {"PullRequestCommit.commit", GETTER(object_value(inside(x, "Commit")))},

    {"Commit.id", GETTER(text(served_node_id(
                      {node_kind::commit, 0, false, x.repo->id, sha_text(as<commit_item>(x).seed)},
                      as<commit_item>(x).committed_at < new_ids_since, from.next_global_ids)))},
    {"Commit.oid", GETTER(text(sha_text(as<commit_item>(x).seed)))},
    {"Commit.abbreviatedOid", GETTER(text(sha_text(as<commit_item>(x).seed).substr(0, 7)))},
    {"Commit.message", GETTER(text(message_text(as<commit_item>(x).seed)))},
    {"Commit.messageHeadline", GETTER(headline(x, false))},
    {"Commit.messageBody", GETTER(headline(x, true))},
    {"Commit.authoredDate", GETTER(time(as<commit_item>(x).authored_at))},
    {"Commit.committedDate", GETTER(time(as<commit_item>(x).committed_at))},
    {"Commit.additions", GETTER(number(as<commit_item>(x).additions))},
    {"Commit.deletions", GETTER(number(as<commit_item>(x).deletions))},
    {"Commit.changedFilesIfAvailable",
     GETTER(as<commit_item>(x).changed_files < 0 ? null()
                                                 : number(as<commit_item>(x).changed_files))},
    {"Commit.parents", GETTER(counted(as<commit_item>(x).parents))},
    {"Commit.author", GETTER(object_value(inside(x, "GitActor")))},
    {"Commit.committer", GETTER(object_value(inside(x, "GitActor")))},
    {"Commit.statusCheckRollup", GETTER(rollup(x))},
    {"GitActor.name", GETTER(text(person_name(as<commit_item>(x).seed)))},
    {"GitActor.email", GETTER(text(std::string_view{"somebody@example.com"}))},
    {"GitActor.date", GETTER(time(as<commit_item>(x).authored_at))},
    {"GitActor.user", GETTER(user(x, as<commit_item>(x).author))},

    {"StatusCheckRollup.state", GETTER(rollup_state(x))},
    {"StatusCheckRollup.contexts", GETTER(list_checks(x))},
    {"StatusCheckRollup.commit", GETTER(object_value(inside(x, "Commit")))},
    {"CheckRun.id", GETTER(id(node_kind::check_run, x, as<check_item>(x).id, new_ids_since, from))},
    {"CheckRun.databaseId", GETTER(number(as<check_item>(x).id))},
    {"CheckRun.name", GETTER(text(check_name(as<check_item>(x).name)))},
    {"CheckRun.status", GETTER(one_of(check_statuses, as<check_item>(x).status))},
    {"CheckRun.conclusion", GETTER(one_of(check_conclusions, as<check_item>(x).conclusion))},
    {"CheckRun.startedAt", GETTER(time(as<check_item>(x).started_at))},
    {"CheckRun.completedAt", GETTER(time(as<check_item>(x).completed_at))},
    {"CheckRun.detailsUrl", GETTER(url_of_check(x))},
    {"CheckRun.checkSuite", GETTER(object_value(inside(x, "CheckSuite")))},
    {"CheckSuite.app", GETTER(app_of(x))},
    {"CheckSuite.status", GETTER(one_of(check_statuses, as<check_item>(x).status))},
    {"CheckSuite.conclusion", GETTER(one_of(check_conclusions, as<check_item>(x).conclusion))},
    {"App.slug", GETTER(text(app_slug(static_cast<uint8_t>(x.number))))},
    {"App.name", GETTER(text(app_slug(static_cast<uint8_t>(x.number))))},
    {"StatusContext.id",
     GETTER(id(node_kind::status_context, x, static_cast<int64_t>(as<check_item>(x).name >> 20),
               new_ids_since, from))},
    {"StatusContext.context", GETTER(text(check_name(as<check_item>(x).name)))},
    {"StatusContext.state", GETTER(one_of(context_states, as<check_item>(x).conclusion))},
    {"StatusContext.targetUrl", GETTER(url_of_check(x))},
    {"StatusContext.createdAt", GETTER(time(as<check_item>(x).started_at))},
    {"StatusContext.description", GETTER(null())},

    {"Label.name", GETTER(text(label_name(static_cast<uint16_t>(x.number))))},
    {"Label.color", GETTER(text(sha_text(static_cast<uint64_t>(x.number)).substr(16, 6)))},
    {"Label.description", GETTER(null())},
    {"Milestone.title", GETTER(text(milestone_title(static_cast<uint8_t>(x.number))))},
    {"Milestone.number", GETTER(number(x.number))},

    {"Release.id", GETTER(id(node_kind::release, x, as<written_item>(x).id,
                             as<written_item>(x).created_at, from))},
    {"Release.tagName", GETTER(text(tag_text(as<release_item>(x).version)))},
    {"Release.name",
     GETTER(as<release_item>(x).name == 0 ? null() : text(title_text(as<release_item>(x).name)))},
    {"Release.description",
     GETTER(as<release_item>(x).text == 0 ? null() : text(body_text(as<release_item>(x).text)))},
    {"Release.author", GETTER(user(x, as<release_item>(x).author))},
    {"Release.isDraft", GETTER(truth(as<release_item>(x).is_draft))},
    {"Release.isPrerelease", GETTER(truth(as<release_item>(x).is_prerelease))},
    {"Release.publishedAt", GETTER(time(as<release_item>(x).published_at))},

    {"Discussion.id", GETTER(id(node_kind::discussion, x, as<written_item>(x).id,
                                as<written_item>(x).created_at, from))},
    {"Discussion.number", GETTER(number(as<discussion_item>(x).number))},
    {"Discussion.title", GETTER(text(title_text(as<discussion_item>(x).title)))},
    {"Discussion.url", GETTER(text(url(x, from, "/discussions/", as<discussion_item>(x).number)))},
    {"Discussion.category", GETTER(object_value(inside(x, "DiscussionCategory",
                                                       int64_t{as<discussion_item>(x).category})))},
    {"Discussion.isAnswered", GETTER(as<discussion_item>(x).answered == no_value
                                         ? null()
                                         : truth(as<discussion_item>(x).answered != 0))},
    {"Discussion.locked", GETTER(truth(as<discussion_item>(x).is_locked))},
    {"Discussion.closed", GETTER(truth(as<discussion_item>(x).closed_at != 0))},
    {"Discussion.closedAt", GETTER(time(as<discussion_item>(x).closed_at))},
    {"Discussion.comments", GETTER(counted(as<discussion_item>(x).comments))},
    {"Discussion.upvoteCount", GETTER(number(as<discussion_item>(x).upvotes))},
    {"DiscussionCategory.name", GETTER(text(discussion_category(static_cast<uint8_t>(x.number))))},
};

/// What issues and pull requests have alike.
constexpr named_getter thread_getters[] = {
    {"number", GETTER(number(x.thread->number))},
    {"title", GETTER(text(title_text(x.thread->title)))},
    {"state", GETTER(text(thread_states[x.thread->state]))},
    {"closed", GETTER(truth(x.thread->state != state_open))},
    {"closedAt", GETTER(time(x.thread->closed_at))},
    {"locked", GETTER(truth(x.thread->is_locked))},
    {"milestone", GETTER(milestone(x))},
    {"labels", GETTER(list_labels(x))},
    {"assignees", GETTER(list_assignees(x))},
    {"comments", list_comments},
    {"reactions", GETTER(counted(x.thread->reactions))},
};

/// What everything has alike that somebody wrote.
constexpr named_getter written_getters[] = {
    {"databaseId", GETTER(small_number(as<written_item>(x).id))},
    {"fullDatabaseId", GETTER(text(std::to_string(as<written_item>(x).id)))},
    {"body", GETTER(text(body_text(as<written_item>(x).text)))},
    {"author", GETTER(actor(x, as<written_item>(x).author, from))},
    {"authorAssociation", GETTER(text(author_associations[as<written_item>(x).association]))},
    {"createdAt", GETTER(time(as<written_item>(x).created_at))},
    {"updatedAt", GETTER(time(as<written_item>(x).updated_at))},
};

#undef GETTER

template <class Table>
metadata_getter find_in(const Table& table, std::string_view field) {
  for (const auto& known : table)
    if (known.field == field)
      return known.get;
  return nullptr;
}

constexpr std::string_view thread_types[] = {"Issue", "PullRequest"};
constexpr std::string_view written_types[] = {
    "Issue",   "PullRequest", "IssueComment", "PullRequestReview", "PullRequestReviewComment",
    "Release", "Discussion"};

template <class Names>
bool is_among(const Names& names, std::string_view name) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

const pull_request_item* with_commit(const repository_metadata& all, uint64_t seed) {
  for (const auto& item : all.pull_requests)
    if (find_commit(item, seed) != nullptr)
      return &item;
  return nullptr;
}

object find_commit_node(const object& in, const std::string& sha) {
  auto seed = sha_source(sha);
  auto found = seed ? with_commit(*in.all, *seed) : nullptr;
  if (found == nullptr)
    return {};
  return inside(pull_request_object(in, *found), "Commit", *find_commit(*found, *seed));
}

object find_review_node(const object& in, int64_t id) {
  for (const auto& item : in.all->pull_requests)
    for (const auto& review : item.reviews)
      if (review.id == id) {
        auto out = inside(pull_request_object(in, item), "PullRequestReview", review);
        out.review = &review;
        return out;
      }
  return {};
}

template <class List>
const auto* with_id(const List& items, int64_t id) {
  auto at = std::lower_bound(items.begin(), items.end(), id,
                             [](const auto& item, auto wanted) { return item.id < wanted; });
  return at == items.end() || at->id != id ? nullptr : &*at;
}

template <class List>
int64_t count_if_open(const List& items) {
  return std::count_if(items.begin(), items.end(),
                       [](const auto& item) { return item.state == state_open; });
}

std::optional<id_space> space_of(node_kind kind) {
  switch (kind) {
  case node_kind::issue:
    return id_space::issue;
  case node_kind::pull_request:
    return id_space::pull_request;
  case node_kind::review:
    return id_space::review;
  case node_kind::release:
    return id_space::release;
  case node_kind::discussion:
    return id_space::discussion;
  default:
    return std::nullopt;
  }
}

} // namespace

std::string check_url(const check_item& check) {
  return (check.id == 0 ? "https://ci.example.com/" : "https://github.com/runs/") +
         std::to_string(check.id == 0 ? static_cast<int64_t>(check.name >> 20) : check.id);
}

metadata_getter find_metadata_getter(std::string_view field) {
  if (auto found = find_in(getters, field))
    return found;
  auto dot = field.find('.');
  auto type = field.substr(0, dot);
  auto name = field.substr(dot + 1);
  if (is_among(thread_types, type))
    if (auto found = find_in(thread_getters, name))
      return found;
  return is_among(written_types, type) ? find_in(written_getters, name) : nullptr;
}

metadata_object repository_metadata_object(const repository& repo, metadata& world) {
  metadata_object out;
  out.type = "Repository";
  out.repo = &repo;
  out.all = world.find(repo);
  return out;
}

metadata_object issue_object(const metadata_object& in, const issue_item& item) {
  auto out = inside(in, "Issue", item);
  out.thread = &item;
  return out;
}

metadata_object pull_request_object(const metadata_object& in, const pull_request_item& item) {
  auto out = inside(in, "PullRequest", item);
  out.thread = &item;
  out.pull_request = &item;
  return out;
}

int64_t thread_key(const thread_item& item, std::string_view order_field) {
  if (order_field == "UPDATED_AT")
    return item.updated_at;
  if (order_field == "COMMENTS")
    return static_cast<int64_t>(item.comments.size());
  return item.created_at;
}

void sort_elements(std::vector<metadata_element>& elements, bool ascending) {
  std::sort(elements.begin(), elements.end(), [&](const auto& a, const auto& b) {
    const auto& first = ascending ? a : b;
    const auto& second = ascending ? b : a;
    return first.key != second.key ? first.key < second.key : first.id < second.id;
  });
}

metadata_value list_issues(const metadata_object& in, const metadata_request& from) {
  const auto& wanted = from.arguments;
  auto is_by = [&](person who) {
    auto owner = from.world.who().describe(who).owner;
    return owner != nullptr && owner->login == wanted.created_by;
  };
  std::vector<metadata_element> out;
  for (const auto& item : in.all->issues)
    if (is_wanted(wanted.states, thread_states[item.state]) &&
        is_wanted(wanted.filter_states, thread_states[item.state]) &&
        has_labels(item, wanted.labels) && has_labels(item, wanted.filter_labels) &&
        item.updated_at >= wanted.since && (wanted.created_by.empty() || is_by(item.author)))
      out.push_back({issue_object(in, item), thread_key(item, wanted.order_field), item.id});
  return sorted(std::move(out), wanted.ascending);
}

metadata_value list_pull_requests(const metadata_object& in, const metadata_request& from) {
  const auto& wanted = from.arguments;
  std::vector<metadata_element> out;
  for (const auto& item : in.all->pull_requests)
    if (is_wanted(wanted.states, thread_states[item.state]) && has_labels(item, wanted.labels) &&
        (wanted.base_ref.empty() || wanted.base_ref == base_branch(item.base_ref)) &&
        (wanted.head_ref.empty() || wanted.head_ref == branch_text(item.head_ref)))
      out.push_back({pull_request_object(in, item), thread_key(item, wanted.order_field), item.id});
  return sorted(std::move(out), wanted.ascending);
}

metadata_value list_releases(const metadata_object& in, const metadata_request& from) {
  auto by_name = from.arguments.order_field == "NAME";
  std::vector<metadata_element> out;
  for (const auto& item : in.all->releases)
    out.push_back({inside(in, "Release", item),
                   by_name ? key_of(tag_text(item.version)) : item.created_at, item.id});
  return sorted(std::move(out), !from.arguments.order_field.empty() && from.arguments.ascending);
}

metadata_value list_discussions(const metadata_object& in, const metadata_request& from) {
  auto by_creation = from.arguments.order_field == "CREATED_AT";
  std::vector<metadata_element> out;
  for (const auto& item : in.all->discussions)
    if (is_wanted(from.arguments.states, item.closed_at == 0 ? "OPEN" : "CLOSED"))
      out.push_back({inside(in, "Discussion", item),
                     by_creation ? item.created_at : item.updated_at, item.id});
  return sorted(std::move(out), !from.arguments.order_field.empty() && from.arguments.ascending);
}

metadata_object find_metadata_node(const node_id& id, const dataset& data, metadata& world) {
  auto space = space_of(id.kind);
  auto row = space ? world.row_of(*space, id.database_id) : data.find_id(id.repository_id);
  if (row == no_row || (id.repository_id != 0 && data[row].id != id.repository_id))
    return {};
  auto in = repository_metadata_object(data[row], world);
  if (in.all == nullptr)
    return {};
  if (id.kind == node_kind::commit)
    return find_commit_node(in, id.sha);
  if (id.kind == node_kind::review)
    return find_review_node(in, id.database_id);
  if (id.kind == node_kind::issue) {
    auto found = with_id(in.all->issues, id.database_id);
    return found == nullptr ? metadata_object{} : issue_object(in, *found);
  }
  if (id.kind == node_kind::pull_request) {
    auto found = with_id(in.all->pull_requests, id.database_id);
    return found == nullptr ? metadata_object{} : pull_request_object(in, *found);
  }
  if (id.kind == node_kind::release) {
    auto found = with_id(in.all->releases, id.database_id);
    return found == nullptr ? metadata_object{} : inside(in, "Release", *found);
  }
  auto found =
      id.kind == node_kind::discussion ? with_id(in.all->discussions, id.database_id) : nullptr;
  return found == nullptr ? metadata_object{} : inside(in, "Discussion", *found);
}

int64_t count_open(const std::vector<issue_item>& items) { return count_if_open(items); }

int64_t count_open(const std::vector<pull_request_item>& items) { return count_if_open(items); }

} // namespace gitstar::sim
