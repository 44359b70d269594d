#include "actors/crawl_tree.hpp"
#include "cluster/gate.hpp"
#include "cluster/node.hpp"
#include "db/queries.hpp"
#include "db/sharded_store.hpp"
#include "net/github_client.hpp"
#include "net/metrics.hpp"
#include "net/status_server.hpp"
#include "net/url.hpp"
#include "tools/gitstar/background_worker.hpp"
#include "tools/gitstar/commands.hpp"
#include "tools/gitstar/health_board.hpp"
#include "tools/gitstar/leader.hpp"
#include "tools/gitstar/logging.hpp"
#include "tools/gitstar/open_store.hpp"
#include "tools/gitstar/progress.hpp"
#include "tools/gitstar/signals.hpp"
#include "tools/gitstar/status.hpp"
#include "tools/gitstar/summary.hpp"
#include "tools/gitstar/wiring.hpp"

#include <spdlog/spdlog.h>

#include <cstdio>
#include <future>
#include <mutex>
#include <stop_token>
#include <thread>

#include <unistd.h>

namespace gitstar::tool {

namespace {

using namespace std::chrono_literals;

/// Of the five seconds that a graceful stop may take, what queries and batches under way get.
constexpr auto drain_time = 2500ms;
constexpr auto end_time = 1s;     ///< then what the actors get to end,
constexpr auto last_time = 300ms; ///< and what PostgreSQL gets at least for the last words
constexpr auto status_time = 1s;
constexpr auto farewell_time = 3s; ///< what workers get to leave when the crawl is finished
constexpr auto start_time = 1s;    ///< what a start gets to end after a stop

/// Where the server is ours it is started again; one actor after the other.
store_reviver reviver(db::embedded_postgres* server) {
  if (server == nullptr)
    return {};
  return [server, one_at_a_time = std::make_shared<std::mutex>()] {
    std::lock_guard guard{*one_at_a_time};
    server->ensure_running();
  };
}

/// A stop has ended the start of a run.
struct stopped_early {};

int say_stopped() {
  remark("Stopped by a signal: the same command goes on from here.");
  return exit_stopped;
}

/// Makes a call on another thread that may take long and, where PostgreSQL hangs, for ever. After a
/// stop it throws `stopped_early`, or ends the process where the call does not end.
template <class Call>
void call_until(const std::stop_token& stop, Call call) {
  std::packaged_task<void()> task{std::move(call)};
  auto done = task.get_future();
  std::thread{std::move(task)}.detach();
  auto give_up = std::chrono::steady_clock::time_point::max();
  while (done.wait_for(10ms) != std::future_status::ready) {
    auto now = std::chrono::steady_clock::now();
    if (now >= give_up)
      _exit(say_stopped());
    if (stop.stop_requested())
      give_up = std::min(give_up, now + start_time);
  }
  if (stop.stop_requested())
    throw stopped_early{};
  done.get();
}

/// As `call_until`, and a stop ends our server and with it what it is asked.
template <class Call>
void ask_until(const std::stop_token& stop, const open_store& store, Call call) {
  std::stop_callback on_stop{stop, [server = store.server.get()] {
                               if (server != nullptr)
                                 server->ask_to_stop();
                             }};
  call_until(stop, std::move(call));
}

/// The store of the config, up to date.
open_store opened(const config::store_section& settings, const std::stop_token& stop) {
  std::optional<open_store> result;
  call_until(stop, [&] { result.emplace(settings, stop); });
  ask_until(stop, *result, [&] { result->migrate(settings); });
  return std::move(*result);
}

/// One run of one config in this process: the actors, what watches them, and how they end.
class crawl_run {
public:
  /// `coordinator`: set where other nodes fetch and write.
  crawl_run(const config::settings& settings, const crawl_options& options, std::stop_token stop,
            leader* coordinator = nullptr)
      : settings_(settings), options_(options), stop_(std::move(stop)), leader_(coordinator),
        client_(std::make_shared<net::github_client>(client_options(settings.github))),
        store_(opened(settings.store, stop_)), revive_(reviver(store_.server.get())),
        metrics_(std::make_shared<net::metrics>()) {
    background_.emplace(store_.shards);
    start_monitoring();
  }

