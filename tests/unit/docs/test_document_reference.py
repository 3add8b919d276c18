# Copyright: hostnet.fabric contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reference of the host document says what the engine does: fields, defaults, ranges, examples and messages."""

from __future__ import annotations

import dataclasses
import inspect
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.hostnet.fabric.plugins.module_utils import document
from ansible_collections.hostnet.fabric.plugins.module_utils.errors import DocumentError
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds import link, nft_table, route
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.base import FieldSpec, Resource, all_fields
from ansible_collections.hostnet.fabric.plugins.module_utils.kinds.registry import KINDS
from ansible_collections.hostnet.fabric.plugins.modules import host_network

ROOT = Path(__file__).resolve().parents[3]
TEXT = (ROOT / "docs/document.md").read_text(encoding="utf-8")
TASK = "# a task, not a document"

Row = dict[str, str]


def sections(text: str) -> dict[str, str]:
    """The text below each heading of the second level."""
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


def tables(text: str) -> list[list[Row]]:
    """Every table as rows of column to cell."""
    found = []
    for block in re.findall(r"(?:^\|.*\|\n)+", text, re.MULTILINE):
        lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in block.strip().splitlines()]
        found.append([dict(zip(lines[0], line)) for line in lines[2:]])
    return found


def rows(text: str, column: str) -> dict[str, Row]:
    """The rows of all tables with that column, by the name in it."""
    found: dict[str, Row] = {}
    for table in tables(text):
        for row in table:
            if column in row:
                name = row[column].strip("`")
                assert name not in found, f"{name} has two rows"
                found[name] = row
    return found


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


SECTIONS = sections(TEXT)
FIELDS = {cls: rows(SECTIONS[cls.section], "Field") for cls in KINDS}
EACH_FIELD = [
    pytest.param(cls, name, spec, id=f"{cls.kind}.{name}") for cls in KINDS for name, spec in all_fields(cls).items()
]


@pytest.mark.parametrize("cls", KINDS, ids=lambda cls: cls.kind)
def test_a_kind_is_described_with_all_its_fields_and_no_others(cls: type[Resource]):
    assert list(FIELDS[cls]) == list(all_fields(cls))


@pytest.mark.parametrize(("cls", "name", "spec"), EACH_FIELD)
def test_a_field_says_what_a_difference_in_it_means(cls: type[Resource], name: str, spec: FieldSpec):
    meaning = "another object" if spec.key else "replacement" if spec.fixed else "in place"
    assert FIELDS[cls][name]["A difference means"].split(";")[0] == meaning


@pytest.mark.parametrize(("cls", "name", "spec"), EACH_FIELD)
def test_a_field_is_called_required_when_it_is(cls: type[Resource], name: str, spec: FieldSpec):
    has_default = name in cls.optional_keys or name in cls.spelled_out({})
    said = FIELDS[cls][name]["If left out"]
    if spec.required and not has_default:
        assert said == "required"
    else:
        assert said != "required" or needed_by(name) == set(spec.types)


def needed_by(name: str) -> set[str]:
    """The types of link that cannot do without a field."""
    return {
        kind
        for kind in link.TYPES
        if any(fault.startswith(f"{name}: is missing") for fault in link.Link(name="l0", type=kind).faults())
    }


@pytest.mark.parametrize(("cls", "name", "spec"), EACH_FIELD)
def test_a_field_names_its_choices_and_its_range(cls: type[Resource], name: str, spec: FieldSpec):
    takes = FIELDS[cls][name]["Takes"]
    known = inspect.getclosurevars(spec.parse).nonlocals if inspect.isfunction(spec.parse) else {}
    if (cls, name) == (link.Link, "type"):
        assert list(rows(SECTIONS["links"], "Type")) == list(known["words"])
        return
    for word in known.get("words", ()):
        assert f"`{word}`" in takes
    for bound in ("low", "high"):
        if bound in known:
            assert re.search(rf"\b{known[bound]}\b", takes)


