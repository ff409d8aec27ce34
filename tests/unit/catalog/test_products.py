from __future__ import annotations

from pathlib import Path

import pytest

from agent.catalog.faults import FaultsError
from agent.catalog.products import load_registry
from agent.model.fault import FaultSeverity
from agent.model.product import Entity, EntityKind, LeadershipMetric, Product, Registry

SHOP = """\
apiVersion: backstage.io/v1alpha1
kind: System
metadata:
  name: shop
  description: Sells things
  annotations: {backstage.io/techdocs-ref: "dir:."}
spec:
  owner: group:default/team-shop
  domain: retail
  dependsOn: [component:pay]
  homeostat:
    tier: high
    leadership_metric: {name: orders_total, flat_for: 10m}
    regulated: true
---
apiVersion: backstage.io/v1alpha1
kind: Component
metadata: {name: checkout}
spec:
  type: service
  lifecycle: production
  owner: team-shop
  system: system:default/shop
  providesApis: [checkout-api]
  dependsOn: ["component:default/pay", "resource:queue", cache, "api:orders", cache]
  homeostat:
    health_url: http://127.0.0.1:9001/health
    process:
      command: [python3, app.py, "--port", "9001"]
      cwd: services/checkout
      env: {PORT: 9001, MODE: live}
      version: v1
      versions:
        v1: {env: {RELEASE: one}}
        v2: {command: [python3, new.py]}
      log: checkout.log
      hung_after: 500ms
---
kind: Resource
metadata: {name: queue}
spec: {type: queue, owner: team-shop, system: shop}
---
kind: Resource
metadata: {name: cache}
spec: {type: cache, owner: platform}
---
kind: Component
metadata: {name: drafter}
spec: {type: agent, owner: group:team-ai, homeostat: {heartbeat: 5s}}
---
kind: Component
metadata: {name: proxy-1}
spec: {type: proxy, owner: team-ai, system: shop, homeostat: {heartbeat: 10s}}
---
kind: Component
metadata: {name: pay}
spec:
  type: service
  owner: team-pay
  dependsOn: [cache]
  homeostat: {builder: user:default/jane, tier: low, health_url: "http://127.0.0.1:9002/"}
---
kind: Group
metadata: {name: team-shop}
spec: {type: team, children: []}
---
kind: Location
spec: {targets: [./elsewhere.yaml]}
"""


def load(folder: Path, text: str) -> Registry:
    file = folder / "catalog-info.yaml"
    file.write_text(text)
    registry, warnings = load_registry([file])
    assert warnings == ()
    return registry


def said_by(folder: Path, text: str) -> list[str]:
    (folder / "catalog-info.yaml").write_text(text)
    with pytest.raises(FaultsError) as caught:
        load_registry([folder])
    return [str(fault).replace(f"{folder}/", "") for fault in caught.value.faults]


def test_reads_products_entities_and_what_they_stand_on(tmp_path: Path) -> None:
    registry = load(tmp_path, SHOP)
    assert registry.products == {
        "shop": Product(
            name="shop",
            builder="team-shop",
            tier="high",
            description="Sells things",
            depends_on=("pay",),
            leadership_metric=LeadershipMetric(name="orders_total", flat_for_seconds=600.0),
            regulated=True,
            owner="team-shop",
            path=f"{tmp_path}/catalog-info.yaml",
        ),
        "pay": Product(
            name="pay",
            builder="jane",
            tier="low",
            depends_on=("cache",),
            owner="team-pay",
            path=f"{tmp_path}/catalog-info.yaml",
        ),
    }
    home = f"{tmp_path}/services/checkout"
    assert registry.entities["checkout"] == Entity(
        name="checkout",
        kind=EntityKind.SERVICE,
        product="shop",
        owner="team-shop",
        depends_on=("pay", "queue", "cache"),
        health_url="http://127.0.0.1:9001/health",
        process={
            "command": ("python3", "app.py", "--port", "9001"),
            "cwd": home,
            "env": {"PORT": "9001", "MODE": "live"},
            "version": "v1",
            "versions": {
                "v1": {"env": {"RELEASE": "one"}},
                "v2": {"command": ("python3", "new.py"), "env": {}},
            },
            "log": f"{home}/checkout.log",
            "hung_after": 0.5,
        },
    )
    kinds = {e.name: (e.kind.value, e.product, e.owner) for e in registry.entities.values()}
    assert kinds == {
        "checkout": ("service", "shop", "team-shop"),
        "queue": ("resource", "shop", "team-shop"),
        "cache": ("substrate", None, "platform"),
        "drafter": ("agent", None, "team-ai"),
        "proxy-1": ("agent", "shop", "team-ai"),
        "pay": ("service", "pay", "team-pay"),
    }
    assert registry.entities["drafter"].heartbeat_seconds == 5.0
    assert registry.entities["pay"].health_url == "http://127.0.0.1:9002/"


