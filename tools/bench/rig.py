"""What a measurement runs on: a simulator, a private PostgreSQL, and processes with a time-out."""

import contextlib
import http.client
import http.server
import json
import os
import pathlib
import platform
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse
import urllib.request
from dataclasses import dataclass

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build/release"
START_SECONDS = 300  # until a simulator has made up its repositories
STOP_SECONDS = 120
REAP_SECONDS = 0.1  # between a session's end and its process's


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [x.partition(":")[2].strip() for x in file if x.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{models[0] if models else platform.machine()}, {len(os.sched_getaffinity(0))} cores "
        f"shared by all, {memory:.0f} GiB memory, Linux {platform.release()}, "
        f"load {os.getloadavg()[0]:.1f} before"
    )


class BenchError(Exception):
    """Why nothing can be measured, in one line."""


def build(*programs):
    """Builds them as Release, and says where they are."""
    for command in (["cmake", "--preset", "release"], ["ninja", "-C", str(BUILD), *programs]):
        if subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=False).returncode:
            raise BenchError(f"{' '.join(command)} failed")
    return BUILD / "bin"


def run_in_work_dir(name, options, run):
    """The exit code of `tools/bench/NAME`: `run(options, work_dir)` measures, in a directory of its
    own that does not stay."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    work_dir = pathlib.Path(tempfile.mkdtemp(prefix=f"gitstar-{name}-", dir=options.work_dir))
    work_dir.chmod(0o755)  # root's PostgreSQL runs as another user
    try:
        return run(options, work_dir.resolve()) or 0
    except BenchError as problem:
        print(f"tools/bench/{name}: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    finally:
        shutil.rmtree(work_dir, ignore_errors=True)


def install_octokit(directory):
    """The packages of the yardstick, unless they are there."""
    if not (directory / "node_modules").exists():
        command = ["npm", "ci", "--silent", "--no-audit", "--no-fund"]
        if subprocess.run(command, cwd=directory, check=False).returncode:
            raise BenchError(f"npm ci failed in {directory}")


@dataclass
class Usage:
    """What a process cost, as its parent sees it."""

    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int
    output: str
    database_seconds: float = 0  # CPU time of PostgreSQL's sessions meanwhile
    requests: int = 0
    points: int = 0


def measure(command, log, timeout, env=None):
    """Runs a command to its end; its output is kept, its complaints go to the file `log`."""
    result = log.with_suffix(".cost")
    launcher = [sys.executable, "-IS", pathlib.Path(__file__).with_name("cost.py"), result]
    with open(log, "w", encoding="utf-8") as complaints, subprocess.Popen(
        [*launcher, *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=complaints,
        start_new_session=True,
        env=env,
    ) as child:
        try:
            output, _ = child.communicate(timeout=timeout)
        except BaseException as problem:
            os.killpg(child.pid, signal.SIGKILL)
            if isinstance(problem, subprocess.TimeoutExpired):
                raise BenchError(f"{describe(command)} took longer than {timeout} s") from None
            raise
    if child.returncode != 0:
        raise BenchError(f"{describe(command)} ended with {child.returncode}: {last_line(log)}")
    cost = json.loads(result.read_text(encoding="utf-8"))
    return Usage(**cost, output=output.decode())


def describe(command):
    return " ".join(os.path.basename(str(x)) for x in command[:2])


def parent_of(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return re.search(r"PPid:\s+(\d+)", file.read()).group(1)


def last_line(log):
    with open(log, encoding="utf-8", errors="replace") as file:
        lines = [line.strip() for line in file if line.strip()]
    return lines[-1] if lines else "no message"


def stop(process):
    """Ends a process that this program has started."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Simulator:
    """A `gitstar-sim` without limits; ends with the `with` block, or with this process."""

    def __init__(self, bin_dir, work_dir, repositories, latency=0, metadata=0):
        log = work_dir / f"simulator-{repositories}-{latency}.log"
        command = ["setpriv", "--pdeathsig", "KILL", bin_dir / "gitstar-sim"]
        command += ["--listen", "127.0.0.1:0", "--repositories", str(repositories), "--seed", "1"]
        command += ["--limits", "none", "--latency", str(latency), "--metadata", str(metadata)]
        with open(log, "w", encoding="utf-8") as output:
            self.process = subprocess.Popen(
                command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )
        try:
            self.url = self._wait_until_listening(log)
        except BaseException:
            stop(self.process)
            raise

    def _wait_until_listening(self, log):
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            found = re.search(r"http://[0-9.]+:[0-9]+", log.read_text(encoding="utf-8"))
            if found:
                return found.group()
            time.sleep(0.02)
        raise BenchError(f"the simulator did not start: {last_line(log)}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        stop(self.process)

    @property
    def port(self):
        return self.url.rpartition(":")[2]

    def forget(self):
        """Counts from 0 again and remembers no search, so that every run finds it the same."""
        self._call("/_sim/mutate", b"{}")
        self._call("/_sim/reset", b"")

    def stats(self):
        return json.loads(self._call("/_sim/stats"))

    def save_truth(self, query, file):
        """Writes every match of a search into a CSV file."""
        url = f"{self.url}/_sim/truth.csv?query={urllib.parse.quote(query)}"
        with urllib.request.urlopen(url, timeout=STOP_SECONDS) as answer, open(file, "wb") as out:
            shutil.copyfileobj(answer, out)

    def peak_bytes(self):
        with open(f"/proc/{self.process.pid}/status", encoding="utf-8") as file:
            return int(re.search(r"VmHWM:\s+(\d+) kB", file.read()).group(1)) * 1024

    def _call(self, path, body=None):
        with urllib.request.urlopen(self.url + path, body, timeout=STOP_SECONDS) as answer:
            return answer.read()


class Database:
    """The crawler's own embedded server, held up for the length of the `with` block by a psql that
    waits for its standard input to end, as it does if this process is killed."""

    def __init__(self, bin_dir, work_dir, config):
        self.program = bin_dir / "gitstar"
        self.log = work_dir / "statement.log"
        self.holder_log = work_dir / "server.log"
        with open(self.holder_log, "w", encoding="utf-8") as complaints:
            self.holder = subprocess.Popen(
                [self.program, "psql", config, "--", "-XAtq"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=complaints,
                start_new_session=True,
                text=True,
            )
        sockets = self._ask("show unix_socket_directories")
        self.conninfo = f"host={sockets} port=5432 user=gitstar dbname=gitstar"
        self.uri = f"postgresql://gitstar@{urllib.parse.quote(sockets, safe='')}/gitstar"
        # The parent of all sessions collects what they cost.
        self.server_stat = f"/proc/{parent_of(self._ask('select pg_backend_pid()'))}/stat"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.holder.stdin.close()
        try:
            self.holder.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.holder.kill()
            self.holder.wait()
        self.holder.stdout.close()

    def _ask(self, query):
        """What a query answers to the psql that holds the server."""
        self.holder.stdin.write(query + ";\n")
        self.holder.stdin.flush()
        answered = select.select([self.holder.stdout], [], [], STOP_SECONDS)[0]
        answer = self.holder.stdout.readline().strip() if answered else ""
        if not answer:
            self.close()
            raise BenchError(f"PostgreSQL does not run: {last_line(self.holder_log)}")
        return answer

    def psql(self, *statements):
        """The command that runs SQL or psql's own commands, each in a transaction of its own."""
        command = ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", self.conninfo]
        for statement in statements:
            command += ["-c", statement]
        return command

    def execute(self, *statements):
        return measure(self.psql(*statements), self.log, STOP_SECONDS).output

    def number(self, query):
        return int(self.execute(query))

    def cpu_seconds(self):
        """The CPU time of all sessions but ours, once they have ended."""
        others = "select count(*) from pg_stat_activity where backend_type = 'client backend'"
        deadline = time.monotonic() + STOP_SECONDS
        while int(self._ask(others)) > 1 and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(REAP_SECONDS)
        with open(self.server_stat, encoding="utf-8") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")

    def migrate(self, config):
        """The tables as a first crawl finds them: it builds the indexes for people's queries when it
        has ended, `gitstar migrate` at once."""
        log = self.log.with_name("migrate.log")
        measure([self.program, "migrate", config], log, STOP_SECONDS)
        self.execute(
            "drop index repositories_full_name, repositories_star_count, "
            "repositories_open_issue_count, star_history_repo_id"
        )

    def empty(self):
        """As new, with everything on disk that earlier runs have left to write."""
        self.execute(
            "set client_min_messages = warning; drop schema public cascade; create schema public",
            "checkpoint",
        )


class QueryCounter:
    """Stands between crawler and simulator and counts the queries that ask for pages."""

    def __init__(self, target):
        counter = self
        host = target.removeprefix("http://")

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1  # headers and body in few segments

            def setup(self):
                super().setup()
                self.upstream = http.client.HTTPConnection(host, timeout=STOP_SECONDS)

            def finish(self):
                self.upstream.close()
                with contextlib.suppress(OSError):
                    super().finish()

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                counter.count(b"pageInfo" in body)
                self.upstream.request("POST", self.path, body, dict(self.headers))
                answer = self.upstream.getresponse()
                content = answer.read()
                self.send_response_only(answer.status)
                for name, value in answer.getheaders():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass

        self._lock = threading.Lock()
        self.page_queries = 0
        self.count_queries = 0
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def count(self, asks_for_pages):
        with self._lock:
            self.page_queries += asks_for_pages
            self.count_queries += not asks_for_pages

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
