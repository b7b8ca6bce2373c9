"""Small networks of the zoo beside the same in PyTorch: checkpoints, values, gradients."""

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import zoo
from jairika_nb.zoo import resnet
from jairika_nb.zoo.vgg import _features

torch = pytest.importorskip("torch")
models = pytest.importorskip("torch_models")
RANDOM = np.random.default_rng(7)
# (t, c, n, s) of a MobileNet with every kind of block.
FEW = ((1, 8, 1, 1), (6, 8, 2, 2), (6, 16, 1, 2))


@pytest.fixture(autouse=True)
def one_thread():
    # Threads that wait for each other take most of the time of products as small as these.
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def loaded(net, other):
    """Ours with a checkpoint of PyTorch's; what is drawn there is alike for each run."""
    generator = torch.Generator().manual_seed(3)
    for name, value in other.state_dict().items():
        if value.dtype.is_floating_point:
            spread = torch.randn(value.shape, generator=generator) * 0.1
            value.copy_(1 + spread.abs() if "var" in name else value + spread)
    net.load_state_dict({k: v.numpy() for k, v in other.state_dict().items()})
    return net


def check(net, other, x, tolerance=2e-4):
    """Outputs, gradients and buffers agree in training, outputs in evaluation."""
    y, z = net.train()(jrk.tensor(x)), other.train()(torch.tensor(x))
    close(y, z, tolerance)
    upstream = RANDOM.normal(size=y.shape).astype(np.float32)
    grads = (y * jrk.tensor(upstream)).sum().backward(net)
    (z * torch.tensor(upstream)).sum().backward()
    wanted = {name: p.grad for name, p in other.named_parameters()}
    assert grads.keys() == wanted.keys()
    # A bias before a normalisation has none: what is found there is rounding of the others.
    most = max(float(g.abs().max()) for g in wanted.values())
    for name, grad in grads.items():
        close(grad, wanted[name], tolerance * 5, name, most / 50)
    state = net.state_dict()
    for name, value in other.state_dict().items():
        close(state[name], value, tolerance, name)
    close(net.eval()(jrk.tensor(x)), other.eval()(torch.tensor(x)), tolerance)


def close(ours, theirs, tolerance, name="", least=1e-3):
    theirs = theirs.detach().numpy()
    scale = max(least, float(np.abs(theirs).max(initial=0)))
    np.testing.assert_allclose(ours.numpy(), theirs, rtol=0, atol=tolerance * scale, err_msg=name)


def images(*shape):
    return RANDOM.normal(size=shape).astype(np.float32)


@pytest.mark.parametrize(
    ("block", "other", "counts", "small"),
    [
        (resnet.basic_block, models.basic, (2,), False),
        (resnet.basic_block, models.basic, (1, 1), True),
        (resnet.bottleneck, models.bottleneck, (2,), True),
    ],
)
def test_residual_networks(block, other, counts, small):
    theirs = models.ResNet(other, counts, 5, small)
    with jrk.device("reference"):
        net = loaded(resnet.residual_network(block, counts, 5, small), theirs)
        check(net, theirs, images(3, 3, *((6, 6) if small else (20, 20))))


@pytest.mark.parametrize("batch_norm", [False, True])
def test_vgg(batch_norm):
    text = "64 M 128 M 256 M M M"
    theirs = models.VGG(text, batch_norm).features
    with jrk.device("reference"):
        check(loaded(_features((1, 1, 1, 0, 0), batch_norm), theirs), theirs, images(3, 3, 32, 32))


def test_mobilenet(monkeypatch):
    monkeypatch.setattr("jairika_nb.zoo.mobilenet.ROWS", FEW)
    theirs = models.MobileNetV2(32, FEW, 1280, 4)
    theirs.classifier[0].p = 0.0
    with jrk.device("reference"):
        net = loaded(zoo.mobilenet_v2(4, dropout=0.0), theirs)
        check(net, theirs, images(3, 3, 32, 32))


@pytest.mark.parametrize(
    ("padding", "batch_norm", "size"), [(False, False, (44, 52)), (True, True, (12, 16))]
)
def test_unet(padding, batch_norm, size):
    theirs = models.UNet(2, 3, 4, 2, padding, batch_norm)
    with jrk.device("reference"):
        net = loaded(zoo.unet(2, 3, 4, 2, padding, batch_norm), theirs)
        check(net, theirs, images(2, 2, *size))


@pytest.mark.parametrize("size", [28, 32])
def test_lenet(device, size):
    if size == 28 and not device.is_reference:
        pytest.skip("one size on each driver")
    theirs = models.LeNet(size)
    check(loaded(zoo.lenet5(size=size), theirs), theirs, images(2, 1, size, size))


def test_the_loss_of_a_variational_autoencoder():
    x = RANDOM.uniform(size=(6, 8)).astype(np.float32)
    theirs = models.VAE(8, 5, 2)
    with jrk.device("reference"):
        net = loaded(zoo.vae(8, 5, 2), theirs).eval()
        loss = zoo.vae_loss(net(x), jrk.tensor(x))
        want = theirs.loss(torch.tensor(x))
        close(loss, want, 1e-5)
        want.backward()
        grads = loss.backward(net)
        for name, p in theirs.named_parameters():
            close(grads[name], p.grad, 1e-4, name)
