"""The training engine: events, steps, the training itself, inference."""
