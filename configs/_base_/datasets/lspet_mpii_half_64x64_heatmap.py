# The first half of the people of LSPET for training; their order is random.
_base_ = 'lspet_mpii_64x64_heatmap.py'

train_dataloader = dict(dataset=dict(indices=1200))
