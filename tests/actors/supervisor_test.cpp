#include "actors/supervisor.hpp"
#include "tests/actors/world.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace gitstar;
using namespace gitstar::test;
using namespace std::chrono_literals;

namespace {

class supervising : public world {
public:
  /// While there are logs to write to.
  ~supervising() {
    if (uut)
      end(uut, caf::exit_reason::kill);
  }

  /// A child that does nothing but fail when told to.
  child_spec child(std::string name) {
    child_spec result;
    result.name = name;
    result.start = [this, name](supervisor_actor::pointer parent,
                                const std::vector<named_actor>& earlier) {
      log.push_back("start " + name);
      std::vector<std::string> names;
      for (auto& x : earlier)
        names.push_back(x.name + '#' + std::to_string(x.handle.id()));
      seen[name] = names;
      // The name is an argument: CAF binds a reference to null for a function without one.
      auto fails = [this](caf::event_based_actor* me, const std::string& who) -> caf::behavior {
        me->set_exit_handler([this, me, who](const caf::exit_msg& msg) {
          log.push_back("stop " + who);
          me->quit(msg.reason);
        });
        return {
            [me](const std::string& what) { me->quit(caf::make_error(errc::store_failed, what)); },
            [me](caf::error& reason) { me->quit(std::move(reason)); }};
      };
      auto handle = parent->spawn(fails, name);
      adopt(handle);
      current[name] = handle;
      parents[name] = caf::actor_cast<caf::actor>(parent);
      return handle;
    };
    result.ended = [this, name](uint64_t id, const std::vector<named_actor>&) {
      ended_ids.push_back(id);
      log.push_back("ended " + name);
    };
    return result;
  }

  /// A supervisor as a child.
  static child_spec tree(supervisor_config cfg) {
    child_spec result;
    result.name = cfg.name;
    result.subtree = std::make_shared<const supervisor_config>(std::move(cfg));
    return result;
  }

  supervisor_config config(std::string name, std::vector<child_spec> children) {
    supervisor_config result;
    result.name = std::move(name);
    result.children = std::move(children);
    result.metrics = metrics;
    return result;
  }

  void start(supervisor_config cfg) {
    auto root = spawn(supervisor, std::move(cfg));
    uut = root;
    self->monitor(root);
  }

  void fail(const std::string& name) { tell(current.at(name), std::string{"broken"}); }

  /// The supervisor's last word.
  caf::error end_reason() {
    caf::error result;
    self->receive([&](caf::down_msg& x) { result = std::move(x.reason); });
    return result;
  }

  std::vector<std::string> take_log() { return std::exchange(log, {}); }

  std::string handle_of(const std::string& name) {
    return name + '#' + std::to_string(current.at(name).id());
  }

  using lines = std::vector<std::string>;

  std::vector<std::string> log;
  std::vector<uint64_t> ended_ids;
  std::map<std::string, caf::actor> current;
  std::map<std::string, caf::actor> parents;
  std::map<std::string, std::vector<std::string>> seen;
  supervisor_actor uut;
};

} // namespace

TEST_CASE_METHOD(supervising, "children start in order and know those before them",
                 "[supervisor]") {
  start(config("root", {child("a"), child("b"), child("c")}));
  CHECK(take_log() == lines{"start a", "start b", "start c"});
  CHECK(seen["a"].empty());
  CHECK(seen["c"] == lines{handle_of("a"), handle_of("b")});
  auto leaves = *ask<std::vector<named_actor>>(uut, handles_atom_v);
  REQUIRE(leaves.size() == 3);
  CHECK(leaves[1].name == "b");
  CHECK(leaf<caf::actor>(leaves, "b") == current["b"]);
  CHECK_THROWS_WITH(leaf<caf::actor>(leaves, "d"), Catch::Contains("'d'"));
}

TEST_CASE_METHOD(supervising, "a failed child is started again with those after it",
                 "[supervisor]") {
  start(config("root", {child("a"), child("b"), child("c"), child("d")}));
  auto a = handle_of("a");
  auto b = handle_of("b");
  take_log();
  fail("b");
  auto happened = take_log();
  CHECK(std::count(happened.begin(), happened.end(), "stop c") == 1);
  CHECK(std::count(happened.begin(), happened.end(), "stop d") == 1);
  CHECK(std::count(happened.begin(), happened.end(), "start b") == 0);
  advance(1s);
  CHECK(take_log() == lines{"start b", "start c", "start d"});
  CHECK(handle_of("a") == a);
  CHECK(handle_of("b") != b);
  CHECK(seen["d"] == lines{a, handle_of("b"), handle_of("c")});
}

