"""Training in several processes that torchrun started."""
