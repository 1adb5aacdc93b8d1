# Hourglass network 4x128, FPD's student on MPII: four stacks of width 128.
_base_ = 'hourglass_8x256.py'

model = dict(backbone=dict(num_stacks=4, channels=128), head=dict(num_stages=4))
