"""`gitstar status` and `gitstar repair`: what a crawl could not complete is seen and asked again."""

import json
import signal
import subprocess
import unittest

from programs import Crawler, IntegrationTest, Simulator, environment

REPOSITORIES = 20_000


class LedgerCommandTest(IntegrationTest):
    latency_ms = 0

    def setUp(self):
        super().setUp()
        self.github = Simulator(self, "--repositories", REPOSITORIES, "--latency", self.latency_ms)
        self.crawler = Crawler(self, self.github.url)

    def run_command(self, name, *arguments):
        command = self.crawler.command(name, *arguments)
        return subprocess.run(
            command, capture_output=True, text=True, timeout=60, env=environment()
        )

    def repair(self):
        return self.run_command("repair", "--report", str(self.crawler.report_file))

    def status(self):
        done = self.run_command("status", "--format", "json")
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def break_partitions(self):
        """Two finished partitions become incomplete ones and one a dead letter, all without their
        rows; returns their descriptions."""
        broken = self.crawler.sql("""
            select description from partitions
            where state = 'done' and seen > 0 order by id limit 3""")
        names = ", ".join(f"'{x}'" for x in broken)
        rows = [row["repo_id"] for query in broken for row in self.github.repositories(query)]
        self.crawler.sql(f"""
            update partitions set state = 'incomplete', seen = 0, pass = 2,
              reason = 'read with 3 sorts, some did not turn up' where description in ({names});
            update partitions set state = 'dead', attempts = 5, pass = 0, reason = 'timeout'
              where description = '{broken[2]}';
            update crawls set state = 'incomplete';
            delete from repositories where repo_id in ({", ".join(rows)});
            delete from star_history where repo_id in ({", ".join(rows)})""")
        return broken


class RepairTest(LedgerCommandTest):
    def test_a_repair_asks_again_for_exactly_what_is_not_complete(self):
        self.crawler.crawl()
        asked = self.github.pages()
        broken = self.break_partitions()
        self.assertEqual(len(broken), 3)
        kept = int(self.crawler.sql("select count(*) from repositories")[0])
        status = self.run_command("status").stdout
        self.assertIn("gitstar repair asks for them again", status)
        self.assertIn("timeout", status)
        self.assertEqual(len(self.status()["unfinished"]), 3)

        done = self.repair()

        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("2 incomplete partitions and 1 dead letters", done.stdout)
        self.assertIn("Asked again for 3 partitions; 0 are incomplete now", done.stdout)
        again = {
            query.split(" sort:")[0]
            for (query, after), times in self.github.pages().items()
            if times > asked.get((query, after), 0)
        }
        self.assertEqual(again, set(broken))
        report = self.assert_certified(self.crawler, self.github, "stars:>=0")
        self.assert_history_begins(self.crawler)
        self.assertEqual(report["crawl_id"], 1)
        now = int(self.crawler.sql("select count(*) from repositories")[0])
        self.assertGreater(now, kept)
        self.say(f"{report['requests']} requests for {len(broken)} of "
                 f"{report['partitions']['done']} partitions, {now - kept} rows are back")

        requests = self.github.stats()["graphql_requests"]
        nothing = self.repair()
        self.assertEqual(nothing.returncode, 0, nothing.stderr)
        self.assertIn("Nothing to repair: crawl 1 'test' is complete", nothing.stdout)
        self.assertEqual(self.github.stats()["graphql_requests"], requests)
        self.assertEqual(self.crawler.report()["state"], "complete")

    def test_lists_of_known_repositories_are_read_again_and_a_lost_one_ends(self):
        self.crawler.crawl()
        self.crawler.config["crawl"]["source"] = {"refresh": {"limit": 3000}}
        self.crawler.crawl()
        self.crawler.sql("""
            update crawls set state = 'incomplete' where id = 2;
            update partitions set state = 'dead', attempts = 5, seen = 0, reason = 'timeout',
              seen_ids = (select array_agg(repo_id) from
                (select repo_id from repositories order by repo_id limit 1000) r)
              where crawl_id = 2 and id = 1;
            update partitions set state = 'dead', attempts = 5, seen = 400, reason = 'timeout'
              where crawl_id = 2 and id = 2""")
        requests = self.github.stats()["graphql_requests"]

        done = self.repair()

        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("0 incomplete partitions and 2 dead letters", done.stdout)
        self.assertGreater(self.github.stats()["graphql_requests"], requests)
        self.assertEqual(
            self.crawler.sql("""select id, state, seen, expected, reason from partitions
                where crawl_id = 2 order by id"""),
            [
                "1|done|1000|1000|",
                "2|incomplete|400|1000|which repositories it lacks is not known any more",
                "3|done|1000|1000|",
            ],
        )

    def test_without_a_crawl_there_is_nothing_to_repair(self):
        done = self.repair()
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("Nothing to repair: no crawl 'test'", done.stdout)
        self.assertEqual(self.github.stats()["graphql_requests"], 0)


class StatusTest(LedgerCommandTest):
    latency_ms = 300

    def test_the_status_is_there_before_while_and_after_a_crawl_without_a_token(self):
        credentials = self.crawler.config["github"]["credentials"]
        token, credentials[0]["token"] = credentials[0]["token"], "${NO_SUCH_VARIABLE}"
        self.assertIsNone(self.status())
        self.assertIn("No crawl 'test' has been run yet.", self.run_command("status").stdout)

        credentials[0]["token"] = token
        process = self.crawler.start("--no-progress")
        self.github.wait_for_requests(20)
        credentials[0]["token"] = "${NO_SUCH_VARIABLE}"
        process.send_signal(signal.SIGSTOP)  # or it may end before it is looked at
        running = self.status()
        text = self.run_command("status").stdout
        process.send_signal(signal.SIGCONT)
        self.assertEqual((running["crawl_id"], running["state"]), (1, "running"))
        self.assertIsNone(running["finished_at"])
        self.assertIn("/s over the last minutes", text)
        _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, errors)

        done = self.status()
        self.assertEqual(done["state"], "complete")
        self.assertEqual(done["repositories"], done["expected"])
        self.assertEqual(done["missing"], 0)
        self.assertEqual(done["repositories_per_second"], 0)
        self.assertIsNotNone(done["finished_at"])
        self.assertEqual([x["credential"] for x in done["budgets"]], ["token-1"])
        self.assertEqual(done["budgets"][0]["limit"], 5000)
        self.assertIn("finished 20", self.run_command("status").stdout)
        self.say(f"running: {running['repositories']} of {running['expected']}, "
                 f"{running['repositories_per_second']:.0f}/s")


if __name__ == "__main__":
    unittest.main()
