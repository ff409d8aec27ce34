"""What sub-agents and proxies declare, and what is said where it cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.catalog.faults import FaultsError
from agent.catalog.products import load_registry
from agent.model.fault import Fault
from agent.model.product import Entity
from agent.model.signals import Aspect, Baseline, Member, ReferenceProbe, Work

HEAD = """\
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: drafter}
spec:
  type: agent
  owner: team-ai
"""


def read(folder: Path, keys: str) -> tuple[Entity, tuple[Fault, ...]]:
    file = folder / "catalog-info.yaml"
    file.write_text(HEAD + keys)
    registry, warnings = load_registry([file])
    return registry.entities["drafter"], warnings


def refused(folder: Path, keys: str) -> str:
    with pytest.raises(FaultsError) as caught:
        read(folder, keys)
    return str(caught.value).replace(f"{folder}/", "")


WHOLE = """\
  homeostat:
    heartbeat: 10s
    version: 1.4.2
    config_hash: ab12
    work: {within: 10m, least: 5}
    baseline:
      errors: {mean: 1%, spread: 0.5%}
      latency: {mean: 2s, spread: 400ms, shift: 1s, season: 1d, within: 6h}
      tokens: {mean: 1200}
    probes:
      - {name: capital, url: "http://127.0.0.1:9/ask", body: {q: "Capital of France?"},
         expect: "[Pp]aris", path: choices.0.text, every: 1m, timeout: 5s}
    control_url: http://127.0.0.1:9/control
    gen_ai: draft-writer
    review_by: "2027-01-31"
    retire: "2028-01-31"
"""


def test_everything_that_can_be_declared(tmp_path: Path) -> None:
    entity, warnings = read(tmp_path, WHOLE)
    assert warnings == ()
    assert entity.heartbeat_seconds == 10.0
    assert entity.member == Member(
        version="1.4.2",
        config_hash="ab12",
        work=Work(within_seconds=600.0, least=5.0),
        baselines=(
            Baseline(aspect=Aspect.ERRORS, mean=0.01, spread=0.005),
            Baseline(
                aspect=Aspect.LATENCY,
                mean=2.0,
                spread=0.4,
                shift=1.0,
                within_seconds=21_600.0,
                season_seconds=86_400.0,
            ),
            Baseline(aspect=Aspect.TOKENS, mean=1200.0),
        ),
        probes=(
            ReferenceProbe(
                name="capital",
                url="http://127.0.0.1:9/ask",
                body='{"q": "Capital of France?"}',
                expect="[Pp]aris",
                path="choices.0.text",
                every_seconds=60.0,
                timeout_seconds=5.0,
            ),
        ),
        control_url="http://127.0.0.1:9/control",
        gen_ai="draft-writer",
        review_by=1_801_440_000.0,
        retire=1_832_976_000.0,
    )


def test_one_without_a_heartbeat_is_a_warning(tmp_path: Path) -> None:
    entity, (warning,) = read(tmp_path, "")
    assert (entity.heartbeat_seconds, entity.member) == (None, Member())
    assert (warning.code, warning.line) == ("HS309", 5)
    assert "nobody is told when it dies" in warning.message


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (
            "config_hash: 1e5",
            "7:28: HS301 spec.homeostat.config_hash: text is expected here, and YAML reads the"
            ' number 100000.0 (put it into quotes, as it is: "...")',
        ),
        (
            "version: 1.10",
            "7:24: HS301 spec.homeostat.version: text is expected here, and YAML reads the number"
            ' 1.1 (put it into quotes, as it is: "...")',
        ),
        ("work: {least: 0, within: 1m}", "7:29: HS301 spec.homeostat.work.least:"),
        ("work: {within: 0s}", "the duration must be longer than nothing"),
        ("baseline: {errors: {mean: 0.01}}", "a percentage from 0% to 100% is expected here"),
        ("baseline: {latency: {mean: 2}}", "a duration needs a unit"),
        ("baseline: {work: {mean: .inf}}", ".inf is not a number to work with"),
        ("baseline: {erors: {mean: 1%}}", 'did you mean "errors"?'),
        ("baseline: {errors: {mean: 0%}}", "around a mean of nothing nothing is usual"),
        (
            "baseline: {work: {mean: 4, season: 7d, within: 1h}}",
            "the season is too long for a change to be found within so short a time",
        ),
        ("review_by: soon", "HS301 spec.homeostat.review_by"),
        ("control_url: 'file:///etc/passwd'", "is not an HTTP address"),
    ],
)
def test_what_cannot_be_used_is_said_with_its_place(tmp_path: Path, keys: str, said: str) -> None:
    assert said in refused(tmp_path, f"  homeostat: {{{keys}}}\n")


def probe(keys: str) -> str:
    return f'  homeostat: {{probes: [{{name: p, url: "http://127.0.0.1:9/", {keys}}}]}}\n'


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("expect: '(a+)+b'", "cannot be tried in bounded time"),
        ("expect: '('", "is no regular expression: missing )"),
        ("body: {}", 'key "expect" is missing'),
        ("expect: x, body: 'not json'", "this text is not JSON"),
        ("expect: x, every: 5s", "the next question comes before this one is given up"),
        ("expect: x, every: 10ms, timeout: 1ms", "more often than once a second"),
    ],
)
def test_a_probe_that_could_not_be_asked(tmp_path: Path, keys: str, said: str) -> None:
    assert said in refused(tmp_path, probe(keys))


def test_two_probes_of_one_name(tmp_path: Path) -> None:
    one = '{name: p, url: "http://127.0.0.1:9/", expect: x}'
    assert 'two probes are called "p"' in refused(
        tmp_path, f"  homeostat: {{probes: [{one}, {one}]}}\n"
    )


def test_a_body_of_text_is_posted_as_it_is(tmp_path: Path) -> None:
    entity, _ = read(tmp_path, probe("expect: x, body: '[1, 2]'"))
    assert entity.member is not None
    assert entity.member.probes[0].body == "[1, 2]"
