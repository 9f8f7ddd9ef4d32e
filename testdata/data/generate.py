"""Writes the arrays and images beside this file, with numpy and Keras, for the tests of core/dataset to read."""
import os
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import numpy as np

here = os.path.dirname(os.path.abspath(__file__))
path = lambda *p: os.path.join(here, *p)

# Every array of this file holds arange(24) - 5 (unsigned: arange(24)), halved where floating, of shape (2, 3, 4).
arrays = {}
for dt in ["<f2", "<f4", "<f8", ">f4", ">f8", "<i1", "<i2", ">i2", "<i4", ">i4", "<i8", ">i8", "<u1", "<u2", ">u2", "<u4", "<u8"]:
    a = np.arange(24).reshape(2, 3, 4)
    if dt[1] != "u":
        a = a - 5
    if dt[1] == "f":
        a = a / 2
    name = {"<": "little", ">": "big"}[dt[0]] + "_" + dt[1:]
    arrays[name] = a.astype(dt)
    arrays[name + "_fortran"] = np.asfortranarray(a.astype(dt))
np.savez(path("types.npz"), **arrays)
np.savez_compressed(path("types_deflated.npz"), **arrays)

np.save(path("half.npy"), np.arange(0, 65536, 61, dtype=np.uint16).view(np.float16))
np.save(path("half_as_single.npy"), np.arange(0, 65536, 61, dtype=np.uint16).view(np.float16).astype(np.float32))
np.savez(path("odd.npz"), scalar=np.float32(1.5), empty=np.zeros((0, 3), np.float32), yes=np.array([True, False, True]),
         vector=np.arange(3, dtype=np.int32))
for version in [(1, 0), (2, 0), (3, 0)]:
    with open(path("version%d.npy" % version[0]), "wb") as f:
        np.lib.format.write_array(f, np.arange(6, dtype=np.float32).reshape(2, 3), version=version)

x = np.arange(5 * 4, dtype=np.float32).reshape(5, 4)
np.savez_compressed(path("split.npz"), x_train=x, y_train=np.arange(5), sample_weight_train=np.linspace(0, 1, 5), x_test=x[:2], y_test=np.arange(2))
np.savez(path("pair.npz"), x=x, y=x[:, :1])
np.savez(path("named.npz"), left=x, right=x[:, :2], total=x.sum(1, keepdims=True), extra=np.zeros(7))
np.savez(path("lengths.npz"), x=x, y=np.arange(4))

np.savez(path("refused.npz"), object=np.array([{"a": 1}, None], dtype=object), strings=np.array(["a", "bc"]), bytes=np.array([b"a"]),
         complex=np.array([1j]), fields=np.zeros(2, [("a", "<f4"), ("b", "<i4")]), date=np.array(["2020-01-01"], dtype="M8[D]"),
         huge=np.array([2**63], dtype=np.uint64), long=np.zeros(2, np.longdouble))

import keras
import tensorflow as tf

rng = np.random.default_rng(1)
src = rng.integers(0, 256, (7, 5, 3), dtype=np.uint8)
np.savez(path("resize.npz"), src=src, **{"to_%d_%d" % s: tf.image.resize(src, s).numpy() for s in [(7, 5), (3, 3), (14, 10), (9, 2), (1, 1)]})

for i, (name, size) in enumerate([("cat/a.png", (8, 6)), ("cat/deep/b.png", (5, 9)), ("dog/c.jpg", (12, 10)), ("dog/d.png", (6, 6))]):
    os.makedirs(os.path.dirname(path("images", name)), exist_ok=True)
    yy, xx = np.mgrid[0:size[0], 0:size[1]]
    smooth = np.stack([yy * 20 + 10, xx * 15 + 40 * i, 200 - yy * 8 - xx * 7], -1).astype(np.uint8)
    write = tf.io.encode_jpeg if name.endswith("jpg") else tf.io.encode_png
    if name.endswith("d.png"):
        smooth = np.concatenate([smooth, np.full(size + (1,), 100, np.uint8)], -1)
    data = write(smooth, quality=95) if write is tf.io.encode_jpeg else write(smooth)
    with open(path("images", name), "wb") as f:
        f.write(data.numpy())
out = {}
for mode in ["rgb", "grayscale"]:
    ds = keras.utils.image_dataset_from_directory(path("images"), shuffle=False, image_size=(6, 4), color_mode=mode, batch_size=None)
    out["x_" + mode] = np.stack([a.numpy() for a, _ in ds])
    out["y"] = np.array([b.numpy() for _, b in ds])
np.savez(path("images_keras.npz"), **out)
