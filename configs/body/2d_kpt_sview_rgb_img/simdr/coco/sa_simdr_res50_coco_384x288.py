# SimDR* with ResNet-50 on COCO, 384x288, on 4 GPUs.
_base_ = ['../../../../_base_/datasets/simdr/coco_sa_simdr_384x288_resnet.py',
          '../../../../_base_/methods/sa_simdr.py',
          '../../../../_base_/models/simdr/simdr_res50.py',
          '../../../../_base_/family/simdr_resnet.py']

from distilpose.data_config import with_augmentation

model = dict(head=dict(decoder=_base_.codec, loss=_base_.sa_simdr.loss), test_cfg=_base_.sa_simdr.test_cfg)
train_pipeline, train_dataloader = with_augmentation(_base_, _base_.augmentation)
