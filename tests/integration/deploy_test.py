"""The files that operators deploy with agree with the program: images hold what it is linked with,
units can be loaded, and what a workflow runs works."""

import re
import shlex
import shutil
import subprocess
import unittest
from pathlib import Path

import yaml

from programs import (
    GITSTAR, GITSTAR_SIM, SANITIZED, Crawler, IntegrationTest, Simulator, environment,
)

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "cluster/deploy"


def run(command, **options):
    return subprocess.run(command, capture_output=True, text=True, timeout=60, **options)


class DockerfileTest(IntegrationTest):
    def setUp(self):
        super().setUp()
        text = (DEPLOY / "Dockerfile").read_text()
        lines = re.sub(r"\\\n", " ", re.sub(r"(?m)^#.*\n", "", text)).splitlines()
        self.instructions = [line.split(None, 1) for line in lines if line.strip()]

    def runs(self):
        return [rest for word, rest in self.instructions if word == "RUN"]

    @unittest.skipIf(SANITIZED, "the sanitizers' libraries are in no image")
    def test_the_image_has_every_library_that_the_program_is_linked_with(self):
        linked = run(["ldd", GITSTAR]).stdout
        self.assertNotIn("not found", linked)
        needed = run(["objdump", "-p", GITSTAR]).stdout
        direct = set(re.findall(r"NEEDED +(\S+)", needed))
        files = {
            name: path
            for name, path in re.findall(r"(\S+) => (/\S+)", linked)
            if name in direct
        }
        installed = {word for line in self.runs() for word in line.split()}
        for name, path in sorted(files.items()):
            # What usr-merge moved is in the package's list under its old name.
            resolved = str(Path(path).resolve())
            owners = set()
            for candidate in {resolved, resolved.removeprefix("/usr")}:
                found = run(["dpkg", "-S", candidate]).stdout
                owners |= set(re.findall(r"^([^\s:,]+)", found, re.MULTILINE))
            basis = {"libc6", "libstdc++6", "libgcc-s1"}  # libboost and the others depend on them
            self.assertTrue(
                owners & (installed | basis), f"{name} of {owners} is not in the image"
            )
        self.assertIn("libcaf_core.so", " ".join(files))
        self.say(f"{len(files)} libraries")

    def test_the_image_runs_as_nobody_in_particular_and_ends_gracefully(self):
        users = [rest for word, rest in self.instructions if word == "USER"]
        self.assertEqual(users[-1], "10001")
        self.assertIn(["STOPSIGNAL", "SIGTERM"], self.instructions)

    def test_the_image_with_a_server_has_what_a_rehearsal_needs(self):
        begin = self.instructions.index(["FROM", "gitstar AS gitstar-embedded"])
        rest = [" ".join(x) for x in self.instructions[begin:]]
        self.assertIn(
            "COPY --from=build /src/build/release/bin/gitstar-sim /usr/local/bin/gitstar-sim", rest
        )
        self.assertIn("postgresql-15", " ".join(rest))
        built = next(x for x in self.runs() if "--target" in x)
        self.assertRegex(built, r"--target gitstar gitstar-sim")
        # Both are linked with the same libraries, or fewer.
        needed = [
            set(re.findall(r"NEEDED +(\S+)", run(["objdump", "-p", x]).stdout))
            for x in (GITSTAR, GITSTAR_SIM)
        ]
        self.assertLessEqual(needed[1], needed[0])

    def test_every_file_that_is_copied_from_here_exists(self):
        for word, rest in self.instructions:
            if word == "COPY" and not rest.startswith("--from"):
                self.assertTrue((ROOT / rest.split()[0]).exists(), rest)


class CertificatesTest(IntegrationTest):
    def test_certificates_are_for_everybody_to_read_and_keys_are_not(self):
        for nodes in (("node-1",), ("node-1", "node-2")):  # the second run adds one
            done = run([ROOT / "tools/cluster-certificates", self.directory / "tls", *nodes])
            self.assertEqual(done.returncode, 0, done.stderr)
        modes = {x.name: oct(x.stat().st_mode & 0o777) for x in (self.directory / "tls").iterdir()}
        keys = {"ca.key", "node-1.key", "node-2.key"}
        for name in keys:
            self.assertEqual(modes[name], "0o600", name)
        for name in ("ca.pem", "node-1.pem", "node-2.pem"):
            self.assertEqual(modes[name], "0o644", name)


