"""The terms of the objective (arXiv:1606.03657, Eq. 6) as functions of logits and log-likelihoods.

min_{G,Q} max_D  V(D, G) - lambda * L_I(G, Q)
"""

from infogan.system.tf1 import tf

PROBABILITY_FLOOR = 1e-8
"""Below it a joint probability counts as this, so that its logarithm is finite."""


def discriminator_loss(real_logits, generated_logits, kind="standard"):
    """What D minimises: the cross entropy, the negative of V(D, G), or the hinge loss.

        standard:  mean{ -log D(x) } + mean{ -log(1 - D(G(z, c))) },  D = sigmoid(logits)
        hinge:     mean{ max(0, 1 - logits of x) } + mean{ max(0, 1 + logits of G(z, c)) }

    Args:
      real_logits: Tensor [B], D's logits on real images.
      generated_logits: Tensor [B], D's logits on generated images.
      kind: "standard" or "hinge" (Lim and Ye 2017, arXiv:1705.02894; in no experiment of the paper).

    Returns:
      Scalar Tensor. Where D cannot tell them apart and gives 0: 2 ln 2 = 1.386 nats, or 2.
    """
    if kind == "hinge":
        return tf.reduce_mean(tf.nn.relu(1.0 - real_logits)) + tf.reduce_mean(tf.nn.relu(1.0 + generated_logits))
    return tf.reduce_mean(tf.nn.softplus(-real_logits)) + tf.reduce_mean(tf.nn.softplus(generated_logits))


def generator_loss(generated_logits, kind="standard"):
    """What G minimises: mean{ -log D(G(z, c)) }, or with the hinge loss the mean of the negative logits.

    DEVIATION: the non-saturating form (Goodfellow et al. 2014, Sec. 3), as in the authors' code: Eq. 1's log(1 - D)
    has no gradient where D is sure.

    Args:
      generated_logits: Tensor [B], D's logits on generated images.
      kind: "standard" or "hinge".

    Returns:
      Scalar Tensor. Where D cannot tell them from real ones and gives 0: ln 2 = 0.693 nats, or 0.
    """
    if kind == "hinge":
        return -tf.reduce_mean(generated_logits)
    return tf.reduce_mean(tf.nn.softplus(-generated_logits))


def view_information(joint):
    """Mutual information between a categorical code of one view of an image and that of another view of it.

        I(c; c') = sum_ij P_ij ln( P_ij / (P_i P_j) ),   P = (joint + joint^T) / 2

    Ji et al. 2019, "Invariant Information Clustering" (arXiv:1807.06653), Eq. 3; in no experiment of the paper. It is
    large where Q is sure, gives both views the same category, and uses all categories equally.

    Args:
      joint: Tensor [K, K]; mean over images of the product of Q's probabilities in the first and in the second view.

    Returns:
      Scalar Tensor in nats, from 0 to ln K.
    """
    joint = tf.maximum((joint + tf.transpose(joint)) / 2.0, PROBABILITY_FLOOR)
    marginal = tf.log(tf.reduce_sum(joint, axis=0))
    return tf.reduce_sum(joint * (tf.log(joint) - marginal[:, None] - marginal[None, :]))


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
