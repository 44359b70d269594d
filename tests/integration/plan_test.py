"""What `gitstar plan` and `gitstar check --online` say of a crawl before it begins."""

import json
import subprocess
import unittest

from programs import Crawler, IntegrationTest, Simulator, environment

TOKENS = """
tokens:
  - { token: ghp_first, user: { id: 7, login: ada } }
  - { token: ghp_second, user: { id: 7, login: ada } }
  - { token: github_pat_other, user: { id: 9, login: bob }, limit: 400, remaining: 300 }
"""


# With an end, or the time of day would decide where windows end, and every run be another. All that
# is simulated is created in even steps; those with stars lie as irregularly as on GitHub.
STARRED = "stars:>=10 created:2008-01-01..2026-11-18"


class PlanningTest(IntegrationTest):
    def ask(self, crawler, name, *arguments, exit_code=0):
        """What a command prints, which must not be a secret."""
        done = subprocess.run(
            crawler.command(name, *arguments),
            capture_output=True,
            text=True,
            timeout=60,
            env=environment(),
        )
        self.assertEqual(done.returncode, exit_code, done.stdout + done.stderr)
        for credential in crawler.config["github"]["credentials"]:
            self.assertNotIn(credential["token"], done.stdout + done.stderr)
        return done.stdout

    def ask_json(self, crawler, name, *arguments, exit_code=0):
        return json.loads(
            self.ask(crawler, name, *arguments, "--format", "json", exit_code=exit_code)
        )


class PlanTest(PlanningTest):
    def assert_foretold(self, repositories, width, **search):
        github = Simulator(self, "--repositories", repositories, "--latency", 5)
        crawler = Crawler(self, github.url, source={"search": {"query": STARRED} | search})
        crawler.config["github"]["query_width"] = {"page_start": width, "page_max": width}
        crawler.config["github"]["limits"] = {"response_seconds_per_minute": 0}
        plan = self.ask_json(crawler, "plan", "--probe")
        self.assertEqual(github.stats()["graphql_requests"], plan["probe"]["queries"])
        self.assertEqual(plan["probe"]["queries"], plan["probe"]["points"])
        self.assertLessEqual(plan["probe"]["points"], 30)
        crawler.crawl()
        report = crawler.report()
        foretold = plan["columns"][0]
        pairs = {
            "partitions": (foretold["partitions"], report["partitions"]["done"]),
            "queries": (foretold["queries"], report["requests"]),
            "points": (foretold["points"], report["points"]),
        }
        self.assertEqual(foretold["repositories"], report["repositories"])
        self.say(f"{repositories} width {width} {search or ''}: foretold and true {pairs}")
        for name, (planned, actual) in pairs.items():
            self.assertLessEqual(abs(planned - actual), max(1, 0.05 * actual), name)
        size = int(crawler.sql("select pg_database_size(current_database())")[0])
        self.say(f"{foretold['bytes']} bytes foretold, {size} true: {foretold['bytes'] / size:.3f}")
        self.assertLessEqual(abs(foretold["bytes"] - size), 0.05 * size, (foretold["bytes"], size))

    def test_starred_repositories_page_by_page(self):
        self.assert_foretold(100_000, 1)

    def test_starred_repositories_ten_pages_at_once(self):
        self.assert_foretold(200_000, 10)

    def test_the_most_starred_repositories(self):
        self.assert_foretold(200_000, 3, top=60_000)

    def test_a_plan_spends_nothing_and_leaves_nothing(self):
        github = Simulator(self, "--repositories", 10)
        crawler = Crawler(self, github.url, prices={"machine_hour": 2, "storage_gb_month": 3})
        text = self.ask(crawler, "plan")
        self.assertIn("--probe asks GitHub", text)
        self.assertIn("terms of service", text)
        self.assertIn("EUR", text)
        plan = self.ask_json(crawler, "plan", "--repositories", "100000")
        names = [column["name"] for column in plan["columns"]]
        self.assertEqual(names, ["this config", "100,000", "10,000,000", "500,000,000"])
        self.assertEqual(plan["columns"][0]["repositories"], 100_000)
        self.assertEqual(github.stats()["graphql_requests"], 0)
        self.assertFalse((self.directory / "store").exists())

    def test_a_plan_needs_no_token_and_a_probe_does(self):
        crawler = Crawler(self, "http://127.0.0.1:1")
        crawler.config["github"]["credentials"] = [{"token": "${GITSTAR_TEST_UNSET}"}]
        text = self.ask(crawler, "plan", "--repositories", "5000")
        self.assertIn("token-1 is not set here", text)
        probe = subprocess.run(
            crawler.command("plan", "--probe"),
            capture_output=True, text=True, timeout=60, env=environment(),
        )
        self.assertEqual(probe.returncode, 2, probe.stderr)
        self.assertIn("github.credentials[0].token", probe.stderr)

    def test_status_before_the_first_crawl_makes_nothing(self):
        crawler = Crawler(self, "http://127.0.0.1:1")
        self.assertEqual(self.ask(crawler, "status"), "No crawl 'test' has been run yet.\n")
        self.assertEqual(self.ask(crawler, "status", "--format", "json"), "null\n")
        self.assertFalse((self.directory / "store").exists())

    def test_top_beyond_what_there_is_is_a_bad_config(self):
        github = Simulator(self, "--repositories", 1000)
        crawler = Crawler(self, github.url, source={"search": {"query": "stars:>=0", "top": 5000}})
        done = subprocess.run(
            crawler.command("plan", "--probe"),
            capture_output=True,
            text=True,
            timeout=60,
            env=environment(),
        )
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertRegex(done.stderr, r"config.yaml:\d+:\d+: crawl.source.search.top: top asks for ")

    def test_a_server_without_limits_costs_no_points(self):
        github = Simulator(self, "--repositories", 3000, "--limits", "none")
        crawler = Crawler(self, github.url)
        plan = self.ask_json(crawler, "plan", "--probe")
        self.assertEqual(plan["probe"]["points"], 0)
        self.assertTrue(plan["budgets"][0]["unlimited"])
        self.assertIn("rate limits are switched off", self.ask(crawler, "plan", "--probe"))

    def test_a_plan_knows_what_an_earlier_crawl_has_learned(self):
        tokens = self.directory / "tokens.yaml"
        tokens.write_text(TOKENS)
        github = Simulator(self, "--repositories", 3000, "--tokens", tokens)
        crawler = Crawler(self, github.url)
        crawler.config["github"]["credentials"] = [
            {"token": "ghp_first"},
            {"token": "ghp_second"},
            {"token": "github_pat_other"},
            {"token": "ghp_revoked"},
        ]
        crawler.crawl()
        plan = self.ask_json(crawler, "plan")
        self.assertEqual(plan["columns"][0]["repositories"], crawler.report()["expected"])
        budgets = {tuple(x["credentials"]): (x["limit"], x["assumed"]) for x in plan["budgets"]}
        self.assertEqual(
            budgets,
            {("token-1", "token-2"): (5000, False), ("token-3",): (400, False)},
        )
        self.assertIn("token-4 is left out: GitHub has rejected it.", plan["assumptions"])


