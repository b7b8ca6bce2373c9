"""Transforms against Pillow, scikit-learn and closed forms; random ones repeat by their seed."""

import colorsys

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb.data import DataLoader, TensorDataset, transforms
from jairika_nb.data.transforms import color
from jairika_nb.data.transforms.resize import resized
from jairika_nb.data.transforms.rotation import rotated
from jairika_nb.errors import DataError

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (6, 3, 13, 17)).astype(np.uint8)
FLOATS = RNG.normal(size=(2, 1, 13, 17)).astype(np.float32)


@pytest.fixture(autouse=True)
def seeded():
    """Transforms outside of loaders draw by the package's seed."""
    jrk.random.seed(0)


def pillow(array, mode=None):
    image = pytest.importorskip("PIL.Image")
    return image.fromarray(array, mode) if mode is None else image.fromarray(array).convert(mode)


def constant(name):
    module = pytest.importorskip("PIL.Image")
    return getattr(module.Resampling, name.upper())


@pytest.mark.parametrize("name", ["bilinear", "bicubic", "nearest"])
@pytest.mark.parametrize("size", [(5, 6), (29, 40), (13, 8), (1, 1), (26, 34)])
def test_resizing_is_that_of_pillow(name, size):
    found = resized(FLOATS, size, name)
    for (ours,), (image,) in zip(found, FLOATS, strict=True):
        theirs = np.asarray(pillow(image).resize(size[::-1], constant(name)))
        np.testing.assert_allclose(ours, theirs, atol=2e-6)
    # Pillow computes bytes in integers, with weights of 22 bits.
    theirs = np.asarray(pillow(IMAGES[0].transpose(1, 2, 0)).resize(size[::-1], constant(name)))
    ours = transforms.Resize(size, name)(IMAGES[0]).transpose(1, 2, 0)
    assert ours.dtype == np.uint8
    assert np.abs(ours.astype(int) - theirs).max() <= 1


def test_one_number_sets_the_shorter_side():
    assert transforms.Resize(26)(IMAGES).shape == (6, 3, 26, 34)
    assert transforms.Resize(26)(IMAGES.swapaxes(2, 3)).shape == (6, 3, 34, 26)
    assert transforms.Resize(5).output_size is None


@pytest.mark.parametrize("angle", [0, 17.3, -45, 90, 180, 271.5])
def test_rotating_is_that_of_pillow(angle):
    angles = np.full(2, angle, np.float64)
    smooth = rotated(FLOATS, angles, "bilinear", fill=-3)
    blocky = rotated(FLOATS, angles, "nearest", fill=-3)
    for a, b, (image,) in zip(smooth, blocky, FLOATS, strict=True):
        source = pillow(image)
        theirs = np.asarray(source.rotate(angle, constant("bilinear"), fillcolor=-3))
        np.testing.assert_allclose(a[0], theirs, atol=1e-5)
        # Pillow finds the nearest pixel in 16 bits, so that one on a border may fall either way.
        theirs = np.asarray(source.rotate(angle, constant("nearest"), fillcolor=-3))
        assert (b[0] != theirs).mean() < 0.01


@pytest.mark.parametrize(
    ("change", "enhancer"),
    [
        (color.adjusted_brightness, "Brightness"),
        (color.adjusted_contrast, "Contrast"),
        (color.adjusted_saturation, "Color"),
    ],
)
@pytest.mark.parametrize("factor", [0.0, 0.4, 1.0, 1.7])
def test_colours_change_as_in_pillow(change, enhancer, factor):
    enhance = pytest.importorskip("PIL.ImageEnhance")
    source = pillow(IMAGES[0].transpose(1, 2, 0))
    theirs = np.asarray(getattr(enhance, enhancer)(source).enhance(factor)).transpose(2, 0, 1)
    ours = change(IMAGES[:1].astype(np.float32) / 255, factor)[0] * 255
    # Pillow rounds greys and their mean to bytes first.
    np.testing.assert_allclose(ours, theirs, atol=1.6)


