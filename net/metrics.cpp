#include "net/metrics.hpp"

#include "messages/seconds.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <chrono>

namespace gitstar::net {

namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;

std::string field_kind(field_error error) { return "field_" + to_string(error); }

double breaker_value(const std::string& state) {
  if (state == "open")
    return 2;
  return state == "half-open" ? 1 : 0;
}

// GitHub gives up after 10 s (fact sheet 3); our own time-out is 30 s unless set.
const Histogram::BucketBoundaries duration_buckets{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
                                                   1,     2.5,  5,     7.5,  10,  15,   30};
const Histogram::BucketBoundaries row_buckets{1, 10, 50, 100, 250, 500, 1000, 2000, 5000, 10000};
const Histogram::BucketBoundaries latency_buckets{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                  0.1,   0.25,   0.5,   1,    2.5,   10};

} // namespace

class metrics::impl {
  prometheus::Registry registry_;

  Family<Counter>& counters(const char* name, const char* help) {
    return prometheus::BuildCounter().Name(name).Help(help).Register(registry_);
  }
  Family<Gauge>& gauges(const char* name, const char* help) {
    return prometheus::BuildGauge().Name(name).Help(help).Register(registry_);
  }
  Histogram& histogram(const char* name, const char* help,
                       const Histogram::BucketBoundaries& boundaries) {
    return prometheus::BuildHistogram().Name(name).Help(help).Register(registry_).Add({},
                                                                                      boundaries);
  }

public:
  // A counter that appears only with its first error would hide that error from increase().
  impl() {
    for (uint8_t i = 0; i <= static_cast<uint8_t>(outcome::blocked); ++i) {
      auto result = static_cast<outcome>(i);
      requests.Add({{"outcome", to_string(result)}});
      if (result != outcome::ok)
        errors.Add({{"kind", to_string(result)}});
    }
    for (uint8_t i = 1; i <= static_cast<uint8_t>(field_error::rejected); ++i)
      errors.Add({{"kind", field_kind(static_cast<field_error>(i))}});
    for (auto* sqlstate : {"08001", "08006", "25006", "53100", "57P03"})
      store_errors.Add({{"sqlstate", sqlstate}});
  }

  std::string text() const { return prometheus::TextSerializer{}.Serialize(registry_.Collect()); }

  Counter& repositories = counters("gitstar_repositories_crawled_total",
                                   "Distinct repositories read from GitHub and committed.")
                              .Add({});
  Family<Counter>& requests =
      counters("gitstar_api_requests_total", "Queries sent to GitHub, by what the answer meant.");
  Family<Counter>& errors =
      counters("gitstar_api_errors_total",
               "Answers that were not good, by kind; field_... counts single fields of a query.");
  Counter& points =
      counters("gitstar_api_points_total", "Points of GitHub's budget that answers cost.").Add({});
  Histogram& duration = histogram(
      "gitstar_api_request_duration_seconds",
      "Time from a query's first byte sent to its answer's last byte received.", duration_buckets);
  Histogram& batch_rows =
      histogram("gitstar_batch_rows", "Distinct repositories in one committed batch.", row_buckets);
  Histogram& writer_latency = histogram("gitstar_writer_latency_seconds",
                                        "Time that one batch's transaction took.", latency_buckets);
  Family<Counter>& rows = counters("gitstar_rows_written_total",
                                   "Rows offered to the store, by what happened to them.");
  Counter& inserted = rows.Add({{"kind", "inserted"}});
  Counter& updated = rows.Add({{"kind", "updated"}});
  Counter& unchanged = rows.Add({{"kind", "unchanged"}});
  Family<Counter>& items = counters("gitstar_items_written_total",
                                    "Elements of metadata offered to the store, by what happened "
                                    "to them; gone: marked because their list lacks them.");
  Counter& items_inserted = items.Add({{"kind", "inserted"}});
  Counter& items_updated = items.Add({{"kind", "updated"}});
  Counter& items_unchanged = items.Add({{"kind", "unchanged"}});
  Counter& items_gone = items.Add({{"kind", "gone"}});
  Counter& retries =
      counters("gitstar_retries_total", "Queries that had to be sent again, whole or in part.")
          .Add({});
  Family<Counter>& restarts =
      counters("gitstar_restarts_total", "Actors that supervisors started again.");
  Family<Gauge>& points_remaining = gauges(
      "gitstar_points_remaining",
      "Points left in the window, by credential; credentials of one user show the same points.");
  Family<Gauge>& bans = gauges("gitstar_credential_ban_seconds",
                               "Seconds until a credential that GitHub banned is used again.");
  Family<Gauge>& benched =
      gauges("gitstar_credential_benched", "1: GitHub rejects the credential, it is not used.");
  Family<Gauge>& requests_remaining =
      gauges("gitstar_requests_remaining", "REST requests left in the window, by credential; "
                                           "credentials of one user show the same requests.");
  Family<Gauge>& points_today =
      gauges("gitstar_credential_points_today", "Points that a credential spent this UTC day.");
  Gauge& in_flight =
      gauges("gitstar_requests_in_flight", "Queries sent and not yet answered.").Add({});
  Family<Gauge>& partitions = gauges("gitstar_partitions", "Partitions of the crawl, by state.");
  Family<Gauge>& queue_depth =
      gauges("gitstar_queue_depth", "Entries that wait in a queue of this process.");
  Family<Gauge>& breaker =
      gauges("gitstar_breaker_state",
             "State of the circuit breaker of a host: 0 closed, 1 half-open, 2 open.");
  Family<Counter>& cluster_messages =
      counters("gitstar_cluster_messages_total",
               "Messages between this coordinator and its workers, by direction.");
  Gauge& cluster_workers =
      gauges("gitstar_cluster_workers", "Workers that have joined this coordinator.").Add({});
  Family<Gauge>& cluster_out =
      gauges("gitstar_cluster_out", "Permits and leases that are with workers, by kind.");
  Gauge& store_waiting =
      gauges("gitstar_store_waiting", "1 while rows or the ledger wait for PostgreSQL.").Add({});
  Family<Counter>& store_errors =
      counters("gitstar_store_errors_total",
               "Failed calls to PostgreSQL that are tried again, by SQLSTATE.");
  Family<Gauge>& width =
      gauges("gitstar_query_width",
             "Fields that one query carries at the moment, by its shape and kind of credential.");
};

