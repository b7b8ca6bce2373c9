"""What is done to samples and batches on their way to the network, on NumPy arrays.

Images are (C, H, W), batches of them (N, C, H, W). Random transforms take their numbers from the
loader's seed, the epoch and the sample's index: a pass that is repeated repeats them.
"""

from typing import Any

from jairika_nb.data.transforms.color import ColorJitter
from jairika_nb.data.transforms.compose import Compose, Lambda
from jairika_nb.data.transforms.crop import CenterCrop, RandomCrop
from jairika_nb.data.transforms.erasing import RandomErasing
from jairika_nb.data.transforms.flip import RandomHorizontalFlip, RandomVerticalFlip
from jairika_nb.data.transforms.grey import Grayscale
from jairika_nb.data.transforms.mix import CutMix, MixUp
from jairika_nb.data.transforms.normalize import Normalize
from jairika_nb.data.transforms.onehot import OneHot
from jairika_nb.data.transforms.pad import Pad
from jairika_nb.data.transforms.resize import Resize
from jairika_nb.data.transforms.resized_crop import RandomResizedCrop
from jairika_nb.data.transforms.rotation import RandomRotation
from jairika_nb.data.transforms.scale import Scale

__all__ = [
    "CenterCrop",
    "ColorJitter",
    "Compose",
    "CutMix",
    "Grayscale",
    "Lambda",
    "MixUp",
    "Normalize",
    "OneHot",
    "Pad",
    "RandomCrop",
    "RandomErasing",
    "RandomHorizontalFlip",
    "RandomResizedCrop",
    "RandomRotation",
    "RandomVerticalFlip",
    "Resize",
    "Scale",
]

# What people who come from torchvision look for.
_HABITS = {
    "ToTensor": "Scale(255); loaders make tensors",
    "PILToTensor": "nothing; images are arrays (C, H, W)",
    "ToPILImage": "PIL.Image.fromarray",
    "ConvertImageDtype": "Scale(255)",
    "ToDtype": "Scale(255)",
    "InterpolationMode": "interpolation='bilinear', 'bicubic' or 'nearest'",
}


def __getattr__(name: str) -> Any:
    way = f"; use {_HABITS[name]}" if name in _HABITS else f", only {', '.join(__all__)}"
    raise AttributeError(f"{__name__} has no {name!r}{way}")
