#include "actors/fetcher.hpp"

#include "actors/patience.hpp"
#include "net/metadata_query.hpp"
#include "net/metrics.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace gitstar {

namespace {

using namespace std::chrono_literals;

/// The credit that bounds memory (DESIGN 3).
constexpr uint32_t max_outstanding = 2;

/// Blocks of repositories whose lists one fetcher reads at once: enough to fill its queries, and no
/// more than it has to, because it sends one query after the other.
constexpr size_t blocks_at_once = 2;

/// Blocks that one query probes.
constexpr size_t most_blocks_probed = 4;

/// The host, the network or a limit is to blame, not what was asked.
bool is_nobodys_fault(outcome result) {
  switch (result) {
  case outcome::primary_limit:
  case outcome::secondary_limit:
  case outcome::unauthorized:
  case outcome::forbidden:
  case outcome::network:
  case outcome::server_error:
    return true;
  default:
    return false;
  }
}

/// The TOKEN BUCKET holds the next permit back until it makes sense.
bool is_paced_by_bucket(outcome result) {
  switch (result) {
  case outcome::primary_limit:
  case outcome::secondary_limit:
  case outcome::unauthorized: // the next one is another credential's
  case outcome::forbidden:
    return true;
  default:
    return false;
  }
}

} // namespace

uint32_t fetcher_state::counting::available() const {
  return static_cast<uint32_t>(std::count(asked.begin(), asked.end(), false));
}

fetcher_actor::behavior_type fetcher_state::make_behavior(fetcher_config cfg,
                                                          fetcher_partners partners) {
  cfg_ = std::move(cfg);
  partners_ = std::move(partners);
  std::seed_seq seeds{cfg_.seed, static_cast<uint32_t>(id())};
  random_.seed(seeds);
  self_->delayed_send(self_, cfg_.renew_interval, tick_atom_v);
  self_->set_exit_handler([this](const caf::exit_msg& msg) {
    for (auto& promise : std::exchange(drained_, {}))
      promise.deliver(caf::make_error(errc::stopping));
    self_->quit(msg.reason);
  });
  go_on();
  return {
      [this](drain_atom) {
        stopping_ = true;
        drained_.push_back(self_->make_response_promise());
        finish_drain();
      },
      [this](answer_atom, uint64_t query_id, api_response& response) {
        if (in_flight_ && in_flight_->id == query_id)
          answered(response);
      },
      [this](next_atom) {
        busy_ = false;
        go_on();
      },
      [this](tick_atom) {
        if (!readers_.empty() || !countings_.empty() || outstanding_ > 0)
          self_->send(partners_.partitioner, renew_atom_v, id());
        self_->delayed_send(self_, cfg_.renew_interval, tick_atom_v);
      },
  };
}

uint32_t& fetcher_state::width(query_shape shape) { return widths_[shape]; }

uint32_t fetcher_state::available(query_shape shape) const {
  uint32_t result = 0;
  if (shape == query_shape::search_count)
    for (auto& [id, x] : countings_)
      result += x.available();
  else
    for (auto& [id, x] : readers_)
      result += x->shape() == shape ? x->available() : 0;
  return result;
}

// -- the loop -----------------------------------------------------------------

void fetcher_state::go_on() {
  if (busy_ || in_flight_ || stopping_ || looking_up_ > 0)
    return;
  if (outstanding_ >= max_outstanding)
    return; // the writer's answer calls again
  auto shape = next_shape();
  auto fields = available(shape);
  if (fields == 0 && dry_)
    return; // turned away: the crawl is draining or finished
  if (fields < std::max(width(shape), 1u) && !dry_ && may_lease(shape))
    lease_more(shape, fields == 0);
  else
    acquire(shape);
}

query_shape fetcher_state::next_shape() {
  // What is counted becomes work for everybody, so counts go first.
  if (available(query_shape::search_count) > 0)
    return query_shape::search_count;
  // Probes become work for the queries that follow.
  if (available(query_shape::metadata_probe) > 0)
    return query_shape::metadata_probe;
  // A listing gives more to ask for: it fills queries that would go out half empty.
  std::optional<query_shape> pages;
  auto can_list = false;
  for (auto& [key, x] : readers_)
    if (x->available() > 0 && x->shape() == query_shape::id_list)
      can_list = true;
    else if (x->available() > 0 && !pages)
      pages = x->shape();
  if (can_list && (!pages || available(*pages) < std::max(width(*pages), 1u)))
    return query_shape::id_list;
  return pages.value_or(query_shape::search_page);
}