def test_no_products_at_all() -> None:
    assert load_registry([]) == (Registry(), ())


def test_a_folder_is_searched_and_a_file_read_once(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    (deep / "catalog-info.yaml").write_text("kind: System\nmetadata: {name: x}\nspec: {owner: t}")
    (tmp_path / "other.yaml").write_text("no: catalog")
    registry, _ = load_registry([tmp_path, deep / "catalog-info.yaml"])
    assert list(registry.products) == ["x"]


def test_folders_and_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(FaultsError) as caught:
        load_registry([tmp_path, tmp_path / "none.yaml"])
    assert [str(fault).replace(str(tmp_path), "T") for fault in caught.value.faults] == [
        "T:1:1: HS100 there is no catalog-info.yaml in this folder"
        " (add one, or take the folder out of `products`)",
        "T/none.yaml:1:1: HS100 the file does not exist (check the path)",
    ]


def test_tells_every_fault_of_the_set(tmp_path: Path) -> None:
    text = """\
kind: System
metadata: {name: shop}
spec: {dependsOn: [pya]}
---
kind: Component
metadata: {name: pay}
spec: {owner: team-pay, dependsOn: ["resource:default/pay", "resource:cashe", "b:a:d:c"]}
---
kind: Component
metadata: {name: checkout}
spec: {owner: t, system: shpo, dependsOn: [system:checkout]}
---
kind: Resource
metadata: {name: cache}
spec: {owner: t, system: pay}
---
kind: Resource
metadata: {name: shop}
spec: {owner: t}
"""
    assert said_by(tmp_path, text) == [
        'catalog-info.yaml:3:7: HS304 spec: "shop" has no owner, so nobody could be paged for it'
        " (add spec.owner: the team that owns it)",
        'catalog-info.yaml:3:20: HS303 spec.dependsOn[0]: entity "pya" is not declared in any file'
        ' (did you mean "pay"?)',
        'catalog-info.yaml:7:79: HS301 spec.dependsOn[2]: "b:a:d:c" is not an entity reference'
        " (write it like component:default/checkout, or only checkout)",
        'catalog-info.yaml:11:26: HS303 spec.system: system "shpo" is not declared in any file'
        ' (did you mean "shop"?)',
        'catalog-info.yaml:11:44: HS303 spec.dependsOn[0]: "checkout" is a component, not a system'
        " (write component:checkout)",
        'catalog-info.yaml:18:18: HS302 metadata.name: the name "shop" is taken by the system at'
        " catalog-info.yaml:2:18"
        " (a name is unique among systems, components and resources; rename one)",
    ]


def test_references_are_checked_by_kind(tmp_path: Path) -> None:
    text = """\
kind: Component
metadata: {name: pay}
spec: {owner: t, dependsOn: ["resource:default/pay", "resource:cashe", pya]}
---
kind: Resource
metadata: {name: cache}
spec: {owner: t, system: pay}
"""
    assert said_by(tmp_path, text) == [
        'catalog-info.yaml:3:30: HS303 spec.dependsOn[0]: "pay" is a component, not a resource'
        " (write component:pay)",
        'catalog-info.yaml:3:54: HS303 spec.dependsOn[1]: resource "cashe" is not declared in any'
        ' file (did you mean "cache"?)',
        'catalog-info.yaml:3:72: HS303 spec.dependsOn[2]: entity "pya" is not declared in any file'
        ' (did you mean "pay"?)',
        'catalog-info.yaml:7:26: HS303 spec.system: "pay" is a component, not a system'
        " (name a document of kind System)",
    ]


def test_our_own_block_is_strict(tmp_path: Path) -> None:
    text = """\
kind: System
metadata: {name: shop}
spec: {owner: t, homeostat: {teir: low, tier: urgent, leadership_metric: {name: x}}}
---
kind: Component
metadata: {name: a}
spec: {owner: t, system: shop, homeostat: {heartbeat: 5s, health_url: "ftp://x"}}
---
kind: Component
metadata: {name: b/c}
spec: {owner: t, type: agent, homeostat: {heartbeat: 5, urgency: low}}
"""
    assert said_by(tmp_path, text) == [
        'catalog-info.yaml:3:30: HS301 spec.homeostat.teir: unknown key "teir"'
        ' (did you mean "tier"?)',
        'catalog-info.yaml:3:47: HS301 spec.homeostat.tier: the text "urgent" is not one of the'
        " possible values (one of: high, low, medium)",
        "catalog-info.yaml:3:74: HS301 spec.homeostat.leadership_metric: nothing says how it is"
        " expected to move (add `cadence: 1d` (it moves as usual within a day), or"
        " `flat_for: 30m` (any change within half an hour))",
        'catalog-info.yaml:7:44: HS301 spec.homeostat.heartbeat: unknown key "heartbeat"'
        " (known keys: dependencies, failure_domain, health_url, kubernetes, labels, min_available,"
        " process, replica_of, watch_releases)",
        'catalog-info.yaml:7:71: HS301 spec.homeostat.health_url: "ftp://x" is not an HTTP address'
        " (write it like http://127.0.0.1:9090)",
        'catalog-info.yaml:10:18: HS301 metadata.name: "b/c" cannot be a name'
        " (use letters and digits, single - _ . between them, at most 63)",
        "catalog-info.yaml:11:54: HS301 spec.homeostat.heartbeat: a duration needs a unit"
        " (write 5s for seconds, 5m for minutes)",
        'catalog-info.yaml:11:57: HS301 spec.homeostat.urgency: unknown key "urgency"'
        " (known keys: baseline, config_hash, control_url, dependencies, failure_domain, gen_ai,"
        " health_url, heartbeat, kubernetes, labels, min_available, probes and 7 more)",
    ]


def test_a_broken_file_leaves_no_false_complaints_about_others(tmp_path: Path) -> None:
    (tmp_path / "catalog-info.yaml").write_text(
        "kind: Component\nmetadata: {name: a}\nspec: {owner: t, system: shop}"
    )
    broken = tmp_path / "broken.yaml"
    broken.write_text("kind: System\nmetadata: {name: shop}\nspec: {owner: [t]}")
    with pytest.raises(FaultsError) as caught:
        load_registry([tmp_path, broken])
    assert [(f.file, f.code) for f in caught.value.faults] == [(str(broken), "HS301")]
    broken.write_text("kind: System\nmetadata: {name: &x shop}")
    with pytest.raises(FaultsError) as caught:
        load_registry([tmp_path, broken])
    assert [(f.file, f.code) for f in caught.value.faults] == [(str(broken), "HS108")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "5",
            "1:1: HS301 a Backstage document is expected here"
            " (write apiVersion, kind, metadata and spec)",
        ),
        (
            "- {apiVersion: openslo/v1, kind: SLO}",
            "1:1: HS301 a list is not read: each document stands by itself here"
            " (part them by a line of ---, and take the dashes of the list away)",
        ),
        (
            "metadata: {name: x}",
            "1:1: HS306 kind: the document does not say its kind"
            " (add kind: System, Component or Resource)",
        ),
        ("kind: System\nmetadata: {name: x}", '1:1: HS301 spec: key "spec" is missing (add it)'),
        (
            "kind: System\nmetadata: {}\nspec: {owner: t}",
            '2:11: HS301 metadata.name: key "name" is missing (add it)',
        ),
    ],
)
def test_what_is_no_backstage_document(tmp_path: Path, text: str, said: str) -> None:
    assert said_by(tmp_path, text) == [f"catalog-info.yaml:{said}"]


