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
insert into coordinators as c (crawl, term, node, backend) values ($1, 1, $2, pg_backend_pid())
on conflict (crawl) do update set term = c.term + 1, node = excluded.node,
  backend = excluded.backend, seen_at = clock_timestamp()
returning term)";

constexpr auto keep_term = R"(
update coordinators set seen_at = clock_timestamp(), backend = pg_backend_pid()
where crawl = $1 and term = $2 and node = $3)";

} // namespace

class leadership::implementation {
public:
  implementation(const std::string& connection_string, std::string name, std::string source,
                 std::string node, std::chrono::milliseconds takeover_after)
      : database_(connection_string), name_(std::move(name)), source_(std::move(source)),
        crawl_(name_ + ": " + source_), node_(std::move(node)), takeover_after_(takeover_after) {}

  answer try_lead() {
    return database_.transaction([&](pqxx::work& work) {
      auto seen = work.exec_params("select node from coordinators where crawl = $1", crawl_);
      leader_ = seen.empty() ? "" : seen[0][0].as<std::string>();
      auto lock = work.exec_params1(try_lock, crawl_);
      if (!lock[0].as<bool>()) {
        if (!found_)
          found_ = newest_crawl(work);
        work.exec_params1(end_silent_leader, crawl_, int64_t{takeover_after_.count()});
        return answer::waits;
      }
      if (auto newest = newest_crawl(work); found_ && newest != *found_ && newest.finished)
        return answer::finished;
      term_ = work.exec_params1(begin_term, crawl_, node_)[0].as<int64_t>();
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

  const std::string& leader() const { return leader_; }

private:
  struct crawl_seen {
    int64_t id = 0;
    bool finished = false;
    bool operator==(const crawl_seen&) const = default;
  };

  crawl_seen newest_crawl(pqxx::work& work) const {
    auto found = work.exec_params("select id, state in ('complete', 'incomplete') from crawls "
                                  "where name = $1 and source = $2 order by id desc limit 1",
                                  name_, source_);
    return found.empty() ? crawl_seen{}
                         : crawl_seen{found[0][0].as<int64_t>(), found[0][1].as<bool>()};
  }

  connection database_;
  std::string name_;
  std::string source_;
  std::string crawl_;
  std::string node_;
  std::chrono::milliseconds takeover_after_;
  std::string leader_;
  std::optional<crawl_seen> found_; // when we began to wait
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

const std::string& leadership::leader() const { return impl_->leader(); }

} // namespace gitstar::db
