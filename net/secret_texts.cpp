#include "net/secret_texts.hpp"

#include <algorithm>

namespace gitstar::net {

namespace {

/// Texts for people are cut to a length. Of a secret that was cut, so much or less may stay: no
/// more than the kind of the token and the number of its App.
constexpr size_t recognised = 16;

/// How much of the secret stands in the text from `at` on.
size_t length_in(const std::string& text, size_t at, const std::string& secret) {
  auto found = std::mismatch(secret.begin(), secret.end(), text.begin() + static_cast<int64_t>(at),
                             text.end());
  return static_cast<size_t>(found.first - secret.begin());
}

} // namespace

void secret_texts::add(std::string secret) {
  if (secret.empty())
    return;
  auto is_longer = [&](const std::string& each) { return each.size() > secret.size(); };
  auto place = std::find_if_not(secrets_.begin(), secrets_.end(), is_longer);
  secrets_.insert(place, std::move(secret));
}

void secret_texts::remove(const std::string& secret) {
  auto found = std::find(secrets_.begin(), secrets_.end(), secret);
  if (found != secrets_.end())
    secrets_.erase(found);
}

void secret_texts::scrub(std::string& text) const {
  if (text.empty())
    return;
  for (const auto& secret : secrets_) {
    auto beginning = secret.substr(0, recognised);
    for (auto at = text.find(beginning); at != std::string::npos;
         at = text.find(beginning, at + 3)) {
      // Fine-grained tokens of one user begin alike for longer than what is recognised: which of
      // them stands here, the rest tells.
      size_t length = 0;
      for (const auto& each : secrets_)
        length = std::max(length, length_in(text, at, each));
      text.replace(at, length, "***");
    }
  }
}

void secret_texts::scrub(api_response& answer) const {
  scrub(answer.message);
  scrub(answer.request_id);
  if (answer.identity)
    scrub(answer.identity->login);
  for (auto& field : answer.fields)
    scrub(field.message);
}

} // namespace gitstar::net
