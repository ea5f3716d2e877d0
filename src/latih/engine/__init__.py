"""The training engine: events, steps, the loop."""
