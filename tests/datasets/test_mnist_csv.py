"""datasets.MNISTCSV, on small files written here, by hand where the form matters."""

import os
from pathlib import Path

import numpy as np
import pytest

import tinygrad_np as tg
from tinygrad_np.datasets import MNISTCSV
from tinygrad_np.utils.data import DataLoader

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (5, 28, 28), np.uint8)
LABELS = np.array([3, 0, 9, 1, 7])
RECORDS = [",".join(map(str, [label, *image.reshape(-1)])) for label, image in zip(LABELS, IMAGES, strict=True)]
# The two header lines that one meets: J. Redmon's converter wrote none, Kaggle's files have these.
HEADERS = [
    "label," + ",".join(f"{row}x{column}" for row in range(1, 29) for column in range(1, 29)),
    '"label",' + ",".join(f'"pixel{i}"' for i in range(784)),
]


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    return tmp_path / "mnist.csv"


def with_field(number: int, field: str) -> str:
    """The first record, with another field (1 is the label)."""
    fields = RECORDS[0].split(",")
    fields[number - 1] = field
    return ",".join(fields)


# -- reading ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        "\n".join(RECORDS),
        "\n".join(RECORDS) + "\n",
        "\r\n".join(RECORDS) + "\r\n",
        "\n\n".join(RECORDS) + "\n\n\n",
        "\ufeff" + "\n".join(RECORDS),
        "\n".join(RECORDS).replace(",", " , "),
        *("\n".join([header, *RECORDS]) for header in HEADERS),
        "\n".join(["LABEL" + "," * 784, *RECORDS]),
    ],
    ids=["plain", "newline", "crlf", "blank lines", "bom", "spaces", "header", "quoted header", "short header"],
)
def test_reads_lines_of_label_and_pixels(csv, content):
    csv.write_bytes(content.encode())
    digits = MNISTCSV(csv)
    assert len(digits) == 5
    assert digits.data.dtype == tg.uint8
    assert digits.targets.dtype == tg.int64
    np.testing.assert_array_equal(digits.data.numpy(), IMAGES)
    np.testing.assert_array_equal(digits.targets.numpy(), LABELS)


def test_a_sample_is_an_image_and_its_digit(csv):
    csv.write_text("\n".join(RECORDS))
    image, digit = MNISTCSV(str(csv))[2]
    np.testing.assert_array_equal(image.numpy(), IMAGES[2])
    assert (digit.item(), digit.shape) == (9, ())
    assert MNISTCSV.classes[digit] == "9 - nine"


def test_a_loader_makes_batches_of_it(csv):
    csv.write_text("\n".join(RECORDS))
    (first, labels), (last, _) = DataLoader(MNISTCSV(csv), batch_size=3)
    assert labels.tolist() == [3, 0, 9]
    np.testing.assert_array_equal(np.concatenate([first, last]), IMAGES)


def test_repr_tells_how_many_and_where(csv):
    csv.write_text(RECORDS[0])
    assert repr(MNISTCSV(csv)) == f"Dataset MNISTCSV\n    Number of datapoints: 1\n    File: {csv}"


# -- wrong lines -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (RECORDS[0].rsplit(",", 1)[0], "expected a label and 784 pixels, separated by commas; found 784 fields"),
        (RECORDS[0] + ",0", "found 786 fields"),
        (RECORDS[0] + ",", "found 786 fields"),
        ("five", "found 1 fields"),
        (with_field(1, "10"), "expected a label from 0 to 9, found 10"),
        (with_field(1, "five"), "expected integers from 0 to 255, found 'five' in field 1"),
        (with_field(2, "256"), "found '256' in field 2"),
        (with_field(400, "-1"), "found '-1' in field 400"),
        (with_field(400, ""), "found '' in field 400"),
        (with_field(785, ""), "found '' in field 785"),
        (with_field(785, "1.5"), "found '1.5' in field 785"),
        (with_field(785, "1 5"), "found '1 5' in field 785"),
        (with_field(785, "12345678901234567890123"), "found '12345678901234567890123' in field 785"),
        (with_field(3, "5\x1f"), r"found '5\x1f' in field 3"),
        (with_field(3, "\xe9"), "found '\ufffd' in field 3"),
    ],
)
@pytest.mark.parametrize("before", [[], [RECORDS[1]], [HEADERS[0], "", RECORDS[1]]], ids=["first", "second", "fourth"])
def test_a_wrong_line_is_named_by_its_number(csv, line, complaint, before):
    csv.write_bytes("\n".join([*before, line, RECORDS[2]]).encode("latin-1"))
    with pytest.raises(RuntimeError) as error:
        MNISTCSV(csv)
    assert str(error.value).startswith(f"{csv}, line {len(before) + 1}: ")
    assert complaint in str(error.value)


