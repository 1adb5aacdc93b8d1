# SimDR with HRNet-W32 on CrowdPose, 256x192, on 8 GPUs.
# Split ratio, loss and smoothing of this row are not published; they are those of COCO at this size.
_base_ = ['../../../../_base_/datasets/simdr/crowdpose_simdr_256x192.py',
          '../../../../_base_/models/simdr/simdr_hrnet_w32.py',
          '../../../../_base_/family/simdr_crowdpose.py']
model = dict(head=dict(decoder=_base_.codec, num_keypoints=14))
