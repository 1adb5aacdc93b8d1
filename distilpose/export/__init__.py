"""Writing checkpoints for others: published files under our names, and students without what trained them."""
