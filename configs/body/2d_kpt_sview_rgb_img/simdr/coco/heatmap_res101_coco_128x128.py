# ./tools/dist_train.sh configs/body/2d_kpt_sview_rgb_img/simdr/coco/heatmap_res101_coco_128x128.py 4
_base_ = [
    '../../../../_base_/datasets/simdr/coco_heatmap_128x128.py',
    '../../../../_base_/schedules/adam_140e.py',
    '../../../../_base_/models/simdr/heatmap_res101.py',
    '../../../../_base_/methods/resnet_augmentation.py',
    '../../../../_base_/runtime/default.py',
]

from distilpose.data_config import with_augmentation

model = dict(head=dict(decoder=_base_.codec))
train_pipeline, train_dataloader = with_augmentation(_base_, _base_.augmentation)