/// A block of repositories is work for many queries.
bool fetcher_state::may_lease(query_shape wanted) const {
  if (wanted == query_shape::metadata_probe)
    return readers_.size() < blocks_at_once + most_blocks_probed;
  return wanted != query_shape::metadata_list || readers_.size() < blocks_at_once;
}

void fetcher_state::lease_more(query_shape wanted, bool wait) {
  busy_ = true;
  self_
      ->request(partners_.partitioner, patience, lease_atom_v, id(),
                width(query_shape::search_page), width(query_shape::search_count), wait)
      .then(
          [this, wanted, wait](std::vector<lease>& work) {
            busy_ = false;
            // Who fills a query of counts does not hoard the pages that he is given instead.
            auto fits = [=](const lease& x) {
              return wait || wanted != query_shape::search_count || !x.counts.empty();
            };
            dry_ = std::none_of(work.begin(), work.end(), fits);
            take(work);
          },
          [this](const caf::error& reason) {
            busy_ = false;
            if (reason != errc::stopping)
              return self_->quit(reason);
            dry_ = true;
            if (available(next_shape()) > 0)
              go_on();
          });
}

/// Of metadata the store knows how far it is read.
void fetcher_state::take(std::vector<lease>& work) {
  std::vector<repo_id> known;
  std::vector<std::string> kinds;
  for (auto& x : work)
    if (x.counts.empty() && is_metadata(x.shape)) {
      known.insert(known.end(), x.part.seen_ids.begin(), x.part.seen_ids.end());
      kinds = x.metadata.kinds;
    }
  if (known.empty()) {
    for (auto& x : work)
      take(std::move(x), {});
    return go_on();
  }
  kinds.emplace_back(whole_repository);
  busy_ = true;
  self_->request(partners_.writer, patience, load_atom_v, std::move(known), std::move(kinds))
      .then(
          [this, work](const std::vector<metadata_watermark>& marks) {
            busy_ = false;
            for (auto& x : work)
              take(x, marks);
            go_on();
          },
          [this](const caf::error& reason) { self_->quit(reason); });
}

void fetcher_state::take(lease work, const std::vector<metadata_watermark>& marks) {
  lease_key key{work.part.id, work.part.lease};
  crawl_id_ = work.crawl_id;
  epoch_ = work.epoch;
  if (!work.counts.empty()) {
    counting x;
    x.counts.assign(work.counts.size(), -1);
    x.asked.assign(work.counts.size(), false);
    x.work = std::move(work);
    countings_.insert_or_assign(key, std::move(x));
    return;
  }
  if (work.cursors == cursor_mode::unverified)
    work.cursors = cursors_;
  std::erase_if(readers_, [&](auto& x) { return x.first.partition_id == key.partition_id; });
  auto reader = make_reader(std::move(work), marks);
  auto known = reader->wants_known();
  auto has_nothing = reader->finished();
  readers_.insert_or_assign(key, std::move(reader));
  if (has_nothing) // no answer will come that ends it
    store({}, {key});
  else if (known)
    look_up_known(key, *known);
}

void fetcher_state::look_up_known(lease_key which, id_range ids) {
  ++looking_up_;
  self_->request(partners_.writer, patience, select_atom_v, ids.first, ids.last)
      .then(
          [this, which](std::vector<repo_id>& known) {
            --looking_up_;
            if (auto reader = readers_.find(which); reader != readers_.end())
              reader->second->know(std::move(known));
            go_on();
          },
          [this](const caf::error& reason) { self_->quit(reason); });
}

void fetcher_state::acquire(query_shape shape) {
  busy_ = true;
  self_->request(partners_.bucket, patience, acquire_atom_v, shape, id())
      .then(
          [this, shape](const permit& right) {
            busy_ = false;
            if (stopping_)
              return self_->send(partners_.bucket, return_atom_v, std::vector<uint64_t>{right.id},
                                 false);
            send(right, shape);
          },
          [this](const caf::error& reason) { self_->quit(reason); });
}

