"""The parts of fine-tuning a base model: encoded examples, their order, batches, the training loop, the checkpoint."""