  int run();
  /// Runs only where there is something to repair.
  int repair();
  /// Ends as the one that has finished the newest crawl would, which may have died before.
  int report_finished();
  /// Another coordinator has taken over: this run counts for nothing.
  bool deposed() const { return ending_ == ending::deposed; }

private:
  using time_point = std::chrono::steady_clock::time_point;

  enum class ending : uint8_t { none, finished, failed, stopped, deposed };

  void start_monitoring();
  crawl_tree_config tree_config(const caf::actor& observer) const;
  gate_config gate_settings() const;
  void listen(caf::actor_system& system);
  std::optional<gate_actor> find_gate() const;
  void see_workers_off(bool finished, time_point until);
  void watch(caf::scoped_actor& self, const caf::actor& root);
  void refresh(caf::scoped_actor& self, const supervisor_actor& root);
  void publish();
  void publish_store();
  void drain(caf::scoped_actor& self, const supervisor_actor& root);
  bool end_tree(caf::scoped_actor& self, const caf::actor& root);
  bool answers(caf::scoped_actor& self, std::function<void()> call, time_point until);
  bool wait_for_store(caf::scoped_actor& self, const std::function<void()>& call);
  time_point last_call() const;
  void store_state(caf::scoped_actor& self, const std::string& state);
  void recount(caf::scoped_actor& self);
  db::repository_summary look_back(caf::scoped_actor& self);
  std::vector<db::staleness_quantile> look_at_ages(caf::scoped_actor& self);
  run_report report() const;
  int last_words(caf::scoped_actor& self);
  int conclude(caf::scoped_actor& self);
  int fail(caf::scoped_actor& self);
  double share_seen() const;

