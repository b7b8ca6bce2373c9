"""Models with several inputs and outputs: losses by output, weighted, reported, measured."""

import numpy as np
import pytest

import jairika_nb as jrk
from jairika_nb import nn, optim
from jairika_nb.data import DataLoader, TensorDataset
from jairika_nb.errors import DataError, TrainingError
from jairika_nb.metrics import Accuracy

RNG = np.random.default_rng(5)
A = RNG.normal(size=(48, 4)).astype(np.float32)
B = RNG.normal(size=(48, 2)).astype(np.float32)
LABELS = (A[:, 0] + B[:, 0] > 0).astype(np.int32)
AGE = (A[:, :1] - B[:, 1:]).astype(np.float32)
QUIET = {"progress": False}
BY_NAME = {"loss": {"kind": nn.CrossEntropyLoss(), "age": nn.MSELoss()}}


class Two(nn.Module):
    """Two inputs, two outputs, by name or as a tuple."""

    def __init__(self, named=True):
        self.left, self.right = nn.Linear(4, 8), nn.Linear(2, 8)
        self.kind, self.age = nn.Linear(8, 2), nn.Linear(8, 1)
        self.named = named

    def forward(self, a, b):
        hidden = (self.left(a) + self.right(b)).tanh()
        kind, age = self.kind(hidden), self.age(hidden)
        return {"kind": kind, "age": age} if self.named else (kind, age)


def model(named=True):
    jrk.random.seed(4)
    return Two(named)


INPUTS, TARGETS = {"a": A, "b": B}, {"kind": LABELS, "age": AGE}


def test_two_inputs_and_two_outputs_learn(device):
    net = model()
    weights = {"age": 0.5}
    history = jrk.fit(
        net, (INPUTS, TARGETS), epochs=40, optimizer=optim.Adam(lr=0.02), batch_size=16, seed=1,
        loss_weights=weights, metrics={"kind": Accuracy()}, validation=(INPUTS, TARGETS),
        **BY_NAME, **QUIET,
    )  # fmt: skip
    assert set(history.names) == {
        "loss", "loss_kind", "loss_age", "accuracy_kind",
        "val_loss", "val_loss_kind", "val_loss_age", "val_accuracy_kind",
    }  # fmt: skip
    assert history.metrics["val_loss_kind"] < 0.2
    assert history.metrics["val_loss_age"] < 0.1
    assert history.metrics["val_accuracy_kind"] > 0.95
    row = history.epochs[3]
    assert row["loss"] == pytest.approx(row["loss_kind"] + 0.5 * row["loss_age"], rel=1e-6)


@pytest.mark.usefixtures("reference")
def test_a_network_wired_as_data_learns_and_is_kept(tmp_path):
    jrk.random.seed(4)
    a, b = nn.Input("a"), nn.Input("b")
    hidden = nn.Linear(6, 8)(a.concat(b, axis=1)).tanh()
    net = nn.Graph([a, b], {"kind": nn.Linear(8, 2)(hidden), "age": nn.Linear(8, 1)(hidden)})
    with jrk.init(tmp_path / "m.jrk.h5") as model:
        history = jrk.fit(
            net, INPUTS | TARGETS, epochs=30, optimizer=optim.Adam(lr=0.02), batch_size=16,
            callbacks=[jrk.train.Checkpoint(model)], **BY_NAME, **QUIET,
        )  # fmt: skip
        assert history.metrics["loss_kind"] < 0.2
        assert history.metrics["loss_age"] < 0.2
        again = model["main"]["checkpoint"].load()
    for name, out in again(A, B).items():
        np.testing.assert_array_equal(out.numpy(), net(A, B)[name].numpy())


