"""Whole crawls against the simulator: what is stored is what GitHub shows."""

import os
import random
import unittest
from pathlib import Path

from programs import Crawler, IntegrationTest, Simulator

PROJECT = Path(__file__).resolve().parents[2]
REAL_DATA = Path(os.environ.get("GITSTAR_DATA", PROJECT.parent / "shared/data"))
REPOSITORIES = 20_000


class CrawlTest(IntegrationTest):
    deadline_s = 180

    def test_every_repository_is_stored_as_github_shows_it(self):
        github = Simulator(self, "--repositories", REPOSITORIES)
        crawler = Crawler(self, github.url)
        crawler.crawl()
        report = self.assert_certified(crawler, github, "stars:>=0")
        self.assert_history_begins(crawler)
        stats = github.stats()
        self.assertEqual(report["requests"], stats["graphql_requests"])
        self.assertEqual(report["points"], stats["points"])
        self.assertEqual(stats["repeated_pages"], 0)
        self.say_cost(report)

    def test_the_most_starred_are_stored_with_all_their_ties(self):
        github = Simulator(self, "--repositories", REPOSITORIES)
        search = {"query": "stars:>=0", "top": 5000}
        crawler = Crawler(self, github.url, source={"search": search})
        crawler.crawl()
        least = int(crawler.sql("select threshold from crawls")[0])
        report = self.assert_certified(crawler, github, f"stars:>={least}")
        self.assert_history_begins(crawler)
        self.assertGreaterEqual(report["repositories"], 5000)
        fewer = len(github.repositories(f"stars:>={least + 1}"))
        self.assertLess(fewer, 5000, "a higher threshold would have been enough")
        self.say_cost(report)

    def test_forks_are_stored_when_asked_for(self):
        github = Simulator(self, "--repositories", 3000)
        search = {"query": "stars:>=10", "include_forks": True}
        crawler = Crawler(self, github.url, source={"search": search})
        crawler.crawl()
        self.assert_certified(crawler, github, "stars:>=10 fork:true")
        forks = crawler.sql("select count(*) from repositories where is_fork")
        self.assertNotEqual(forks, ["0"])

    def test_the_real_repositories_are_stored_as_github_shows_them(self):
        data = REAL_DATA / "repositories.csv.gz"
        if not data.exists():
            self.say(f"skipped, there is no {data}")
            self.skipTest("no real data")
        github = Simulator(self, "--data", data)
        crawler = Crawler(self, github.url)
        crawler.crawl(seconds=120)
        report = self.assert_certified(crawler, github, "stars:>=0")
        self.assert_history_begins(crawler)
        self.say_cost(report)

    def say_cost(self, report):
        self.say(
            f"{report['repositories']} repositories, {report['requests']} requests, "
            f"{report['wall_seconds']:.1f} s, {report['peak_rss_bytes'] / 1e6:.0f} MB"
        )


class RefreshTest(IntegrationTest):
    CHANGED_ROWS = """
        select r.repo_id from repositories r join before b using (repo_id)
        where r.xmin::text <> b.version or r.crawled_at <> b.crawled_at order by 1"""

    def setUp(self):
        super().setUp()
        self.github = Simulator(self, "--repositories", REPOSITORIES)
        self.crawler = Crawler(self, self.github.url)
        self.crawler.crawl()
        self.crawler.sql("""
            create table before as select repo_id, xmin::text as version, crawled_at
            from repositories""")
        self.history = self.count_history()

    def count_history(self):
        return int(self.crawler.sql("select count(*) from star_history")[0])

    def test_an_unchanged_repository_costs_no_row_write(self):
        self.crawler.crawl()
        report = self.assert_certified(self.crawler, self.github, "stars:>=0")
        self.assertEqual(self.crawler.sql(self.CHANGED_ROWS), [])
        self.assertEqual(self.count_history(), self.history)
        self.say(f"0 of {report['repositories']} rows written")

    def test_changed_stars_update_exactly_their_rows_and_append_to_the_history(self):
        every = self.github.repositories("stars:>=0")
        chosen = {x["repo_id"]: int(x["star_count"]) + 1 for x in random.Random(7).sample(every, 137)}
        self.github.mutate(
            stars=[{"repo_id": int(x), "star_count": stars} for x, stars in chosen.items()]
        )
        self.crawler.crawl()
        self.assert_certified(self.crawler, self.github, "stars:>=0")
        self.assertEqual(self.crawler.sql(self.CHANGED_ROWS), sorted(chosen, key=int))
        newest = self.crawler.sql("""
            select distinct on (repo_id) repo_id, star_count from star_history
            where repo_id in (select repo_id from star_history group by 1 having count(*) > 1)
            order by repo_id, observed_at desc, star_count desc""")
        self.assertEqual(newest, [f"{x}|{chosen[x]}" for x in sorted(chosen, key=int)])
        self.assertEqual(self.count_history(), self.history + len(chosen))
        self.say(f"{len(chosen)} changed, {len(chosen)} rows and history rows written")


if __name__ == "__main__":
    unittest.main()
