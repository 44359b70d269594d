"""Crawls through a real PgBouncer that hands out server connections by the transaction."""

import json
import os
import pwd
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

from database_faults import Postgres
from programs import Crawler, IntegrationTest, Simulator, end, environment, wait_until

PGBOUNCER = shutil.which("pgbouncer", path=os.environ["PATH"] + ":/usr/sbin:/usr/local/sbin")
POOL = 4  # server connections per database; all of a crawl's share them


class Bouncer:
    """PgBouncer in transaction mode before `postgres`; not as root, which it refuses."""

    def __init__(self, test, postgres):
        self.directory = Path(tempfile.mkdtemp(prefix="gitstar-pgbouncer-"))
        test.addCleanup(shutil.rmtree, self.directory)
        settings = self.directory / "pgbouncer.ini"
        settings.write_text(
            f"[databases]\n* = host={postgres.home} user=crawler\n"
            f"[pgbouncer]\npool_mode = transaction\nauth_type = any\nlisten_port = 6432\n"
            f"unix_socket_dir = {self.directory}\ndefault_pool_size = {POOL}\n"
            f"logfile = {self.directory}/log\n"
        )
        account = {}
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(self.directory, user.pw_uid, user.pw_gid)
            account = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        process = subprocess.Popen(
            [PGBOUNCER, "-q", settings], cwd="/", stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **account,
        )
        test.addCleanup(end, process)
        wait_until((self.directory / ".s.PGSQL.6432").exists, "a start of PgBouncer")

    def through(self, database):
        return f"host={self.directory} port=6432 user=crawler dbname={database}"

    def console(self, question):
        """What PgBouncer says about itself, as one mapping per line."""
        command = ["psql", "-XqA", "-F", "\t", "-P", "footer=off", "-c", question]
        answer = subprocess.run(
            [*command, self.through("pgbouncer")], capture_output=True, text=True, check=True,
            env=environment(),
        )
        head, *lines = [line.split("\t") for line in answer.stdout.splitlines()]
        return [dict(zip(head, line)) for line in lines]


@unittest.skipUnless(PGBOUNCER, "PgBouncer is not installed: tools/setup --tests installs it")
class PgBouncerTest(IntegrationTest):
    deadline_s = 280

    @classmethod
    def setUpClass(cls):
        directory = Path(tempfile.mkdtemp(prefix="gitstar-pgbouncer-server-"))
        cls.addClassCleanup(shutil.rmtree, directory)
        directory.chmod(0o755)  # root's PostgreSQL runs as another account
        cls.postgres = Postgres(directory)
        cls.addClassCleanup(cls.postgres.close)

    def setUp(self):
        super().setUp()
        self.bouncer = Bouncer(self, self.postgres)
        self.github = Simulator(self, "--repositories", 20_000)
        self.crawler = Crawler(self, self.github.url)

    def run_program(self, name, *arguments):
        done = subprocess.run(
            self.crawler.command(name, *arguments), capture_output=True, text=True, timeout=200,
            env=environment(),
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def crawl_through(self, names, direct):
        """A crawl, a refresh and a status through PgBouncer; what is stored is looked at without."""
        through = [self.bouncer.through(name) for name in names]
        self.crawler.config["store"] = {"postgres": through, "writers": 6}
        for _ in range(2):
            self.crawler.crawl()
        status = json.loads(self.run_program("status", "--format", "json"))
        self.assertEqual(status["state"], "complete")
        for name in names:
            [pool] = [x for x in self.bouncer.console("show pools") if x["database"] == name]
            self.assertEqual(pool["pool_mode"], "transaction")
            [stats] = [x for x in self.bouncer.console("show stats") if x["database"] == name]
            self.assertGreater(int(stats["total_xact_count"]), 20)
            servers = [x for x in self.bouncer.console("show servers") if x["database"] == name]
            self.assertLessEqual(len(servers), POOL)
            self.say(f"{name}: {stats['total_xact_count']} transactions, {len(servers)} servers")
        self.crawler.config["store"] = {"postgres": direct}
        self.assert_certified(self.crawler, self.github, "stars:>=0")
        self.assert_history_begins(self.crawler)

    def test_a_crawl_through_it_stores_the_truth(self):
        self.crawl_through(["crawled"], [self.postgres.new_database("crawled")])

    def test_shards_behind_it_store_the_truth_and_move(self):
        names = ["shard_0", "shard_1"]
        direct = [self.postgres.new_database(name) for name in names]
        self.crawler.config["store"] = {"postgres": self.bouncer.through(names[0])}
        self.crawler.crawl()
        self.crawler.config["store"] = {"postgres": [self.bouncer.through(x) for x in names]}
        self.assertIn("512 buckets moved", self.run_program("reshard"))
        self.crawl_through(names, direct)


if __name__ == "__main__":
    unittest.main()
