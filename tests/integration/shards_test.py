"""A store in several databases holds what one would, whoever is killed and whatever is moved."""

import json
import random
import shutil
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from database_faults import Postgres
from programs import Crawler, IntegrationTest, Simulator, end, environment

REPOSITORIES = 20_000
KILLS = 5


class ShardsTest(IntegrationTest):
    deadline_s = 400

    @classmethod
    def setUpClass(cls):
        directory = Path(tempfile.mkdtemp(prefix="gitstar-shards-"))
        cls.addClassCleanup(shutil.rmtree, directory)
        directory.chmod(0o755)  # root's PostgreSQL runs as another account
        cls.postgres = Postgres(directory)
        cls.addClassCleanup(cls.postgres.close)

    def databases(self, count):
        return [self.postgres.new_database(f"shard_{i}") for i in range(count)]

    def crawler(self, databases, **options):
        self.github = Simulator(self, "--repositories", REPOSITORIES, *options.get("simulator", []))
        crawler = Crawler(self, self.github.url)
        crawler.config["store"] = {"postgres": databases}
        return crawler

    def run_program(self, crawler, name, *arguments):
        done = subprocess.run(
            crawler.command(name, *arguments), capture_output=True, text=True, timeout=200,
            env=environment(),
        )
        return done.returncode, done.stdout, done.stderr

    def rows_by_shard(self, crawler):
        return [
            int(crawler.sql("select count(*) from repositories", shard)[0])
            for shard in range(crawler.shards())
        ]

    def assert_in_their_places(self, crawler):
        for shard in range(crawler.shards()):
            buckets = crawler.sql(f"select bucket from buckets where shard = {shard}")
            listed = ",".join(buckets)
            strays = crawler.sql(
                f"select count(*) from repositories where bucket_of(repo_id) not in ({listed});"
                f"select count(*) from star_history where bucket_of(repo_id) not in ({listed});"
                f"select count(*) from repository_checks, unnest(repo_ids) id "
                f"where bucket_of(id) not in ({listed})",
                shard,
            )
            self.assertEqual(strays, ["0", "0", "0"])
        open_ends = "select count(*) from buckets where coalesce(moving_to, leaving) is not null"
        self.assertEqual(crawler.sql(open_ends), ["0"])

    def test_two_and_three_databases_hold_the_truth(self):
        for count in (2, 3):
            crawler = self.crawler(self.databases(count))
            output, _ = crawler.crawl()
            report = self.assert_certified(crawler, self.github, "stars:>=0")
            self.assert_history_begins(crawler)
            self.assert_in_their_places(crawler)
            rows = self.rows_by_shard(crawler)
            self.assertGreater(min(rows), report["repositories"] / count / 2)
            best = max(self.github.repositories("stars:>=0"), key=lambda x: int(x["star_count"]))
            self.assertIn(best["full_name"], output)
            code, status, errors = self.run_program(crawler, "status", "--format", "json")
            self.assertEqual((code, errors), (0, ""))
            self.assertEqual(json.loads(status)["repositories"], report["repositories"])
            self.say(f"{rows} rows in {count} databases")

    def test_a_refresh_reads_all_databases(self):
        crawler = self.crawler(self.databases(3))
        crawler.crawl()
        known = crawler.report()["repositories"]
        chosen = random.Random(7).sample(self.github.repositories("stars:>=0"), 137)
        self.github.mutate(
            stars=[
                {"repo_id": int(x["repo_id"]), "star_count": int(x["star_count"]) + 1}
                for x in chosen
            ]
        )
        crawler.config["crawl"]["source"] = {"refresh": {}}
        code, plan, errors = self.run_program(crawler, "plan", "--format", "json")
        self.assertEqual((code, errors), (0, ""))
        self.assertEqual(json.loads(plan)["ids"], known)
        crawler.crawl()
        report = self.assert_certified(crawler, self.github, "stars:>=0")
        self.assertEqual(report["repositories"], known)
        self.assertLess(report["staleness_seconds"]["100"], 60)
        self.assert_in_their_places(crawler)

    def test_kills_lose_and_repeat_nothing(self):
        crawler = self.crawler(self.databases(3), simulator=["--latency", 40])
        crawler.config["github"]["query_width"] = {"page_max": 2}
        for number in range(KILLS):
            process = crawler.start()
            self.github.wait_for_requests((number + 1) * 8)
            process.kill()
            end(process)
        crawler.crawl()
        self.assert_certified(crawler, self.github, "stars:>=0")
        self.assert_history_begins(crawler)
        self.assert_in_their_places(crawler)

    def test_buckets_move_under_a_running_crawl_and_kills(self):
        databases = self.databases(3)
        crawler = self.crawler(databases[:2], simulator=["--latency", 120])
        crawler.config["crawl"]["fetchers"] = 2
        crawler.config["github"]["query_width"] = {"page_max": 1}
        self.assertEqual(self.run_program(crawler, "migrate")[0], 0)
        crawler.config["store"]["postgres"] = databases
        crawl = crawler.start("--no-progress")
        self.github.wait_for_requests(10)
        chance = random.Random(3)
        reshard = crawler.command("reshard")
        killed = 0
        while killed < KILLS:
            process = subprocess.Popen(
                reshard, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
                env=environment(),
            )
            self.addCleanup(end, process)
            time.sleep(chance.uniform(0.1, 0.8))
            self.assertIn(process.poll(), (None, 0), "reshard failed")
            killed += 1
            process.kill()
            process.wait()
        ran_meanwhile = crawl.poll() is None
        code, output, errors = self.run_program(crawler, "reshard")
        self.assertEqual(code, 0, errors)
        _, errors = crawl.communicate(timeout=200)
        self.assertEqual(crawl.returncode, 0, errors)
        self.assertTrue(ran_meanwhile, "the crawl was over too soon to show anything")
        self.assert_certified(crawler, self.github, "stars:>=0")
        self.assert_history_begins(crawler)
        self.assert_in_their_places(crawler)
        owned = crawler.sql("select count(*) from buckets group by shard order by 1")
        self.assertEqual(owned, ["341", "341", "342"])
        self.say(f"{killed} kills, then: {output.splitlines()[0]}")

    def test_a_list_in_another_order_is_refused(self):
        databases = self.databases(2)
        crawler = self.crawler(databases)
        self.assertEqual(self.run_program(crawler, "migrate")[0], 0)
        crawler.config["store"]["postgres"] = databases[::-1]
        code, _, errors = self.run_program(crawler, "migrate")
        self.assertEqual(code, 1)
        self.assertIn("list the databases of store.postgres in the old order", errors)

    def test_another_partitioning_is_refused_with_its_place(self):
        crawler = self.crawler(self.databases(1))
        crawler.config["store"]["partitioning"] = {"hash": 4}
        crawler.crawl()
        self.assert_certified(crawler, self.github, "stars:>=0")
        parts = crawler.sql("select count(distinct tableoid) from repositories")
        self.assertEqual(parts, ["4"])
        crawler.config["store"]["partitioning"] = {"range": 1_000_000}
        code, _, errors = self.run_program(crawler, "migrate")
        self.assertEqual(code, 2)
        self.assertRegex(
            errors,
            r"config.yaml:\d+:\d+: store.partitioning: the config says { range: 1000000 }, but the "
            r"database was made with { hash: 4 } and keeps that",
        )


if __name__ == "__main__":
    unittest.main()
