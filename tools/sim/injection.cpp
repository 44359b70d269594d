// How faults look: the bodies, statuses and headers of the fact sheet, sections 1 to 4 and 7.
#include "tools/sim/github.hpp"

namespace gitstar::sim {

namespace {

constexpr std::string_view secondary_limit_page =
    "<!DOCTYPE html>\n<html>\n<head><title>Rate limit &middot; GitHub</title></head>\n<body>\n"
    "<h1>Whoa there!</h1>\n<p>You have exceeded a secondary rate limit.<br><br>\nPlease wait a few "
    "minutes before you try again;<br>\nin some cases this may take up to an hour.</p>\n</body>\n"
    "</html>\n";

/// The page with the unicorn is large because its pictures are in it.
std::string unicorn_page() {
  std::string picture(16'000, 'A');
  return "<!DOCTYPE html>\n<!--\n\nHello future GitHubber! I bet you're here to remove those nasty "
         "inline styles.\n\n-->\n<html>\n<head><title>Unicorn! &middot; GitHub</title></head>\n"
         "<body>\n<img alt=\"\" src=\"data:image/png;base64," +
         picture +
         "\">\n<p><strong>We had issues producing the response to your request.</strong></p>\n"
         "<p>Sorry about that. Please try refreshing and contact us if the problem persists.</p>\n"
         "</body>\n</html>\n";
}

delivery::manner manner_of(fault_kind kind) {
  switch (kind) {
  case fault_kind::truncated_gzip:
    return delivery::manner::truncated_gzip;
  case fault_kind::oversized_body:
    return delivery::manner::endless;
  case fault_kind::slow_body:
    return delivery::manner::drops;
  case fault_kind::reset_mid_body:
    return delivery::manner::reset_mid_body;
  case fault_kind::reset_before_answer:
    return delivery::manner::reset;
  case fault_kind::close_after_answer:
    return delivery::manner::close_after;
  case fault_kind::outage:
    return delivery::manner::outage;
  case fault_kind::outage_reset:
    return delivery::manner::outage_reset;
  default:
    return delivery::manner::whole;
  }
}

} // namespace

void github::inject(const fault_rule& fault, http_answer& out) {
  switch (fault.kind) {
  case fault_kind::secondary_limit_200:
  case fault_kind::secondary_limit_403:
  case fault_kind::secondary_limit_429:
  case fault_kind::secondary_limit_html:
    return inject_secondary_limit(fault, out);
  case fault_kind::rate_limited:
  case fault_kind::rate_limit_code:
  case fault_kind::rate_limited_low:
    return inject_primary_limit(fault, out);
  case fault_kind::timeout_200:
    out.body = something_went_wrong();
    return add_limit_headers(out, resource::graphql);
  case fault_kind::timeout_502_json:
  case fault_kind::timeout_504_json:
    out.status = fault.kind == fault_kind::timeout_504_json ? 504 : 502;
    out.body = something_went_wrong();
    return;
  case fault_kind::timeout_502_html:
    return answer_page(out, 502, "502 Bad Gateway");
  case fault_kind::timeout_502_unicorn:
    answer_page(out, 502, "");
    out.body = unicorn_page();
    return;
  case fault_kind::bad_credentials:
    return answer_unauthorized(false, out);
  case fault_kind::forbidden_html:
    return answer_page(out, 403, "403 Forbidden");
  case fault_kind::blocked_451:
    out.status = 451;
    out.body = blocked_body;
    return add_limit_headers(out, out.is_graphql ? resource::graphql : resource::core);
  default: // an outage
    out.delivery.how = manner_of(fault.kind);
    out.delivery.duration = std::chrono::milliseconds{fault.milliseconds};
  }
}

void github::inject_secondary_limit(const fault_rule& fault, http_answer& out) {
  if (fault.retry_after > 0) {
    out.headers += "Retry-After: " + std::to_string(fault.retry_after) + "\r\n";
    limits_.ban(out.asker->account, std::chrono::seconds{fault.retry_after}, now());
    out.announces_ban = true;
  }
  out.status = fault.kind == fault_kind::secondary_limit_200   ? 200
               : fault.kind == fault_kind::secondary_limit_403 ? 403
                                                               : 429;
  out.body = secondary_limit_body();
  if (fault.kind == fault_kind::secondary_limit_html) {
    out.content_type = "text/html; charset=utf-8";
    out.body = secondary_limit_page;
  }
  add_limit_headers(out, out.is_graphql ? resource::graphql : resource::core);
}

void github::inject_primary_limit(const fault_rule& fault, http_answer& out) {
  ++stats_.rate_limited;
  const auto& account = out.asker->account;
  out.body = primary_limit_body(out.asker->viewer.id, fault.kind == fault_kind::rate_limit_code);
  if (fault.kind != fault_kind::rate_limited_low) {
    limits_.use_up(account, resource::graphql, seconds_of(now()));
    return add_limit_headers(out, resource::graphql);
  }
  auto window = limits_.window(account, resource::graphql, seconds_of(now()));
  window.limit = 1000;
  window.used = 996;
  write_limit_headers(out, resource::graphql, window);
}

/// What the client gets of an answer that is otherwise good.
void github::spoil(const fault_rule& fault, http_answer& out) {
  switch (fault.kind) {
  case fault_kind::malformed_json:
    out.body.back() = ']';
    return;
  case fault_kind::truncated_json:
    out.body.resize(out.body.size() / 2);
    return;
  case fault_kind::wrong_content_type:
    out.content_type = "text/html; charset=utf-8";
    return;
  case fault_kind::empty_body:
    out.body.clear();
    return;
  case fault_kind::delay:
    out.delivery.delay = std::chrono::milliseconds{fault.milliseconds};
    return;
  default:
    out.delivery.how = manner_of(fault.kind);
    out.delivery.duration = std::chrono::milliseconds{fault.milliseconds};
    out.delivery.bytes = static_cast<size_t>(fault.bytes);
  }
}

void github::load_faults(fault_config faults) {
  if (faults.window_seconds)
    limits_.set_window(*faults.window_seconds, seconds_of(now()));
  injector_ = {std::move(faults), now(), request_count_};
  hits_ = {};
}

http_answer github::answer_faults(std::string_view yaml) {
  try {
    load_faults(parse_faults(std::string{yaml}, "faults"));
  } catch (const std::exception& error) {
    return plain_answer(400, std::string{error.what()} + "\n");
  }
  return plain_answer(200, "ok\n");
}

} // namespace gitstar::sim
