# SimDR with HRNet-W48 on COCO, 64x64, on 4 GPUs.
_base_ = ['../../../../_base_/datasets/simdr/coco_simdr_64x64.py', '../../../../_base_/family/simdr_hrnet_w48.py']
model = dict(head=dict(decoder=_base_.codec))
