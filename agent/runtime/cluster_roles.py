"""Roles for what is needed (runtime/cluster_rights.py), as manifests and as values of the chart.

One Role for each product in each of its namespaces, so that what is granted for one product can be
taken away alone; a ClusterRole only for what is in no namespace. No rule has a wildcard.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from agent.runtime.cluster_rights import Need, Needs

API = "rbac.authorization.k8s.io"
AGENT = "homeostat"
LABELS = {"app.kubernetes.io/name": AGENT, "app.kubernetes.io/managed-by": "homeostat-rbac"}
ORDER = ("get", "list", "watch", "create", "patch", "delete")
MOST_SAID = 6
LONGEST_NAME = 63
WORD = re.compile(r"[A-Za-z][A-Za-z0-9./-]*")
MEANING = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
"""Words that YAML takes for something else."""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    groups: tuple[str, ...]
    resources: tuple[str, ...]
    verbs: tuple[str, ...]
    names: tuple[str, ...] = ()
    by: tuple[str, ...] = ()

    @property
    def manifest(self) -> dict[str, Any]:
        told = {"apiGroups": self.groups, "resources": self.resources, "verbs": self.verbs}
        if self.names:
            told["resourceNames"] = self.names
        return {key: list(value) for key, value in told.items()}


class RoleOf(msgspec.Struct, frozen=True, kw_only=True):
    namespace: str
    """Empty: a ClusterRole."""
    name: str
    """Of the product, as names of objects are written; empty: of none."""
    rules: tuple[Rule, ...]


class ServiceAccount(msgspec.Struct, frozen=True, kw_only=True):
    namespace: str = AGENT
    name: str = AGENT

    @property
    def full_name(self) -> str:
        """Of what is in no namespace; the chart calls it the same."""
        return f"{self.namespace}-{self.name}"

    @property
    def subject(self) -> dict[str, str]:
        return {"kind": "ServiceAccount", "name": self.name, "namespace": self.namespace}


def roles(needs: Needs) -> tuple[RoleOf, ...]:
    found: dict[tuple[str, str], list[Need]] = {}
    for need in needs.all:
        found.setdefault((need.namespace, need.product), []).append(need)
    return tuple(
        RoleOf(namespace=namespace, name=as_name(product), rules=tuple(_rules(theirs)))
        for (namespace, product), theirs in sorted(found.items())
    )


def _rules(needs: Iterable[Need]) -> Iterator[Rule]:
    """As few as say it: resources of one group with the same verbs and names are one rule."""
    verbs: dict[tuple[str, tuple[str, ...], str], dict[str, set[str]]] = {}
    for need in needs:
        of = verbs.setdefault((need.group, need.names, need.resource), {})
        of.setdefault(need.verb, set()).update(need.by)
    same: dict[tuple[str, tuple[str, ...], tuple[str, ...]], dict[str, set[str]]] = {}
    for (group, names, resource), of in verbs.items():
        order = tuple(verb for verb in ORDER if verb in of)
        by = same.setdefault((group, names, order), {})
        by[resource] = set().union(*of.values())
    for (group, names, order), by in sorted(same.items()):
        yield Rule(
            groups=(group,),
            resources=tuple(sorted(by)),
            verbs=order,
            names=names,
            by=tuple(sorted(set().union(*by.values()))),
        )


def as_name(product: str) -> str:
    """A product's name as objects in a cluster can be called; equal ones stay equal, and different
    ones different."""
    plain = "".join(c if c.isascii() and c.isalnum() else "-" for c in product.lower()).strip("-")
    if plain == product and len(plain) <= LONGEST_NAME:
        return plain
    digest = hashlib.sha256(product.encode()).hexdigest()[:8]
    return f"{plain[:40].strip('-')}-{digest}".lstrip("-")


def manifests(made: Sequence[RoleOf], account: ServiceAccount) -> Iterator[dict[str, Any]]:
    for role in made:
        kind = "Role" if role.namespace else "ClusterRole"
        yield {
            "apiVersion": f"{API}/v1",
            "kind": kind,
            "metadata": _metadata(role, account),
            "rules": [rule.manifest for rule in role.rules],
        }
        yield {
            "apiVersion": f"{API}/v1",
            "kind": f"{kind}Binding",
            "metadata": _metadata(role, account),
            "roleRef": {"apiGroup": API, "kind": kind, "name": _name(role, account)},
            "subjects": [account.subject],
        }


def _metadata(role: RoleOf, account: ServiceAccount) -> dict[str, Any]:
    place = {"namespace": role.namespace} if role.namespace else {}
    return {"name": _name(role, account), **place, "labels": LABELS}


def _name(role: RoleOf, account: ServiceAccount) -> str:
    if not role.namespace:
        return account.full_name
    return f"{account.name}-{role.name}" if role.name else account.name


def as_json(made: Sequence[RoleOf], account: ServiceAccount) -> str:
    told = {"apiVersion": "v1", "kind": "List", "items": list(manifests(made, account))}
    return json.dumps(told, indent=2) + "\n"


def as_yaml(made: Sequence[RoleOf], account: ServiceAccount, head: Sequence[str]) -> str:
    """With who needs each rule beside it. `head`: lines of the comment on top."""
    lines = _comment(head)
    by_name = {(role.namespace, _name(role, account)): role for role in made}
    for one in manifests(made, account):
        meta = one["metadata"]
        lines += ["---", f"apiVersion: {one['apiVersion']}", f"kind: {one['kind']}"]
        lines += [f"metadata: {_flow(meta)}"]
        if "rules" in one:
            role = by_name[meta.get("namespace", ""), meta["name"]]
            lines += ["rules:", *_rule_lines(role.rules, "  ")]
        else:
            lines += [f"roleRef: {_flow(one['roleRef'])}"]
            lines += ["subjects:", f"  - {_flow(one['subjects'][0])}"]
    return "\n".join(lines) + "\n"


def as_values(made: Sequence[RoleOf], head: Sequence[str]) -> str:
    """Values of the Helm chart, whose release names the account and the roles."""
    lines = [*_comment(head), "rbac:"]
    inside = [role for role in made if role.namespace]
    lines += ["  roles:"] if inside else ["  roles: []"]
    for role in inside:
        lines += [f"    - namespace: {_flow(role.namespace)}"]
        lines += [f"      name: {_flow(role.name)}"] if role.name else []
        lines += ["      rules:", *_rule_lines(role.rules, "        ")]
    wide = [rule for role in made if not role.namespace for rule in role.rules]
    if wide:
        lines += ["  clusterRules:", *_rule_lines(wide, "    ")]
    return "\n".join(lines) + "\n"


def _rule_lines(rules: Sequence[Rule], indent: str) -> Iterator[str]:
    for rule in rules:
        more = len(rule.by) - MOST_SAID
        said = [*rule.by[:MOST_SAID], *([f"and {more} more"] if more > 0 else [])]
        for by in said:
            yield f"{indent}# {_plain(by)}"
        yield f"{indent}- {_flow(rule.manifest)}"


def _comment(head: Sequence[str]) -> list[str]:
    return [f"# {_plain(line)}".rstrip() for line in head]


def _flow(value: object) -> str:
    """In one line. What is not plainly a word is quoted as in JSON, which is YAML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_flow(k)}: {_flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, str) and WORD.fullmatch(value) and value.lower() not in MEANING:
        return value
    return json.dumps(value)


def _plain(text: str) -> str:
    """Names are other people's: none may end its comment."""
    return "".join(c if c.isprintable() else " " for c in text)[:160]