void fetcher_state::send(const permit& right, query_shape shape) {
  width(shape) = right.width;
  query next{next_query_++, right.id, shape, {}, cfg_.clock.at(self_->clock().now())};
  api_request request{shape, right.credential, {}, right.identify};
  auto room = [&] { return next.tasks.size() < right.width; };
  auto add = [&](lease_key of, uint32_t index, search_field field) {
    next.tasks.push_back({of, index});
    request.fields.push_back(std::move(field));
  };
  if (shape == query_shape::search_count) {
    for (auto& [key, x] : countings_)
      for (uint32_t i = 0; i < x.asked.size() && room(); ++i)
        if (!x.asked[i]) {
          x.asked[i] = true;
          add(key, i, {x.work.counts[i], ""});
        }
  } else {
    uint64_t nodes = 0;
    for (auto& [key, x] : readers_)
      while (room() && x->shape() == shape) {
        auto page = x->next_page();
        if (!page)
          break;
        auto field = x->field(*page);
        nodes += is_metadata(shape) ? net::node_count(field) : 0;
        if (nodes > net::most_nodes && !next.tasks.empty()) {
          x->put_back(*page);
          break;
        }
        add(key, *page, std::move(field));
      }
  }
  dry_ = false;
  auto query_id = next.id;
  in_flight_ = std::move(next);
  cfg_.api->async_query(std::move(request), [query_id, weak = caf::weak_actor_ptr{self_->ctrl()}](
                                                api_response response) {
    if (auto self = caf::actor_cast<fetcher_actor>(weak.lock()))
      caf::anon_send(self, answer_atom_v, query_id, std::move(response));
  });
}

void fetcher_state::answered(api_response& response) {
  auto sent = std::move(*in_flight_);
  in_flight_.reset();
  cfg_.metrics->count_answer(response);
  query_report report;
  report.permit_id = sent.permit_id;
  report.fields = static_cast<uint32_t>(sent.tasks.size());
  report.result = response.result;
  report.message = response.message;
  report.retry_after = response.retry_after;
  report.limits = response.limits;
  report.identity = response.identity;
  report.server_clock_skew = response.server_clock_skew;
  report.elapsed = response.elapsed;
  self_->send(partners_.bucket, report_atom_v, std::move(report));
  if (response.result == outcome::ok || response.result == outcome::partial) {
    absorb(sent, response);
  } else if (response.result == outcome::rejected) {
    return self_->quit(
        caf::make_error(errc::query_rejected, "GitHub refuses the query: " + response.message));
  } else {
    retry(sent, response);
  }
  finish_drain();
  go_on();
}

// -- what an answer means -----------------------------------------------------

void fetcher_state::absorb(const query& sent, api_response& response) {
  findings found;
  found.asked_at = sent.sent_at + response.server_clock_skew.value_or(std::chrono::seconds{0});
  std::vector<lease_key> touched;
  std::map<lease_key, std::string> refused;
  auto moved = false;
  auto touch = [&](const lease_key& which) {
    if (touched.empty() || touched.back() != which)
      touched.push_back(which);
  };
  for (size_t i = 0; i < sent.tasks.size() && i < response.fields.size(); ++i) {
    auto& asked = sent.tasks[i];
    auto& answer = response.fields[i];
    auto alone = sent.tasks.size() == 1;
    switch (answer.error) {
    case field_error::none:
      if (sent.shape == query_shape::search_count) {
        absorb_count(asked, answer);
      } else if (auto reader = reader_of(asked.of)) {
        reader->learn_width(width(query_shape::nodes));
        moved = reader->absorb(asked.index, answer, found) || moved;
        touch(asked.of);
      }
      break;
    case field_error::resource_limit:
    case field_error::transient:
      if (alone && ask_less(asked, to_string(answer.error) + ": " + answer.message, found)) {
        touch(asked.of);
        break;
      }
      put_back(asked);
      if (alone)
        refused.emplace(asked.of, to_string(answer.error) + ": " + answer.message);
      break;
    case field_error::not_found:
    case field_error::forbidden:
    case field_error::rejected:
      if (auto reader = reader_of(asked.of);
          reader != nullptr && reader->settles(asked.index, answer, found)) {
        touch(asked.of);
        moved = true;
        break;
      }
      refused.emplace(asked.of, to_string(answer.error) + ": " + answer.message);
      break;
    }
  }
  if (!touched.empty())
    store(std::move(found), touched);
  for (auto& [which, reason] : refused)
    give_back(which, reason);
  if (!touched.empty() && !moved)
    return pause();
  failures_ = 0;
}

void fetcher_state::absorb_count(const task& x, const field_answer& answer) {
  auto found = countings_.find(x.of);
  if (found == countings_.end())
    return;
  auto& counts = found->second.counts;
  counts[x.index] = answer.match_count;
  if (std::find(counts.begin(), counts.end(), -1) != counts.end())
    return;
  auto& part = found->second.work.part;
  self_->send(partners_.partitioner, counted_atom_v, count_result{part.id, part.lease, counts});
  countings_.erase(found);
}

