"""What the zoo's networks are: sizes, names, shapes, data; nothing here computes them."""

import json

import pytest

import jairika_nb as jrk
from jairika_nb import nn, store, zoo
from jairika_nb.errors import ArchitectureError, ShapeError
from jairika_nb.zoo.mobilenet import ROWS
from jairika_nb.zoo.models import MODELS

VGG11 = "64 M 128 M 256 256 M 512 512 M 512 512 M"
VGG16 = "64 64 M 128 128 M 256 256 256 M 512 512 512 M 512 512 512 M"
IMAGE = (2, 3, 224, 224)


@pytest.mark.parametrize("name", MODELS)
def test_networks_have_the_parameters_of_their_papers_and_are_data(name):
    entry = MODELS[name]
    net = entry.make()
    assert sum(p.size for p in net.parameters()) == entry.parameters
    again = nn.build(json.loads(json.dumps(net.architecture())))
    assert again.architecture() == net.architecture()
    assert {k: (v.shape, v.dtype) for k, v in again.state_dict().items()} == {
        k: (v.shape, v.dtype) for k, v in net.state_dict().items()
    }


@pytest.mark.parametrize(
    ("make", "count"),
    [
        (lambda: zoo.vgg11(batch_norm=True), 132_868_840),
        (lambda: zoo.vgg16(batch_norm=True), 138_365_992),
        (lambda: zoo.resnet18(10, small=True), 11_173_962),
        (lambda: zoo.mobilenet_v2(width=0.5), 1_968_680),
        (lambda: zoo.unet(num_classes=1), 31_030_593),
        (lambda: zoo.lenet5(size=28), 61_706),
    ],
)
def test_their_variants_too(make, count):
    assert sum(p.size for p in make().parameters()) == count


def oracles(models):
    return {
        "resnet18": lambda: models.ResNet(models.basic, (2, 2, 2, 2)),
        "resnet34": lambda: models.ResNet(models.basic, (3, 4, 6, 3)),
        "resnet50": lambda: models.ResNet(models.bottleneck, (3, 4, 6, 3)),
        "resnet152": lambda: models.ResNet(models.bottleneck, (3, 8, 36, 3)),
        "alexnet": lambda: models.AlexNet(),
        "vgg11": lambda: models.VGG(VGG11, False),
        "vgg16": lambda: models.VGG(VGG16, False),
        "vgg11 bn": lambda: models.VGG(VGG11, True),
        "mobilenet_v2": lambda: models.MobileNetV2(32, ROWS, 1280, 1000),
    }


@pytest.mark.parametrize(
    "name",
    [
        "resnet18",
        "resnet34",
        "resnet50",
        "resnet152",
        "alexnet",
        "vgg11",
        "vgg16",
        "vgg11 bn",
        "mobilenet_v2",
    ],
)  # fmt: skip
def test_states_have_torchvisions_names_and_layouts(name):
    torch = pytest.importorskip("torch")
    models = pytest.importorskip("torch_models")
    with torch.device("meta"):
        want = {k: tuple(v.shape) for k, v in oracles(models)[name]().state_dict().items()}
    net = zoo.vgg11(batch_norm=True) if name == "vgg11 bn" else MODELS[name].make()
    assert {k: v.shape for k, v in net.state_dict().items()} == want


@pytest.mark.parametrize(
    ("make", "given", "wanted"),
    [
        (zoo.vgg16, IMAGE, (2, 1000)),
        (zoo.resnet50, IMAGE, (2, 1000)),
        (zoo.alexnet, IMAGE, (2, 1000)),
        (zoo.resnet18, (1, 3, 97, 65), (1, 1000)),
        (zoo.mobilenet_v2, IMAGE, (2, 1000)),
        (lambda: zoo.mobilenet_v2(7, width=1.4), IMAGE, (2, 7)),
        (lambda: zoo.resnet34(100, small=True), (2, 3, 32, 32), (2, 100)),
        (zoo.lenet5, (2, 1, 32, 32), (2, 10)),
        (zoo.unet, (1, 1, 572, 572), (1, 2, 388, 388)),
        (lambda: zoo.unet(3, 5, padding=True, batch_norm=True), (1, 3, 64, 96), (1, 5, 64, 96)),
        (zoo.autoencoder, (3, 784), (3, 784)),
    ],
)
def test_shapes_are_known_without_computing(make, given, wanted):
    with jrk.profile() as seen:
        net = make()
        assert net(jrk.zeros(given)).shape == wanted
    assert seen.launches == 0


def test_multiply_adds_are_those_that_papers_and_tables_count():
    # 1.82, 4.09, 0.30 and 15.47 thousand million: torchvision's tables of its weights ("GFLOPS").
    image = jrk.zeros((1, 3, 224, 224))
    found = {
        name: round(MODELS[name].make().summary(image).macs / 1e9, 2)
        for name in ("resnet18", "resnet50", "mobilenet_v2", "vgg16")
    }
    assert found == {"resnet18": 1.81, "resnet50": 4.09, "mobilenet_v2": 0.30, "vgg16": 15.47}


def test_shapes_that_do_not_fit_are_told_with_the_layer():
    with pytest.raises(ShapeError, match=r"layer 'fc1', Linear.*\(2, 256\)"):
        zoo.lenet5()(jrk.zeros((2, 1, 28, 28)))
    with pytest.raises(ShapeError, match=r"layer 'layer2\.0\.conv1'|layer 'conv1'"):
        zoo.resnet18()(jrk.zeros((2, 1, 64, 64)))
    with pytest.raises(ShapeError, match="layer 'concat"):
        zoo.unet(channels=2, padding=True)(jrk.zeros((1, 1, 40, 40)))
    with pytest.raises(ArchitectureError, match="size=64 is neither 28 nor 32"):
        zoo.lenet5(size=64)
    with pytest.raises(ArchitectureError, match="two or more"):
        zoo.autoencoder([3])


def test_a_file_opens_without_the_zoo(tmp_path):
    net = zoo.lenet5()
    path = tmp_path / "net.jrk.h5"
    store.init(path, net).close()
    with store.open(path) as model:
        again = model["main"]["prime"].load()
    assert again.architecture() == net.architecture()
    assert {type(m).__module__.split(".")[1] for m in again.modules()} == {"nn"}


def test_the_table_of_models():
    text, html = str(zoo.models()), zoo.models()._repr_html_()
    for name, entry in MODELS.items():
        assert name in text
        assert f"{entry.parameters:,}" in text
        assert entry.source in html
    assert len(text.splitlines()) == len(MODELS) + 1
