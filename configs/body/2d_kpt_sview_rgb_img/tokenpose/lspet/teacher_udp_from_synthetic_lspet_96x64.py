# ./tools/dist_train.sh configs/body/2d_kpt_sview_rgb_img/tokenpose/lspet/teacher_udp_from_synthetic_lspet_96x64.py 1
# The same teacher with unbiased data processing (UDP).
_base_ = 'teacher_from_synthetic_lspet_96x64.py'

udp = dict(type='UDPHeatmap', input_size=(64, 96), heatmap_size=(16, 24), sigma=1.5, blur_kernel_size=7)
codec = dict(_delete_=True, **udp)
affine = dict(type='TopdownAffine', input_size=(64, 96), use_udp=True)
train_pipeline = _base_.train_pipeline
train_pipeline[4] = affine
train_pipeline[5] = dict(type='GenerateTarget', encoder=udp)
val_pipeline = _base_.val_pipeline
val_pipeline[2] = affine
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = val_dataloader
model = dict(head=dict(decoder=dict(_delete_=True, **udp)), test_cfg=dict(shift_heatmap=False))
