# The same for a teacher that draws heatmaps.
_base_ = 'lspet_96x64_regression.py'

codec = dict(type='MSRAHeatmap', input_size=(64, 96), heatmap_size=(16, 24), sigma=1.5, unbiased=True,
             blur_kernel_size=7)
train_pipeline = _base_.train_pipeline
train_pipeline[5] = dict(type='GenerateTarget', encoder=codec)
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
