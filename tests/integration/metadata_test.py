"""Issues, pull requests and all that hangs on them: after each sync every table holds what GitHub
shows, value by value, whatever has moved meanwhile and whatever went wrong."""

import os
import random
import time
import unittest
from pathlib import Path

from database_faults import Postgres
from programs import Crawler, IntegrationTest, Simulator

KINDS = [
    "issues", "pull_requests", "issue_comments", "reviews", "review_comments", "commits",
    "pull_request_commits", "ci_checks", "releases", "discussions",
]  # fmt: skip
STORMS = Path(__file__).parents[2] / "tools" / "sim" / "storms"
STAYS = {"commits"}  # also when no pull request has it any more
SETTLED_S = 3  # what moved so long ago was not in the second that somebody read

QUICK_RETRIES = {
    "retries": {"first_delay": "20ms", "max_delay": "200ms"},
    "breaker": {"recovery": "200ms"},
}


class MetadataTest(IntegrationTest):
    deadline_s = 280

    def begin(self, repositories, scale, *options, store=None):
        self.github = Simulator(self, "--repositories", repositories, "--metadata", scale, *options)
        self.crawler = Crawler(self, self.github.url)
        self.crawler.config["github"] |= QUICK_RETRIES
        if store:
            self.crawler.config["store"] = store
        self.learn_repositories()

    def learn_repositories(self):
        search = {"search": {"query": "stars:>=0", "include_forks": True}}
        self.crawler.config["crawl"]["source"] = search
        self.crawler.crawl("--fresh", seconds=120)
        self.repositories = self.crawler.report()["repositories"]
        self.crawler.config["crawl"]["source"] = {"metadata": {"kinds": KINDS}}

    def sync(self, seconds=120):
        """A whole sync, with what it cost."""
        before = self.github.stats()["graphql_requests"]
        self.crawler.crawl(seconds=seconds)
        self.requests = self.github.stats()["graphql_requests"] - before
        return self.crawler.report()

    def mutate(self, seed):
        self.github.get(f"/_sim/metadata/mutate?rounds=1&seed={seed}", b"")

    def assert_tables_equal_truth(self):
        """Every value of every kind, null and empty told apart; returns how many rows."""
        found = self.crawler.sql("".join(self.comparison(kind) for kind in KINDS))
        self.assertEqual([line for line in found if " true:" in line or " stored:" in line], [])
        counts = [int(line.split("|")[1]) for line in found]
        self.assertTrue(len(counts) == len(KINDS) and all(counts), found)
        return sum(counts)

    def comparison(self, kind):
        """SQL that shows what differs, and how much there is to compare."""
        truth = self.github.get(f"/_sim/metadata.csv?kind={kind}")
        columns = truth.split(b"\n", 1)[0].decode().strip()
        file = self.directory / f"{kind}.csv"
        file.write_bytes(truth)
        there = "where repo_id in (select repo_id from repositories where gone_at is null)"
        if kind not in STAYS:
            there += " and gone_at is null"
        rows = f"select {columns} from {kind} {there}"
        return f"""
            create temporary table truth as select {columns} from {kind} limit 0;
            \\copy truth from '{file}' (format csv, header)
            create temporary table stored as {rows};
            {self.copies_of_other_shards(kind, rows)}
            select '{kind}, true, not stored:', r
            from (table truth except all table stored) r limit 3;
            select '{kind}, stored, not true:', r from (table stored except all table truth) r
            where {'false' if kind in STAYS else 'true'} limit 3;
            select '{kind}', count(*) from truth;
            drop table truth, stored;
            """

    def copies_of_other_shards(self, kind, rows):
        script = ""
        for shard in range(1, self.crawler.shards()):
            file = self.directory / f"{kind}-{shard}.csv"
            self.crawler.sql(f"\\copy ({rows}) to '{file}' csv", shard)
            script += f"\\copy stored from '{file}' csv\n"
        return script

    def assert_synced(self, report):
        self.assertEqual(
            (report["state"], report["repositories"], report["expected"], report["missing"]),
            ("complete", self.repositories, self.repositories, 0),
        )
        rows = self.assert_tables_equal_truth()
        stats = self.github.stats()
        self.assertEqual(stats["violations"]["total"], 0, stats)
        return rows

    def assert_quiet(self):
        """Nothing has moved: no row is written, and one request is made for each hundred repositories.
        More than a hundred releases are read each time, because nothing else shows which have moved;
        checks that grew beyond a hundred take a request more until their pull request moves."""
        source = self.crawler.config["crawl"]["source"]
        kinds = [kind for kind in KINDS if kind != "releases"]
        self.crawler.config["crawl"]["source"] = {"metadata": {"kinds": kinds}}
        before = self.written()
        self.assertEqual(self.sync()["state"], "complete")
        self.assertEqual(self.written(), before)
        self.say(f"quiet: {self.requests} requests, {self.repositories} repositories")
        blocks = -(-self.repositories // 100)
        self.assertLessEqual(self.requests, blocks + self.open_with_many_checks())
        self.crawler.config["crawl"]["source"] = source

    def open_with_many_checks(self):
        found = self.crawler.sql(
            "select count(*) from (select from ci_checks c join pull_requests p "
            "using (repo_id, number) where p.state = 'OPEN' and c.gone_at is null "
            "group by repo_id, number having count(*) > 100) x"
        )
        return int(found[0])

    def written(self):
        """Rows of all kinds that were ever inserted, updated or deleted."""
        return self.crawler.sql(
            "select pg_stat_force_next_flush(); select sum(n_tup_ins + n_tup_upd + n_tup_del) "
            "from pg_stat_user_tables where relname ~ '^(" + "|".join(KINDS) + ")'"
        )[-1]

    def test_rounds_of_changes_end_with_the_truth(self):
        self.begin(150, 0.5)
        rows = self.assert_synced(self.sync())
        self.say(f"{self.repositories} repositories, {rows} rows, {self.requests} requests")
        time.sleep(SETTLED_S)
        self.sync()
        self.assert_quiet()
        costs = []
        for round_number in range(10):
            self.mutate(round_number)
            # Every other sync begins in the second that something moved in.
            if round_number % 2 == 0:
                time.sleep(SETTLED_S)
            self.assert_synced(self.sync())
            costs.append(self.requests)
        self.say(f"requests of the rounds: {costs}")
        time.sleep(SETTLED_S)
        self.assert_synced(self.sync())
        self.assert_quiet()

    def test_storms_leave_the_truth_behind(self):
        self.begin(100, 0.9)
        for storm in ("flaky", "limits", "moving"):
            with self.subTest(storm=storm):
                self.github.get("/_sim/faults", (STORMS / f"{storm}.yaml").read_bytes())
                process = self.crawler.start()
                process.communicate(timeout=120)
                # What moves while it is read may be incomplete, and is said to be.
                self.assertIn(process.returncode, (0, 3) if storm == "moving" else (0,))
                if storm != "moving":
                    self.mutate(1)
                    self.assert_synced(self.sync())
                self.say(f"{storm}: {self.github.stats()['faults']}")
        self.github.get("/_sim/faults", b"")
        self.learn_repositories()
        time.sleep(SETTLED_S)
        self.assert_synced(self.sync())

    def test_several_databases_hold_what_one_would(self):
        postgres = Postgres(self.directory)
        self.addCleanup(postgres.close)
        self.begin(300, 0.5, store={"postgres": [postgres.new_database(x) for x in ("one", "two")]})
        for seed in range(2):
            self.assert_synced(self.sync())
            self.mutate(seed)
        self.assert_synced(self.sync())

    def test_kills_lose_nothing(self):
        self.begin(100, 0.9, "--latency", 20)
        seed = int(os.environ.get("GITSTAR_TEST_SEED", random.randrange(2**32)))
        self.say(f"GITSTAR_TEST_SEED={seed}")
        moments = random.Random(seed)
        self.crawler.config["github"]["query_width"] = {"count_start": 10, "count_max": 10}
        for _ in range(5):
            until = self.github.stats()["graphql_requests"] + moments.randint(1, 15)
            process = self.crawler.start("--no-progress")
            self.github.wait_for_requests(until)
            time.sleep(moments.uniform(0, 0.05))
            process.kill()
            process.wait()
        self.assert_synced(self.sync())


if __name__ == "__main__":
    unittest.main()
