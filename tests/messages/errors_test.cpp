#include "messages/fwd.hpp"
#include "messages/interfaces.hpp"

#include <catch2/catch.hpp>

#include <set>

using namespace gitstar;

TEST_CASE("an error is described by its words, or else by its code's name", "[errors]") {
  CHECK(describe(caf::make_error(errc::fenced, std::string{"crawl 1 was taken over"})) ==
        "crawl 1 was taken over");
  CHECK(describe(caf::make_error(errc::fenced)) == "fenced");
  CHECK(render_error(static_cast<uint8_t>(errc::fenced), caf::atom("gitstar"),
                     caf::make_message(std::string{"taken over"})) == "fenced: taken over");
}

TEST_CASE("errors that a restart cannot help are final", "[errors]") {
  CHECK(is_final(caf::make_error(errc::bad_config)));
  CHECK(is_final(caf::make_error(errc::no_credential_left)));
  CHECK(is_final(caf::make_error(errc::query_rejected)));
  CHECK(is_final(caf::make_error(errc::fenced)));
  // Of a worker: it joins again with everything new.
  CHECK(is_final(caf::make_error(errc::refused)));
  CHECK(is_final(caf::make_error(errc::not_leading)));
  CHECK(is_final(caf::make_error(errc::connection_lost)));
}

TEST_CASE("errors that a restart may help are not final", "[errors]") {
  CHECK_FALSE(is_final(caf::make_error(errc::store_failed)));
  CHECK_FALSE(is_final(caf::make_error(errc::lease_lost)));
  CHECK_FALSE(is_final(caf::make_error(errc::stopping)));
  // The supervisor above starts the subtree again until it has had enough itself.
  CHECK_FALSE(is_final(caf::make_error(errc::too_many_restarts)));
  CHECK_FALSE(is_final(caf::make_error(caf::sec::runtime_error)));
  CHECK_FALSE(is_final(caf::error{}));
}

TEST_CASE("a full name splits into owner and name", "[repository]") {
  repository x;
  x.full_name = "rust-lang/rust";
  CHECK(owner_of(x) == "rust-lang");
  CHECK(name_of(x) == "rust");
  x.full_name = "no-slash";
  CHECK(owner_of(x) == "no-slash");
  CHECK(name_of(x).empty());
}

TEST_CASE("every value of an enumeration has a name of its own", "[messages]") {
  CHECK(to_string(query_shape::search_count) == "search_count");
  CHECK(to_string(query_shape::search_page) == "search_page");
  std::set<std::string> names;
  for (auto i = 0; i <= static_cast<int>(outcome::blocked); ++i)
    names.insert(to_string(static_cast<outcome>(i)));
  CHECK(names.size() == static_cast<size_t>(outcome::blocked) + 1);
  names.clear();
  for (auto i = 0; i <= static_cast<int>(field_error::rejected); ++i)
    names.insert(to_string(static_cast<field_error>(i)));
  CHECK(names.size() == static_cast<size_t>(field_error::rejected) + 1);
  names.clear();
  for (auto i = 0; i <= static_cast<int>(partition_state::dead); ++i)
    names.insert(to_string(static_cast<partition_state>(i)));
  CHECK(names == std::set<std::string>{"open", "split", "done", "incomplete", "dead"});
  CHECK(to_string(cursor_mode::unverified) == "unverified");
  CHECK(to_string(cursor_mode::predicted) == "predicted");
  CHECK(to_string(cursor_mode::serial) == "serial");
  CHECK(to_string(errc::too_many_restarts) == "too_many_restarts");
  CHECK(to_string(errc::connection_lost) == "connection_lost");
}
