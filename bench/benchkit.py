# Copyright 2026 The Amp Authors
# SPDX-License-Identifier: Apache-2.0
"""What the benchmark scripts share: the interpreter with the packages, the build, the recorded or generated chains."""
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))


def enter():
    """Goes on under the interpreter that scripts/deps prepared."""
    subprocess.run([ROOT / "scripts" / "deps"], check=True, stdout=sys.stderr)
    from kit import paths
    venv = paths.deps() / "venv"
    if pathlib.Path(sys.prefix).resolve() != venv.resolve():
        os.execv(venv / "bin" / "python", [str(venv / "bin" / "python"), *sys.argv])


def build(*targets):
    """Release programs, unless the environment names other ones (AMPD, AMP_REPLAY_SERVER, AMP_BUILD_DIR)."""
    if "AMP_BUILD_DIR" in os.environ:
        return
    if not (ROOT / "build" / "release" / "build.ninja").exists():
        subprocess.run(["cmake", "--preset", "release"], cwd=ROOT, check=True, stdout=sys.stderr)
    subprocess.run(["cmake", "--build", "--preset", "release", "--target", *targets], cwd=ROOT, check=True,
                   stdout=sys.stderr)


def cache_folder() -> pathlib.Path:
    base = os.environ.get("AMP_CACHE_DIR") or pathlib.Path(
        os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "amp"
    folder = pathlib.Path(base) / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def default_corpus() -> pathlib.Path:
    """The recorded mainnet-like chain, or one like it that is made once: on geth, or on anvil where there is no Go."""
    from kit import chains, paths, rpc, traffic
    shared = paths.shared_data()
    if shared and (shared / "mainnetlike-300.jsonl.zst").exists():
        return shared / "mainnetlike-300.jsonl.zst"
    made = cache_folder() / "mainnetlike-60.jsonl.zst"
    if not made.exists():
        say(f"making {made}")
        population = chains.Population(accounts=1000, contracts=400)
        if paths.geth() is not None:
            node = chains.Geth(cache_folder() / f"geth-{os.getpid()}", population, chain_id=1)
            traffic.Mainnetlike(node).extend(60)
        else:
            node = chains.Anvil(population, chain_id=1)
            traffic.EveryForm(node, blobs=False, exotic=False).extend(300)
        staged = made.with_name(f"{os.getpid()}-{made.name}")
        rpc.record(node.rpc, staged)
        node.stop()
        staged.rename(made)
        subprocess.run(["rm", "-rf", cache_folder() / f"geth-{os.getpid()}"], check=True)
    return made


def transfer_corpus(blocks: int, logs_per_block: int) -> pathlib.Path:
    """A chain of token transfers, made once."""
    from kit import replay, synth
    made = cache_folder() / f"transfers-{blocks}x{logs_per_block}.jsonl"
    if not made.exists():
        say(f"making {made}")
        staged = made.with_name(f"{os.getpid()}-{made.name}")
        replay.write_corpus(staged, synth.transfer_chain(blocks, logs_per_block // 5, 5))
        staged.rename(made)
    return made


def say(text: str):
    print(text, file=sys.stderr, flush=True)


def report(title: str, rows, figures: dict):
    """A table for people, then the figures as the last line."""
    width = max(len(name) for name, _ in rows)
    print(title)
    for name, value in rows:
        print(f"  {name:<{width}}  {value}")
    print(json.dumps(figures), flush=True)
