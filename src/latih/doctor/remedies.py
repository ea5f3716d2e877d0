"""What helps: a name, a sentence and a change for each remedy that a finding may propose."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from latih.doctor import end_remedies, layer_remedies, training_remedies
from latih.doctor.setup import Case, Setup
from latih.doctor.words import Words

Change = Callable[[Setup, Case], Setup | None]
"""Returns the changed setup; None where the remedy does not apply, or changes nothing."""


@dataclass(frozen=True)
class Remedy:
    """Something to change.

    Args:
        words: what to do, as a sentence that begins with a verb.
        changes: the ways to do it, the best first; none where only a person can, on the data.
    """

    words: Words
    changes: Sequence[Change] = ()

    def __call__(self, setup: Setup, case: Case) -> Setup | None:
        """Return a setup with it; None if it does not apply."""
        for change in self.changes:
            changed = change(setup, case)
            if changed is not None:
                return changed
        return None


def _remedy(en: str, id: str, *changes: Change) -> Remedy:
    return Remedy(Words(en, id), changes)


REMEDIES: Mapping[str, Remedy] = {
    "clean-data": _remedy(
        "Remove or fill in the values that are not finite.",
        "Buang atau isi nilai yang tidak berhingga.",
    ),
    "lower-learning-rate": _remedy(
        "Lower the learning rate; lr_find() suggests one.",
        "Turunkan laju belajar; lr_find() memberi saran.",
        training_remedies.lower_learning_rate,
    ),
    "raise-learning-rate": _remedy(
        "Raise the learning rate; lr_find() suggests one.",
        "Naikkan laju belajar; lr_find() memberi saran.",
        training_remedies.raise_learning_rate,
    ),
    "warm-up": _remedy(
        "Let the learning rate rise over the first steps.",
        "Biarkan laju belajar naik pada langkah-langkah pertama.",
        training_remedies.warm_up,
    ),
    "clip-gradients": _remedy(
        "Clip the gradients at the 90th percentile of their norms.",
        "Potong gradien pada persentil ke-90 dari normanya.",
        training_remedies.clip_gradients,
    ),
    "other-optimizer": _remedy(
        "Use Adam.",
        "Pakai Adam.",
        training_remedies.other_optimizer,
    ),
    "larger-batch": _remedy(
        "Use larger batches.",
        "Pakai batch yang lebih besar.",
        training_remedies.larger_batch,
    ),
    "smaller-batch": _remedy(
        "Use smaller batches.",
        "Pakai batch yang lebih kecil.",
        training_remedies.smaller_batch,
    ),
    "more-epochs": _remedy(
        "Train for more epochs, with early stopping.",
        "Latih lebih banyak epoch, dengan early stopping.",
        training_remedies.more_epochs,
    ),
    "initialise": _remedy(
        "Initialise by the activation: He for ReLU and its kin, LeCun for SELU, else Glorot.",
        "Inisialisasi menurut aktivasinya: He untuk ReLU dan kerabatnya, LeCun untuk SELU, "
        "selain itu Glorot.",
        layer_remedies.initialise,
    ),
    "relu": _remedy(
        "Use ReLU with He initialisation in the hidden layers.",
        "Pakai ReLU dengan inisialisasi He di lapisan tersembunyi.",
        layer_remedies.relu,
    ),
    "leaky-activation": _remedy(
        "Use LeakyReLU or ELU, which have a gradient below 0 too.",
        "Pakai LeakyReLU atau ELU, yang punya gradien juga di bawah 0.",
        layer_remedies.leaky_activation,
        layer_remedies.elu,
    ),
    "selu": _remedy(
        "Use SELU with LeCun initialisation.",
        "Pakai SELU dengan inisialisasi LeCun.",
        layer_remedies.selu,
    ),
    "batch-normalisation": _remedy(
        "Put BatchNormalization after the hidden layers.",
        "Pasang BatchNormalization setelah lapisan tersembunyi.",
        layer_remedies.batch_normalisation,
    ),
    "scale-inputs": _remedy(
        "Scale the inputs: a Normalization layer in front, or Rescaling(1/255) for images.",
        "Skalakan masukan: lapisan Normalization di depan, atau Rescaling(1/255) untuk gambar.",
        end_remedies.scale_inputs,
    ),
    "scale-targets": _remedy(
        "Scale the targets to mean 0 and deviation 1, and scale the predictions back.",
        "Skalakan target ke rata-rata 0 dan simpangan 1, lalu kembalikan skala prediksinya.",
        end_remedies.scale_targets,
    ),
    "output-and-loss": _remedy(
        "Choose output and loss together: sigmoid with binary cross-entropy, softmax with "
        "categorical cross-entropy, no activation with mean squared error.",
        "Pilih keluaran dan loss bersama: sigmoid dengan binary cross-entropy, softmax dengan "
        "categorical cross-entropy, tanpa aktivasi dengan mean squared error.",
        end_remedies.output_and_loss,
    ),
    "map-labels": _remedy(
        "Number the classes 0, 1, 2, ..., or give each example one row as the outputs have.",
        "Nomori kelas 0, 1, 2, ..., atau beri tiap contoh satu baris seperti keluarannya.",
        end_remedies.map_labels,
    ),
    "class-weights": _remedy(
        "Weight the classes (class_weight=), and watch balanced accuracy.",
        "Beri bobot pada kelas (class_weight=), dan amati balanced accuracy.",
        training_remedies.class_weights,
    ),
    "shuffle": _remedy(
        "Shuffle examples and targets together.",
        "Acak contoh dan target bersama-sama.",
        training_remedies.shuffle,
    ),
    "dropout": _remedy(
        "Add dropout.",
        "Tambahkan dropout.",
        layer_remedies.dropout,
    ),
    "l2": _remedy(
        "Add an L2 penalty, or AdamW.",
        "Tambahkan penalti L2, atau AdamW.",
        layer_remedies.l2,
    ),
    "early-stopping": _remedy(
        "Stop early and restore the best weights.",
        "Berhenti dini dan kembalikan bobot terbaik.",
        training_remedies.early_stopping,
    ),
    "fewer-penalties": _remedy(
        "Take back penalties and dropout.",
        "Kurangi penalti dan dropout.",
        layer_remedies.fewer_penalties,
    ),
    "more-units": _remedy(
        "Give the hidden layers more units.",
        "Beri lapisan lebih banyak unit.",
        layer_remedies.more_units,
    ),
    "nonlinearity": _remedy(
        "Put an activation between the layers.",
        "Pasang aktivasi di antara lapisan.",
        layer_remedies.nonlinearity,
    ),
    "unfreeze": _remedy(
        "Let the weights train: trainable = True, and every part in the graph of the loss.",
        "Biarkan bobot dilatih: trainable = True, dan setiap bagian ada di graf loss.",
        layer_remedies.unfreeze,
    ),
    "split-again": _remedy(
        "Split again, without rows that are on both sides, and scale both sides alike.",
        "Bagi ulang data tanpa baris kembar, dan skalakan kedua sisi dengan cara yang sama.",
    ),
}
"""By the name that findings use, in no order."""
