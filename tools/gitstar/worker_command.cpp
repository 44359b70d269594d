#include "actors/crawl_tree.hpp"
#include "cluster/node.hpp"
#include "cluster/worker_agents.hpp"
#include "db/leadership.hpp"
#include "db/sharded_store.hpp"
#include "net/github_client.hpp"
#include "net/metrics.hpp"
#include "tools/gitstar/commands.hpp"
#include "tools/gitstar/health_board.hpp"
#include "tools/gitstar/leader.hpp"
#include "tools/gitstar/logging.hpp"
#include "tools/gitstar/open_store.hpp"
#include "tools/gitstar/signals.hpp"
#include "tools/gitstar/wiring.hpp"

#include <spdlog/spdlog.h>

#include <future>
#include <random>
#include <stop_token>
#include <thread>

#include <unistd.h>

namespace gitstar::tool {

namespace {

using namespace std::chrono_literals;

constexpr auto drain_time = 2500ms; ///< what queries and batches under way get at the end,
constexpr auto end_time = 1s;       ///< then what the actors get to end
constexpr auto look_time = 200ms;   ///< between two looks at signals and PostgreSQL
constexpr auto answer_time = 1s;    ///< for PostgreSQL to say whether the crawl is finished
constexpr auto first_pause = 100ms; ///< before coordinators are tried again; doubles,
constexpr auto last_pause = 1600ms; ///< up to this

/// A worker of a cluster: one session after the other, each with new actors and a new connection,
/// so that nothing of an old one can reach a new coordinator.
class worker_run {
public:
  worker_run(const config::settings& settings, std::stop_token stop)
      : settings_(settings), stop_(std::move(stop)), metrics_(std::make_shared<net::metrics>()),
        client_(std::make_shared<net::github_client>(client_options(settings.github))) {
    watch_ =
        std::make_shared<db::run_watch>(open_store{settings.store}.ledger(), settings.crawl.name,
                                        source_text(settings.crawl.source));
    greeting_.worker = settings.cluster.worker.value_or(node_name());
    greeting_.crawl = settings.crawl.name;
    greeting_.source = source_text(settings.crawl.source);
    for (auto& x : settings.github.credentials)
      greeting_.credentials.push_back(x.name);
    if (auto& listen = settings.telemetry.listen) {
      net::status_server_options options;
      options.host = listen->host;
      options.port = listen->port;
      monitoring_ = std::make_unique<net::status_server>(
          options, net::status_handlers{[this] { return metrics_->text(); },
                                        [this] { return health_.get(); }});
    }
  }

  int run();

  /// Whether a call to PostgreSQL or an actor that hangs goes on.
  bool has_left_threads() const {
    return left_behind_ || (look_.valid() && look_.wait_for(0s) != std::future_status::ready);
  }

private:
  enum class ending : uint8_t {
    none,
    away,     ///< no coordinator there, or not the one that leads
    lost,     ///< the session has ended without our doing
    finished, ///< the crawl is
    stopped,  ///< by a signal
    failed,   ///< see `failure_`
  };

  ending session(const config::endpoint& where);
  void watch(caf::scoped_actor& self);
  void tree_ended(const caf::error& reason);
  void drain(caf::scoped_actor& self, const supervisor_actor& root);
  bool waits_for_store();
  bool end_tree(caf::scoped_actor& self, const supervisor_actor& root);
  crawl_tree_config tree_config() const;
  void look_at_store();
  bool is_over();
  void pause(std::chrono::milliseconds longest);

