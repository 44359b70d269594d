// What moves metadata: each change does to its parents' times what GitHub does.
#include "tools/sim/metadata.hpp"
#include "tools/sim/metadata_text.hpp"

#include <algorithm>

namespace gitstar::sim {

namespace {

template <class List>
auto* pick(List& from, dice& random) {
  return from.empty() ? nullptr : &from[random.below(from.size())];
}

/// Deletes one element; false where there is none.
template <class List>
bool erase_one(List& from, dice& random) {
  if (from.empty())
    return false;
  from.erase(from.begin() + static_cast<ptrdiff_t>(random.below(from.size())));
  return true;
}

class changer {
public:
  changer(repository_metadata& what, item_maker& make, item_time when)
      : what_(what), make_(make), random_(make.random), when_(when) {}

  void run() {
    auto items = what_.issues.size() + what_.pull_requests.size();
    auto changes = 4 + std::min<size_t>(items / 12, 60);
    for (size_t i = 0; i < changes; ++i)
      change();
  }

private:
  /// Most of what happens is talk and CI, as on GitHub.
  void change() {
    auto kind = random_.below(100);
    if (kind < 8)
      open_issue();
    else if (kind < 14)
      open_pull_request();
    else if (kind < 24)
      edit(thread());
    else if (kind < 31)
      move_issue();
    else if (kind < 38)
      move_pull_request();
    else if (kind < 48)
      talk(thread());
    else if (kind < 53)
      edit_comment(thread());
    else if (kind < 58)
      delete_comment(thread());
    else if (kind < 65)
      review(pick(what_.pull_requests, random_));
    else if (kind < 71)
      change_review(reviewed_one());
    else if (kind < 77)
      push(open_one(), false);
    else if (kind < 81)
      push(open_one(), true);
    else if (kind < 92)
      run_checks(open_one());
    else if (kind < 96)
      change_releases();
    else if (what_.has_discussions)
      change_discussions();
  }

  void touch(written_item& what) { what.updated_at = when_; }

  thread_item* thread() {
    auto issues = what_.issues.size();
    auto at = random_.below(issues + what_.pull_requests.size());
    if (issues + what_.pull_requests.size() == 0)
      return nullptr;
    if (at < issues)
      return &what_.issues[at];
    return &what_.pull_requests[at - issues];
  }

  /// An open pull request, if luck finds one.
  pull_request_item* open_one() {
    for (auto tries = 0; tries < 8; ++tries)
      if (auto found = pick(what_.pull_requests, random_);
          found != nullptr && found->state == state_open)
        return found;
    return nullptr;
  }

  /// A pull request with reviews, if luck finds one.
  pull_request_item* reviewed_one() {
    for (auto tries = 0; tries < 8; ++tries)
      if (auto found = pick(what_.pull_requests, random_);
          found != nullptr && !found->reviews.empty())
        return found;
    return nullptr;
  }

  void open_issue() {
    if (what_.has_issues && make_.has_room(id_space::issue))
      what_.issues.push_back(make_.issue(when_, when_));
  }

  void open_pull_request() {
    if (make_.has_room(id_space::pull_request))
      what_.pull_requests.push_back(make_.pull_request(when_, when_));
  }

  void edit(thread_item* what) {
    if (what == nullptr)
      return;
    touch(*what);
    switch (random_.below(8)) {
    case 0:
      what->title = make_.text();
      break;
    case 1:
      what->text = make_.text();
      break;
    case 2:
      what->labels = make_.labels();
      break;
    case 3:
      what->assignees = make_.assignees();
      break;
    case 4:
      what->is_locked = !what->is_locked;
      break;
    case 5:
      what->milestone = static_cast<uint8_t>(random_.below(milestone_count + 1u));
      break;
    case 6:
      what->reactions += 1;
      break;
    default:
      what->author = 0; // deleted their account
    }
  }

  void move_issue() {
    auto what = pick(what_.issues, random_);
    if (what == nullptr)
      return;
    touch(*what);
    if (what->state == state_open) {
      what->state = state_closed;
      what->closed_at = when_;
      what->reason = static_cast<uint8_t>(random_.below(3));
    } else {
      what->state = state_open;
      what->closed_at = 0;
      what->reason = reason_reopened;
    }
  }