class SystemdTest(IntegrationTest):
    def test_the_units_can_be_loaded(self):
        if not shutil.which("systemd-analyze"):
            self.skipTest("there is no systemd-analyze")
        units = []
        for source in sorted((DEPLOY / "systemd").iterdir()):
            # An instance of a template; the program need not be installed on this machine.
            unit = self.directory / source.name.replace("@.", "@instance.")
            unit.write_text(source.read_text().replace("/usr/local/bin/gitstar", GITSTAR))
            units.append(unit)
        done = run(["systemd-analyze", "verify", "--man=no", *units])
        complaints = [
            line
            for line in done.stderr.splitlines()
            if any(unit.name in line for unit in units)
        ]
        self.assertEqual(complaints, [])
        self.assertGreater(len(units), 1)

    def test_the_commands_that_units_start_have_options_that_exist(self):
        started = 0
        for unit in (DEPLOY / "systemd").glob("*.service"):
            for line in re.findall(r"^ExecStart(?:Pre)?=(.+)$", unit.read_text(), re.MULTILINE):
                program, command, config, *options = shlex.split(line)
                self.assertEqual(program, "/usr/local/bin/gitstar")
                self.assertTrue(config.startswith("/etc/gitstar/"))
                text = run([GITSTAR, command, "--help"]).stdout
                for option in options:
                    if option.startswith("--"):
                        self.assertIn(option, text, line)
                started += 1
        self.assertGreater(started, 1)


def mount_points(container):
    return {x["mountPath"]: x for x in container["volumeMounts"]}


