"""PostgreSQL fails while a crawl runs: it can be stopped, and says how it is. That nothing is lost,
whatever fails, is shown by storm_matrix_test."""

import shutil
import signal
import tempfile
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path

from database_faults import Postgres, RunningCrawl, says
from programs import Crawler, IntegrationTest, Simulator, wait_until

REPOSITORIES = 20_000


class DatabaseTest(IntegrationTest):
    """A simulated GitHub and one server for all tests of a class; a database for each test."""

    latency_ms = 40
    fetchers = 4

    @classmethod
    def setUpClass(cls):
        directory = Path(tempfile.mkdtemp(prefix="gitstar-database-"))
        cls.addClassCleanup(shutil.rmtree, directory)
        directory.chmod(0o755)  # root's PostgreSQL runs as another account
        cls.postgres = Postgres(directory)
        cls.addClassCleanup(cls.postgres.close)

    def setUp(self):
        super().setUp()
        self.github = Simulator(self, "--repositories", REPOSITORIES, "--latency", self.latency_ms)
        self.crawler = Crawler(self, self.github.url, fetchers=self.fetchers)
        self.crawler.config["github"]["query_width"] = {"page_max": 2}
        self.crawler.config["store"]["postgres"] = self.postgres.new_database("crawled")

    def start(self):
        crawl = RunningCrawl(self.crawler.start("--no-progress"))
        self.github.wait_for_requests(40)
        return crawl


class HungServerTest(DatabaseTest):
    # While the server is being paused no fetcher may fill the two batches that it may have
    # uncommitted: it would ask for nothing more.
    latency_ms = 300
    fetchers = 16

    def test_a_hung_server_does_not_keep_the_crawl_from_stopping(self):
        crawl = self.start()
        self.postgres.pause()
        self.addCleanup(self.postgres.resume)
        time.sleep(0.5)
        asked_at = time.monotonic()
        crawl.process.send_signal(signal.SIGTERM)
        self.assertEqual(crawl.wait(), 130, crawl.text())
        took = time.monotonic() - asked_at
        self.assertLess(took, 5)
        self.postgres.resume()
        self.crawler.crawl()
        report = self.assert_certified(self.crawler, self.github, "stars:>=0")
        self.assertEqual(report["crawl_id"], 1)
        self.say(f"stopped after {took:.1f} s and resumed to {report['repositories']}")

    def test_a_hung_server_does_not_hold_up_the_error_that_ends_a_crawl(self):
        crawl = self.start()
        self.postgres.pause()
        self.addCleanup(self.postgres.resume)
        self.github.get("/_sim/faults", b"faults: [{ fault: bad_credentials, every: 1 }]")
        self.assertEqual(crawl.wait(), 1, crawl.text())
        self.assertIn("GitHub rejects every credential", crawl.text())
        self.postgres.resume()
        self.github.get("/_sim/faults", b"faults: []")
        self.crawler.crawl()
        report = self.assert_certified(self.crawler, self.github, "stars:>=0")
        self.assertEqual(report["crawl_id"], 1)


class WaitingTest(DatabaseTest):
    def test_health_and_metrics_tell_that_postgresql_is_waited_for(self):
        self.crawler.config["telemetry"] = {"listen": "127.0.0.1:0", "log_level": "debug"}
        crawl = self.start()
        url = crawl.wait_for_log(r"http://[\d.:]+")[0]
        self.postgres.configure("default_transaction_read_only", "on")
        says(crawl, r"read-only \(25006\)")
        health = wait_until(lambda: unhealthy(url), "a report of bad health")
        metrics = get(url + "/metrics")[1]
        self.postgres.configure("default_transaction_read_only")
        crawl.wait_for_log("PostgreSQL is back after")
        wait_until(lambda: get(url + "/healthz")[0] == 200, "good health")
        self.assertEqual(crawl.wait(), 0, crawl.text())
        self.assertEqual(health, "waiting for PostgreSQL: the database is read-only (25006)")
        self.assertIn("\ngitstar_store_waiting 1\n", metrics)
        self.assertRegex(metrics, r'\ngitstar_store_errors_total\{sqlstate="25006"\} [1-9]')


def get(url):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read().decode()


def unhealthy(url):
    status, text = get(url + "/healthz")
    return text.strip() if status == 503 else None


if __name__ == "__main__":
    unittest.main()
