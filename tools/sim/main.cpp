#include "tools/sim/csv_data.hpp"
#include "tools/sim/server.hpp"
#include "tools/sim/synthetic.hpp"

#include <CLI/CLI.hpp>

#include <iostream>

namespace {

using namespace gitstar::sim;

struct options {
  std::string listen = "127.0.0.1:8089";
  size_t repositories = 100'000;
  uint64_t seed = 1;
  std::string data;
  int64_t latency_ms = 0;
  std::string limits = "github";
  std::string tls_cert;
  std::string tls_key;
  std::vector<std::string> tokens;
};

void declare(CLI::App& app, options& out) {
  app.add_option("--listen", out.listen, "ADDRESS:PORT; port 0 picks one")->capture_default_str();
  auto count = app.add_option("--repositories", out.repositories, "How many to make up");
  count->capture_default_str()->check(CLI::Range(size_t{1}, size_t{20'000'000}));
  app.add_option("--seed", out.seed, "The same seed gives the same data")->capture_default_str();
  app.add_option("--data", out.data, "Repositories from a CSV file instead, also gzipped")
      ->check(CLI::ExistingFile);
  app.add_option("--latency", out.latency_ms, "Milliseconds before each answer")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  app.add_option("--limits", out.limits, "GitHub's rate and query limits, or none, as on GHES")
      ->capture_default_str()
      ->check(CLI::IsMember({"github", "none"}));
  auto cert = app.add_option("--tls-cert", out.tls_cert, "PEM file: serve HTTPS");
  auto key = app.add_option("--tls-key", out.tls_key, "PEM file");
  cert->check(CLI::ExistingFile)->needs(key);
  key->check(CLI::ExistingFile)->needs(cert);
  app.add_option("--token", out.tokens, "Accept only this token; may be repeated");
}

server_config listen_config(const options& from) {
  server_config out;
  auto colon = from.listen.rfind(':');
  auto port = colon == std::string::npos
                  ? std::nullopt
                  : parse_number(std::string_view{from.listen}.substr(colon + 1));
  if (!port || *port < 0 || *port > 65535)
    throw std::runtime_error("--listen: '" + from.listen + "' is not ADDRESS:PORT");
  out.address = from.listen.substr(0, colon);
  out.port = static_cast<uint16_t>(*port);
  out.latency = std::chrono::milliseconds{from.latency_ms};
  out.tls_cert = from.tls_cert;
  out.tls_key = from.tls_key;
  return out;
}

void run(const options& from) {
  auto listen = listen_config(from);
  github_config config;
  config.limits = from.limits == "github";
  config.tokens = {from.tokens.begin(), from.tokens.end()};
  github site{from.data.empty() ? make_synthetic(from.repositories, from.seed)
                                : read_csv_data(from.data, from.seed),
              config};
  server front{site, listen};
  std::cout << "gitstar-sim: listening on " << front.url() << " (" << site.data().size()
            << " repositories, limits " << from.limits << ", latency " << from.latency_ms << " ms)"
            << std::endl;
  front.run(true);
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app{"A GitHub to rehearse against: GraphQL search and lookups, some REST, GitHub's "
               "limits, and the ground truth under /_sim/."};
  options from;
  declare(app, from);
  CLI11_PARSE(app, argc, argv);
  try {
    run(from);
  } catch (const std::exception& error) {
    std::cerr << "gitstar-sim: " << error.what() << std::endl;
    return 1;
  }
  return 0;
}
