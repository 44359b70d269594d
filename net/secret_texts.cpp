#include "net/secret_texts.hpp"

#include <algorithm>

namespace gitstar::net {

namespace {

/// Texts for people are cut to a length. Of a secret that was cut, so much or less may stay: no
/// more than the kind of the token and the number of its App.
constexpr size_t recognised = 16;

void replace(std::string& text, const std::string& secret) {
  auto beginning = secret.substr(0, recognised);
  for (auto at = text.find(beginning); at != std::string::npos; at = text.find(beginning, at + 3)) {
    auto found = std::mismatch(secret.begin(), secret.end(),
                               text.begin() + static_cast<int64_t>(at), text.end());
    text.replace(at, static_cast<size_t>(found.first - secret.begin()), "***");
  }
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
  for (const auto& secret : secrets_)
    replace(text, secret);
}

void secret_texts::scrub(api_response& answer) const {
  scrub(answer.message);
  scrub(answer.request_id);
  for (auto& field : answer.fields)
    scrub(field.message);
}

} // namespace gitstar::net
