#include "db/leadership.hpp"

#include "db/connection.hpp"

#include <optional>

namespace gitstar::db {

namespace {

/// The first key of all our advisory locks of this kind; the second is the crawl's.
constexpr auto lock_class = "1734964083"; // "gits"

const std::string try_lock =
    std::string{"select pg_try_advisory_lock("} + lock_class + ", hashtext($1)), pg_backend_pid()";

// Only the session that holds the lock, and only while its holder is silent.
const std::string end_silent_leader = std::string{R"(
select count(pg_terminate_backend(l.pid))
from pg_locks l, coordinators c
where l.locktype = 'advisory' and l.objsubid = 2 and l.granted
  and l.database = (select oid from pg_database where datname = current_database())
  and l.classid = )"} + lock_class + R"(::bigint::oid
  and l.objid = (hashtext($1)::bigint & 4294967295)::oid
  and c.crawl = $1 and c.backend = l.pid
  and c.seen_at < clock_timestamp() - $2 * interval '1 millisecond')";

constexpr auto begin_term = R"(
insert into coordinators as c (crawl, term, node, backend, after_crawl, concluded)
values ($1, 1, $2, pg_backend_pid(), $3, false)
on conflict (crawl) do update set term = c.term + 1, node = excluded.node,
  backend = excluded.backend, seen_at = clock_timestamp(), after_crawl = excluded.after_crawl,
  concluded = false
returning term)";

// Whoever led last may still count on having been seen.
constexpr auto see_leader = R"(
select node, after_crawl, concluded,
       not concluded and seen_at >= clock_timestamp() - $2 * interval '1 millisecond'
from coordinators
where crawl = $1)";

constexpr auto keep_term = R"(
update coordinators set seen_at = clock_timestamp(), backend = pg_backend_pid()
where crawl = $1 and term = $2 and node = $3)";

constexpr auto end_term = R"(
update coordinators set seen_at = '-infinity'
where crawl = $1 and term = $2 and node = $3)";

/// The newest crawl of a name and source, and the newest of these that is finished; 0: none.
struct crawls_seen {
  int64_t newest = 0;
  int64_t finished = 0;

  /// Whether a run that began after the crawl `after` was finished is finished itself.
  bool ended_after(int64_t after) const { return newest == finished && finished > after; }
};

crawls_seen look_at_crawls(pqxx::work& work, const std::string& name, const std::string& source) {
  auto row = work.exec_params1("select coalesce(max(id), 0), coalesce(max(id) filter "
                               "(where state in ('complete', 'incomplete')), 0) from crawls "
                               "where name = $1 and source = $2",
                               name, source);
  return {row[0].as<int64_t>(), row[1].as<int64_t>()};
}

} // namespace

class leadership::implementation {
public:
  implementation(const std::string& connection_string, std::string name, std::string source,
                 std::string node, std::chrono::milliseconds takeover_after)
      : database_(connection_string, frozen_after), name_(std::move(name)),
        source_(std::move(source)), crawl_(name_ + ": " + source_), node_(std::move(node)),
        takeover_after_(takeover_after) {}

  answer try_lead() {
    return database_.transaction([&](pqxx::work& work) {
      auto silence = int64_t{takeover_after_.count()};
      auto seen = work.exec_params(see_leader, crawl_, silence);
      leader_ = seen.empty() ? "" : seen[0][0].as<std::string>();
      // Who waits belongs to the leader's run. So does who comes when it died before its last word.
      if (!seen.empty() && !seen[0][2].as<bool>())
        run_after_ = seen[0][1].as<int64_t>();
      // Its lock may be free and is left alone: it comes back for it where only its session ended.
      if (!seen.empty() && seen[0][3].as<bool>())
        return answer::waits;
      auto lock = work.exec_params1(try_lock, crawl_);
      if (!lock[0].as<bool>()) {
        if (!seen.empty())
          run_after_ = seen[0][1].as<int64_t>();
        work.exec_params1(end_silent_leader, crawl_, silence);
        return answer::waits;
      }
      auto crawls = look_at_crawls(work, name_, source_);
      if (run_after_ && crawls.ended_after(*run_after_))
        return answer::finished;
      run_after_ = crawls.finished;
      term_ = work.exec_params1(begin_term, crawl_, node_, crawls.finished)[0].as<int64_t>();
      backend_ = lock[1].as<int>();
      return answer::leads;
    });
  }

  bool renew() {
    return database_.transaction([&](pqxx::work& work) {
      // After a broken connection the lock has to be taken again; in between somebody may have led.
      if (work.exec1("select pg_backend_pid()")[0].as<int>() != backend_) {
        auto lock = work.exec_params1(try_lock, crawl_);
        if (!lock[0].as<bool>())
          return false;
        backend_ = lock[1].as<int>();
      }
      return work.exec_params(keep_term, crawl_, term_, node_).affected_rows() == 1;
    });
  }

  void resign() {
    database_.transaction(
        [&](pqxx::work& work) { work.exec_params0(end_term, crawl_, term_, node_); });
  }

  void conclude() {
    database_.transaction([&](pqxx::work& work) {
      work.exec_params0("update coordinators set concluded = true "
                        "where crawl = $1 and after_crawl = $2",
                        crawl_, run_after_.value_or(0));
    });
  }

  const std::string& leader() const { return leader_; }

private:
  connection database_;
  std::string name_;
  std::string source_;
  std::string crawl_;
  std::string node_;
  std::chrono::milliseconds takeover_after_;
  std::string leader_;
  std::optional<int64_t> run_after_; // the crawl that was finished when our run began
  int64_t term_ = 0;
  int backend_ = 0; // whose session took the lock
};

leadership::leadership(const std::string& connection_string, std::string name, std::string source,
                       std::string node, std::chrono::milliseconds takeover_after)
    : impl_(std::make_unique<implementation>(connection_string, std::move(name), std::move(source),
                                             std::move(node), takeover_after)) {}

leadership::~leadership() = default;

leadership::answer leadership::try_lead() { return impl_->try_lead(); }

bool leadership::renew() { return impl_->renew(); }

void leadership::resign() { impl_->resign(); }

void leadership::conclude() { impl_->conclude(); }

const std::string& leadership::leader() const { return impl_->leader(); }

class run_watch::implementation {
public:
  implementation(const std::string& connection_string, std::string name, std::string source)
      : where_(connection_string), name_(std::move(name)), source_(std::move(source)) {}

  // With a connection for this one look: it is seldom called.
  bool is_over() {
    connection database{where_};
    auto crawls = database.transaction([&](pqxx::work& work) {
      if (work.exec1("select to_regclass('crawls')")[0].is_null())
        return crawls_seen{}; // nobody has made the store yet
      return look_at_crawls(work, name_, source_);
    });
    if (!after_)
      after_ = crawls.finished;
    return crawls.ended_after(*after_);
  }

private:
  std::string where_;
  std::string name_;
  std::string source_;
  std::optional<int64_t> after_;
};

run_watch::run_watch(const std::string& connection_string, std::string name, std::string source)
    : impl_(std::make_unique<implementation>(connection_string, std::move(name),
                                             std::move(source))) {}

run_watch::~run_watch() = default;

bool run_watch::is_over() { return impl_->is_over(); }

} // namespace gitstar::db
