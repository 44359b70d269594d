#include "tools/gitstar/logging.hpp"

#include <boost/json/serialize.hpp>
#include <boost/json/string.hpp>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>

namespace gitstar::tool {

namespace {

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

void start_logging(log_format format, config::log_level level) {
  auto logger = std::make_shared<spdlog::logger>("gitstar",
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
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
