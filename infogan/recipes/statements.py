"""What the paper states (arXiv:1606.03657), each beside what decides here whether it holds.

A number that the paper only draws was read off its plot, to 0.1 nats. Where it shows something without a number, the
bound is this project's (`asked`).
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

from infogan.evaluation.verdicts import (
    Number,
    Setting,
    Statement,
    describe_codes,
    describe_deviation,
    describe_lambda,
    describe_leak,
    describe_network,
    describe_rates,
    describe_row,
    describe_sweep,
)
from infogan.recipes import rendered
from infogan.recipes.colour import CELEBA_PAPER as CELEBA
from infogan.recipes.colour import SVHN_PAPER as SVHN
from infogan.recipes.mnist import PAPER as MNIST
from infogan.recipes.rendered import CHAIRS_PAPER as CHAIRS
from infogan.recipes.rendered import FACES_PAPER as FACES
from infogan.spec import ExperimentSpec


class PlottedValue(NamedTuple):
    """What the paper's Figure 1 shows at an update, read off the plot.

    Attributes:
      update: of the paper.
      variant: "infogan" or "gan".
      low, high: range in nats.
    """

    update: int
    variant: str
    low: float
    high: float


PLOTTED = (
    PlottedValue(25, "infogan", 2.0, 2.0),
    PlottedValue(100, "infogan", 2.25, 2.25),
    PlottedValue(240, "infogan", 2.2, 2.3),
    PlottedValue(936, "infogan", 2.2, 2.3),
    PlottedValue(240, "gan", 0.05, 0.05),
    PlottedValue(936, "gan", 0.0, 0.0),
)
READING = 0.1
"""How exactly a value can be read off the plot, in nats."""
PEAK = 0.6
"""Near which the plain GAN's curve peaks, at updates 110 to 150."""
PEAK_METRIC = "L_I of the GAN, its peak"


def name_plotted(variant: str, update: int) -> str:
    """What a value of Figure 1 is called, among the metrics of a run."""
    return f"L_I of {'InfoGAN' if variant == 'infogan' else 'the GAN'}, update {update}"


def _state_plotted(plotted: PlottedValue) -> Statement:
    """InfoGAN reaches at least what is drawn; of the GAN, Q finds at most that."""
    of_infogan = plotted.variant == "infogan"
    drawn = " to ".join(f"{nats:g}" for nats in dict.fromkeys((plotted.low, plotted.high)))
    number = Number(
        name_plotted(plotted.variant, plotted.update),
        "at least" if of_infogan else "at most",
        plotted.low if of_infogan else plotted.high,
        "nats",
        slack=READING if plotted.low == plotted.high else 0.0,
    )
    what = "InfoGAN" if of_infogan else "a GAN whose Q is trained but does not train G"
    return Statement("figure1", "Fig. 1", f"L_I of {what} is about {drawn} nats at update {plotted.update}.", number)


def _find_correlation(experiment: str, place: str, text: str, factor: str, note: str = "") -> Statement:
    number = Number(f"|Spearman| with {factor}, best code", "at least", 0.9, asked=True)
    return Statement(experiment, place, text, number, note)


def _find_attribute(place: str, text: str, attribute: str) -> Statement:
    number = Number(f"change of {attribute} in samples, best code", "at least", 0.5, "share", asked=True)
    note = f"The share of samples with the attribute {attribute}, in the eyes of a classifier, between two categories."
    return Statement("celeba", place, text, number, note)


def _find_row(factor: str, spec: ExperimentSpec, table: str, printed: str, note: str = "") -> Statement:
    """A row of Table 5 or 7; the spec has those values that the row gives."""
    text = f"{table}, the network of {factor}: {printed}."
    return Statement(spec.name, table, text, Setting(describe_row, spec, printed), note)


def _choose_factor(spec: ExperimentSpec, rows: Mapping[str, Mapping[str, Any]], factor: str) -> ExperimentSpec:
    return dataclasses.replace(spec, factor=factor, **rows[factor])


