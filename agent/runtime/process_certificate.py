"""The certificate a process shows, and the one that lies on the disk for it.

Only when they end and whether they are the same is read, so no certificate is trusted here: the
point is to look at one that nobody trusts any more. Chains and names are the business of clients.
"""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from agent.model.errors import Permanent, Temporary
from agent.ports.kit import Certificate
from agent.runtime.process_config import open_ordinary

MOST_BYTES = 256 * 1024
BEGIN, END = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
SEQUENCE, UTC_TIME, GENERALIZED_TIME, VERSION = 0x30, 0x17, 0x18, 0xA0
DEFAULT_PORT = 443


async def served_at(url: str, *, timeout_seconds: float, now: float) -> Certificate:
    """Raises Permanent where the address is not https, Temporary where nothing is shown in time."""
    parts = urlsplit(url)
    if parts.scheme != "https" or parts.hostname is None:
        raise Permanent(f"{url} shows no certificate: it is not https")
    place = f"{parts.hostname}:{parts.port or DEFAULT_PORT}"
    looking = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    looking.check_hostname = False
    looking.verify_mode = ssl.CERT_NONE
    try:
        async with asyncio.timeout(timeout_seconds):
            _, writer = await asyncio.open_connection(
                parts.hostname,
                parts.port or DEFAULT_PORT,
                ssl=looking,
                server_hostname=parts.hostname,
            )
    except TimeoutError as error:
        raise Temporary(f"{place} shows no certificate within {timeout_seconds:g} s") from error
    except OSError as error:
        raise Temporary(f"{place} shows no certificate: {error}") from error
    shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.transport.abort()  # nothing is asked of it, so nothing is to be said at the end
    return read_der(shown or b"", where=place, now=now)


def read_file(path: Path, *, now: float) -> Certificate:
    """The first certificate of a PEM file: the process's own, before those it was signed by."""
    try:
        with open_ordinary(path) as file:
            text = file.read(MOST_BYTES).decode("ascii", errors="replace")
    except OSError as error:
        raise Permanent(f"{path} cannot be read: {error.strerror}") from error
    begin = text.find(BEGIN)
    end = text.find(END, begin)
    if begin < 0 or end < 0:
        raise Permanent(f"{path} holds no certificate")
    try:
        der = ssl.PEM_cert_to_DER_cert(text[begin : end + len(END)])
    except ValueError as error:
        raise Permanent(f"{path} holds no certificate: {error}") from error
    return read_der(der, where=str(path), now=now)


def read_der(der: bytes, *, where: str, now: float) -> Certificate:
    """Raises Permanent where it is no certificate."""
    try:
        ends = _not_after(der)
    except (IndexError, ValueError) as error:
        raise Permanent(f"{where}: no certificate that can be read") from error
    return Certificate(digest=hashlib.sha256(der).hexdigest(), expires_in_seconds=ends - now)


def _not_after(der: bytes) -> float:
    """Certificate ::= { tbs { [0] version, serial, algorithm, issuer, { from, to }, ... } ... }"""
    _, certificate, _ = _value(der, SEQUENCE)
    _, body, _ = _value(certificate, SEQUENCE)
    if body[0] == VERSION:
        body = _value(body)[2]
    for _ in ("serial", "algorithm", "issuer"):
        body = _value(body)[2]
    _, validity, _ = _value(body, SEQUENCE)
    _, _, rest = _value(validity)
    tag, moment, _ = _value(rest)
    text = moment.decode("ascii")
    if tag == UTC_TIME:  # two digits of the year: 50 to 99 are of the last century
        text = ("19" if text[0] >= "5" else "20") + text
    elif tag != GENERALIZED_TIME:
        raise ValueError(f"tag {tag} is no time")
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp()


def _value(data: bytes, wanted: int | None = None) -> tuple[int, bytes, bytes]:
    """One value: its tag, what it holds, and what follows. Raises IndexError or ValueError."""
    tag, length, begin = data[0], data[1], 2
    if wanted is not None and tag != wanted:
        raise ValueError(f"tag {tag}, not {wanted}")
    if length >= 0x80:
        number = length & 0x7F
        if not 1 <= number <= 4:
            raise ValueError("a length that cannot be")
        begin += number
        length = int.from_bytes(data[2:begin], "big")
    if begin + length > len(data):
        raise ValueError("cut off")
    return tag, data[begin : begin + length], data[begin + length :]
