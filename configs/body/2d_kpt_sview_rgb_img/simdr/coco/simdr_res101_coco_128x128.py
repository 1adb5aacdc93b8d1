# SimDR with ResNet-101 on COCO, 128x128, on 4 GPUs.
_base_ = ['../../../../_base_/datasets/simdr/coco_simdr_128x128.py',
          '../../../../_base_/models/simdr/simdr_res50.py',
          '../../../../_base_/family/simdr_resnet.py']

from distilpose.data_config import with_augmentation

model = dict(backbone=dict(depth=101, init_cfg=dict(checkpoint='torchvision://resnet101')),
             head=dict(decoder=_base_.codec, loss=dict(smoothing=0.2)))
train_pipeline, train_dataloader = with_augmentation(_base_, _base_.augmentation)
