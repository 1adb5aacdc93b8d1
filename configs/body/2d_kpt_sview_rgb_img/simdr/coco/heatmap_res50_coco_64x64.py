# Heatmaps with ResNet-50 on COCO, 64x64, on 4 GPUs.
_base_ = ['../../../../_base_/datasets/simdr/coco_heatmap_64x64.py',
          '../../../../_base_/models/simdr/heatmap_res50.py',
          '../../../../_base_/family/simdr_resnet.py']

from distilpose.data_config import with_augmentation

model = dict(head=dict(decoder=_base_.codec))
train_pipeline, train_dataloader = with_augmentation(_base_, _base_.augmentation)
