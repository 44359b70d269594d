"""The files that operators deploy with agree with the program: images hold what it is linked with,
units can be loaded, and what a workflow runs works."""

import re
import shlex
import shutil
import subprocess
import unittest
from pathlib import Path

import yaml

from programs import GITSTAR, Crawler, IntegrationTest, Simulator, environment

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

    def test_every_file_that_is_copied_from_here_exists(self):
        for word, rest in self.instructions:
            if word == "COPY" and not rest.startswith("--from"):
                self.assertTrue((ROOT / rest.split()[0]).exists(), rest)


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
