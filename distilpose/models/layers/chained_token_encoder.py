"""Several token encoders in a row, the transformer of TokenPose-L."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from .token_encoder import TokenEncoder


class ChainedTokenEncoder(TokenEncoder):
    """Transformers one after the other, each of which leaves its keypoint tokens for the readout.

    Every transformer adds the position before all of its layers but the first, as TokenPose does.

    Args:
        in_channels: channels of the feature map.
        num_keypoints: number of keypoint tokens K.
        transformers: how many.
        depth: layers of each.
        **kwargs: as :class:`TokenEncoder`.
    """

    def __init__(self, in_channels: int, num_keypoints: int, *, transformers: int, depth: int, **kwargs: Any) -> None:
        super().__init__(in_channels, num_keypoints, depth=transformers * depth, **kwargs)
        self.depth = depth

    @property
    def readout_dim(self) -> int:
        """Width of what is read of a keypoint."""
        return self.keypoint_tokens.shape[-1] * (len(self.layers) // self.depth)

    def forward(self, feature_map: Tensor) -> tuple[Tensor, Tensor | None]:
        """Encodes a feature map (B, C, H, W).

        Returns:
            Keypoint tokens (B, K, transformers * D), those of all transformers side by side, and visual tokens
            (B, P, D) as the last layer leaves them; ``None`` for visual tokens that are not to be shown.
        """
        tokens, position = self._embed(feature_map)
        left = []
        for index, layer in enumerate(self.layers):
            tokens = layer(tokens if index % self.depth == 0 else tokens + position, count=self._num_left(index))
            if (index + 1) % self.depth == 0:
                left.append(self._split(tokens)[0])
        return torch.cat(left, dim=-1), self._split(tokens)[1]


def build_token_encoder(in_channels: int, num_keypoints: int, **options: Any) -> TokenEncoder:
    """A :class:`ChainedTokenEncoder` where ``transformers`` is given, else a :class:`TokenEncoder`."""
    encoder = ChainedTokenEncoder if 'transformers' in options else TokenEncoder
    return encoder(in_channels, num_keypoints, **options)
