# SDPose-Reg on COCO, 256x192, on 8 GPUs: DistilPose-S with residual log-likelihood, which teaches itself. It is not
# published as a config.
_base_ = ['../../../../_base_/family/distilpose_coco_256x192.py',
          '../../../../_base_/models/distilpose_s.py',
          '../../../../_base_/methods/sdpose.py']
student = _base_.student
student.head.update(with_scores=False, with_sigmas=False, loss=dict(type='RLELoss', use_target_weight=True))
model = dict(type='PoseDistiller', student=student, **_base_.sdpose)
train_dataloader = dict(batch_size=64)
auto_scale_lr = dict(base_batch_size=512)
