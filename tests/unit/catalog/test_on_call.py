"""Who is on call as files: one set, every fault with its place and its remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.catalog.faults import FaultsError
from agent.catalog.on_call import Staff, load_on_call, unreachable_builders
from agent.model.fault import Fault
from agent.model.on_call import Rung, RungKind
from agent.model.product import Product, Registry

HEAD = "apiVersion: homeostat/v1\nkind: OnCall\n"
WHOLE = (
    HEAD
    + """\
rotations:
  pay-primary: {zone: Europe/Berlin, people: [alice, bob], every: 7d, handover: "09:00",
                starts: "2026-01-05",
                overrides: [{person: carol, from: "2026-02-01T09:00", to: "2026-02-02T09:00"}]}
people:
  alice: {notify: [{use: webhook, with: {url: "http://127.0.0.1:1/"}, secrets: {token: {file: t}}}]}
  bob: {notify: [{use: terminal}, {use: terminal}]}
  carol: {notify: [{use: terminal}]}
ladders:
  team-pay: {rungs: [{on_call: pay-primary, ack_within: 2m}, {person: bob}, {team: team-pay}],
             repeat: 2}
"""
)


def load(folder: Path, *texts: str) -> Staff:
    paths = []
    for number, text in enumerate(texts):
        path = folder / f"{number}.yaml"
        path.write_text(text)
        paths.append(path)
    return load_on_call(paths)


def faults(folder: Path, *texts: str) -> list[Fault]:
    with pytest.raises(FaultsError) as raised:
        load(folder, *texts)
    return list(raised.value.faults)


def test_it_is_compiled(tmp_path: Path) -> None:
    staff = load(tmp_path, WHOLE)
    on_call = staff.on_call
    assert on_call.ladders["team-pay"] == (
        Rung(kind=RungKind.ON_CALL, to="pay-primary", ack_seconds=120.0),
        Rung(kind=RungKind.PERSON, to="bob"),
        Rung(kind=RungKind.TEAM, to="team-pay"),
    )
    assert on_call.repeats == {"team-pay": 2}
    assert on_call.people["alice"] == "person:alice"
    assert [u.use for u in staff.channels["person:bob"]] == ["terminal", "terminal"]
    [use] = staff.channels["person:alice"]
    assert use.secrets["token"].file == tmp_path / "t", "relative to the file it stands in"
    assert use.where.endswith("0.yaml:8")
    february = 1_769_932_800.0  # 2026-02-01T09:00 in Berlin
    assert on_call.rotations["pay-primary"].on_call(february - 3600) == "bob"
    assert on_call.rotations["pay-primary"].on_call(february) == "carol"


def test_the_files_are_one_set(tmp_path: Path) -> None:
    people = HEAD + "people:\n  alice: {notify: [{use: terminal}]}\n"
    ladders = HEAD + "ladders:\n  team-pay: {rungs: [{person: alice}]}\n"
    assert load(tmp_path, people, ladders).on_call.ladders


@pytest.mark.parametrize(
    ("part", "code", "said"),
    [
        ("rotations: {r: {zone: UTC, people: [alcie], starts: '2026-01-05'}}", "HS441", "alice"),
        ("ladders: {t: {rungs: [{person: bbo}]}}", "HS441", "bob"),
        ("ladders: {t: {rungs: [{on_call: nothing}]}}", "HS442", "rotations"),
        ("rotations: {r: {zone: UTC, people: [], starts: '2026-01-05'}}", "HS440", "too short"),
        ("rotations: {r: {people: [bob], starts: '2026-01-05'}}", "HS440", "zone"),
        ("rotations: {r: {zone: Mars, people: [bob], starts: '2026-01-05'}}", "HS421", "Mars"),
        ("rotations: {r: {zone: UTC, people: [bob]}}", "HS440", "starts"),
        ("rotations: {r: {zone: UTC}}", "HS440", "people or a calendar"),
        ("rotations: {r: {zone: UTC, people: [bob], starts: 2026-13-01}}", "HS440", "a day"),
        (
            "rotations: {r: {zone: UTC, people: [bob], starts: '2026-01-05', handover: '9:00'}}",
            "HS440",
            "time of day",
        ),
        (
            "rotations: {r: {zone: UTC, people: [bob], starts: '2026-01-05', every: 5m}}",
            "HS440",
            "an hour or longer",
        ),
        ("rotations: {r: {zone: UTC, ics: a.ics, every: 7d}}", "HS440", "the calendar says"),
        ("rotations: {r: {zone: UTC, ics: gone.ics}}", "HS423", "does not exist"),
        ("ladders: {t: {rungs: []}}", "HS440", "too short"),
        ("ladders: {t: {rungs: [{person: bob, team: t}]}}", "HS440", "one receiver"),
        ("ladders: {t: {rungs: [{persn: bob}]}}", "HS440", 'mean "person"'),
        ("people: {dora: {notify: []}}", "HS440", "too short"),
        (
            "rotations: {r: {zone: UTC, people: [bob], starts: '2026-01-05', overrides: "
            "[{person: bob, from: '2026-01-05T10:00', to: '2026-01-05T09:00'}]}}",
            "HS440",
            "ends when it begins",
        ),
    ],
)
def test_faults_have_a_place_and_a_remedy(tmp_path: Path, part: str, code: str, said: str) -> None:
    """F-NT-05: what would tell nobody is found before it is needed."""
    people = HEAD + "people: {alice: {notify: [{use: terminal}]}, bob: {notify: [{use: terminal}]}}"
    found = faults(tmp_path, people, HEAD + part + "\n")
    assert [f.code for f in found] == [code]
    assert said in str(found[0])
    assert found[0].remedy
    assert code == "HS423" or (found[0].file.endswith("1.yaml") and found[0].line == 3)


def test_a_broken_file_does_not_make_the_others_names_unknown(tmp_path: Path) -> None:
    ladders = HEAD + "ladders: {t: {rungs: [{person: alice}]}}\n"
    codes = [f.code for f in faults(tmp_path, HEAD + "people: [\n", ladders)]
    assert "HS441" not in codes


def test_overrides_that_touch_do_not_overlap(tmp_path: Path) -> None:
    one = '{person: bob, from: "2026-02-01T09:00", to: "2026-02-02T09:00"}'
    two = '{person: bob, from: "2026-02-02T09:00", to: "2026-02-03T09:00"}'
    text = (
        HEAD + "people: {bob: {notify: [{use: terminal}]}}\n"
        'rotations: {r: {zone: UTC, people: [bob], starts: "2026-01-05", overrides: [%s]}}\n'
    )
    assert load(tmp_path, text % f"{one}, {two}").on_call.rotations
    [fault] = faults(tmp_path, text % f"{one}, {one}")
    assert (fault.code, fault.path) == ("HS444", "rotations.r.overrides[1]")


def test_a_ladder_of_nobody_and_a_builder_without_any_are_warnings(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(WHOLE)
    staff = load_on_call([tmp_path / "a.yaml"], teams={"team-apy", "platform"})
    assert [f.code for f in staff.warnings] == ["HS445"]
    assert "team-apy" in staff.warnings[0].remedy
    product = Product(name="shop", builder="team-shop", tier="low", path="catalog-info.yaml")
    registry = Registry(products={"shop": product})
    [fault] = unreachable_builders(registry, staff, ())
    assert fault.code == "HS446"
    assert list(unreachable_builders(registry, staff, ("team-shop",))) == []
    assert list(unreachable_builders(registry, staff, ("default",))) == []
    assert list(unreachable_builders(registry, Staff(), ())) == [], "nobody asked for ladders"
