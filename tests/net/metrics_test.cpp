#include "net/metrics.hpp"

#include <catch2/catch.hpp>

using namespace gitstar;
using Catch::Contains;

TEST_CASE("answers are counted by outcome, with duration, points and errors", "[metrics]") {
  net::metrics uut;
  api_response answer;
  answer.elapsed = milliseconds{700};
  answer.limits.cost = 2;
  uut.count_answer(answer);
  answer.result = outcome::partial;
  answer.fields.resize(3);
  answer.fields[1].error = field_error::resource_limit;
  uut.count_answer(answer);
  answer = {};
  answer.result = outcome::network;
  uut.count_answer(answer);
  auto text = uut.text();
  CHECK_THAT(text, Contains("gitstar_api_requests_total{outcome=\"ok\"} 1\n"));
  CHECK_THAT(text, Contains("gitstar_api_requests_total{outcome=\"partial\"} 1\n"));
  CHECK_THAT(text, Contains("gitstar_api_points_total 4\n"));
  CHECK_THAT(text, Contains("gitstar_api_errors_total{kind=\"partial\"} 1\n"));
  CHECK_THAT(text, Contains("gitstar_api_errors_total{kind=\"field_resource_limit\"} 1\n"));
  CHECK_THAT(text, Contains("gitstar_api_errors_total{kind=\"network\"} 1\n"));
  CHECK_THAT(text, Contains("gitstar_api_request_duration_seconds_count 3\n"));
  CHECK_THAT(text, Contains("gitstar_api_request_duration_seconds_bucket{le=\"0.5\"} 1\n"));
}

TEST_CASE("kinds of errors are there before the first error", "[metrics]") {
  auto text = net::metrics{}.text();
  CHECK_THAT(text, Contains("gitstar_api_requests_total{outcome=\"server_error\"} 0\n"));
  CHECK_THAT(text, Contains("gitstar_api_errors_total{kind=\"server_error\"} 0\n"));
  CHECK_THAT(text, Contains("gitstar_api_errors_total{kind=\"field_rejected\"} 0\n"));
  CHECK_THAT(text, !Contains("gitstar_api_errors_total{kind=\"ok\"}"));
}

TEST_CASE("batches are counted by what happened to their rows", "[metrics]") {
  net::metrics uut;
  batch_receipt receipt;
  receipt.rows = 1000;
  receipt.inserted = 600;
  receipt.updated = 100;
  receipt.elapsed = milliseconds{20};
  uut.count_batch(receipt);
  auto text = uut.text();
  CHECK_THAT(text, Contains("gitstar_rows_written_total{kind=\"inserted\"} 600\n"));
  CHECK_THAT(text, Contains("gitstar_rows_written_total{kind=\"updated\"} 100\n"));
  CHECK_THAT(text, Contains("gitstar_rows_written_total{kind=\"unchanged\"} 300\n"));
  CHECK_THAT(text, Contains("gitstar_batch_rows_bucket{le=\"1000\"} 1\n"));
  CHECK_THAT(text, Contains("gitstar_writer_latency_seconds_bucket{le=\"0.025\"} 1\n"));
}

TEST_CASE("elements of metadata are counted by what happened to them", "[metrics]") {
  net::metrics uut;
  batch_receipt receipt;
  receipt.items = 100;
  receipt.items_inserted = 60;
  receipt.items_updated = 10;
  receipt.items_gone = 3;
  uut.count_batch(receipt);
  uut.count_batch(receipt);
  auto text = uut.text();
  CHECK_THAT(text, Contains("gitstar_items_written_total{kind=\"inserted\"} 120\n"));
  CHECK_THAT(text, Contains("gitstar_items_written_total{kind=\"updated\"} 20\n"));
  CHECK_THAT(text, Contains("gitstar_items_written_total{kind=\"unchanged\"} 60\n"));
  CHECK_THAT(text, Contains("gitstar_items_written_total{kind=\"gone\"} 6\n"));
  CHECK(uut.items() == net::item_totals{200, 120, 20, 6});
}

TEST_CASE("gauges show the last value", "[metrics]") {
  net::metrics uut;
  uut.set_points_remaining("token-1", 4984);
  uut.set_points_remaining("token-1", 4983);
  uut.set_requests_in_flight(7);
  uut.set_partitions("done", 12);
  uut.set_queue_depth("writer", 3);
  uut.set_requests_remaining("token-1", 4321);
  uut.set_query_width({query_shape::search_page, "classic", 9});
  uut.set_credential_ban("token-1", std::chrono::seconds{61});
  uut.set_credential_benched("token-1", true);
  uut.set_credential_points_today("token-1", 123);
  uut.set_breaker_state("api.github.com", "open");
  uut.set_breaker_state("ghes.example", "half-open");
  uut.count_repositories(100);
  uut.count_retries(2);
  uut.count_restart("fetcher-1");
  uut.count_cluster_message("in");
  uut.set_cluster({4, 5, 20, 8});
  auto text = uut.text();
  CHECK_THAT(text, Contains("gitstar_points_remaining{credential=\"token-1\"} 4983\n"));
  CHECK_THAT(text, Contains("gitstar_requests_remaining{credential=\"token-1\"} 4321\n"));
  CHECK_THAT(text, Contains("gitstar_requests_in_flight 7\n"));
  CHECK_THAT(text, Contains("gitstar_partitions{state=\"done\"} 12\n"));
  CHECK_THAT(text, Contains("gitstar_queue_depth{queue=\"writer\"} 3\n"));
  CHECK_THAT(
      text, Contains("gitstar_query_width{credential_kind=\"classic\",shape=\"search_page\"} 9\n"));
  CHECK_THAT(text, Contains("gitstar_credential_ban_seconds{credential=\"token-1\"} 61\n"));
  CHECK_THAT(text, Contains("gitstar_credential_benched{credential=\"token-1\"} 1\n"));
  CHECK_THAT(text, Contains("gitstar_credential_points_today{credential=\"token-1\"} 123\n"));
  CHECK_THAT(text, Contains("gitstar_breaker_state{host=\"api.github.com\"} 2\n"));
  CHECK_THAT(text, Contains("gitstar_breaker_state{host=\"ghes.example\"} 1\n"));
  CHECK_THAT(text, Contains("gitstar_repositories_crawled_total 100\n"));
  CHECK_THAT(text, Contains("gitstar_retries_total 2\n"));
  CHECK_THAT(text, Contains("gitstar_cluster_messages_total{direction=\"in\"} 1\n"));
  CHECK_THAT(text, Contains("gitstar_cluster_workers 4\n"));
  CHECK_THAT(text, Contains("gitstar_cluster_out{kind=\"permits\"} 20\n"));
  CHECK_THAT(text, Contains("gitstar_cluster_out{kind=\"leases\"} 8\n"));
  CHECK_THAT(text, Contains("gitstar_restarts_total{actor=\"fetcher-1\"} 1\n"));
}

TEST_CASE("every metric has a help text", "[metrics]") {
  net::metrics uut;
  uut.count_answer({});
  uut.set_partitions("open", 1);
  auto text = uut.text();
  size_t types = 0;
  for (auto at = text.find("# TYPE gitstar_"); at != std::string::npos;
       at = text.find("# TYPE gitstar_", at + 1), ++types) {
    auto name = text.substr(at + 7, text.find(' ', at + 7) - at - 7);
    CHECK_THAT(text, Contains("# HELP " + name + " "));
  }
  CHECK(types >= 6);
}
