"""Coordinators and workers as processes: they come and go, are killed, frozen and cut off, and the
crawl ends as if nothing had happened."""

import asyncio
import contextlib
import copy
import json
import os
import random
import re
import signal
import socket
import subprocess
import threading
import time
import unittest
import urllib.request
from pathlib import Path

from database_faults import Postgres
from interruption_test import cursors
from programs import (
    GITSTAR, PATIENCE, Crawler, IntegrationTest, Simulator, end, environment, wait_until,
)
from sources_test import EVERYTHING, FIRST_ID, write_dense_data

CERTIFICATES = Path(__file__).resolve().parents[2] / "tools" / "cluster-certificates"
WORKERS = 4
FETCHERS = 4
TOKENS = 40  # each of a user of its own
TAKEOVER_S = 10
BACK_S = 2  # until a killed worker's leases and permits are somebody else's
LOST_AFTER_S = 1.5
TIMES = {"heartbeat": "200ms", "lost_after": "1500ms", "takeover_after": "3s"}
CHAOS_S = 60  # then the cluster may finish in peace,
CHAOS_SHARE = 0.8  # and when so much is done: who is killed and started when all is over begins anew
CHAOS_REPOSITORIES = int(os.environ.get("GITSTAR_CHAOS_REPOSITORIES", 220_000))  # with forks


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Loopback:
    """All nodes in the network of the tests."""

    host = "127.0.0.1"
    can_unplug = False

    def add(self, name):
        """The address of a node, and what its command begins with."""
        return self.host, []

    def plug_all(self):
        pass


class Namespaces:
    """Each node in a network namespace of its own, with a cable to a bridge that can be pulled.
    Raises OSError or CalledProcessError where the machine does not allow that."""

    can_unplug = True

    def __init__(self, test):
        self._tag = f"gs{os.getpid()}"
        self._net = f"198.18.{random.randrange(256)}"  # kept for tests by RFC 2544
        self._cables = {}
        self.host = f"{self._net}.1"
        test.addCleanup(self._close)
        self._ip("link", "add", self._tag, "type", "bridge")
        self._ip("addr", "add", f"{self.host}/24", "dev", self._tag)
        self._ip("link", "set", self._tag, "up")

    def _ip(self, *arguments):
        subprocess.run(["ip", *arguments], check=True, capture_output=True, timeout=10)

    def add(self, name):
        """The address of a new node, and what its command begins with."""
        space = f"{self._tag}-{name}"
        cable = self._cables[name] = f"{self._tag}{name}"  # at most 15 characters
        address = f"{self._net}.{len(self._cables) + 1}"
        self._ip("netns", "add", space)
        self._ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", space)
        self._ip("link", "set", cable, "master", self._tag, "up")
        self._ip("-n", space, "addr", "add", f"{address}/24", "dev", "eth0")
        self._ip("-n", space, "link", "set", "eth0", "up")
        self._ip("-n", space, "link", "set", "lo", "up")
        return address, ["ip", "netns", "exec", space]

    def pull(self, name):
        self._ip("link", "set", self._cables[name], "down")

    def plug(self, name):
        self._ip("link", "set", self._cables[name], "up")

    def plug_all(self):
        for name in self._cables:
            self.plug(name)

    def _close(self):
        for name in self._cables:
            with contextlib.suppress(subprocess.CalledProcessError):
                self._ip("netns", "delete", f"{self._tag}-{name}")
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            self._ip("link", "delete", self._tag)


def best_network(test):
    try:
        network = Namespaces(test)
        network.add("probe")
        return network
    except (OSError, subprocess.CalledProcessError):
        return Loopback()


