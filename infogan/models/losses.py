"""The terms of the objective (arXiv:1606.03657, Eq. 6) as functions of logits and log-likelihoods.

min_{G,Q} max_D  V(D, G) - lambda * L_I(G, Q)
"""

from infogan.tf1 import tf


def discriminator_loss(real_logits, generated_logits):
    """Cross entropy of D, the negative of V(D, G).

        mean{ -log D(x) } + mean{ -log(1 - D(G(z, c))) }

    Args:
      real_logits: Tensor [B], D's logits on real images.
      generated_logits: Tensor [B], D's logits on generated images.

    Returns:
      Scalar Tensor in nats; 2 ln 2 = 1.386 where D cannot tell them apart.
    """
    return tf.reduce_mean(tf.nn.softplus(-real_logits)) + tf.reduce_mean(tf.nn.softplus(generated_logits))


def generator_loss(generated_logits):
    """Cross entropy that G minimises: mean{ -log D(G(z, c)) }.

    DEVIATION: the non-saturating form (Goodfellow et al. 2014, Sec. 3), as in the authors' code: Eq. 1's log(1 - D)
    has no gradient where D is sure.

    Args:
      generated_logits: Tensor [B], D's logits on generated images.

    Returns:
      Scalar Tensor in nats; ln 2 = 0.693 where D cannot tell them from real ones.
    """
    return tf.reduce_mean(tf.nn.softplus(-generated_logits))


def mutual_information_bound(entropies, log_probs):
    """Variational lower bound L_I on I(c; G(z, c)), one number per code.

        L_I = H(c) + mean{ log Q(c | x) },   x = G(z, c)

    arXiv:1606.03657, Eq. 5. Summed, not averaged, over the dimensions of a code.

    Args:
      entropies: dict of code name -> float, H(c) in nats.
      log_probs: dict of code name -> Tensor [B], log Q(c | x) in nats.

    Returns:
      dict of code name -> scalar Tensor in nats, at most I(c; x) in expectation.

    Raises:
      ValueError: if the two dicts do not name the same codes.
    """
    if set(entropies) != set(log_probs):
        raise ValueError(
            f"mutual_information_bound: entropies of {sorted(entropies)}, log_probs of {sorted(log_probs)}"
        )
    return {name: entropies[name] + tf.reduce_mean(log_probs[name]) for name in entropies}
