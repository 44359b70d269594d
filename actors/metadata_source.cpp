#include "actors/metadata_source.hpp"

#include "messages/time_text.hpp"

namespace gitstar {

std::string metadata_source::text() const {
  std::string result = "metadata:";
  for (const auto& kind : plan_.kinds)
    result += ' ' + kind;
  for (const auto& list : plan_.skipped)
    result += " without " + list;
  if (plan_.since)
    result += " since " + to_utc_text(*plan_.since);
  if (plan_.most_items > 0)
    result += " items " + std::to_string(plan_.most_items);
  if (plan_.most_children > 0)
    result += " children " + std::to_string(plan_.most_children);
  if (!plan_.open_checks)
    result += " without open checks";
  return result + " where " + condition_;
}

optional<known_selection> metadata_source::selection() const {
  known_selection result;
  result.condition = condition_;
  return result;
}

void metadata_source::equip(lease& work) const {
  work.shape = query_shape::metadata_probe;
  work.metadata = plan_;
}

} // namespace gitstar
