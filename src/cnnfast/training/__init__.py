"""Training: data, the loop and callbacks."""
