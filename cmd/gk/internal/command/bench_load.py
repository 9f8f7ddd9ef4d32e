"""Reads all arrays of HDF5 files with h5py: a path on a line of stdin, megabytes a second on a line of stdout."""

import os
import sys
import time

import h5py

print(f"h5py {h5py.__version__}", flush=True)
for line in sys.stdin:
    path, arrays = line.rstrip("\n"), []
    began = time.perf_counter()
    with h5py.File(path) as f:
        f.visititems(lambda _, o: arrays.append(o[()]) if isinstance(o, h5py.Dataset) else None)
    print(os.path.getsize(path) / 1e6 / (time.perf_counter() - began), flush=True)
