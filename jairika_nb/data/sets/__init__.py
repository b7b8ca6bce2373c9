"""Datasets by name: found in the user's folders, or fetched into a cache and checked."""

from jairika_nb.data.sets.cifar import cifar10
from jairika_nb.data.sets.digits import digits
from jairika_nb.data.sets.mnist import fashion_mnist, mnist
from jairika_nb.data.sets.texts import names, shakespeare

__all__ = ["cifar10", "digits", "fashion_mnist", "mnist", "names", "shakespeare"]
