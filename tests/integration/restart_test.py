"""Processes that are killed again and again within a minute keep to GitHub's limits together."""

import time
import unittest

from programs import Crawler, IntegrationTest, Simulator

REPOSITORIES = 400_000
LIMIT = 2000  # queries of one user within a minute
KILLED_AFTER = 600  # queries of each process
MINUTE_S = 55  # afterwards the first queries may be sent again


class MinuteTest(IntegrationTest):
    deadline_s = 180

    def test_kills_within_a_minute_violate_no_limit(self):
        github = Simulator(self, "--repositories", REPOSITORIES)
        crawler = Crawler(self, github.url, fetchers=8)
        crawler.config["github"]["query_width"] = {"page_start": 1, "page_max": 1}
        began_at = time.monotonic()
        sent = 0
        while sent < LIMIT - KILLED_AFTER:
            process = crawler.start("--no-progress")
            github.wait_for_requests(sent + KILLED_AFTER)
            process.kill()
            process.wait()
            sent = github.stats()["graphql_requests"]
        # This one has fewer left than it wants.
        process = crawler.start("--no-progress")
        waits = lambda: github.stats()["graphql_requests"]

        def stands_still():
            before = waits()
            time.sleep(2)
            return before > sent and waits() == before

        while time.monotonic() - began_at < MINUTE_S and not stands_still():
            pass
        took = time.monotonic() - began_at
        sent = waits()
        process.kill()
        process.wait()
        stats = github.stats()
        self.assertEqual(stats["violations"]["total"], 0, stats)
        if took >= MINUTE_S:
            self.skipTest(f"too slow to say anything of one minute: {took:.0f} s")
        self.assertLessEqual(sent, LIMIT)
        self.assertGreater(sent, 0.7 * LIMIT)
        self.say(f"{sent} of {LIMIT} queries in {took:.0f} s by 4 processes, 3 of them killed")


if __name__ == "__main__":
    unittest.main()
