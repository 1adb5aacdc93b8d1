# TokenPose-L/D6 on COCO, 256x192, on 4 GPUs. It is not published as a config; two layers a transformer give the paper's
# parameters and operations.
_base_ = 'tokenpose_l_d24_coco_256x192.py'
model = dict(head=dict(encoder=dict(depth=2, num_heads=8)))
