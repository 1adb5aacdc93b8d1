"""Export: ONNX files, converted checkpoints, and students without the distillation that trained them."""
