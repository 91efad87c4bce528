"""Fine-tunes a base model: encodes and orders the examples, makes batches, trains, and chooses a checkpoint."""
