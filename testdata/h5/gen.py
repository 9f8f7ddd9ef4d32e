"""Writes good/*.h5: small files that between them use every HDF5 feature the Go reader knows, and good/want.json with what is in them.

Needs h5py 3 (HDF5 1.14) and numpy: python gen.py
"""
import ctypes
import hashlib
import json
import os

import h5py
import numpy as np

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "good")


def values(n, dtype):
    """Numbers that every type from int8 up holds exactly."""
    v = (np.arange(n) * 37) % 101 - 50
    if np.dtype(dtype).kind in "ub":
        v = np.abs(v)
    return v.astype(dtype)


def make(name, build, **kw):
    path = os.path.join(OUT, name)
    with h5py.File(path, "w", **kw) as f:
        build(f)
    return path


def types(f):
    g = f.create_group("types")
    for t in ["<f2", "<f4", "<f8", ">f2", ">f4", ">f8"] + [e + k + s for k in "iu" for s in "1248" for e in "<>"]:
        d = g.create_dataset({"<": "le_", ">": "be_"}[t[0]] + t[1:], data=values(12, t).reshape(3, 4))
    g["half"] = np.array([0, -0.0, 5.96e-8, 6.1e-5, 65504, np.inf, -np.inf, np.nan, 1 / 3], "f2")
    g["bool"] = np.array([True, False, True])
    bf = (np.array([1.5, -2.0, 3e38, 0.0078125], "f4").view("u4") >> 16).astype("<u2")
    g.create_dataset("bf16", data=bf.view("V2")).attrs["dtype"] = "bfloat16"
    g["opaque"] = np.frombuffer(b"abcdef", "V3")
    g["scalar"] = np.float32(2.5)
    g["empty"] = np.zeros((0, 3), "f4")
    g["null"] = h5py.Empty("f4")
    g["strings"] = np.array([b"one", b"four"])
    g.create_dataset("vstrings", data=["eins", "", "drüben"], dtype=h5py.string_dtype())
    g["complex"] = np.array([1 + 2j], "c8")
    f["int_type"] = np.dtype("<i4")
    t = f["int_type"]
    g.create_dataset("committed", data=values(4, "i4"), dtype=t)
    g.attrs.create("committed", 7, dtype=t)


def low(f, name, data, fill=None, compact=False, early=False, chunks=None, maxshape=None, alloc=None):
    data = np.asarray(data)
    p = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    p.set_obj_track_times(False)
    if compact:
        p.set_layout(h5py.h5d.COMPACT)
    if chunks:
        p.set_chunk(chunks)
    if alloc is not None:
        p.set_alloc_time(alloc)
    if fill is not None:
        p.set_fill_value(np.array(fill, data.dtype))
    unl = h5py.h5s.UNLIMITED
    sp = h5py.h5s.create_simple(data.shape, tuple(unl if m is None else m for m in maxshape) if maxshape else None)
    d = h5py.h5d.create(f.id, name.encode(), h5py.h5t.py_create(data.dtype), sp, p)
    return h5py.Dataset(d)


def chunks(f, latest):
    """Chunked storage. In the latest format maxshape decides which index is used, before it was always the same."""
    a = values(7 * 9, "f4").reshape(7, 9)
    d = low(f, "compact", a, compact=True)
    d[...] = a
    low(f, "unwritten", a, fill=3.5)
    g = f.create_group("chunked")
    every = {"plain": {}, "gzip": dict(compression="gzip"), "shuffle": dict(compression="gzip", shuffle=True), "sum": dict(fletcher32=True),
             "all": dict(compression="gzip", shuffle=True, fletcher32=True)}
    for name, kw in every.items():
        if not latest and name not in ("plain", "all"):
            continue
        g.create_dataset(name, data=a, chunks=(3, 4), **kw)
        if not latest or name not in ("plain", "all"):
            continue
        g.create_dataset(name + "_one", data=a, chunks=(7, 9), **kw)
        g.create_dataset(name + "_u0", data=a, chunks=(3, 4), maxshape=(None, 9), **kw)
        g.create_dataset(name + "_u1", data=a, chunks=(3, 4), maxshape=(20, None), **kw)
        g.create_dataset(name + "_u01", data=a, chunks=(3, 4), maxshape=(None, None), **kw)
    g.create_dataset("gzip_i8", data=np.arange(30, dtype=">i8").reshape(2, 3, 5), chunks=(1, 2, 2), compression="gzip", shuffle=True)
    d = low(g, "early", a, chunks=(2, 5), alloc=h5py.h5d.ALLOC_TIME_EARLY)
    d[...] = a
    d = g.create_dataset("holes", shape=(10, 10), dtype="f4", chunks=(3, 3), fillvalue=-7)
    d[4, 4] = 1
    d[9, 9] = 2
    many = values(200 if latest else 70, "i1")
    g.create_dataset("many", data=many, chunks=(1,))
    if not latest:
        return
    d = low(g, "early_max", a, chunks=(2, 5), maxshape=(9, 23), alloc=h5py.h5d.ALLOC_TIME_EARLY)
    d[...] = a
    d = g.create_dataset("shrunk", data=values(40, "i2"), chunks=(4,), maxshape=(None,))
    d.resize((13,))
    d = g.create_dataset("shrunk_fixed", data=values(40, "i2"), chunks=(4,), maxshape=(50,))
    d.resize((13,))
    g.create_dataset("many_u", data=many, chunks=(1,), maxshape=(None,))
    g.create_dataset("many_uu", data=many.reshape(20, -1), chunks=(1, 1), maxshape=(None, None))