@pytest.mark.parametrize("turn", [-0.5, -0.21, 0.0, 0.37])
def test_hue_turns_as_in_colorsys(turn):
    pixels = RNG.random((40, 3)).astype(np.float32)
    pixels[:4] = [[0, 0, 0], [1, 1, 1], [0.5, 0.5, 0.5], [1, 0, 0]]

    def turned(rgb):
        hue, saturation, value = colorsys.rgb_to_hsv(*map(float, rgb))
        return colorsys.hsv_to_rgb((hue + turn) % 1, saturation, value)

    ours = color.adjusted_hue(pixels.T.reshape(1, 3, 5, 8), turn)
    np.testing.assert_allclose(ours.reshape(3, -1).T, [turned(p) for p in pixels], atol=1e-5)


def test_jitter_keeps_kind_and_range_and_leaves_grey_images_their_hue():
    jitter = transforms.ColorJitter(0.4, 0.4, 0.4, 0.1)
    found = jitter(IMAGES)
    assert (found.dtype, found.shape) == (np.uint8, IMAGES.shape)
    assert not np.array_equal(found, IMAGES)
    grey = RNG.random((2, 1, 4, 4)).astype(np.float32)
    np.testing.assert_allclose(transforms.ColorJitter(hue=0.5, saturation=1)(grey), grey, atol=1e-6)
    np.testing.assert_array_equal(transforms.ColorJitter()(IMAGES), IMAGES)


def loader(transform, **options):
    return DataLoader(TensorDataset(IMAGES, np.arange(6), transform=transform), 4, **options)


EVERY_RANDOM = transforms.Compose(
    [
        transforms.RandomCrop(12, padding=2),
        transforms.RandomHorizontalFlip(),
        transforms.RandomVerticalFlip(),
        transforms.RandomRotation(30, "bilinear"),
        transforms.ColorJitter(0.3, 0.3, 0.3, 0.2),
        transforms.RandomResizedCrop(12, (0.5, 1)),
        transforms.RandomErasing(),
        transforms.Scale(255),
    ]
)


def test_what_is_random_depends_on_seed_epoch_and_sample_alone():
    def whole(source):
        batches = list(source.arrays())
        order = np.argsort(np.concatenate([y for _, y in batches]))
        return np.concatenate([x for x, _ in batches])[order]

    one = loader(EVERY_RANDOM, seed=1)
    first, second = whole(one), whole(one)
    one.epoch = 0
    np.testing.assert_array_equal(whole(one), first)
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, whole(loader(EVERY_RANDOM, seed=2)))
    shuffled = loader(EVERY_RANDOM, seed=1, shuffle=True, num_workers=2)
    np.testing.assert_array_equal(whole(shuffled), first)
    single = TensorDataset(IMAGES, np.arange(6), transform=EVERY_RANDOM)
    np.testing.assert_array_equal(
        whole(
            DataLoader(
                [*range(6)], 6, seed=1, collate_fn=lambda i: (single.batch(np.array(i)), i)[0]
            )
        ),
        first,
    )


def test_outside_of_a_loader_the_package_seed_decides():
    found = []
    for seed in (3, 3, 4):
        jrk.random.seed(seed)
        found.append([EVERY_RANDOM(IMAGES[0]) for _ in range(2)])
    np.testing.assert_array_equal(found[0], found[1])
    assert not np.array_equal(found[0][0], found[0][1])
    assert not np.array_equal(found[0], found[2])


def test_flips_are_mirror_images_of_about_half():
    images = np.broadcast_to(IMAGES[:1], (2000, *IMAGES.shape[1:]))
    for transform, axis in (
        (transforms.RandomHorizontalFlip(), 3),
        (transforms.RandomVerticalFlip(), 2),
    ):
        found = transform(images)
        mirrored = (found == np.flip(images, axis)).all(axis=(1, 2, 3))
        same = (found == images).all(axis=(1, 2, 3))
        assert (mirrored ^ same).all()
        assert abs(mirrored.mean() - 0.5) < 5 * 0.5 / 2000**0.5
    np.testing.assert_array_equal(transforms.RandomHorizontalFlip(0)(IMAGES), IMAGES)


