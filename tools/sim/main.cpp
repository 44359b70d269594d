#include "tools/sim/csv_data.hpp"
#include "tools/sim/gzip.hpp"
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
  double metadata = 0;
  std::string limits = "github";
  std::string tls_cert;
  std::string tls_key;
  std::vector<std::string> tokens;
  std::string tokens_file;
  int64_t window_seconds = 3600;
  std::string faults;
  std::string storm;
  bool list_storms = false;
  bool list_faults = false;
  bool print_schema = false;
};

void declare(CLI::App& app, options& out) {
  app.add_option("--listen", out.listen, "ADDRESS:PORT; port 0 picks one")->capture_default_str();
  auto count = app.add_option("--repositories", out.repositories, "How many to make up");
  count->capture_default_str()->check(CLI::Range(size_t{1}, size_t{20'000'000}));
  app.add_option("--seed", out.seed, "The same seed gives the same data")->capture_default_str();
  app.add_option("--data", out.data, "Repositories from a CSV file instead, also gzipped")
      ->check(CLI::ExistingFile);
  app.add_option("--metadata", out.metadata,
                 "Issues per repository, on average and by stars, with all that goes with them; 0: "
                 "none are served")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
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
  auto token = app.add_option("--token", out.tokens, "Accept only this token; may be repeated");
  app.add_option("--tokens", out.tokens_file,
                 "YAML file of the tokens and Apps that are accepted, with their users and budgets")
      ->check(CLI::ExistingFile)
      ->excludes(token);
  app.add_option("--window", out.window_seconds, "Seconds that a window of the points lasts")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--faults", out.faults, "YAML file of what goes wrong; wins over --storm")
      ->check(CLI::ExistingFile);
  app.add_option("--storm", out.storm, "A named set of faults; see --list-storms");
  app.add_flag("--list-storms", out.list_storms, "Print the storms and what they mean");
  app.add_flag("--print-schema", out.print_schema, "Print the GraphQL schema that is served");
  app.add_flag("--list-faults", out.list_faults, "Print the faults that a file may name");
}

void list_storms() {
  for (const auto& known : storms())
    std::cout << known.name << ": " << known.meaning << "\n";
}

void list_faults() {
  for (const auto& known : fault_classes()) {
    std::cout << known.name << ": " << known.meaning;
    if (!known.parameters.empty())
      std::cout << " [" << known.parameters << "]";
    std::cout << "\n";
  }
}

fault_config faults_of(const options& from) {
  if (!from.faults.empty())
    return parse_faults(read_maybe_gzipped(from.faults), from.faults);
  if (from.storm.empty())
    return {};
  auto known = find_storm(from.storm);
  if (known == nullptr)
    throw std::runtime_error("--storm: there is no storm '" + from.storm +
                             "'; --list-storms names them");
  return parse_faults(std::string{known->yaml}, from.storm + ".yaml");
}

credentials_config credentials_of(const options& from) {
  if (!from.tokens_file.empty())
    return read_credentials(from.tokens_file);
  credentials_config out;
  for (const auto& token : from.tokens)
    out.tokens.emplace_back().token = token;
  return out;
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
  config.metadata_scale = from.metadata;
  config.window_seconds = from.window_seconds;
  config.credentials = credentials_of(from);
  config.faults = faults_of(from);
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
    if (from.list_storms)
      list_storms();
    else if (from.list_faults)
      list_faults();
    else if (from.print_schema)
      std::cout << schema_text();
    else
      run(from);
  } catch (const std::exception& error) {
    std::cerr << "gitstar-sim: " << error.what() << std::endl;
    return 1;
  }
  return 0;
}
