# The runtime of RTMPose: its seed, and a moving average of the weights, which is evaluated and saved.
_base_ = 'default.py'

randomness = dict(seed=21)
custom_hooks = [dict(type='EMAHook', ema_type='ExactExpMomentumEMA', momentum=0.0002, update_buffers=True, priority=49)]
