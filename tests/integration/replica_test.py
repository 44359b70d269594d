"""Commands that only read take a real streaming replica, also while the primary is away."""

import json
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import unittest
from pathlib import Path

from database_faults import Postgres
from programs import Crawler, IntegrationTest, Simulator, end, environment, wait_until


class Replica:
    """A hot standby of `postgres`, made by pg_basebackup and fed through its socket."""

    def __init__(self, test, postgres):
        home = Path(tempfile.mkdtemp(prefix="gitstar-replica-"))
        test.addCleanup(shutil.rmtree, home)
        self._account = {}
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(home, user.pw_uid, user.pw_gid)
            self._account = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        copy = [postgres.bin / "pg_basebackup", "-D", home / "data", "-R", "-X", "stream"]
        copy += ["-c", "fast", "-h", postgres.home, "-U", "postgres"]
        done = subprocess.run(
            copy, cwd="/", capture_output=True, text=True, timeout=60, env=environment(),
            **self._account,
        )
        test.assertEqual(done.returncode, 0, done.stderr)
        process = subprocess.Popen(
            [postgres.bin / "postgres", "-D", home / "data", "-k", home, "-c", "listen_addresses=",
             "-c", "max_connections=30"],
            cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, **self._account,
        )
        test.addCleanup(end, process)
        test.addCleanup(process.send_signal, signal.SIGINT)
        self.home = home
        ready = [postgres.bin / "pg_isready", "-q", "-h", home]
        wait_until(
            lambda: subprocess.run(ready, env=environment()).returncode == 0, "a start of the replica"
        )

    def connection_string(self, database):
        return f"host={self.home} user=crawler dbname={database}"

    def sql(self, statement, database):
        answer = subprocess.run(
            ["psql", "-XqAt", "-c", statement, self.connection_string(database)],
            capture_output=True, text=True, env=environment(), check=True,
        )
        return answer.stdout.strip()


class ReplicaTest(IntegrationTest):
    deadline_s = 120

    def setUp(self):
        super().setUp()
        self.postgres = Postgres(self.directory)
        self.addCleanup(self.postgres.close)
        self.github = Simulator(self, "--repositories", 5000)
        self.crawler = Crawler(self, self.github.url)
        self.crawler.config["store"] = {"postgres": self.postgres.new_database("crawled")}

    def run_command(self, name, *arguments):
        return subprocess.run(
            self.crawler.command(name, *arguments), capture_output=True, text=True, timeout=60,
            env=environment(),
        )

    def status(self):
        return self.run_command("status", "--format", "json")

    def test_commands_that_read_take_the_replica(self):
        replica = Replica(self, self.postgres)
        self.assertEqual(replica.sql("select pg_is_in_recovery()", "postgres"), "t")
        self.crawler.config["store"]["read_from"] = [replica.connection_string("crawled")]
        self.crawler.crawl()
        report = self.assert_certified(self.crawler, self.github, "stars:>=0")
        written = self.crawler.sql("select pg_current_wal_lsn()")[0]
        behind = f"select pg_last_wal_replay_lsn() >= '{written}'"
        wait_until(lambda: replica.sql(behind, "crawled") == "t", "the replica's catching up")
        most = "select full_name from repositories order by star_count desc, repo_id limit 1"
        (name,) = self.crawler.sql(most)
        asked = [("show", name), ("top", "--limit", "20"), ("export",)]
        answers = [self.run_command(*command) for command in asked]
        self.postgres.stop()
        for command, before in zip(asked, answers):
            away = self.run_command(*command)
            self.assertEqual((before.returncode, away.returncode), (0, 0), away.stderr)
            self.assertEqual(away.stdout, before.stdout)
        self.assertIn(name, answers[0].stdout)
        self.assertIn(name, answers[1].stdout)
        self.assertEqual(answers[2].stdout.count("\n"), report["repositories"] + 1)
        answer = self.status()
        self.assertEqual(answer.returncode, 0, answer.stderr)
        status = json.loads(answer.stdout)
        self.assertEqual(
            (status["state"], status["repositories"]), ("complete", report["repositories"])
        )
        del self.crawler.config["store"]["read_from"]
        for command in [("status",), *asked]:
            self.assertEqual(self.run_command(*command).returncode, 1, "the primary is away")
        self.postgres.start()

    def test_the_primary_is_read_where_no_replica_answers(self):
        self.crawler.config["store"]["read_from"] = f"host={self.directory} dbname=nowhere"
        self.crawler.crawl()
        answer = self.status()
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.assertEqual(json.loads(answer.stdout)["state"], "complete")
        self.assertIn("a replica of store.read_from is left out: cannot connect", answer.stderr)


if __name__ == "__main__":
    unittest.main()
