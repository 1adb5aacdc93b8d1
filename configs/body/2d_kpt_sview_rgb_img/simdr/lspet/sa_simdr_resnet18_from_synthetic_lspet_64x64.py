# SimDR* with ResNet-18 from synthetic people on LSPET, 64x64, on a CPU.
# Nothing is published at this size or at 128x128. Sigma is a pixel, as in the published rows.
_base_ = ['../../../../_base_/family/simdr_lspet.py',
          '../../../../_base_/models/simdr/simdr_resnet18_slim.py',
          '../../../../_base_/methods/sa_simdr.py']

from distilpose.data_config import with_codec

codec = dict(type='SimDRGaussianLabel', input_size=(64, 64), simdr_split_ratio=3, sigma=3)
model = dict(head=dict(decoder=codec, loss=_base_.sa_simdr.loss), test_cfg=_base_.sa_simdr.test_cfg)
train_pipeline, val_pipeline, train_dataloader, val_dataloader, test_dataloader = with_codec(_base_, codec)
val_evaluator = dict(keypoint_score_thr=0.02)
test_evaluator = val_evaluator