class NodeConfigTest(IntegrationTest):
    """A config that is deployed passes `gitstar check`, with its secrets in files of the test."""

    def checked(self, text):
        files = {"ca.pem", "node.pem", "node.key"}
        for path in set(re.findall(r"/etc/gitstar/[\w./-]+", text)):
            file = self.directory / path.lstrip("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            is_url = file.name == "postgres"
            file.write_text("postgresql://gitstar@postgres/gitstar" if is_url else "ghp_secret")
            files.discard(file.name)
        self.assertEqual(files, set(), "the config names no file for it")
        config = self.directory / "deployed.yaml"
        config.write_text(text.replace("/etc/gitstar/", f"{self.directory}/etc/gitstar/"))
        secrets = environment(GITHUB_TOKEN="ghp_secret", POSTGRES_PASSWORD="secret")
        done = run([GITSTAR, "check", config], env=secrets)
        self.assertEqual(done.returncode, 0, done.stderr)
        return yaml.safe_load(text)

    @staticmethod
    def port(address):
        return int(address.rsplit(":", 1)[1])

    @staticmethod
    def joined(config):
        return [x.strip().rsplit(":", 1) for x in config["cluster"]["join"].split(",")]

    def assert_commands_exist(self, command, *options):
        text = run([GITSTAR, command, "--help"]).stdout
        for option in options:
            if option.startswith("--"):
                self.assertIn(option, text)


class KubernetesTest(NodeConfigTest):
    def setUp(self):
        super().setUp()
        self.objects = {}
        directory = DEPLOY / "kubernetes"
        listed = yaml.safe_load((directory / "kustomization.yaml").read_text())["resources"]
        self.assertEqual(
            set(listed) | {"kustomization.yaml", "secrets.example.yaml"},
            {x.name for x in directory.iterdir()},
        )
        for file in [*listed, "secrets.example.yaml"]:
            for x in yaml.safe_load_all((directory / file).read_text()):
                self.objects[x["kind"], x["metadata"]["name"]] = x
        self.config = self.checked(self.objects["ConfigMap", "gitstar"]["data"]["gitstar.yaml"])
        self.pods = {
            name: self.objects[kind, name]["spec"]["template"]
            for kind, name in (("Job", "gitstar-coordinator"), ("Deployment", "gitstar-worker"))
        }

    def test_ports_agree_with_the_config_that_the_nodes_get(self):
        metrics = self.port(self.config["telemetry"]["listen"])
        cluster = self.port(self.config["cluster"]["listen"])
        for name, pod in self.pods.items():
            container = pod["spec"]["containers"][0]
            ports = {x["name"]: x["containerPort"] for x in container["ports"]}
            self.assertEqual(ports["metrics"], metrics)
            self.assertEqual(pod["metadata"]["annotations"]["prometheus.io/port"], str(metrics))
            probes = [x for key, x in container.items() if key.endswith("Probe")]
            self.assertTrue(probes)
            for probe in probes:
                self.assertEqual(probe["httpGet"]["port"], "metrics")
                self.assertIn(probe["httpGet"]["path"], ("/healthz", "/metrics"))
            if name == "gitstar-coordinator":
                self.assertEqual(ports["cluster"], cluster)
        service = self.objects["Service", "gitstar-coordinator"]["spec"]["ports"]
        self.assertEqual({x["port"] for x in service}, {metrics, cluster})
        allowed = {
            (direction, port["port"])
            for (kind, _), x in self.objects.items()
            if kind == "NetworkPolicy"
            for direction in ("ingress", "egress")
            for rule in x["spec"].get(direction, [])
            for port in rule["ports"]
        }
        self.assertTrue(
            {("ingress", metrics), ("ingress", cluster), ("egress", cluster)} <= allowed, allowed
        )

    def test_workers_find_leader_and_standby(self):
        job = self.objects["Job", "gitstar-coordinator"]["spec"]
        self.assertEqual(job["completionMode"], "Indexed")
        domain = self.pods["gitstar-coordinator"]["spec"]["subdomain"]
        self.assertIn(("Service", domain), self.objects)
        self.assertEqual(
            [host for host, _ in self.joined(self.config)],
            [f"gitstar-coordinator-{i}.{domain}" for i in range(job["parallelism"])],
        )
        cluster = self.port(self.config["cluster"]["listen"])
        self.assertEqual({int(port) for _, port in self.joined(self.config)}, {cluster})

    def test_every_file_that_the_config_names_is_mounted(self):
        text = self.objects["ConfigMap", "gitstar"]["data"]["gitstar.yaml"]
        named = re.findall(r"/etc/gitstar/[\w./-]+", text)
        self.assertGreater(len(named), 4)
        for pod in self.pods.values():
            container = pod["spec"]["containers"][0]
            mounts = mount_points(container)
            command, config, *options = container["args"]
            self.assertEqual(mounts[config]["subPath"], "gitstar.yaml")
            self.assert_commands_exist(command, *options)
            volumes = {x["name"]: x for x in pod["spec"]["volumes"]}
            for path in map(Path, named):
                volume = volumes[mounts[str(path.parent)]["name"]]
                secret = self.objects["Secret", volume["secret"]["secretName"]]
                self.assertIn(path.name, secret["stringData"])

    def test_pods_are_found_by_what_selects_them_and_are_not_root(self):
        for (kind, name), x in self.objects.items():
            if kind == "PodDisruptionBudget":
                labels = self.pods[name]["metadata"]["labels"]
                self.assertLessEqual(
                    x["spec"]["selector"]["matchLabels"].items(), labels.items()
                )
        scaled = self.objects["HorizontalPodAutoscaler", "gitstar-worker"]["spec"]
        target = scaled["scaleTargetRef"]
        self.assertIn((target["kind"], target["name"]), self.objects)
        # A standby is as ready as the leader, or a machine with the leader could not be drained.
        ready = self.objects["Job", "gitstar-coordinator"]["spec"]["parallelism"]
        budget = self.objects["PodDisruptionBudget", "gitstar-coordinator"]["spec"]
        self.assertLess(budget["minAvailable"], ready)
        for pod in self.pods.values():
            self.assertEqual(pod["spec"]["containers"][0]["imagePullPolicy"], "IfNotPresent")
            self.assertTrue(pod["spec"]["securityContext"]["runAsNonRoot"])
            self.assertTrue(pod["spec"]["containers"][0]["securityContext"]["readOnlyRootFilesystem"])


class ComposeTest(NodeConfigTest):
    def test_the_nodes_of_the_composition_find_each_other(self):
        services = yaml.safe_load((DEPLOY / "compose/compose.yaml").read_text())["services"]
        config = self.checked((DEPLOY / "compose/gitstar.yaml").read_text())
        for host, port in self.joined(config):
            self.assertEqual(services[host]["command"][0], "coordinator")
            self.assertEqual(int(port), self.port(config["cluster"]["listen"]))
        mounted = {x.split(":")[1] for x in services["worker"]["volumes"]}
        tls = config["cluster"]["tls"]
        self.assertLessEqual(set(tls.values()), mounted)
        for name in ("worker", "coordinator-0"):
            command, file, *options = services[name]["command"]
            self.assertIn(file, mounted)
            self.assert_commands_exist(command, *options)
        self.assertIn("@postgres/", config["store"]["postgres"])
        self.assertIn("postgres", services)
        published = services["coordinator-0"]["ports"][0]
        self.assertEqual(self.port(published), self.port(config["telemetry"]["listen"]))


class WorkflowTest(IntegrationTest):
    def test_what_the_workflow_runs_works(self):
        workflow = yaml.safe_load((ROOT / ".github/workflows/crawl-100k.yml").read_text())
        steps = workflow["jobs"]["crawl"]["steps"]
        scripts = [line for x in steps for line in x.get("run", "").splitlines()]
        github = Simulator(self, "--repositories", 2000)
        crawler = Crawler(self, github.url)
        crawler.config["store"] = {"data_dir": str(self.directory / "var/postgres")}
        config = crawler.command("check")[2]
        commands = [x for x in scripts if x.startswith("build/release/bin/gitstar ")]
        for command in commands:
            program, name, file, *options = shlex.split(command)
            self.assertEqual(file, "config/top-100k.yaml")
            done = run([GITSTAR, name, config, *options], cwd=self.directory, env=environment())
            self.assertEqual(done.returncode, 0, command + done.stderr)
        uploads = [x["with"]["path"] for x in steps if "upload-artifact" in x.get("uses", "")]
        for kept in uploads[0].split():
            self.assertTrue((self.directory / kept).stat().st_size > 100, kept)
        rows = (self.directory / "repositories.csv").read_text().count("\n") - 1
        self.assertGreaterEqual(rows, len(github.repositories("stars:>=0")))
        for script in scripts:
            if script.startswith("tools/"):
                self.assertTrue((ROOT / script.split()[0]).exists(), script)
        self.say(f"{len(commands)} commands")


if __name__ == "__main__":
    unittest.main()