class Link:
    """A TCP proxy to a coordinator or a Unix socket, to be cut (connections break, new ones are
    refused) or frozen (nothing passes, and nobody is told)."""

    def __init__(self, test, target, host="127.0.0.1"):
        self.host = host
        self.target = str(target)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._writers = set()
        self._flows = asyncio.Event()
        self._flows.set()
        self._is_cut = False
        self.door = f"{host}:{self._run(self._listen())}"
        test.addCleanup(self._close)

    def _run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(10)

    async def _listen(self):
        self._server = await asyncio.start_server(self._accept, self.host, 0)
        return self._server.sockets[0].getsockname()[1]

    async def _connect(self):
        if self.target.startswith("/"):
            return await asyncio.open_unix_connection(self.target)
        return await asyncio.open_connection(*self.target.split(":"))

    async def _accept(self, reader, writer):
        if self._is_cut:
            return writer.transport.abort()
        try:
            far_reader, far_writer = await self._connect()
        except OSError:
            return writer.transport.abort()
        self._writers |= {writer, far_writer}
        await asyncio.gather(
            self._pump(reader, far_writer), self._pump(far_reader, writer), return_exceptions=True
        )
        self._writers -= {writer, far_writer}

    async def _pump(self, reader, writer):
        with contextlib.suppress(OSError):
            while data := await reader.read(1 << 16):
                await self._flows.wait()
                writer.write(data)
                await writer.drain()
        writer.close()

    def capture(self):
        """All that passes from now on."""
        captured = bytearray()
        pump = self._pump

        async def capturing_pump(reader, writer):
            write = writer.write
            writer.write = lambda data: (captured.extend(data), write(data))
            await pump(reader, writer)

        self._pump = capturing_pump
        return captured

    def cut(self):
        async def cut():
            self._is_cut = True
            for writer in self._writers:
                writer.transport.abort()

        self._run(cut())

    def freeze(self):
        self._loop.call_soon_threadsafe(self._flows.clear)

    def heal(self):
        async def heal():
            self._is_cut = False
            self._flows.set()

        self._run(heal())

    def _close(self):
        async def close():
            self._server.close()
            for writer in self._writers:
                writer.transport.abort()
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        self._run(close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


class Node:
    """A process of the cluster, with a config and a log of its own; may be started again."""

    def __init__(self, test, role, name, config, prefix=()):
        self.test = test
        self.prefix = prefix
        self.role = role
        self.name = name
        self.config_file = test.directory / f"{name}.yaml"
        self.config_file.write_text(json.dumps(config, indent=2))
        self.log_file = test.directory / f"{name}.log"
        self.report_file = test.directory / f"{name}.json"
        self.process = None

    def start(self):
        command = [*self.prefix, GITSTAR, self.role, str(self.config_file)]
        if self.role == "coordinator":
            command += ["--no-progress", "--report", str(self.report_file)]
        with self.log_file.open("a") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, env=environment(), stdin=subprocess.DEVNULL
            )
        self.test.addCleanup(end, self.process)
        return self

    def log(self):
        return self.log_file.read_text() if self.log_file.exists() else ""

    def wait_for_log(self, text, seconds=20, times=1):
        found = lambda: self.log().count(text) >= times
        try:
            wait_until(found, f"'{text}' in the log of {self.name}", seconds)
        except TimeoutError as late:
            raise TimeoutError(f"{late}:\n{self.log()[-3000:]}") from None

    def is_running(self):
        return self.process.poll() is None

    def kill(self):
        self.process.kill()
        self.process.wait(10)

    def wait(self, seconds):
        try:
            return self.process.wait(seconds * PATIENCE)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"{self.name} does not end:\n{self.log()[-3000:]}") from None