def sparse(f):
    """Array indexes large enough to be kept in pages and super blocks, with few chunks in them."""
    for name, kw in {"fixed": {}, "ext": dict(maxshape=(None,)), "ext_gz": dict(maxshape=(None,), compression="gzip")}.items():
        n = {"fixed": 1100, "ext": 132000, "ext_gz": 300}[name]
        d = f.create_dataset(name, shape=(n,), dtype="i1", chunks=(1,), fillvalue=9, **kw)
        for i in [0, 3, 4, 70, 290, n - 1]:
            d[i] = i % 100


def attributes(o, many):
    o.attrs["vlen_utf8"] = "grüße"
    o.attrs["vlen_ascii"] = b"dense"
    o.attrs["empty_string"] = ""
    o.attrs["names"] = [b"dense", b"dense_1", b""]
    o.attrs["names_utf8"] = np.array(["ä", "bb"], dtype=h5py.string_dtype())
    o.attrs["fixed"] = np.array([b"ab", b"cdef"])
    o.attrs["fixed_scalar"] = np.bytes_(b"xyz")
    t = h5py.h5t.C_S1.copy()
    t.set_size(6)
    t.set_strpad(h5py.h5t.STR_SPACEPAD)
    h5py.h5a.create(o.id, b"space_padded", t, h5py.h5s.create(h5py.h5s.SCALAR)).write(np.array(b"ab    ", "S6"))
    o.attrs["none"] = []
    o.attrs["int"] = 3
    o.attrs["ints"] = np.array([[1, -2], [3, 4]], ">i2")
    o.attrs["float"] = np.float16(1.5)
    o.attrs["null"] = h5py.Empty("f4")
    o.attrs["flag"] = True
    if many:
        o.attrs["wide"] = np.array([b"n%03d" % i for i in range(850)], "S5")
        for i in range(40):
            o.attrs["extra%02d" % i] = i


def groups(f, latest):
    d = f.create_dataset("shared", data=values(3, "f4"))
    for n, kw in {"few": {}, "many": {}, "ordered": dict(track_order=True)}.items():
        if n == "ordered" and not latest:
            continue
        g = f.create_group(n, **kw)
        for i in range({"few": 5, "many": 280 if latest else 100, "ordered": 60}[n]):
            g["m%03d" % ((i * 9) % 280)] = d
    g = f.create_group("a/b/c/d")
    g["deep"] = np.arange(2)
    f.create_group("nothing")
    o = f.create_dataset("with_attrs", data=values(3, "f4"))
    attributes(o, latest)
    attributes(f, False)


def enums(f):
    """Enumerations other than h5py's bool, of both byte orders."""
    for name, base in {"le": "<i2", "be": ">i4", "u1": "u1"}.items():
        t = h5py.enum_dtype({"RED": 3, "GREEN": 40, "BLUE": 100}, basetype=base)
        f.create_dataset("enums/" + name, data=np.array([40, 3, 100, 3], base), dtype=t)
        f.attrs.create(name, 100, dtype=t)
    f.create_dataset("chunked", data=values(90, "f4").reshape(9, 10), chunks=(2, 3), compression="gzip")


