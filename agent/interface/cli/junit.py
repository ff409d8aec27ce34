"""Results of `homeostat test` as JUnit XML, which every CI system reads.

A runbook is a test suite, a test of it a test case. A file that could not be loaded is a suite with
one error, because a runbook that is not there passes no test.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby
from xml.etree import ElementTree

from agent.model.fault import Fault
from agent.runtime.rehearsal import TestResult

# XML 1.0 has no way to write these, not even escaped.
_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(results: Sequence[TestResult], faults: Sequence[Fault]) -> str:
    """The whole report. `faults` are errors that kept runbooks from being loaded."""
    failures = sum(not result.passed for result in results)
    root = ElementTree.Element(
        "testsuites",
        name="homeostat test",
        tests=str(len(results) + len(faults)),
        failures=str(failures),
        errors=str(len(faults)),
    )
    for file, group in groupby(faults, key=lambda fault: fault.file):
        _not_loaded(root, file, list(group))
    for runbook, of_runbook in groupby(results, key=lambda result: result.runbook):
        _suite(root, runbook, list(of_runbook))
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def _suite(root: ElementTree.Element, runbook: str, results: Sequence[TestResult]) -> None:
    failures = sum(not result.passed for result in results)
    suite = _counted(root, runbook, tests=len(results), failures=failures, errors=0)
    for result in results:
        case = ElementTree.SubElement(
            suite,
            "testcase",
            name=_safe(result.name),
            classname=_safe(runbook),
            file=_safe(result.file),
            line=str(result.line),
        )
        if not result.passed:
            failure = ElementTree.SubElement(
                case, "failure", message=_safe("; ".join(result.differences))
            )
            failure.text = _safe("\n".join([*result.differences, "", *result.timeline]))


def _not_loaded(root: ElementTree.Element, file: str, faults: Sequence[Fault]) -> None:
    suite = _counted(root, file, tests=len(faults), failures=0, errors=len(faults))
    for fault in faults:
        case = ElementTree.SubElement(
            suite,
            "testcase",
            name=_safe(f"{fault.code} {fault.path}".strip()),
            classname=_safe(file),
            file=_safe(file),
            line=str(fault.line),
        )
        error = ElementTree.SubElement(case, "error", message=_safe(fault.message))
        error.text = _safe(str(fault))


def _counted(root: ElementTree.Element, name: str, **counts: int) -> ElementTree.Element:
    told = {key: str(value) for key, value in counts.items()}
    return ElementTree.SubElement(root, "testsuite", {"name": _safe(name), **told})


def _safe(text: str) -> str:
    return _UNWRITABLE.sub("�", text)