@pytest.mark.parametrize(("name", "spec"), [*all_fields(link.Link).items()], ids=[*all_fields(link.Link)])
def test_a_field_of_a_link_names_the_types_it_belongs_to(name: str, spec: FieldSpec):
    assert FIELDS[link.Link][name]["Types"] == (", ".join(spec.types) or "all")


@pytest.mark.parametrize(
    ("section", "column", "cls"),
    [
        ("links", "Field of a VLAN", link.Vlan),
        ("routes", "Field of a next hop", route.NextHop),
        ("nft_tables", "Field of a set", nft_table.Collection),
        ("nft_tables", "Field of a chain", nft_table.Chain),
    ],
)
def test_a_part_of_an_object_is_described_with_all_its_fields_and_no_others(section: str, column: str, cls: Any):
    assert list(rows(SECTIONS[section], column)) == [field.name for field in dataclasses.fields(cls)]


def test_the_fields_of_every_entry_are_described():
    common = {"namespace", "because", "adopt"}
    assert set(rows(SECTIONS["Shape"], "Field")) == common
    for name in common:
        with pytest.raises(DocumentError) as refused:
            document.parse({"scope": "example", "links": [{"name": "br0", "type": "bridge", name: {}, "nothing": 1}]})
        assert not any(fault.startswith(f"links[0].{name}: is not known") for fault in refused.value.faults)


@pytest.mark.parametrize("text", [b for b in blocks("yaml") if not b.startswith(TASK)], ids=lambda t: t.split(":")[1])
def test_an_example_is_a_document(text: str):
    parsed = document.parse(yaml.safe_load(text))
    assert parsed.scope == "example"
    assert parsed.objects


@pytest.mark.parametrize("cls", KINDS, ids=lambda cls: cls.kind)
def test_a_kind_has_an_example_in_its_section(cls: type[Resource]):
    examples = re.findall(r"^```yaml\n(.*?)^```", SECTIONS[cls.section], re.MULTILINE | re.DOTALL)
    assert any(cls.section in yaml.safe_load(example) for example in examples)


@pytest.mark.parametrize("text", [b for b in blocks("yaml") if b.startswith(TASK)], ids=["build", "absent"])
def test_a_task_uses_options_that_the_module_has(text: str):
    (task,) = yaml.safe_load(text)
    options = yaml.safe_load(host_network.DOCUMENTATION)["options"]
    assert set(task["hostnet.fabric.host_network"]) <= set(options)


def test_every_option_of_the_module_is_explained():
    for name, option in yaml.safe_load(host_network.DOCUMENTATION)["options"].items():
        assert f"`{name}" in TEXT or f"{name}:" in TEXT, name
        if isinstance(option.get("default"), int) and not isinstance(option["default"], bool):
            assert f"`{name}`, {option['default']} unless said otherwise" in TEXT


def test_the_faults_shown_are_those_of_such_a_document():
    links = [{"name": f"br{number}", "type": "bridge"} for number in range(4)]
    links[3]["mut"] = "1500"
    address = {"link": "br0", "address": "192.168.9.1", "because": "bridges.br0.address"}
    with pytest.raises(DocumentError) as refused:
        document.parse({"scope": "example", "links": links, "addresses": [address]})
    assert f"{refused.value}\n" in blocks("text")


def documentation_files() -> list[Path]:
    found = ROOT.rglob("*.md")
    return sorted(path for path in found if not any(part.startswith(".") for part in path.relative_to(ROOT).parts))


def anchors(path: Path) -> set[str]:
    """What the headings of a file are called in links."""
    headings = re.findall(r"^#+ (.+)$", without_code(path.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def without_code(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("path", documentation_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_files_lead_somewhere(path: Path):
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code(path.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        name, _sharp, anchor = target.partition("#")
        file = (path.parent / name) if name else path
        if not file.exists() or (anchor and anchor not in anchors(file)):
            broken.append(target)
    assert broken == []
