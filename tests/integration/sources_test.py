"""Sources that ask for repositories by id: what is stored is what GitHub shows."""

import csv
import datetime
import os
import random
import time
import unittest

from programs import Crawler, IntegrationTest, Simulator

REPOSITORIES = 20_000
EVERYTHING = "stars:>=0 fork:true"


FIRST_ID = 60_000  # node ids have another form from 65,536 on


def write_dense_data(file, repositories, holes=0):
    """Repositories with neighbouring ids, a third of which are holes, in runs too; returns the
    last. `holes`: so many more before each. The simulator's own are spread over GitHub's 1.4
    billion ids."""
    chance = random.Random(1)
    created = datetime.datetime(2009, 5, 1)
    repo_id = FIRST_ID
    with open(file, "w", newline="") as out:
        table = csv.writer(out)
        table.writerow(["database_id", "owner", "name", "stars", "is_fork", "created_at"])
        for number in range(repositories):
            repo_id += holes + chance.choice([1, 1, 1, 1, 1, 2, 2, 3])
            if number % 1000 == 999:
                repo_id += 700
            created += datetime.timedelta(seconds=chance.randint(0, 3000))
            table.writerow([
                repo_id, f"owner{chance.randrange(500)}", f"name{number}",
                int(chance.paretovariate(0.6)) - 1, "true" if number % 4 == 0 else "false",
                created.isoformat() + "Z",
            ])  # fmt: skip
    return repo_id


