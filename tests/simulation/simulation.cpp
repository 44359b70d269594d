#include "tests/simulation/simulation.hpp"

#include "actors/search_source.hpp"
#include "net/metrics.hpp"

#include <caf/binary_serializer.hpp>
#include <fmt/core.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace gitstar::simulation {

namespace {

using namespace std::chrono_literals;

/// Far beyond what a crawl that makes progress needs.
constexpr auto longest = 24h * 20;
constexpr uint64_t most_steps = 3'000'000;
constexpr uint32_t most_processes = 60;

constexpr const char* crawl_name = "simulated";

/// Longer than any query and what it takes to store its answer.
constexpr auto late_work = 30s;

/// Of the repositories, between two crawls.
constexpr double changes = 0.1;

} // namespace

class simulation::searched_log : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
public:
  searched_log(stage& on, std::shared_ptr<spdlog::logger> shown)
      : stage_(on), shown_(std::move(shown)) {}

protected:
  void sink_it_(const spdlog::details::log_msg& line) override {
    std::string_view text{line.payload.data(), line.payload.size()};
    stage_.search("a log line: " + std::string{text}, text);
    if (stage_.traced())
      shown_->log(line.level, text);
  }

  void flush_() override {}

private:
  stage& stage_;
  std::shared_ptr<spdlog::logger> shown_;
};

simulation::simulation(const scenario& plan, bool traced, std::shared_ptr<net::metrics> metrics)
    : plan_(plan), stage_(traced), log_before_(spdlog::default_logger()), random_(plan.seed, 4),
      metrics_(std::move(metrics)),
      searches_(test::random_repositories(plan.repositories, static_cast<uint32_t>(plan.seed),
                                          plan.burst)),
      github_(plan_, stage_, searches_),
      store_(std::make_shared<store_server>(plan_, stage_, data_)),
      witness_(plan_, stage_, github_, data_) {
  stage_.now = now();
  stage_.clock.actor_at_start = now();
  stage_.clock.wall_at_start = data_->now;
  github_.tell(witness_);
  store_->tell(witness_);
  auto sink = std::make_shared<searched_log>(stage_, log_before_);
  spdlog::set_default_logger(std::make_shared<spdlog::logger>("simulation", std::move(sink)));
  spdlog::set_level(spdlog::level::trace);
}

simulation::~simulation() {
  for (auto& x : processes_)
    leave(*x);
  // Where a supervisor left somebody behind, the run has failed, but it shall end.
  for (auto& x : started_)
    if (auto left = caf::actor_cast<caf::actor>(x))
      caf::anon_send_exit(left, caf::exit_reason::kill);
  virtual_time::run();
  spdlog::set_default_logger(log_before_);
}

outcome_of_run simulation::run() {
  stage_.trace(to_string(plan_));
  run_to_end();
  if (finished_)
    witness_.finished(*finished_);
  result_.virtual_time = now() - stage_.clock.actor_at_start;
  let_late_work_end();
  close_down();
  witness_.closed();
  if (stage_.problem().empty())
    run_again();
  stage_.search("the metrics", metrics_->text());
  result_.queries = github_.queries();
  result_.problem = stage_.problem();
  return result_;
}

/// The same config once more, after some repositories have changed; nothing else happens.
void simulation::run_again() {
  stage_.trace("THE NEXT CRAWL");
  plan_.fails = plan_.partial = plan_.store_fails = plan_.store_forgets = 0;
  plan_.short_leases = false;
  mishaps_ = plan_.most_mishaps;
  dice random{plan_.seed, 6};
  std::set<repo_id> changed;
  searches_.mutate([&](repository& x) {
    if (!random.chance(changes))
      return;
    changed.insert(x.repo_id);
    x.star_count += static_cast<int32_t>(random.between(1, 3));
    x.description = "changed";
  });
  ++crawl_;
  store_->next_crawl();
  witness_.next_crawl(std::move(changed));
  finished_.reset();
  finisher_.reset();
  finishing_ = false;
  start_planned_ = false;
  run_to_end();
  if (finished_)
    witness_.finished_again(*finished_);
  close_down();
}