  void move_pull_request() {
    auto what = pick(what_.pull_requests, random_);
    if (what == nullptr)
      return;
    touch(*what);
    if (what->state == state_merged) {
      what->head_ref = make_.text(); // its branch was renamed
    } else if (what->state == state_closed) {
      what->state = state_open;
      what->closed_at = 0;
    } else if (random_.chance(what->is_draft ? 600 : 100)) {
      what->is_draft = !what->is_draft;
    } else if (random_.chance(600)) {
      make_.merge(*what, when_);
    } else {
      what->state = state_closed;
      what->closed_at = when_;
    }
  }

  void talk(thread_item* what) {
    if (what == nullptr || !make_.has_room(id_space::issue_comment))
      return;
    // Now and then more than a page of them.
    auto count = random_.chance(15) ? 130 : 1 + random_.few(1);
    for (auto i = 0; i < count && make_.has_room(id_space::issue_comment); ++i)
      what->comments.push_back(make_.comment(when_, when_));
    touch(*what);
  }

  void edit_comment(thread_item* what) {
    auto found = what == nullptr ? nullptr : pick(what->comments, random_);
    if (found == nullptr)
      return;
    found->text = make_.text();
    touch(*found);
    touch(*what);
  }

  void delete_comment(thread_item* what) {
    if (what != nullptr && erase_one(what->comments, random_))
      touch(*what);
  }

  void review(pull_request_item* what) {
    if (what == nullptr || !make_.has_room(id_space::review) ||
        !make_.has_room(id_space::review_comment))
      return;
    what->reviews.push_back(make_.review(*what, when_, when_, random_.few(2)));
    auto state = what->reviews.back().state;
    if (state == review_approved || state == review_changes_requested)
      what->decision = state; // the enums agree in these
    touch(*what);
  }

  void change_review(pull_request_item* what) {
    if (what == nullptr)
      return;
    auto found = pick(what->reviews, random_);
    for (auto tries = 0; tries < 4 && found->comments.empty(); ++tries)
      found = pick(what->reviews, random_);
    auto kind = random_.below(4);
    if (kind == 0) {
      found->state = review_dismissed;
      found->submitted_at = std::max(found->submitted_at, found->created_at);
      touch(*found);
    } else if (kind == 1) {
      found->text = make_.text();
      touch(*found);
    } else if (kind == 2) {
      delete_review_comment(*found);
    } else if (auto comment = pick(found->comments, random_)) {
      comment->text = make_.text();
      touch(*comment);
    }
    touch(*what);
  }

  /// Replies to it become comments of their own.
  void delete_review_comment(review_item& from) {
    if (from.comments.empty())
      return;
    auto gone = random_.below(from.comments.size());
    auto id = from.comments[gone].id;
    from.comments.erase(from.comments.begin() + static_cast<ptrdiff_t>(gone));
    for (auto& other : from.comments)
      if (other.reply_to == id)
        other.reply_to = 0;
  }

  /// New commits make a new head, whose checks begin anew. With force, others disappear.
  void push(pull_request_item* what, bool force) {
    if (what == nullptr || !make_.has_room(id_space::check_run))
      return;
    if (force) {
      auto kept =
          what->commits.begin() + static_cast<ptrdiff_t>(random_.below(what->commits.size()));
      what->dropped.insert(what->dropped.end(), kept, what->commits.end());
      what->commits.erase(kept, what->commits.end());
    }
    auto count = 1 + random_.few(1);
    for (auto i = 0; i < count; ++i)
      what->commits.push_back(make_.commit(when_, when_));
    what->additions += random_.few(5);
    what->changed_files += random_.few(1);
    what->checks = make_.checks(when_, when_);
    touch(*what);
  }

