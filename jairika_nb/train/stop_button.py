"""The button in a notebook that ends a job in the background."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jairika_nb.train.job import Job


def show_stop_button(job: Job) -> None:
    """Show a button under the cell that stops ``job``; it goes away when the job is over.

    Where ipywidgets is not installed there is none, and ``job.stop()`` does the same.
    """
    try:
        import ipywidgets
    except ImportError:
        return
    from IPython.display import HTML, display

    button = ipywidgets.Button(
        description="Stop", icon="stop", tooltip="end the training after the running step"
    )

    def stop(_: Any) -> None:
        job.stop()
        button.description, button.disabled = "Stopping…", True

    button.on_click(stop)
    handle = display(button, display_id=True)
    if handle is not None:
        # A saved notebook must not keep a button that nothing listens to.
        job.at_end.append(lambda: handle.update(HTML("")))
