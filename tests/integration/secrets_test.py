"""No secret shows up anywhere: not in logs, metrics, reports, tables, error texts or process lists,
even where a server sends back what it got."""

import base64
import http.client
import http.server
import json
import re
import subprocess
import threading
import unittest
import urllib.parse

from programs import (
    GITSTAR, PATIENCE, Crawler, IntegrationTest, Simulator, end, environment, wait_until,
)
from service_test import get

TOKENS = [
    "ghp_Pl4inT0kenThatMustNotShowUp4nywhere",
    "github_pat_11F1neGr4inedT0kenThatMustNotShowUp",
    "gho_0therT0kenThatMustNotShowUpEither00",
]
PASSWORD = "p4sswordThatMustNotShowUp"

# What shows up in public. Finding them proves that the search looks where a secret could be.
CRAWL = "canary-crawl"
CREDENTIAL = "canary-credential"

# In every class that asking again cures; the relay adds those that repeat what they got.
FAULTS = """\
seed: 3
faults:
  - { fault: timeout_502_json, every: 11 }
  - { fault: malformed_json, every: 13 }
  - { fault: wrong_content_type, every: 17 }
  - { fault: reset_mid_body, every: 19 }
  - { fault: secondary_limit_200, every: 23, times: 2, retry_after: 1 }
  - { fault: resource_limit, every: 7, fields: 200 }
"""

SORRY = "Something went wrong while executing your query. You sent "


class Relay:
    """Stands between crawler and simulator, notes every secret that passes, and answers some
    requests itself, with the secret in it."""

    def __init__(self, test, upstream):
        self.upstream = urllib.parse.urlsplit(upstream)
        self.secrets = set()
        self.echoes = 0
        self._requests = 0
        self._lock = threading.Lock()
        relay = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                relay.serve(self)

            do_GET = do_POST

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        test.addCleanup(thread.join)
        test.addCleanup(server.server_close)
        test.addCleanup(server.shutdown)
        self.url = f"http://127.0.0.1:{server.server_port}"

    def serve(self, client):
        secret = client.headers["Authorization"].split()[-1]
        body = client.rfile.read(int(client.headers.get("Content-Length", 0)))
        with self._lock:
            self.secrets.add(secret)
            self._requests += 1
            turn = self._requests
        if turn % 5 == 0:
            return self.echo(client, secret, turn // 5)
        upstream = http.client.HTTPConnection(self.upstream.netloc, timeout=10)
        try:
            upstream.request(client.command, client.path, body, dict(client.headers))
            answer = upstream.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException):  # an injected fault
            client.close_connection = True
            return
        finally:
            upstream.close()
        if client.path.endswith("/access_tokens"):
            with self._lock:
                self.secrets.add(json.loads(text)["token"])
        self.send(client, answer.status, text, answer.getheaders())

    def echo(self, client, secret, turn):
        error = json.dumps({"errors": [{"message": SORRY + secret, "type": secret}]})
        status, text = [
            (502, error),
            (200, error),
            (200, f"Authorization: Bearer {secret}"),
            (500, f"<html><title>{secret}</title></html>"),
            (503, json.dumps({"message": f"busy with {secret}"})),
            (200, json.dumps({"data": {"f0": {"repositoryCount": secret}}})),
        ][turn % 6]
        with self._lock:
            self.echoes += 1
        headers = [(name, secret) for name in ("X-GitHub-Request-Id", "Content-Type", "Location")]
        self.send(client, status, text.encode(), headers)

    def send(self, client, status, text, headers):
        client.send_response(status)
        for name, value in headers:
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                client.send_header(name, value)
        client.send_header("Content-Length", str(len(text)))
        client.end_headers()
        client.wfile.write(text)


def spellings(secret):
    """The secret as it could stand in a text: plain, cut off, in base64, in a URL."""
    encoded = base64.b64encode(secret.encode()).decode()
    return {secret, secret[:20], secret[-20:], encoded[:-4], urllib.parse.quote(secret, safe="")}


