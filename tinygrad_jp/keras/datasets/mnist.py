"""keras.datasets.mnist: 70,000 handwritten digits."""

from __future__ import annotations

from typing import Any

from ...data import load_mnist


def load_data(path: str = "mnist.npz") -> Any:
    """Give (x_train, y_train), (x_test, y_test): uint8 (60000, 28, 28) and (10000, 28, 28).

    Downloaded once; `path` changes nothing. Without a network DownloadError names what works:
    tj.data.load_mnist_5k has 5,000 of the digits.
    """
    (x_train, t_train), (x_test, t_test) = load_mnist(normalize=False, flatten=False)
    return (
        (x_train.reshape(-1, 28, 28), t_train.astype("uint8")),
        (x_test.reshape(-1, 28, 28), t_test.astype("uint8")),
    )
