"""Let the tape compute the gradients: requires_grad, backward, no_grad."""

import graphscope as torch


def train(x, y, w1, w2, steps=500, rate=1e-6):
    """Gradient descent on the sum of squared errors; w1 and w2 require grad and change in place."""
    losses = []
    for _ in range(steps):
        loss = (x.mm(w1).clamp(min=0).mm(w2) - y).pow(2).sum()
        losses.append(loss.item())
        loss.backward()

        # The update is no part of the function that we differentiate.
        with torch.no_grad():
            for w in (w1, w2):
                w -= rate * w.grad
                w.grad.zero_()
    return losses


if __name__ == "__main__":
    from data import batch, report, weights

    report(train(*batch(), *weights(requires_grad=True)))
