# Hourglass network 2x64: two stacks of width 64.
_base_ = 'hourglass_8x256.py'

model = dict(backbone=dict(num_stacks=2, channels=64), head=dict(num_stages=2))