def test_spaces_that_only_unicode_knows_are_none(csv):
    csv.write_text(with_field(3, "\u00a05"), encoding="utf-8")
    with pytest.raises(RuntimeError, match="line 1: expected integers from 0 to 255, found .* in field 3"):
        MNISTCSV(csv)


def test_a_header_is_one_only_in_the_first_line(csv):
    csv.write_text("\n".join([RECORDS[0], HEADERS[0]]))
    with pytest.raises(RuntimeError, match="line 2: expected integers from 0 to 255, found 'label' in field 1"):
        MNISTCSV(csv)


@pytest.mark.parametrize("content", ["", "\n\n", HEADERS[0]])
def test_a_file_without_records_is_an_error(csv, content):
    csv.write_text(content)
    with pytest.raises(RuntimeError, match="expected a line for each digit, found none"):
        MNISTCSV(csv)


def test_a_missing_file_is_an_error(csv):
    with pytest.raises(FileNotFoundError, match="mnist.csv"):
        MNISTCSV(csv)


# -- writing ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [IMAGES, IMAGES.reshape(5, 784)], ids=["images", "rows"])
def test_writes_a_line_per_image(csv, rows):
    MNISTCSV.write(csv, tg.from_numpy(rows), tg.from_numpy(LABELS))
    assert csv.read_text() == "".join(f"{record}\n" for record in RECORDS)


def test_writes_the_header_of_rows_and_columns(csv):
    MNISTCSV.write(csv, tg.from_numpy(IMAGES), tg.from_numpy(LABELS), header=True)
    assert csv.read_text().splitlines() == [HEADERS[0], *RECORDS]
    np.testing.assert_array_equal(MNISTCSV(csv).data.numpy(), IMAGES)


def test_writes_images_that_are_not_contiguous(csv):
    images = tg.from_numpy(IMAGES).transpose(1, 2)
    MNISTCSV.write(csv, images, tg.from_numpy(LABELS))
    np.testing.assert_array_equal(MNISTCSV(csv).data.numpy(), IMAGES.transpose(0, 2, 1))


@pytest.mark.parametrize(
    ("images", "labels", "error", "complaint"),
    [
        (tg.zeros(2, 784), tg.zeros(2, dtype=tg.int64), TypeError, "got float32 and int64"),
        (tg.zeros(2, 784, dtype=tg.uint8), tg.zeros(2), TypeError, "got uint8 and float32"),
        (tg.zeros(2, 784, dtype=tg.uint8), tg.zeros(2, dtype=tg.bool), TypeError, "got uint8 and bool"),
        (tg.zeros(2, 784, dtype=tg.uint8), tg.zeros(3, dtype=tg.int64), ValueError, "(2, 784) and (3,)"),
        (tg.zeros(784, dtype=tg.uint8), tg.tensor(0), ValueError, "got (784,) and ()"),
        (tg.zeros(2, 785, dtype=tg.uint8), tg.zeros(2, dtype=tg.int64), ValueError, "(2, 785) and (2,)"),
        (tg.zeros(2, 784, dtype=tg.uint8), tg.tensor([0, 10]), ValueError, "expected labels from 0 to 9"),
        (tg.zeros(2, 784, dtype=tg.uint8), tg.tensor([-1, 0]), ValueError, "expected labels from 0 to 9"),
    ],
)
def test_what_is_no_digits_is_not_written(csv, images, labels, error, complaint):
    with pytest.raises(error) as raised:
        MNISTCSV.write(csv, images, labels)
    assert complaint in str(raised.value)
    assert not csv.exists()


def test_a_write_that_fails_leaves_the_old_file(csv, monkeypatch):
    csv.write_text("old")

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        MNISTCSV.write(csv, tg.from_numpy(IMAGES), tg.from_numpy(LABELS))
    assert {path.name: path.read_text() for path in csv.parent.iterdir()} == {"mnist.csv": "old"}