@pytest.mark.parametrize("mode", ["constant", "reflect"])
def test_crops_are_windows_of_the_padded_image_at_all_places(mode):
    image = np.arange(1, 17, dtype=np.float32).reshape(1, 4, 4)
    crop = transforms.RandomCrop(3, padding=(1, 0), fill=-1, padding_mode=mode)
    options = {"constant_values": -1} if mode == "constant" else {}
    padded = np.pad(image[0], ((0, 0), (1, 1)), mode, **options)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3)).reshape(-1, 9)
    found = crop(np.repeat(image[None], 400, axis=0)).reshape(400, 9)
    places = {tuple(w) for w in windows.tolist()}
    assert {tuple(f) for f in found.tolist()} == places
    assert len(places) == 8


def test_middles_are_cut_or_filled_up():
    image = np.arange(15).reshape(1, 3, 5)
    assert transforms.CenterCrop((1, 3))(image).tolist() == [[[6, 7, 8]]]
    assert transforms.CenterCrop((5, 3))(image)[0, :, 1].tolist() == [0, 2, 7, 12, 0]
    grown = transforms.RandomCrop((3, 9), pad_if_needed=True)(image)
    assert grown.shape == (1, 3, 9)


def test_resized_crops_have_area_shape_and_place_within_bounds():
    # Pixels that tell their row and column show what was cut, as nearest enlarging skips none.
    y, x = np.mgrid[:32, :40].astype(np.float32)
    images = np.broadcast_to(np.stack([y, x]), (500, 2, 32, 40))
    crop = transforms.RandomResizedCrop(64, (0.1, 0.6), (0.5, 2.0), "nearest")
    found = crop(images)
    assert found.shape == (500, 2, 64, 64)
    low, high = found.min(axis=(2, 3)), found.max(axis=(2, 3))
    h, w = (high - low + 1).T
    assert (h * w >= 0.1 * 1280 - (h + w)).all() and (h * w <= 0.6 * 1280 + (h + w)).all()
    assert ((w + 0.5) / (h - 0.5) >= 0.5).all() and ((w - 0.5) / (h + 0.5) <= 2).all()
    assert len({*low[:, 0]}) > 10 and len({*low[:, 1]}) > 10
    whole = transforms.RandomResizedCrop((16, 20), (1, 1), (1.25, 1.25))(images[:1])
    np.testing.assert_allclose(whole, transforms.Resize((16, 20))(images[:1]))
    tall = transforms.RandomResizedCrop(8, (1, 1), (0.1, 0.1), "nearest")(images[:1])
    assert (tall[0, 1].min(), tall[0, 1].max()) == (18, 20)  # the middle three columns


def test_erased_rectangles_have_their_value_and_share():
    images = np.ones((400, 2, 20, 30), np.uint8)
    found = transforms.RandomErasing(0.5, (0.1, 0.2), (0.5, 2), value=9)(images)
    blots = found[:, 0] == 9
    assert (found[:, 1] == found[:, 0]).all()
    hit = blots.any(axis=(1, 2))
    assert abs(hit.mean() - 0.5) < 5 * 0.5 / 20
    h, w = blots.any(axis=2).sum(axis=1)[hit], blots.any(axis=1).sum(axis=1)[hit]
    assert (blots[hit].sum(axis=(1, 2)) == h * w).all()
    assert (h * w > 0.1 * 600 - (h + w)).all() and (h * w < 0.2 * 600 + (h + w)).all()


