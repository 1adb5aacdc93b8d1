# SimDR* with HRNet-W48 on COCO, 256x192, on 4 GPUs.
_base_ = ['../../../../_base_/datasets/simdr/coco_sa_simdr_256x192.py',
          '../../../../_base_/methods/sa_simdr.py',
          '../../../../_base_/family/simdr_hrnet_w48.py']
model = dict(head=dict(decoder=_base_.codec, loss=_base_.sa_simdr.loss), test_cfg=_base_.sa_simdr.test_cfg)