  const config::settings& settings_;
  const crawl_options& options_;
  std::stop_token stop_;
  leader* leader_;
  caf::actor door_; // of a coordinator
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  std::shared_ptr<net::github_client> client_; // before the store: it may refuse the config
  open_store store_;
  std::optional<background_worker> background_;
  store_reviver revive_;
  std::shared_ptr<db::store_health> store_health_ = std::make_shared<db::store_health>();
  std::shared_ptr<net::metrics> metrics_;
  std::shared_ptr<crawl_session> session_ = std::make_shared<crawl_session>();
  health_board health_;
  std::unique_ptr<net::status_server> monitoring_;
  ending ending_ = ending::none;
  caf::error failure_;
  bool root_ended_ = false;
  time_point stop_by_ = time_point::max(); // five seconds after the first signal
  bool store_hangs_ = false;               // a call to PostgreSQL is left behind
  int64_t to_repair_ = 0;                  // partitions
  snapshot last_;
  std::vector<named_actor> leaves_;
};

void crawl_run::start_monitoring() {
  auto& listen = settings_.telemetry.listen;
  if (!listen)
    return;
  net::status_server_options options;
  options.host = listen->host;
  options.port = listen->port;
  monitoring_ = std::make_unique<net::status_server>(
      options,
      net::status_handlers{[this] { return metrics_->text(); }, [this] { return health_.get(); }});
  spdlog::debug("metrics and health at http://{}:{}", listen->host, monitoring_->port());
}

crawl_tree_config crawl_run::tree_config(const caf::actor& observer) const {
  auto open = [where = store_.shards]() -> std::unique_ptr<db::crawl_store> {
    return std::make_unique<db::sharded_store>(where);
  };
  wall_clock clock;
  crawl_tree_config result;
  result.metrics = metrics_;
  result.partitioner.source = source_maker(settings_.crawl.source);
  result.partitioner.retries = settings_.github.retries;
  result.partitioner.clock = clock;
  result.partitioner.widths = {settings_.github.query_width.page_max,
                               settings_.github.query_width.count_start};
  result.partitioner.observer = observer;
  result.ledger.open = open;
  result.ledger.revive = revive_;
  result.ledger.health = store_health_;
  result.ledger.session = session_;
  result.ledger.session->request = {settings_.crawl.name, source_text(settings_.crawl.source),
                                    options_.fresh, options_.repair};
  result.writer.open = open;
  result.writer.revive = revive_;
  result.writer.health = store_health_;
  result.writer.batch_rows = settings_.store.batch_rows;
  result.writer.batch_delay = settings_.store.batch_delay;
  result.writer.metrics = metrics_;
  result.writers = settings_.store.writers;
  result.bucket.github = settings_.github;
  result.bucket.clock = clock;
  result.bucket.host = net::parse_url(settings_.github.graphql_url).host;
  result.bucket.metrics = metrics_;
  result.fetcher.api = client_;
  result.fetcher.retries = settings_.github.retries;
  result.fetcher.clock = clock;
  result.fetcher.metrics = metrics_;
  result.fetchers = settings_.crawl.fetchers;
  if (leader_ != nullptr)
    result.gate = [door = door_, cfg = gate_settings()](supervisor_actor::pointer self,
                                                        const std::vector<named_actor>& earlier) {
      auto entrance =
          self->spawn(gate, cfg, leaf<partitioner_actor>(earlier, leaf_name::partitioner),
                      leaf<token_bucket_actor>(earlier, leaf_name::bucket));
      set_gate(door, entrance);
      return caf::actor_cast<caf::actor>(entrance);
    };
  return result;
}

gate_config crawl_run::gate_settings() const {
  gate_config result;
  result.crawl = settings_.crawl.name;
  result.source = source_text(settings_.crawl.source);
  for (auto& x : settings_.github.credentials)
    result.credentials.push_back(x.name);
  result.desk.heartbeat = settings_.cluster.heartbeat;
  result.desk.lost_after = settings_.cluster.lost_after;
  result.desk.metrics = metrics_;
  result.leads = [leader = leader_] { return leader->leads(); };
  return result;
}

void crawl_run::listen(caf::actor_system& system) {
  auto& where = *settings_.cluster.listen;
  auto port = open_door(system, door_, settings_.cluster);
  if (!port) {
    caf::anon_send_exit(door_, caf::exit_reason::user_shutdown); // the system waits for its actors
    throw std::runtime_error("cannot listen for workers at " + config::to_string(where) + ": " +
                             system.render(port.error()));
  }
  spdlog::info("workers can join at {}", config::to_string(config::endpoint{where.host, *port}));
}

std::optional<gate_actor> crawl_run::find_gate() const {
  for (auto& x : leaves_)
    if (x.name == leaf_name::gate)
      return caf::actor_cast<gate_actor>(x.handle);
  return std::nullopt;
}

/// Tells the workers that the crawl is finished, or that this coordinator stops, and waits until
/// they have left.
void crawl_run::see_workers_off(bool finished, time_point until) {
  auto gate = find_gate();
  if (!gate)
    return;
  caf::scoped_actor asker{door_.home_system()}; // as for `refresh`
  if (finished)
    asker->send(*gate, finished_atom_v);
  else
    asker->send(*gate, drain_atom_v);
  for (auto workers = uint32_t{1}; workers > 0 && std::chrono::steady_clock::now() < until;) {
    workers = 0;
    asker->request(*gate, status_time, status_atom_v)
        .receive([&](const cluster_status& status) { workers = status.workers; },
                 [](const caf::error&) {});
    if (workers > 0)
      std::this_thread::sleep_for(20ms);
  }
}

int crawl_run::run() {
  caf::actor_system_config system_config;
  system_config.add_message_types<caf::id_block::gitstar>();
  system_config.add_error_category(caf::atom("gitstar"), render_error);
  // Workers sleep until there is work, instead of looking for it every few milliseconds.
  system_config.set("scheduler.policy", caf::atom("sharing"));
  system_config.set("scheduler.max-threads", 2u);
  if (leader_ != nullptr)
    add_network(system_config, settings_.cluster);
  caf::actor_system system{system_config};
  caf::scoped_actor self{system};
  if (leader_ != nullptr) {
    door_ = spawn_door(system, [leader = leader_] { return leader->leads(); });
    listen(system);
  }
  auto tree = crawl_tree(tree_config(caf::actor{self}));
  tree.gives_up = [observer = caf::actor{self}](const caf::error& reason) {
    caf::anon_send(observer, failed_atom_v, reason);
  };
  auto root = self->spawn(supervisor, std::move(tree));
  auto untyped_root = caf::actor_cast<caf::actor>(root);
  self->monitor(root);
  std::stop_callback on_stop{
      stop_, [observer = caf::actor{self}] { caf::anon_send(observer, drain_atom_v); }};
  watch(self, untyped_root);
  if (ending_ == ending::stopped)
    drain(self, root);
  if (ending_ == ending::failed && leader_ != nullptr && failure_ == errc::fenced)
    ending_ = ending::deposed;
  if (ending_ != ending::failed)
    refresh(self, root);
  if (ending_ == ending::finished && leader_ != nullptr) {
    see_workers_off(true, std::chrono::steady_clock::now() + farewell_time);
    refresh(self, root); // what they did not use has come back
  }
  leaves_.clear(); // the actor system waits until nobody holds a handle of a detached actor
  auto ended = end_tree(self, untyped_root);
  auto offline = client_->stop(last_time);
  if (leader_ != nullptr) {
    self->send_exit(door_, caf::exit_reason::user_shutdown);
    door_ = nullptr;
  }
  auto code = last_words(self);
  if (ending_ == ending::finished && leader_ != nullptr)
    leader_->conclude();
  // The actor system would wait for an actor that hangs, for example in a dead connection, and the
  // client for a name that is being looked up.
  if (!background_->end(last_time) || !ended || !offline || store_hangs_) {
    if (store_.server)
      store_.server->ask_to_stop();
    _exit(code);
  }
  return code;
}

int crawl_run::report_finished() {
  caf::actor_system_config system_config;
  system_config.add_message_types<caf::id_block::gitstar>();
  caf::actor_system system{system_config};
  caf::scoped_actor self{system};
  std::stop_callback on_stop{
      stop_, [observer = caf::actor{self}] { caf::anon_send(observer, drain_atom_v); }};
  ending_ = ending::finished;
  auto found = std::make_shared<optional<db::crawl_status>>(); // a call left behind may write it
  auto look = [found, where = store_.ledger(), name = settings_.crawl.name,
               source = source_text(settings_.crawl.source)] {
    *found = db::newest_crawl(where, name, source);
  };
  auto code = static_cast<int>(exit_stopped);
  if (wait_for_store(self, look) && *found) {
    last_.crawl.run = (*found)->crawl;
    last_.crawl.totals = (*found)->certificate;
    code = conclude(self);
  }
  if (store_hangs_)
    _exit(code);
  return code;
}

int crawl_run::repair() {
  optional<db::crawl_status> found;
  ask_until(stop_, store_, [&] {
    found = db::newest_crawl(store_.ledger(), settings_.crawl.name,
                             source_text(settings_.crawl.source));
  });
  if (found)
    to_repair_ = found->certificate.incomplete + found->certificate.dead;
  std::fputs(repair_text(settings_.crawl.name, found).c_str(), stdout);
  std::fflush(stdout);
  if (to_repair_ > 0)
    return run();
  if (found && !options_.report_file.empty()) {
    last_.crawl.run = found->crawl;
    last_.crawl.totals = found->certificate;
    write_report(report(), options_.report_file);
  }
  return exit_complete;
}

void crawl_run::watch(caf::scoped_actor& self, const caf::actor& root) {
  auto typed_root = caf::actor_cast<supervisor_actor>(root);
  auto rewrites = options_.progress && isatty(STDERR_FILENO) != 0 && !logs_are_json();
  progress_display display{rewrites, settings_.telemetry.progress_interval};
  auto next_line = began_ + display.interval();
  self->receive_while([&] { return ending_ == ending::none; })(
      [&](finished_atom, const crawl_progress& progress) {
        last_.crawl = progress;
        ending_ = ending::finished;
      },
      [&](failed_atom, caf::error& reason) {
        failure_ = std::move(reason);
        ending_ = ending::failed;
      },
      [&](const caf::down_msg& msg) {
        failure_ = msg.reason;
        ending_ = ending::failed;
        root_ended_ = true;
      },
      [&](drain_atom) {
        ending_ = ending::stopped;
        stop_by_ = std::chrono::steady_clock::now() + drain_time + end_time + last_time;
      },
      caf::after(std::min<caf::timespan>(display.interval(), 1s)) >>
          [&] {
            refresh(self, typed_root);
            if (leader_ != nullptr && leader_->deposed())
              ending_ = ending::deposed;
            if (options_.progress && last_.at >= next_line) {
              display.show(last_);
              next_line = last_.at + display.interval();
            }
          });
  display.finish();
}

void crawl_run::refresh(caf::scoped_actor& self, const supervisor_actor& root) {
  // A time-out that comes after its answer stays in a blocking actor's mailbox for ever, so each
  // round has an actor of its own.
  caf::scoped_actor asker{self->system()};
  // Handles are asked for each time: a restart changes them.
  asker->request(root, status_time, handles_atom_v)
      .receive([&](const std::vector<named_actor>& leaves) { leaves_ = leaves; },
               [](const caf::error&) {});
  for (auto& x : leaves_) {
    if (x.name == leaf_name::partitioner)
      asker->request(caf::actor_cast<partitioner_actor>(x.handle), status_time, status_atom_v)
          .receive([&](const crawl_progress& progress) { last_.crawl = progress; },
                   [](const caf::error&) {});
    if (x.name == leaf_name::gate)
      asker->request(caf::actor_cast<gate_actor>(x.handle), status_time, status_atom_v)
          .receive([&](const cluster_status& status) { metrics_->set_cluster(status); },
                   [](const caf::error&) {});
    if (x.name == leaf_name::bucket)
      asker->request(caf::actor_cast<token_bucket_actor>(x.handle), status_time, status_atom_v)
          .receive([&](const bucket_status& status) { last_.bucket = status; },
                   [](const caf::error&) {});
  }
  last_.at = std::chrono::steady_clock::now();
  last_.wall = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  publish();
}

void crawl_run::publish() {
  auto& totals = last_.crawl.totals;
  metrics_->set_partitions("open", totals.open);
  metrics_->set_partitions("split", totals.split);
  metrics_->set_partitions("done", totals.done);
  metrics_->set_partitions("incomplete", totals.incomplete);
  metrics_->set_partitions("dead", totals.dead);
  metrics_->set_queue_depth("partitions", last_.crawl.ready);
  metrics_->set_queue_depth("permits", last_.bucket.waiting);
  metrics_->set_requests_in_flight(last_.bucket.in_flight);
  for (auto& x : last_.bucket.budgets) {
    if (x.what == resource::core) {
      if (x.known)
        metrics_->set_requests_remaining(x.credential, x.remaining);
      continue; // the rest is the credential's own, and told of its points
    }
    if (x.known)
      metrics_->set_points_remaining(x.credential, x.remaining);
    metrics_->set_credential_ban(x.credential, std::max(x.banned_until - last_.wall, 0s));
    metrics_->set_credential_benched(x.credential, x.benched);
    metrics_->set_credential_points_today(x.credential, x.spent_today);
  }
  for (auto& x : last_.bucket.widths)
    metrics_->set_query_width(x);
  metrics_->set_breaker_state(net::parse_url(settings_.github.graphql_url).host,
                              last_.bucket.breaker);
  publish_store();
  auto parked = last_.bucket.breaker == "open";
  if (!last_.store_waits_for.empty())
    health_.set({false, "waiting for PostgreSQL: " + last_.store_waits_for});
  else
    health_.set({!parked, parked ? "the circuit breaker is open" : last_.crawl.phase});
}

void crawl_run::publish_store() {
  if (auto line = store_health_->look(last_.at))
    spdlog::warn(*line);
  last_.store_waits_for = store_health_->waiting_for(last_.at);
  metrics_->set_store_waiting(!last_.store_waits_for.empty());
  for (auto& [sqlstate, total] : store_health_->errors())
    metrics_->set_store_errors(sqlstate, total);
}

void crawl_run::drain(caf::scoped_actor& self, const supervisor_actor& root) {
  spdlog::info("stopping: the queries under way are finished and stored");
  refresh(self, root);
  auto until = std::chrono::steady_clock::now() + drain_time;
  auto left = [&] {
    return std::max<milliseconds>(
        1ms, std::chrono::duration_cast<milliseconds>(until - std::chrono::steady_clock::now()));
  };
  caf::scoped_actor asker{self->system()}; // as for `refresh`
  for (auto& x : leaves_)
    if (x.name == leaf_name::partitioner)
      asker->request(caf::actor_cast<partitioner_actor>(x.handle), left(), drain_atom_v)
          .receive([] {}, [](const caf::error&) {});
  if (leader_ != nullptr)
    see_workers_off(false, until);
  // All are told before one is waited for.
  std::vector<caf::actor> fetchers;
  for (auto& x : leaves_)
    if (x.name.starts_with(leaf_name::fetcher))
      fetchers.push_back(x.handle);
  for (auto& x : fetchers)
    asker->send(caf::actor_cast<fetcher_actor>(x), drain_atom_v);
  for (auto& x : fetchers)
    asker->request(caf::actor_cast<fetcher_actor>(x), left(), drain_atom_v)
        .receive([] {}, [](const caf::error&) {});
}

/// Whether all actors have ended.
bool crawl_run::end_tree(caf::scoped_actor& self, const caf::actor& root) {
  if (root_ended_)
    return true; // its end is why we are here
  self->send_exit(root, caf::exit_reason::user_shutdown);
  auto ended = false;
  auto waiting = true;
  self->receive_while([&] { return waiting; })(
      [&](const caf::down_msg&) {
        ended = true;
        waiting = false;
      },
      [](drain_atom) {}, [](finished_atom, const crawl_progress&) {},
      [](failed_atom, const caf::error&) {},
      // After an error nobody has been drained: writers still store what they have.
      caf::after(ending_ == ending::failed ? drain_time + end_time : milliseconds{end_time}) >>
          [&] {
            spdlog::warn("some actors do not end: going on without them");
            waiting = false;
          });
  return ended;
}

/// Makes a call to PostgreSQL on another thread, because a server that hangs would hang us. False:
/// time is up, or a signal came, and the call is left behind. Throws what the call throws.
bool crawl_run::answers(caf::scoped_actor& self, std::function<void()> call, time_point until) {
  std::packaged_task<void()> task{std::move(call)};
  auto done = task.get_future();
  std::thread{std::move(task)}.detach();
  while (done.wait_for(10ms) != std::future_status::ready) {
    self->receive([&](drain_atom) { until = std::chrono::steady_clock::now() + last_time; },
                  caf::after(0s) >> [] {});
    if (std::chrono::steady_clock::now() < until)
      continue;
    store_hangs_ = true;
    return false;
  }
  done.get();
  return true;
}

/// Tries again while PostgreSQL is away. False: a signal has ended that.
bool crawl_run::wait_for_store(caf::scoped_actor& self, const std::function<void()>& call) {
  using clock = std::chrono::steady_clock;
  store_retry retry{store_health_, self->id()};
  for (;;) {
    caf::timespan delay{0};
    try {
      retry.called(clock::now());
      auto answered = answers(self, call, time_point::max());
      retry.answered(clock::now());
      return answered;
    } catch (const db::store_error& failure) {
      if (!failure.transient())
        throw;
      delay = retry.failed(failure, clock::now());
    }
    publish();
    auto stopped = false;
    self->receive([&](drain_atom) { stopped = true; }, caf::after(delay) >> [] {});
    if (stopped)
      return false;
    retry.revive(revive_, clock::now());
  }
}

/// How long PostgreSQL has for an answer when the run is over.
crawl_run::time_point crawl_run::last_call() const {
  return std::min(stop_by_, std::chrono::steady_clock::now() + drain_time);
}

void crawl_run::store_state(caf::scoped_actor& self, const std::string& state) {
  auto& run = last_.crawl.run;
  if (run.id == 0)
    return;
  auto call = [where = store_.ledger(), run, state] {
    db::postgres_store{where}.set_state(run.id, run.epoch, state);
  };
  try {
    if (answers(self, call, last_call()))
      run.state = state;
    else
      spdlog::warn("the crawl's state could not be stored: PostgreSQL does not answer");
  } catch (const db::store_error& failure) {
    spdlog::warn("the crawl's state could not be stored: {}", failure.what());
  }
}

/// Asks the ledger how far the crawl has come: what we have seen of it may be a second old.
void crawl_run::recount(caf::scoped_actor& self) {
  auto totals = std::make_shared<certificate>(); // a call left behind may still write it
  auto count = [totals, where = store_.ledger(), run = last_.crawl.run.id] {
    *totals = db::postgres_store{where}.certify(run);
  };
  try {
    if (last_.crawl.run.id != 0 && answers(self, count, last_call()))
      last_.crawl.totals = *totals;
  } catch (const db::store_error& failure) {
    spdlog::debug("the crawl could not be counted: {}", failure.what());
  }
}

/// What the store holds now; empty where it does not answer after a signal.
db::repository_summary crawl_run::look_back(caf::scoped_actor& self) {
  auto stored = std::make_shared<db::repository_summary>(); // a call left behind may still write it
  auto look = [stored, where = store_.shards,
               min_stars = std::max<int64_t>(last_.crawl.run.threshold, 0)] {
    *stored = db::summarize_repositories(where, min_stars);
  };
  if (ending_ == ending::stopped) {
    try {
      if (!store_hangs_ && answers(self, look, stop_by_))
        return *stored;
    } catch (const db::store_error& failure) {
      spdlog::warn("no summary: {}", failure.what());
    }
    return {};
  }
  auto look_and_build = [look, where = store_.shards] {
    auto built = std::async(std::launch::async, [&] { db::build_query_indexes(where); });
    look();
    built.get();
  };
  if (wait_for_store(self, look_and_build))
    return *stored;
  spdlog::warn("stopped before the indexes for queries were built: gitstar migrate builds them");
  return {};
}

/// How old what a refresh is about is now; empty for other sources.
std::vector<db::staleness_quantile> crawl_run::look_at_ages(caf::scoped_actor& self) {
  auto& refresh = settings_.crawl.source.refresh;
  if (!refresh || ending_ == ending::stopped)
    return {};
  auto ages = std::make_shared<std::vector<db::staleness_quantile>>();
  auto look = [ages, where = store_.shards, which = selection(*refresh)] {
    *ages = db::staleness(where, which);
  };
  return wait_for_store(self, look) ? *ages : std::vector<db::staleness_quantile>{};
}

double crawl_run::share_seen() const {
  auto& totals = last_.crawl.totals;
  // Where GitHub's estimates promised more than there are, the source holds fewer than `top`.
  auto& search = settings_.crawl.source.search;
  auto top = search ? static_cast<int64_t>(search->top.value_or(0)) : 0;
  if (totals.seen < top)
    return static_cast<double>(totals.seen) / static_cast<double>(top);
  // A dead letter that was never counted says nothing of what it has.
  if (totals.expected == 0)
    return totals.dead == 0 ? 1.0 : 0.0;
  return static_cast<double>(totals.expected - totals.missing) /
         static_cast<double>(totals.expected);
}

run_report crawl_run::report() const {
  run_report result;
  result.crawl = last_.crawl;
  result.bucket = last_.bucket;
  result.items = metrics_->items();
  result.wall_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - began_).count();
  measure_process(result);
  return result;
}

/// The exit code. Nothing is thrown: actors may hang, and would be waited for.
int crawl_run::last_words(caf::scoped_actor& self) {
  if (deposed())
    return exit_failed;
  try {
    return ending_ == ending::failed ? fail(self) : conclude(self);
  } catch (const std::exception& failure) {
    complain(failure.what());
    return exit_failed;
  }
}

int crawl_run::conclude(caf::scoped_actor& self) {
  if (ending_ == ending::stopped)
    store_state(self, "stopped");
  auto stored = look_back(self);
  auto result = report();
  result.staleness = look_at_ages(self);
  if (!options_.report_file.empty())
    write_report(result, options_.report_file);
  std::fputs(summary_text(result, stored, options_.psql_hint).c_str(), stdout);
  if (options_.repair)
    std::fputs(repair_result_text(to_repair_, result.crawl.totals).c_str(), stdout);
  std::fflush(stdout);
  if (ending_ == ending::stopped)
    return say_stopped();
  return share_seen() >= settings_.crawl.completeness ? exit_complete : exit_incomplete;
}

int crawl_run::fail(caf::scoped_actor& self) {
  auto bad_config = failure_ == errc::bad_config;
  // A run that fails at once ends before anybody has asked how it is.
  if (last_.crawl.run.id == 0 && session_->run)
    last_.crawl.run = *session_->run;
  recount(self);
  // What has neither stored nor planned anything is not worth resuming.
  auto& totals = last_.crawl.totals;
  store_state(self, totals.seen == 0 && totals.split == 0 ? "failed" : "stopped");
  auto text = describe(failure_);
  if (bad_config) {
    auto& search = settings_.crawl.source.search;
    auto at = search ? search->top_at : config::location{};
    text = config::to_string(config::problem{at, text});
  }
  if (!options_.report_file.empty()) {
    auto result = report();
    result.crawl.run.state = "failed";
    write_report(result, options_.report_file);
  }
  complain(text);
  return bad_config ? exit_bad_config : exit_failed;
}

} // namespace

