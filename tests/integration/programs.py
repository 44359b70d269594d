"""The real programs as processes: a simulated GitHub, the crawler, and the store that it fills.

Everything lies in one temporary directory per test and is gone afterwards: processes are ended by
their id, and each test has a deadline, so that nothing hangs and nothing stays.
"""

import csv
import io
import json
import os
import re
import shutil
import signal
import ssl
import subprocess
import tempfile
import time
import unittest
import urllib.parse
import urllib.request
from pathlib import Path

GITSTAR = os.environ.get("GITSTAR", "gitstar")
GITSTAR_SIM = os.environ.get("GITSTAR_SIM", "gitstar-sim")

COLUMNS = """repo_id, owner, name, full_name, star_count, fork_count, open_issue_count,
    watcher_count, language, license, description, is_fork, is_archived, is_disabled, visibility,
    disk_usage_kb, created_at, updated_at, pushed_at"""

SANITIZED = "GITSTAR_SANITIZED" in os.environ  # the programs are slow, large, and say more
PATIENCE = 5 if SANITIZED else 1  # times as long as a test waits else

ANSWER_S = 10 * PATIENCE  # what a program on loopback may take to answer
EXIT_S = 20 * PATIENCE  # what a program may take to end where a test does not say less


def environment(**variables):
    """Ours without proxies and credentials, which belong to the person who runs the tests."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.lower().endswith("_proxy") and name != "GITHUB_TOKEN"
    }
    return inherited | variables


def wait_until(condition, what, seconds=30):
    """Polls until `condition` returns something true, and returns that."""
    give_up = time.monotonic() + seconds * PATIENCE
    while time.monotonic() < give_up:
        if result := condition():
            return result
        time.sleep(0.005)
    raise TimeoutError(f"{what} did not happen within {seconds} s")


def end(process):
    """Ends one of our own processes, whatever it is doing."""
    if process.poll() is None:
        process.kill()
    process.wait(ANSWER_S)
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream:
            stream.close()


class IntegrationTest(unittest.TestCase):
    deadline_s = 180

    def setUp(self):
        self.addCleanup(signal.alarm, 0)
        signal.signal(signal.SIGALRM, self._too_late)
        signal.alarm(self.deadline_s * PATIENCE)
        self.directory = Path(tempfile.mkdtemp(prefix="gitstar-integration-"))
        self.addCleanup(shutil.rmtree, self.directory)
        self.directory.chmod(0o755)  # root's PostgreSQL runs as another account

    def _too_late(self, *_):
        raise TimeoutError(f"the test took more than {self.deadline_s} s")

    def say(self, text):
        """One line for whoever reads the log: what was measured."""
        print(f"  {self.id().split('.')[-1]}: {text}", flush=True)

    def assert_equals_truth(self, crawler, github, query):
        """Every row and every value of `repositories`, null and empty told apart; returns how
        many rows that are."""
        truth = self.directory / "truth.csv"
        truth.write_bytes(github.truth(query))
        found = crawler.sql(f"""
            create temporary table truth as select {COLUMNS} from repositories limit 0;
            \\copy truth from '{truth}' (format csv, header)
            create temporary table stored as select {COLUMNS} from repositories;
            {self._copies_of_other_shards(crawler)}
            select 'stored, not true:', r from (table stored except all table truth) r limit 3;
            select 'true, not stored:', r from (table truth except all table stored) r limit 3;
            select count(*), count(distinct repo_id) from stored;
            select count(*) from truth;""")
        rows = found[-1]
        self.assertEqual(found, [f"{rows}|{rows}", rows])
        return int(rows)

    def _copies_of_other_shards(self, crawler):
        script = ""
        for shard in range(1, crawler.shards()):
            file = self.directory / f"shard-{shard}.csv"
            columns = " ".join(COLUMNS.split())  # psql reads such a command from one line
            crawler.sql(f"\\copy (select {columns} from repositories) to '{file}' csv", shard)
            script += f"\\copy stored from '{file}' csv\n"
        return script

    def assert_certified(self, crawler, github, query):
        """The store equals the truth, the report and the certificate say so, and the crawler kept
        to GitHub's rules."""
        rows = self.assert_equals_truth(crawler, github, query)
        report = crawler.report()
        self.assertEqual(
            (report["state"], report["repositories"], report["expected"], report["missing"]),
            ("complete", rows, rows, 0),
        )
        self.assertEqual(report["partitions"]["incomplete"], 0)
        certificate = crawler.sql(f"""
            select sum(expected), sum(seen), sum(missing), string_agg(distinct state, ',')
            from certificates where crawl_id = {report['crawl_id']} and state <> 'split'""")
        self.assertEqual(certificate, [f"{rows}|{rows}|0|done"])
        self.assertEqual(github.stats()["violations"]["total"], 0, github.stats())
        return report

    def assert_history_begins(self, crawler):
        """One row per repository, with the stars it has."""
        for shard in range(crawler.shards()):
            differences = crawler.sql(
                """
                select r.repo_id, count(h.repo_id) from repositories r
                left join star_history h on h.repo_id = r.repo_id and h.star_count = r.star_count
                group by r.repo_id having count(h.repo_id) <> 1 limit 3;
                select (select count(*) from star_history) - (select count(*) from repositories)""",
                shard,
            )
            self.assertEqual(differences, ["0"])


