# Data, schedule and runtime of hourglass networks on MPII, 256x256, in batches of 4.
_base_ = ['../datasets/mpii_256x256_heatmap.py', '../schedules/adam_140e_fpd.py', '../runtime/default.py']
train_dataloader = dict(batch_size=4)