namespace {

/// Better said before the crawl than after it.
bool has_bad_report_file(const crawl_options& options) {
  if (options.report_file.empty() || can_write_report(options.report_file))
    return false;
  complain("--report: cannot write " + options.report_file);
  return true;
}

} // namespace

int crawl_command(const config::settings& settings, const crawl_options& options) {
  if (has_bad_report_file(options))
    return exit_bad_config;
  signal_watch signals;
  return crawl_until(signals.stop(), settings, options);
}

int crawl_until(const std::stop_token& stop, const config::settings& settings,
                const crawl_options& options) {
  try {
    crawl_run run{settings, options, stop};
    return options.repair ? run.repair() : run.run();
  } catch (const stopped_early&) {
    return say_stopped();
  }
}

namespace {

/// What monitoring gets to see of a coordinator that waits for its turn: it is well, and has
/// nothing to tell. Ends before a crawl takes the address.
class standby_monitoring {
public:
  explicit standby_monitoring(const config::telemetry_section& settings) {
    if (!settings.listen)
      return;
    net::status_server_options options;
    options.host = settings.listen->host;
    options.port = settings.listen->port;
    net::status_handlers handlers{[this] { return metrics_.text(); },
                                  [] {
                                    return net::health{true, "standing by"};
                                  }};
    try {
      server_.emplace(options, std::move(handlers));
    } catch (const std::runtime_error& failure) {
      // The leader may be on the same machine; when it is gone its address is free.
      spdlog::info("standing by without metrics and health: {}", failure.what());
    }
  }

private:
  net::metrics metrics_;
  std::optional<net::status_server> server_;
};

int coordinate_until(const std::stop_token& stop, const config::settings& settings,
                     const crawl_options& options) {
  auto store = opened(settings.store, stop);
  leader place{store.ledger(), settings.crawl.name, source_text(settings.crawl.source),
               settings.cluster};
  for (;;) {
    auto answer = [&] {
      standby_monitoring monitoring{settings.telemetry};
      return place.wait([&] { return stop.stop_requested(); });
    }();
    if (answer == db::leadership::answer::waits)
      return exit_stopped;
    if (answer == db::leadership::answer::finished) {
      spdlog::info("the crawl is finished: there is nothing to stand by for");
      auto code = crawl_run{settings, options, stop}.report_finished();
      if (code != exit_stopped)
        place.conclude();
      return code;
    }
    spdlog::info("{} leads", node_name());
    crawl_run run{settings, options, stop, &place};
    auto code = run.run();
    if (!run.deposed())
      return code;
    spdlog::warn("another coordinator has taken over: {} stands by again", node_name());
  }
}

} // namespace

int coordinator_command(const config::settings& settings, const crawl_options& options) {
  if (auto why = why_no_node(settings, node_role::coordinator); !why.empty()) {
    complain(why);
    return exit_bad_config;
  }
  if (has_bad_report_file(options))
    return exit_bad_config;
  signal_watch signals;
  try {
    return coordinate_until(signals.stop(), settings, options);
  } catch (const stopped_early&) {
    return say_stopped();
  }
}

} // namespace gitstar::tool
