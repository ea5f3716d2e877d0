"""What the page says of the doctor's part, in the two languages that Latih speaks."""

from collections.abc import Mapping

from latih.doctor.words import Words

DOCTOR_PHRASES: Mapping[str, Words] = {
    # The diagnosis
    "diagnosis": Words("Diagnosis", "Diagnosis"),
    "after_treatment": Words("After the treatment", "Setelah perawatan"),
    "healthy": Words("No fault found.", "Tidak ada yang salah."),
    "one_fault": Words("One fault found.", "Satu gangguan ditemukan."),
    "faults": Words("{count} faults found.", "{count} gangguan ditemukan."),
    "looks": Words(
        "The doctor looked at the net {count} times.", "Dokter memeriksa jaringan {count} kali."
    ),
    "one_look": Words("The doctor looked at the net once.", "Dokter memeriksa jaringan satu kali."),
    "fault": Words("fault", "gangguan"),
    "advice": Words("advice", "saran"),
    "note": Words("note", "catatan"),
    "why": Words("Why", "Sebab"),
    "seen": Words("Seen", "Terlihat"),
    "try": Words("Try", "Coba"),
    "unless": Words("Unless", "Kecuali"),
    "measured": Words("What was measured", "Yang diukur"),
    "value": Words("Value", "Nilai"),
    "speaks_if": Words("Threshold", "Ambang"),
    "layer": Words("layer", "lapisan"),
    "seen_from_step": Words("seen from step {step} on", "terlihat sejak langkah {step}"),
    "told_before": Words("told before the first step", "disampaikan sebelum langkah pertama"),
    "told_at_step": Words("told after step {step}", "disampaikan setelah langkah {step}"),
    "told_at_end": Words("told at the end", "disampaikan di akhir"),
    # What it rests on
    "evidence": Words("What it rests on", "Dasar diagnosis"),
    "step": Words("step", "langkah"),
    "skill": Words("skill", "skill"),
    "accuracy": Words("accuracy", "akurasi"),
    "loss": Words("loss", "loss"),
    "norm": Words("norm", "norma"),
    "loss_title": Words("Loss and findings", "Loss dan temuan"),
    "on_the_probe": Words("on the probe", "pada contoh periksa"),
    "in_training": Words("training, by epoch", "latihan, per epoch"),
    "held_back": Words("validation, by epoch", "validasi, per epoch"),
    "best_guess_line": Words(
        "The dotted line is the loss of the best constant guess.",
        "Garis titik-titik adalah loss tebakan tetap terbaik.",
    ),
    "numbers_are_findings": Words(
        "The numbers above are those of the findings, at the step at which they were seen.",
        "Angka di atas adalah nomor temuan, pada langkah ketika terlihat.",
    ),
    "skill_title": Words("Skill", "Skill"),
    "skill_note": Words(
        "1 is perfect, 0 no better than the best constant guess (dotted), whatever the loss.",
        "1 berarti sempurna, 0 tidak lebih baik dari tebakan tetap terbaik (titik-titik), apa pun "
        "loss-nya.",
    ),
    "norm_title": Words("Norm of all gradients", "Norma semua gradien"),
    "before_clipping": Words("as the loss gives it", "dari loss"),
    "after_clipping": Words("after clipping", "setelah dipotong"),
    "flow_title": Words("Gradient flow", "Aliran gradien"),
    "flow_unit": Words("gradient (RMS)", "gradien (RMS)"),
    "flow_note": Words(
        "A row is a layer, the first above; a column is a look. Where the colours darken upwards, "
        "the gradient vanishes on its way back.",
        "Satu baris adalah satu lapisan, yang pertama di atas; satu kolom adalah satu pemeriksaan. "
        "Jika warna makin gelap ke atas, gradien menghilang dalam perjalanan mundurnya.",
    ),
    "exactly_zero": Words("exactly 0", "tepat 0"),
    "not_finite": Words("NaN or infinite", "NaN atau tak hingga"),
    "update_title": Words("Update ratios", "Nisbah perubahan"),
    "update_axis": Words("update over weights |Δθ|/|θ|, a step", "perubahan |Δθ|/|θ| tiap langkah"),
    "update_range": Words("range of all looks, median", "rentang semua pemeriksaan, median"),
    "update_band": Words("healthy, 10⁻⁵ to 0.1", "sehat, 10⁻⁵ sampai 0.1"),
    "update_note": Words(
        "About 10⁻³ (dotted) is usual. An arrow at the left edge: in the end the "
        "weights did not move at all.",
        "Sekitar 10⁻³ (titik-titik) adalah lazim. Panah di tepi kiri: akhirnya bobot sama sekali "
        "tidak berubah.",
    ),
    "unit_title": Words("Dead and saturated units", "Unit mati dan jenuh"),
    "unit_axis": Words("share of the layer's units", "bagian dari unit lapisan"),
    "unit_note": Words(
        "Dead: 0 on every row of the probe. Saturated: in the flat part of sigmoid or tanh on nine "
        "rows in ten.",
        "Mati: 0 pada semua baris periksa. Jenuh: di bagian datar sigmoid atau tanh pada sembilan "
        "dari sepuluh baris.",
    ),
    "dead_units": Words("dead, at the last look", "mati, pada pemeriksaan terakhir"),
    "saturated_units": Words("saturated, at the last look", "jenuh, pada pemeriksaan terakhir"),
    "activation_title": Words("Activation ranges", "Rentang aktivasi"),
    "activation_axis": Words(
        "pre-activations, mean ± standard deviation", "pra-aktivasi, rata-rata ± simpangan baku"
    ),
    "activation_note": Words(
        "What goes into the activations on the probe. Deviations near 1 let signals through.",
        "Yang masuk ke fungsi aktivasi pada contoh periksa. Simpangan sekitar 1 meneruskan sinyal.",
    ),
    "at_the_first_look": Words("at the first look", "pada pemeriksaan pertama"),
    "at_the_last_look": Words("at the last look", "pada pemeriksaan terakhir"),
    "layers_left_out": Words(
        "{shown} of {all} layers are drawn.", "{shown} dari {all} lapisan digambar."
    ),
    # The treatment
    "treatment": Words("Treatment", "Perawatan"),
    "nothing_tried": Words("Nothing was tried.", "Tidak ada percobaan."),
    "on_advice": Words(
        "No fault was found, but not enough was learnt: what is advised was tried.",
        "Tidak ada gangguan, tetapi hasil belajarnya kurang: saran dicoba.",
    ),
    "untreated": Words(
        "Untreated, after {epochs} epochs: skill {skill} (seeds differ by {noise}).",
        "Tanpa perawatan, setelah {epochs} epoch: skill {skill} (antar-seed {noise}).",
    ),
    "for_finding": Words("for {code}", "untuk {code}"),
    "beat": Words("Skill {skill}, more than {needed}.", "Skill {skill}, lebih dari {needed}."),
    "did_not_beat": Words(
        "Skill {skill}, not more than {needed}.", "Skill {skill}, tidak lebih dari {needed}."
    ),
    "cannot_be_trained": Words("It cannot be trained: {reason}", "Tidak bisa dilatih: {reason}"),
    "kept": Words("kept", "dipakai"),
    "rolled_back": Words("rolled back", "dibatalkan"),
    "trained_to_end": Words(
        "Then trained to the end: skill {skill}.", "Lalu dilatih sampai akhir: skill {skill}."
    ),
    "as_given": Words(
        "Nothing was better than the model as it was given ({given}): it is left as it was.",
        "Tidak ada yang lebih baik dari model semula ({given}): model dibiarkan.",
    ),
    "cost": Words(
        "{steps} steps in all, {cost} times a plain training.",
        "Seluruhnya {steps} langkah, {cost} kali latihan biasa.",
    ),
    "changes": Words("What is different now", "Yang kini berbeda"),
    "no_changes": Words("Nothing is different.", "Tidak ada yang berubah."),
    "code": Words("As code to paste", "Sebagai kode untuk ditempel"),
}
"""By the names under which the template and the plots ask for them."""
