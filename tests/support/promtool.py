"""Debian's promtool over generated rules: `promtool check rules` and `promtool test rules`.

rules = Rules(folder, groups([product]))
rules.check()
rules.hold({'http_requests_total{code="200"}': "0+10x120"}, Told("1h", {"SloBurnFast"}))
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.running import program

SECONDS = 60.0


@dataclass(frozen=True)
class Told:
    """Names of exactly those alerts that fire at this time, as in `1h30m`."""

    at: str
    alerts: frozenset[str] | set[str]


@dataclass(frozen=True)
class Gives:
    """What an expression gives at this time: value by labels, as in `{slo="pay"}`."""

    at: str
    expression: str
    values: Mapping[str, float]


class Rules:
    """A rule file in a folder."""

    def __init__(self, folder: Path, groups: Sequence[Mapping[str, Any]]) -> None:
        self._folder = folder
        self._tests = 0
        # JSON is YAML, and needs no care for quoting.
        (folder / "rules.json").write_text(json.dumps({"groups": list(groups)}))

    def check(self) -> None:
        self._run("check", "rules", "rules.json")

    def hold(
        self, series: Mapping[str, str], *expected: Told | Gives, interval: str = "30s"
    ) -> None:
        """Plays these samples, one each `interval`, and looks whether all of it is so."""
        looks = [self._look(one) for one in expected]
        test = {
            "interval": interval,
            "input_series": [{"series": s, "values": v} for s, v in series.items()],
            "promql_expr_test": looks,
        }
        written = {
            "rule_files": ["rules.json"],
            "evaluation_interval": interval,
            "tests": [test],
        }
        self._tests += 1
        name = f"test-{self._tests}.json"
        (self._folder / name).write_text(json.dumps(written))
        self._run("test", "rules", name)

    def _look(self, one: Told | Gives) -> dict[str, Any]:
        if isinstance(one, Gives):
            samples = [{"labels": labels, "value": v} for labels, v in one.values.items()]
            # Sums of what was measured are off in their last digits.
            expression = f"round({one.expression}, 0.000001)"
            return {"expr": expression, "eval_time": one.at, "exp_samples": samples}
        return {
            "expr": 'count by (alertname) (ALERTS{alertstate="firing"})',
            "eval_time": one.at,
            "exp_samples": _named(one.alerts),
        }

    def _run(self, *words: str) -> None:
        done = subprocess.run(
            [program("promtool"), *words],
            cwd=self._folder,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def _named(alerts: Iterable[str]) -> list[dict[str, Any]]:
    return [{"labels": f'{{alertname="{name}"}}', "value": 1} for name in sorted(alerts)]
