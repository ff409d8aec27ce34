"""What diagnostics of a cluster ask Prometheus, before the real promtool: over series as
kube-state-metrics, kubelets, node-exporter and the cluster autoscaler write them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agent.ports.cluster_use import Fullest, Limits
from agent.ports.kit import Sample
from agent.ports.series_question import quoted
from plugins.diagnostics import (
    kubernetes_certificate,
    kubernetes_resource_use,
    kubernetes_scheduling,
    kubernetes_versions,
    kubernetes_volume,
)
from tests.support.promtool import Gives, Rules

pytestmark = pytest.mark.integration
CLAIM = '{namespace="shop",persistentvolumeclaim="data"}'
APP = '{namespace="shop",pod="web-1",container="app",id="/x"}'
OTHER = '{namespace="shop",pod="web-2",container="app",id="/y"}'
WEB = Fullest(where=("web-1", "app"), share=0.5)
LIMITS = {("web-1", "app"): Limits(memory=10_000.0, cpu=1.0, since=0.0)}


class Recorder:
    """A kit whose Prometheus answers each question with 1, and keeps it."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.promql = self.log = self
        self.deadline_seconds = 10.0

    async def query(self, expression: str, **_: Any) -> tuple[Sample, ...]:
        self.asked.append(expression)
        return (Sample(labels={}, value=1.0, at=0.0),)


def about_claim(template: str) -> str:
    return template.replace("CLAIM", CLAIM)


def test_how_full_a_volume_is_and_when_it_will_be(tmp_path: Path) -> None:
    series = {
        f"kubelet_volume_stats_used_bytes{CLAIM}": "500+10x180",
        f"kubelet_volume_stats_available_bytes{CLAIM}": "9500-10x180",
        f"kubelet_volume_stats_capacity_bytes{CLAIM}": "10000x180",
        f"kubelet_volume_stats_inodes{CLAIM}": "0x180",
        f"kubelet_volume_stats_inodes_used{CLAIM}": "0x180",
    }
    Rules(tmp_path, []).hold(
        series,
        Gives("2h", about_claim(kubernetes_volume.USED), {"{}": 0.17}),
        # 8300 bytes at 10 a minute; and nothing after ten minutes of watching.
        Gives("2h", about_claim(kubernetes_volume.FULL_IN), {"{}": 49_800}),
        Gives("10m", about_claim(kubernetes_volume.FULL_IN), {}),
        Gives("2h", about_claim(kubernetes_volume.IS_NEW), {}),
        interval="1m",
    )


def test_a_pace_of_the_hour_is_compared_with_that_of_the_day(tmp_path: Path) -> None:
    used = f"kubelet_volume_stats_used_bytes{CLAIM}"
    is_new = about_claim(kubernetes_volume.IS_NEW)
    steady, sudden = "0+10x320", "0+1x300 300+100x20"
    Rules(tmp_path, []).hold({used: steady}, Gives("25h", is_new, {"{}": 0}), interval="5m")
    Rules(tmp_path, []).hold({used: sudden}, Gives("26h", is_new, {"{}": 1}), interval="5m")
    full = about_claim(kubernetes_volume.FULL_IN)
    Rules(tmp_path, []).hold({used: "500-1x320"}, Gives("25h", full, {}), interval="5m")


def test_what_is_spare_is_counted_without_the_largest_node(tmp_path: Path) -> None:
    request = "kube_pod_container_resource_requests"
    phase = "kube_pod_status_phase"
    series = {
        'kube_node_status_allocatable{node="a",resource="cpu"}': "4x10",
        'kube_node_status_allocatable{node="b",resource="cpu"}': "8x10",
        f'{request}{{namespace="s",pod="p",container="c",resource="cpu"}}': "3x10",
        f'{request}{{namespace="s",pod="done",container="c",resource="cpu"}}': "3x10",
        f'{phase}{{namespace="s",pod="p",phase="Running"}}': "1x10",
        f'{phase}{{namespace="s",pod="done",phase="Running"}}': "0x10",
        f'{phase}{{namespace="s",pod="done",phase="Succeeded"}}': "1x10",
        'kube_pod_info{namespace="s",pod="p"}': "1x10",
        'node_memory_MemAvailable_bytes{instance="a"}': "25x10",
        'node_memory_MemTotal_bytes{instance="a"}': "100x10",
        'node_cpu_seconds_total{instance="a",cpu="0",mode="user"}': "0+30x10",
        'node_cpu_seconds_total{instance="a",cpu="0",mode="idle"}': "0+30x10",
        'cluster_autoscaler_nodes_count{state="ready"}': "2x10",
        "cluster_autoscaler_max_nodes_count": "5x10",
    }
    spare = kubernetes_scheduling.SPARE
    Rules(tmp_path, []).hold(
        series,
        Gives("8m", spare.replace("RESOURCE", "cpu"), {"{}": 0.25}),
        Gives("8m", spare.replace("RESOURCE", "memory"), {}),
        Gives("8m", kubernetes_scheduling.USED_MEMORY, {"{}": 0.75}),
        Gives("8m", kubernetes_scheduling.USED_CPU, {"{}": 0.5}),
        Gives("8m", kubernetes_scheduling.WAITING, {"{}": 0}),
        Gives("8m", kubernetes_scheduling.ROOM, {"{}": 3}),
        interval="1m",
    )
    waiting = {'kube_pod_status_unschedulable{namespace="s",pod="p"}': "1x10"}
    Rules(tmp_path, []).hold(
        waiting, Gives("8m", kubernetes_scheduling.WAITING, {"{}": 1}), interval="1m"
    )
    Rules(tmp_path, []).hold({}, Gives("8m", kubernetes_scheduling.WAITING, {}), interval="1m")


