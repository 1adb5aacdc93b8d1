from .token_encoder import ChainedTokenEncoder, TokenEncoder, build_token_encoder, sine_position_table

__all__ = ['ChainedTokenEncoder', 'TokenEncoder', 'build_token_encoder', 'sine_position_table']