def test_warnings_do_not_keep_it_from_being_used(tmp_path: Path) -> None:
    file = tmp_path / "catalog-info.yaml"
    file.write_text("""\
kind: Compnent
metadata: {name: typo}
---
kind: Component
metadata: {name: a}
spec: {owner: t, dependsOn: [b], dependson: [x], homeostatt: {}, lifecycle: live, note: 1}
---
kind: Component
metadata: {name: b}
spec: {owner: t, dependsOn: [x-1, c]}
---
kind: Component
metadata: {name: c}
spec: {owner: t, dependsOn: [component:default/a]}
---
kind: Resource
metadata: {name: x-1}
spec: {owner: t, dependsOn: [x-1]}
""")
    registry, warnings = load_registry([file])
    assert set(registry.entities) == {"a", "b", "c", "x-1"}
    assert {warning.severity for warning in warnings} == {FaultSeverity.WARNING}
    said = [str(warning).replace(f"{tmp_path}/", "") for warning in warnings]
    assert said[:4] == [
        'catalog-info.yaml:1:7: HS306 kind: kind "Compnent" is not known and not read'
        ' (did you mean "Component"?)',
        "catalog-info.yaml:6:30: HS305 spec.dependsOn[0]: dependencies go round in a circle:"
        " a → b → c → a (it is allowed; take one away if it is not meant)",
        'catalog-info.yaml:6:34: HS307 spec.dependson: key "dependson" is not read'
        ' (did you mean "dependsOn"?)',
        'catalog-info.yaml:6:50: HS307 spec.homeostatt: key "homeostatt" is not read'
        ' (did you mean "homeostat"?)',
    ]
    assert said[4:] == [
        "catalog-info.yaml:18:30: HS305 spec.dependsOn[0]: dependencies go round in a circle:"
        " x-1 → x-1 (it is allowed; take one away if it is not meant)"
    ]


