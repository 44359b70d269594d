"""Several credentials: budgets are shared by user, and one that is revoked ends nothing but itself."""

import json
import unittest

from programs import Crawler, IntegrationTest, Simulator

REPOSITORIES = 20_000


class CredentialsTest(IntegrationTest):
    def simulate(self, *tokens):
        file = self.directory / "tokens.yaml"
        file.write_text(json.dumps({"tokens": list(tokens)}))  # JSON is YAML
        return Simulator(self, "--repositories", REPOSITORIES, "--tokens", file)

    def crawler(self, github, *tokens):
        crawler = Crawler(self, github.url)
        crawler.config["github"]["credentials"] = [{"token": x} for x in tokens]
        crawler.config["github"]["query_width"] = {"page_max": 2}
        return crawler

    def test_tokens_of_one_user_share_a_budget(self):
        ada = {"id": 7, "login": "ada"}
        github = self.simulate(
            {"token": "ghp_one", "user": ada},
            {"token": "ghp_two", "user": ada},
            {"token": "ghp_other", "user": {"id": 8, "login": "bob"}},
        )
        crawler = self.crawler(github, "ghp_one", "ghp_two", "ghp_other")
        _, errors = crawler.crawl()
        self.assert_certified(crawler, github, "stars:>=0")
        self.assertRegex(errors, "credential token-[12] is of the same user as token-[12]")
        self.assertNotRegex(errors, "same user as .*token-3")
        owners = crawler.sql("select credential, viewer_id from credential_budgets order by 1")
        self.assertEqual(owners, ["token-1|7", "token-2|7", "token-3|8"])

    def test_a_revoked_credential_is_left_out_and_the_others_go_on(self):
        github = self.simulate({"token": "ghp_gone", "revoked_after": 10}, {"token": "ghp_good"})
        crawler = self.crawler(github, "ghp_gone", "ghp_good")
        _, errors = crawler.crawl()
        self.assert_certified(crawler, github, "stars:>=0")
        self.assertEqual(errors.count("credential token-1 is not used any more"), 1, errors)

    def test_without_any_credential_left_a_crawl_fails_and_can_be_resumed(self):
        github = self.simulate({"token": "ghp_gone", "revoked_after": 20}, {"token": "ghp_new"})
        crawler = self.crawler(github, "ghp_gone")
        process = crawler.start("--no-progress")
        _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1, errors)
        self.assertIn("gitstar: GitHub rejects every credential: token-1: ", errors)
        self.assertNotIn(" warning ", errors)
        stored = int(crawler.sql("select count(*) from repositories")[0])
        self.assertGreater(stored, 0)
        self.assertEqual(crawler.sql("select state from crawls"), ["stopped"])
        crawler.config["github"]["credentials"] = [{"token": "ghp_new"}]
        crawler.crawl()
        report = self.assert_certified(crawler, github, "stars:>=0")
        self.assertEqual(report["crawl_id"], 1)
        # What was under way when the last one was revoked was paid for in vain.
        fetchers, width = 8, 2
        self.assertLessEqual(github.stats()["repeated_pages"], fetchers * width)
        self.say(f"{stored} of {report['repositories']} were stored when the last one was revoked")


if __name__ == "__main__":
    unittest.main()
