# A faster training, as with --fast: bfloat16 where the machine multiplies it fast, an optimised teacher, channels last,
# a fused optimizer, fast data (docs/speed.md). Resolved when the training starts; --fast off turns it off.
# mmpose's own tools do not read it and train the plain recipe.
fast = 'auto'
