# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real lab: up, into every kind of host, ssh, reboot, down, and nothing left."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
import yaml
from labtest import SCENARIO, Lab, eventually, make_lab


def traces(lab: Lab) -> list[str]:
    """Everything on this machine that bears the scenario's name."""
    found = [line for line in Path("/proc/mounts").read_text().splitlines() if lab.scenario in line]
    found += [str(path) for path in Path("/run/netns").glob(f"*{lab.scenario}*")]
    found += [str(path) for path in Path("/run").glob(f"*/*{lab.scenario}*")]
    found += [str(path) for path in Path("/sys/fs/cgroup").rglob(f"*{lab.scenario}*")]
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes()
        except OSError:
            continue
        if lab.scenario.encode() in words and path.parent.name != str(os.getpid()):
            found.append(f"{path}: {words!r}")
    return found


def links() -> list[str]:
    """Links of this computer's own namespace that have the names of the lab's bridges and ports."""
    listing = json.loads(subprocess.run(["ip", "-j", "link"], capture_output=True, check=True).stdout)
    return [link["ifname"] for link in listing if re.fullmatch(r"n\d+(p\d+)?", link["ifname"])]


def processes_of(lab: Lab) -> list[int]:
    """The pids of the lab's control group, and so of everything it runs."""
    groups = [path for path in Path("/sys/fs/cgroup").rglob(f"hnlab-{lab.scenario}") if path.is_dir()]
    return [int(pid) for group in groups for path in group.rglob("cgroup.procs") for pid in path.read_text().split()]


