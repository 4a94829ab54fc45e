"""The graph of a model: layers, architectures, the regularised GAN, losses, augmentation. No sessions."""