def wide_trees(create):
    """Another width of chunk trees, which superblock 1 is for. h5py has no name for it, its HDF5 has."""
    with open("/proc/self/maps") as maps:
        lib = next(line.split()[-1] for line in maps if "libhdf5-" in line or "libhdf5.so" in line or "libhdf5_serial.so" in line)
    f = ctypes.CDLL(lib).H5Pset_istore_k
    f.argtypes = [ctypes.c_int64, ctypes.c_uint]
    assert f(create.id, 64) >= 0


def small(name, low_version, setup, build=None):
    """A small file whose superblock says something unusual."""
    path = os.path.join(OUT, name)
    create, access = h5py.h5p.create(h5py.h5p.FILE_CREATE), h5py.h5p.create(h5py.h5p.FILE_ACCESS)
    setup(create)
    access.set_libver_bounds(low_version, h5py.h5f.LIBVER_LATEST)
    fid = h5py.h5f.create(path.encode(), h5py.h5f.ACC_TRUNC, fcpl=create, fapl=access)
    with h5py.File(fid) as f:
        f.create_dataset("g/d", data=values(9, "f4"))
        if build:
            build(f)
        if low_version == h5py.h5f.LIBVER_EARLIEST:
            f.attrs["names"] = ["eins", "zwei"]
    return path


def want(path):
    out = {"datasets": {}, "attrs": {}, "groups": {}}

    def attrs(name, o):
        for k in o.attrs:
            v = o.attrs[k]
            key = name + "@" + k
            if isinstance(v, h5py.Empty):
                out["attrs"][key] = None
            elif isinstance(v, (bytes, np.bytes_)):
                out["attrs"][key] = v.decode()
            elif isinstance(v, str):
                out["attrs"][key] = v
            else:
                v = np.asarray(v)
                if v.size > 100:
                    continue
                out["attrs"][key] = [x.decode() if isinstance(x, bytes) else x if isinstance(x, str) else float(x) for x in v.reshape(-1)]

    def visit(name, o):
        attrs("/" + name, o)
        if isinstance(o, h5py.Group):
            out["groups"]["/" + name] = list(o.keys())[:1000] if len(o) < 30 or o.name == "/ordered" else len(o)
        if isinstance(o, h5py.Dataset) and not name.endswith("null"):
            e = {"shape": list(o.shape)}
            v = o[()]
            if name.endswith("bf16"):
                v = (v.view("<u2").astype("u4") << 16).view("f4")
            if o.dtype.kind in "fiub" or name.endswith("bf16"):
                v = np.asarray(v).astype("<f8")
                v = np.where(np.isnan(v), 12345.0, v)  # NaNs have many bit patterns
                e["sha256"] = hashlib.sha256(v.tobytes()).hexdigest()
            if o.dtype.kind in "SO":
                e["strings"] = [x.decode() for x in v]
            out["datasets"]["/" + name] = e

    with h5py.File(path, "r") as f:
        attrs("/", f)
        out["groups"]["/"] = list(f.keys())
        f.visititems(visit)
    return out


def main():
    os.makedirs(OUT, exist_ok=True)
    paths = []
    for lib in ["earliest", "latest"]:
        paths.append(make("chunks_%s.h5" % lib, lambda f: chunks(f, lib == "latest"), libver=lib))
        paths.append(make("groups_%s.h5" % lib, lambda f: groups(f, lib == "latest"), libver=lib))
    paths.append(make("types_earliest.h5", types, libver="earliest"))
    paths.append(make("types_v108.h5", types, libver=("v108", "v108")))
    paths.append(make("sparse_latest.h5", sparse, libver="latest"))
    paths.append(make("userblock.h5", lambda f: f.create_dataset("d", data=values(9, "f4")), userblock_size=1024))
    first, last = h5py.h5f.LIBVER_EARLIEST, h5py.h5f.LIBVER_LATEST
    paths.append(small("sizes4_earliest.h5", first, lambda p: p.set_sizes(4, 4)))
    paths.append(small("superblock1_earliest.h5", first, wide_trees, enums))
    paths.append(small("extension_latest.h5", last, lambda p: p.set_file_space_strategy(h5py.h5f.FSPACE_STRATEGY_NONE, False, 1)))
    with open(os.path.join(OUT, "want.json"), "w") as w:
        json.dump({os.path.basename(p): want(p) for p in paths}, w, indent=0, sort_keys=True)


main()
