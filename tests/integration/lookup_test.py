"""`gitstar show`, `top` and `export`: what is stored, as people and programs ask for it."""

import csv
import io
import json
import resource
import subprocess
import unittest

from programs import SANITIZED, Crawler, IntegrationTest, Simulator, environment


class LookupTest(IntegrationTest):
    def setUp(self):
        super().setUp()
        self.github = Simulator(self, "--repositories", 5000)
        self.crawler = Crawler(self, self.github.url)

    def ask(self, name, *arguments, code=0):
        command = self.crawler.command(name, *arguments)
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=60, env=environment()
        )
        self.assertEqual(done.returncode, code, done.stderr)
        return done.stdout if code == 0 else done.stderr

    def test_what_is_stored_is_shown_ranked_and_exported(self):
        self.crawler.crawl()
        truth = self.github.repositories("stars:>=0")
        best = sorted(truth, key=lambda row: (-int(row["star_count"]), int(row["repo_id"])))

        shown = json.loads(self.ask("show", best[0]["full_name"], "--format", "json"))
        self.assertEqual(
            (str(shown["repo_id"]), str(shown["star_count"]), shown["created_at"][:10]),
            (best[0]["repo_id"], best[0]["star_count"], best[0]["created_at"][:10]),
        )
        self.assertEqual(len(shown["star_history"]), 1)
        self.assertIn(best[0]["full_name"], self.ask("show", best[0]["full_name"]))

        ranked = json.loads(self.ask("top", "--limit", "50", "--format", "json"))
        self.assertEqual(
            [x["full_name"] for x in ranked], [row["full_name"] for row in best[:50]]
        )
        language = next(row["language"] for row in best if row["language"])
        some = json.loads(self.ask("top", "--language", language, "--format", "json"))
        expected = [row["full_name"] for row in best if row["language"] == language]
        self.assertEqual([x["full_name"] for x in some], expected[:20])

        rows = list(csv.DictReader(io.StringIO(self.ask("export"), newline="")))
        self.assertEqual(
            {(row["repo_id"], row["star_count"], row["description"]) for row in rows},
            {(row["repo_id"], row["star_count"], row["description"]) for row in truth},
        )
        objects = self.ask(
            "export", "--format", "jsonl", "--query", "select repo_id, description from repositories"
        )
        described = {str(x["repo_id"]): x["description"] for x in map(json.loads, objects.splitlines())}
        self.assertEqual(
            {key: value or "" for key, value in described.items()},
            {row["repo_id"]: row["description"] for row in truth},
        )
        self.say(f"{len(rows)} rows")

    def test_growth_is_what_moved(self):
        self.crawler.crawl()
        self.crawler.sql("update star_history set observed_at = observed_at - interval '1 s'")
        some = self.github.repositories("stars:>=0")[::100]
        self.github.mutate(
            stars=[
                {"repo_id": int(row["repo_id"]), "star_count": int(row["star_count"]) + 3 * i}
                for i, row in enumerate(some)
            ]
        )
        self.crawler.crawl("--fresh")
        history = self.crawler.sql(
            "select count(*) from (select from star_history group by repo_id having count(*) > 1) x"
        )
        self.assertEqual(int(history[0]), len(some) - 1)
        since = self.crawler.sql(
            "select to_char(max(observed_at) at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
            " from star_history h where not exists (select from star_history o"
            " where o.repo_id = h.repo_id and o.observed_at < h.observed_at)"
        )[0]
        lines = json.loads(
            self.ask("top", "--by", "growth", "--since", since, "--limit", "1000", "--format", "json")
        )
        expected = self.crawler.sql("""
            select r.full_name, r.star_count - first.star_count from repositories r
            join lateral (select star_count from star_history h where h.repo_id = r.repo_id
                          order by observed_at limit 1) first on r.star_count <> first.star_count
            order by 2 desc, r.repo_id""")
        self.assertEqual([f"{x['full_name']}|{x['gained']}" for x in lines], expected)

    @unittest.skipIf(SANITIZED, "what is freed is kept for a while")
    def test_an_export_needs_no_more_memory_for_more_rows(self):
        self.crawler.crawl()

        def peak(rows):
            """In kB, of the largest child since the beginning: so from small to large."""
            query = f"select n, repeat('x', 500) from generate_series(1, {rows}) n"
            self.ask("export", "--query", query, "--output", "/dev/null")
            return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss

        small = peak(1000)
        large = peak(300_000)
        self.assertLess(large - small, 20_000, "150 MB of rows went through")
        self.say(f"{small // 1000} MB for 1,000 rows, {large // 1000} MB for 300,000")

    def test_what_cannot_be_answered_is_said_in_one_line(self):
        nothing = self.ask("show", "no/body", code=1)
        self.assertIn("run gitstar crawl first", nothing)
        self.crawler.crawl()
        for arguments, code, words in (
            (("show", "no/body"), 1, "no repository 'no/body' is stored"),
            (("top", "--by", "growth", "--since", "yesterday"), 2, "--since yesterday"),
            (("top", "--by", "beauty"), 2, "beauty"),
            (("export", "--query", "select nothing"), 1, "nothing"),
            (("export", "--query", "drop table repositories"), 1, "PostgreSQL refused"),
            (("export", "--output", "/nowhere/x.csv"), 1, "cannot write /nowhere/x.csv"),
        ):
            with self.subTest(arguments):
                self.assertIn(words, self.ask(*arguments, code=code))


if __name__ == "__main__":
    unittest.main()