class ClusterTest(IntegrationTest):
    deadline_s = 170

    def begin(self, repositories, latency, tls=None, width=1, network=None, data=None, **crawl):
        self.network = network or Loopback()
        content = ["--data", data] if data else ["--repositories", repositories]
        self.github = Simulator(self, *content, "--latency", latency, host=self.network.host)
        self.postgres = Postgres(self.directory, disk="1g")
        self.addCleanup(self.postgres.close)
        self.crawler = Crawler(self, self.github.url, fetchers=FETCHERS, **crawl)
        config = self.crawler.config
        config["store"] = {"postgres": self.postgres.new_database("cluster"), "writers": 1}
        config["github"]["credentials"] = [
            {"token": f"a-token-of-user-{i}", "name": f"user-{i}"} for i in range(TOKENS)
        ]
        config["github"]["query_width"] = {"page_max": width}
        config["telemetry"]["log_level"] = "debug"
        self.tls = {"tls": tls} if tls else {}
        self.doors = []
        self.to_postgres = {}  # of each coordinator
        self.coordinators = [self.coordinator(f"c{i}") for i in range(2)]

    def coordinator(self, name):
        address, prefix = self.network.add(name)
        self.doors.append(f"{address}:{free_port()}")
        postgres = self.link_to_postgres(name)
        return self.node("coordinator", name, prefix, postgres, listen=self.doors[-1])

    def link_to_postgres(self, name):
        """A connection string for one node alone, whose link may be cut."""
        link = self.to_postgres[name] = Link(self, self.postgres.socket, self.network.host)
        host, port = link.door.split(":")
        return f"host={host} port={port} user=crawler dbname=cluster"

    def worker(self, name, doors=None, **cluster):
        _, prefix = self.network.add(name)
        join = ", ".join(doors or self.doors)
        return self.node("worker", name, prefix, join=join, worker=name, **cluster)

    def node(self, role, name, prefix=(), postgres=None, **cluster):
        config = copy.deepcopy(self.crawler.config)
        if postgres:
            config["store"]["postgres"] = postgres
        config["cluster"] = TIMES | self.tls | cluster
        return Node(self, role, name, config, prefix)

    def certificates(self, directory, *nodes):
        subprocess.run([CERTIFICATES, directory, *nodes], check=True, timeout=60)
        return [
            {
                "ca": str(directory / "ca.pem"),
                "certificate": str(directory / f"{node}.pem"),
                "key": str(directory / f"{node}.key"),
            }
            for node in nodes
        ]

    def sql(self, statement):
        return self.postgres.sql(statement, "cluster").strip()

    def term(self):
        """The number of leaders so far; 0 before the first."""
        if self.sql("select to_regclass('coordinators')") == "":
            return 0
        return int(self.sql("select coalesce(max(term), 0) from coordinators"))

    def leader(self):
        """The node that leads as the store sees it, and the other one."""
        pid = self.sql("select split_part(node, ':', 2) from coordinators")
        for i, node in enumerate(self.coordinators):
            if node.process and str(node.process.pid) == pid:
                return node, self.coordinators[1 - i]
        return None, None

    def start_leader(self, index=0):
        term = self.term()
        self.coordinators[index].start()
        wait_until(lambda: self.term() > term, "a leader")

    def wait_for_workers(self, count):
        wait_until(lambda: sum(c.log().count("joins") for c in self.coordinators) >= count, "workers")

    def seen(self):
        if self.sql("select to_regclass('repositories')") == "":
            return 0
        return int(self.sql("select count(*) from repositories"))

    def wait_for_rows(self, count):
        wait_until(lambda: self.seen() >= count, f"{count} rows", 60)

    def stored_pages(self):
        """The pages whose rows are committed, and how often each was asked for until now."""
        partitions = self.sql("select state, pages_done, description from partitions")
        asked = self.github.pages()
        by_text = {}
        for (query, after), times in asked.items():
            by_text.setdefault(query.rsplit(" sort:", 1)[0], []).append((query, after, times))
        for row in partitions.splitlines():
            state, pages_done, description = row.split("|", 2)
            for query, after, times in by_text.get(description, []):
                if state == "done" or after in cursors(int(pages_done)):
                    yield (query, after), times

    def assert_ended_well(self, workers, seconds=60, wanted="stars:>=0"):
        """Everybody ends by himself, and what is stored is the truth."""
        for x in [*workers, *(c for c in self.coordinators if c.process)]:
            self.assertEqual(x.wait(seconds), 0, x.log()[-3000:])
        rows = self.assert_equals_truth(self.crawler, self.github, wanted)
        self.assertEqual(self.sql("select count(*), max(state) from crawls"), "1|complete")
        certificate = self.sql("""select sum(expected), sum(seen), sum(missing),
            string_agg(distinct state, ',') from certificates where state <> 'split'""")
        self.assertEqual(certificate, f"{rows}|{rows}|0|done")
        stats = self.github.stats()
        self.assertEqual(stats["violations"]["total"], 0, stats["violations"])
        return rows, stats


