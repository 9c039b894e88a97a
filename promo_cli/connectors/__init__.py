"""Connectors: each fills schema `shop` from one kind of source, by plain functions that need no terminal."""
