#pragma once

#include "actors/store_retry.hpp"
#include "db/crawl_store.hpp"
#include "messages/interfaces.hpp"

#include <functional>
#include <memory>

namespace gitstar {

namespace net {
class metrics;
}

/// Opens a connection of its own for each actor that needs one.
using store_factory = std::function<std::unique_ptr<db::crawl_store>()>;

struct writer_config {
  store_factory open;
  store_reviver revive;
  uint32_t batch_rows = 2000;            ///< commit at so many rows,
  caf::timespan batch_delay{50'000'000}; ///< or so long after the oldest batch came
  std::shared_ptr<net::metrics> metrics;
  /// What all users of the store share.
  std::shared_ptr<db::store_health> health = std::make_shared<db::store_health>();
};

/// Groups batches into transactions. Blocks in PostgreSQL, so it is spawned detached. While
/// PostgreSQL is away it keeps what it has and tries again.
class writer_state {
public:
  explicit writer_state(writer_actor::pointer self) : self_(self) {}
  writer_actor::behavior_type make_behavior(writer_config cfg);
  static inline constexpr const char* name = "gitstar.writer";

private:
  /// A question about what is stored that has not been answered.
  struct question {
    std::function<void()> answer; ///< asks the store and delivers; throws `store_error`
    std::function<void(const caf::error&)> refuse;
  };

  void add(batch&& work, caf::typed_response_promise<batch_receipt> promise);
  template <class Answer, class Call>
  caf::result<Answer> ask(Call call);
  template <class Call>
  bool try_store(const Call& call);
  void answer();
  void flush();
  void wake_in(caf::timespan delay);
  void fail(const caf::error& reason);

  writer_actor::pointer self_;
  writer_config cfg_;
  std::unique_ptr<db::crawl_store> store_;
  batch group_; // what the next transaction commits
  std::vector<caf::typed_response_promise<batch_receipt>> promises_;
  std::vector<question> questions_;
  bool waking_ = false;
  bool store_away_ = false;
  std::unique_ptr<store_retry> retry_;
};

/// Spawn with `sys.spawn<caf::detached>(writer, cfg)`.
inline writer_actor::behavior_type writer(writer_actor::stateful_pointer<writer_state> self,
                                          writer_config cfg) {
  return state_of(self).make_behavior(std::move(cfg));
}

} // namespace gitstar
