# The runtime of small networks on a CPU.
_base_ = 'default.py'

custom_hooks = [dict(type='ChannelsLastHook')]
