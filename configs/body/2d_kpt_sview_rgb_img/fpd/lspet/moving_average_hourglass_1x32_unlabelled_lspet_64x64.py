# Mean Teacher: hourglass 1x32, trained on LSPET's labels before, and 4,800 more people without labels, 64x64, on a CPU.
_base_ = ['../../../../_base_/datasets/lspet_mpii_4800_unlabelled_64x64_heatmap.py',
          '../../../../_base_/schedules/adamw_6e.py',
          '../../../../_base_/runtime/cpu.py',
          '../../../../_base_/methods/moving_average.py']

train_pipeline = [*_base_.train_pipeline[:-2], *_base_.strong, *_base_.train_pipeline[-2:]]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
model = dict(
    type='PoseDistiller',
    student=dict(config='configs/body/2d_kpt_sview_rgb_img/fpd/lspet/hourglass_1x32_lspet_64x64.py',
                 checkpoint='work_dirs/hourglass_1x32_lspet_64x64/epoch_6.pth'),
    **_base_.moving_average)
model['teacher']['momentum'] = 0.99  # of 2,700 steps
optim_wrapper = dict(optimizer=dict(lr=1e-3))  # with 5e-3 the heatmaps of both grew without bound once it started
