"""Crawls that are killed or stopped: nothing is lost, and nothing is paid for twice."""

import base64
import os
import random
import signal
import subprocess
import time
import unittest
from pathlib import Path

from programs import Crawler, IntegrationTest, Simulator, end, environment, wait_until

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


class StopAtTheEdgesTest(IntegrationTest):
    """Signals while nothing is crawled: before, and after."""

    MIGRATIONS_LOCK = "7236718540519254321"

    def setUp(self):
        super().setUp()
        self.github = Simulator(self, "--repositories", 2000)
        self.crawler = Crawler(self, self.github.url)

    def session(self):
        """psql, which keeps the server for as long as it lives."""
        process = subprocess.Popen(
            self.crawler.command("psql", "--", "-XqAt"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
        )
        self.addCleanup(end, process)
        return process

    def ask(self, session, sql):
        session.stdin.write(sql + ";\n")
        session.stdin.flush()
        return session.stdout.readline().strip()

    def start(self):
        return self.crawler.start("--no-progress")

    def start_and_watch(self):
        """A crawl that has begun to watch for signals, however long the program takes to load."""
        process = self.start()
        wait_until(lambda: awaits(process.pid, signal.SIGINT), "a crawl that watches for signals")
        return process

    def assert_ends(self, process, which, within):
        asked_at = time.monotonic()
        process.send_signal(which)
        _, errors = process.communicate(timeout=20)
        took = time.monotonic() - asked_at
        self.assertEqual(process.returncode, 130, errors)
        self.assertLess(took, within)
        self.say(f"ended after {took:.2f} s")

    def freeze(self, pid):
        os.kill(pid, signal.SIGSTOP)
        self.addCleanup(self.thaw, pid)

    def thaw(self, pid):
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            pass

    def assert_crawls(self):
        self.crawler.crawl()
        self.assert_certified(self.crawler, self.github, "stars:>=0")
        self.assertIsNone(self.crawler.server_pid())

    def test_a_signal_while_migrations_wait_for_their_lock(self):
        session = self.session()
        self.ask(session, f"select pg_advisory_lock({self.MIGRATIONS_LOCK})")
        process = self.start()
        waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
        wait_until(lambda: self.ask(session, waiting) == "1", "a migration that waits")
        self.assert_ends(process, signal.SIGTERM, within=5)
        self.assertEqual(self.ask(session, "select 'served'"), "served")
        session.communicate(timeout=20)
        self.assert_crawls()

    def test_signals_while_a_frozen_postgresql_is_joined(self):
        session = self.session()
        self.ask(session, "select 1")
        server = self.crawler.server_pid()
        self.freeze(server)
        process = self.start_and_watch()
        time.sleep(1)  # it connects
        self.assert_ends(process, signal.SIGINT, within=5)
        process = self.start_and_watch()
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        time.sleep(0.1)  # one of two that are pending together would be lost
        self.assert_ends(process, signal.SIGINT, within=0.5)
        self.thaw(server)
        session.communicate(timeout=20)
        self.assert_crawls()

    def test_a_signal_at_any_moment_of_the_start_leaves_nothing_running(self):
        ended = []
        for start, moment in (
            (self.start, 0.02),
            (self.start_and_watch, 0),
            (self.start_and_watch, 0.1),
            (self.start_and_watch, 0.2),
            (self.start_and_watch, 0.4),
            (self.start_and_watch, 0.6),
        ):
            process = start()
            time.sleep(moment)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=20)
            ended.append(process.returncode)
            wait_until(lambda: not self.crawler.server_pid(), "the end of PostgreSQL", seconds=5)
        # The first comes before signals are watched, the last perhaps when all is done.
        self.assertEqual(set(ended) - {0, 130, -signal.SIGINT}, set())
        self.assertIn(130, ended)
        self.assert_crawls()
        self.say(f"ended with {ended}")

    def test_a_signal_while_postgresql_does_not_shut_down(self):
        process = self.start()
        server = wait_until(self.crawler.server_pid, "a server")
        checkpointer = wait_until(lambda: child(server, "checkpointer"), "its checkpointer")
        self.freeze(checkpointer)
        wait_until(self.crawler.report_file.exists, "the report")
        wait_until(lambda: "checkpointer" in child_names(server) and len(child_names(server)) == 1,
                   "the end of the others")
        self.assertIsNone(process.poll())
        self.assert_ends(process, signal.SIGINT, within=5)
        self.thaw(checkpointer)
        wait_until(lambda: not self.crawler.server_pid(), "the end of PostgreSQL")
        self.assert_crawls()


def children(pid):
    """What the processes of a server call themselves."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    names = {}
    for process in found:
        try:
            title = Path(f"/proc/{process}/cmdline").read_text()
        except OSError:
            continue  # it has ended
        names[int(process)] = title.removeprefix("postgres: ").split("\0")[0].strip()
    return names


def child_names(pid):
    return list(children(pid).values())


def awaits(pid, which):
    """Whether a process has blocked a signal, as one does that waits for it in a thread."""
    status = Path(f"/proc/{pid}/status").read_text().splitlines()
    blocked = next(line.split()[1] for line in status if line.startswith("SigBlk:"))
    return int(blocked, 16) >> (which - 1) & 1 == 1


def child(pid, name):
    return next((process for process, title in children(pid).items() if title == name), None)


if __name__ == "__main__":
    unittest.main()
