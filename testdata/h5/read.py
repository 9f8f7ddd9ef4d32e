"""Reads with h5py what both of gk's writers wrote, and compares: python read.py FOLDER

The folder is what GK_H5_FOR_PYTHON=FOLDER go test ./hdf5io/internal/h5 -run TestWriteForPython leaves: files, and want.json.
"""
import json
import os
import sys

import h5py
import numpy as np


def text(v):
    return v.decode() if isinstance(v, bytes) else str(v)


def check(path, want):
    count = 0
    with h5py.File(path, "r") as f:
        for name, w in want["attrs"].items():
            v = f.attrs[name]
            if isinstance(v, (str, bytes)):
                got = [text(v)]
            else:
                v = np.asarray(v).reshape(-1)
                got = [text(x) for x in v] if v.dtype.kind in "SO" else [float(x) for x in v]
            assert got == w, (path, name, got, w)
        found = []
        f.visititems(lambda name, o: found.append("/" + name) if isinstance(o, h5py.Dataset) else None)
        assert sorted(found) == sorted(want["datasets"]), (path, found)
        for name, w in want["datasets"].items():
            d = f[name]
            v = d[()]
            if d.attrs.get("dtype") == "bfloat16":
                v = (v.view("<u2").astype("u4") << 16).view("f4")
            v = np.minimum(np.asarray(v, "f8"), 1e301)
            assert list(d.shape) == (w["Shape"] or []), (path, name, d.shape, w["Shape"])
            assert v.reshape(-1).tolist() == [float(x) for x in w["Values"]], (path, name, v, w["Values"])
            count += 1
    return count


def main():
    folder = sys.argv[1]
    with open(os.path.join(folder, "want.json")) as f:
        want = json.load(f)
    for name, w in sorted(want.items()):
        print("%s: h5py %s reads %d data sets and %d attributes as written" % (name, h5py.__version__, check(os.path.join(folder, name), w), len(w["attrs"])))


main()
