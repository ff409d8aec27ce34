"""When the certificate a process serves expires, and that of the file it was read from.

Renewed on disk and still old in memory is the usual way in which a certificate expires although it
was renewed: the process reads the file at its start only. What is served is read at the health
address (https) and trusted by nobody here; what cannot be read is unknown, with its reason.
"""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from agent.ports.folder_question import Folder
from agent.ports.kit import Certificate, ReadKit
from agent.ports.plugin import Params, Result, diagnostic
from agent.ports.span import Span


class CertificateQuestion(Params):
    target: str = Field(description="Name of the registered entity that serves it.")
    file: Folder = Field(
        description="File with the certificate, relative to the working directory of the process."
    )


class CertificateResult(Result):
    served_left: Span | None = Field(
        default=None, description="Until the served one expires; negative where it has."
    )
    disk_left: Span | None = Field(default=None, description="Until the one on the disk expires.")
    same: bool | None = Field(default=None, description="What is served is what lies on the disk.")
    renewed: bool | None = Field(
        default=None, description="The one on the disk is another, and expires later."
    )
    detail: str = ""


@diagnostic(
    name="tls.certificate",
    params=CertificateQuestion,
    result=CertificateResult,
    summary="When the served certificate expires, and whether a newer one lies on the disk",
)
async def certificate(kit: ReadKit, params: CertificateQuestion) -> CertificateResult:
    seen = await kit.processes.certificates(params.target, file=params.file)
    same = renewed = None
    if seen.served is not None and seen.on_disk is not None:
        same = seen.served.digest == seen.on_disk.digest
        later = seen.on_disk.expires_in_seconds > seen.served.expires_in_seconds
        renewed = not same and later
    return CertificateResult(
        served_left=_left(seen.served),
        disk_left=_left(seen.on_disk),
        same=same,
        renewed=renewed,
        detail=seen.detail,
    )


def _left(found: Certificate | None) -> timedelta | None:
    return None if found is None else timedelta(seconds=round(found.expires_in_seconds))
