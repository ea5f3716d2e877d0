"""The part of RESULTS.md that says what came of ``make reproduce``, from REPRODUCED.json."""

from typing import Any

PARTS = {
    "dbn": (
        "Deep belief net 784-500-500-2000, trained on with labels: test error",
        "test_error_percent",
        "{:.2f}%",
        "1.25% (Hinton, Osindero & Teh 2006)",
        "at most 1.3%",
    ),
    "pca": (
        "PCA with 30 components",
        "error_an_image",
        "{:.2f}",
        "13.87 (Hinton & Salakhutdinov 2006)",
        "",
    ),
    "autoencoder": (
        "Autoencoder 784-1000-500-250-30, pretrained by RBMs",
        "error_an_image",
        "{:.2f}",
        "3.00 (the same)",
        "at most 4.0",
    ),
    "unpretrained": (
        "The same net, Glorot's weights and Adam in place of pretraining",
        "error_an_image",
        "{:.2f}",
        "none: gradient descent gave the mean image",
        "",
    ),
}
"""Each part: what it is, the figure that counts and its form, the paper's, and the aim."""


def section(known: dict[str, Any]) -> list[str]:
    """Return the lines of the section; none where nothing is known."""
    rows: list[str] = []
    for part, (told, figure, form, paper, aim) in PARTS.items():
        values = known.get(part, {})
        if figure in values:
            trained = ""
            if "epochs" in values:
                before = values.get("epochs_of_each_machine")
                machines = f"{before} an RBM, then " if before else ""
                trained = f"{machines}{values['epochs']}; {values['seconds'] / 60:.0f} minutes"
            rows.append(f"| {told} | {form.format(values[figure])} | {aim} | {paper} | {trained} |")
    if not rows:
        return []
    about = known["about"]
    threads = "one thread" if about["threads"] == 1 else f"{about['threads']} threads"
    return [
        "## Two old experiments",
        "",
        "`make reproduce`: the whole of MNIST, one seed; errors of autoencoders are squared and "
        "summed over the pixels of a test image, as in the paper. The minutes are those after "
        f"pretraining, on {threads}.",
        "",
        "| | found | aim | the paper's | epochs |",
        "|---|---:|---:|---:|---:|",
        *rows,
        "",
    ]
