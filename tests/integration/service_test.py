"""What a running crawl tells about itself, and whom it trusts."""

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import termios
import unittest
import urllib.request

from programs import Crawler, IntegrationTest, Simulator, end, environment, wait_until

SECRET = "ghp_Th1sT0kenMustNotShowUpAnywhere"

# With labels: the metrics that operators are promised.
METRICS = """
    gitstar_repositories_crawled_total
    gitstar_api_requests_total{outcome="ok"}
    gitstar_api_errors_total{kind="network"}
    gitstar_api_request_duration_seconds_count
    gitstar_batch_rows_count
    gitstar_points_remaining{credential="token-1"}
    gitstar_requests_in_flight
    gitstar_partitions{state="open"}
    gitstar_partitions{state="done"}
    gitstar_queue_depth{queue="partitions"}
    gitstar_rows_written_total{kind="inserted"}
    gitstar_writer_latency_seconds_count""".split()


def get(url):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=10) as answer:
        return answer.read().decode()


def samples(text):
    """The samples of Prometheus' text format by name and labels."""
    lines = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in lines}


class TelemetryTest(IntegrationTest):
    def setUp(self):
        super().setUp()
        self.github = Simulator(
            self, "--repositories", 20_000, "--latency", 100, "--token", SECRET
        )
        self.crawler = Crawler(self, self.github.url, fetchers=4)
        self.crawler.config["github"]["credentials"][0]["token"] = SECRET
        self.crawler.config["github"]["query_width"] = {"page_max": 3}
        self.crawler.config["telemetry"] = {
            "listen": "127.0.0.1:0",
            "log_level": "debug",
            "progress_interval": "200ms",
        }

    def test_metrics_and_health_follow_a_crawl_and_no_secret_shows_up(self):
        process = self.crawler.start("--log-format", "json")
        log = []
        while not (found := re.search(r"http://[\d.:]+", log[-1] if log else "")):
            log.append(process.stderr.readline())
            self.assertNotEqual(log[-1], "", "it ended without naming its address")
        pages = []

        def half_done():
            pages.append(get(found[0] + "/metrics"))
            stored = samples(pages[-1]).get("gitstar_repositories_crawled_total", 0)
            return samples(pages[-1]) if stored > 6000 else None

        seen = wait_until(half_done, "half of the crawl")
        pages.append(get(found[0] + "/healthz"))
        output, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, errors)
        report = self.assert_certified(self.crawler, self.github, "stars:>=0")

        self.assertEqual([name for name in METRICS if name not in seen], [])
        rows = seen["gitstar_repositories_crawled_total"]
        inserted = seen['gitstar_rows_written_total{kind="inserted"}']
        self.assertTrue(rows <= inserted < report["repositories"], (rows, inserted))
        self.assertGreaterEqual(seen["gitstar_batch_rows_sum"], rows)
        requests = seen['gitstar_api_requests_total{outcome="ok"}']
        # An answer may come between the two lines.
        answered = seen["gitstar_api_request_duration_seconds_count"]
        self.assertIn(answered - requests, (0, 1))
        self.assertLessEqual(requests, report["requests"])
        self.assertGreater(seen["gitstar_api_request_duration_seconds_sum"], 0.1 * requests)
        points = seen['gitstar_points_remaining{credential="token-1"}']
        self.assertTrue(5000 - report["points"] <= points <= 5000, points)
        self.assertLessEqual(seen["gitstar_requests_in_flight"], 100)

        log += errors.splitlines()
        for line in log:
            self.assertEqual({"time", "level", "message"}, json.loads(line).keys())

        server_log = (self.directory / "store/server.log").read_text(errors="replace")
        told = [output, *log, *pages, json.dumps(report), server_log, *self.every_row()]
        self.assertEqual([text for text in told if SECRET in text], [])
        self.say(
            f"{len(pages) - 1} pages of metrics with {len(seen)} samples, {len(log)} log lines, "
            f"{len(told)} texts without the token"
        )

    def every_row(self):
        tables = self.crawler.sql("select tablename from pg_tables where schemaname = 'public'")
        self.assertIn("credential_budgets", tables)
        return self.crawler.sql("".join(f"select t::text from {x} t;" for x in tables))


