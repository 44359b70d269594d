#include "actors/page_reader.hpp"
#include "actors/search_source.hpp"
#include "tests/actors/fake_github.hpp"

#include <catch2/catch.hpp>

#include <set>

using namespace gitstar;
using gitstar::test::fake_github;

namespace {

lease lease_for(int64_t expected, cursor_mode mode, bool splittable = true) {
  lease x;
  x.part.id = 1;
  x.part.description = "";
  x.part.expected = expected;
  x.part.lease = 1;
  x.cursors = mode;
  x.splittable = splittable;
  x.sorts = pass_texts("");
  return x;
}

/// A GitHub whose repositories all match, and what reading it has given.
class page_reading {
public:
  explicit page_reading(size_t count) : github(gitstar::test::random_repositories(count, 1)) {}

  /// Asks for all pages that can be asked for now in one query; returns how many.
  size_t round(page_reader& reader) {
    api_request request;
    std::vector<uint32_t> pages;
    while (auto page = reader.next_page()) {
      pages.push_back(*page);
      request.fields.push_back(reader.field(*page));
    }
    if (pages.empty())
      return 0;
    auto response = github.answer(request);
    for (size_t i = 0; i < pages.size(); ++i)
      if (response.fields[i].error == field_error::none)
        reader.absorb(pages[i], response.fields[i], found);
      else
        reader.put_back(pages[i]);
    asked += pages.size();
    return pages.size();
  }

  void to_end(page_reader& reader) {
    for (auto i = 0; i < 200 && !reader.finished(); ++i)
      REQUIRE(round(reader) > 0);
    REQUIRE(reader.finished());
    REQUIRE(reader.available() == 0);
  }

  size_t distinct() const {
    std::set<repo_id> ids;
    for (auto& x : found.rows)
      ids.insert(x.repo_id);
    return ids.size();
  }

  fake_github github;
  findings found;
  size_t asked = 0;
};

} // namespace

TEST_CASE("unverified cursors allow page 1 alone, then all others together", "[page_reader]") {
  page_reading world{450};
  page_reader reader{lease_for(450, cursor_mode::unverified)};
  CHECK(reader.available() == 1);
  CHECK(world.round(reader) == 1);
  CHECK(reader.mode() == cursor_mode::predicted);
  CHECK(reader.predicted() == true);
  CHECK(world.round(reader) == 4);
  CHECK(reader.finished());
  CHECK(reader.part().state == partition_state::done);
  CHECK(reader.part().seen == 450);
  CHECK(reader.part().seen_ids.empty());
  CHECK(world.distinct() == 450);
}

TEST_CASE("predicted cursors allow all pages together", "[page_reader]") {
  page_reading world{1000};
  page_reader reader{lease_for(1000, cursor_mode::predicted)};
  CHECK(reader.available() == 10);
  CHECK(world.round(reader) == 10);
  CHECK(reader.part().state == partition_state::done);
  CHECK(world.distinct() == 1000);
}

TEST_CASE("opaque cursors are followed page after page", "[page_reader]") {
  page_reading world{450};
  world.github.opaque_cursors = true;
  page_reader reader{lease_for(450, cursor_mode::unverified)};
  for (auto page = 0; page < 5; ++page)
    CHECK(world.round(reader) == 1);
  CHECK(reader.predicted() == false);
  CHECK(reader.part().state == partition_state::done);
  CHECK(world.distinct() == 450);
}

TEST_CASE("serial paging goes on where it stopped", "[page_reader]") {
  auto mode = GENERATE(cursor_mode::unverified, cursor_mode::serial);
  page_reading world{450};
  world.github.opaque_cursors = true;
  page_reader first{lease_for(450, cursor_mode::unverified)};
  world.round(first);
  world.round(first);
  auto rest = lease_for(450, mode);
  rest.part = first.part();
  page_reader second{rest};
  world.to_end(second);
  CHECK(world.asked == 5);
  CHECK(second.part().seen == 450);
  CHECK(world.distinct() == 450);
}

TEST_CASE("predicted paging asks only for the pages that are missing", "[page_reader]") {
  auto mode = GENERATE(cursor_mode::unverified, cursor_mode::predicted);
  page_reading world{450};
  page_reader first{lease_for(450, cursor_mode::predicted)};
  first.next_page();
  auto page = *first.next_page();
  auto response =
      world.github.answer(api_request{query_shape::search_page, "", {first.field(page)}});
  first.absorb(page, response.fields[0], world.found);
  auto rest = lease_for(450, mode);
  rest.part = first.part();
  page_reader second{rest};
  world.to_end(second);
  CHECK(world.asked == 4);
  CHECK(second.part().seen == 450);
  CHECK(second.part().duplicates == 0);
}

