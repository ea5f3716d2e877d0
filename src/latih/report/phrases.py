"""What the page says, in the two languages that Latih speaks."""

from collections.abc import Mapping

from latih.doctor.words import Words
from latih.report.doctor_phrases import DOCTOR_PHRASES

PAGE_PHRASES: Mapping[str, Words] = {
    "training_run": Words("Training run", "Latihan"),
    "made_by": Words(
        "Made by Latih from the files of the run. This page is complete in itself and opens "
        "without a network.",
        "Dibuat oleh Latih dari berkas latihan ini. Halaman ini utuh dan terbuka tanpa jaringan.",
    ),
    # The head
    "on": Words("on {name}", "pada {name}"),
    "seed": Words("seed {seed}", "seed {seed}"),
    "test_score": Words("Test {name}", "Uji: {name}"),
    "cross_validated_score": Words("Cross-validated {name}", "Validasi silang: {name}"),
    "no_number": Words("not a number", "bukan bilangan"),
    "samples": Words("{count} samples", "{count} contoh"),
    "best_epoch": Words("Best epoch", "Epoch terbaik"),
    "none": Words("none", "tidak ada"),
    "probe_kept": Words(
        "the frozen probe was better and is kept: val_accuracy\u00a0{accuracy}",
        "probe beku lebih baik dan dipakai: val_accuracy\u00a0{accuracy}",
    ),
    "parameters": Words("Parameters", "Parameter"),
    "trainable_count": Words("{count} trainable", "{count} dilatih"),
    "time": Words("Time", "Waktu"),
    "speed": Words("{count} samples/s", "{count} contoh/dtk"),
    "one_epoch": Words("1 epoch", "1 epoch"),
    "epochs": Words("{count} epochs", "{count} epoch"),
    "epochs_of": Words("{count} of {asked} epochs", "{count} dari {asked} epoch"),
    "stopped": Words("Stopped after {epochs}: {reason}", "Berhenti setelah {epochs}: {reason}"),
    "no_end": Words(
        "No end is recorded after {epochs}: the run was interrupted or is still going.",
        "Tidak ada akhir yang tercatat setelah {epochs}: latihan terputus atau masih berjalan.",
    ),
    "second_cycle": Words(
        "Then all was done once more from the beginning, with the held-back examples too; that net "
        "is kept, and its page is in second-cycle.",
        "Lalu semuanya diulang dari awal, juga dengan contoh yang ditahan; jaringan itulah yang "
        "disimpan, dan halamannya ada di second-cycle.",
    ),
    "second_cycle_taken_back": Words(
        "Then all was done once more from the beginning, with the held-back examples too; that "
        "wrecked the net and was taken back, and its page is in second-cycle.",
        "Lalu semuanya diulang dari awal, juga dengan contoh yang ditahan; itu merusak jaringan "
        "dan dibatalkan, dan halamannya ada di second-cycle.",
    ),
    # Curves
    "curves": Words("Curves", "Kurva"),
    "epoch": Words("epoch", "epoch"),
    "over_epochs": Words("{name} over the epochs", "{name} sepanjang epoch"),
    "training": Words("training", "latihan"),
    "validation": Words("validation", "validasi"),
    "learning_rate": Words("learning rate", "laju belajar"),
    "at_best": Words("at the best epoch, {number}", "pada epoch terbaik, {number}"),
    "nothing_to_draw": Words("There is no number to draw.", "Tidak ada bilangan untuk digambar."),
    "one_in": Words(
        "Of {count} points of {name} one in {stride} is drawn.",
        "Dari {count} titik {name} digambar satu tiap {stride}.",
    ),
    "gap": Words(
        "The value for {name} is NaN or infinite in epoch {epochs}.",
        "Nilai {name} NaN atau tak hingga pada epoch {epochs}.",
    ),
    "gaps": Words(
        "The value for {name} is NaN or infinite in epochs {epochs}.",
        "Nilai {name} NaN atau tak hingga pada epoch {epochs}.",
    ),
    "and_more": Words("{told} and {count} more", "{told} dan {count} lagi"),
    "metrics_left_out": Words(
        "{count} more metrics are in log.jsonl.", "{count} metrik lain ada di log.jsonl."
    ),
    # The model
    "model": Words("Model", "Model"),
    "layer_name": Words("Layer", "Lapisan"),
    "type": Words("Type", "Jenis"),
    "output_shape": Words("Output shape", "Bentuk keluaran"),
    "trainable": Words("Trainable", "Dilatih"),
    "yes": Words("yes", "ya"),
    "no": Words("no", "tidak"),
    "layers_not_listed": Words(
        "{count} more layers are in run.toml.", "{count} lapisan lain ada di run.toml."
    ),
    "in_all": Words("{count} in all", "{count} seluruhnya"),
    "are_trainable": Words("{count} trainable", "{count} dilatih"),
    "are_not_trainable": Words("{count} not trainable", "{count} tidak dilatih"),
    # The test set
    "test_set": Words("On the test set", "Pada data uji"),
    "folds": Words("In cross-validation", "Pada validasi silang"),
    "folds_note": Words(
        "Each example was judged by a net that had not seen it, one for each fold. The net that is "
        "kept learned from all of them.",
        "Setiap contoh dinilai oleh jaringan yang belum melihatnya, satu untuk tiap lipatan. "
        "Jaringan yang disimpan belajar dari semuanya.",
    ),
    "each_fold": Words("Fold by fold", "Tiap lipatan"),
    "fold": Words("Fold {number}", "Lipatan {number}"),
    "choice": Words("Where the epoch was chosen", "Saat epoch dipilih"),
    "probe": Words("frozen probe", "probe beku"),
    "kept": Words("what was kept", "yang disimpan"),
    "scores": Words("Scores", "Skor"),
    "confused_most": Words("Confused most often", "Paling sering tertukar"),
    "taken_for": Words("{true} taken for {predicted}", "{true} dikira {predicted}"),
    "confusion": Words("Confusion matrix", "Matriks kebingungan"),
    "confusion_note": Words(
        "A row is a true class, a column what the model said; below each count, its share of the "
        "row.",
        "Satu baris adalah kelas sebenarnya, satu kolom jawaban model; di bawah tiap hitungan, "
        "bagiannya dari baris itu.",
    ),
    "confusion_of": Words(
        "Confusion matrix of {count} classes", "Matriks kebingungan {count} kelas"
    ),
    "confusion_picture": Words(
        "{count} classes, a point a cell, stronger where the share is larger; right on the "
        "diagonal.",
        "{count} kelas, satu titik per sel, makin kuat jika bagiannya makin besar; yang benar di "
        "diagonal.",
    ),
    "too_many_classes": Words(
        "{count} classes are too many to draw.", "{count} kelas terlalu banyak untuk digambar."
    ),
    "mistakes": Words("The most confident mistakes", "Kesalahan yang paling yakin"),
    "mistakes_note": Words(
        "What the model said, what it truly is, and the probability that the model gave to its "
        "answer.",
        "Jawaban model, yang sebenarnya, dan peluang yang diberikan model pada jawabannya.",
    ),
    "test_sample": Words("Test sample {index}", "Contoh uji {index}"),
    "said": Words("said", "jawaban"),
    "truly": Words("is", "sebenarnya"),
    "sure": Words("{share} sure", "yakin {share}"),
    "sample": Words("sample {index}", "contoh {index}"),
    # What was asked
    "asked": Words("What was asked", "Yang diminta"),
    "more_rows": Words("{count} more are in run.toml", "{count} lagi ada di run.toml"),
    "versions": Words("With which versions", "Dengan versi"),
    "in_numbers": Words("Every epoch in numbers", "Semua epoch dalam angka"),
    "one_in_listed": Words(
        "One in {stride} is listed; all are in log.jsonl.",
        "Satu tiap {stride} dicantumkan; semuanya ada di log.jsonl.",
    ),
}

PHRASES: Mapping[str, Words] = {**PAGE_PHRASES, **DOCTOR_PHRASES}
"""By the names under which the template and the plots ask for them."""


def phrase(name: str, /, **values: object) -> str:
    """Return what the page says, in the language that ``LATIH_LANG`` asks for.

    Args:
        name: in :data:`PHRASES`.
        values: what is put in.

    Example:
        >>> phrase("told_at_step", step=20)
        'told after step 20'
    """
    return str(PHRASES[name].of(**values))
