#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include <sys/types.h>

namespace gitstar::tool {

/// The simulator refuses its arguments, in its own words.
class refused_arguments : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

/// A `gitstar-sim` of our own on loopback: the one that lies beside this program, else the one in
/// PATH. It ends with the object, and with this process however that ends.
class private_simulator {
public:
  /// Starts it and waits until it listens. Throws `refused_arguments`, and `std::system_error`
  /// where it cannot be started.
  explicit private_simulator(const std::vector<std::string>& arguments);
  ~private_simulator();
  private_simulator(const private_simulator&) = delete;
  private_simulator& operator=(const private_simulator&) = delete;

  /// `http://127.0.0.1:PORT`
  const std::string& url() const { return url_; }

  /// The body at `target` (path and query). Throws `std::runtime_error`.
  std::string get(const std::string& target) const;

private:
  void stop();

  pid_t process_ = -1;
  std::string url_;
};

} // namespace gitstar::tool
