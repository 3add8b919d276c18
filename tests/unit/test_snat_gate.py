# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that keepalived calls on SNAT hosts, as far as it needs no host."""

from __future__ import annotations

import json
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

PROGRAM = Path(__file__).resolve().parents[2] / "roles/dvr_snat/files/snat-gate"
SETTINGS = {"bridge": "br-int", "cookie": "0x67617465", "flows": ["table=80,priority=200,actions=drop"], "announce": []}


@pytest.fixture
def gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    loader = SourceFileLoader("snat_gate", str(PROGRAM))
    spec = spec_from_loader(loader.name, loader)
    assert spec
    module = module_from_spec(spec)
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    loader.exec_module(module)
    settings = tmp_path / "snat-gate.json"
    settings.write_text(json.dumps(SETTINGS))
    monkeypatch.setattr(module, "SETTINGS", str(settings))
    monkeypatch.setattr(module, "LOCK", str(tmp_path / "run/lock"))
    monkeypatch.setattr(module, "KEPT", str(tmp_path / "run/openflow"))
    return module


@pytest.fixture
def sent(gate: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[tuple[tuple[str, ...], str]]:
    """What is asked of Open vSwitch."""
    asked: list[tuple[tuple[str, ...], str]] = []

    def ofctl(*words: str, text: str = "") -> bool:
        asked.append((words, text))
        return True

    monkeypatch.setattr(gate, "ofctl", ofctl)
    return asked


@pytest.mark.parametrize(
    ("words", "action"),
    [
        (["open"], "open"),
        (["check"], "check"),
        (["INSTANCE", "snat", "MASTER", "254"], "open"),
        (["INSTANCE", "snat", "BACKUP", "254"], "close"),
        (["INSTANCE", "snat", "FAULT", "254"], "close"),
        (["INSTANCE", "snat", "STOP", "254"], "close"),
        (["INSTANCE", "snat", "anything new", "254"], "close"),
        ([], None),
        (["open", "it"], None),
    ],
)
def test_only_the_master_s_gate_is_opened(gate: ModuleType, words: list[str], action: str | None) -> None:
    assert gate.wanted(words) == action


def test_an_open_gate_is_kept_for_a_restart_and_a_closed_one_is_not(gate: ModuleType, sent: Any) -> None:
    flow = "cookie=0x67617465,table=80,priority=200,actions=drop\n"
    assert gate.open_gate(SETTINGS)
    kept = Path(gate.KEPT) / "br-int.snat_gate.flows"
    assert kept.read_text() == flow
    assert kept.stat().st_mode & 0o777 == 0o600
    assert gate.close_gate(SETTINGS)
    assert not kept.exists()
    assert sent == [
        (("--bundle", "add-flows", "br-int", "-"), flow),
        (("del-flows", "br-int", "cookie=0x67617465/-1"), ""),
    ]


def test_a_repair_goes_by_what_keepalived_has_said_last(gate: ModuleType, sent: Any) -> None:
    gate.repair(SETTINGS)
    gate.open_gate(SETTINGS)
    opening = gate.opening(SETTINGS)
    gate.repair(SETTINGS)
    assert [words[0] for words, _text in sent] == ["del-flows", "--bundle", "--bundle"]
    assert gate.opening(SETTINGS) == opening


def test_announcing_ends_when_the_gate_is_closed(gate: ModuleType, sent: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    rounds: list[float] = []

    def announce(_legs: object) -> None:
        rounds.append(1)
        if len(rounds) == 4:
            gate.close_gate(SETTINGS)

    monkeypatch.setattr(gate, "announce", announce)
    monkeypatch.setattr(gate.time, "sleep", lambda _seconds: None)
    assert gate.main(["open"]) == 0
    assert len(rounds) == 4


def test_announcements_are_gratuitous_arp_in_both_forms(gate: ModuleType) -> None:
    request, reply = gate.announcements("52:54:00:00:00:01", "192.0.2.20")
    for frame in (request, reply):
        assert frame[:12] == b"\xff" * 6 + bytes.fromhex("525400000001")
        assert frame[12:20] == bytes.fromhex("0806000108000604")
        assert frame[22:32] == bytes.fromhex("525400000001c0000214")
        assert frame[38:42] == bytes.fromhex("c0000214")
    assert (request[20:22], reply[20:22]) == (b"\x00\x01", b"\x00\x02")
    assert request[32:38] == bytes(6)


def test_wrong_words_are_answered_with_the_right_ones(gate: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert gate.main(["ajar"]) == 2
    assert "snat-gate open" in capsys.readouterr().err