metrics::metrics() : impl_(std::make_unique<impl>()) {}
metrics::~metrics() = default;

void metrics::count_answer(const api_response& answer) {
  auto result = to_string(answer.result);
  impl_->requests.Add({{"outcome", result}}).Increment();
  impl_->duration.Observe(to_seconds(answer.elapsed));
  if (answer.limits.cost > 0)
    impl_->points.Increment(static_cast<double>(answer.limits.cost));
  if (answer.result != outcome::ok)
    impl_->errors.Add({{"kind", result}}).Increment();
  for (const auto& field : answer.fields)
    if (field.error != field_error::none)
      impl_->errors.Add({{"kind", field_kind(field.error)}}).Increment();
}

void metrics::count_batch(const batch_receipt& receipt) {
  impl_->batch_rows.Observe(static_cast<double>(receipt.rows));
  impl_->writer_latency.Observe(to_seconds(receipt.elapsed));
  impl_->inserted.Increment(static_cast<double>(receipt.inserted));
  impl_->updated.Increment(static_cast<double>(receipt.updated));
  impl_->unchanged.Increment(
      static_cast<double>(receipt.rows - receipt.inserted - receipt.updated));
  impl_->items_inserted.Increment(static_cast<double>(receipt.items_inserted));
  impl_->items_updated.Increment(static_cast<double>(receipt.items_updated));
  impl_->items_unchanged.Increment(
      static_cast<double>(receipt.items - receipt.items_inserted - receipt.items_updated));
  impl_->items_gone.Increment(static_cast<double>(receipt.items_gone));
}

item_totals metrics::items() const {
  auto number = [](const prometheus::Counter& x) { return static_cast<int64_t>(x.Value()); };
  item_totals result;
  result.inserted = number(impl_->items_inserted);
  result.updated = number(impl_->items_updated);
  result.gone = number(impl_->items_gone);
  result.read = result.inserted + result.updated + number(impl_->items_unchanged);
  return result;
}

void metrics::count_repositories(uint64_t distinct) {
  impl_->repositories.Increment(static_cast<double>(distinct));
}

void metrics::count_retries(uint64_t queries) {
  impl_->retries.Increment(static_cast<double>(queries));
}

void metrics::count_restart(const std::string& actor) {
  impl_->restarts.Add({{"actor", actor}}).Increment();
}

void metrics::set_points_remaining(const std::string& credential, int64_t points) {
  impl_->points_remaining.Add({{"credential", credential}}).Set(static_cast<double>(points));
}

void metrics::set_credential_ban(const std::string& credential, std::chrono::seconds left) {
  impl_->bans.Add({{"credential", credential}}).Set(static_cast<double>(left.count()));
}

void metrics::set_credential_benched(const std::string& credential, bool benched) {
  impl_->benched.Add({{"credential", credential}}).Set(benched ? 1 : 0);
}

void metrics::set_requests_remaining(const std::string& credential, int64_t requests) {
  impl_->requests_remaining.Add({{"credential", credential}}).Set(static_cast<double>(requests));
}

void metrics::set_credential_points_today(const std::string& credential, int64_t points) {
  impl_->points_today.Add({{"credential", credential}}).Set(static_cast<double>(points));
}

void metrics::set_requests_in_flight(int64_t requests) {
  impl_->in_flight.Set(static_cast<double>(requests));
}

void metrics::set_partitions(const std::string& state, int64_t count) {
  impl_->partitions.Add({{"state", state}}).Set(static_cast<double>(count));
}

void metrics::set_queue_depth(const std::string& queue, int64_t entries) {
  impl_->queue_depth.Add({{"queue", queue}}).Set(static_cast<double>(entries));
}

void metrics::set_query_width(const width_record& learned) {
  impl_->width
      .Add({{"shape", to_string(learned.shape)}, {"credential_kind", learned.credential_kind}})
      .Set(static_cast<double>(learned.width));
}

void metrics::set_breaker_state(const std::string& host, const std::string& state) {
  impl_->breaker.Add({{"host", host}}).Set(breaker_value(state));
}

void metrics::count_cluster_message(const std::string& direction) {
  impl_->cluster_messages.Add({{"direction", direction}}).Increment();
}

void metrics::set_cluster(const cluster_status& state) {
  impl_->cluster_workers.Set(state.workers);
  impl_->cluster_out.Add({{"kind", "permits"}}).Set(static_cast<double>(state.permits_out));
  impl_->cluster_out.Add({{"kind", "leases"}}).Set(static_cast<double>(state.leases_out));
}

void metrics::set_store_waiting(bool waiting) { impl_->store_waiting.Set(waiting ? 1 : 0); }

void metrics::set_store_errors(const std::string& sqlstate, uint64_t total) {
  auto& counter = impl_->store_errors.Add({{"sqlstate", sqlstate}});
  counter.Increment(static_cast<double>(total) - counter.Value());
}

std::string metrics::text() const { return impl_->text(); }

} // namespace gitstar::net
