#pragma once

#include "messages/metadata/rows.hpp"
#include "messages/partition.hpp"

#include <memory>

namespace gitstar {

/// What answers have shown, to be stored together with the progress that it completes.
struct findings {
  std::vector<repository> rows;
  std::vector<repo_id> gone{}; ///< NOT_FOUND
  std::vector<metadata_rows> metadata{};
  std::vector<metadata_list> lists{};
  std::vector<metadata_watermark> watermarks{};
  timestamp asked_at{}; ///< when the query was sent, by GitHub's clock
};

/// An inclusive range of database ids.
struct id_range {
  repo_id first = 1;
  repo_id last = 0;
  int64_t size() const { return last - first + 1; }
  bool operator==(const id_range&) const = default;
};

/// Reads one leased partition page by page: which to ask for, what an answer adds, and when the
/// partition is complete. Decisions only; a FETCHER asks and stores.
class lease_reader {
public:
  virtual ~lease_reader() = default;

  /// What its pages are asked with; while some can be asked for, that of the next.
  virtual query_shape shape() const = 0;

  /// The next page of this shape that can be asked for now; empty when an answer has to come first,
  /// or none is left. Each page is handed out once, unless `put_back`.
  virtual optional<uint32_t> next_page() = 0;
  /// How many pages of this shape `next_page` would hand out now.
  virtual uint32_t available() const = 0;
  /// The page failed and is to be asked for again.
  virtual void put_back(uint32_t page) = 0;

  virtual search_field field(uint32_t page) const = 0;

  /// Takes the answer to `page` (without error) and moves what is new to `found`. Afterwards
  /// `part()` is the progress to store together with it. False: it settled nothing, so that asking
  /// again makes sense later only.
  virtual bool absorb(uint32_t page, field_answer& answer, findings& found) = 0;

  /// An error that a retry cannot cure is the end of the page, or of the partition: `part()` says
  /// so. False: it is not.
  virtual bool settles(uint32_t, const field_answer&, findings&) { return false; }

  /// The page failed although nothing else was asked with it. True: it has been put back and will
  /// be smaller, or it was given up and `part()` and `found` say so.
  virtual bool ask_less(uint32_t, const std::string&, findings&) { return false; }

  /// No page is left: `part()` is done, incomplete, or open because it has to be cut.
  virtual bool finished() const = 0;
  virtual const partition& part() const = 0;

  /// The ids of repositories that it has to know of before it hands out pages, where the store has
  /// them; `know` takes those that there are, ascending.
  virtual optional<id_range> wants_known() const { return caf::none; }
  virtual void know(std::vector<repo_id>) {}

  /// How many fields a query for ids carries now.
  virtual void learn_width(uint32_t) {}

  /// A full page's cursor was compared with the predicted one.
  virtual optional<bool> predicted() const { return caf::none; }
};

/// The reader that a lease for pages needs.
/// `marks`: what is known of the metadata of its repositories, if that is what is read.
std::unique_ptr<lease_reader> make_reader(lease work, std::vector<metadata_watermark> marks = {});

} // namespace gitstar
