from .hrnet_3stage import HRNet3Stage
from .raw_image import RawImage
from .stemnet import StemNet

__all__ = ['HRNet3Stage', 'RawImage', 'StemNet']
