"""Certificates that end when a test wants: signed by themselves, made by openssl."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.support.running import program


def certificate(path: Path, *, days: int) -> Path:
    """Key and certificate in one file, good for so many days from now."""
    made = subprocess.run(
        [
            program("openssl"), "req", "-x509", "-newkey", "ec",
            "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost",
            "-days", str(days), "-keyout", "-", "-out", "-",
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    path.write_bytes(made.stdout)
    return path