/// What was under way when the crawl ended comes to its end, too.
void simulation::let_late_work_end() {
  auto end = now() + late_work;
  while (stage_.problem().empty())
    if (sched.has_job())
      step();
    else if (std::min(next_timer(), stage_.next()) > end || !advance())
      return;
}

void simulation::run_to_end() {
  start_process();
  while (!finished_ && stage_.problem().empty()) {
    if (sched.has_job()) {
      step();
      if (store_->finished())
        finish_soon();
      else
        something_happens();
    } else if (!advance()) {
      break;
    }
  }
  search_status();
}

// -- time ---------------------------------------------------------------------------

std::string simulation::describe_job() {
  auto* actor = dynamic_cast<caf::scheduled_actor*>(sched.jobs.front());
  if (actor == nullptr)
    return "something runs";
  auto* next = actor->mailbox().peek();
  auto text = next == nullptr ? std::string{"begins"} : next->content().stringify();
  constexpr size_t line = 160;
  if (text.size() > line)
    text = text.substr(0, line) + "...";
  return fmt::format("{}#{} {}", actor->name(), actor->id(), text);
}

void simulation::step() {
  auto& jobs = sched.jobs;
  if (plan_.shuffled && jobs.size() > 1)
    std::swap(jobs.front(), jobs[random_.any() % jobs.size()]);
  if (auto* actor = dynamic_cast<caf::scheduled_actor*>(jobs.front())) {
    auto when = static_cast<uint64_t>(stage_.now.time_since_epoch().count());
    result_.digest = (result_.digest ^ actor->id() ^ when) * 1099511628211ull;
  }
  if (stage_.traced())
    stage_.trace(describe_job());
  if (auto* actor = dynamic_cast<caf::scheduled_actor*>(jobs.front()))
    search_message(*actor);
  sched.run_once();
  if (++result_.steps == most_steps)
    stuck("too many steps");
}

void simulation::search_message(caf::scheduled_actor& receiver) {
  auto* next = receiver.mailbox().peek();
  if (next == nullptr)
    return;
  message_.clear();
  caf::binary_serializer sink{sys, message_};
  if (auto failed = next->content().save(sink))
    stage_.fail("a message that cannot be sent: " + next->content().stringify());
  stage_.search(fmt::format("a message to {}", receiver.name()),
                {message_.data(), message_.size()});
}

/// What the progress display, the metrics and the report are made of.
void simulation::search_status() {
  if (!finisher_)
    return;
  for (auto& x : finisher_->members) {
    if (x.name != leaf_name::bucket || virtual_time::ended(x.handle))
      continue;
    auto asked =
        ask_later<bucket_status>(caf::actor_cast<token_bucket_actor>(x.handle), status_atom_v);
    if (asked.answered() && asked.get())
      stage_.search("the status", caf::deep_to_string(*asked.get()));
    return;
  }
}

/// Moves the time to what happens next. Returns whether there is something.
bool simulation::advance() {
  auto next = std::min(next_timer(), stage_.next());
  if (next == stage::time_point::max() || next > stage_.clock.actor_at_start + longest) {
    stuck("nothing happens any more");
    return false;
  }
  stage_.now = std::max(next, stage_.now);
  sched.clock().advance_time(stage_.now - now());
  stage_.run_due();
  return true;
}

/// What this actor waits for, where it can say so.
std::string simulation::describe_waiting(const member& x) {
  if (x.name == leaf_name::partitioner) {
    auto asked =
        ask_later<crawl_progress>(caf::actor_cast<partitioner_actor>(x.handle), status_atom_v);
    if (asked.answered() && asked.get())
      return fmt::format("\n  partitioner: {}, {} ready, {} leased, {} wait, {} open",
                         asked.get()->phase, asked.get()->ready, asked.get()->leased,
                         asked.get()->waiting, asked.get()->totals.open);
  }
  if (x.name == leaf_name::bucket) {
    auto asked =
        ask_later<bucket_status>(caf::actor_cast<token_bucket_actor>(x.handle), status_atom_v);
    if (asked.answered() && asked.get())
      return fmt::format("\n  token bucket: {} in flight, {} wait for {}, breaker {}",
                         asked.get()->in_flight, asked.get()->waiting, asked.get()->waiting_for,
                         asked.get()->breaker);
  }
  return "";
}

