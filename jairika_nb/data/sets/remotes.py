"""Where the named sets lie, how large their files are, and what they must be.

The checksums are those that the sets' authors publish; of the two texts, those of the files that
everybody uses.
"""

from __future__ import annotations

from dataclasses import dataclass

OSSCI = "https://ossci-datasets.s3.amazonaws.com/mnist/"
CVDF = "https://storage.googleapis.com/cvdf-datasets/mnist/"
ZALANDO = "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/"
ZALANDO_S3 = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
KARPATHY = "https://raw.githubusercontent.com/karpathy/"


@dataclass(frozen=True)
class Remote:
    """A file to fetch: its name here, its size in bytes, its checksum, and where it may lie."""

    file: str
    size: int
    checksum: str  # the algorithm, a colon, the digits in base 16
    urls: tuple[str, ...]


def _idx(places: tuple[str, ...], *rows: tuple[str, int, str]) -> tuple[Remote, ...]:
    return tuple(
        Remote(file, size, f"md5:{md5}", tuple(place + file for place in places))
        for file, size, md5 in rows
    )


REMOTES: dict[str, tuple[Remote, ...]] = {
    "mnist": _idx(
        (OSSCI, CVDF),
        ("train-images-idx3-ubyte.gz", 9_912_422, "f68b3c2dcbeaaa9fbdd348bbdeb94873"),
        ("train-labels-idx1-ubyte.gz", 28_881, "d53e105ee54ea40749a09fcbcd1e9432"),
        ("t10k-images-idx3-ubyte.gz", 1_648_877, "9fb629c4189551a2d022fa330f9573f3"),
        ("t10k-labels-idx1-ubyte.gz", 4_542, "ec29112dd5afa0611ce80d1b7f02629c"),
    ),
    "fashion_mnist": _idx(
        (ZALANDO, ZALANDO_S3),
        ("train-images-idx3-ubyte.gz", 26_421_880, "8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
        ("train-labels-idx1-ubyte.gz", 29_515, "25c81989df183df01b3e8a0aad5dffbe"),
        ("t10k-images-idx3-ubyte.gz", 4_422_102, "bef4ecab320f06d8554ea6380940ec79"),
        ("t10k-labels-idx1-ubyte.gz", 5_148, "bb300cfdad3c16e7a12a480ee83cd310"),
    ),
    "cifar10": (
        Remote(
            "cifar-10-binary.tar.gz",
            170_052_171,
            "md5:c32a1d4ab5d03f1284b67883e8d87530",
            ("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",),
        ),
    ),
    "shakespeare": (
        Remote(
            "tinyshakespeare.txt",
            1_115_394,
            "sha256:86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
            (KARPATHY + "char-rnn/master/data/tinyshakespeare/input.txt",),
        ),
    ),
    "names": (
        Remote(
            "names.txt",
            228_145,
            "sha256:0a30b5557f192f32ab962680889aac5f6fda0f4cecf40a6d0b5694f58ea8cc4d",
            (KARPATHY + "makemore/master/names.txt",),
        ),
    ),
}
