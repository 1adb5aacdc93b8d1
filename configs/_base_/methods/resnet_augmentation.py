# SimDR's augmentation with ResNets, instead of half bodies and of wider rotation and scaling.
augmentation = [dict(type='RandomScaleRotation', scale_factor=0.3, rotation_factor=40, rotation_prob=0.6)]
