# ./tools/dist_train.sh configs/body/2d_kpt_sview_rgb_img/distilpose/coco/hrnet_w32_from_tokenpose_coco_256x192.py 8
# DistilPose's teacher and terms for a student on HRNet-W32.
_base_ = 'DistilPose_S_coco_256x192.py'
hrnet_w32 = dict(
    stage1=dict(num_modules=1, num_branches=1, block='BOTTLENECK', num_blocks=(4, ), num_channels=(64, )),
    stage2=dict(num_modules=1, num_branches=2, block='BASIC', num_blocks=(4, 4), num_channels=(32, 64)),
    stage3=dict(num_modules=4, num_branches=3, block='BASIC', num_blocks=(4, 4, 4), num_channels=(32, 64, 128)),
    stage4=dict(num_modules=3, num_branches=4, block='BASIC', num_blocks=(4, 4, 4, 4),
                num_channels=(32, 64, 128, 256)))
pretrained = dict(
    type='Pretrained', checkpoint='https://download.openmmlab.com/mmpose/pretrain_models/hrnet_w32-36af842e.pth')
model = dict(student=dict(backbone=dict(type='HRNet', extra=hrnet_w32, init_cfg=pretrained), head=dict(in_channels=32)))
