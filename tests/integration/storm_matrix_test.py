"""Crawls in every storm, and through every fault of the database: nothing is lost, nothing is asked
in vain but what the fault itself spoilt, and GitHub's limits are kept. Prints the matrix.

Each database fault happens in one of the storms, in turn; GITSTAR_MATRIX=full has all of them."""

import csv
import io
import itertools
import os
import re
import shutil
import tempfile
import unittest
from collections import defaultdict
from pathlib import Path

from database_faults import FAULTS, Postgres, RunningCrawl
from programs import Crawler, IntegrationTest, Simulator, wait_until

REPOSITORIES = 20_000
STORMS = ["calm", "flaky", "limits", "outage", "moving", "hostile"]
QUERY = "stars:>=0"

FETCHERS = 4
BREAKER_FAILURES = 5

# Queries in vain, beyond one for each fault that GitHub showed: those under way when a limit struck
# (a fetcher has one).
BEYOND_FAULTS = 3 * FETCHERS
# In each of the two outages of two seconds: until the breaker opens, those under way, and a trial
# each second.
BEYOND_OUTAGES = 2 * (BREAKER_FAILURES + FETCHERS + 3)


def runs():
    for storm in STORMS:
        yield storm, None
    if os.environ.get("GITSTAR_MATRIX") == "full":
        yield from itertools.product(STORMS, FAULTS)
    else:
        yield from zip(itertools.cycle(STORMS), FAULTS)


def has_asked(github, requests):
    """An outage of the simulator refuses our questions, too."""
    try:
        return github.stats()["graphql_requests"] >= requests
    except OSError:
        return False


class StormMatrix(IntegrationTest):
    deadline_s = 3600 if os.environ.get("GITSTAR_MATRIX") == "full" else 360

    @classmethod
    def setUpClass(cls):
        directory = Path(tempfile.mkdtemp(prefix="gitstar-matrix-"))
        cls.addClassCleanup(shutil.rmtree, directory)
        directory.chmod(0o755)  # root's PostgreSQL runs as another account
        cls.postgres = Postgres(directory)
        cls.addClassCleanup(cls.postgres.close)

    def test_every_storm_and_every_database_fault_is_survived(self):
        rows = []
        for storm, fault in runs():
            with self.subTest(storm=storm, database=fault or "well"):
                rows.append(self.survive(storm, fault))
        print()
        for row in [("storm", "database", "rows", "queries", "faults", "in vain", "moved", "s")] + rows:
            print("  {:8} {:22} {:>6} {:>8} {:>7} {:>8} {:>6} {:>5}".format(*map(str, row)))

    def survive(self, storm, fault):
        latency = 40 if fault else 2
        github = Simulator(
            self, "--repositories", REPOSITORIES, "--storm", storm, "--latency", latency
        )
        crawler = Crawler(self, github.url, fetchers=FETCHERS)
        crawler.config["store"] = {"postgres": self.postgres.new_database("crawled")}
        crawler.config["github"] |= {
            "breaker": {"failures": BREAKER_FAILURES, "recovery": "1s"},
            "retries": {"first_delay": "50ms", "max_delay": "1s"},
            "query_width": {"page_max": 2 if fault else 10},
        }
        process = crawler.start("--no-progress")
        try:
            crawl = RunningCrawl(process)
            if fault:
                wait_until(lambda: has_asked(github, 15), "15 requests")
                FAULTS[fault](crawl, self.postgres)
            code = crawl.wait(120)
        finally:
            process.kill()  # one that is left behind would disturb the next
        report = crawler.report()
        # One line per cause and half a minute, not one per attempt and connection.
        waits = re.findall(r"waiting for PostgreSQL.*?: (.*? \(\w{5}\)):", crawl.text())
        self.assertEqual(len(waits), len(set(waits)), crawl.text())
        stats = github.stats()
        self.assertEqual(stats["violations"]["total"], 0, stats)
        if storm == "moving":
            moved = self.assert_accounts_for_changes(crawler, github, report, code)
        else:
            self.assertEqual(code, 0, crawl.text())
            self.assert_certified(crawler, github, QUERY)
            self.assert_history_begins(crawler)
            moved = 0
        if storm == "calm":
            self.assertEqual(stats["repeated_pages"], 0, crawl.text())
        faults = sum(stats["faults"].values())
        beyond = BEYOND_OUTAGES if storm == "outage" else BEYOND_FAULTS
        self.assertLessEqual(report["retries"], faults + beyond, crawl.text())
        github.process.terminate()
        return (
            storm, fault or "well", report["repositories"], report["requests"], faults,
            report["retries"], moved, f"{report['wall_seconds']:.1f}",
        )

    def assert_accounts_for_changes(self, crawler, github, report, code):
        """What GitHub changed while the crawl ran is stored as it was at some moment of it; the
        rest is as it is. Whatever is missing was deleted, and the certificate says so."""
        truth = {int(x["repo_id"]): x for x in github.repositories(QUERY)}
        versions = defaultdict(lambda: defaultdict(set))
        deleted, created = set(), set()
        changes = csv.DictReader(io.StringIO(github.get("/_sim/changes.csv").decode(), newline=""))
        for change in changes:
            repo = int(change["repo_id"])
            if change["kind"] == "stars":
                versions[repo]["star_count"] |= {change["old"], change["new"]}
            elif change["kind"] in ("rename", "transfer"):
                versions[repo]["full_name"] |= {change["old"], change["new"]}
            elif change["kind"] == "delete":
                deleted.add(repo)
            elif change["kind"] == "create":
                created.add(repo)
        stored = {}
        for line in crawler.sql("select repo_id, star_count, full_name from repositories"):
            repo, stars, name = line.split("|")
            stored[int(repo)] = {"star_count": stars, "full_name": name}
        for repo, row in stored.items():
            self.assertTrue(repo in truth or repo in deleted, f"{repo} is not GitHub's")
            for column, value in row.items() if repo in truth else ():
                allowed = {truth[repo][column]}
                if repo in versions:
                    allowed |= versions[repo][column]
                self.assertIn(value, allowed, f"{column} of {repo}")
        missing = set(truth) - set(stored)
        # A second with more repositories than one search shows is cut by stars: who gets or loses
        # some while it is read may be met twice, or not at all.
        starred = {repo for repo, columns in versions.items() if columns["star_count"]}
        self.assertEqual(missing - created - starred, set(), "GitHub has them, the store does not")
        self.assertLessEqual(abs(report["repositories"] - len(stored)), len(starred))
        # A page that was read before a deletion and one after it may both have counted it.
        self.assertLessEqual(report["missing"], len(deleted))
        self.assertEqual(code, 3 if report["missing"] else 0)
        self.assertLessEqual(report["expected"] - report["missing"], report["repositories"])
        return len(set(versions) | deleted | created)


if __name__ == "__main__":
    unittest.main()
