# Copyright 2026 The Amp Authors
# SPDX-License-Identifier: Apache-2.0
"""Where things are: the checkout, the third-party folder, the programs under test, the recorded data."""
import functools
import os
import pathlib
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[3]


@functools.cache
def deps() -> pathlib.Path:
    """The folder scripts/deps fills."""
    out = subprocess.run([ROOT / "scripts" / "deps", "--prefix"], check=True, capture_output=True, text=True)
    return pathlib.Path(out.stdout.strip())


def build_dir() -> pathlib.Path:
    return pathlib.Path(os.environ.get("AMP_BUILD_DIR", ROOT / "build" / "release"))


def ampd() -> pathlib.Path:
    return pathlib.Path(os.environ.get("AMPD", build_dir() / "cmd" / "ampd"))


def ampctl() -> pathlib.Path:
    return ampd().with_name("ampctl")


def replay_server() -> pathlib.Path:
    return pathlib.Path(os.environ.get("AMP_REPLAY_SERVER", build_dir() / "bench" / "replay_server"))


def anvil() -> pathlib.Path:
    return deps() / "anvil" / "bin" / "anvil"


@functools.cache
def _built_by_go(name) -> pathlib.Path | None:
    """Built on first use (minutes); None where there is no Go to build it with."""
    cached = subprocess.run([ROOT / "scripts" / "deps", "--tool", name], capture_output=True, text=True)
    if cached.returncode == 0:
        return pathlib.Path(cached.stdout.strip().splitlines()[-1])
    if shutil.which("go") is None:
        return None
    raise RuntimeError(f"building {name} failed:\n{cached.stderr[-2000:]}")


def geth() -> pathlib.Path | None:
    return pathlib.Path(os.environ["AMP_GETH"]) if "AMP_GETH" in os.environ else _built_by_go("geth")


def versitygw() -> pathlib.Path | None:
    return _built_by_go("versitygw")


def schemathesis() -> pathlib.Path:
    done = subprocess.run([ROOT / "scripts" / "deps", "--tool", "schemathesis"], check=True, capture_output=True, text=True)
    return pathlib.Path(done.stdout.strip())


def shared_data() -> pathlib.Path | None:
    """Recorded chain data that is not part of the project; None where it is absent."""
    folder = pathlib.Path(os.environ.get("AMP_SHARED_DATA", ROOT.parent / "shared" / "data"))
    return folder if folder.is_dir() else None