  /// Does not move the pull request.
  void run_checks(pull_request_item* of) {
    if (of == nullptr || !make_.has_room(id_space::check_run))
      return;
    auto kind = random_.below(4);
    auto found = pick(of->checks, random_);
    if (kind == 0 || found == nullptr) {
      of->checks.push_back(make_.check_run(when_, when_));
    } else if (kind == 1 && found->id != 0) { // run again, which is another run
      of->checks.erase(of->checks.begin() + (found - of->checks.data()));
      of->checks.push_back(make_.check_run(when_, when_));
    } else if (found->id != 0) {
      make_.finish(*found, when_);
    } else {
      found->conclusion = random_.one_of(context_states);
      found->started_at = when_;
    }
  }

  void change_releases() {
    auto found = pick(what_.releases, random_);
    auto kind = random_.below(5);
    if (kind == 0 || found == nullptr) {
      if (make_.has_room(id_space::release))
        what_.releases.push_back(make_.release(when_, when_));
    } else if (kind == 1) {
      erase_one(what_.releases, random_);
    } else if (found->is_draft) {
      found->is_draft = false;
      found->published_at = when_;
      touch(*found);
    } else {
      found->text = make_.text();
      touch(*found);
    }
  }

  void change_discussions() {
    auto found = pick(what_.discussions, random_);
    auto kind = random_.below(5);
    if (kind == 0 || found == nullptr) {
      if (make_.has_room(id_space::discussion))
        what_.discussions.push_back(make_.discussion(when_, when_));
      return;
    }
    touch(*found);
    if (kind == 1) {
      found->comments += 1 + random_.few(1);
      found->upvotes += 1;
    } else if (kind == 2) {
      found->closed_at = found->closed_at == 0 ? when_ : 0;
    } else if (kind == 3 && found->answered != no_value) {
      found->answered = 1 - found->answered;
    } else {
      found->title = make_.text();
    }
  }

  repository_metadata& what_;
  item_maker& make_;
  dice& random_;
  const item_time when_;
};

template <class List>
auto* with_number(List& from, int32_t number) {
  auto at =
      std::find_if(from.begin(), from.end(), [&](const auto& one) { return one.number == number; });
  return at == from.end() ? nullptr : &*at;
}

} // namespace

void change_repository(repository_metadata& what, item_maker& make, item_time when) {
  changer{what, make, when}.run();
}

void transfer_issue(repository_metadata& from, repository_metadata& to, item_maker& make,
                    item_time when) {
  if (from.issues.empty() || !to.has_issues || !make.has_room(id_space::issue))
    return;
  auto at = from.issues.begin() + static_cast<ptrdiff_t>(make.random.below(from.issues.size()));
  // What arrives is another issue with other ids, of the same content and age.
  auto arrived = make.issue(when, when);
  auto& left = *at;
  std::swap(left.id, arrived.id);
  std::swap(left.number, arrived.number);
  left.updated_at = when;
  left.labels.clear(); // the other repository has labels of its own
  left.milestone = 0;
  for (auto& comment : left.comments)
    comment.id = make.comment(when, when).id;
  to.issues.push_back(std::move(left));
  from.issues.erase(at);
}

bool add_items(repository_metadata& what, item_maker& make, const metadata_event& event) {
  using kind = metadata_event::kind;
  auto issue = with_number(what.issues, event.number);
  auto pull_request = with_number(what.pull_requests, event.number);
  auto thread = issue != nullptr ? static_cast<thread_item*>(issue) : pull_request;
  if (thread == nullptr || (event.what != kind::comments && pull_request == nullptr))
    return false;
  for (int32_t i = 0; i < event.count; ++i) {
    if (event.what == kind::comments) {
      thread->comments.push_back(make.comment(event.time, event.time));
    } else if (event.what == kind::reviews) {
      pull_request->reviews.push_back(make.review(*pull_request, event.time, event.time, 0));
    } else if (event.what == kind::commits) {
      pull_request->commits.push_back(make.commit(event.time, event.time));
      pull_request->checks.clear(); // nothing has looked at the new head
    } else {
      pull_request->checks.push_back(make.check_run(event.time, event.time));
    }
  }
  if (event.what != kind::check_runs)
    thread->updated_at = event.time;
  return true;
}

} // namespace gitstar::sim
