from .position import sine_position_table
from .token_encoder import TokenEncoder

__all__ = ['TokenEncoder', 'sine_position_table']
