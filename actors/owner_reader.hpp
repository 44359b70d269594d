#pragma once

#include "actors/lease_reader.hpp"

namespace gitstar {

/// `owner LOGIN`: the description of a partition that is all that a user or an organization owns.
std::string owner_description(const std::string& login);

/// Reads the repositories of one user or organization, page after page in the order of their
/// creation, so that what is created or deleted meanwhile moves nothing across a page that was
/// read. What its pages lack of the count is asked for once more from the beginning.
///
/// `expected` is what was seen, what came as null, and what the count says is still to come.
class owner_reader : public lease_reader {
public:
  explicit owner_reader(lease work);

  query_shape shape() const override { return query_shape::owner_page; }
  optional<uint32_t> next_page() override;
  uint32_t available() const override { return finished_ || asked_ ? 0 : 1; }
  void put_back(uint32_t) override { asked_ = false; }
  search_field field(uint32_t page) const override;
  bool absorb(uint32_t page, field_answer& answer, findings& found) override;
  bool settles(uint32_t page, const field_answer& answer, findings& found) override;
  bool finished() const override { return finished_; }
  const partition& part() const override { return part_; }

private:
  void end_pass();
  void finish(partition_state state, std::string reason);

  partition part_;
  std::string login_;
  bool wants_forks_;
  bool asked_ = false;
  bool finished_ = false;
  int64_t read_ = 0;  // elements of the pages of this pass, forks that nobody wants included
  int64_t nulls_ = 0; // of them
  std::string after_; // GitHub's cursor
};

} // namespace gitstar
