# Data, schedule, terms and runtime of SDPose on CrowdPose, 256x192. Its settings are not published: those are mmpose's
# data, with the targets and the schedule of SDPose on COCO.
_base_ = ['../datasets/crowdpose_256x192_heatmap.py', '../schedules/adam_300e.py', '../methods/sdpose.py',
          '../runtime/default.py']

from distilpose.data_config import with_codec

codec = dict(type='MSRAHeatmap', input_size=(192, 256), heatmap_size=(48, 64), sigma=2, unbiased=True,
             blur_kernel_size=11)
train_pipeline, val_pipeline, train_dataloader, val_dataloader, test_dataloader = with_codec(_base_, codec)
auto_scale_lr = dict(base_batch_size=512)
