#pragma once

#include "actors/id_reader.hpp"

#include <algorithm>
#include <memory>

namespace gitstar {

/// Reads a range of ids by what REST lists of it: a block of ids is listed (100 existing public
/// repositories per request of the core budget) and then read by `nodes`, block after block.
///
/// A listing proves that what it shows exists, not that the rest does not. Repositories of the
/// range that the store knows are therefore asked for whether they are listed or not: only
/// NOT_FOUND makes them gone. So are all ids where the listing shows null in the place of one, and
/// those of a range that REST does not list at all (GitHub Enterprise Server says 404 beyond its
/// newest repository, fact sheet 7).
///
/// With `id_listing::automatic` the first listing of each block measures the density d of ids to
/// ask for. 100 ids of the range cost 1/w points when they are asked for unlisted, w being the
/// learned width, and d requests and d/w points when they are listed first. Where listing costs
/// more, what is left of the range is asked for unlisted, by an `id_reader`.
///
/// Progress in the partition: `cursor` says up to where ids are listed, and how many of `seen_ids`
/// are set aside because they came without data; the others are the block, with a bit of
/// `pages_done` for each of its pages. They get another chance when the range ends.
class listing_reader : public lease_reader {
public:
  explicit listing_reader(lease work);

  /// Whether this lease is one for it: begun like that, or fresh and to be listed.
  static bool fits(const lease& work);

  query_shape shape() const override;
  optional<uint32_t> next_page() override;
  uint32_t available() const override;
  void put_back(uint32_t page) override;
  search_field field(uint32_t page) const override;
  bool absorb(uint32_t page, field_answer& answer, findings& found) override;
  bool settles(uint32_t page, const field_answer& answer, findings& found) override;
  bool finished() const override;
  const partition& part() const override { return rest_ ? rest_->part() : part_; }

  optional<id_range> wants_known() const override;
  void know(std::vector<repo_id> ids) override;
  void learn_width(uint32_t ids_width) override { width_ = std::max(ids_width, 1u); }

private:
  bool is_listing() const { return !rest_ && !block_; }
  size_t room() const;
  void take(const field_answer& answer);
  bool is_worth_it(const field_answer& answer) const;
  void add_up_to(repo_id last, const std::vector<repo_id>& ids);
  void begin_block();
  void end_block();
  void stop_listing();
  void go_unlisted();
  void note();

  partition part_;
  id_listing mode_;
  id_range range_;
  repo_id listed_;                   // up to here
  size_t aside_ = 0;                 // of seen_ids, at their beginning
  std::vector<repo_id> known_;       // beyond listed_, ascending
  bool asked_ = false;               // a listing is under way
  uint32_t width_ = 1;               // of queries for ids
  std::unique_ptr<id_reader> block_; // while it is read
  std::unique_ptr<id_reader> rest_;  // of the range, unlisted; or what was set aside
};

} // namespace gitstar