class CensusTest(IntegrationTest):
    deadline_s = 180

    def begin(self, repositories=REPOSITORIES, *options, census=(), holes=0, **crawl):
        data = self.directory / "data.csv"
        self.last = write_dense_data(data, repositories, holes)
        self.ids = self.last - FIRST_ID + 1
        self.github = Simulator(self, "--data", data, *options)
        source = {"census": {"first": FIRST_ID, "last": self.last} | dict(census)}
        self.crawler = Crawler(self, self.github.url, source=source, **crawl)

    def assert_every_id_was_asked_once(self, report, repeated=0):
        looked_up = self.github.stats()["node_lookups"]
        self.assertGreaterEqual(looked_up, self.ids)
        self.assertLessEqual(looked_up, self.ids + 100 * repeated)
        self.say(
            f"{report['repositories']} repositories, {self.ids} ids, {report['points']} points, "
            f"{report['requests']} requests, {report['wall_seconds']:.1f} s, "
            f"{report['peak_rss_bytes'] / 1e6:.0f} MB"
        )

    def test_every_id_is_asked_for_and_every_repository_stored(self):
        self.begin()
        self.crawler.crawl()
        report = self.assert_certified(self.crawler, self.github, EVERYTHING)
        self.assert_history_begins(self.crawler)
        self.assert_every_id_was_asked_once(report)
        forks = self.crawler.sql("select count(*) from repositories where is_fork")
        self.assertNotEqual(forks, ["0"])

    def test_listed_first_only_what_exists_is_asked_for(self):
        self.begin(5000, holes=30, census={"list_first": True})
        self.crawler.crawl()
        report = self.assert_certified(self.crawler, self.github, EVERYTHING)
        looked_up = self.github.stats()["node_lookups"]
        # A null in a listing costs the ids around it.
        self.assertLess(looked_up, 5000 + 5000 // 2000 * 100)
        self.assertGreaterEqual(report["rest_requests"], 50)
        self.assertEqual(self.crawler.sql("select points_limit from request_budgets"), ["5000"])
        self.say(f"{report['points']} points and {report['rest_requests']} REST requests for "
                 f"{report['repositories']} of {self.ids} ids")

    def test_automatic_spends_less_where_holes_are_many(self):
        self.begin(5000, holes=30, census={"list_first": "auto"})
        self.crawler.config["github"]["query_width"] = {"page_max": 1}
        self.crawler.crawl()
        report = self.assert_certified(self.crawler, self.github, EVERYTHING)
        unlisted = (self.ids + 99) // 100
        self.assertLess(report["points"] + report["rest_requests"], unlisted / 4)
        self.say(f"{report['points']} points and {report['rest_requests']} REST requests; "
                 f"unlisted {unlisted} points")

    def test_automatic_spends_hardly_more_where_holes_are_few(self):
        self.begin(5000, census={"list_first": "auto"})
        self.crawler.config["github"]["query_width"] = {"page_max": 1}
        self.crawler.crawl()
        report = self.assert_certified(self.crawler, self.github, EVERYTHING)
        # A request measures each partition of 3,200 ids; by ten a run of holes is listed.
        unlisted = (self.ids + 99) // 100
        self.assertLess(report["points"] + report["rest_requests"], 1.1 * unlisted)
        self.say(f"{report['points']} points and {report['rest_requests']} REST requests; "
                 f"unlisted {unlisted} points")

    def test_a_listing_census_knows_what_is_gone(self):
        self.begin(3000, holes=20, census={"list_first": True})
        self.crawler.crawl()
        victims = [int(x["repo_id"]) for x in self.github.repositories(EVERYTHING)][5:105:10]
        self.github.mutate(delete=victims)
        self.crawler.crawl()
        gone = self.crawler.sql(
            "select repo_id from repositories where gone_at is not null order by 1"
        )
        self.assertEqual(gone, [str(x) for x in sorted(victims)])
        report = self.crawler.report()
        self.assertEqual((report["state"], report["missing"]), ("complete", 0))
        self.assertEqual(report["repositories"], 3000 - len(victims))

    def test_kills_of_a_listing_census_repeat_nothing_stored(self):
        self.begin(20_000, "--latency", 20, fetchers=4, holes=8, census={"list_first": True})
        seed = int(os.environ.get("GITSTAR_TEST_SEED", random.randrange(2**32)))
        self.say(f"GITSTAR_TEST_SEED={seed}")
        moments = random.Random(seed)
        self.crawler.config["github"]["query_width"] = {"page_max": 2}
        kills = 4
        for _ in range(kills):
            process = self.crawler.start("--no-progress")
            done = self.github.stats()["graphql_requests"]
            self.github.wait_for_requests(done + moments.randint(1, 20))
            time.sleep(moments.uniform(0, 0.1))
            self.assertIsNone(process.poll(), "the crawl ended before it was killed")
            process.kill()
            process.wait()
        self.crawler.crawl()
        report = self.assert_certified(self.crawler, self.github, EVERYTHING)
        self.assertEqual(report["crawl_id"], 1)
        looked_up = self.github.stats()["node_lookups"]
        # One query in flight and two batches per fetcher and kill, of two fields each.
        self.assertLessEqual(looked_up, 20_000 + 10 * 100 + kills * 4 * 3 * 2 * 100)
        self.say(f"{looked_up} ids asked for 20,000 repositories among {self.ids} ids")

    def test_known_repositories_that_vanish_are_gone_and_come_back(self):
        self.begin(3000)
        self.crawler.crawl()
        victims = [int(x["repo_id"]) for x in self.github.repositories(EVERYTHING)][5:105:10]
        self.github.mutate(delete=victims)
        self.crawler.crawl()
        gone = self.crawler.sql(
            "select repo_id from repositories where gone_at is not null order by 1"
        )
        self.assertEqual(gone, [str(x) for x in sorted(victims)])
        report = self.crawler.report()
        self.assertEqual(report["missing"], 0)
        self.assertEqual(report["expected"], report["repositories"])
        # Back again, as after a time in private: whoever sees it takes the mark away.
        self.crawler.sql(
            "update repositories set gone_at = now() where repo_id = "
            "(select max(repo_id) from repositories where gone_at is null)"
        )
        self.crawler.crawl()
        again = self.crawler.sql("select count(*) from repositories where gone_at is not null")
        self.assertEqual(again, [str(len(victims))])

    def test_kills_lose_nothing_and_repeat_nothing_stored(self):
        self.begin(30_000, "--latency", 20, fetchers=4)
        seed = int(os.environ.get("GITSTAR_TEST_SEED", random.randrange(2**32)))
        self.say(f"GITSTAR_TEST_SEED={seed}")
        moments = random.Random(seed)
        self.crawler.config["github"]["query_width"] = {"page_max": 2}
        kills = 5
        for _ in range(kills):
            process = self.crawler.start("--no-progress")
            done = self.github.stats()["graphql_requests"]
            self.github.wait_for_requests(done + moments.randint(1, self.ids // 200 // 8))
            time.sleep(moments.uniform(0, 0.1))
            self.assertIsNone(process.poll(), "the crawl ended before it was killed")
            process.kill()
            process.wait()
        self.crawler.crawl()
        report = self.assert_certified(self.crawler, self.github, EVERYTHING)
        self.assertEqual(report["crawl_id"], 1)
        self.assert_history_begins(self.crawler)
        # One query in flight and two batches per fetcher and kill, of two fields each.
        self.assert_every_id_was_asked_once(report, repeated=kills * 4 * 3 * 2)

    def test_storms_leave_the_truth_behind(self):
        self.begin(5000, "--storm", "flaky")
        self.crawler.config["github"]["retries"] = {"first_delay": "20ms", "max_delay": "200ms"}
        self.crawler.config["github"]["breaker"] = {"recovery": "200ms"}
        self.crawler.crawl()
        self.assert_certified(self.crawler, self.github, EVERYTHING)


class RefreshTest(IntegrationTest):
    deadline_s = 180

    def setUp(self):
        super().setUp()
        self.github = Simulator(self, "--repositories", REPOSITORIES)
        self.crawler = Crawler(self, self.github.url)
        self.crawler.crawl()
        self.known = self.crawler.report()["repositories"]
        self.source({})

    def source(self, refresh):
        self.crawler.config["crawl"]["source"] = {"refresh": refresh}

    def test_known_repositories_are_read_again_at_a_point_per_hundred(self):
        self.crawler.config["github"]["query_width"] = {"page_max": 1}
        every = self.github.repositories("stars:>=0")
        chosen = {x["repo_id"]: int(x["star_count"]) + 1 for x in random.Random(7).sample(every, 137)}
        self.github.mutate(
            stars=[{"repo_id": int(x), "star_count": stars} for x, stars in chosen.items()]
        )
        history = int(self.crawler.sql("select count(*) from star_history")[0])
        before = self.github.stats()["points"]
        self.crawler.crawl()
        report = self.assert_certified(self.crawler, self.github, "stars:>=0")
        points = self.github.stats()["points"] - before
        # 100,000 in at most 1,010 points.
        self.assertLessEqual(points, self.known / 100 * 1.01 + 1)
        self.assertEqual(
            int(self.crawler.sql("select count(*) from star_history")[0]), history + len(chosen)
        )
        self.say(f"{self.known} repositories refreshed with {points} points, {report['wall_seconds']:.1f} s")

    def test_the_most_likely_changed_come_first_and_the_rest_is_left_alone(self):
        self.source({"limit": 1500})
        self.crawler.sql("update repository_checks set checked_at = checked_at - interval '9 days'")
        output, _ = self.crawler.crawl()
        self.assertIn("Last read: 50 % at most", output)
        report = self.crawler.report()
        self.assertEqual(report["repositories"], 1500)
        read = self.crawler.sql("""
            with newest as (select max(crawl_id) as id from partitions)
            select count(*), sum(seen) from partitions, newest where crawl_id = newest.id""")
        self.assertEqual(read, ["2|1500"])
        # The same source again takes others: those just read can hardly have changed.
        self.crawler.crawl()
        checks = self.crawler.sql("""
            select checks, count(*) from (
              select id, sum(checks) as checks from repository_checks, unnest(repo_ids) id
              group by id) c
            group by 1 order by 1""")
        self.assertEqual(checks, [f"1|{self.known - 3000}", "2|3000"])

    def test_what_was_read_lately_is_left_out(self):
        self.source({"older_than": "1h"})
        self.crawler.crawl()
        report = self.crawler.report()
        self.assertEqual((report["state"], report["repositories"]), ("complete", 0))

    def test_a_deleted_repository_is_gone_not_missing(self):
        victims = [int(x["repo_id"]) for x in self.github.repositories("stars:>=0")][:7]
        self.github.mutate(delete=victims)
        self.crawler.crawl()
        report = self.crawler.report()
        self.assertEqual((report["state"], report["missing"]), ("complete", 0))
        self.assertEqual(report["repositories"], self.known - len(victims))
        gone = self.crawler.sql("select count(*) from repositories where gone_at is not null")
        self.assertEqual(gone, [str(len(victims))])
        self.crawler.crawl()  # and is not asked for again
        self.assertEqual(self.crawler.report()["expected"], self.known - len(victims))

    def test_a_killed_refresh_goes_on_with_the_same_repositories(self):
        slow = Simulator(self, "--repositories", REPOSITORIES, "--latency", 50)
        self.crawler.config["github"] |= {
            "graphql_url": slow.url + "/graphql", "rest_url": slow.url,
            "query_width": {"page_max": 1},
        }
        process = self.crawler.start("--no-progress")
        slow.wait_for_requests(60)
        process.kill()
        process.wait()
        self.crawler.crawl()
        report = self.assert_certified(self.crawler, slow, "stars:>=0")
        self.assertEqual(report["crawl_id"], 2)
        repeated = slow.stats()["node_lookups"] - self.known
        self.assertLessEqual(repeated, 8 * 3 * 100)
        self.say(f"{repeated} of {self.known} repositories were read twice after a kill")


class IncrementalTest(IntegrationTest):
    def test_what_was_pushed_since_is_stored(self):
        github = Simulator(self, "--repositories", REPOSITORIES)
        pushed = sorted(x["pushed_at"] for x in github.repositories("stars:>=0") if x["pushed_at"])
        since = pushed[len(pushed) * 3 // 4].replace(" ", "T")[:19] + "Z"
        crawler = Crawler(self, github.url, source={"incremental": {"since": since}})
        crawler.crawl()
        report = self.assert_certified(crawler, github, f"stars:>=0 pushed:>={since}")
        self.assertGreater(report["repositories"], len(pushed) // 5)
        # The next run begins where this one did, less the overlap.
        crawler.crawl()
        again = crawler.sql("""
            select count(*) from partitions
            where crawl_id = 2 and parent_id = 0 and description like '%pushed:>=2%'
              and description not like '%pushed:>=""" + since + "%'")
        self.assertEqual(again, ["1"])


class OwnersTest(IntegrationTest):
    def test_all_repositories_of_owners_are_stored_and_unknown_ones_recorded(self):
        github = Simulator(self, "--repositories", REPOSITORIES)
        every = github.repositories(EVERYTHING)
        owned = {}
        for row in every:
            owned.setdefault(row["owner"], []).append(row)
        largest = sorted(owned, key=lambda x: -len(owned[x]))[:3]
        smallest = sorted(owned, key=lambda x: len(owned[x]))[:40]
        names = largest + smallest
        crawler = Crawler(self, github.url, source={"owners": {"logins": names}})
        crawler.crawl()
        report = crawler.report()
        truth = sorted(int(row["repo_id"]) for name in names for row in owned[name])
        stored = [int(x) for x in crawler.sql("select repo_id from repositories order by 1")]
        self.assertEqual(stored, truth)
        self.assertEqual((report["state"], report["expected"]), ("complete", len(truth)))
        differing = crawler.sql(
            "select count(*) from repositories r where owner not in ('" + "','".join(names) + "')"
        )
        self.assertEqual(differing, ["0"])
        self.assertEqual(github.stats()["violations"]["total"], 0)
        self.say(f"{len(names)} owners, the largest with {len(owned[largest[0]])}, {len(truth)} "
                 f"repositories, {report['points']} points")

        (self.directory / "owners.txt").write_text("no-such-owner-1\n" + largest[0] + "\n")
        crawler.config["crawl"]["source"] = {
            "owners": {"logins": f"file:{self.directory}/owners.txt", "include_forks": False}
        }
        crawler.crawl()
        report = crawler.report()
        self.assertEqual(report["state"], "incomplete")
        self.assertEqual(report["partitions"]["incomplete"], 1)
        reasons = crawler.sql("""
            select description, reason from certificates where state = 'incomplete'""")
        self.assertEqual(len(reasons), 1)
        self.assertIn("owner no-such-owner-1|no such user or organization", reasons[0])
        kept = sum(row["is_fork"] == "false" for row in owned[largest[0]])
        self.assertEqual(report["repositories"], kept)


if __name__ == "__main__":
    unittest.main()
