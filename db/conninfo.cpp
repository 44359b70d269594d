#include "db/conninfo.hpp"

#include "db/crawl_store.hpp"

#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <memory>
#include <string_view>

namespace gitstar::db {

namespace {

using setting = std::pair<std::string, std::string>;

constexpr std::array<std::string_view, 2> secret_keywords{"password", "sslpassword"};

bool is_secret(const setting& x) {
  return std::find(secret_keywords.begin(), secret_keywords.end(), x.first) !=
         secret_keywords.end();
}

std::string quoted(const std::string& value) {
  std::string result = "'";
  for (auto c : value) {
    if (c == '\'' || c == '\\')
      result += '\\';
    result += c;
  }
  return result + "'";
}

void append(std::string& text, const setting& x) {
  if (!text.empty())
    text += ' ';
  text += x.first + '=' + quoted(x.second);
}

} // namespace

conninfo::conninfo(const std::string& text) {
  char* message = nullptr;
  std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options{
      PQconninfoParse(text.c_str(), &message), PQconninfoFree};
  // libpq's message may quote any part of the text, a password too.
  PQfreemem(message);
  if (!options)
    throw store_error("not a PostgreSQL connection string or URI (for example "
                      "postgresql://user@host:5432/database)");
  for (auto* option = options.get(); option->keyword != nullptr; ++option)
    if (option->val != nullptr && *option->val != '\0')
      settings_.emplace_back(option->keyword, option->val);
}

std::string conninfo::to_connect() const {
  std::string result;
  append(result, {"connect_timeout", "10"});
  append(result, {"fallback_application_name", "gitstar"});
  // A server whose machine is gone says nothing: over TCP the kernel notices after a minute.
  append(result, {"keepalives_idle", "30"});
  append(result, {"keepalives_interval", "10"});
  append(result, {"keepalives_count", "3"});
  append(result, {"tcp_user_timeout", "60000"});
  for (const auto& x : settings_)
    if (x.first != "client_encoding")
      append(result, x); // a later setting overrides an earlier one
  append(result, {"client_encoding", "UTF8"});
  return result;
}

std::string conninfo::without_secrets() const {
  std::string result;
  for (const auto& x : settings_)
    if (!is_secret(x))
      append(result, x);
  return result;
}

std::string conninfo::password() const {
  for (const auto& x : settings_)
    if (x.first == "password")
      return x.second;
  return {};
}

std::string conninfo::scrub(std::string message) const {
  for (const auto& x : settings_) {
    if (!is_secret(x))
      continue;
    for (auto at = message.find(x.second); at != std::string::npos;
         at = message.find(x.second, at + 3))
      message.replace(at, x.second.size(), "***");
  }
  return message;
}

command_line psql_command(const std::string& psql, const std::string& connection_string,
                          const std::vector<std::string>& arguments) {
  conninfo info{connection_string};
  command_line result;
  result.argv = {psql, "--dbname=" + info.without_secrets()};
  result.argv.insert(result.argv.end(), arguments.begin(), arguments.end());
  if (auto password = info.password(); !password.empty())
    result.environment.emplace_back("PGPASSWORD", password);
  return result;
}

} // namespace gitstar::db
