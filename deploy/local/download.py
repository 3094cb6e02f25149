"""What is fetched, once, into ${MOMENT_CACHE:-~/.cache/moment}: Flink, Beam's job server, Kafka.

Each thing is made in a folder of its own and renamed into place when it is whole, so that an
interrupted or a second download at the same time leaves nothing half made.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

FLINK = "1.19.3"
FLINK_MINOR = "1.19"
KAFKA = "3.9.1"
KAFKA_SCALA = "2.13"
KAFKA_LOGGING = "1.7.36"
JOB_SERVER = {
    "flink.minor": FLINK_MINOR,
    "runner.version": "2.70.0",
    "job.service.version": "2.65.0",
    "rocksdb.backend.version": "1.19.0",
    "slf4j.version": "2.0.16",
}
JAVA = 17

HERE = Path(__file__).parent


class MissingTool(Exception):
    """Java, Maven, Go or pip is not there, or failed; the message says what to do."""


def cache() -> Path:
    """Folder of everything fetched."""
    return Path(os.environ.get("MOMENT_CACHE") or "~/.cache/moment").expanduser().resolve()


def java() -> str:
    """Path of a Java 17. Raises MissingTool where JAVA_HOME and PATH have another, or none."""
    home = os.environ.get("JAVA_HOME")
    found = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    wish = f"install Java {JAVA} (on Debian: openjdk-{JAVA}-jre-headless), or set JAVA_HOME to it."
    if not found or not Path(found).exists():
        raise MissingTool(f"Java {JAVA} is needed and none was found: {wish}")
    told = subprocess.run(
        [found, "-XX:-UsePerfData", "-version"], capture_output=True, text=True, check=False
    ).stderr
    version = re.search(r'version "(\d+)', told)
    if not version or int(version[1]) != JAVA:
        other = f"version {version[1]}" if version else "no version"
        raise MissingTool(f"Java {JAVA} is needed and {found} says {other}: {wish}")
    return found


def missing_tool() -> str | None:
    """Why local services cannot run on this machine, in a sentence; None where they can."""
    try:
        java()
        maven()
    except MissingTool as missing:
        return str(missing)
    return None


def flink() -> Path:
    """Folder of the Flink distribution: `lib` and `plugins`, from the PyPI source archive.

    The archive is fetched and opened, not installed: it cannot share an environment with Beam.
    """

    def make(folder: Path) -> None:
        run_tool(
            [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check",
             "--no-deps", "--no-binary=:all:", "--dest", str(folder),
             f"apache-flink-libraries=={FLINK}"],
            "pip could not fetch Flink's libraries",
        )  # fmt: skip
        (archive,) = folder.glob("*.tar.gz")
        with tarfile.open(archive) as source:
            for member in source:
                parts = Path(member.name).parts[1:]
                if parts[:2] not in (("deps", "lib"), ("deps", "plugins")) or not member.isfile():
                    continue
                target = folder.joinpath(*parts[1:])
                target.parent.mkdir(parents=True, exist_ok=True)
                content = source.extractfile(member)
                assert content is not None, member.name
                with target.open("wb") as file:
                    shutil.copyfileobj(content, file)
        archive.unlink()

    return made_once(f"flink-{FLINK}", "Flink (230 MB)", make)


def job_server() -> Path:
    """The jar of Beam's Flink job server."""
    pom = HERE / "job_server" / "pom.xml"

    def make(folder: Path) -> None:
        _build(pom, JOB_SERVER, folder / "build")
        os.replace(folder / "build" / "job-server.jar", folder / "job-server.jar")
        shutil.rmtree(folder / "build")

    name = f"job-server-{_digest(pom, JOB_SERVER)}"
    return made_once(name, "Beam's Flink job server (208 MB)", make) / "job-server.jar"


def kafka() -> Path:
    """Folder of a Kafka broker's jars."""
    pom = HERE / "kafka" / "pom.xml"
    versions = {
        "kafka.version": KAFKA,
        "scala.version": KAFKA_SCALA,
        "logging.version": KAFKA_LOGGING,
    }
    name = f"kafka-{_digest(pom, versions)}"
    return made_once(name, "Kafka (50 MB)", lambda folder: _build(pom, versions, folder)) / "lib"


def made_once(name: str, title: str, make: Callable[[Path], None]) -> Path:
    """The folder `name` in the cache, made first where it is not there."""
    target = cache() / name
    if target.is_dir():
        return target
    print(f"Fetching {title} into {target}, once.", file=sys.stderr, flush=True)
    cache().mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=cache()))
    try:
        make(folder)
        folder.chmod(0o755)
        try:
            folder.rename(target)
        except OSError:
            # Somebody else's download was whole first.
            if not target.is_dir():
                raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return target


def _digest(pom: Path, versions: dict[str, str]) -> str:
    """Eight hexadecimal digits that change with anything that goes into a build."""
    told = pom.read_bytes() + repr(sorted(versions.items())).encode()
    return hashlib.sha256(told).hexdigest()[:8]


def go_install(package: str, folder: Path) -> None:
    """Build a Go program, as `go install` names it, into `folder`/bin.

    Modules and what is compiled are removed afterwards. Raises MissingTool where Go is not there,
    or fails.
    """
    found = shutil.which("go")
    if not found:
        raise MissingTool(
            f"Go is needed to build {package} and none was found: install it (go.dev)."
        )
    build = folder / "build"
    # Modules that Go makes read-only could not be removed; without cgo no C compiler is needed.
    settings = {
        "GOBIN": folder / "bin",
        "GOPATH": build,
        "GOCACHE": build / "cache",
        "GOMODCACHE": build / "modules",
        "GOFLAGS": f"{os.environ.get('GOFLAGS', '')} -modcacherw".strip(),
        "CGO_ENABLED": 0,
    }
    run_tool(
        ["env", *(f"{name}={value}" for name, value in settings.items()), found, "install",
         package],
        f"Go could not build {package}",
    )  # fmt: skip
    shutil.rmtree(build)


def maven() -> str:
    found = shutil.which("mvn")
    if not found:
        raise MissingTool("Maven is needed and mvn was not found: install it (Debian: maven).")
    return found


def _build(pom: Path, versions: dict[str, str], folder: Path) -> None:
    java()
    run_tool(
        [maven(), "--quiet", "--batch-mode", "-Dstyle.color=never", "--file", str(pom),
         f"-Dmaven.repo.local={cache() / 'maven'}", f"-Dbuild.folder={folder}",
         *(f"-D{name}={version}" for name, version in versions.items()), "package"],
        f"Maven could not build {pom}",
    )  # fmt: skip


def run_tool(command: list[str], failure: str) -> None:
    """Run to the end, or raise MissingTool with the last lines the command said."""
    ended = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        env={**os.environ, "TMPDIR": str(cache())},
    )
    if ended.returncode:
        told = "\n".join(ended.stdout.splitlines()[-20:])
        raise MissingTool(f"{failure} (exit code {ended.returncode}):\n{told}")
