# SimDR with HRNet-W32 on MPII, 256x256, on 4 GPUs.
_base_ = ['../../../../_base_/datasets/simdr/mpii_simdr_256x256.py', '../../../../_base_/family/simdr_hrnet_w32.py']
model = dict(head=dict(decoder=_base_.codec, num_keypoints=16,
                       loss=dict(_delete_=True, type='NMTNormLoss', smoothing=0.2)))
