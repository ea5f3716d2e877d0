"""Networks in plain PyTorch, which those of Latih are compared with."""
