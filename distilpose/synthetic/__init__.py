"""Synthetic people: rendered bodies with every keypoint known, the data that needs no download."""

from .writer import fingerprint, make_dataset

__all__ = ['fingerprint', 'make_dataset']
