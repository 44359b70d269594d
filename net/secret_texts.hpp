#pragma once

#include "messages/api.hpp"

#include <string>
#include <vector>

namespace gitstar::net {

/// The secrets that could turn up in a text for people, because a server sends back what it got.
class secret_texts {
public:
  void add(std::string secret);
  void remove(const std::string& secret);

  /// Puts `***` for every secret, also for the beginning of one that was cut off.
  void scrub(std::string& text) const;

  /// The same for all that an answer says in words.
  void scrub(api_response& answer) const;

private:
  std::vector<std::string> secrets_; ///< the longest first: one may begin with another
};

} // namespace gitstar::net