def test_labels_by_which_alerts_speak_of_an_entity(tmp_path: Path) -> None:
    file = tmp_path / "catalog-info.yaml"
    file.write_text(
        "kind: Component\nmetadata: {name: web}\nspec:\n  owner: t\n  type: service\n"
        "  homeostat: {labels: {namespace: prod-a, deployment: [web, web-canary]}}\n"
    )
    registry, _ = load_registry([file])
    assert registry.entities["web"].labels == {
        "namespace": ("prod-a",),
        "deployment": ("web", "web-canary"),
    }


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("{namespace: 5}", "spec.homeostat.labels.namespace"),
        ("{namespace: []}", "spec.homeostat.labels.namespace"),
        ('{namespace: ""}', "spec.homeostat.labels.namespace"),
        ('{"name space": a}', "spec.homeostat.labels.name space"),
        ("[namespace]", "spec.homeostat.labels"),
    ],
)
def test_labels_that_no_alert_could_carry(tmp_path: Path, written: str, path: str) -> None:
    file = tmp_path / "catalog-info.yaml"
    file.write_text(
        "kind: Component\nmetadata: {name: web}\n"
        f"spec: {{owner: t, type: service, homeostat: {{labels: {written}}}}}\n"
    )
    with pytest.raises(FaultsError) as caught:
        load_registry([file])
    (fault,) = caught.value.faults
    assert (fault.code, fault.path) == ("HS301", path)
