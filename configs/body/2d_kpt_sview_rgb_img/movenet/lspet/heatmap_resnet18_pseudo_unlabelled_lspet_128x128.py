# Heatmaps with a narrow ResNet-18 on LSPET and MoveNet Thunder's keypoints for 4,800 people, 128x128, on a CPU.
_base_ = 'heatmap_resnet18_pseudo_unlabelled_lspet_96x96.py'

from distilpose.data_config import with_codec

codec = dict(_base_.codec, input_size=(128, 128), heatmap_size=(32, 32))
model = dict(head=dict(decoder=codec))
train_pipeline, val_pipeline, train_dataloader, val_dataloader, test_dataloader = with_codec(_base_, codec)
