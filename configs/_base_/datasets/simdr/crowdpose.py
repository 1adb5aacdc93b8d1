# CrowdPose as in SimDR's rows, which were trained with mmpose 0.x. A base per size and codec inherits it.
_base_ = '../crowdpose_256x192_heatmap.py'

codec = dict(_delete_=True, type='RegressionLabel', input_size=(192, 256))
train_dataloader = dict(batch_size=64)