class TogetherTest(ClusterTest):
    def test_workers_crawl_what_a_coordinator_plans(self):
        self.begin(20_000, latency=20)
        self.start_leader()
        workers = [self.worker(f"w{i}").start() for i in range(2)]
        rows, stats = self.assert_ended_well(workers)
        report = json.loads(self.coordinators[0].report_file.read_text())
        self.assertEqual(report["repositories"], rows)
        self.assertEqual(report["requests"], stats["graphql_requests"])
        self.assertEqual(report["points"], stats["points"])
        self.assertEqual(report["retries"], 0)

    def test_workers_list_the_ids_of_a_census(self):
        data = self.directory / "data.csv"
        last = write_dense_data(data, 8000, holes=10)
        census = {"first": FIRST_ID, "last": last, "list_first": True}
        self.begin(8000, latency=20, data=data, source={"census": census})
        self.start_leader()
        workers = [self.worker(f"w{i}").start() for i in range(2)]
        self.assert_ended_well(workers, wanted=EVERYTHING)
        report = json.loads(self.coordinators[0].report_file.read_text())
        stats = self.github.stats()
        self.assertEqual(report["requests"], stats["graphql_requests"] + stats["rest_requests"])
        self.assertEqual(report["rest_requests"], stats["rest_requests"])
        self.assertEqual(report["points"], stats["points"])

    def test_a_stopped_worker_leaves_and_a_stopped_coordinator_lets_workers_wait(self):
        self.begin(20_000, latency=50)
        self.start_leader()
        workers = [self.worker(f"w{i}").start() for i in range(2)]
        self.wait_for_rows(3_000)
        workers[0].process.terminate()
        self.assertEqual(workers[0].wait(10), 130)
        self.coordinators[0].wait_for_log("worker w0 leaves")
        self.coordinators[0].process.terminate()
        self.assertEqual(self.coordinators[0].wait(10), 130)
        self.assertEqual(self.github.stats()["repeated_pages"], 0)
        workers[1].wait_for_log("the coordinator stops")
        self.start_leader(1)
        self.coordinators = self.coordinators[1:]
        _, stats = self.assert_ended_well(workers[1:])
        self.assertEqual(stats["repeated_pages"], 0)

    def test_bad_configs_are_refused_with_the_key(self):
        self.begin(100, latency=0)

        def refusal(role, change):
            config = copy.deepcopy(self.crawler.config)
            config["cluster"] = dict(TIMES)
            change(config)
            node = Node(self, role, "bad", config)
            node.log_file.unlink(missing_ok=True)
            self.assertEqual(node.start().wait(10), 2)
            return node.log().strip().splitlines()[-1]

        self.assertRegex(
            refusal("worker", lambda c: None),
            r"bad\.yaml.*: cluster\.join: a worker needs HOST:PORT of its coordinators",
        )
        self.assertRegex(
            refusal("coordinator", lambda c: None), r"cluster\.listen: a coordinator needs HOST:PORT"
        )

        def embedded(config):
            config["store"] = {"postgres": "embedded"}
            config["cluster"]["listen"] = "127.0.0.1:0"

        self.assertRegex(refusal("coordinator", embedded), r"store\.postgres: the nodes of a cluster")

        def bad_key(config):
            config["cluster"]["join"] = "127.0.0.1:1"
            empty = self.directory / "empty.pem"
            empty.write_text("")
            config["cluster"]["tls"] = {"ca": str(empty), "certificate": "x", "key": "y"}

        self.assertRegex(refusal("worker", bad_key), r"cluster\.tls\.ca: no certificate of a CA")

        def open_door(config):
            config["cluster"]["listen"] = "0.0.0.0:0"

        self.assertRegex(refusal("coordinator", open_door), r"cluster\.listen: must be an address of")

    def test_a_worker_of_another_crawl_is_refused(self):
        self.begin(5_000, latency=20)
        self.start_leader()
        other = self.worker("other")
        config = json.loads(other.config_file.read_text())
        config["crawl"]["source"]["search"]["query"] = "stars:>=7"
        other.config_file.write_text(json.dumps(config))
        self.assertEqual(other.start().wait(20), 1)
        self.assertIn("its source is", other.log().splitlines()[-1])
        self.assert_ended_well([self.worker("w").start()])