@pytest.mark.usefixtures("reference")
class TestForms:
    def learned(self, data, net=None, **options):
        net = net or model()
        opt = optim.SGD(lr=0.1)
        jrk.fit(net, data, epochs=2, optimizer=opt, **(BY_NAME | options), **QUIET)
        return {name: value.numpy().tobytes() for name, value in net.state_dict().items()}

    def test_all_forms_of_batches_are_one(self):
        """A dict of dicts, a flat dict, tuples in tuples, and the same by hand in PyTorch."""
        rows = [slice(i, i + 16) for i in (0, 16, 32)]
        flat = [{**{k: v[r] for k, v in (INPUTS | TARGETS).items()}} for r in rows]
        nested = [((A[r], B[r]), {"kind": LABELS[r], "age": AGE[r]}) for r in rows]
        tuples = [((A[r], B[r]), (LABELS[r], AGE[r])) for r in rows]

        class Again:
            def __init__(self, batches):
                self.batches = batches

            def __iter__(self):
                return iter(self.batches)

        want = self.learned(Again(flat))
        assert self.learned(Again(nested)) == want
        listed = [nn.CrossEntropyLoss(), nn.MSELoss()]
        assert self.learned(Again(tuples), model(named=False), loss=listed) == want
        both = lambda p, y: (  # noqa: E731
            nn.functional.cross_entropy(p["kind"], y["kind"])
            + nn.functional.mse_loss(p["age"], y["age"])
        )
        assert self.learned(Again(nested), loss=both).keys() == want.keys()

    def test_ten_steps_equal_pytorch(self):
        torch = pytest.importorskip("torch")
        net, theirs = model(), torch.nn.ModuleDict(
            {"left": torch.nn.Linear(4, 8), "right": torch.nn.Linear(2, 8),
             "kind": torch.nn.Linear(8, 2), "age": torch.nn.Linear(8, 1)}
        )  # fmt: skip
        state = {k: torch.tensor(v.numpy()) for k, v in net.state_dict().items()}
        theirs.load_state_dict(state)
        opt = torch.optim.Adam(theirs.parameters(), lr=0.01)
        loader = DataLoader(TensorDataset(A, B, LABELS.astype(np.int64), AGE), 8, seed=0)
        for _ in range(2):
            for a, b, kind, age in [*loader.arrays()][:5]:
                a, b, kind, age = map(torch.tensor, (a, b, kind, age))
                hidden = (theirs["left"](a) + theirs["right"](b)).tanh()
                loss = torch.nn.functional.cross_entropy(theirs["kind"](hidden), kind)
                loss = loss + 0.25 * torch.nn.functional.mse_loss(theirs["age"](hidden), age)
                opt.zero_grad()
                loss.backward()
                opt.step()
        half = {name: value[:40] for name, value in INPUTS.items()}
        goal = {name: value[:40] for name, value in TARGETS.items()}
        batches = [
            ({k: v[i : i + 8] for k, v in half.items()}, {k: v[i : i + 8] for k, v in goal.items()})
            for i in range(0, 40, 8)
        ]
        jrk.fit(net, batches_again(batches), epochs=2, optimizer=optim.Adam(lr=0.01),
                loss_weights={"age": 0.25}, **BY_NAME, **QUIET)  # fmt: skip
        for name, value in theirs.state_dict().items():
            np.testing.assert_allclose(
                net.state_dict()[name].numpy(), value.numpy(), rtol=1e-4, atol=1e-6
            )

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            (
                {"loss": {"kind": nn.CrossEntropyLoss(), "sex": nn.MSELoss()}},
                "loss names kind, sex",
            ),
            (
                {"loss": [nn.CrossEntropyLoss(), nn.MSELoss()]},
                "a dict of kind, age; give it as a t",
            ),
            ({"loss_weights": {"sex": 1.0}}, "loss_weights names sex"),
            ({"loss_weights": [1.0]}, "1 loss_weights for 2 losses"),
            ({"loss_weights": {"kind": 0, "age": 0}}, "all 0"),
            ({"loss": nn.MSELoss(), "loss_weights": [1.0]}, "needs a dict or list"),
            ({"metrics": [Accuracy()]}, "need a dict by output, as in"),
            ({"metrics": {"sex": Accuracy()}}, "metrics names sex"),
            ({"metrics": {"kind": Accuracy}}, "not the class Accuracy"),
            ({"metrics": {"kind": [Accuracy(), Accuracy()]}}, "two metrics are called"),
            ({"metrics": {"kind": "accuracy"}}, "streaming measures such as"),
        ],
    )
    def test_mistakes_are_told_and_leave_the_weights(self, options, words):
        net = model()
        before = {name: value.tolist() for name, value in net.state_dict().items()}
        with pytest.raises(TrainingError, match=words):
            self.learned((INPUTS, TARGETS), net, **options)
        assert {name: value.tolist() for name, value in net.state_dict().items()} == before

    def test_labels_of_an_output_are_looked_at(self):
        with pytest.raises(DataError, match="2 outputs labels must be 0 to 1"):
            self.learned((INPUTS, TARGETS | {"kind": LABELS + 1}))

    def test_entries_must_be_inputs_or_targets(self):
        with pytest.raises(DataError, match="entries a, b, and forward takes a, b"):
            self.learned(INPUTS)
        with pytest.raises(DataError, match="first axes must be equal"):
            self.learned((INPUTS, {"kind": LABELS[:3], "age": AGE}))


def batches_again(batches):
    class Again:
        def __iter__(self):
            return iter(batches)

    return Again()


@pytest.mark.usefixtures("reference")
def test_metrics_of_training_are_those_of_its_predictions():
    jrk.random.seed(0)
    net, twin = nn.Linear(4, 2), nn.Linear(4, 2)
    twin.load_state_dict(net.state_dict())
    loader = DataLoader(TensorDataset(A, LABELS), 20)
    history = jrk.fit(net, loader, epochs=1, metrics=[Accuracy()], optimizer=optim.SGD(lr=0.5),
                      validation=(A, LABELS), **QUIET)  # fmt: skip
    right = 0
    for x, y in loader:
        scores = twin(x)
        right += int((scores.numpy().argmax(-1) == y.numpy()).sum())
        loss = nn.functional.cross_entropy(scores, y)
        optim.SGD(lr=0.5).update(twin, loss.backward(twin))
    found = (twin(A).numpy().argmax(-1) == LABELS).mean()
    assert history.metrics["accuracy"] == right / 48
    assert history.metrics["val_accuracy"] == pytest.approx(found)
    assert "accuracy" in str(history)


@pytest.mark.parametrize("flat", [False, True])
def test_a_graph_of_layers_takes_its_inputs_by_name(flat):
    jrk.random.seed(4)
    a, b = nn.Input("a"), nn.Input("b")
    hidden = (nn.Linear(4, 8)(a) + nn.Linear(2, 8)(b)).tanh()
    net = nn.Graph([b, a], {"kind": nn.Linear(8, 2)(hidden), "age": nn.Linear(8, 1)(hidden)})
    data = {**INPUTS, **TARGETS} if flat else (INPUTS, TARGETS)
    with jrk.device("reference"):
        history = jrk.fit(
            net.to("reference"), data, epochs=20, optimizer=optim.Adam(lr=0.02), batch_size=16,
            seed=1, **BY_NAME, **QUIET,
        )  # fmt: skip
    assert history.metrics["loss_kind"] < 0.2
    assert history.metrics["loss_age"] < 0.1
