"""The command line: options, checks that need nothing but the file system, and the console command ``distilpose``.

Nothing here imports torch, mmpose or ``distilpose`` before the arguments are read, because importing ``distilpose``
registers everything and takes seconds.
"""