TEST_CASE_METHOD(supervising, "children that do not know each other fail alone", "[supervisor]") {
  auto cfg = config("pool", {child("a"), child("b"), child("c")});
  cfg.scope = restart_scope::one;
  start(cfg);
  take_log();
  fail("a");
  CHECK(take_log() == lines{"ended a"});
  advance(1s);
  CHECK(take_log() == lines{"start a"});
}

TEST_CASE_METHOD(supervising, "whoever ends gives back what it held", "[supervisor]") {
  start(config("root", {child("a"), child("b")}));
  auto b = current["b"].id();
  auto a = current["a"].id();
  fail("a");
  CHECK(ended_ids == std::vector<uint64_t>{a, b});
}

TEST_CASE_METHOD(supervising, "delays double, with jitter, up to a limit", "[supervisor]") {
  auto cfg = config("root", {child("a")});
  cfg.intensity = 100;
  cfg.period = 24h;
  cfg.max_delay = 1s;
  start(cfg);
  for (auto longest : {100ms, 200ms, 400ms, 800ms, 1000ms, 1000ms}) {
    take_log();
    fail("a");
    take_log();
    advance(longest / 2 - 1ms);
    CHECK(take_log().empty());
    advance(longest / 2 + 1ms);
    CHECK(take_log() == lines{"start a"});
  }
}

TEST_CASE_METHOD(supervising, "too many restarts in a period are the end", "[supervisor]") {
  auto cfg = config("root", {child("a")});
  cfg.intensity = 2;
  start(cfg);
  for (auto i = 0; i < 2; ++i) {
    fail("a");
    advance(1s);
  }
  fail("a");
  CHECK(ended(uut));
  auto reason = end_reason();
  CHECK(reason == errc::too_many_restarts);
  CHECK(describe(reason) == "root/a failed 3 times in a short time, last with: broken");
}

TEST_CASE_METHOD(supervising, "restarts of another period are forgotten", "[supervisor]") {
  auto cfg = config("root", {child("a")});
  cfg.intensity = 2;
  start(cfg);
  for (auto i = 0; i < 10; ++i) {
    fail("a");
    advance(31s);
  }
  CHECK_FALSE(ended(uut));
}

TEST_CASE_METHOD(supervising, "an error that a restart cannot help is passed up", "[supervisor]") {
  start(config("root", {child("x"), tree(config("api", {child("a"), child("b")}))}));
  take_log();
  tell(current["a"], caf::make_error(errc::no_credential_left, std::string{"rejected"}));
  CHECK(ended(uut));
  CHECK(describe(end_reason()) == "rejected");
  auto happened = take_log();
  happened.erase(std::remove_if(happened.begin(), happened.end(),
                                [](auto& x) { return x.starts_with("ended"); }),
                 happened.end());
  CHECK(happened == lines{"stop b", "stop x"});
}

TEST_CASE_METHOD(supervising, "why it gives up is told before its children have ended",
                 "[supervisor]") {
  auto hangs = child("x");
  hangs.start = [this](supervisor_actor::pointer parent, const std::vector<named_actor>&) {
    auto handle = parent->spawn([](caf::event_based_actor* me) -> caf::behavior {
      me->set_exit_handler([](const caf::exit_msg&) {}); // as one that waits for PostgreSQL
      return {[](const std::string&) {}};
    });
    adopt(handle);
    return handle;
  };
  auto cfg = config("root", {hangs, child("a")});
  std::vector<std::string> reasons;
  cfg.gives_up = [&reasons](const caf::error& reason) { reasons.push_back(describe(reason)); };
  start(std::move(cfg));
  tell(current["a"], caf::make_error(errc::no_credential_left, std::string{"rejected"}));
  CHECK_FALSE(ended(uut));
  CHECK(reasons == lines{"rejected"});
}

TEST_CASE_METHOD(supervising, "a subtree that gives up is started again by its parent",
                 "[supervisor]") {
  auto api = config("api", {child("a")});
  api.intensity = 1;
  auto root = config("root", {tree(api)});
  root.intensity = 1;
  start(root);
  for (auto i = 0; i < 3; ++i) {
    CHECK_FALSE(ended(uut));
    fail("a");
    advance(1s);
  }
  CHECK_FALSE(ended(uut));
  fail("a");
  CHECK(ended(uut));
  CHECK_THAT(describe(end_reason()),
             Catch::Contains("root/api failed 2 times") && Catch::Contains("api/a failed 2 times"));
}

