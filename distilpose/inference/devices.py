"""Torch devices by name, refused where they are not available."""

from __future__ import annotations

import torch

from distilpose.errors import DistilPoseError


def find_device(name: str) -> torch.device:
    """The device of this name; an empty tensor is put there to see whether it is.

    Raises:
        DistilPoseError: torch has no such device here.
    """
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:  # the latter where torch was built without CUDA
        raise DistilPoseError(f"the device {name!r} cannot be used here; expected 'cpu', or 'cuda' or 'cuda:N' where "
                              f'torch finds such a GPU ({str(error).splitlines()[0]})') from error