SHARED = "c4s2-64 lReLU, c4s2-128 BN lReLU"
TABLE_1 = (
    f"D and Q: {SHARED}, FC 1024 BN lReLU; D: FC 1; Q: FC 128 BN lReLU, FC codes; "
    "G: FC 1024 BN ReLU, FC 6272 BN ReLU, u4s2-64 BN ReLU, u4s2-1"
)
TABLE_2 = (
    f"D and Q: {SHARED}, c4s2-256 BN lReLU; D: FC 1; Q: FC 128 BN lReLU, FC codes; "
    "G: FC 1792 BN ReLU, u4s2-256 BN ReLU, u4s2-128 ReLU, u4s2-64 ReLU, u4s2-3"
)
TABLE_4 = (
    f"D and Q: {SHARED}, FC 1024 BN lReLU; D: FC 1; Q: FC codes; "
    "G: FC 1024 BN ReLU, FC 8192 BN ReLU, u4s2-64 BN ReLU, u4s2-1"
)
TABLE_6 = (
    f"D and Q: {SHARED}, c4s2-256 BN lReLU, c4s1-256 BN lReLU, c4s1-256 BN lReLU, FC 1024 BN lReLU; D: FC 1; "
    "Q: FC codes; G: FC 1024 BN ReLU, FC 16384 BN ReLU, u4s1-256 BN ReLU, u4s1-256 BN ReLU, u4s2-128 BN ReLU, "
    "u4s2-64 BN ReLU, u4s2-1"
)
RATES = "Adam, D and Q 0.0002, G 0.001"
STRIDE = "The stride of G's last layer is not printed; the size of the images needs 2."
FROM_WHERE = "Measured as the direction, to the left or right, from which the light comes."
BEST = "The paper shows the best of five runs."
UNLABELLED = "No label of the set tells it: look at the picture."

DEPARTURES = (
    "G minimises -log D(G(z, c)), not log(1 - D(G(z, c))) as in Eq. 1, which has no gradient where D is sure.",
    "L_I is part of both steps: it also trains the trunk that Q shares with D. Eq. 6 does not say.",
    "Real and generated batches are normalised separately in D and Q.",
    "Products are rounded to bfloat16, but for studies whose recipe says float32.",
    "Batch norm's averages are recomputed after the last update, over unaugmented images.",
)
"""Of every recipe, which no setting shows; docs/differences.md says more."""

SECTIONS = {
    "mnist": "MNIST",
    "figure1": "Figure 1: L_I over the updates",
    "svhn": "SVHN",
    "celeba": "CelebA",
    "faces": "3D faces",
    "chairs": "3D chairs",
}
"""The parts of the page, by experiment, with their headings."""