class TlsTest(ClusterTest):
    def test_only_who_has_a_certificate_of_our_ca_joins(self):
        ours = self.certificates(self.directory / "ours", "coordinator", "worker")
        (stranger,) = self.certificates(self.directory / "theirs", "stranger")
        self.begin(5_000, latency=20, tls=ours[0])
        self.start_leader()
        doors = self.doors[:1]
        without = self.worker("without", doors, tls=None).start()
        forged = self.worker("forged", doors, tls=stranger).start()
        half = self.worker("half", doors, tls=stranger | {"ca": ours[0]["ca"]}).start()
        for node in (without, forged, half):
            node.wait_for_log("waiting for a coordinator", 30)
        self.assertNotIn("joins", self.coordinators[0].log())
        self.assertEqual(self.seen(), 0)
        self.assert_ended_well([self.worker("w", doors, tls=ours[1]).start()])
        for node in (without, forged, half):
            # They may read the store, which tells that the crawl is finished.
            self.assertEqual(node.wait(30), 0, node.log())
            self.assertNotIn("joining", node.log())

    def test_what_travels_is_encrypted_and_names_no_secret(self):
        ours = self.certificates(self.directory / "ours", "coordinator", "worker")
        self.begin(2_000, latency=0, tls=ours[0])
        link = Link(self, self.doors[0])
        captured = link.capture()
        self.start_leader()
        self.assert_ended_well([self.worker("w", [link.door], tls=ours[1]).start()])
        self.assertGreater(len(captured), 1_000)
        self.assertNotIn(b"user-1", captured)
        self.assertNotIn(b"a-token-of", captured)

    def test_without_tls_messages_name_credentials_and_no_secret(self):
        self.begin(2_000, latency=0)
        link = Link(self, self.doors[0])
        captured = link.capture()
        self.start_leader()
        self.assert_ended_well([self.worker("w", [link.door]).start()])
        self.assertIn(b"user-1", captured)
        self.assertNotIn(b"a-token-of", captured)


