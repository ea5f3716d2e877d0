"""The words for what several rules measure."""

from latih.doctor.words import Words

SKILL = Words("skill, 0 as the best constant guess", "skill, 0 seperti tebakan tetap terbaik")
BEST_SKILL = Words("best skill so far", "skill terbaik sejauh ini")
LOSS = Words("loss on the probe", "loss pada contoh periksa")
RATE = Words("learning rate", "laju belajar")
BOLDNESS = Words("learning rate over the usual one", "laju belajar dibanding yang lazim")
UPDATE = Words("update over weights |Δθ|/|θ|", "perubahan dibanding bobot |Δθ|/|θ|")
FLOW = Words("gradient of first over last layer", "gradien lapisan pertama per lapisan terakhir")
SILENT = Words("share of dead units", "bagian unit yang mati")
DEVIATION = Words("deviation of pre-activations", "simpangan pra-aktivasi")
BATCH = Words("batch size", "ukuran batch")
