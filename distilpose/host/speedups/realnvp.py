"""Prior of RLE's flow without checks of its constant parameters, for each of which a GPU is waited for."""

from __future__ import annotations

import torch
from mmpose.models.utils.realnvp import RealNVP
from torch.distributions import MultivariateNormal

checked_prior = RealNVP.prior
"""mmpose's own, which :data:`prior` replaces."""


@property  # type: ignore[misc]
def prior(self: RealNVP) -> MultivariateNormal:
    """mmpose's ``RealNVP.prior``: the normal distribution of the flow's buffers, built anew for every loss."""
    return MultivariateNormal(self.loc, scale_tril=torch.linalg.cholesky_ex(self.cov).L, validate_args=False)
