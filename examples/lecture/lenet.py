"""LeNet-5 as modules: parameters and output shape of every layer.

Seed 001_ac00b92326d83d9e.txt, slide "Convolutional Neural Networks".
"""

from deck import save

import graphscope as gs


class LeNet(gs.nn.Module):
    def __init__(self):
        super().__init__()
        nn = gs.nn
        self.features = nn.Sequential(
            nn.Conv2d(1, 6, 5, padding=2), nn.Sigmoid(), nn.AvgPool2d(2),
            nn.Conv2d(6, 16, 5), nn.Sigmoid(), nn.AvgPool2d(2),
        )  # fmt: skip
        self.classifier = nn.Sequential(
            nn.Flatten(), nn.Linear(400, 120), nn.Sigmoid(), nn.Linear(120, 84), nn.Sigmoid(),
            nn.Linear(84, 10),
        )  # fmt: skip

    def forward(self, image):
        return self.classifier(self.features(image))


def figures(look="light"):
    gs.manual_seed(0)
    model = LeNet()
    image = gs.randn(1, 1, 28, 28)
    return {
        "lenet": gs.draw(model, image, style="modules", theme=look, title="LeNet-5", collapse=2)
    }


if __name__ == "__main__":
    save(figures())
