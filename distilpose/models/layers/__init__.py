from .chained_token_encoder import ChainedTokenEncoder, build_token_encoder
from .position import sine_position_table
from .token_encoder import TokenEncoder

__all__ = ['ChainedTokenEncoder', 'TokenEncoder', 'build_token_encoder', 'sine_position_table']