class CheckTest(PlanningTest):
    def setUp(self):
        super().setUp()
        tokens = self.directory / "tokens.yaml"
        tokens.write_text(TOKENS)
        self.github = Simulator(self, "--repositories", 3000, "--tokens", tokens)
        self.crawler = Crawler(self, self.github.url)
        self.crawler.config["github"]["credentials"] = [
            {"token": "ghp_first"},
            {"token": "ghp_second"},
            {"token": "github_pat_other"},
        ]

    def checks(self, exit_code=0):
        found = self.ask_json(self.crawler, "check", "--online", exit_code=exit_code)
        self.assertEqual(found["ok"], exit_code == 0)
        return {x["name"]: x for x in found["checks"]}

    def test_budgets_users_and_the_store_are_looked_at(self):
        found = self.checks()
        self.assertTrue(all(x["level"] == "ok" for x in found.values()), found)
        first = found["credential token-1"]
        self.assertEqual((first["login"], first["limit"]), ("ada", 5000))
        self.assertEqual(first["shares_with"], ["token-2"])
        other = found["credential token-3"]
        self.assertEqual((other["kind"], other["login"], other["limit"]), ("fine_grained", "bob", 400))
        self.assertLess(other["remaining"], 300)
        self.assertNotIn("shares_with", other)
        self.assertLessEqual(abs(found["clock"]["skew_seconds"]), 1)
        self.assertFalse((self.directory / "store").exists())

        self.crawler.crawl()
        database = self.checks()["database"]
        self.assertEqual(database["pending_migrations"], 0)
        self.assertRegex(database["server_version"], r"^\d+")
        text = self.ask(self.crawler, "check", "--online")
        self.assertRegex(text, r"(?m)^ok +credential token-3: fine_grained of bob: \d+ of 400 ")
        self.say(text.splitlines()[0])

    def test_a_bad_credential_is_named_and_the_rest_is_checked(self):
        self.crawler.config["github"]["credentials"].append({"token": "ghp_revoked"})
        self.crawler.config["store"]["postgres"] = "host=127.0.0.1 port=1 password=geheim"
        found = self.checks(exit_code=1)
        levels = {name: x["level"] for name, x in found.items()}
        self.assertEqual(levels.pop("credential token-4"), "error")
        self.assertEqual(levels.pop("database"), "error")
        self.assertEqual(set(levels.values()), {"ok"})
        self.assertIn("Bad credentials", found["credential token-4"]["text"])
        self.assertNotIn("geheim", json.dumps(found))

    def test_a_clock_that_is_off_is_said(self):
        self.github.get("/_sim/faults", b"clock_offset: 90\n")
        clock = self.checks()["clock"]
        self.assertEqual(clock["level"], "warning")
        self.assertAlmostEqual(clock["skew_seconds"], 90, delta=2)

    def test_a_github_that_is_not_there_is_an_error_for_each_credential(self):
        self.crawler.config["github"]["graphql_url"] = "http://127.0.0.1:1/graphql"
        found = self.checks(exit_code=1)
        self.assertEqual(found["credential token-1"]["level"], "error")
        self.assertEqual(found["credential token-3"]["outcome"], "network")


if __name__ == "__main__":
    unittest.main()
