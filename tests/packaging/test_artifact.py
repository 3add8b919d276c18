# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The built artifact, installed elsewhere and reduced to what a user may rely on, works without the checkout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
TOOLS = Path(sys.executable).parent
NEEDED_AT_RUN_TIME = {"meta", "plugins", "roles", "playbooks"}
MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py"))
ROLES = sorted(path.name for path in (ROOT / "roles").glob("*"))


@pytest.fixture(scope="session")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("artifact")
    run([TOOLS / "ansible-galaxy", "collection", "build", ROOT, "--output-path", directory])
    (built,) = directory.glob("hostnet-fabric-*.tar.gz")
    return built


@pytest.fixture(scope="session")
def collections(artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collections path that holds what the artifact ships for run time, and its dependency."""
    path = tmp_path_factory.mktemp("collections")
    ansible(path, "ansible-galaxy", "collection", "install", artifact, "-p", path, "--offline", "--no-deps")
    for entry in (path / "ansible_collections" / "hostnet" / "fabric").iterdir():
        if entry.name not in NEEDED_AT_RUN_TIME:
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    shutil.copytree(
        ROOT / ".collections" / "ansible_collections" / "openvswitch", path / "ansible_collections" / "openvswitch"
    )
    return path


def run(command: list[str | Path], **environment: str) -> str:
    """Standard output of a command that must succeed."""
    done = subprocess.run(
        command, env={**os.environ, **environment}, capture_output=True, text=True, check=False, cwd="/"
    )
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def installed(collections: Path) -> dict[str, str]:
    return {"ANSIBLE_COLLECTIONS_PATH": str(collections)}


def ansible(collections: Path, *command: str | Path) -> str:
    """Run one of Ansible's commands against the installed collection alone."""
    return run([TOOLS / command[0], *command[1:]], **installed(collections))


def test_artifact_holds_project_files_only(artifact: Path) -> None:
    listing = ["git", "-c", "safe.directory=*", "-C", ROOT, "ls-files", "--cached", "--others", "--exclude-standard"]
    ours = set(run(listing).splitlines())
    with tarfile.open(artifact) as archive:
        shipped = {member.name for member in archive.getmembers() if not member.isdir()}
    made_by_the_build = {"MANIFEST.json", "FILES.json"}
    assert shipped - made_by_the_build - ours == set()


def test_artifact_declares_what_galaxy_yml_says(artifact: Path) -> None:
    wanted = yaml.safe_load((ROOT / "galaxy.yml").read_text())
    with tarfile.open(artifact) as archive:
        (manifest,) = (archive.extractfile(name) for name in ["MANIFEST.json"])
        declared = json.loads(manifest.read())["collection_info"]
    for key in ("namespace", "name", "version", "license", "dependencies"):
        assert declared[key] == wanted[key]


@pytest.mark.parametrize("module", MODULES)
def test_module_documentation(collections: Path, module: str) -> None:
    name = f"hostnet.fabric.{module}"
    documentation = json.loads(ansible(collections, "ansible-doc", "--json", name))[name]
    assert documentation["doc"]["short_description"]
    assert documentation["examples"].strip()


@pytest.mark.parametrize("role", ROLES)
def test_role_documentation(collections: Path, role: str) -> None:
    name = f"hostnet.fabric.{role}"
    documentation = json.loads(ansible(collections, "ansible-doc", "--type", "role", "--json", name))
    assert documentation[name]["entry_points"]["main"]["options"]


PLAY = """
- name: Use the module as a user's own playbook does
  hosts: localhost
  gather_facts: false
  vars:
    document:
      scope: packaging
      links:
        - {name: br0, type: bridge, up: true}
      addresses:
        - {link: br0, address: 192.168.3.1/24}
  tasks:
    - name: Apply the document
      hostnet.fabric.host_network:
        document: "{{ document }}"
      register: first
    - name: Apply it again
      hostnet.fabric.host_network:
        document: "{{ document }}"
      register: second
    - name: Look at the host
      ansible.builtin.command: ip -json address show br0
      register: shown
      changed_when: false
    - name: Take it away
      hostnet.fabric.host_network:
        document: "{{ document }}"
        state: absent
      register: third
    - name: Compare
      ansible.builtin.assert:
        that:
          - first is changed
          - second is not changed
          - third is changed
          - shown.stdout is search('192.168.3.1')
"""


def test_module_in_a_namespace_of_its_own(collections: Path, tmp_path: Path) -> None:
    playbook = tmp_path / "play.yml"
    playbook.write_text(PLAY)
    enter = ["unshare", "--net", "--mount", "sh", "-c", 'mount -t tmpfs tmpfs /run && exec "$@"', "sh"]
    run([*enter, TOOLS / "ansible-playbook", playbook], **installed(collections))


def test_playbook_renders_an_inventory(collections: Path, tmp_path: Path) -> None:
    inventory = shutil.copytree(ROOT / "inventory" / "bridge", tmp_path / "inventory")
    rendered = tmp_path / "rendered"
    # A host of two roles has a document of each.
    shutil.copytree(ROOT / "inventory" / "nf", inventory, dirs_exist_ok=True, ignore=lambda *_: ["hosts.yml"])
    more = inventory / "more.yml"
    shutil.copy(ROOT / "inventory" / "nf" / "hosts.yml", more)
    more.write_text(more.read_text().replace("compute-01", "vmhost"))
    variables = inventory / "group_vars" / "nf.yml"
    variables.write_text(variables.read_text().replace("compute-01", "vmhost"))
    words = ["-i", inventory, "hostnet.fabric.render", "-e", f"render_output={rendered}", "--limit", "bridged_hosts"]
    ansible(collections, "ansible-playbook", *words)
    assert yaml.safe_load((rendered / "vmhost.nf.document.yml").read_text())["scope"] == "nf"
    hosts = yaml.safe_load((inventory / "hosts.yml").read_text())["all"]["children"]["bridged_hosts"]["hosts"]
    for host in hosts:
        assert yaml.safe_load((rendered / f"{host}.host_bridge.document.yml").read_text())["links"]
        assert (rendered / f"{host}.host_bridge.commands.txt").read_text().strip()


def test_faults_of_all_roles_come_at_once_and_no_host_is_touched(collections: Path, tmp_path: Path) -> None:
    for name in ("bridge", "dvr"):
        shutil.copytree(ROOT / "inventory" / name, tmp_path / name)
    intents = {"bridge": tmp_path / "bridge/group_vars/bridged_hosts.yml", "dvr": tmp_path / "dvr/group_vars/dvr.yml"}
    for name, right, wrong in (
        ("bridge", "[192.168.3.4,", "[192.168.3.3,"),
        ("dvr", "192.168.100.21", "192.168.100.20"),
    ):
        text = intents[name].read_text()
        assert text.count(right) == 1
        intents[name].write_text(text.replace(right, wrong))
    command: list[str | Path] = [TOOLS / "ansible-playbook", "-i", tmp_path / "bridge", "-i", tmp_path / "dvr"]
    done = subprocess.run(
        [*command, "hostnet.fabric.site"],
        env={**os.environ, **installed(collections)},
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )
    assert done.returncode != 0
    for fault in ("192.168.3.3 is already vm1's", "192.168.100.20 is already router blue's", "No host was touched"):
        assert fault in done.stdout + done.stderr
    # The hosts are nowhere: one that was asked for anything would be unreachable.
    recap = done.stdout.partition("PLAY RECAP")[2]
    assert recap.count("changed=0    unreachable=0") == recap.count("changed=") > 0
