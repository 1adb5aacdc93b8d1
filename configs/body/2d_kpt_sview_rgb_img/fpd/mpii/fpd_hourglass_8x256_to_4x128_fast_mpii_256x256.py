# FPD of hourglass 8x256 to 4x128, faster, on MPII, 256x256, on 1 GPU.
_base_ = ['fpd_hourglass_8x256_to_4x128_mpii_256x256.py', '../../../../_base_/runtime/fast.py']