TEST_CASE("what was read with cursors that have become opaque is read again", "[page_reader]") {
  page_reading world{450};
  page_reader first{lease_for(450, cursor_mode::predicted)};
  first.next_page();
  auto page = *first.next_page();
  auto response =
      world.github.answer(api_request{query_shape::search_page, "", {first.field(page)}});
  first.absorb(page, response.fields[0], world.found);
  world.github.opaque_cursors = true;
  auto rest = lease_for(450, cursor_mode::serial);
  rest.part = first.part();
  page_reader second{rest};
  world.to_end(second);
  CHECK(second.part().state == partition_state::done);
  CHECK(second.part().seen == 450);
  CHECK(world.distinct() == 450);
}

TEST_CASE("pages asked together with a wrong cursor do not count", "[page_reader]") {
  page_reading world{300};
  page_reader reader{lease_for(300, cursor_mode::predicted)};
  std::vector<field_answer> answers;
  for (auto i = 0; i < 3; ++i) {
    auto page = *reader.next_page();
    answers.push_back(
        world.github.answer(api_request{query_shape::search_page, "", {reader.field(page)}})
            .fields[0]);
    answers.back().end_cursor = "opaque:" + std::to_string((i + 1) * 100);
  }
  for (uint32_t page = 0; page < 3; ++page)
    reader.absorb(page, answers[page], world.found);
  CHECK(reader.mode() == cursor_mode::serial);
  CHECK(reader.part().pages_done == 1);
  CHECK(reader.part().seen == 100);
  world.github.opaque_cursors = true;
  world.to_end(reader);
  CHECK(world.distinct() == 300);
}

TEST_CASE("a count that grows adds pages", "[page_reader]") {
  page_reading world{450};
  page_reader reader{lease_for(250, cursor_mode::predicted)};
  CHECK(world.round(reader) == 3);
  CHECK_FALSE(reader.finished());
  CHECK(world.round(reader) == 2);
  CHECK(reader.part().state == partition_state::done);
  CHECK(reader.part().expected == 450);
}

TEST_CASE("a count that falls needs no further pages", "[page_reader]") {
  page_reading world{150};
  page_reader reader{lease_for(450, cursor_mode::unverified)};
  world.to_end(reader);
  CHECK(world.asked == 2);
  CHECK(reader.part().expected == 150);
  CHECK(reader.part().state == partition_state::done);
}

TEST_CASE("a page under way is kept although the count falls meanwhile", "[page_reader]") {
  page_reading world{350};
  world.github.shown_count = [](const search_field& field, int64_t exact) {
    return field.after == search_cursor(300) ? exact : exact - 100;
  };
  page_reader reader{lease_for(350, cursor_mode::predicted)};
  world.to_end(reader);
  CHECK(world.asked == 4);
  CHECK(world.distinct() == 350);
}

TEST_CASE("a page that failed while the count fell is asked for again", "[page_reader]") {
  page_reading world{350};
  auto fail = true;
  world.github.shown_count = [](const search_field&, int64_t exact) { return exact - 100; };
  world.github.change = [&](const api_request& request, api_response& response) {
    for (size_t i = 0; i < request.fields.size(); ++i)
      if (fail && request.fields[i].after == search_cursor(300))
        response.fields[i].error = field_error::transient;
    fail = false;
  };
  page_reader reader{lease_for(350, cursor_mode::predicted)};
  world.to_end(reader);
  CHECK(world.distinct() == 350);
}

TEST_CASE("what slips past a page's border when another is deleted is found", "[page_reader]") {
  page_reading world{150};
  auto deleted = false;
  world.github.change = [&](const api_request& request, api_response& response) {
    auto second_page = request.fields[0].after == search_cursor(100);
    for (auto& field : response.fields)
      field.match_count -= deleted || second_page;
    if (second_page && !std::exchange(deleted, true)) // it moved up to page 1
      response.fields[0].repositories.erase(response.fields[0].repositories.begin());
  };
  page_reader reader{lease_for(150, cursor_mode::unverified)};
  world.to_end(reader);
  CHECK(reader.part().pass == 1);
  CHECK(reader.part().state == partition_state::done);
  CHECK(reader.part().expected == 149);
  CHECK(world.distinct() == 150); // the deleted one among them
}

TEST_CASE("a page that was put back is handed out again", "[page_reader]") {
  page_reading world{300};
  page_reader reader{lease_for(300, cursor_mode::predicted)};
  CHECK(reader.next_page() == 0u);
  CHECK(reader.next_page() == 1u);
  reader.put_back(0);
  CHECK(reader.available() == 2);
  CHECK(reader.next_page() == 0u);
  CHECK(reader.next_page() == 2u);
  CHECK_FALSE(reader.next_page());
}

TEST_CASE("a repository that two pages show is a duplicate, stored once", "[page_reader]") {
  page_reading world{200};
  world.github.change = [&](const api_request&, api_response& response) {
    auto& fields = response.fields;
    if (fields.size() == 2)
      fields[1].repositories[0] = fields[0].repositories[0];
  };
  page_reader reader{lease_for(200, cursor_mode::predicted)};
  world.round(reader);
  CHECK(reader.part().duplicates == 1);
  CHECK(reader.part().seen == 199);
  CHECK_FALSE(reader.finished());
  CHECK(reader.part().pass == 1);
}

