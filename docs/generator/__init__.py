"""The reference pages of the documentation, made from the project itself: YAML, docstrings, and the command line's own options.

Each module makes pages: a mapping from a path below `docs/` to Markdown. Nothing of it is checked in; `docs/hooks.py` hands the
pages to MkDocs at build time.
"""
