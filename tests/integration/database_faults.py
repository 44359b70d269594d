"""A PostgreSQL to break, and the ways to break it while a crawl runs.

Each fault is a function `fault(crawl, postgres)`: it breaks the server, waits until the crawl has
said why it waits, and heals the server again. FAULTS has them all by name.
"""

import contextlib
import os
import pwd
import re
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

from programs import end, environment, wait_until

SETTINGS = """
    listen_addresses=
    fsync=off
    autovacuum=off
    shared_buffers=32MB
    min_wal_size=32MB
    max_wal_size=64MB
    max_connections=30
    deadlock_timeout=100ms""".split()
DISK = "256m"  # what the server has where we may mount a file system for it


def newest_installation():
    return max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda bin: int(bin.parent.name))


class Postgres:
    """A server of its own below `directory`, which the test removes; not as root."""

    def __init__(self, directory, disk=DISK):
        self.bin = newest_installation()
        self.home = directory / "server"
        self.home.mkdir()
        self.socket = self.home / ".s.PGSQL.5432"
        self.disk_is_ours = self._mount(disk)
        self._as = {}
        if os.geteuid() == 0:
            account = pwd.getpwnam("postgres")
            os.chown(self.home, account.pw_uid, account.pw_gid)
            self._as = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        self.data = self.home / "data"
        self._run(
            "initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-N", "--wal-segsize=4",
            "--locale=C.UTF-8",
        )
        self._server = None
        self.start()
        self.sql("create role crawler login")

    def _mount(self, disk):
        mount = ["mount", "-t", "tmpfs", "-o", f"size={disk}", "tmpfs", self.home]
        return os.geteuid() == 0 and subprocess.run(mount, capture_output=True).returncode == 0

    def _run(self, program, *arguments, **options):
        command = [self.bin / program, *map(str, arguments)]
        done = subprocess.run(
            command, capture_output=True, text=True, cwd="/", timeout=60,
            env=environment(PGOPTIONS="-cdefault_transaction_read_only=off -cstatement_timeout=0"),
            **(self._as if program == "initdb" else {}), **options,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{program}: {done.stderr}")
        return done.stdout

    def start(self):
        """Starts the server and waits until it takes connections."""
        settings = [x for setting in SETTINGS for x in ("-c", setting)]
        command = [
            self.bin / "postgres", "-D", self.data, "-k", self.home, *settings,
        ]

        def started():
            if self._server is None or self._server.poll() is not None:
                # After a kill its orphans may need a moment before another server may begin.
                self._server = subprocess.Popen(
                    command, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL, **self._as,
                )
            ready = [self.bin / "pg_isready", "-q", "-h", self.home]
            return subprocess.run(ready, env=environment()).returncode == 0

        wait_until(started, "a start of PostgreSQL")

    def stop(self, how=signal.SIGINT):
        """Ends the server: SIGINT cuts its sessions, SIGKILL leaves it no time for anything."""
        self._server.send_signal(how)
        self._server.wait(20)

    def is_running(self):
        return self._server.poll() is None

    def close(self):
        self.resume()
        end(self._server)
        wait_until(lambda: not self._processes(), "the end of PostgreSQL's processes")
        if self.disk_is_ours:
            subprocess.run(["umount", self.home], check=True)
        shutil.rmtree(self.home, ignore_errors=True)

    def new_database(self, name):
        """An empty database that the account of crawls owns: no superuser has limits."""
        self.sql(f"drop database if exists {name} with (force)")
        self.sql(f"create database {name} owner crawler")
        return f"host={self.home} user=crawler dbname={name}"

    def sql(self, statement, database="postgres"):
        return self._run(
            "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", self.home, "-U", "postgres",
            "-d", database, "-c", statement,
        )

    def configure(self, setting, value=None):
        """For all sessions at once; None goes back to the default."""
        change = f"set {setting} = {value}" if value else f"reset {setting}"
        self.sql(f"alter system {change}")
        self.sql("select pg_reload_conf()")

    def cut_connections(self):
        self.sql("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'crawler'")

    def backend_of_a_crawl(self):
        """The process that serves one of the crawl's connections."""
        found = wait_until(
            lambda: self.sql("select min(pid) from pg_stat_activity where usename = 'crawler'"),
            "a connection of the crawl",
        )
        return int(found)

    def session(self, script):
        """A psql that runs `script` and stays; ended with programs.end."""
        process = subprocess.Popen(
            [self.bin / "psql", "-XqAt", "-h", self.home, "-U", "postgres", "-d", self.crawled],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment(),
        )
        process.stdin.write(script + "\nselect 'ready';\n")
        process.stdin.flush()
        while process.stdout.readline() not in ("ready\n", ""):
            pass
        return process

    def _processes(self):
        """All of the server's, by the directory that they run in."""
        result = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if os.readlink(process / "cwd") == str(self.data):
                    result.append(int(process.name))
            except OSError:
                pass
        return result

    def pause(self):
        self._signal(signal.SIGSTOP)

    def resume(self):
        self._signal(signal.SIGCONT)

    def _signal(self, what):
        for process in self._processes():
            with contextlib.suppress(ProcessLookupError):  # its session has ended meanwhile
                os.kill(process, what)

    @property
    def crawled(self):
        """The database that a crawl is connected to."""
        return self.sql(
            "select min(datname) from pg_stat_activity where usename = 'crawler'"
        ).strip()

    def fill_disk(self):
        """Until nothing fits any more; returns what frees it again."""
        filler = self.home / "filler"
        with open(filler, "wb", buffering=0) as file:
            try:
                while file.write(b"x" * 65536):
                    pass
            except OSError:
                pass
        return filler.unlink


class RunningCrawl:
    """A crawl under way whose log can be waited for."""

    def __init__(self, process):
        self.process = process
        self.log = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stderr:
            self.log.append(line)

    def text(self):
        return "".join(self.log)

    def wait_for_log(self, pattern, seconds=20):
        def said():
            if found := re.search(pattern, self.text()):
                return found
            if self.process.poll() is not None:
                raise AssertionError(f"the crawl ended without {pattern!r}: {self.text()}")

        return wait_until(said, f"a log line with {pattern!r}", seconds)

    def wait(self, seconds=60):
        """The exit code."""
        code = self.process.wait(seconds)
        self._reader.join(10)
        return code


def says(crawl, cause):
    crawl.wait_for_log("waiting for PostgreSQL.*: .*" + cause)


def restarted(crawl, postgres):
    postgres.stop()
    says(crawl, r"\((08|57P)")
    postgres.start()


def killed(crawl, postgres):
    postgres.stop(signal.SIGKILL)
    says(crawl, r"\((08|57P)")
    postgres.start()


def backend_killed(crawl, postgres):
    """PostgreSQL ends all sessions and recovers by itself when one dies."""
    os.kill(postgres.backend_of_a_crawl(), signal.SIGKILL)
    says(crawl, r"\((08|57P)")


def connections_cut(crawl, postgres):
    for _ in range(5):
        postgres.cut_connections()
        time.sleep(0.2)
    says(crawl, r"\((08|57P)")


def disk_full(crawl, postgres):
    """The real thing where the server has a disk of its own, else only its error."""
    if not postgres.disk_is_ours:
        raises("53100")(crawl, postgres)
        return
    free = postgres.fill_disk()
    try:
        crawl.wait_for_log("waiting for PostgreSQL")
        time.sleep(0.5)
    finally:
        free()
    # A full disk under the WAL is a panic, from which it may not have recovered by itself.
    if not postgres.is_running():
        postgres.start()


def read_only(crawl, postgres):
    postgres.configure("default_transaction_read_only", "on")
    says(crawl, r"read-only \(25006\)")
    postgres.configure("default_transaction_read_only")


def lock_timeout(crawl, postgres):
    postgres.configure("lock_timeout", "'50ms'")
    time.sleep(0.3)  # a statement that has begun keeps the limit that it had then
    owner = postgres.session("begin; lock table repositories, partitions;")
    try:
        says(crawl, r"\(55P03\)")
    finally:
        end(owner)
        postgres.configure("lock_timeout")


def too_many_connections(crawl, postgres):
    postgres.sql("alter role crawler connection limit 0")
    postgres.cut_connections()
    says(crawl, r"too many connections \(53300\)")
    postgres.sql("alter role crawler connection limit -1")


def statement_cancelled(crawl, postgres):
    postgres.configure("statement_timeout", "'1ms'")
    says(crawl, r"\(57014\)")
    postgres.configure("statement_timeout")


def raises(sqlstate):
    """Whatever a crawl writes fails with this error, as if PostgreSQL had it."""

    def fault(crawl, postgres):
        database = postgres.crawled
        postgres.sql(
            f"""create function fault() returns trigger language plpgsql as
                $$ begin raise exception 'injected' using errcode = '{sqlstate}'; end $$;
                create trigger fault before insert on partitions execute function fault()""",
            database,
        )
        says(crawl, rf"\({sqlstate}\)")
        postgres.sql("drop function fault() cascade", database)

    return fault


def hung(crawl, postgres):
    """Every process of the server stands still for a while."""
    postgres.pause()
    time.sleep(1)
    postgres.resume()


FAULTS = {
    "restarted": restarted,
    "killed": killed,
    "backend killed": backend_killed,
    "connections cut": connections_cut,
    "disk full": disk_full,
    "read-only": read_only,
    "lock time-out": lock_timeout,
    "deadlock": raises("40P01"),
    "serialization failure": raises("40001"),
    "out of memory": raises("53200"),
    "i/o error": raises("58030"),
    "too many connections": too_many_connections,
    "statement cancelled": statement_cancelled,
    "hung": hung,
}