def test_grey_and_margins_are_those_of_pillow_and_numpy():
    grey = transforms.Grayscale(3)(IMAGES[0])
    theirs = np.asarray(pillow(IMAGES[0].transpose(1, 2, 0)).convert("L"))
    assert (grey == grey[:1]).all()
    assert np.abs(grey[0].astype(int) - theirs).max() <= 1
    for mode in ("edge", "symmetric"):
        found = transforms.Pad((1, 2, 3, 4), padding_mode=mode)(IMAGES)
        np.testing.assert_array_equal(found, np.pad(IMAGES, ((0, 0), (0, 0), (2, 4), (1, 3)), mode))


# Values that another system's tests expect of normalised inputs.
def test_features_get_mean_0_and_variance_1():
    data = np.array([[1, 2, 3, 4], [10, 5, 2, 0.5]])
    found = transforms.Normalize.fit(data)(data)
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(found.var(axis=0), 1, atol=1e-5)
    single = np.array([[1.0, 2.0, 3.0, 4.0]])
    untouched = transforms.Normalize.fit(single)(single)
    assert (untouched.mean(), untouched.var()) == (2.5, 1.25)


def test_fitting_is_that_of_scikit_learn():
    preprocessing = pytest.importorskip("sklearn.preprocessing")

    data = RNG.normal(5, 3, (10_001, 4)) * [1, 10, 0.1, 0]
    theirs = preprocessing.StandardScaler().fit(data)
    ours = transforms.Normalize.fit(data)
    np.testing.assert_allclose(ours(data), theirs.transform(data), atol=1e-4)
    np.testing.assert_allclose(ours.inverse(ours(data)), data, rtol=1e-4, atol=1e-4)
    from_dataset = transforms.Normalize.fit(TensorDataset(data, np.zeros(len(data))))
    np.testing.assert_allclose(from_dataset.std, ours.std, rtol=1e-6)


def test_channels_and_sequences_are_normalised_along_their_axis():
    images = IMAGES.astype(np.float64)
    fitted = transforms.Normalize.fit(images)
    np.testing.assert_allclose(fitted.mean, images.mean(axis=(0, 2, 3)), rtol=1e-6)
    np.testing.assert_allclose(fitted.std, images.std(axis=(0, 2, 3)), rtol=1e-6)
    np.testing.assert_allclose(fitted(images[0]), fitted(images)[0])
    sequences = RNG.normal(size=(4, 5, 3))
    by_feature = transforms.Normalize.fit(sequences, axis=-1)
    np.testing.assert_allclose(by_feature.mean, sequences.mean(axis=(0, 1)), rtol=1e-5)


def test_mixup_is_the_weighted_mean_of_inputs_and_labels():
    x, y = RNG.random((8, 3)).astype(np.float32), np.arange(8)
    mixed, soft = transforms.MixUp(8)(x, y)
    np.testing.assert_allclose(soft.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(mixed, soft @ x, rtol=1e-5)
    shares = [transforms.MixUp(8, alpha=0.2)(x, y)[1].max() for _ in range(50)]
    assert np.mean(shares) > 0.8


def test_cutmix_takes_the_share_of_its_area():
    x = np.arange(8, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 10, 12), np.uint8)
    for _ in range(10):
        cut, soft = transforms.CutMix(8)(x, np.arange(8))
        assert cut.dtype == np.uint8
        shares = np.stack([(cut[:, 0] == k).mean(axis=(1, 2)) for k in range(8)], axis=1)
        np.testing.assert_allclose(soft, shares, atol=1e-6)
        rows = (cut[0, 0] != 0).any(axis=1).sum() * (cut[0, 0] != 0).any(axis=0).sum()
        assert rows == (cut[0, 0] != 0).sum()