class FailureTest(ClusterTest):
    def begin_with_workers(self, workers=2, repositories=40_000, latency=60, standby=False):
        self.begin(repositories, latency)
        self.start_leader()
        if standby:  # first, for its start may take as long as the crawl
            self.coordinators[1].start()
            self.coordinators[1].wait_for_log("standing by")
        self.workers = [self.worker(f"w{i}").start() for i in range(workers)]
        self.wait_for_rows(3_000)

    def test_a_killed_worker_gives_back_what_it_held_at_once(self):
        self.begin_with_workers()
        killed_at = time.monotonic()
        self.workers[0].kill()
        self.coordinators[0].wait_for_log("lost worker w0: the connection is gone", BACK_S)
        took = time.monotonic() - killed_at
        back = re.search(r"lost worker w0: .*", self.coordinators[0].log())[0]
        self.assertLess(took, BACK_S * PATIENCE)
        rows, stats = self.assert_ended_well(self.workers[1:])
        self.assertLessEqual(stats["repeated_pages"], 3 * FETCHERS)
        self.say(f"{back}, after {took * 1000:.0f} ms; {stats['repeated_pages']} pages repeated")

    def test_a_worker_that_is_cut_off_silently_is_lost_and_joins_again(self):
        self.begin(40_000, latency=60)
        self.start_leader()
        link = Link(self, self.doors[0])
        self.workers = [
            self.worker("w0", [link.door]).start(),
            self.worker("w1").start(),
        ]
        self.wait_for_rows(3_000)
        frozen_at = time.monotonic()
        link.freeze()
        self.coordinators[0].wait_for_log("lost worker w0: it does not answer", 10)
        took = time.monotonic() - frozen_at
        self.assertLess(took, LOST_AFTER_S + 1)
        self.workers[0].wait_for_log("lost the coordinator: it does not answer", 10)
        link.heal()
        self.coordinators[0].wait_for_log("worker w0 joins", 20, times=2)
        rows, stats = self.assert_ended_well(self.workers)
        self.say(f"lost after {took:.1f} s; {stats['repeated_pages']} pages repeated")

    def test_a_standby_takes_the_place_of_a_killed_leader(self):
        self.begin_with_workers(standby=True)
        leader, standby = self.coordinators
        leader.kill()
        killed_at = time.monotonic()
        stored = dict(self.stored_pages())
        wait_until(lambda: self.term() == 2, "a takeover", TAKEOVER_S)
        standby.wait_for_log("joins", TAKEOVER_S, times=len(self.workers))
        took = time.monotonic() - killed_at
        self.coordinators = [standby]
        rows, stats = self.assert_ended_well(self.workers)
        asked = self.github.pages()
        self.assertGreater(len(stored), 20)
        self.assertEqual([page for page in stored if asked[page] > stored[page]], [])
        self.assertLess(took, TAKEOVER_S * PATIENCE)
        self.say(
            f"all workers with the standby after {took:.1f} s; {stats['repeated_pages']} pages "
            f"repeated, none of {len(stored)} that were stored before"
        )

    def test_a_standby_is_healthy_and_gives_its_address_to_the_crawl(self):
        self.begin(40_000, latency=60)
        leader, standby = self.coordinators
        config = json.loads(standby.config_file.read_text())
        config["telemetry"]["listen"] = address = f"127.0.0.1:{free_port()}"
        standby.config_file.write_text(json.dumps(config))

        def get(path):
            with urllib.request.urlopen(f"http://{address}/{path}", timeout=5) as answer:
                return answer.read().decode().strip()

        def crawls():
            with contextlib.suppress(OSError):  # for the moment between one server and the next
                return get("healthz") == "crawling"

        self.start_leader()
        standby.start()
        standby.wait_for_log("standing by: ")
        self.assertEqual(get("healthz"), "standing by")
        self.assertIn("gitstar_requests_in_flight 0", get("metrics"))
        neighbour = Node(self, "coordinator", "neighbour", config).start()
        neighbour.wait_for_log("standing by without metrics and health: cannot listen on")
        neighbour.wait_for_log("standing by: ")
        neighbour.kill()
        worker = self.worker("w").start()
        self.wait_for_rows(1_000)
        leader.kill()
        wait_until(crawls, "the crawl's own health", TAKEOVER_S)
        standby.wait_for_log("joins", TAKEOVER_S)
        self.coordinators = [standby]
        self.assert_ended_well([worker])

    def test_a_frozen_leader_is_replaced_and_does_not_lead_when_it_wakes_up(self):
        self.begin_with_workers(standby=True)
        frozen, standby = self.coordinators
        frozen.process.send_signal(signal.SIGSTOP)
        frozen_at = time.monotonic()
        wait_until(lambda: self.term() == 2, "a takeover", TAKEOVER_S)
        standby.wait_for_log("joins", TAKEOVER_S, times=len(self.workers))
        took = time.monotonic() - frozen_at
        joined = frozen.log().count(" joins")
        frozen.process.send_signal(signal.SIGCONT)
        frozen.wait_for_log("another coordinator has taken over", 10)
        frozen.wait_for_log("standing by", 10)
        self.assertEqual(frozen.log().count(" joins"), joined)
        self.assertEqual(self.term(), 2)
        rows, stats = self.assert_ended_well(self.workers)
        self.assertEqual(self.sql("select epoch from crawls"), "2")
        self.assertLess(took, TAKEOVER_S * PATIENCE)
        self.say(f"replaced after {took:.1f} s; {stats['repeated_pages']} pages repeated")

    def test_a_leader_that_loses_only_postgresql_lets_its_workers_go(self):
        self.begin_with_workers(standby=True)
        leader, standby = self.coordinators
        link = self.to_postgres[leader.name]
        link.freeze()
        cut_at = time.monotonic()
        wait_until(lambda: self.term() == 2, "a takeover", TAKEOVER_S)
        standby.wait_for_log("joins", TAKEOVER_S, times=len(self.workers))
        took = time.monotonic() - cut_at
        self.assertEqual(leader.log().count("gets nothing more"), len(self.workers))
        joined = leader.log().count(" joins")
        link.heal()
        leader.wait_for_log("another coordinator has taken over", 10)
        leader.wait_for_log("standing by", 10)
        self.assertEqual(leader.log().count(" joins"), joined)
        rows, stats = self.assert_ended_well(self.workers)
        self.assertEqual(self.term(), 2)
        self.assertLess(took, TAKEOVER_S * PATIENCE)
        self.say(f"all with the standby after {took:.1f} s; {stats['repeated_pages']} pages repeated")

    def test_a_leader_that_postgresql_hears_again_in_time_goes_on(self):
        self.begin_with_workers(standby=True)
        leader, standby = self.coordinators
        link = self.to_postgres[leader.name]
        link.freeze()
        time.sleep(1.5)
        link.heal()
        _, stats = self.assert_ended_well(self.workers)
        self.assertEqual(self.term(), 1)
        self.assertNotIn("gets nothing more", leader.log())
        self.assertEqual(stats["repeated_pages"], 0)
        report = json.loads(leader.report_file.read_text())
        self.assertEqual(report["requests"], stats["graphql_requests"])

    def test_a_postgresql_that_is_down_for_all_loses_nothing(self):
        self.begin_with_workers()
        leader = self.coordinators[0]
        self.postgres.stop()
        leader.wait_for_log("gets nothing more", 10, times=len(self.workers))
        time.sleep(3)  # longer than a worker takes to end where nothing holds it up
        self.postgres.start()
        _, stats = self.assert_ended_well(self.workers)
        self.assertEqual(stats["repeated_pages"], 0)
        report = json.loads(leader.report_file.read_text())
        self.assertEqual(report["requests"], stats["graphql_requests"])


