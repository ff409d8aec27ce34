"""The shipped families: what they promise beyond what `homeostat check` demands of any runbook.

Runbooks whose file begins with `process-` are about the embedded substrate, those with `agent-`
about members of the machinery and the agent's own alerts about them; the others, about Kubernetes
and the platform, are held to this.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from agent.catalog.lint import lint
from agent.catalog.runbook_document import RunbookDocument
from agent.catalog.runbook_plan_document import RollbackSection
from agent.catalog.runbooks import RunbookSet, load_runbooks
from agent.core.globs import is_glob
from agent.core.matching import MatchIndex, best
from agent.model.alert import Layer
from agent.model.effect import Reversal
from agent.model.runbook import Lifecycle
from agent.ports.plugin import Action
from agent.runtime.registry import shipped_runbooks_folder
from tests.support.shipped import plugin, shipped

FAMILIES = {
    "backup",
    "certificates",
    "clock-hardware",
    "config",
    "connections",
    "cpu",
    "crash-loop",
    "disk",
    "down",
    "error-rate",
    "latency",
    "membership",
    "memory",
    "queue",
    "rollout",
    "traffic",
}
FOLDER = shipped_runbooks_folder()
PATHS = sorted(p for p in FOLDER.rglob("*.yaml") if not p.name.startswith(("process-", "agent-")))
NAMES = [path.stem for path in PATHS]
SEVERITY = "warning"
UNDO_BY_THEMSELVES = {"crash-loop", "burn-after-release"}
"""Docs: docs/rollback.md."""

ELSEWHERE: Mapping[str, str] = {
    "alert-delivery": "PrometheusAlertmanagerNotificationFailing CortexNotConnectedToAlertmanager",
    "api-errors": "KubernetesApiServerErrors KubernetesApiClientErrors KubernetesApiServerLatency",
    "autoscaler-limit": "KubernetesHpaScaleMaximum KubernetesHpaScaleInability KubeHpaMaxedOut",
    "backup-failed": "VeleroBackupFailed VeleroBackupPartialFailures RedisMissingBackup",
    "batch-failed": "KubernetesJobFailed NomadJobFailed KubernetesCronjobFailing",
    "batch-slow": "KubernetesCronjobTooLong KubernetesJobSlowCompletion",
    "capacity-overcommit": "KubernetesNodeOutOfPodCapacity KubeCPUQuotaOvercommit",
    "certificate-expiry": """BlackboxSslCertificateWillExpireSoon BlackboxSslCertificateExpired
        CertManagerCertExpirySoon CertManagerCertNotReady SslCertificateExpiry""",
    "client-certificates": "KubernetesClientCertificateExpiresSoon KubeClientCertificateExpiration",
    "cluster-members": "MimirGossipMembersMismatch AlertmanagerClusterFailedPeers",
    "config-reload": """PrometheusConfigurationReloadFailure ThanosRuleConfigReloadFailure
        PrometheusAlertmanagerConfigNotSynced CortexRulerConfigurationReloadFailure""",
    "connections-exhausted": """MysqlTooManyConnections PostgresqlTooManyConnections
        RedisTooManyConnections RedisRejectedConnections HaproxyBackendConnectionErrors
        PgbouncerMaxConnections RabbitmqFileDescriptorsUsage""",
    "container-memory": "KubernetesContainerOomKiller ContainerHighMemoryUsage",
    "control-plane-down": "KubernetesApiServerDown EtcdDown",
    "controller-errors": "FluxReconciliationFailure ArgoCdAppOutOfSync ExternalSecretsSyncError",
    "cpu-throttling": "ContainerHighThrottleRate ContainerHighCpuUtilization",
    "crash-loop": "KubernetesPodCrashLooping PodCrashLooping LokiProcessTooManyRestarts",
    "daemonset-placement": "KubernetesDaemonsetMisscheduled",
    "daemonset-rollout": "KubernetesDaemonsetRolloutStuck",
    "deployment-rollout": "KubernetesDeploymentReplicasMismatch KubeDeploymentGenerationMismatch",
    "error-rate": """NginxHighHttp5xxErrorRate HaproxyHighHttp5xxErrorRateBackend LokiRequestErrors
        TraefikHighHttp5xxErrorRateService LinkerdHighErrorRate CoreDNSErrorsHigh
        ThanosReceiveHttpRequestErrorRateHigh CheckoutErrorBudgetBurn CorednsPanicCount""",
    "hardware": """HostRaidArrayGotInactive HostRaidDiskFailure HostPhysicalComponentTooHot
        HostEdacUncorrectableErrorsDetected SmartCriticalWarning MinioNodeDiskOffline""",
    "latency": """NginxLatencyHigh LokiRequestLatency CoreDNSLatencyHigh MysqlSlowQueries
        IstioLatency99Percentile EtcdGrpcRequestsSlow HaproxyHttpSlowingDown BlackboxSlowProbe""",
    "node-certificates": "KubeletClientCertificateRenewalErrors",
    "node-clock": "HostClockSkew HostClockNotSynchronising CephMonitorClockSkew",
    "node-condition": """KubernetesNodeNotReady KubernetesNodeMemoryPressure KubeNodeUnreachable
        KubernetesNodeDiskPressure KubeletTooManyPods NodeDown""",
    "node-filesystem": "HostOutOfDiskSpace HostDiskWillFillIn24Hours NodeDiskRunningFull",
    "node-inodes": "HostOutOfInodes HostInodesWillFillIn24Hours",
    "node-limits": "HostConntrackLimit",
    "node-memory": "HostOutOfMemory HostMemoryUnderMemoryPressure HostOomKillDetected",
    "node-network": "HostNetworkReceiveErrors HostUnusualNetworkThroughputIn",
    "node-saturation": "HostHighCpuLoad HostUnusualDiskReadLatency HostCpuStealNoisyNeighbor",
    "node-service": "HostSystemdServiceCrashed NodeSystemdServiceCrashlooping",
    "pod-not-ready": "KubernetesPodNotHealthy KubePodImagePullBackOff",
    "queue-backlog": """KafkaConsumersGroup KafkaConsumerLag RabbitmqTooManyReadyMessages
        RabbitmqTooManyUnackMessages SidekiqQueueSize NatsSlowConsumers""",
    "quorum": """EtcdNoLeader EtcdInsufficientMembers ElasticsearchClusterRed CephMonQuorumLost
        RabbitmqClusterPartition RedisTooManyMasters KafkaTopicsReplicas CephOsdDown
        ElasticsearchUnassignedShards ZookeeperMissingLeader""",
    "replication-lag": """PostgresqlReplicationLag MysqlSlaveReplicationLag MongodbReplicationLag
        MysqlSlaveIoThreadNotRunning RedisReplicationBroken""",
    "rule-evaluation": "PrometheusRuleEvaluationFailures ThanosRuleHighRuleEvaluationFailures",
    "scrape-limits": "PrometheusTargetScrapingSlow PrometheusLargeScrape",
    "service-cpu": "HighCPUUsage CheckoutHighCpuUsage",
    "service-crash-loop": "MysqlRestarted PrometheusTooManyRestarts",
    "service-down": """MysqlDown PostgresqlDown RedisDown InstanceDown BlackboxProbeFailed
        PrometheusTargetMissing ThanosQueryIsDown CertManagerAbsent HaproxyHasNoAliveBackends
        RabbitmqNodeDown ContainerKilled CassandraNodeIsUnavailable""",
    "service-memory": "JvmMemoryFillingUp ElasticsearchHeapUsageTooHigh RabbitmqMemoryHigh",
    "statefulset-rollout": "KubernetesStatefulsetDown KubernetesStatefulsetReplicasMismatch",
    "store-compaction": "ThanosCompactHalted PrometheusTsdbCompactionsFailed",
    "store-space": "CephOSDNearFull ElasticsearchDiskSpaceLow ElasticsearchDiskOutOfSpace",
    "traffic-absent": "CheckoutNoTraffic ElasticsearchNoNewDocuments ThanosReceiveNoUpload",
    "version-skew": "HostKernelVersionDeviations RabbitmqInstancesDifferentVersions",
    "volume-errors": "KubernetesPersistentvolumeclaimPending KubernetesPersistentvolumeError",
    "volume-filling": "KubernetesVolumeOutOfDiskSpace KubernetesVolumeFullInFourDays",
    "watchdog": "PrometheusAlertmanagerE2eDeadManSwitch Watchdog",
}
"""Alerts of public collections, and the family each of them has to find."""


@cache
def loaded() -> RunbookSet:
    return load_runbooks([FOLDER], shipped().plugins)


@cache
def index() -> MatchIndex:
    return MatchIndex(loaded().runbooks)


def document(name: str) -> RunbookDocument:
    return loaded().documents[name]


def steps(name: str) -> Iterator[tuple[str, Action]]:
    for plan, section in document(name).plans.items():
        for call in section.steps:
            yield plan, plugin(call.use)


def outcomes(name: str) -> set[str | None]:
    return {test.test.expect.outcome for test in loaded().tests(name)}


def calls(name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    read = document(name)
    observed = (call for plan in read.plans.values() for call in plan.observed())
    for call in (*read.diagnose, *observed):
        yield call.use, call.with_


def test_there_is_no_fault_and_no_warning_in_the_whole_set() -> None:
    assert [str(fault) for fault in (*loaded().faults, *lint(loaded()))] == []


def test_every_family_is_for_more_than_the_process_substrate() -> None:
    assert {path.parent.name for path in PATHS} == FAMILIES


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_file_is_called_as_its_runbook_and_fits_a_screen(path: Path) -> None:
    lines = path.read_text("utf-8").splitlines()
    assert f"metadata: {{name: {path.stem}, owner: platform," in lines[2]
    assert max(map(len, lines)) <= 140


@pytest.mark.parametrize("name", NAMES)
def test_people_read_what_it_means_what_it_does_to_users_and_what_it_is_not_for(name: str) -> None:
    about = document(name).about
    assert min(map(len, (about.meaning, about.impact, about.not_for))) > 15
    assert document(name).escalate.evidence


@pytest.mark.parametrize("name", NAMES)
def test_it_is_for_a_family_and_not_for_a_name(name: str) -> None:
    assert any(map(is_glob, document(name).match.alert or ()))


@pytest.mark.parametrize("name", NAMES)
def test_where_nothing_explains_it_people_are_told(name: str) -> None:
    assert document(name).decide[-1].default == "escalate"
    assert "routed" in outcomes(name)


@pytest.mark.parametrize("name", NAMES)
def test_what_changes_a_cluster_waits_for_a_click_unless_it_undoes_a_release(name: str) -> None:
    acts = bool(list(steps(name))) and name not in UNDO_BY_THEMSELVES
    state = document(name).lifecycle.state
    assert state is (Lifecycle.ASSISTED if acts else Lifecycle.ACTIVE)


@pytest.mark.parametrize("name", sorted(UNDO_BY_THEMSELVES))
def test_what_undoes_a_release_by_itself_does_nothing_else_and_once_in_a_while(name: str) -> None:
    assert [action.name for _, action in steps(name)] == ["kubernetes.rollout_undo"]
    cooldown = document(name).guard.cooldown
    assert cooldown is not None
    assert cooldown.most == 1
    assert ".watched" in "".join(str(row.when) for row in document(name).decide)


@pytest.mark.parametrize("name", NAMES)
def test_what_many_products_share_is_never_acted_on(name: str) -> None:
    read = document(name)
    if read.metadata.tier == "high" or read.metadata.layer is Layer.OUTCOME:
        assert list(steps(name)) == []
    for loaded_test in loaded().tests(name):
        if loaded_test.test.given.entity.kind == "substrate":
            assert not loaded_test.test.expect.actions
            assert list(steps(name)) == []


@pytest.mark.parametrize("name", NAMES)
def test_what_can_be_taken_back_is_and_the_way_back_is_proven(name: str) -> None:
    for plan, action in steps(name):
        if action.reversal is Reversal.SNAPSHOT:
            back = document(name).plans[plan].rollback
            assert isinstance(back, RollbackSection), plan
            assert back.verify is not None, plan


@pytest.mark.parametrize("name", NAMES)
def test_no_text_from_outside_gets_into_a_query(name: str) -> None:
    for use, params in calls(name):
        if use in ("prometheus.query", "prometheus.recovered"):
            assert not params["query"].startswith("=")


@pytest.mark.parametrize(
    ("name", "alert"),
    [(name, alert) for name, alerts in ELSEWHERE.items() for alert in alerts.split()],
)
def test_alerts_of_other_collections_find_their_family(name: str, alert: str) -> None:
    candidates = index().candidates({"alertname": alert, "severity": SEVERITY})
    # what needs a label of a stateful pod says no to an alert without one
    chosen, is_tie = best([r for r in candidates if r.match.when is None], alert)
    assert not is_tie
    assert chosen is not None
    assert chosen.name == name
