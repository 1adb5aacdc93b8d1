"""Codecs that mmpose lacks: targets and decoding of SimDR, TokenPose heatmaps, heatmaps without refinement."""

from .heatmaps import TokenPoseHeatmap, UnrefinedHeatmap
from .simdr_label import SimDRGaussianLabel, SimDRLabel, classify_coordinates, draw_axis_gaussians

__all__ = ['SimDRGaussianLabel', 'SimDRLabel', 'TokenPoseHeatmap', 'UnrefinedHeatmap', 'classify_coordinates',
           'draw_axis_gaussians']