def test_mixed_batches_are_learned_from_and_repeat(device):
    mixing = {"batch_transform": transforms.MixUp(2), "seed": 4}
    x = np.float32([[i % 2 * 2 - 1.0] for i in range(16)])
    data = TensorDataset(x, np.arange(16) % 2)
    first, again = (next(DataLoader(data, 8, **mixing).arrays()) for _ in range(2))
    np.testing.assert_array_equal(first[1], again[1])
    assert first[1].shape == (8, 2)
    net = jrk.nn.Linear(1, 2)
    options = {"optimizer": jrk.optim.Adam(lr=0.1), "progress": False}
    jrk.fit(net, DataLoader(data, 8, **mixing), epochs=10, **options)
    assert jrk.evaluate(net, data)["accuracy"] == 1


def test_targets_have_a_transform_too():
    data = TensorDataset(IMAGES, np.arange(6), target_transform=transforms.OneHot(6))
    np.testing.assert_array_equal(data[:][1], np.eye(6))
    assert data[2][1].tolist() == [0, 0, 1, 0, 0, 0]


def test_names_from_elsewhere_lead_to_ours():
    with pytest.raises(AttributeError, match=r"no 'ToTensor'; use Scale\(255\)"):
        transforms.ToTensor  # noqa: B018
    with pytest.raises(AttributeError, match="only CenterCrop"):
        transforms.Sharpen  # noqa: B018


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: transforms.Resize(0), "size=0 must be a positive"),
        (lambda: transforms.Resize((2, 2, 2)), "pair"),
        (lambda: transforms.Resize(2, "lanczos"), "'lanczos' is unknown"),
        (lambda: transforms.Resize(2)(np.zeros((4, 4))), r"shape \(4, 4\): images are"),
        (lambda: transforms.RandomCrop(20)(IMAGES), "20x20 from images of 13x17"),
        (lambda: transforms.RandomCrop(2, padding=(1, 2, 3)), "1, 2 or 4"),
        (lambda: transforms.RandomCrop(2, padding_mode="wrap"), "unknown"),
        (lambda: transforms.RandomHorizontalFlip(1.5), "no probability"),
        (lambda: transforms.RandomRotation(-3), "no range"),
        (lambda: transforms.RandomResizedCrop(4, (0.5, 2)), "within 0 and 1"),
        (lambda: transforms.RandomErasing(ratio=(2, 1)), "positive ranges"),
        (lambda: transforms.Grayscale(2), "must be 1 or 3"),
        (lambda: transforms.Grayscale()(IMAGES[:, :2]), "2 channels"),
        (lambda: transforms.ColorJitter(hue=0.7), "hue=0.7"),
        (lambda: transforms.ColorJitter(brightness=-1), "brightness=-1"),
        (lambda: transforms.ColorJitter(0.1)(IMAGES[:, :2]), "2 channels"),
        (lambda: transforms.ColorJitter(0.1)(IMAGES.astype(int)), "uint8, or floats"),
        (lambda: transforms.Normalize([0, 0], [1, 0]), "positive deviations"),
        (lambda: transforms.Normalize([0, 0], [1, 1])(np.zeros((2, 3))), "2 features got 3"),
        (lambda: transforms.Normalize.fit(np.array([[1.0], [np.nan]])), "not finite"),
        (lambda: transforms.OneHot(3)(np.array([3])), "labels from 3 to 3: 3 classes"),
        (lambda: transforms.OneHot(3)(np.array([0.5])), "classes are integers"),
        (lambda: transforms.MixUp(3, alpha=0), "alpha=0"),
        (lambda: transforms.MixUp(3)(IMAGES, np.arange(6)), "labels from 0 to 5"),
        (lambda: transforms.MixUp(3)(IMAGES, np.zeros((6, 2))), "probabilities"),
        (lambda: transforms.CutMix(6)(np.zeros((6, 2)), np.arange(6)), "cuts images"),
        (lambda: transforms.Compose([3]), "transform 0 is a int"),
        (lambda: transforms.Lambda(3), "takes a function"),
    ],
)
def test_mistakes_are_told(make, words):
    with pytest.raises(DataError, match=words):
        make()
