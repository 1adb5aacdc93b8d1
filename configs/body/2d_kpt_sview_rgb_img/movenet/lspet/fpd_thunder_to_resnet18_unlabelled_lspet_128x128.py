# FPD of MoveNet Thunder to a narrow ResNet-18 on LSPET and 4,800 people without labels, 128x128, on a CPU.
_base_ = 'fpd_thunder_to_resnet18_unlabelled_lspet_96x96.py'

from distilpose.data_config import with_codec

codec = dict(_base_.codec, input_size=(128, 128), heatmap_size=(32, 32))
model = dict(student=dict(config='configs/body/2d_kpt_sview_rgb_img/movenet/lspet/heatmap_resnet18_lspet_128x128.py'))
train_pipeline, val_pipeline, train_dataloader, val_dataloader, test_dataloader = with_codec(_base_, codec)