class JsonLogTest(IntegrationTest):
    def setUp(self):
        super().setUp()
        self.github = Simulator(self, "--repositories", 20_000, "--latency", 50, "--token", SECRET)
        self.crawler = Crawler(self, self.github.url, fetchers=2)
        self.crawler.config["telemetry"]["log_level"] = "error"

    def last_line(self, process, code):
        """What it says last where every line is an object."""
        _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, code, errors)
        lines = [json.loads(line) for line in errors.splitlines()]
        for line in lines:
            self.assertEqual({"time", "level", "message"}, line.keys())
        self.say(lines[-1])
        return lines[-1]

    def test_the_reason_of_a_failure_is_a_line_of_the_log(self):
        last = self.last_line(self.crawler.start("--log-format", "json"), code=1)
        self.assertEqual(last["level"], "error")
        self.assertIn("credential", last["message"])

    def test_a_bad_config_is_a_line_of_the_log(self):
        self.crawler.config["crawl"]["fetchers"] = "many"
        last = self.last_line(self.crawler.start("--log-format", "json"), code=2)
        self.assertEqual(last["level"], "error")
        self.assertIn("crawl.fetchers", last["message"])

    def test_a_stop_is_a_line_of_the_log_whatever_its_level(self):
        self.crawler.config["github"]["credentials"][0]["token"] = SECRET
        process = self.crawler.start("--log-format", "json")
        self.github.wait_for_requests(5)
        process.terminate()
        last = self.last_line(process, code=130)
        self.assertEqual(last["level"], "info")
        self.assertIn("Stopped by a signal", last["message"])


class TerminalTest(IntegrationTest):
    COLUMNS = 80

    def test_progress_stays_in_one_line_and_logs_go_above_it(self):
        github = Simulator(self, "--repositories", 20_000, "--latency", 200)
        crawler = Crawler(self, github.url, fetchers=2)
        crawler.config["github"]["query_width"] = {"page_max": 2}
        ours, its = pty.openpty()
        self.addCleanup(os.close, ours)
        fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, self.COLUMNS, 0, 0))
        process = subprocess.Popen(
            crawler.command("crawl"), stdout=subprocess.DEVNULL, stderr=its, env=environment()
        )
        self.addCleanup(end, process)
        os.close(its)
        github.wait_for_requests(15)
        process.terminate()
        told = b""
        try:
            while chunk := os.read(ours, 4096):
                told += chunk
        except OSError:
            pass  # how a terminal tells that nobody writes any more
        self.assertEqual(process.wait(20), 130)
        lines = told.decode().replace("\r\n", "\n").split("\n")
        drawn = [text for line in lines for text in line.split("\r") if "/s" in text]
        self.assertGreater(len(drawn), 2)
        for text in drawn:
            self.assertLess(len(text.removesuffix("\x1b[K")), self.COLUMNS, text)
            self.assertTrue(text.endswith("\x1b[K"), text)
        logged = next(line for line in lines if "info stopping" in line)
        self.assertRegex(logged, r"^\d{4}-")
        self.say(f"{len(drawn)} times drawn, at last {drawn[-1]!r}")


class TlsTest(IntegrationTest):
    def setUp(self):
        super().setUp()
        self.certificate = self.directory / "certificate.pem"
        key = self.directory / "key.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
            + ["-subj", "/CN=gitstar-test", "-addext", "subjectAltName=IP:127.0.0.1"]
            + ["-keyout", str(key), "-out", str(self.certificate)],
            check=True,
            capture_output=True,
            timeout=60,
        )
        self.github = Simulator(
            self, "--repositories", 2000, "--tls-cert", self.certificate, "--tls-key", key,
            certificate=self.certificate,
        )
        self.crawler = Crawler(self, self.github.url)

    def test_a_server_whose_authority_is_trusted_is_crawled(self):
        self.crawler.config["github"]["http"] = {"ca_file": str(self.certificate)}
        self.crawler.crawl()
        report = self.assert_certified(self.crawler, self.github, "stars:>=0")
        self.say(f"{report['repositories']} repositories over TLS")

    def test_a_server_that_nobody_vouches_for_is_refused(self):
        process = self.crawler.start()
        _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1)
        last = errors.splitlines()[-1]
        self.assertRegex(last, "^gitstar: .*certificate")
        self.assertEqual(self.github.stats()["graphql_requests"], 0)
        self.say(last)


if __name__ == "__main__":
    unittest.main()