TEST_CASE("what one sort hides another sort shows", "[page_reader]") {
  page_reading world{250};
  world.github.is_hidden = [](const search_field& field, const repository& x) {
    return field.query.ends_with("sort:stars-desc") && x.repo_id % 7 == 0;
  };
  page_reader reader{lease_for(250, cursor_mode::predicted)};
  world.to_end(reader);
  CHECK(reader.part().state == partition_state::done);
  CHECK(reader.part().pass == 1);
  CHECK(reader.part().seen == 250);
  CHECK(reader.part().duplicates == 0);
  CHECK(world.distinct() == 250);
}

TEST_CASE("what no sort shows makes the partition incomplete, with the reason", "[page_reader]") {
  page_reading world{250};
  auto hidden = world.github.repositories()[17].repo_id;
  world.github.is_hidden = [=](const search_field&, const repository& x) {
    return x.repo_id == hidden;
  };
  page_reader reader{lease_for(250, cursor_mode::predicted)};
  world.to_end(reader);
  CHECK(world.asked == 12);
  CHECK(reader.part().state == partition_state::incomplete);
  CHECK(reader.part().seen == 249);
  CHECK(reader.part().reason == "read with 4 sorts, 1 of 250 did not turn up");
}

TEST_CASE("a count that is too low hides nothing", "[page_reader]") {
  auto opaque = GENERATE(false, true);
  CAPTURE(opaque);
  page_reading world{430};
  world.github.opaque_cursors = opaque;
  world.github.shown_count = [](const search_field&, int64_t) { return 190; };
  page_reader reader{lease_for(190, cursor_mode::unverified)};
  world.to_end(reader);
  CHECK(reader.part().state == partition_state::done);
  CHECK(world.distinct() == 430);
}

TEST_CASE("that a page follows is not forgotten between leases", "[page_reader]") {
  page_reading world{250};
  world.github.shown_count = [](const search_field&, int64_t) { return 190; };
  page_reader before{lease_for(190, cursor_mode::predicted)};
  world.round(before);
  CHECK_FALSE(before.finished());
  auto again = lease_for(190, cursor_mode::predicted);
  again.part = before.part();
  page_reader after{again};
  world.to_end(after);
  CHECK(after.part().state == partition_state::done);
  CHECK(world.distinct() == 250);
}

TEST_CASE("nulls are missing, not gone", "[page_reader]") {
  page_reading world{250};
  auto broken = world.github.repositories()[17].repo_id;
  world.github.is_null = [=](const search_field&, const repository& x) {
    return x.repo_id == broken;
  };
  page_reader reader{lease_for(250, cursor_mode::unverified)};
  world.to_end(reader);
  CHECK(reader.mode() == cursor_mode::predicted);
  CHECK(reader.part().state == partition_state::incomplete);
  CHECK(reader.part().reason == "read with 4 sorts, 1 of 250 did not turn up; 1 came as null");
}

TEST_CASE("a partition with more than 1,000 matches is given back to be cut", "[page_reader]") {
  page_reading world{1200};
  page_reader reader{lease_for(900, cursor_mode::predicted)};
  world.to_end(reader);
  CHECK(reader.part().state == partition_state::open);
  CHECK(reader.part().expected == 1200);
  CHECK(reader.part().pages_done == 0);
  CHECK(reader.part().seen == 1000);
  CHECK(reader.part().seen_ids.size() == 1000);
}

TEST_CASE("what cannot be cut is read with every sort", "[page_reader]") {
  page_reading world{1200};
  page_reader reader{lease_for(1200, cursor_mode::predicted, false)};
  world.to_end(reader);
  CHECK(reader.part().seen == static_cast<int64_t>(world.distinct()));
  CHECK(reader.part().seen > 1000);

  page_reading large{4500};
  page_reader hopeless{lease_for(4500, cursor_mode::predicted, false)};
  large.to_end(hopeless);
  CHECK(hopeless.part().state == partition_state::incomplete);
  CHECK_THAT(hopeless.part().reason,
             Catch::Contains("more than 1,000 matches that no qualifier separates"));
}

TEST_CASE("an empty partition is done after its first page", "[page_reader]") {
  page_reading world{0};
  page_reader reader{lease_for(0, cursor_mode::unverified)};
  world.to_end(reader);
  CHECK(reader.part().state == partition_state::done);
  CHECK_FALSE(reader.predicted());
}

TEST_CASE("an answer makes the partition's failures forgotten", "[page_reader]") {
  page_reading world{250};
  auto work = lease_for(250, cursor_mode::unverified);
  work.part.attempts = 5;
  page_reader reader{work};
  world.round(reader);
  CHECK(reader.part().attempts == 0);
}