TEST_CASE_METHOD(supervising, "leaves of a subtree count as its parent's", "[supervisor]") {
  start(config("root", {child("x"), tree(config("store", {child("a"), child("b")})),
                        tree(config("api", {child("c")})), child("y")}));
  CHECK(take_log() == lines{"start x", "start a", "start b", "start c", "start y"});
  CHECK(seen["c"] == lines{handle_of("x"), handle_of("a"), handle_of("b")});
  CHECK(seen["y"] == lines{handle_of("x"), handle_of("a"), handle_of("b"), handle_of("c")});
  CHECK(ask<std::vector<named_actor>>(uut, handles_atom_v)->size() == 5);
}

TEST_CASE_METHOD(supervising, "when a subtree changes, later siblings start with fresh handles",
                 "[supervisor]") {
  start(config("root", {tree(config("store", {child("a"), child("b")})),
                        tree(config("api", {child("c")}))}));
  auto old = handle_of("b");
  take_log();
  fail("b");
  advance(5s);
  CHECK(handle_of("b") != old);
  CHECK(seen["c"] == lines{handle_of("a"), handle_of("b")});
  CHECK_FALSE(ended(uut));
  auto leaves = *ask<std::vector<named_actor>>(uut, handles_atom_v);
  REQUIRE(leaves.size() == 3);
  CHECK(leaves[1].handle == current["b"]);
  CHECK(leaves[2].handle == current["c"]);
}

TEST_CASE_METHOD(supervising, "a pool that replaces one of its own tells nobody", "[supervisor]") {
  auto pool = config("pool", {child("a"), child("b")});
  pool.scope = restart_scope::one;
  start(config("root", {tree(pool), child("y")}));
  take_log();
  fail("a");
  advance(1s);
  CHECK(take_log() == lines{"ended a", "start a"});
}

TEST_CASE_METHOD(supervising, "handles are told when all run again", "[supervisor]") {
  start(config("root", {child("a"), child("b")}));
  fail("a");
  auto later = ask_later<std::vector<named_actor>>(uut, handles_atom_v);
  CHECK_FALSE(later.answered());
  CHECK(take_log().back() == "ended b"); // asking does not shorten the delay
  advance(1s);
  REQUIRE(later.answered());
  CHECK(later.get()->at(0).handle == current["a"]);
}

TEST_CASE_METHOD(supervising, "children stop in the opposite order of their start",
                 "[supervisor]") {
  start(config("root", {child("a"), tree(config("api", {child("b"), child("c")})), child("d")}));
  take_log();
  end(uut);
  CHECK(ended(uut));
  auto happened = take_log();
  happened.erase(std::remove_if(happened.begin(), happened.end(),
                                [](auto& x) { return x.starts_with("ended"); }),
                 happened.end());
  CHECK(happened == lines{"stop d", "stop c", "stop b", "stop a"});
}

TEST_CASE_METHOD(supervising, "a supervisor that is told to end does not restart", "[supervisor]") {
  start(config("root", {child("a"), child("b")}));
  fail("a");
  end(uut);
  take_log();
  advance(1min);
  CHECK(take_log().empty());
  CHECK(ended(uut));
}

TEST_CASE_METHOD(supervising, "a killed supervisor leaves nobody behind", "[supervisor]") {
  start(config("root", {child("a"), tree(config("api", {child("b"), child("c")})), child("d")}));
  auto b = current["b"].id();
  end(uut, caf::exit_reason::kill);
  for (auto name : {"a", "b", "c", "d"})
    CHECK(ended(current[name]));
  CHECK(std::count(ended_ids.begin(), ended_ids.end(), b) == 1);
  advance(1min);
  CHECK(std::count(log.begin(), log.end(), "start a") == 1);
}

TEST_CASE_METHOD(supervising, "a supervisor that throws leaves nobody behind", "[supervisor]") {
  auto broken = child("b");
  broken.start = [this, start = broken.start,
                  starts = 0](supervisor_actor::pointer parent,
                              const std::vector<named_actor>& earlier) mutable {
    if (++starts > 1)
      throw std::logic_error("no such leaf");
    return start(parent, earlier);
  };
  start(config("root", {child("a"), broken, child("c")}));
  fail("b");
  advance(1s);
  CHECK(ended(uut));
  CHECK(ended(current["a"]));
  CHECK(ended(current["c"]));
}

TEST_CASE_METHOD(supervising, "a subtree whose supervisor is killed is started again",
                 "[supervisor]") {
  start(config("root", {child("x"), tree(config("api", {child("a")})), child("y")}));
  auto a = current["a"];
  auto api = parents.at("a");
  end(api, caf::exit_reason::kill);
  CHECK(ended(a));
  advance(1s);
  CHECK_FALSE(ended(current["a"]));
  CHECK(seen["y"] == lines{handle_of("x"), handle_of("a")});
}
