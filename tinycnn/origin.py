"""Where a result comes from, so that it can be repeated: the command, the versions, the commit, and which data.

A run's folder holds all of it as JSON: a training from the command line in config.json, `fit(out=...)` in run.json.
"""

import json
import os
import platform
import shlex
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from tinycnn.data.contents import Contents, contents, fingerprint
from tinycnn.engine import thread_count
from tinycnn.files import atomic_write
from tinycnn.version import __version__

PACKAGES = ("pillow", "scipy", "threadpoolctl", "cupy-cuda12x", "cupy-cuda13x")  # which may change what is computed
SECONDS = 5  # that git may take


def origin(argv: list[str] | None = None) -> dict[str, Any]:
    """{"command", "folder", "versions", "git"}: the command as it was given, the folder that it was given in, what
    computed it, and the commits of tinycnn and of that folder, where they are in git.

    argv: the arguments of `tinycnn`, or None for the running program's own
    """
    command = sys.orig_argv if argv is None else ["tinycnn", *argv]
    found = {"command": shlex.join(command), "folder": os.getcwd(), "versions": versions()}
    commits = {"tinycnn": commit(Path(__file__).parent, "origin.py"), "folder": commit(Path.cwd())}
    if commits["folder"] == commits["tinycnn"]:
        del commits["folder"]
    known = {name: value for name, value in commits.items() if value is not None}
    return found | ({"git": known} if known else {})


def versions() -> dict[str, Any]:
    """What computes here: tinycnn, Python, NumPy with its BLAS, the system, and the packages that are installed."""
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    found = {"tinycnn": __version__, "python": platform.python_version(), "numpy": np.__version__,
             "blas": f"{blas.get('name')} {blas.get('version')}", "system": f"{platform.system()} {platform.machine()}",
             "processors": os.cpu_count(), "threads": thread_count()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def commit(folder: Path, file: str | None = None) -> dict[str, Any] | None:
    """{"commit": its name, "changed": whether files that git knows differ from it} of the repository around `folder`.

    None where there is no git, no repository, no commit yet, or where git does not know `file`, which lies in `folder`:
    a package that was installed into somebody's repository is not part of it.
    """
    if file is not None and _git(folder, "ls-files", "--error-unmatch", file) is None:
        return None
    name = _git(folder, "rev-parse", "HEAD")
    if name is None:
        return None
    return {"commit": name, "changed": _git(folder, "status", "--porcelain", "--untracked-files=no") != ""}


def of_data(parts: dict[str, Any]) -> dict[str, str]:
    """{"train": 16 hexadecimal digits, ...}: the fingerprints of the parts that have samples."""
    return {part: fingerprint(contents(samples)) for part, samples in parts.items() if len(samples)}


def write_once(folder: Path, settings: dict[str, Any], here: dict[str, Contents]) -> None:
    """Write run.json into the folder of a training, unless there is one, or the config.json of the command line.

    here: the Contents of each part
    """
    if (folder / "run.json").exists() or (folder / "config.json").exists():
        return
    prints = {part: fingerprint(some) for part, some in here.items()}
    content = {**origin(), "data": {"fingerprint": prints}, "settings": settings}
    with atomic_write(folder / "run.json", "w") as file:
        json.dump(content, file, indent=2)
        file.write("\n")


def other_than(was: dict[str, Any], here: dict[str, Any]) -> list[str]:
    """Sentences on what is other than when a run was made, as far as it says. was: its config.json  here: this one's"""
    told = []
    then, now = (config.get("data", {}).get("fingerprint", {}) for config in (was, here))
    other = [part for part in then if then[part] != now.get(part)]
    if other:
        told.append(f"its {' and '.join(other)} samples were others than those that are there now: pictures or answers "
                    "have changed, so this is another run")
    for name in ("tinycnn", "numpy", "blas"):
        before, after = (config.get("versions", {}).get(name) for config in (was, here))
        if before and before != after:
            told.append(f"{name} was {before} and is {after}: the last digits may differ")
    return told


def _git(folder, *words):
    """What git prints, or None where it fails. Nothing that a repository may configure is run."""
    try:
        done = subprocess.run(["git", "-c", "core.fsmonitor=false", "-C", str(folder), *words], timeout=SECONDS,
                              capture_output=True, text=True, env=os.environ | {"GIT_OPTIONAL_LOCKS": "0"})
    except (OSError, subprocess.SubprocessError, UnicodeDecodeError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
