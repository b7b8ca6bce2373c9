"""The table of words: adding one touches this file and the file of its function."""

from __future__ import annotations

from jairika_nb.words import bench, demo, devices, doctor, history, kernel, lab, models, views
from jairika_nb.words.word import Word

WORDS: dict[str, Word] = {
    word.name: word
    for word in (
        Word(
            "demo",
            demo.demo,
            "train a network on handwritten digits and keep it, start to end",
            "demo",
            "start here",
        ),
        Word(
            "lab",
            lab.lab,
            "JupyterLab on the tutorials, with the sidebar",
            "lab",
            "start here",
        ),
        Word(
            "init",
            models.init,
            "make a new model file",
            "init digits.jrk.h5",
            "a model",
        ),
        Word(
            "open",
            models.open_,
            "use a model that exists",
            "open digits.jrk.h5",
            "a model",
        ),
        Word(
            "info",
            models.info,
            "the tree of variants and iterations",
            "info {model}",
            "a model",
        ),
        Word(
            "verify",
            models.verify,
            "check every stored byte against its checksum",
            "verify {model}",
            "a model",
        ),
        Word(
            "commit",
            history.commit,
            "keep the state of a network as a new iteration",
            'commit {model} {net} --name PT --message "pre-trained" --metric accuracy=0.97',
            "its history",
        ),
        Word(
            "derive",
            history.derive,
            "start a new variant from an iteration, copying nothing",
            "derive {model} wide --switch",
            "its history",
        ),
        Word(
            "switch",
            history.switch,
            "choose the variant that commits go to",
            "switch {model} wide",
            "its history",
        ),
        Word(
            "log",
            history.log,
            "the iterations of a variant, newest first",
            "log {model}",
            "its history",
        ),
        Word(
            "devices",
            devices.devices,
            "the devices that compute here",
            "devices",
            "this machine",
        ),
        Word(
            "doctor",
            doctor.doctor,
            "check drivers, sidebar, server part and folders, and say what cures them",
            "doctor",
            "this machine",
        ),
        Word(
            "bench",
            bench.bench,
            "how fast this is here, beside PyTorch where that is installed",
            "bench",
            "this machine",
        ),
        Word(
            "graph",
            views.graph,
            "the lazy graph of a tensor, and what fuses with what",
            "graph (x+y).exp()-x",
            "inside a notebook (%jrk)",
            notebook=True,
            text=True,
        ),
        Word(
            "kernels",
            views.kernels,
            "the kernels that a tensor would run, with their OpenCL C",
            "kernels net(images)",
            "inside a notebook (%jrk)",
            notebook=True,
            text=True,
        ),
        Word(
            "profile",
            views.profile,
            "run a statement, or the cell below, and show where the time went",
            "profile step()",
            "inside a notebook (%jrk)",
            notebook=True,
            text=True,
            cell="may",
        ),
        Word(
            "kernel",
            kernel.kernel,
            "make the OpenCL C of the cell below a function of tensors",
            "kernel swish",
            "inside a notebook (%jrk)",
            notebook=True,
            cell="must",
        ),
    )
}
