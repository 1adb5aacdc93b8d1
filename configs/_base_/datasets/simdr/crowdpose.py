# CrowdPose as SimDR's rows were trained, with mmpose 0.x on 8 GPUs x 64 images; sizes and codecs inherit this.
_base_ = '../crowdpose_256x192_heatmap.py'

codec = dict(_delete_=True, type='RegressionLabel', input_size=(192, 256))
train_dataloader = dict(batch_size=64)