def alive(pids: list[int]) -> list[int]:
    return [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def test_every_host_is_up(lab: Lab) -> None:
    eventually(lambda: set(json.loads(lab.ok("status", "--json"))[lab.scenario]["hosts"].values()) == {"up"})
    text = lab.ok("status", lab.scenario)
    assert "guest on alpha" in text


@pytest.mark.parametrize("host", ["alpha", "beyond", "box", "guest"])
def test_exec_passes_output_status_and_words(lab: Lab, host: str) -> None:
    done = lab.on(host, "sh", "-c", 'echo "$1"; echo wrong >&2; exit 7', "sh", "two  words; $HOME 'quoted'")
    assert done.stdout == "two  words; $HOME 'quoted'\n"
    assert done.stderr == "wrong\n"
    assert done.returncode == 7


@pytest.mark.parametrize("host", ["alpha", "beyond", "box"])
def test_exec_passes_stdin(lab: Lab, host: str) -> None:
    assert lab.on(host, "cat", stdin="some input").stdout == "some input"


def test_exec_of_unknown_hosts_and_commands(lab: Lab) -> None:
    unknown = lab.on("nobody", "true")
    assert unknown.returncode == 2
    assert "has a host 'nobody'; choose from alpha, beta, beyond, guest, box" in unknown.stderr
    assert lab.on("alpha", "no-such-program").returncode == 127
    assert "say what to run" in lab("exec", "--scenario", lab.scenario, "alpha").stderr


def test_machines_are_debian_with_systemd(lab: Lab) -> None:
    assert lab.output("alpha", "cat", "/proc/1/comm").strip() == "systemd"
    assert lab.output("alpha", "hostname").strip() == "alpha"
    assert "VERSION_CODENAME=trixie" in lab.output("alpha", "cat", "/etc/os-release")
    assert lab.output("alpha", "systemctl", "list-units", "--failed", "--no-legend") == ""


def test_cables_have_the_scenario_s_mtu(lab: Lab) -> None:
    assert json.loads(lab.output("beta", "ip", "-j", "link", "show", "eth1"))[0]["mtu"] == 9000


def seen_by(lab: Lab, client: str, server: str) -> str:
    program = f"import socket; print(socket.create_connection(('{server}', 7777), 5).recv(99).decode(), end='')"
    return lab.output(client, "python3", "-c", program).strip()


def test_machines_and_peers_say_whom_they_see(lab: Lab) -> None:
    assert seen_by(lab, "beyond", "10.77.0.2") == "10.77.0.1"
    assert seen_by(lab, "beyond", "2001:db8:77::2") == "2001:db8:77::1"
    assert seen_by(lab, "alpha", "10.77.0.1") == "10.77.0.2"


def test_a_guest_has_its_addresses_and_says_whom_it_sees(lab: Lab) -> None:
    assert "10.79.0.2/24" in lab.output("guest", "ip", "address", "show", "eth0")
    assert seen_by(lab, "alpha", "10.79.0.2") == "10.79.0.1"
    assert seen_by(lab, "alpha", "2001:db8:79::2") == "2001:db8:79::1"
    assert lab.output("guest", "nc", "10.77.0.2", "7777").strip() == "10.79.0.2"
    assert lab.on("guest", "ping", "-c", "1", "-W", "5", "10.79.0.1").returncode == 0
    assert lab.on("guest", "arping", "-c", "1", "-w", "5", "10.79.0.1").returncode == 0


def test_commands_on_a_guest_run_side_by_side(lab: Lab) -> None:
    slow = subprocess.Popen([str(lab.command), "exec", "--scenario", lab.scenario, "guest", "--", "sleep", "8"])
    began = time.monotonic()
    lab.output("guest", "true")
    assert slow.poll() is None
    assert time.monotonic() - began < 8
    assert slow.wait() == 0


def test_a_guest_and_a_container_go_with_their_tap_and_namespace(lab: Lab) -> None:
    def state(host: str) -> str:
        return json.loads(lab.ok("status", "--json"))[lab.scenario]["hosts"][host]

    lab.output("beta", "ip", "netns", "delete", "boxed")
    lab.output("alpha", "ip", "link", "delete", "tap-guest")
    assert state("box") == "waits for namespace boxed"
    assert state("guest") == "waits for tap tap-guest"
    eventually(lambda: "qemu" not in lab.output("alpha", "ps", "-eo", "comm"))
    eventually(lambda: lab.output("beta", "pgrep", "-fc", "^/usr/bin/python3 /usr/lib/hnlab/seen_as.py").strip() == "1")
    assert "is not running" in lab.on("guest", "true").stderr
    lab.output("beta", "ip", "netns", "add", "boxed")
    lab.output("alpha", "sh", "-ec", "ip tuntap add tap-guest mode tap; ip link set tap-guest master br0 up")
    assert lab.output("guest", "hostname").strip() == "guest"
    eventually(lambda: lab.on("box", "ip", "link", "set", "lo", "up").returncode == 0)
    eventually(lambda: lab.on("box", "busybox", "nc", "127.0.0.1", "7777").stdout.strip() == "127.0.0.1")


def test_programs_of_the_scenario_run_on_a_machine_and_in_a_container(lab: Lab) -> None:
    """Where they are told the host's name, have the others beside them, and end with the container's namespace."""
    for host, machine in (("alpha", "alpha"), ("box", "beta")):
        eventually(lambda host=host: "10.80.0.1/32" in lab.on(host, "ip", "-o", "address", "show").stdout)  # type: ignore[misc]
        assert lab.output(machine, "cat", f"/run/mark.{host}").strip() == host
    assert "10.80.0.1" not in lab.output("beta", "ip", "-o", "address", "show")
    lab.output("beta", "ip", "netns", "delete", "boxed")
    eventually(lambda: lab.on("beta", "pgrep", "-x", "sleep").returncode == 1)
    lab.output("beta", "ip", "netns", "add", "boxed")
    eventually(lambda: "10.80.0.1/32" in lab.on("box", "ip", "-o", "address", "show").stdout)


def ssh(lab: Lab, host: str, *command: str) -> subprocess.CompletedProcess[str]:
    """What Ansible does with the inventory, done with a plain ssh client."""
    path = Path(lab.ok("inventory", lab.scenario).strip())
    words = yaml.safe_load(path.read_text())["all"]["hosts"][host]
    full = ["ssh", "-F", "none", "-i", words["ansible_ssh_private_key_file"]]
    full += [
        *shlex.split(words["ansible_ssh_common_args"]),
        "-l",
        words["ansible_user"],
        words["ansible_host"],
        *command,
    ]
    return subprocess.run(full, input="", capture_output=True, text=True, timeout=60, check=False)


def test_ssh_comes_from_the_peer_to_the_real_address(lab: Lab) -> None:
    done = ssh(lab, "alpha", "echo $SSH_CONNECTION; hostname")
    assert done.returncode == 0, done.stderr
    connection, hostname = done.stdout.splitlines()
    client, _port, server, _sshd = connection.split()
    assert (client, server, hostname) == ("10.77.0.1", "10.77.0.2", "alpha")
    assert "127.0.0.1 " in ssh(lab, "beta", "echo $SSH_CONNECTION").stdout
    assert Path(f"/run/hostnet-lab/{lab.scenario}/key").stat().st_mode & 0o777 == 0o600


def test_only_machines_have_an_sshd(lab: Lab) -> None:
    assert "guest is a guest; only machines have an sshd" in lab("proxy", "--scenario", lab.scenario, "guest").stderr


def test_a_second_up_changes_nothing(lab: Lab) -> None:
    before = processes_of(lab)
    done = lab("up", lab.scenario)
    assert done.returncode == 0
    assert "is already up" in done.stderr
    assert set(before) <= set(processes_of(lab))


def test_a_reboot_forgets_the_kernel_s_state_and_keeps_the_disk(lab: Lab) -> None:
    lab.output("beta", "sh", "-ec", "ip link add gone type bridge; touch /etc/kept")
    boot = lab.output("beta", "stat", "-c", "%Y.%i", "/proc/1/ns/pid")
    lab.on("beta", "systemctl", "reboot")

    def rebooted() -> bool:
        again = lab.on("beta", "stat", "-c", "%Y.%i", "/proc/1/ns/pid")
        return (
            again.returncode == 0 and again.stdout != boot and lab.on("beta", "test", "-e", "/etc/kept").returncode == 0
        )

    eventually(rebooted)
    eventually(lambda: "10.77.0.3/24" in lab.on("beta", "ip", "address", "show", "eth0").stdout)
    assert lab.on("beta", "ip", "link", "show", "gone").returncode != 0


def test_a_machine_without_power_is_gone_until_it_gets_it_back(lab: Lab) -> None:
    lab.output("beta", "touch", "/etc/kept-too")
    lab.ok("power", "--scenario", lab.scenario, "beta", "off")
    assert json.loads(lab.ok("status", "--json", lab.scenario))[lab.scenario]["hosts"]["beta"] == "down"
    assert "is not running" in lab("power", "--scenario", lab.scenario, "beta", "off").stderr
    assert lab.on("alpha", "ping", "-c", "1", "-W", "1", "10.77.0.3").returncode != 0
    lab.ok("power", "--scenario", lab.scenario, "beta", "on")
    lab.output("beta", "test", "-e", "/etc/kept-too")
    # It answers on the host's link first; its own may come up later, and ping ends as soon as nobody is found there.
    eventually(lambda: lab.on("alpha", "ping", "-c", "1", "-W", "1", "10.77.0.3").returncode == 0, 20)
    assert "is a peer; only machines" in lab("power", "--scenario", lab.scenario, "beyond", "off").stderr


def test_down_leaves_nothing(lab: Lab) -> None:
    ssh(lab, "alpha", "true")
    held = subprocess.Popen([str(lab.command), "exec", "--scenario", lab.scenario, "beyond", "--", "sleep", "600"])
    eventually(lambda: held.pid in processes_of(lab))
    pids = processes_of(lab)
    assert len(pids) > 20
    assert traces(lab)
    lab.ok("down", lab.scenario)
    held.wait(10)
    eventually(lambda: not alive(pids), 10)
    eventually(lambda: not traces(lab), 10)
    assert links() == []
    assert "is not up" in lab("down", lab.scenario).stderr
    assert "is not up" in lab("exec", "--scenario", lab.scenario, "alpha", "--", "true").stderr


@pytest.mark.parametrize("seconds", [0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.2])
def test_down_clears_an_up_that_was_killed(tmp_path: Path, seconds: float) -> None:
    lab = make_lab(tmp_path, "killed", SCENARIO)
    child = subprocess.Popen([str(lab.command), "up", lab.scenario], stderr=subprocess.DEVNULL)
    time.sleep(seconds)
    child.send_signal(signal.SIGKILL)
    child.wait()
    lab.ok("down", lab.scenario)
    eventually(lambda: not traces(lab), 10)


def test_a_half_up_lab_is_not_taken_for_one_that_is_up(tmp_path: Path) -> None:
    """A namespace of the lab's that is already there makes `up` stop in the middle."""
    lab = make_lab(tmp_path, "halfway", SCENARIO)
    blocker = f"hnlab-{lab.scenario}.beta"
    subprocess.run(["ip", "netns", "add", blocker], check=True)
    first = lab("up", lab.scenario)
    assert first.returncode == 1
    assert f"`molecule/lab down {lab.scenario}` clears what was made so far" in first.stderr
    assert "is half up" in lab("up", lab.scenario).stderr
    lab.ok("down", lab.scenario)
    assert traces(lab) == []


def test_two_labs_are_up_together(tmp_path: Path) -> None:
    text = (
        "networks: [lan]\nmachines:\n  only:\n    interfaces:\n      eth0: {network: lan, addresses: [10.77.0.2/24]}\n"
    )
    labs = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        labs.append(make_lab(tmp_path / name, name, text))
    try:
        for lab in labs:
            lab.ok("up", lab.scenario)
        assert "is in more than one lab" in labs[0]("exec", "only", "--", "true").stderr
        labs[0].output("only", "touch", "/tmp/here")
        assert labs[1].on("only", "test", "-e", "/tmp/here").returncode == 1
        labs[0].ok("down", labs[0].scenario)
        assert labs[1].output("only", "hostname").strip() == "only"
    finally:
        for lab in labs:
            lab("down", lab.scenario)
    assert traces(labs[0]) + traces(labs[1]) == []


def test_a_missing_kernel_feature_is_found_by_trying_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from labkit import kernel

    monkeypatch.setitem(kernel.PROBES, "never", "link add probe type no-such-kind\n")
    monkeypatch.setitem(kernel.PROBES, "always", "link add probe type veth peer other\n")
    assert kernel.missing(["always", "never"]) == ["never"]


def test_a_lab_runs_inside_a_qemu_machine_where_the_kernel_lacks_something(tmp_path: Path) -> None:
    lab = make_lab(tmp_path, "inside", "needs: [8021q, bridge_vlan, vrf]\n" + SCENARIO)
    from labkit import kernel

    if not kernel.missing(["8021q", "bridge_vlan", "vrf"]):
        pytest.skip("this kernel lacks nothing that the lab can ask for")
    try:
        done = lab("up", lab.scenario)
        assert done.returncode == 0, done.stderr
        assert "runs inside a QEMU machine with Debian's kernel" in done.stderr
        assert "alpha" in lab.ok("status", lab.scenario)
        make = "ip link add br0 type bridge vlan_filtering 1; ip link add red type vrf table 10; ip link add link eth0 \
name eth0.5 type vlan id 5; exit 9"
        assert lab.on("alpha", "sh", "-ec", make).returncode == 9
        assert lab.on("beyond", "cat", stdin="some input").stdout == "some input"
        connection = ssh(lab, "alpha", "echo $SSH_CONNECTION").stdout.split()
        assert connection[0:3:2] == ["10.77.0.1", "10.77.0.2"]
        port = json.loads(Path(f"/run/hostnet-lab/{lab.scenario}/state.json").read_text())["port"]
    finally:
        pids = processes_of(lab)
        lab.ok("down", lab.scenario)
    eventually(lambda: not alive(pids), 10)
    eventually(lambda: not traces(lab), 10)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 5)
