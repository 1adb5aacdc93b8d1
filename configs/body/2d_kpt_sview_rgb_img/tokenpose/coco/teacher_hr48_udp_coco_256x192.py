# TokenPose with HRNet-W48 and unbiased data processing (UDP, Huang et al., CVPR 2020) on COCO, 256x192, on 8 GPUs.
_base_ = 'teacher_hr48_coco_256x192.py'

from distilpose.data_config import with_codec

udp = dict(type='UDPHeatmap', input_size=(192, 256), heatmap_size=(48, 64), sigma=2)
codec = dict(_delete_=True, **udp)
train_pipeline, val_pipeline, train_dataloader, val_dataloader, test_dataloader = with_codec(
    _base_, udp, use_udp=True)
model = dict(head=dict(decoder=dict(_delete_=True, **udp)), test_cfg=dict(shift_heatmap=False))