void simulation::stuck(const std::string& why) {
  auto text = why + fmt::format("; {} queries at GitHub", github_.in_flight());
  for (auto& x : processes_) {
    if (!x->life->alive)
      continue;
    text += fmt::format("\nprocess {}:", x->life->number);
    auto members = x->members; // asking lets actors run, who may change the list
    for (auto& y : members)
      if (!virtual_time::ended(y.handle))
        text += fmt::format(" {}#{}", y.name, y.handle.id());
    for (auto& y : members)
      if (!virtual_time::ended(y.handle))
        text += describe_waiting(y);
  }
  stage_.fail(text);
}

// -- processes ------------------------------------------------------------------------

void simulation::start_process() {
  start_planned_ = false;
  if (store_->finished())
    return;
  auto x = std::make_shared<process>();
  x->life->number = ++result_.processes;
  stage_.trace(fmt::format("process {} begins", x->life->number));
  stage_.process_begins();
  processes_.push_back(x);
  x->observer = spawn_observer(x);
  x->session->request = {crawl_name, "search", false};
  x->root = sys.spawn(supervisor, watched(crawl_tree(config_of(x)), x));
  x->members.push_back({"root", caf::actor_cast<caf::actor>(x->root)});
  caf::anon_send(x->observer, restart_atom_v);
  if (result_.processes > most_processes)
    stage_.fail("the crawl does not end although it is started again and again");
}

caf::actor simulation::spawn_observer(const std::shared_ptr<process>& x) {
  // The process is an argument: CAF binds a reference to null for a function without one.
  auto observe = [this](caf::event_based_actor* me,
                        const std::shared_ptr<process>& of) -> caf::behavior {
    me->set_down_handler([this, of](const caf::down_msg& msg) { ended(of, msg.reason); });
    return {[me, of](restart_atom) { me->monitor(of->root); },
            [this, of](finished_atom, const crawl_progress& progress) {
              if (!of->life->alive)
                return;
              stage_.trace("finished: " + progress.phase);
              finished_ = progress;
              finisher_ = of;
            },
            [this, me, of](status_atom) {
              if (of->partitioner)
                me->request(of->partitioner, caf::infinite, status_atom_v)
                    .then([this](const crawl_progress& seen) { witness_.saw(seen); },
                          [](const caf::error&) {});
            }};
  };
  return sys.spawn(observe, x);
}

crawl_tree_config simulation::config_of(const std::shared_ptr<process>& x) {
  config::github_section github;
  github.credentials.clear();
  for (size_t i = 0; i < plan_.users.size(); ++i) {
    config::credential credential;
    credential.name = credential_name(i);
    credential.token = config::secret{credential_secret(i)};
    github.credentials.push_back(credential);
  }
  github.limits.points_per_minute = plan_.points_per_minute;
  github.limits.concurrent_requests = plan_.concurrent;
  github.query_width.page_max = plan_.page_width;
  github.query_width.count_start = plan_.count_width;
  github.retries.max_attempts = plan_.attempts;
  crawl_tree_config cfg;
  auto open = [server = store_, life = x->life] {
    return std::make_unique<model_store>(server, life);
  };
  cfg.ledger.open = open;
  cfg.ledger.session = x->session;
  cfg.writer.open = open;
  cfg.writer.batch_rows = plan_.batch_rows;
  cfg.writer.batch_delay = plan_.batch_delay;
  cfg.writer.metrics = metrics_;
  cfg.writers = plan_.writers;
  search_plan cuts;
  cuts.window = plan_.window;
  cfg.partitioner.source = [base = *parse_search_query(plan_.query), top = plan_.top, cuts] {
    return std::make_unique<search_source>(base, top, cuts);
  };
  cfg.partitioner.retries = github.retries;
  cfg.partitioner.clock = stage_.clock;
  cfg.partitioner.observer = x->observer;
  cfg.partitioner.window = plan_.partitions;
  if (plan_.short_leases)
    cfg.partitioner.lease_time = plan_.lease_time;
  else if (!plan_.leases_expire)
    cfg.partitioner.lease_time = 2 * longest;
  cfg.partitioner.widths = {plan_.page_width, plan_.count_width};
  cfg.bucket = {github, stage_.clock, "api.github.com", metrics_};
  cfg.fetcher.api = std::make_shared<gateway>(github_, x->life, plan_.users.size());
  cfg.fetcher.retries = github.retries;
  cfg.fetcher.clock = stage_.clock;
  cfg.fetcher.metrics = metrics_;
  cfg.fetchers = plan_.fetchers;
  cfg.metrics = metrics_;
  cfg.detached = false;
  cfg.seed = static_cast<uint32_t>(plan_.seed);
  return cfg;
}

