"""Crawls that are killed or stopped: nothing is lost, and nothing is paid for twice."""

import base64
import os
import random
import signal
import time
import unittest

from programs import Crawler, IntegrationTest, Simulator, wait_until

KILLS = 10
FETCHERS = 4
WIDTH = 2
REPOSITORIES = 60_000
MOST_REQUESTS = 25  # of a run that is killed: 10 of them stay short of the whole crawl
QUERIES_PER_KILL = 3  # of one fetcher: one in flight, two batches that are not committed yet


def cursor(page):
    """What GitHub expects for page `page` of a search, the first being 0."""
    return base64.b64encode(f"cursor:{100 * page}".encode()).decode() if page else ""


class KillTest(IntegrationTest):
    deadline_s = 180

    def setUp(self):
        super().setUp()
        self.github = Simulator(self, "--repositories", REPOSITORIES, "--latency", 30)
        self.crawler = Crawler(self, self.github.url, fetchers=FETCHERS)
        self.crawler.config["github"]["query_width"] = {"page_max": WIDTH}

    def test_ten_kills_of_the_crawler_lose_nothing_and_repeat_nothing_stored(self):
        seed = int(os.environ.get("GITSTAR_TEST_SEED", random.randrange(2**32)))
        self.say(f"GITSTAR_TEST_SEED={seed}")
        moments = random.Random(seed)
        stored = {}
        self.kill_a_crawl(moments, more_requests=0)  # while its PostgreSQL begins
        for _ in range(KILLS - 1):
            self.kill_a_crawl(moments, more_requests=moments.randint(0, MOST_REQUESTS))
            stored |= {page: asked for page, asked in self.stored_pages() if page not in stored}
        self.crawler.crawl()
        report = self.assert_certified(self.crawler, self.github, "stars:>=0")
        self.assert_history_begins(self.crawler)
        self.assertEqual(report["crawl_id"], 1)
        asked = self.github.pages()
        self.assertEqual([page for page in stored if asked[page] > stored[page]], [])
        repeated = self.github.stats()["repeated_pages"]
        self.assertLessEqual(repeated, KILLS * FETCHERS * QUERIES_PER_KILL * WIDTH)
        self.say(
            f"{report['repositories']} repositories, {len(asked)} pages, {repeated} of them "
            f"repeated after {KILLS} kills, 0 of {len(stored)} that were stored before a kill"
        )

    def kill_a_crawl(self, moments, more_requests):
        """About every third time PostgreSQL dies with it."""
        process = self.crawler.start("--no-progress")
        if more_requests:
            self.github.wait_for_requests(self.github.stats()["graphql_requests"] + more_requests)
        time.sleep(moments.uniform(0, 0.1 if more_requests else 1))
        self.assertIsNone(process.poll(), "the crawl ended before it was killed")
        process.kill()
        process.wait()
        if moments.random() < 1 / 3 and (server := self.crawler.server_pid()):
            os.kill(server, signal.SIGKILL)

    def stored_pages(self):
        """The pages whose rows are committed, and how often each was asked for until now."""
        if self.crawler.sql("select to_regclass('partitions')") == [""]:
            return
        partitions = self.crawler.sql("select state, pages_done, description from partitions")
        asked = self.github.pages()
        for partition in partitions:
            state, pages_done, description = partition.split("|", 2)
            for (query, after), times in asked.items():
                if query.startswith(description + " sort:") and (
                    state == "done" or after in cursors(int(pages_done))
                ):
                    yield (query, after), times

    def test_a_killed_postgres_comes_back_and_the_crawl_goes_on(self):
        process = self.crawler.start("--no-progress")
        self.github.wait_for_requests(60)
        killed = self.crawler.server_pid()
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: self.crawler.server_pid() not in (killed, None), "a new PostgreSQL")
        _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, errors)
        report = self.assert_certified(self.crawler, self.github, "stars:>=0")
        self.assert_history_begins(self.crawler)
        self.say(f"{report['repositories']} repositories in {report['wall_seconds']:.1f} s")


def cursors(pages_done):
    """The cursors of the pages whose bits are set."""
    return {cursor(page) for page in range(10) if pages_done >> page & 1}


class StopTest(IntegrationTest):
    def start_slow_crawl(self, latency_ms):
        self.github = Simulator(self, "--repositories", 20_000, "--latency", latency_ms)
        self.crawler = Crawler(self, self.github.url, fetchers=2)
        self.crawler.config["github"]["query_width"] = {"page_max": 2}
        return self.crawler.start("--no-progress")

    def assert_stops_gracefully(self, which):
        process = self.start_slow_crawl(latency_ms=50)
        self.github.wait_for_requests(25)
        asked_at = time.monotonic()
        process.send_signal(which)
        _, errors = process.communicate(timeout=20)
        took = time.monotonic() - asked_at
        self.assertEqual(process.returncode, 130, errors)
        self.assertLess(took, 5)
        stopped = self.crawler.report()
        self.assertEqual(stopped["state"], "stopped")
        self.assertGreater(stopped["missing"], 0)

        self.crawler.crawl()
        report = self.assert_certified(self.crawler, self.github, "stars:>=0")
        self.assert_history_begins(self.crawler)
        self.assertEqual(report["crawl_id"], stopped["crawl_id"])
        repeated = self.github.stats()["repeated_pages"]
        self.assertEqual(repeated, 0)
        self.say(
            f"stopped after {took:.2f} s with {stopped['repositories']} of "
            f"{stopped['expected']}, resumed with {repeated} pages repeated"
        )

    def test_sigint_stops_gracefully_and_the_same_command_resumes(self):
        self.assert_stops_gracefully(signal.SIGINT)

    def test_sigterm_stops_gracefully_and_the_same_command_resumes(self):
        self.assert_stops_gracefully(signal.SIGTERM)

    def test_a_second_signal_ends_it_at_once(self):
        process = self.start_slow_crawl(latency_ms=3000)
        self.github.wait_for_requests(1)
        time.sleep(1)  # the next query is on its way
        process.send_signal(signal.SIGINT)
        while "stopping" not in (line := process.stderr.readline()):
            self.assertNotEqual(line, "", "it ended without a word")
        asked_at = time.monotonic()
        process.send_signal(signal.SIGINT)
        process.wait(10)
        took = time.monotonic() - asked_at
        self.assertEqual(process.returncode, 130)
        self.assertLess(took, 1)
        self.say(f"ended {took * 1000:.0f} ms after the second signal")


if __name__ == "__main__":
    unittest.main()
