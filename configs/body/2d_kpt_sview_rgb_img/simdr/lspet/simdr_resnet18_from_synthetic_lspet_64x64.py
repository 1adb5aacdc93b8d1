# SimDR with ResNet-18 from synthetic people on LSPET, 64x64, on a CPU.
# Three bins a pixel and the loss of the published ResNet-50 at this size.
_base_ = ['../../../../_base_/family/simdr_lspet.py', '../../../../_base_/models/simdr/simdr_resnet18_slim.py']

from distilpose.data_config import with_codec

codec = dict(type='SimDRLabel', input_size=(64, 64), simdr_split_ratio=3)
model = dict(head=dict(decoder=codec))
train_pipeline, val_pipeline, train_dataloader, val_dataloader, test_dataloader = with_codec(_base_, codec)
val_evaluator = dict(keypoint_score_thr=0.02)
test_evaluator = val_evaluator
