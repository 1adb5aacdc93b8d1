# SimDR* with HRNet-W48 on COCO, 384x288, on 4 GPUs.
_base_ = ['../../../../_base_/datasets/simdr/coco_sa_simdr_384x288_hrnet.py',
          '../../../../_base_/methods/sa_simdr.py',
          '../../../../_base_/family/simdr_hrnet_w48.py']
model = dict(head=dict(decoder=_base_.codec, loss=_base_.sa_simdr.loss), test_cfg=_base_.sa_simdr.test_cfg)