  const config::settings& settings_;
  std::stop_token stop_;
  worker_greeting greeting_;
  std::shared_ptr<db::run_watch> watch_;
  std::future<bool> look_;   // under way
  bool left_behind_ = false; // actors that hang
  std::shared_ptr<db::store_health> store_health_ = std::make_shared<db::store_health>();
  std::shared_ptr<net::metrics> metrics_;
  std::shared_ptr<net::github_client> client_;
  health_board health_;
  std::unique_ptr<net::status_server> monitoring_;
  ending ending_ = ending::none;
  bool tree_ended_ = false;
  caf::error failure_;
  std::minstd_rand random_{std::random_device{}()};
};

int worker_run::run() {
  auto delay = std::chrono::milliseconds{first_pause};
  auto told = false;
  auto over = is_over(); // never at first: notes which crawls are finished already
  while (!stop_.stop_requested() && !over) {
    auto joined = false;
    for (auto& where : settings_.cluster.join) {
      auto how = session(where);
      over = how == ending::finished;
      if (how == ending::failed) {
        complain(describe(failure_));
        return exit_failed;
      }
      joined = joined || how == ending::lost;
      if (stop_.stop_requested() || over)
        break;
    }
    over = over || is_over(); // while nobody could tell us
    if (stop_.stop_requested() || over)
      break;
    if (joined) {
      delay = first_pause;
      told = false;
    } else if (!std::exchange(told, true)) {
      spdlog::info("waiting for a coordinator");
      health_.set({true, "waiting for a coordinator"});
    }
    pause(delay);
    delay = std::min<std::chrono::milliseconds>(delay * 2, last_pause);
  }
  if (!over)
    return exit_stopped;
  spdlog::info("the crawl is finished");
  return exit_complete;
}

/// Whether the crawl was finished while we knew no coordinator. On another thread, because a
/// PostgreSQL that hangs would hang us; an answer that comes late is taken the next time.
bool worker_run::is_over() {
  if (!look_.valid()) {
    std::packaged_task<bool()> task{[watch = watch_] { return watch->is_over(); }};
    look_ = task.get_future();
    std::thread{std::move(task)}.detach();
  }
  for (auto until = std::chrono::steady_clock::now() + answer_time;
       look_.wait_for(10ms) != std::future_status::ready;)
    if (stop_.stop_requested() || std::chrono::steady_clock::now() >= until)
      return false;
  try {
    return look_.get();
  } catch (const db::store_error& failure) {
    spdlog::debug("cannot ask whether the crawl is finished: {}", failure.what());
    return false;
  }
}

/// Half of it is jitter, so that workers that lost their coordinator together do not come together.
void worker_run::pause(std::chrono::milliseconds longest) {
  std::uniform_int_distribution<int64_t> jitter(longest.count() / 2, longest.count());
  auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds{jitter(random_)};
  while (!stop_.stop_requested() && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(20ms);
}

crawl_tree_config worker_run::tree_config() const {
  auto open = [where = open_store{settings_.store}.shards]() -> std::unique_ptr<db::crawl_store> {
    return std::make_unique<db::sharded_store>(where);
  };
  crawl_tree_config result;
  result.metrics = metrics_;
  result.writer.open = open;
  result.writer.health = store_health_;
  result.writer.batch_rows = settings_.store.batch_rows;
  result.writer.batch_delay = settings_.store.batch_delay;
  result.writer.metrics = metrics_;
  result.writers = settings_.store.writers;
  result.fetcher.api = client_;
  result.fetcher.retries = settings_.github.retries;
  result.fetcher.metrics = metrics_;
  result.fetchers = settings_.crawl.fetchers;
  return result;
}

worker_run::ending worker_run::session(const config::endpoint& where) {
  // All three are left behind where an actor hangs, for example in a dead connection to PostgreSQL:
  // the system would wait for it.
  auto system_config = std::make_unique<caf::actor_system_config>();
  system_config->add_message_types<caf::id_block::gitstar>();
  system_config->add_error_category(caf::atom("gitstar"), render_error);
  system_config->set("scheduler.policy", caf::atom("sharing"));
  system_config->set("scheduler.max-threads", 2u);
  add_network(*system_config, settings_.cluster);
  auto system = std::make_unique<caf::actor_system>(*system_config);
  auto self = std::make_unique<caf::scoped_actor>(*system);
  auto door = knock(*self, where, settings_.cluster, protocol_build());
  if (!door) {
    spdlog::debug("{}: {}", config::to_string(where), describe(door.error()));
    failure_ = door.error();
    return failure_ == errc::refused ? ending::failed : ending::away;
  }
  ending_ = ending::none;
  tree_ended_ = false;
  failure_ = {};
  link_config settings;
  settings.door = *door;
  settings.greeting = greeting_;
  settings.heartbeat = settings_.cluster.heartbeat;
  settings.lost_after = settings_.cluster.lost_after;
  settings.observer = caf::actor{*self};
  door = caf::actor{};
  auto root = (*self)->spawn(
      supervisor, worker_tree(tree_config(), worker_agents(settings, settings_.crawl.fetchers)));
  settings.observer = nullptr;
  settings.door = nullptr;
  (*self)->monitor(root);
  spdlog::info("joining {}", config::to_string(where));
  health_.set({true, "joined " + config::to_string(where)});
  watch(*self);
  if (!tree_ended_)
    drain(*self, root);
  auto ended = end_tree(*self, root);
  root = nullptr;
  if (!ended) {
    spdlog::warn("some actors do not end: going on without them");
    static_cast<void>(self.release());
    static_cast<void>(system.release());
    static_cast<void>(system_config.release());
    left_behind_ = true;
  }
  return ending_;
}

void worker_run::watch(caf::scoped_actor& self) {
  self->receive_while([&] {
    return ending_ == ending::none;
  })([&](lost_atom) { ending_ = ending::lost; }, [&](finished_atom) { ending_ = ending::finished; },
     [&](drain_atom) {
       spdlog::info("the coordinator stops, or may not lead any more");
       ending_ = ending::lost;
     },
     [&](const caf::down_msg& msg) { tree_ended(msg.reason); },
     caf::after(look_time) >>
         [&] {
           look_at_store();
           if (stop_.stop_requested())
             ending_ = ending::stopped;
         });
}

void worker_run::tree_ended(const caf::error& reason) {
  tree_ended_ = true;
  failure_ = reason;
  ending_ = ending::failed;
  if (reason == errc::not_leading)
    ending_ = ending::away;
  if (reason == errc::connection_lost || reason == errc::fenced) {
    spdlog::warn("the session ends: {}", describe(reason));
    ending_ = ending::lost;
  }
}

void worker_run::look_at_store() {
  auto now = std::chrono::steady_clock::now();
  if (auto line = store_health_->look(now))
    spdlog::warn(*line);
  auto waits_for = store_health_->waiting_for(now);
  metrics_->set_store_waiting(!waits_for.empty());
  for (auto& [sqlstate, total] : store_health_->errors())
    metrics_->set_store_errors(sqlstate, total);
  if (!waits_for.empty())
    health_.set({false, "waiting for PostgreSQL: " + waits_for});
  else if (!health_.get().ok)
    health_.set({true, "joined"});
}

/// What is paid for is stored, whoever the coordinator is by then: if another one has taken over,
/// its epoch refuses the batch. Where a coordinator lets us go because PostgreSQL is away for it
/// and for us, that is waited for as within a session.
void worker_run::drain(caf::scoped_actor& self, const supervisor_actor& root) {
  auto until = std::chrono::steady_clock::now() + drain_time;
  auto left = [&] {
    return std::max<milliseconds>(
        1ms, std::chrono::duration_cast<milliseconds>(until - std::chrono::steady_clock::now()));
  };
  caf::scoped_actor asker{self->system()}; // a late answer would stay in our mailbox
  std::vector<caf::actor> fetchers;
  asker->request(root, left(), handles_atom_v)
      .receive(
          [&](const std::vector<named_actor>& leaves) {
            for (auto& x : leaves)
              if (x.name.starts_with(leaf_name::fetcher))
                fetchers.push_back(x.handle);
          },
          [](const caf::error&) {});
  for (auto& x : fetchers) // all are told before one is waited for
    asker->send(caf::actor_cast<fetcher_actor>(x), drain_atom_v);
  for (auto& x : fetchers)
    for (auto again = true; std::exchange(again, false);)
      asker->request(caf::actor_cast<fetcher_actor>(x), left(), drain_atom_v)
          .receive([] {},
                   [&](const caf::error& reason) {
                     again = reason == caf::sec::request_timeout && waits_for_store();
                     if (again)
                       until = std::chrono::steady_clock::now() + drain_time;
                   });
}

/// Whether PostgreSQL is away, and nobody has told us to stop.
bool worker_run::waits_for_store() {
  look_at_store();
  return !stop_.stop_requested() &&
         !store_health_->waiting_for(std::chrono::steady_clock::now()).empty();
}

/// Whether all actors have ended.
bool worker_run::end_tree(caf::scoped_actor& self, const supervisor_actor& root) {
  if (tree_ended_)
    return true;
  self->send_exit(root, caf::exit_reason::user_shutdown);
  auto waiting = true;
  auto ended = false;
  self->receive_while([&] { return waiting; })(
      [&](const caf::down_msg&) {
        ended = true;
        waiting = false;
      },
      [](lost_atom) {}, [](finished_atom) {}, [](drain_atom) {},
      caf::after(end_time) >> [&] { waiting = false; });
  return ended;
}

} // namespace

int worker_command(const config::settings& settings) {
  if (auto why = why_no_node(settings, node_role::worker); !why.empty()) {
    complain(why);
    return exit_bad_config;
  }
  signal_watch signals;
  worker_run worker{settings, signals.stop()};
  auto code = worker.run();
  // What libraries free at the end of the program would be taken from under a thread that goes on.
  if (worker.has_left_threads())
    _exit(code);
  return code;
}

} // namespace gitstar::tool
