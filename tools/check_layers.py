#!/usr/bin/env python3
"""Fails when a module includes a module, or a third-party header, that layers.toml does not allow it."""
import pathlib
import re
import sys
import tomllib

root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".")
spec = tomllib.loads((root / "layers.toml").read_text())
allowed, confined = spec["modules"], spec["confined"]
include = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.M)
errors = []


def is_test(path):
    return path.stem.endswith(("_test", "_pgtest"))


for path in sorted((root / "src").rglob("*.[hc]pp")):
    rel = path.relative_to(root / "src")
    module = rel.parts[0]
    if module not in allowed:
        errors.append(f"{rel}: module '{module}' is not in layers.toml")
        continue
    may = set(allowed[module]) | ({"testing"} if is_test(path) else set())
    for quote, target in include.findall(path.read_text()):
        head = target.split("/")[0]
        if quote == '"' and "/" in target and head != module and head not in may:
            errors.append(f"{rel}: module '{module}' may not include '{target}'")
        if quote == '"' and "/detail/" in target and head != module:
            errors.append(f"{rel}: '{target}' is private to '{head}'")
        for prefix, homes in confined.items():
            if quote == "<" and target.startswith(prefix) and module not in homes:
                errors.append(f"{rel}: <{target}> is confined to {homes}")


def depth(module, seen=()):
    if module in seen:
        errors.append(f"layers.toml: cycle {' -> '.join((*seen, module))}")
        return 0
    return 1 + max((depth(below, (*seen, module)) for below in allowed[module]), default=0)


for name in allowed:
    depth(name)
print("\n".join(errors) or f"layers ok: {len(allowed)} modules")
sys.exit(bool(errors))
