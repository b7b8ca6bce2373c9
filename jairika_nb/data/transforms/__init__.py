"""What is done to samples and batches on their way to the network, on NumPy arrays.

Images are (C, H, W), batches of them (N, C, H, W). Random transforms take their numbers from the
loader's seed, the epoch and the sample's index: a pass that is repeated repeats them.
"""

from jairika_nb.data.transforms.color import ColorJitter
from jairika_nb.data.transforms.compose import Compose, Lambda
from jairika_nb.data.transforms.crop import CenterCrop, RandomCrop
from jairika_nb.data.transforms.flip import RandomHorizontalFlip, RandomVerticalFlip
from jairika_nb.data.transforms.mix import CutMix, MixUp
from jairika_nb.data.transforms.normalize import Normalize
from jairika_nb.data.transforms.onehot import OneHot
from jairika_nb.data.transforms.resize import Resize
from jairika_nb.data.transforms.rotation import RandomRotation
from jairika_nb.data.transforms.scale import Scale

__all__ = [
    "CenterCrop",
    "ColorJitter",
    "Compose",
    "CutMix",
    "Lambda",
    "MixUp",
    "Normalize",
    "OneHot",
    "RandomCrop",
    "RandomHorizontalFlip",
    "RandomRotation",
    "RandomVerticalFlip",
    "Resize",
    "Scale",
]