class Simulator:
    """gitstar-sim on a free port."""

    def __init__(self, test, *options, certificate=None, host="127.0.0.1"):
        command = [GITSTAR_SIM, "--listen", f"{host}:0", *map(str, options)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        test.addCleanup(end, self.process)
        self.url = re.search(r"https?://[\d.:]+", self.process.stdout.readline())[0]
        tls = ssl.create_default_context(cafile=certificate)
        direct = urllib.request.ProxyHandler({})
        self._opener = urllib.request.build_opener(
            direct, urllib.request.HTTPSHandler(context=tls)
        )

    def get(self, path, body=None):
        with self._opener.open(self.url + path, body, timeout=ANSWER_S) as answer:
            return answer.read()

    def stats(self):
        return json.loads(self.get("/_sim/stats"))

    def truth(self, query):
        return self.get("/_sim/truth.csv?query=" + urllib.parse.quote(query))

    def repositories(self, query):
        return list(csv.DictReader(io.StringIO(self.truth(query).decode(), newline="")))

    def pages(self):
        """How often each page was answered, by its search text and its cursor."""
        table = csv.DictReader(io.StringIO(self.get("/_sim/pages.csv").decode(), newline=""))
        return {(row["query"], row["after"]): int(row["answered"]) for row in table}

    def mutate(self, **changes):
        return json.loads(self.get("/_sim/mutate", json.dumps(changes).encode()))["changed"]

    def wait_for_requests(self, count):
        wait_until(lambda: self.stats()["graphql_requests"] >= count, f"{count} requests")


class Crawler:
    """One config, the store that it names, and the program that crawls `url` with both."""

    def __init__(self, test, url, **crawl):
        self.config = {
            "crawl": {"name": "test", "source": {"search": {"query": "stars:>=0"}}} | crawl,
            "github": {
                "graphql_url": url + "/graphql",
                "rest_url": url,
                "credentials": [{"token": "a-token-of-the-test"}],
            },
            "store": {"data_dir": str(test.directory / "store")},
            "telemetry": {"listen": ""},
        }
        self._test = test
        self._config_file = test.directory / "config.yaml"
        self.report_file = test.directory / "report.json"
        test.addCleanup(self._stop_server)

    def command(self, name, *arguments):
        self._config_file.write_text(json.dumps(self.config, indent=2))  # JSON is YAML
        return [GITSTAR, name, str(self._config_file), *arguments]

    def start(self, *arguments):
        """A crawl in the background; its stderr goes to a pipe."""
        command = self.command("crawl", "--report", str(self.report_file), *arguments)
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(),
        )
        self._test.addCleanup(end, process)
        return process

    def crawl(self, *arguments, seconds=120):
        """A whole crawl, which has to succeed."""
        process = self.start(*arguments)
        output, errors = process.communicate(timeout=seconds)
        self._test.assertEqual(process.returncode, 0, errors)
        return output, errors

    def report(self):
        return json.loads(self.report_file.read_text())

    def shards(self):
        """How many databases the config lists."""
        listed = self.config["store"].get("postgres")
        return len(listed) if isinstance(listed, list) else 1

    def sql(self, script, shard=0):
        """The rows that `script` selects, as lines with | between columns."""
        options = ["--shard", str(shard)] if shard else []
        command = self.command("psql", *options, "--", "-XqAt", "-v", "ON_ERROR_STOP=1")
        done = subprocess.run(
            command, input=script, capture_output=True, text=True, timeout=120, env=environment()
        )
        self._test.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.splitlines()

    def server_pid(self):
        """The embedded PostgreSQL, or None while there is none. A killed one leaves its file, and
        the number in it may be another program's by now: a server stays in its data directory."""
        if "data_dir" not in self.config["store"]:
            return None  # a server of somebody else
        data = Path(self.config["store"]["data_dir"]) / "data"
        try:
            pid = int((data / "postmaster.pid").read_text().split()[0])
            return pid if os.readlink(f"/proc/{pid}/cwd") == str(data) else None
        except (OSError, IndexError):
            return None

    def _stop_server(self):
        """A killed crawler leaves its server behind for the next one."""
        if pid := self.server_pid():
            os.kill(pid, signal.SIGQUIT)
            wait_until(lambda: not self.server_pid(), "the end of PostgreSQL")
