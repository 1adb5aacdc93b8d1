# The first half of its people for training; they are in no particular order.
_base_ = 'lspet_mpii_64x64_heatmap.py'

train_dataloader = dict(dataset=dict(indices=1200))
