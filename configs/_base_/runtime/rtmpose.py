# The common runtime with RTMPose's seed and its average of the weights, which is what is evaluated and saved.
_base_ = 'default.py'

randomness = dict(seed=21)
custom_hooks = [dict(type='EMAHook', ema_type='ExactExpMomentumEMA', momentum=0.0002, update_buffers=True, priority=49)]