/// The same tree, and `owner` knows who runs in it.
supervisor_config simulation::watched(supervisor_config cfg,
                                      const std::shared_ptr<process>& owner) {
  for (auto& child : cfg.children) {
    if (child.subtree) {
      child.subtree = std::make_shared<const supervisor_config>(watched(*child.subtree, owner));
      continue;
    }
    child.start = [start = child.start, name = child.name, above = cfg.name, this,
                   weak = std::weak_ptr{owner}](supervisor_actor::pointer above_it,
                                                const std::vector<named_actor>& earlier) {
      auto handle = start(above_it, earlier);
      if (auto x = weak.lock()) {
        auto parent = caf::actor_cast<caf::actor>(above_it);
        std::erase_if(x->members, [&](auto& y) {
          return y.name == name || y.handle == parent || virtual_time::ended(y.handle);
        });
        started_.push_back(handle.address());
        started_.push_back(parent.address());
        x->members.push_back({name, handle});
        x->members.push_back({above, parent});
        if (name == leaf_name::partitioner)
          x->partitioner = caf::actor_cast<partitioner_actor>(handle);
      }
      return handle;
    };
  }
  return cfg;
}

/// The root has ended by itself: an operator or systemd looks after it.
void simulation::ended(const std::shared_ptr<process>& x, const caf::error& reason) {
  if (!x->life->alive)
    return;
  stage_.trace(fmt::format("process {} ends: {}", x->life->number, describe(reason)));
  stage_.search("the error that ends a process", describe(reason));
  check_reason(*x, reason);
  leave(*x);
  witness_.lost(plan_.fetchers);
  start_later();
}

void simulation::check_reason(const process& x, const caf::error& reason) {
  auto unexpected = [&] {
    stage_.fail(fmt::format("process {} ends: {}", x.life->number, describe(reason)));
  };
  if (reason == errc::fenced && !result_.mishaps.contains(to_string(mishap::take_over)))
    unexpected();
  else if (reason == errc::no_credential_left &&
           !result_.mishaps.contains(to_string(mishap::revoke)))
    unexpected();
  else if (reason == errc::bad_config || reason == errc::query_rejected)
    unexpected();
  github_.renew_credentials();
}

