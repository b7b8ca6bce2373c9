"""Deep learning for notebooks on any machine with OpenCL."""

__version__ = "0.1.0"