class EndTest(ClusterTest):
    """Whoever took part in a crawl ends with it, wherever he was when it ended; and nobody begins
    another one."""

    def begin_and_hold_the_end(self):
        """The crawl is complete, and its leader cannot go on to its last word until the session
        that is returned has ended."""
        self.begin(2_000, latency=0)
        self.start_leader()
        holder = self.postgres.session("select pg_advisory_lock(hashtext('gitstar.query_indexes'));")
        self.addCleanup(end, holder)
        self.workers = [self.worker("w").start()]
        wait_until(lambda: self.sql("select max(state) from crawls") == "complete", "the end", 60)
        return holder

    def waiting_for_locks(self):
        waiting = "select count(*) from pg_locks where not granted and locktype = 'relation'"
        return int(self.sql(waiting))

    def reported(self, node):
        report = json.loads(node.report_file.read_text())
        return report["state"], report["repositories"]

    def test_a_standby_that_comes_while_the_leader_winds_up(self):
        holder = self.begin_and_hold_the_end()
        leader, standby = self.coordinators
        standby.start().wait_for_log("standing by")
        end(holder)
        rows, _ = self.assert_ended_well(self.workers)
        self.assertEqual(self.reported(leader), ("complete", rows))
        self.assertEqual(self.reported(standby), ("complete", rows))
        self.assertEqual(self.term(), 1)

    def test_a_standby_has_the_last_word_of_a_leader_that_is_killed_before_it(self):
        holder = self.begin_and_hold_the_end()
        leader, standby = self.coordinators
        standby.start().wait_for_log("standing by")
        leader.kill()
        end(holder)
        self.coordinators = [standby]
        rows, _ = self.assert_ended_well(self.workers)
        self.assertEqual(self.reported(standby), ("complete", rows))
        indexes = "select count(*) from pg_indexes where indexname = 'repositories_star_count'"
        self.assertEqual(self.sql(indexes), "1")

    def test_a_killed_leader_that_is_started_again_has_the_last_word(self):
        holder = self.begin_and_hold_the_end()
        leader = self.coordinators[0]
        leader.kill()
        end(holder)
        leader.start()
        rows, _ = self.assert_ended_well(self.workers)
        self.assertEqual(self.reported(leader), ("complete", rows))
        # Whoever is started now begins the next crawl.
        self.workers[0].start()
        self.start_leader()
        self.assertEqual([leader.wait(60), self.workers[0].wait(60)], [0, 0])
        self.assertEqual(self.sql("select string_agg(state, ' ') from crawls"), "complete complete")

    def test_a_leader_and_workers_that_sleep_through_the_end(self):
        self.begin(20_000, latency=200)
        self.start_leader()
        sleeper, standby = self.coordinators
        standby.start().wait_for_log("standing by")
        workers = [self.worker(f"w{i}").start() for i in range(3)]
        self.wait_for_rows(1_000)
        # One of them at least falls asleep in a transaction, with locks that the others need.
        holder = self.postgres.session("begin; lock table repositories in share mode;")
        self.addCleanup(end, holder)
        wait_until(lambda: self.waiting_for_locks() >= 2, "batches that wait")
        sleepers = (*workers[:2], sleeper)
        for asleep in sleepers:
            asleep.process.send_signal(signal.SIGSTOP)
        end(holder)
        for awake in (workers[2], standby):
            self.assertEqual(awake.wait(60), 0, awake.log()[-3000:])
        for asleep in sleepers:
            asleep.process.send_signal(signal.SIGCONT)
        rows, _ = self.assert_ended_well(workers)
        self.assertEqual(self.reported(sleeper), ("complete", rows))
        self.assertEqual(self.term(), 2)

    def test_a_worker_that_is_cut_off_until_the_end(self):
        self.begin(20_000, latency=20)
        self.start_leader()
        link = Link(self, self.doors[0])
        workers = [self.worker("away", [link.door]).start(), self.worker("w").start()]
        self.wait_for_rows(3_000)
        link.cut()
        self.assert_ended_well(workers)
        workers[0].wait_for_log("the crawl is finished")