void simulation::start_later() {
  if (start_planned_ || stage_.processes > 0)
    return;
  start_planned_ = true;
  stage_.after(milliseconds{random_.between(0, 20'000)}, [this, crawl = crawl_] {
    if (crawl == crawl_)
      start_process();
  });
}

/// The ledger knows the end. Whoever reached it says so; if it was killed before, the ledger tells.
void simulation::finish_soon() {
  if (std::exchange(finishing_, true))
    return;
  stage_.after(24h, [this, crawl = crawl_] {
    if (crawl != crawl_)
      return;
    auto& run = data_->crawls.back();
    for (auto& x : processes_)
      if (x->life->alive && x->session->run && x->session->run->epoch == run.epoch)
        stage_.fail(
            fmt::format("process {} has finished the crawl and does not say so", x->life->number));
    finished_ = crawl_progress{};
    finished_->run = run;
    finished_->totals = test::memory_store{data_}.certify(run.id);
  });
}

/// Nothing that the process still does counts; all its actors end.
void simulation::leave(process& x) {
  if (!x.life->alive)
    return;
  x.life->alive = false;
  stage_.process_ends();
  caf::anon_send_exit(x.root, caf::exit_reason::kill);
  caf::anon_send_exit(x.observer, caf::exit_reason::kill);
  x.members.clear();
  x.partitioner = nullptr;
}

// -- mishaps ----------------------------------------------------------------------------

void simulation::something_happens() {
  if (stage_.traced() && !stage_.problem().empty())
    return;
  if (random_.chance(0.01) && !processes_.empty() && processes_.back()->life->alive)
    caf::anon_send(processes_.back()->observer, status_atom_v);
  if (mishaps_ >= plan_.most_mishaps || !random_.chance(plan_.mishap_per_step))
    return;
  ++mishaps_;
  happen(random_.one_of(plan_.mishaps));
}

void simulation::happen(mishap kind) {
  auto& newest = *processes_.back();
  auto& count = result_.mishaps[to_string(kind)];
  ++count;
  stage_.trace(std::string{"MISHAP "} + to_string(kind));
  switch (kind) {
  case mishap::kill_actor:
  case mishap::fail_actor:
    return hit_actor(newest, kind == mishap::kill_actor);
  case mishap::store_throws:
    witness_.overlap();
    return store_->throw_once();
  case mishap::crash:
    return crash(newest);
  case mishap::stop:
    if (newest.life->alive)
      caf::anon_send_exit(newest.root, caf::exit_reason::user_shutdown);
    return witness_.lost(plan_.fetchers);
  case mishap::take_over:
    witness_.lost(2 * plan_.fetchers);
    witness_.overlap();
    if (newest.life->alive)
      start_process();
    return;
  case mishap::github_outage:
    return github_.go_away(milliseconds{random_.between(1000, 600'000)});
  case mishap::store_outage:
    return store_->go_away(milliseconds{random_.between(10, 300'000)});
  case mishap::ban:
    return github_.ban_somebody();
  case mishap::revoke:
    return github_.revoke_somebody();
  }
}

/// Fetchers fail alone; the others take all fetchers along.
uint32_t simulation::fetchers_hit(const std::string& name) const {
  return name.starts_with(leaf_name::fetcher) ? 1 : plan_.fetchers;
}

void simulation::hit_actor(process& x, bool kill) {
  if (x.members.empty())
    return;
  auto victim = random_.one_of(x.members);
  stage_.trace(fmt::format("{}#{} is hit", victim.name, victim.handle.id()));
  ++result_.mishaps["hit " + victim.name.substr(0, victim.name.find_first_of("0123456789"))];
  witness_.lost(fetchers_hit(victim.name));
  witness_.overlap();
  if (kill)
    caf::anon_send_exit(victim.handle, caf::exit_reason::kill);
  else
    caf::anon_send(victim.handle,
                   caf::exit_msg{victim.handle.address(),
                                 caf::make_error(errc::store_failed, std::string{"told to fail"})});
}

void simulation::crash(process& x) {
  if (!x.life->alive)
    return;
  leave(x);
  witness_.lost(plan_.fetchers);
  if (stage_.processes == 0)
    witness_.crashed();
  start_later();
}

// -- the end ------------------------------------------------------------------------------

/// Ends the process as a user does; afterwards no actor may be left.
void simulation::close_down() {
  if (finisher_ && finisher_->life->alive)
    caf::anon_send_exit(finisher_->root, caf::exit_reason::user_shutdown);
  for (auto& x : processes_)
    if (x != finisher_)
      leave(*x);
  virtual_time::run();
  if (finisher_)
    leave(*finisher_);
  virtual_time::run();
  if (auto left = sys.registry().running(); left > others_ && stage_.problem().empty())
    stage_.fail(fmt::format("{} actors still run after the crawl", left - others_));
}

} // namespace gitstar::simulation
