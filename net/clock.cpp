#include "net/clock.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <unordered_set>

namespace gitstar::net {

namespace {

class timers : public clock {
public:
  explicit timers(boost::asio::io_context& context) : context_(context) {}

  time_point now() const override { return std::chrono::system_clock::now(); }

  void after(std::chrono::milliseconds delay, std::function<void()> action) override {
    auto timer = std::make_shared<boost::asio::steady_timer>(context_);
    timer->expires_after(stopped_ ? std::chrono::milliseconds{0} : delay);
    waiting_.insert(timer);
    timer->async_wait([this, timer, action = std::move(action)](boost::system::error_code) {
      waiting_.erase(timer);
      action();
    });
  }

  void stop() override {
    stopped_ = true;
    for (auto& timer : waiting_)
      timer->cancel();
  }

private:
  boost::asio::io_context& context_;
  std::unordered_set<std::shared_ptr<boost::asio::steady_timer>> waiting_;
  bool stopped_ = false;
};

} // namespace

std::unique_ptr<clock> system_clock(boost::asio::io_context& context) {
  return std::make_unique<timers>(context);
}

} // namespace gitstar::net
