"""Parity with PyTorch, case by case: computed anew where it is installed, else read as recorded."""