def leaks(texts, secrets):
    """Where which secret shows up."""
    return [
        (place, spelling)
        for secret in secrets
        for spelling in spellings(secret)
        for place, text in texts.items()
        if spelling in text
    ]


class SecretsTest(IntegrationTest):
    def setUp(self):
        super().setUp()
        self.told = {}
        self.make_app_key()
        self.github = Simulator(
            self, "--repositories", 20_000, "--tokens", self.write("tokens.yaml", self.tokens()),
            "--faults", self.write("faults.yaml", FAULTS),
            # Slow enough to be cut off before its end by a program that takes long to start.
            "--latency", 20 if PATIENCE == 1 else 250,
        )
        self.relay = Relay(self, self.github.url)
        self.store = Crawler(self, self.github.url)
        self.crawler = Crawler(self, self.relay.url, fetchers=6, name=CRAWL)
        self.crawler.config["github"] |= {
            "credentials": [{"token": token} for token in TOKENS]
            + [{"app": self.app, "name": CREDENTIAL}],
            "query_width": {"page_max": 2},
            "retries": {"first_delay": "10ms", "max_delay": "50ms", "max_attempts": 100},
            "breaker": {"failures": 50, "recovery": "1s"},
        }
        self.crawler.config["telemetry"] = {
            "listen": "127.0.0.1:0",
            "log_level": "trace",
            "progress_interval": "100ms",
        }

    def write(self, name, text):
        file = self.directory / name
        file.write_text(text)
        return file

    def make_app_key(self):
        key, public = self.directory / "app.pem", self.directory / "app.pub"
        for command in (
            ["openssl", "genrsa", "-out", str(key), "2048"],
            ["openssl", "rsa", "-in", str(key), "-pubout", "-out", str(public)],
        ):
            subprocess.run(command, check=True, capture_output=True, timeout=100)
        self.key_lines = [x for x in key.read_text().splitlines() if not x.startswith("--")]
        self.app = {"id": 4711, "installation": 99, "private_key": f"file:{key}"}

    def tokens(self):
        tokens = [{"token": token} for token in TOKENS]
        app = {"id": 4711, "public_key": "app.pub", "installations": [{"id": 99}]}
        return json.dumps({"tokens": tokens, "apps": [app]})

    def serve_store(self):
        """A PostgreSQL that is reached with a password, which it does not check."""
        sleep = self.store.command("psql", "--", "-c", "select pg_sleep(600)")
        holder = subprocess.Popen(
            sleep, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment()
        )
        self.addCleanup(end, holder)
        wait_until(self.store.server_pid, "the start of PostgreSQL")
        folder, database, user = self.store.sql(
            "select concat_ws('|', current_setting('unix_socket_directories'), current_database(),"
            " current_user)"
        )[0].split("|")
        self.crawler.config["store"]["postgres"] = (
            f"host={folder} dbname={database} user={user} password={PASSWORD}"
        )

    def run_command(self, name, *arguments):
        """Any command, whether it succeeds or not: all that it says."""
        done = subprocess.run(
            self.crawler.command(name, *arguments),
            capture_output=True, text=True, timeout=100, env=environment(),
        )
        self.told[f"gitstar {name} {len(self.told)}"] = done.stdout + done.stderr
        return done.returncode

    def crawl(self):
        process = self.crawler.start()
        log = []
        while not (found := re.search(r"http://[\d.:]+", log[-1] if log else "")):
            log.append(process.stderr.readline())
            self.assertNotEqual(log[-1], "", "".join(log))
        pages = []

        def well_begun():
            pages.extend(get(found[0] + path) for path in ("/metrics", "/healthz"))
            return process.poll() is not None or self.github.stats()["search_pages"] > 20

        wait_until(well_begun, "a part of the crawl")
        cut = self.store.sql(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where backend_type = 'client backend' and application_name <> 'psql'"
        )
        self.assertIn("t", cut)
        output, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, errors[-3000:])
        self.told |= {
            "log": "".join(log) + errors,
            "stdout": output,
            "metrics": "".join(pages),
            "report": json.dumps(self.crawler.report()),
        }

    def look_at_tables(self):
        tables = self.store.sql("select tablename from pg_tables where schemaname = 'public'")
        self.told["tables"] = "\n".join(
            self.store.sql("".join(f"select t::text from {x} t;" for x in tables))
        )
        self.told["server log"] = (self.directory / "store/server.log").read_text(errors="replace")

    def look_at_processes(self):
        """What `ps` would show while psql runs for somebody."""
        sleep = self.crawler.command("psql", "--", "-c", "select pg_sleep(600)")
        process = subprocess.Popen(
            sleep, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment()
        )
        self.addCleanup(end, process)
        asleep = "select count(*) from pg_stat_activity where query like 'select pg_sleep%'"
        wait_until(lambda: self.store.sql(asleep) == ["2"], "psql")
        self.told["processes"] = subprocess.run(
            ["ps", "-eo", "args", "-ww"], capture_output=True, text=True, check=True
        ).stdout

    def fail_to_connect(self):
        """Error texts of databases that are not there and of connection strings that are none."""
        good = self.crawler.config["store"]["postgres"]
        for bad in (
            f"host=127.0.0.1 port=1 user=x password={PASSWORD}",
            f"postgresql://x:{PASSWORD}@127.0.0.1:1/x",
            f"password={PASSWORD} host='",
            f"postgresql://x:{PASSWORD}@[127.0.0.1:1/x",
            f"host=127.0.0.1 {PASSWORD}",
        ):
            self.crawler.config["store"]["postgres"] = bad
            self.assertNotEqual(self.run_command("migrate"), 0, bad)
        self.crawler.config["store"]["postgres"] = good

    def misplace_secrets(self):
        """Error texts of a config with a secret where something else belongs."""
        good = json.dumps(self.crawler.config)
        for section, key in (("crawl", "name"), ("github", "graphql_url"), ("telemetry", "listen")):
            self.crawler.config[section][key] = "${GITSTAR_TEST_SECRET}"
            done = subprocess.run(
                self.crawler.command("check"), capture_output=True, text=True, timeout=100,
                env=environment(GITSTAR_TEST_SECRET=TOKENS[0]),
            )
            self.assertEqual(done.returncode, 2, done.stderr)
            self.told[f"misplaced {key}"] = done.stdout + done.stderr
            self.crawler.config = json.loads(good)

    def test_no_secret_shows_up_anywhere(self):
        self.serve_store()
        self.crawl()
        for command in (
            ["status"],
            ["check"],
            ["check", "--online"],
            ["plan", "--probe"],
            ["repair", "--no-progress"],
            ["rehearse", "--repositories", "1000", "--no-progress"],
            ["migrate"],
        ):
            self.run_command(*command)
        self.look_at_tables()
        self.look_at_processes()
        self.fail_to_connect()
        self.misplace_secrets()

        minted = {x for x in self.relay.secrets if x.startswith("ghs_")}
        signed = {x for x in self.relay.secrets if x.startswith("eyJ")}
        self.assertTrue(minted and signed, self.relay.secrets)
        self.assertLessEqual(set(TOKENS), self.relay.secrets)
        secrets = self.relay.secrets | {PASSWORD} | set(self.key_lines)
        self.assertGreater(self.relay.echoes, 10)
        self.assertEqual(leaks(self.told, secrets), [])

        # The search is no use where it finds nothing at all.
        self.assertEqual(
            {place for place, _ in leaks(self.told, [CREDENTIAL])} & {"log", "metrics", "tables"},
            {"log", "metrics", "tables"},
        )
        self.assertIn(CRAWL, self.told["tables"])
        self.assertIn("***", self.told["log"])  # what the relay sent back was there
        for place, text in self.told.items():
            for secret in secrets:
                self.assertIn((place, secret), leaks({place: text + secret}, [secret]))
        self.say(
            f"{len(secrets)} secrets, sent back {self.relay.echoes} times, not found in "
            f"{len(self.told)} texts with {sum(map(len, self.told.values()))} characters"
        )


if __name__ == "__main__":
    unittest.main()
