"""The service's version, which is the package's. The functions are deployed without the package, so they have it here."""

__version__ = "0.1.0"
