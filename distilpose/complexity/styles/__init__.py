"""The counters of published code bases, one a file."""

from .hrnet_counter import HRNET
from .mmcv_counter import MMCV

STYLES = dict(mmcv=MMCV, hrnet=HRNET)
"""Name on the command line -> style; the first is DistilPose's."""

__all__ = ['HRNET', 'MMCV', 'STYLES']
