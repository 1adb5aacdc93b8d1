"""Layers: the token encoder, a transformer of keypoint and visual tokens."""

from .token_encoder import ChainedTokenEncoder, TokenEncoder, build_token_encoder, sine_position_table

__all__ = ['ChainedTokenEncoder', 'TokenEncoder', 'build_token_encoder', 'sine_position_table']
