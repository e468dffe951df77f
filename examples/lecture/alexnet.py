"""AlexNet as modules, in the widths of the later one-tower version: shut, and layer by layer.

Seed 001_ac00b92326d83d9e.txt, slide "Recall: Computational Graphs" (from the image to the loss).
"""

from deck import save

import graphscope as gs


class AlexNet(gs.nn.Module):
    def __init__(self, classes=1000):
        super().__init__()
        nn = gs.nn
        layers = [nn.Conv2d(3, 64, 11, stride=4, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2)]
        layers += [nn.Conv2d(64, 192, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2)]
        for n_in, n_out in ((192, 384), (384, 256), (256, 256)):
            layers += [nn.Conv2d(n_in, n_out, 3, padding=1), nn.ReLU()]
        self.features = nn.Sequential(*layers, nn.MaxPool2d(3, 2))
        self.classifier = nn.Sequential(
            nn.Dropout(), nn.Linear(256 * 6 * 6, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 4096),
            nn.ReLU(), nn.Linear(4096, classes),
        )  # fmt: skip

    def forward(self, image):
        return self.classifier(self.features(image).flatten(1))


def figures(look="light"):
    gs.manual_seed(0)
    model = AlexNet().eval()
    image = gs.randn(1, 3, 224, 224)
    common = dict(style="modules", theme=look)
    return {
        "alexnet": gs.draw(model, image, title="AlexNet", collapse=0, **common),
        "alexnet_layers": gs.draw(
            model, image, title="AlexNet, layer by layer", collapse=2, **common
        ),
    }


if __name__ == "__main__":
    save(figures())
