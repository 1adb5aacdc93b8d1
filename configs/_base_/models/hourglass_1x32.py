# Hourglass network 1x32: one stack of width 32.
_base_ = 'hourglass_8x256.py'

model = dict(backbone=dict(num_stacks=1, channels=32), head=dict(num_stages=1))
