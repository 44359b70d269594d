"""Issues, pull requests and all that hangs on them: after each sync every table holds what GitHub
shows, value by value, whatever has moved meanwhile and whatever went wrong."""

import json
import os
import random
import subprocess
import time
import unittest
from pathlib import Path

from database_faults import Postgres
from programs import Crawler, IntegrationTest, Simulator, environment

KINDS = [
    "issues", "pull_requests", "issue_comments", "reviews", "review_comments", "commits",
    "pull_request_commits", "ci_checks", "releases", "discussions",
]  # fmt: skip
STORMS = Path(__file__).parents[2] / "tools" / "sim" / "storms"
STAYS = {"commits"}  # also when no pull request has it any more
SETTLED_S = 3  # what moved so long ago was not in the second that somebody read

# What a list that is read page by page may be short of when it has moved meanwhile.
MOVED_AWAY = r"(did not turn up|only \d+ of \d+ came|was closed while it was read)$"

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
        for storm in ("flaky", "limits"):
            with self.subTest(storm=storm):
                self.begin_storm(storm)
                self.sync()
                self.mutate(1)
                self.assert_synced(self.sync())
                self.say(f"{storm}: {self.github.stats()['faults']}")
        self.github.get("/_sim/faults", b"")
        time.sleep(SETTLED_S)
        self.assert_synced(self.sync())

    def begin_storm(self, name):
        self.github.get("/_sim/faults", (STORMS / f"{name}.yaml").read_bytes())

    def reasons(self):
        """Why the newest crawl is not complete, by repository; nothing else may be the reason."""
        found = self.crawler.sql(
            "select state, reason from certificates where state in ('incomplete', 'dead', 'open') "
            "and crawl_id = (select max(id) from crawls)"
        )
        result = []
        for line in found:
            state, reason = line.split("|", 1)
            self.assertEqual(state, "incomplete", line)
            count, *quoted = reason.split("; ")
            self.assertRegex(count, r"^\d+ repositories could not be read to the end$")
            result += quoted
        return result

    def test_what_moves_while_it_is_read_is_right_once_it_stands_still(self):
        self.begin(100, 0.9)
        reasons = []
        moved = 0
        for round_number in range(10):
            self.begin_storm("moving")
            self.mutate(round_number)
            process = self.crawler.start()
            _, errors = process.communicate(timeout=120)
            # What moves while it is read may be incomplete, and is said to be, for that reason.
            self.assertIn(process.returncode, (0, 3), errors)
            found = self.reasons()
            self.assertEqual(process.returncode == 3, bool(found), found)
            for reason in found:
                self.assertRegex(reason, MOVED_AWAY)
            reasons += found
            moved += self.github.stats()["faults"].get("metadata", 0)
            self.github.get("/_sim/faults", b"")
            # The search is done before: what it finds was created during the storm.
            self.learn_repositories()
            if round_number % 2 == 0:
                time.sleep(SETTLED_S)
            self.assert_synced(self.sync())
        self.assertGreater(moved, 0)
        self.say(f"moved {moved} times; incomplete under the storm: {reasons}")

    def show(self, full_name):
        done = subprocess.run(
            self.crawler.command("show", full_name, "--format", "json"),
            capture_output=True, text=True, timeout=60, env=environment(),
        )  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)["metadata"]

    def test_a_repository_is_shown_with_when_it_was_read_and_what_it_lacks(self):
        self.begin(20, 0.5)
        source = self.crawler.config["crawl"]["source"]
        self.crawler.config["crawl"]["source"] = {
            "metadata": {"kinds": KINDS, "caps": {"items": 2}}
        }
        self.sync()
        most = (
            "select full_name, count(*) from repositories join issues using (repo_id) "
            "where issues.gone_at is null group by 1 order by 2 desc, 1 limit 1"
        )
        name = self.crawler.sql(most)[0].split("|")[0]
        lacks = self.show(name)["issues"]["incomplete"]
        self.assertEqual(len(lacks), 1, lacks)
        self.assertRegex(lacks[0], r"^issues: a run reads at most 2 of \d+$")

        self.crawler.config["crawl"]["source"] = source
        self.sync()
        time.sleep(SETTLED_S)
        self.sync()
        before = self.show(name)
        self.assertEqual([kind for kind, x in before.items() if x["incomplete"]], [])
        self.assertGreater(len(before), 4)
        times = {x["read_at"] for x in before.values()}
        self.assertEqual(len(times), 1, before)
        # Nothing has moved, and that is known.
        time.sleep(1.1)
        written = self.written()
        self.sync()
        self.assertEqual(self.written(), written)
        after = self.show(name)
        for kind, x in after.items():
            self.assertGreater(x["read_at"], before[kind]["read_at"], kind)
            self.assertEqual(x["watermark"], before[kind]["watermark"], kind)

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
