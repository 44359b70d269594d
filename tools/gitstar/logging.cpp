#include "tools/gitstar/logging.hpp"

#include "tools/gitstar/terminal_line.hpp"

#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include <cstdio>
#include <memory>
#include <mutex>

namespace gitstar::tool {

namespace {

auto format_of_logs = log_format::text;

/// `%*` in a pattern: the message as the inside of a JSON string.
class json_message : public spdlog::custom_flag_formatter {
public:
  void format(const spdlog::details::log_msg& msg, const std::tm&,
              spdlog::memory_buf_t& out) override {
    auto text = json_escaped({msg.payload.data(), msg.payload.size()});
    out.append(text.data(), text.data() + text.size());
  }

  std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<json_message>();
  }
};

/// stderr, where a line with the progress may stand.
class stderr_sink : public spdlog::sinks::base_sink<std::mutex> {
protected:
  void sink_it_(const spdlog::details::log_msg& msg) override {
    spdlog::memory_buf_t line;
    formatter_->format(msg, line);
    terminal_line::of_stderr().write({line.data(), line.size()});
  }

  void flush_() override { std::fflush(stderr); }
};

spdlog::level::level_enum to_spdlog(config::log_level level) {
  switch (level) {
  case config::log_level::trace:
    return spdlog::level::trace;
  case config::log_level::debug:
    return spdlog::level::debug;
  case config::log_level::info:
    return spdlog::level::info;
  case config::log_level::warning:
    return spdlog::level::warn;
  case config::log_level::error:
    return spdlog::level::err;
  }
  return spdlog::level::info;
}

} // namespace

std::string json_escaped(std::string_view text) {
  auto quoted = boost::json::serialize(boost::json::string_view{text.data(), text.size()});
  return quoted.substr(1, quoted.size() - 2);
}

bool logs_are_json() { return format_of_logs == log_format::json; }

void complain(const std::string& why) {
  if (logs_are_json())
    spdlog::error("{}", why);
  else
    terminal_line::of_stderr().write("gitstar: " + why + '\n');
}

void remark(const std::string& text) {
  if (logs_are_json())
    for (auto& x : spdlog::default_logger()->sinks()) // past the level
      x->log({spdlog::default_logger()->name(), spdlog::level::info, text});
  else
    terminal_line::of_stderr().write(text + '\n');
}

void start_logging(log_format format, config::log_level level) {
  format_of_logs = format;
  auto logger = std::make_shared<spdlog::logger>("gitstar", std::make_shared<stderr_sink>());
  auto formatter = std::make_unique<spdlog::pattern_formatter>(spdlog::pattern_time_type::utc);
  if (format == log_format::json) {
    formatter->add_flag<json_message>('*');
    formatter->set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%eZ","level":"%l","message":"%*"})");
  } else {
    formatter->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v");
  }
  logger->set_formatter(std::move(formatter));
  logger->set_level(to_spdlog(level));
  logger->flush_on(spdlog::level::warn);
  spdlog::set_default_logger(std::move(logger));
}

} // namespace gitstar::tool
