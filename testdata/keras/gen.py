#!/usr/bin/env python3
"""Writes testdata/golden/KIND/NAME.npz for the rows of testdata/cases/KIND.jsonl, with real Keras; see ../README.md.

    gen.py                        all rows whose golden is absent or was made from another text of the row
    gen.py --all                  all rows
    gen.py --only 'layers/lstm*'  rows whose KIND/NAME fits the shell pattern, always
    gen.py --check                writes nothing; exits 1 if a golden is absent, is left over, or differs from what Keras computes now
"""

import argparse
import fnmatch
import importlib
import json
import sys
import traceback

import common
from common import CASES, GOLDEN, KERAS, keras, np

# The module and the function that make the goldens of a kind; a kind is a file of testdata/cases.
KINDS = {
    "layers": ("layers", "make"),  # and every kind whose name begins with layers_
    "activations": ("functions", "activation"),
    "initializers": ("functions", "initializer"),
    "regularizers": ("functions", "regularizer"),
    "constraints": ("functions", "constraint"),
    "losses": ("functions", "loss"),
    "metrics": ("functions", "metric"),
    "optimizers": ("optimizers", "optimizer"),
    "schedules": ("optimizers", "schedule"),
    "models": ("models", "make"),
    "operations": ("operations", "make"),
}

# What another script makes goldens of: tensorflow_functions.py, with tf_keras.
OTHERS = {"tensorflow"}


def golden(case):
    module, function = KINDS["layers" if case.kind.startswith("layers_") else case.kind]
    keras.utils.clear_session(free_memory=False)  # names count from one again
    keras.utils.set_random_seed(case.get("seed", 1))
    arrays, meta = getattr(importlib.import_module(module), function)(case)
    for name, a in arrays.items():
        if a.dtype.kind == "f" and name != "theory" and not np.isfinite(a).all():
            raise ValueError(f"{name} holds a number that is not finite")
    meta |= {"keras": KERAS, "backend": "tensorflow", "kind": case.kind, "name": case.name, "case_sha256": case.sha256}
    return arrays, meta


def differences(case, path):
    """What a committed golden has wrong, as a list of sentences."""
    if not path.exists():
        return ["is absent"]
    arrays, meta = golden(case)
    old, old_meta = common.unpack(path.read_bytes())
    found = []
    if json.loads(json.dumps(meta)) != old_meta:
        found += [f"meta: {k} differs" for k in sorted(set(meta) | set(old_meta)) if meta.get(k) != old_meta.get(k)]
    if set(arrays) != set(old):
        return found + [f"holds {sorted(old)}, want {sorted(arrays)}"]
    for name, new in arrays.items():
        if new.shape != old[name].shape or new.dtype != old[name].dtype:
            found.append(f"{name}: got {old[name].dtype}{old[name].shape}, want {new.dtype}{new.shape}")
        elif new.size and not np.allclose(new, old[name], rtol=1e-4, atol=case.get("tol", 1e-5), equal_nan=True):
            worst = np.max(np.abs(new.astype("float64") - old[name].astype("float64")))
            found.append(f"{name}: differs by up to {worst:.3g}")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", metavar="PATTERN", help="rows whose KIND/NAME fits this shell pattern")
    parser.add_argument("--all", action="store_true", help="write goldens that are up to date, too")
    parser.add_argument("--check", action="store_true", help="compare with the committed goldens instead of writing")
    options = parser.parse_args()
    common.setup()

    failures, written, expected = [], 0, set()
    for file in sorted(CASES.glob("*.jsonl")):
        for case in common.read_cases(file):
            path = GOLDEN / case.kind / (case.name + ".npz")
            expected.add(path)
            if case.kind in OTHERS:
                continue
            if options.only and not fnmatch.fnmatch(f"{case.kind}/{case.name}", options.only):
                continue
            try:
                if options.check:
                    failures += [f"{case.kind}/{case.name}: {d}" for d in differences(case, path)]
                    continue
                if not (options.all or options.only) and path.exists():
                    if common.unpack(path.read_bytes())[1].get("case_sha256") == case.sha256:
                        continue
                data = common.pack(*golden(case))
            except Exception as e:  # one bad row should not hide the others
                failures.append(f"{case.kind}/{case.name}: {type(e).__name__}: {e}")
                if options.only:
                    traceback.print_exc()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            written += 1
    for path in sorted(set(GOLDEN.glob("**/*.npz")) - expected):
        failures.append(f"{path}: no row has this golden; delete it")
    for f in failures:
        print(f, file=sys.stderr)
    print(f"{len(expected)} rows, {written} goldens written, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
