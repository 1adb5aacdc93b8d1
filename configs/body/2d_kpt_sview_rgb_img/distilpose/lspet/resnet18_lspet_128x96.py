# ./tools/dist_train.sh configs/body/2d_kpt_sview_rgb_img/distilpose/lspet/resnet18_lspet_128x96.py 1
# DistilPose-XS without a teacher: coordinates only.
_base_ = [
    '../../../../_base_/datasets/lspet_128x96_regression.py',
    '../../../../_base_/schedules/adamw_30e.py',
    '../../../../_base_/models/distilpose_xs_128x96.py',
    '../../../../_base_/runtime/default.py',
]
model = _base_.student
model['head'].update(with_scores=False, with_sigmas=False)
