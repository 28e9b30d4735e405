"""The version of the package. `make version` writes it, here and everywhere else that names it."""

__version__ = "0.1.0"
