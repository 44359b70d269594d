#include "actors/count_round.hpp"

#include <catch2/catch.hpp>

#include <chrono>

using namespace gitstar;
using namespace std::chrono_literals;

namespace {

using asked_texts = std::vector<std::string>;
using numbers = std::vector<int64_t>;

constexpr count_round::time_point at_once;

} // namespace

TEST_CASE("counts come back in the order of the questions", "[count_round]") {
  count_round round{{"a", "b", "c"}};
  CHECK(round.take(2, 1, 10, at_once) == asked_texts{"a", "b"});
  CHECK(round.has_more());
  CHECK(round.take(2, 2, 11, at_once) == asked_texts{"c"});
  CHECK_FALSE(round.has_more());
  CHECK(round.answered(2, {3}));
  CHECK(round.result().empty());
  CHECK(round.answered(1, {1, 2}));
  CHECK(round.result() == numbers{1, 2, 3});
}

TEST_CASE("a portion is answered once, by its own lease, in full", "[count_round]") {
  count_round round{{"a", "b"}};
  round.take(2, 1, 10, at_once);
  CHECK_FALSE(round.answered(2, {1, 2}));
  CHECK_FALSE(round.answered(1, {1}));
  CHECK(round.answered(1, {1, 2}));
  CHECK_FALSE(round.answered(1, {5, 5}));
  CHECK(round.result() == numbers{1, 2});
}

TEST_CASE("what is given back is handed out again", "[count_round]") {
  count_round round{{"a", "b", "c"}};
  round.take(1, 1, 10, at_once + 5s);
  round.take(1, 2, 11, at_once + 9s);
  round.give_back(1);
  CHECK_FALSE(round.is_out(1));
  CHECK_FALSE(round.answered(1, {1}));
  CHECK(round.lost(11));
  CHECK_FALSE(round.lost(11));
  CHECK(round.take(3, 3, 12, at_once) == asked_texts{"c", "a", "b"});
  CHECK(round.answered(3, {30, 10, 20}));
  CHECK(round.result() == numbers{10, 20, 30});
}

TEST_CASE("a portion runs out unless its holder renews it", "[count_round]") {
  count_round round{{"a", "b"}};
  CHECK_FALSE(round.next_due());
  round.take(1, 1, 10, at_once + 5s);
  round.take(1, 2, 11, at_once + 6s);
  CHECK(*round.next_due() == at_once + 5s);
  round.renew(10, at_once + 20s);
  CHECK(*round.next_due() == at_once + 6s);
  CHECK_FALSE(round.expire(at_once + 5s));
  CHECK(round.expire(at_once + 6s));
  CHECK(round.is_out(1));
  CHECK_FALSE(round.is_out(2));
  CHECK(round.take(5, 3, 12, at_once + 30s) == asked_texts{"b"});
}
