"""Stored annotations: what training reads of annotation and detection files, as memory-mapped arrays in a cache folder.

The room lies above ``annotations``, whose checks it runs and remembers, and below ``config``, ``datasets``.
"""
