"""Images in folders, one folder a class."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from jairika_nb.data.dataset import Dataset, check_index
from jairika_nb.data.transforms import Compose, Normalize, Scale
from jairika_nb.data.transforms.images import ImageTransform
from jairika_nb.errors import DataError, MissingPackage

# Formats that Pillow decodes itself; others start programs or are rare.
FORMATS = {
    "BMP": (".bmp",), "GIF": (".gif",), "JPEG": (".jpg", ".jpeg"), "PNG": (".png",),
    "PPM": (".ppm", ".pgm", ".pbm"), "TIFF": (".tif", ".tiff"), "WEBP": (".webp",),
}  # fmt: skip
ENDINGS = {ending for endings in FORMATS.values() for ending in endings}
# Pillow's own measure of a decompression bomb: a quarter of a gibibyte in three channels.
LARGEST_PIXELS = 89_478_485
NAMED = 5


class ImageFolder(Dataset):
    """Images in sub-folders of ``root``, whose sorted names are the classes.

    A sample is an image (C, H, W) and its class, int32. ``mode`` is Pillow's: "RGB" gives three
    channels, "L" one. ``transform`` takes the bytes of each image; by default they become float32
    between 0 and 1. Images are read when they are asked for; sizes are looked at before.

    Raises DataError for images of unequal sizes, naming some, unless a transform such as
    ``Resize((64, 64))`` makes them equal; for an image that cannot be read, naming it, when
    ``on_error`` is "raise"; for one of more than ``largest_pixels``. ``on_error="skip"`` decodes
    all images at the start, leaves out those that cannot be read, keeps their paths and reasons in
    ``skipped``, and warns of them. ``check=False`` looks at nothing before it is read.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        *,
        mode: str = "RGB",
        on_error: str = "raise",
        check: bool = True,
        largest_pixels: int = LARGEST_PIXELS,
    ) -> None:
        if on_error not in ("raise", "skip"):
            raise DataError(f"on_error={on_error!r} is unknown; use 'raise' or 'skip'")
        if mode not in ("RGB", "L", "RGBA"):
            raise DataError(f"mode={mode!r} is unknown; use 'RGB', 'L' or 'RGBA'")
        self.root, self.mode, self.largest_pixels = Path(root), mode, largest_pixels
        self.transform = Scale(255) if transform is None else transform
        self.target_transform = target_transform
        self.classes, self.paths, self.targets = _found(self.root)
        self.skipped: list[tuple[Path, str]] = []
        if on_error == "skip":
            self._leave_out_unreadable()
        if check:
            self._check_sizes()

    @property
    def class_to_idx(self) -> dict[str, int]:
        """The index of each class."""
        return {name: index for index, name in enumerate(self.classes)}

    def _leave_out_unreadable(self) -> None:
        good = []
        for number, path in enumerate(self.paths):
            try:
                self._decoded(path)
                good.append(number)
            except DataError as error:
                self.skipped.append((path, str(error)))
        if not good:
            raise DataError(f"{self.root}: none of {len(self.paths)} images can be read; "
                            f"{self.skipped[0][1]}")  # fmt: skip
        if self.skipped:
            shown = "; ".join(reason for _, reason in self.skipped[:NAMED])
            more = "; ..." if len(self.skipped) > NAMED else ""
            warnings.warn(
                f"skipped {len(self.skipped)} of {len(self.paths)} images: {shown}{more}",
                stacklevel=3,
            )
        self.paths, self.targets = [self.paths[i] for i in good], self.targets[good]

    def _check_sizes(self) -> None:
        sizes: dict[tuple[int, int], Path] = {}
        for path in self.paths:
            with _opened(path, self.largest_pixels) as image:
                sizes.setdefault((image.height, image.width), path)
        if len(sizes) > 1 and not _makes_equal(self.transform):
            shown = ", ".join(f"{p} {h}x{w}" for (h, w), p in list(sizes.items())[:NAMED])
            raise DataError(
                f"images have {len(sizes)} sizes, such as {shown}: samples of a batch need equal "
                "shapes; give a transform with Resize((height, width))"
            )

    def _decoded(self, path: Path) -> np.ndarray:
        with _opened(path, self.largest_pixels) as image:
            try:
                pixels = np.asarray(image.convert(self.mode))
            except Exception as error:
                raise DataError(f"{path}: a damaged image ({error})") from error
        return pixels[None] if pixels.ndim == 2 else np.ascontiguousarray(pixels.transpose(2, 0, 1))

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return self.batch(np.arange(len(self))[index])
        check_index(index, len(self))
        target = self.targets[index]
        image = self.transform(self._decoded(self.paths[index]))
        return image, target if self.target_transform is None else self.target_transform(target)

    def __repr__(self) -> str:
        return f"ImageFolder({str(self.root)!r}: {len(self)} images of {len(self.classes)} classes)"


def _found(root: Path) -> tuple[tuple[str, ...], list[Path], np.ndarray]:
    """Classes, the images' paths in sorted order, and the class of each."""
    if not root.is_dir():
        raise DataError(f"{root}: no such folder")
    folders = sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))
    if not folders:
        raise DataError(f"{root} has no sub-folder; each class needs one with its images")
    paths, targets = [], []
    for number, folder in enumerate(folders):
        images = sorted(p for p in folder.rglob("*") if p.suffix.lower() in ENDINGS and p.is_file())
        if not images:
            raise DataError(
                f"{folder} has no image ({', '.join(sorted(ENDINGS))}); remove it or add some"
            )
        paths += images
        targets += [number] * len(images)
    return tuple(f.name for f in folders), paths, np.array(targets, np.int32)


def _opened(path: Path, largest_pixels: int) -> Any:
    try:
        from PIL import Image
    except ImportError as error:
        raise MissingPackage("ImageFolder needs Pillow; `pip install pillow` adds it") from error
    try:
        image = Image.open(path, formats=list(FORMATS))
    except Exception as error:
        raise DataError(f"{path}: not a readable image ({error})") from error
    if image.width * image.height > largest_pixels:
        image.close()
        raise DataError(
            f"{path}: {image.height}x{image.width} pixels are more than the limit of "
            f"{largest_pixels:,}; raise largest_pixels if the file can be trusted"
        )
    return image


def _makes_equal(transform: Any) -> bool:
    """Whether images of all sizes get one; functions of the user are believed to see to it."""
    if isinstance(transform, ImageTransform):
        return transform.output_size is not None
    if isinstance(transform, Compose):
        return any(_makes_equal(t) for t in transform.transforms)
    return not isinstance(transform, Scale | Normalize)