lease_reader* fetcher_state::reader_of(const lease_key& which) const {
  auto found = readers_.find(which);
  return found == readers_.end() ? nullptr : found->second.get();
}

bool fetcher_state::ask_less(const task& x, const std::string& why, findings& found) {
  auto reader = reader_of(x.of);
  return reader != nullptr && reader->ask_less(x.index, why, found);
}

void fetcher_state::put_back(const task& x) {
  if (auto reader = reader_of(x.of))
    reader->put_back(x.index);
  if (auto count = countings_.find(x.of); count != countings_.end())
    count->second.asked[x.index] = false;
}

void fetcher_state::give_back(lease_key which, const std::string& reason) {
  if (auto reader = readers_.extract(which))
    given_back_.push_back({reader.mapped()->part(), reason, batches_});
  if (auto count = countings_.extract(which))
    given_back_.push_back({count.mapped().work.part, reason, 0}); // counts are in no batch
  return_given_back();
}

/// What the PARTITIONER hears of a partition's progress must be committed. The WRITER answers in
/// the order of the batches.
void fetcher_state::return_given_back() {
  auto committed = batches_ - outstanding_;
  for (auto& x : std::exchange(given_back_, {}))
    if (x.after <= committed)
      self_->send(partners_.partitioner, failed_atom_v, std::move(x.part), std::move(x.reason));
    else
      given_back_.push_back(std::move(x));
}

void fetcher_state::retry(const query& sent, const api_response& response) {
  // Several fields together may simply have been too much: the next query carries fewer.
  auto guilty = sent.tasks.size() == 1 && !is_nobodys_fault(response.result);
  auto why = to_string(response.result) + ": " + response.message;
  findings found;
  if (guilty && ask_less(sent.tasks.front(), why, found)) {
    store(std::move(found), {sent.tasks.front().of});
  } else {
    for (auto& asked : sent.tasks)
      put_back(asked);
    if (guilty)
      give_back(sent.tasks.front().of, why);
  }
  if (!is_paced_by_bucket(response.result))
    pause();
}

/// Longer with every failure in a row.
void fetcher_state::pause() {
  auto factor = int64_t{1} << std::min<uint32_t>(failures_++, 16);
  auto longest = std::min(cfg_.retries.first_delay * factor, cfg_.retries.max_delay);
  // Half of it is jitter, so that fetchers that failed together do not come back together.
  std::uniform_int_distribution<int64_t> jitter(longest.count() / 2, longest.count());
  busy_ = true;
  self_->delayed_send(self_, milliseconds{jitter(random_)}, next_atom_v);
}

void fetcher_state::store(findings found, const std::vector<lease_key>& touched) {
  batch work;
  work.crawl_id = crawl_id_;
  work.epoch = epoch_;
  std::vector<lease_result> finished;
  for (auto& which : touched) {
    auto position = readers_.find(which);
    if (position == readers_.end())
      continue;
    auto& reader = *position->second;
    work.partitions.push_back(reader.part());
    if (reader.predicted())
      cursors_ = *reader.predicted() ? cursor_mode::predicted : cursor_mode::serial;
    if (reader.finished()) {
      finished.push_back({reader.part(), reader.predicted()});
      readers_.erase(position);
    }
  }
  auto distinct = found.rows.size();
  work.rows = std::move(found.rows);
  work.gone = std::move(found.gone);
  work.metadata = std::move(found.metadata);
  work.lists = std::move(found.lists);
  work.watermarks = std::move(found.watermarks);
  work.observed_at = cfg_.clock.at(self_->clock().now());
  ++outstanding_;
  ++batches_;
  self_->request(partners_.writer, patience, store_atom_v, std::move(work))
      .then(
          [this, distinct, finished = std::move(finished)](const batch_receipt&) {
            --outstanding_;
            cfg_.metrics->count_repositories(distinct);
            for (auto& x : finished)
              self_->send(partners_.partitioner, done_atom_v, x);
            return_given_back();
            finish_drain();
            go_on();
          },
          [this](const caf::error& reason) { self_->quit(reason); });
}

void fetcher_state::finish_drain() {
  if (in_flight_ || outstanding_ > 0)
    return;
  for (auto& promise : std::exchange(drained_, {}))
    promise.deliver(caf::unit);
}

} // namespace gitstar
