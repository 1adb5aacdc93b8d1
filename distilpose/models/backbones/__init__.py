from .hrnet_3stage import HRNet3Stage
from .raw_image import RawImage
from .stacked_hourglass import StackedHourglass
from .stemnet import StemNet

__all__ = ['HRNet3Stage', 'RawImage', 'StackedHourglass', 'StemNet']
