"""`gitstar rehearse`: a config runs against a simulated GitHub and touches nothing of its own."""

import subprocess
import unittest

from programs import Crawler, IntegrationTest, environment

NOWHERE = "http://127.0.0.1:9"  # the discard port: nobody listens


class RehearseTest(IntegrationTest):
    def rehearse(self, *arguments):
        crawler = Crawler(self, NOWHERE, source={"search": {"query": "stars:>=1", "top": 50_000}})
        crawler.config["github"]["retries"] = {"first_delay": "50ms", "max_delay": "1s"}
        command = crawler.command("rehearse", "--repositories", "5000", "--no-progress", *arguments)
        return subprocess.run(
            command, capture_output=True, text=True, timeout=60, env=environment(), cwd=self.directory
        )

    def test_a_storm_shows_what_would_have_happened(self):
        done = self.rehearse("--storm", "flaky")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("in the storm flaky", done.stdout)
        self.assertIn("The config asks for the top 50,000; the rehearsal takes the top 500 of 5,000.",
                      done.stdout)
        self.assertIn("ended complete", done.stdout)
        self.assertRegex(done.stdout, r"are stored as they are, 0 are missing, 0 are wrong")
        self.assertIn("violations of GitHub's limits: 0", done.stdout)
        self.assertNotIn("Look around", done.stdout)
        self.assertFalse((self.directory / "store").exists(), "the configured store was touched")
        self.say(done.stdout.strip().splitlines()[-4].strip())

    def test_a_storm_of_ones_own(self):
        storm = self.directory / "storm.yaml"
        storm.write_text("faults:\n  - { fault: timeout_502_json, every: 5 }\n")
        done = self.rehearse("--faults", str(storm))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stdout, r"faults that GitHub showed: \d+ timeout_502_json")

    def test_a_storm_that_does_not_exist_is_named(self):
        done = self.rehearse("--storm", "perfect")
        self.assertEqual(done.returncode, 2)
        self.assertIn("perfect", done.stderr)
        self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)

    def test_a_storm_with_a_mistake_is_named_with_its_line(self):
        storm = self.directory / "storm.yaml"
        storm.write_text("faults:\n  - { fault: rain }\n")
        done = self.rehearse("--faults", str(storm))
        self.assertEqual(done.returncode, 2)
        self.assertIn("storm.yaml", done.stderr)
        self.assertIn("rain", done.stderr)


if __name__ == "__main__":
    unittest.main()