class ChaosTest(ClusterTest):
    deadline_s = 280

    def test_chaos(self):
        seed = int(os.environ.get("GITSTAR_TEST_SEED", random.randrange(2**32)))
        self.say(f"GITSTAR_TEST_SEED={seed}")
        self.dice = random.Random(seed)
        network = best_network(self)
        # Beyond loopback nobody listens without TLS.
        (tls,) = self.certificates(self.directory / "tls", "node")
        self.begin(CHAOS_REPOSITORIES, latency=160, tls=tls, network=network)
        self.links = [[Link(self, x, network.host) for x in self.doors] for _ in range(WORKERS)]
        self.start_leader()
        self.coordinators[1].start()
        self.workers = [
            self.worker(f"w{i}", [link.door for link in self.links[i]]).start()
            for i in range(WORKERS)
        ]
        events = self.do_harm()
        for row in self.links:
            for link in row:
                link.heal()
        for link in self.to_postgres.values():
            link.heal()
        network.plug_all()
        rows, stats = self.assert_ended_well(self.workers, 90)
        self.say(
            f"{rows} repositories in {time.monotonic() - self.began:.0f} s through {events}: term "
            f"{self.term()}, {stats['graphql_requests']} queries, {stats['repeated_pages']} pages "
            f"repeated; {type(network).__name__}"
        )

    def do_harm(self):
        """All there is in turn, shuffled, until most of the crawl is done; returns how often each
        was done."""
        harms = [
            self.kill_worker, self.freeze_worker, self.cut_link, self.freeze_link, self.kill_leader,
            self.freeze_leader, self.cut_leader_from_postgres,
        ]
        if self.network.can_unplug:
            harms += [self.unplug_worker, self.unplug_leader]
        done = dict.fromkeys((x.__name__ for x in harms), 0)
        self.began = time.monotonic()
        deck = []
        self.wait_for_rows(1)
        while self.seen() < CHAOS_SHARE * CHAOS_REPOSITORIES:
            if time.monotonic() - self.began > CHAOS_S:
                break
            deck = deck or self.dice.sample(harms, len(harms))
            harm = deck.pop()
            harm()
            done[harm.__name__] += 1
            time.sleep(self.dice.uniform(0.1, 1))
        self.assertGreater(min(done.values()), 0, done)
        return done

    def kill(self, node):
        """Whoever has nothing to do any more has ended with 0 and stays so."""
        if node.is_running():
            node.kill()
            time.sleep(self.dice.uniform(0, 1))
            node.start()

    def freeze(self, node, seconds):
        if node.is_running():
            node.process.send_signal(signal.SIGSTOP)
            time.sleep(seconds)
            node.process.send_signal(signal.SIGCONT)

    def unplug(self, node):
        self.network.pull(node.name)
        time.sleep(self.dice.uniform(0.2, 3))
        self.network.plug(node.name)

    def any_leader(self):
        return wait_until(lambda: self.leader()[0], "a leader that is there")

    def kill_worker(self):
        self.kill(self.dice.choice(self.workers))

    def freeze_worker(self):
        self.freeze(self.dice.choice(self.workers), self.dice.uniform(0.2, 3))

    def unplug_worker(self):
        self.unplug(self.dice.choice(self.workers))

    def kill_leader(self):
        self.kill(self.any_leader())

    def freeze_leader(self):
        self.freeze(self.any_leader(), self.dice.uniform(0.5, 6))

    def unplug_leader(self):
        self.unplug(self.any_leader())

    def cut_leader_from_postgres(self):
        """Its workers still hear it."""
        link = self.to_postgres[self.any_leader().name]
        link.freeze()
        time.sleep(self.dice.uniform(0.5, 6))
        link.heal()

    def cut_link(self):
        link = self.dice.choice(self.dice.choice(self.links))
        link.cut()
        time.sleep(self.dice.uniform(0, 2))
        link.heal()

    def freeze_link(self):
        link = self.dice.choice(self.dice.choice(self.links))
        link.freeze()
        time.sleep(self.dice.uniform(0, 3))
        link.heal()
