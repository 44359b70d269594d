#include "tests/actors/world.hpp"

#include <spdlog/spdlog.h>

namespace gitstar::test {

world::world() {
  spdlog::set_level(spdlog::level::off);
  clock.wall_at_start = database->now;
  clock.actor_at_start = now();
  settings.credentials.push_back({"token-1", config::secret{"secret"}, {}});
  // As an argument: CAF binds a reference to null for a function without one.
  auto observe = [](caf::event_based_actor*, world* owner) -> caf::behavior {
    return {[owner](finished_atom, const crawl_progress& x) { owner->finished = x; }};
  };
  observer_ = sys.spawn(observe, this);
  adopt(observer_);
}

ledger_actor world::spawn_ledger() {
  if (!session)
    session = std::make_shared<crawl_session>();
  session->request = {"test", "search", false};
  return spawn(ledger, ledger_settings());
}

partitioner_config world::plan_settings() const {
  auto result = plan;
  auto search = [base = *parse_search_query(query), top = top, cuts = cuts] {
    return std::make_unique<search_source>(base, top, cuts);
  };
  result.source = source ? source : source_factory{search};
  result.clock = clock;
  result.retries = settings.retries;
  return result;
}

ledger_config world::ledger_settings() const {
  ledger_config result;
  result.open = open_store(database);
  result.session = session;
  return result;
}

writer_config world::writer_settings(uint32_t batch_rows) const {
  writer_config result;
  result.open = open_store(database);
  result.batch_rows = batch_rows;
  result.batch_delay = batch_delay;
  result.metrics = metrics;
  return result;
}

token_bucket_config world::bucket_settings() const {
  return {settings, clock, "api.github.com", metrics};
}

world::process world::start(uint32_t fetchers) {
  session = std::make_shared<crawl_session>();
  session->request = {"test", "search", false};
  finished.reset();
  process x;
  auto keep = [this](const auto& handle) {
    adopt(caf::actor_cast<caf::actor>(handle));
    return handle;
  };
  x.ledger = keep(sys.spawn(ledger, ledger_settings()));
  x.writer = keep(sys.spawn(writer, writer_settings(2000)));
  auto cfg = plan_settings();
  cfg.observer = observer_;
  cfg.widths = {settings.query_width.page_max, settings.query_width.count_start};
  x.partitioner = keep(sys.spawn(partitioner, cfg, x.ledger));
  x.bucket = keep(sys.spawn(token_bucket, bucket_settings(), x.ledger));
  for (uint32_t i = 0; i < fetchers; ++i)
    x.fetchers.push_back(keep(start_fetcher(x)));
  return x;
}

fetcher_config world::fetcher_settings(std::shared_ptr<net::query_sender> api) const {
  fetcher_config result;
  result.api = std::move(api);
  result.retries = settings.retries;
  result.clock = clock;
  result.metrics = metrics;
  return result;
}

fetcher_actor world::start_fetcher(const process& x) {
  auto result = sys.spawn(fetcher, fetcher_settings(github),
                          fetcher_partners{x.partitioner, x.bucket, x.writer});
  adopt(caf::actor_cast<caf::actor>(result));
  return result;
}

void world::crash(const process& x) {
  auto kill = [](const auto& handle) { caf::anon_send_exit(handle, caf::exit_reason::kill); };
  for (auto& fetcher : x.fetchers)
    kill(fetcher);
  kill(x.partitioner);
  kill(x.bucket);
  kill(x.writer);
  kill(x.ledger);
  run();
}

crawl_progress world::wait_for_end(caf::timespan limit) {
  if (!advance_until([this] { return finished.has_value(); }, limit))
    throw std::runtime_error("the crawl has not finished in time");
  return *finished;
}

crawl_progress world::crawl_to_end(uint32_t fetchers) {
  start(fetchers);
  return wait_for_end();
}

std::set<std::pair<std::string, std::string>> committed_pages(const memory_database& database,
                                                              int64_t crawl_id) {
  std::set<std::pair<std::string, std::string>> result;
  auto found = database.partitions.find(crawl_id);
  if (found == database.partitions.end())
    return result;
  for (auto& [id, part] : found->second) {
    auto texts = pass_texts(part.description);
    auto add = [&](size_t pass, uint32_t pages) {
      for (uint32_t page = 0; page < 10; ++page)
        if (pages >> page & 1)
          result.emplace(texts[pass], page == 0 ? "" : search_cursor(page * page_size));
    };
    auto finished =
        part.state == partition_state::done || part.state == partition_state::incomplete;
    for (size_t pass = 0; pass < texts.size(); ++pass)
      if (finished || pass < part.pass)
        add(pass, 0x3ff);
    if (!finished && part.pass < texts.size())
      add(part.pass, part.pages_done);
  }
  return result;
}

} // namespace gitstar::test
