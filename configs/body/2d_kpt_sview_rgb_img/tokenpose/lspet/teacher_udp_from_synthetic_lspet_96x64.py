# TokenPose-XS from synthetic people with unbiased data processing (UDP) on LSPET, 96x64, on a CPU.
_base_ = 'teacher_from_synthetic_lspet_96x64.py'

from distilpose.data_config import with_codec

udp = dict(type='UDPHeatmap', input_size=(64, 96), heatmap_size=(16, 24), sigma=1.5, blur_kernel_size=7)
codec = dict(_delete_=True, **udp)
train_pipeline, val_pipeline, train_dataloader, val_dataloader, test_dataloader = with_codec(
    _base_, udp, use_udp=True)
model = dict(head=dict(decoder=dict(_delete_=True, **udp)), test_cfg=dict(shift_heatmap=False))
