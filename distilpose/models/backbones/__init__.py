from .hrnet_3stage import HRNet3Stage
from .stemnet import StemNet

__all__ = ['HRNet3Stage', 'StemNet']
