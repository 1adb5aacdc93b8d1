# SimDR with ResNet-50 on COCO, 256x192, on 4 GPUs.
_base_ = ['../../../../_base_/datasets/simdr/coco_simdr_256x192.py',
          '../../../../_base_/models/simdr/simdr_res50.py',
          '../../../../_base_/family/simdr_resnet.py']

from distilpose.data_config import with_augmentation

model = dict(head=dict(decoder=_base_.codec))
train_pipeline, train_dataloader = with_augmentation(_base_, _base_.augmentation)