def test_when_a_node_was_first_seen_with_its_version(tmp_path: Path) -> None:
    series = {
        'kube_node_info{node="a",kubelet_version="v1.30.0"}': "1x400",
        'kube_node_info{node="b",kubelet_version="v1.30.0"}': "1x320 _x80",
        'kube_node_info{node="b",kubelet_version="v1.31.0"}': "_x320 1x80",
    }
    hour = 3600
    Rules(tmp_path, []).hold(
        series,
        Gives(
            "30h",
            kubernetes_versions.FIRST_SEEN,
            {
                '{node="a",kubelet_version="v1.30.0"}': 6 * hour,
                '{node="b",kubelet_version="v1.30.0"}': 6 * hour,
                '{node="b",kubelet_version="v1.31.0"}': 96_000,
            },
        ),
        interval="5m",
    )


def test_certificates_of_a_kubelet_and_what_failed(tmp_path: Path) -> None:
    name = quoted(kubernetes_certificate.ENDING)
    ends = kubernetes_certificate.ENDS.replace("SERIES", f'{{node="n",__name__=~{name}}}')
    failed = kubernetes_certificate.FAILED.replace(
        "SERIES", f'{kubernetes_certificate.CLIENT_FAILS}{{node="n"}}'
    )
    series = {
        'kubelet_certificate_manager_client_ttl_seconds{node="n"}': "500x20",
        'kubelet_certificate_manager_server_ttl_seconds{node="n"}': "300x20",
        f'{kubernetes_certificate.CLIENT_FAILS}{{node="n"}}': "0x20",
    }
    Rules(tmp_path, []).hold(
        series, Gives("10m", ends, {"{}": 300}), Gives("10m", failed, {"{}": 0}), interval="1m"
    )


async def test_how_long_memory_has_grown_and_when_it_is_used_up(tmp_path: Path) -> None:
    kit: Any = Recorder()
    full, growing = await kubernetes_resource_use.growth(kit, "shop", WEB, LIMITS)
    assert (full, growing) == (timedelta(seconds=1), timedelta(hours=16))
    left, one, two, four, *_ = kit.asked
    memory = f"container_memory_working_set_bytes{APP}"
    looks = [
        Gives("5h", left, {"{}": (10_000 - 4_000) / (10 / 60)}),
        Gives("5h", one, {"{}": 0.166667}),
        Gives("5h", four, {"{}": 0.166667}),
        Gives("3h", four, {}),
    ]
    Rules(tmp_path, []).hold({memory: "1000+10x320"}, *looks, interval="1m")
    # It fell back two hours ago: it has grown for one, and not for four.
    fell = {memory: "1000+10x200 500+10x120"}
    Rules(tmp_path, []).hold(fell, Gives("5h", one, {"{}": 0.166667}), interval="1m")
    rules = Rules(tmp_path, [])
    with pytest.raises(AssertionError, match="got"):
        rules.hold(fell, Gives("5h", four, {"{}": 0.166667}), interval="1m")
    assert two != four


async def test_the_container_that_is_held_back_most(tmp_path: Path) -> None:
    kit: Any = Recorder()
    await kubernetes_resource_use.throttled_share(kit, "shop", LIMITS)
    (asked,) = kit.asked
    series = {
        f"container_cpu_cfs_throttled_periods_total{APP}": "0+30x10",
        f"container_cpu_cfs_periods_total{APP}": "0+100x10",
        f"container_cpu_cfs_throttled_periods_total{OTHER}": "0+90x10",
        f"container_cpu_cfs_periods_total{OTHER}": "0+100x10",
    }
    Rules(tmp_path, []).hold(series, Gives("10m", asked, {"{}": 0.3}), interval="1m")
