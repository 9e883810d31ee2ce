"""Findling: search by meaning that runs where the text is.

Owns the version; the modules are imported by name (`from findling.app import App`), so that a browser loads none that
it does not need. Invariant: importing the package does no work.
"""

__version__ = "0.1.0"