STATEMENTS = (
    Statement(
        "mnist",
        "Sec. 7.2",
        "With each category matched to a digit, the categorical code classifies MNIST with 5 % error.",
        Number("error rate", "at most", 0.05, "share", "digit"),
        "The paper gives one number: no seeds, no spread, no protocol. Here it is the error on the test set, with a "
        "category for each digit, of the last checkpoint.",
    ),
    Statement(
        "mnist",
        "Fig. 2(a)",
        "Each category of c1 draws one type of digit.",
        Number("majority-vote error", "at most", 0.1, "share", "digit", asked=True),
        "Measured as the share of real images whose category has another digit in its majority.",
    ),
    Statement(
        "mnist",
        "Fig. 2(c)",
        "c2 models rotation.",
        Number("|Spearman| with slant", "at least", 0.8, among="best", asked=True),
        "The better one of both codes, whose names may be exchanged.",
    ),
    Statement(
        "mnist",
        "Fig. 2(d)",
        "c3 models width.",
        Number("|Spearman| with width", "at least", 0.8, among="best", asked=True),
        "The better one of both codes. Width is that of the digit, without the thickness of its stroke.",
    ),
    Statement(
        "mnist",
        "Fig. 2(c), (d)",
        "One code changes the slant, the other one the form: width or thickness.",
        Number("slant by one code, form by another", "at least", 0.8, asked=True),
    ),
    Statement(
        "mnist",
        "Fig. 2",
        "Codes generalise beyond the range that was trained: from -2 to 2 the digit stays the same.",
        Number("same digit, -2 to 2", "at least", 0.9, "share", among="worst", asked=True),
        "The worse one of both codes.",
    ),
    Statement("mnist", "Table 1", f"Networks: {TABLE_1}.", Setting(describe_network, MNIST, TABLE_1), STRIDE),
    Statement(
        "mnist",
        "App. C.1",
        "G sees 74 numbers: one categorical code of ten, two continuous ones, 62 of noise.",
        Setting(describe_codes, MNIST, "noise 62, 1 x Cat(10), 2 x U(-1, 1)"),
    ),
    Statement(
        "mnist",
        "App. C",
        "Adam learns D and Q with rate 2e-4 and G with 1e-3.",
        Setting(describe_rates, MNIST, RATES),
    ),
    Statement(
        "mnist",
        "App. C",
        "The rectifiers of D and Q leak 0.1.",
        Setting(describe_leak, MNIST, "0.1"),
        "The authors' code has 0.01.",
    ),
    Statement(
        "mnist",
        "Sec. 6, App. C",
        "Lambda is 1 for the categorical code and smaller for continuous ones.",
        Setting(describe_lambda, MNIST, "categorical 1, continuous 0.1"),
        "How much smaller is not stated; recipe paper has 0.1. The authors' code has 1.",
    ),
    Statement(
        "mnist",
        "App. C",
        "The deviation of Q's Gaussian for a continuous code comes from the network.",
        Setting(describe_deviation, MNIST, "from the network"),
        "The authors' code fixes it to 1, and so does recipe default.",
    ),
    Statement("mnist", "Fig. 2", "Continuous codes are shown from -2 to 2.", Setting(describe_sweep, MNIST, "-2 to 2")),
    *map(_state_plotted, PLOTTED),
    Statement(
        "figure1",
        "Fig. 1",
        f"That GAN's L_I peaks near {PEAK} nats, at updates 110 to 150.",
        Number(PEAK_METRIC, "at least", PEAK, "nats", slack=READING),
        "Only the height is compared.",
    ),
    Statement(
        "figure1",
        "Fig. 2(b)",
        "In a plain GAN c1 has no meaning.",
        Number(name_plotted("gan", 936), "at most", 0.2, "nats", asked=True),
        "Measured as what Q can read of c1 in its images, of at most 2.303 nats.",
    ),
    Statement("figure1", "Sec. 6", "L_I converges faster than the GAN objective.", None, "No study keeps both curves."),
    Statement("figure1", "Sec. 6", "Q costs next to nothing beside a GAN.", None, "A GAN without Q is no study here."),
    Statement(
        "svhn",
        "Fig. 5(a)",
        "A continuous code changes the lighting.",
        Number("light by a continuous code", "at least", 0.8, asked=True),
        "|Spearman| of a continuous code with the brightness of samples, or how much brighter one side is.",
    ),
    Statement("svhn", "Fig. 5(b)", "A categorical code changes the context: the digits beside.", None, UNLABELLED),
    Statement("svhn", "Table 2", f"Networks: {TABLE_2}.", Setting(describe_network, SVHN, TABLE_2), STRIDE),
    Statement(
        "svhn",
        "App. C.2",
        "G sees 168 numbers: four categorical codes of ten, four continuous ones, 124 of noise.",
        Setting(describe_codes, SVHN, "noise 124, 4 x Cat(10), 4 x U(-1, 1)"),
        "Sec. 7.2 says two continuous codes; 168 numbers need four.",
    ),
    Statement("svhn", "App. C", "Adam's rates are 2e-4 and 1e-3.", Setting(describe_rates, SVHN, RATES)),
    Statement("celeba", "Fig. 6(a)", "A categorical code changes the azimuth.", None, UNLABELLED),
    _find_attribute("Fig. 6(b)", "A categorical code signals the presence of glasses.", "Eyeglasses"),
    _find_attribute("Fig. 6(c)", "A categorical code changes the hair style, from less to more hair.", "Bangs"),
    _find_attribute("Fig. 6(d)", "A categorical code changes the emotion, from stern to happy.", "Smiling"),
    Statement(
        "celeba",
        "Table 3",
        f"Networks: {TABLE_2}.",
        Setting(describe_network, CELEBA, TABLE_2),
        f"The caption says SVHN; the layers are those of Table 2. {STRIDE}",
    ),
    Statement(
        "celeba",
        "App. C.3",
        "G sees 228 numbers: ten categorical codes of ten, 128 of noise.",
        Setting(describe_codes, CELEBA, "noise 128, 10 x Cat(10)"),
    ),
    Statement("celeba", "App. C", "Adam's rates are 2e-4 and 1e-3.", Setting(describe_rates, CELEBA, RATES)),
    _find_correlation("faces", "Fig. 3(a)", "A continuous code changes the azimuth.", "azimuth", BEST),
    _find_correlation("faces", "Fig. 3(b)", "A continuous code changes the elevation.", "elevation", BEST),
    _find_correlation(
        "faces", "Fig. 3(c)", "A continuous code changes the lighting.", "light_azimuth", f"{BEST} {FROM_WHERE}"
    ),
    _find_correlation("faces", "Fig. 3(d)", "A continuous code makes faces wide or narrow.", "width", BEST),
    Statement("faces", "Table 4", f"Networks: {TABLE_4}.", Setting(describe_network, FACES, TABLE_4), STRIDE),
    Statement(
        "faces",
        "App. C.4",
        "G sees 133 numbers: five continuous codes, 128 of noise.",
        Setting(describe_codes, FACES, "noise 128, 5 x U(-1, 1)"),
    ),
    _find_row("azimuth", FACES, "Table 5", "Adam, D and Q 0.0002, G 0.0005; lambda continuous 0.2"),
    _find_row(
        "elevation",
        _choose_factor(FACES, rendered.TABLE_5, "elevation"),
        "Table 5",
        "Adam, D and Q 0.0004, G 0.0003; lambda continuous 0.1",
    ),
    _find_row(
        "lighting",
        _choose_factor(FACES, rendered.TABLE_5, "lighting"),
        "Table 5",
        "Adam, D and Q 0.0008, G 0.0003; lambda continuous 0.1",
        "Wide or narrow was found in the same network.",
    ),
    Statement(
        "chairs",
        "Fig. 4(a)",
        "A continuous code turns the chair.",
        Number("variance of azimuth explained, best code", "at least", 0.8, asked=True),
        BEST,
    ),
    Statement("chairs", "Fig. 4(b)", "A continuous code changes the width of the chair.", None, UNLABELLED),
    Statement("chairs", "Table 6", f"Networks: {TABLE_6}.", Setting(describe_network, CHAIRS, TABLE_6), STRIDE),
    Statement(
        "chairs",
        "App. C.5",
        "G sees 189 numbers: three categorical codes of twenty, a continuous one, 128 of noise.",
        Setting(describe_codes, CHAIRS, "noise 128, 3 x Cat(20), 1 x U(-1, 1)"),
        "Sec. 7.2 says four categorical codes; 189 numbers need three.",
    ),
    _find_row("rotation", CHAIRS, "Table 7", "Adam, D and Q 0.0002, G 0.001; lambda categorical 1, continuous 10"),
    _find_row(
        "width",
        _choose_factor(CHAIRS, rendered.TABLE_7, "width"),
        "Table 7",
        "Adam, D and Q 0.0002, G 0.001; lambda categorical 2, continuous 0.05",
    ),
)
"""All of them, as they stand in the paper, by experiment."""
