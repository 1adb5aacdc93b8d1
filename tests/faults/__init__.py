"""Faults: killed processes, full disks, signals, broken files."""
