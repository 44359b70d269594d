"""What cannot work is refused: one clear line, the right exit code, nothing half-made."""

import re
import socket
import subprocess
import time
import unittest

from programs import GITSTAR, Crawler, IntegrationTest, Simulator, environment, wait_until

BAD_CONFIG = 2
FAILED = 1

LOG_LINE = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z info ")

CONFIG = """\
crawl:
  name: test
  source:
    search:
      query: "stars:>=0"
github:
  graphql_url: {github}/graphql
  rest_url: {github}
  credentials:
    - token: a-token-of-the-test
store:
  data_dir: {directory}/store
telemetry:
  listen: ""
"""


class BadInputTest(IntegrationTest):
    def refuse(self, code, *told, config=CONFIG, github="http://127.0.0.1:1"):
        """Runs a crawl that has to end with `code` and, but for what its log says of the normal
        course, one line that tells all of `told`."""
        file = self.directory / "config.yaml"
        file.write_text(config.format(github=github, directory=self.directory))
        began = time.monotonic()
        done = subprocess.run(
            [GITSTAR, "crawl", str(file)],
            capture_output=True,
            text=True,
            timeout=60,
            env=environment(),
        )
        took = time.monotonic() - began
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertEqual(done.stdout, "")
        lines = [x for x in done.stderr.splitlines() if not LOG_LINE.match(x)]
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertRegex(lines[0], "^gitstar: ")
        for text in told:
            self.assertIn(text, lines[0])
        self.say(f"exit {done.returncode} after {took:.1f} s, {lines[0]}")

    def assert_nothing_made(self):
        self.assertEqual([x.name for x in self.directory.iterdir()], ["config.yaml"])

    def changed(self, old, new):
        self.assertIn(old, CONFIG)
        return CONFIG.replace(old, new)

    def test_a_wrong_type_names_file_line_and_key(self):
        config = self.changed("crawl:\n", "crawl:\n  fetchers: many\n")
        self.refuse(BAD_CONFIG, "config.yaml:2", "fetchers", "many", config=config)
        self.assert_nothing_made()

    def test_an_unknown_key_names_file_line_and_key(self):
        config = self.changed("telemetry:\n", "telemetry:\n  port: 9464\n")
        self.refuse(BAD_CONFIG, "config.yaml:14", "telemetry.port", config=config)
        self.assert_nothing_made()

    def test_a_bad_url_names_file_line_and_key(self):
        config = self.changed("rest_url: {github}", "rest_url: https://github.example:99999")
        self.refuse(BAD_CONFIG, "config.yaml:8", "github.rest_url", "port", config=config)
        self.assert_nothing_made()

    def test_an_unreadable_certificate_file_is_named(self):
        config = self.changed("github:\n", "github:\n  http: {{ca_file: /no/such/file.pem}}\n")
        self.refuse(FAILED, "/no/such/file.pem", config=config, github="https://127.0.0.1:1")
        self.assert_nothing_made()

    def test_a_missing_environment_variable_is_named(self):
        config = self.changed("a-token-of-the-test", "${{GITSTAR_TEST_NO_SUCH}}")
        self.refuse(BAD_CONFIG, "config.yaml:10", "GITSTAR_TEST_NO_SUCH", "token", config=config)
        self.assert_nothing_made()

    def test_a_missing_config_file_is_named(self):
        done = subprocess.run(
            [GITSTAR, "crawl", "no-such.yaml"], capture_output=True, text=True, timeout=60
        )
        self.assertEqual(done.returncode, BAD_CONFIG)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertIn("no-such.yaml", done.stderr)

    def test_no_subcommand_is_bad_usage(self):
        done = subprocess.run([GITSTAR], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, BAD_CONFIG)
        self.assertIn("subcommand", done.stderr)

    def test_a_host_that_refuses_connections_is_named_within_seconds(self):
        self.refuse(FAILED, "127.0.0.1")
        self.assert_stored_nothing()

    def test_a_host_that_does_not_exist_is_named_within_seconds(self):
        self.refuse(FAILED, "no-such-host.invalid", github="http://no-such-host.invalid")
        self.assert_stored_nothing()

    def test_a_bad_credential_is_said_to_be_bad(self):
        github = Simulator(self, "--repositories", 100, "--token", "another-token")
        self.refuse(FAILED, "credential", github=github.url)
        self.assert_stored_nothing()
        crawler = Crawler(self, github.url)
        crawler.config["github"]["credentials"][0]["token"] = "another-token"
        crawler.crawl()
        self.assert_certified(crawler, github, "stars:>=0")

    def test_a_top_above_what_matches_names_file_line_and_key(self):
        github = Simulator(self, "--repositories", 2000)
        config = self.changed('query: "stars:>=0"', 'query: "stars:>=0"\n      top: 100000')
        self.refuse(BAD_CONFIG, "config.yaml:6", "top", config=config, github=github.url)
        self.assert_stored_nothing()

    def assert_stored_nothing(self):
        store = Crawler(self, "http://127.0.0.1:1")
        self.assertEqual(store.sql("select count(*) from repositories"), ["0"])
        self.assertEqual(store.sql("select count(*) from crawls where state <> 'failed'"), ["0"])

    def test_an_unwritable_data_directory_is_named(self):
        config = self.changed("{directory}/store", "/proc/gitstar-test")
        self.refuse(FAILED, "/proc/gitstar-test", config=config)
        self.assert_nothing_made()

    def test_data_of_another_postgresql_is_left_alone(self):
        data = self.directory / "store/data"
        data.mkdir(parents=True)
        (data / "PG_VERSION").write_text("9\n")
        self.refuse(FAILED, "PostgreSQL 9", "not installed")
        self.assertEqual([x.name for x in data.iterdir()], ["PG_VERSION"])

    def test_a_database_that_does_not_answer_is_named(self):
        config = self.changed("store:\n", "store:\n  postgres: host=127.0.0.1 port=1 dbname=x\n")
        self.refuse(FAILED, "127.0.0.1", config=config)
        self.assert_nothing_made()

    def test_a_report_that_does_not_fit_on_the_disk_is_named(self):
        github = Simulator(self, "--repositories", 100)
        crawler = Crawler(self, github.url)
        (self.directory / "report.json.part").symlink_to("/dev/full")
        process = crawler.start("--no-progress")
        report = self.directory / "report.json.part"
        wait_until(lambda: not report.is_symlink(), "the look whether it can be written")
        report.symlink_to("/dev/full")
        _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, FAILED, errors)
        self.assertRegex(errors, "(?m)^gitstar: cannot write the report .*report.json$")

    def test_a_taken_port_of_the_telemetry_is_named(self):
        github = Simulator(self, "--repositories", 100)
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            config = self.changed('listen: ""', f"listen: {address}")
            self.refuse(FAILED, address, config=config, github=github.url)
        self.assertEqual(github.stats()["requests"], 0)


if __name__ == "__main__":
    unittest.main()
