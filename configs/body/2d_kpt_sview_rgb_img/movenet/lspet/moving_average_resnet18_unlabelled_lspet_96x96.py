# Mean Teacher, heatmaps of a narrow ResNet-18 on LSPET and 4,800 people without labels, 96x96, on a CPU.
_base_ = ['../../../../_base_/datasets/lspet_96x96_heatmap_unlabelled.py',
          '../../../../_base_/schedules/adamw_60e.py',
          '../../../../_base_/runtime/cpu.py',
          '../../../../_base_/methods/moving_average.py']

train_pipeline = [*_base_.train_pipeline[:-2], *_base_.strong, *_base_.train_pipeline[-2:]]
train_dataloader = dict(
    sampler=dict(_delete_=True, type='MultiSourceSampler', batch_size=32, source_ratio=[1, 1]),
    dataset=dict(pipeline=train_pipeline))
model = dict(
    type='PoseDistiller',
    student=dict(config='configs/body/2d_kpt_sview_rgb_img/movenet/lspet/heatmap_resnet18_lspet_96x96.py'),
    **_base_.moving_average)
model['terms']['heatmaps']['weight'] = 2000.0  # the scale of the task loss; the term has a half in it
