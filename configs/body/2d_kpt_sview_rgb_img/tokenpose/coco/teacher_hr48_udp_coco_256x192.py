# ./tools/dist_train.sh configs/body/2d_kpt_sview_rgb_img/tokenpose/coco/teacher_hr48_udp_coco_256x192.py 8
# The teacher with unbiased data processing (UDP, Huang et al., CVPR 2020) instead of shifted flips.
_base_ = 'teacher_hr48_coco_256x192.py'

udp = dict(type='UDPHeatmap', input_size=(192, 256), heatmap_size=(48, 64), sigma=2)
codec = dict(_delete_=True, **udp)
affine = dict(type='TopdownAffine', input_size=(192, 256), use_udp=True)
train_pipeline = _base_.train_pipeline
train_pipeline[6] = affine
train_pipeline[7] = dict(type='GenerateTarget', encoder=udp)
val_pipeline = _base_.val_pipeline
val_pipeline[2] = affine
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=val_pipeline))
test_dataloader = val_dataloader
model = dict(head=dict(decoder=dict(_delete_=True, **udp)), test_cfg=dict(shift_heatmap=False))
