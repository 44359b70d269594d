#include "net/examine_credential.hpp"

#include <future>

namespace gitstar::net {

namespace {

api_response ask(github_client& client, const std::string& credential, const field_set& fields,
                 bool identify) {
  std::promise<api_response> promise;
  auto answer = promise.get_future();
  client.async_document(credential, probe_text(fields, identify),
                        [&promise](api_response got) { promise.set_value(std::move(got)); });
  return answer.get();
}

/// Refused is what GitHub says no to; what it does not answer at all may be allowed.
bool is_refused(const api_response& answer) {
  return (answer.result == outcome::ok && !answer.message.empty()) ||
         answer.result == outcome::forbidden || answer.result == outcome::rejected;
}

} // namespace

credential_examination examine_credential(github_client& client, const std::string& credential,
                                          bool is_user) {
  field_set needed;
  for (size_t i = 0; i < needed.size(); ++i)
    needed.set(i, !repository_fields[i].optional);
  credential_examination result;
  result.answer = ask(client, credential, needed, is_user);
  if (result.answer.result != outcome::ok)
    return result;
  for (size_t i = 0; i < needed.size(); ++i) {
    if (needed.test(i))
      continue;
    auto answer = ask(client, credential, field_set{}.set(i), false);
    if (is_refused(answer))
      result.refused.push_back({std::string{repository_fields[i].name}, answer.message});
  }
  return result;
}

} // namespace gitstar::net
