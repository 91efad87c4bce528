"""Rows of foreign files: strict, with their line, and never a crash."""

from __future__ import annotations

import gzip
import json
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolmark.benchmark.core.errors import InputError
from toolmark.benchmark.core.registry import load
from toolmark.benchmark.core.strict_json import json_or_literal, python_literal, strict_json
from toolmark.benchmark.readers import BadRow
from toolmark.benchmark.readers.file_rows import csv_rows, data_files, json_rows, parquet_rows, tables


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": NaN}', "NaN"),
        ('{"a": 1e999}', "too large"),
        ('{"a": 1, "a": 2}', "'a' is written twice"),
        ('"\\ud800"', "surrogate"),
        ("9" * 5_000, "^a whole number has more than 4,300 digits$"),
        ("[" * 70 + "]" * 70, "deep"),
        ("[" * 100_000, "deep"),
        ("{} {}", "Extra data"),
        ("{'a': 1}", "property name"),
    ],
    ids=range(9),
)
def test_json_is_read_strictly(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        strict_json(text)


def test_numbers_with_too_many_digits_are_refused_in_plain_words(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text('[{"a": ' + "9" * 5_000 + "}]")
    ((_, row),) = json_rows(path)
    assert isinstance(row, BadRow)
    assert row.reason.startswith("not JSON: a whole number has more than 4,300 digits. This element")
    with pytest.raises(ValueError, match=r"^not a Python literal: a whole number has more than 4,300 digits$"):
        python_literal("9" * 5_000)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').getcwd()",
        "[x for x in ()]",
        "{1: 2}",
        "{1, 2}",
        "b'bytes'",
        "1e999",
        "'\\ud800'",
        "(" * 300 + ")" * 300,
        "-" * 100_000 + "1",
        " " * (1 << 20) + "1",
        "'cut",
        "",
    ],
    ids=range(12),
)
def test_a_python_literal_is_data_and_nothing_else(text: str) -> None:
    with pytest.raises(ValueError):
        python_literal(text)


@pytest.mark.parametrize("text", ["{'a': 1, 'a': 2}", '{"a": {"b": 1, "b": 2}}', '{"a": True, "a": True}'])
def test_a_repeated_key_is_an_error_in_a_literal_too(text: str) -> None:
    with pytest.raises(ValueError, match="written twice"):
        json_or_literal(text)


def test_the_reasons_of_a_text_that_is_neither_json_nor_a_literal() -> None:
    with pytest.raises(ValueError, match=r"^Expecting value: .*; not a Python literal: it contains a name"):
        json_or_literal('{"a": tru}')


def test_a_python_literal_becomes_json() -> None:
    assert python_literal(" {'a': (1, None, True), 'b': 'it''s'} ") == {"a": [1, None, True], "b": "its"}


def test_rows_of_an_array_know_their_line(tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    file.write_text('[\n {"a": 1},\n\n {"a":\n  2}, 5,\n {"a": }\n, {"a": 3}]', encoding="utf-8")
    first, second, third, fourth = json_rows(file)
    assert first == (2, {"a": 1})
    assert second == (4, {"a": 2})
    assert third == (5, BadRow(file, 5, "a row must be a JSON object, not int"))
    line, bad = fourth
    assert (line, isinstance(bad, BadRow)) == (6, True)


NOT_READ = "All later elements are not read"


@pytest.mark.parametrize(
    ("text", "lines", "said"),
    [
        ('[{"a": 1},\n{"a": NaN},\n{"a": 1, "a": 2}, {"a": 3}]', [1, 2, 3, 3], "NaN is not JSON"),
        ('[{"a": 1}]\n[{"a": 2}]\n', [1, 2], "text after the end"),
        ('[]\n{"a": 1}', [2], "text after the end"),
        ('[{"a": 1}\n{"a": 2}]', [1, 1], NOT_READ),
        ('[{"a": 1}', [1, 1], NOT_READ),
        ('[{"a": 1},\n]', [1, 2], "all later elements are not read"),
        ('[{"a": 1},,{"a": 2}]', [1, 1], "all later elements are not read"),
    ],
)
def test_no_row_of_an_array_is_lost_silently(tmp_path: Path, text: str, lines: list[int], said: str) -> None:
    file = tmp_path / "rows.json"
    file.write_text(text, encoding="utf-8")
    rows = list(json_rows(file))
    assert [line for line, _ in rows] == lines
    bad = next(row for _, row in rows if isinstance(row, BadRow))
    assert said in bad.reason


@pytest.mark.parametrize(
    ("content", "fix"),
    [
        ('{"a": 1}'.encode("utf-16"), "iconv -f UTF-16 -t UTF-8"),
        (gzip.compress(b'{"a": 1}', mtime=0), r"mv .*/rows\.jsonl .*/rows\.jsonl\.gz"),
        (b"\xd6", "Give the path"),
    ],
)
def test_a_file_in_another_form_says_how_to_convert_it(tmp_path: Path, content: bytes, fix: str) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_bytes(content)
    with pytest.raises(InputError, match=fix):
        list(json_rows(file))


def test_a_column_that_no_reader_needs_can_have_any_type(tmp_path: Path) -> None:
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    file = tmp_path / "x.parquet"
    chat = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    table = {"messages": [chat], "made": [datetime(2026, 1, 31)], "id": [b"x"], "score": [float("nan")]}
    parquet.write_table(pyarrow.table(table), file)
    reader = load("toolmark.readers", "openai")()
    (row,) = reader.read(file)
    assert row.query == "Hi"
    parquet.write_table(pyarrow.table(table | {"tools": [[datetime(2026, 1, 31)]]}), file)
    (bad,) = reader.read(file)
    assert bad.reason == "the column tools is not JSON: datetime is not a JSON type"


def test_rows_of_a_csv_know_their_line(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv.gz"
    with gzip.open(file, "wt", encoding="utf-8", newline="") as stream:
        stream.write('\ufeffq,t\r\n"two\nlines",x\n\nonly one\n"a""b",y\n')
    assert list(csv_rows(file)) == [
        (2, {"q": "two\nlines", "t": "x"}),
        (5, BadRow(file, 5, "the row has 1 cells, but the header has 2 columns")),
        (6, {"q": 'a"b', "t": "y"}),
    ]
    file.write_bytes(gzip.compress(b'q,t\n"a" b,x\nc,y\n'))
    ((line, bad),) = csv_rows(file)
    assert line == 2
    assert isinstance(bad, BadRow)
    assert bad.reason.endswith("This row and all later rows are not read")
    file.write_bytes(b"no gzip")
    with pytest.raises(InputError, match="cannot be read"):
        list(csv_rows(file))


def test_one_object_on_several_lines_is_one_row(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{\n "a": [1,\n 2]\n}\n')
    assert list(json_rows(tmp_path / "x.json")) == [(1, {"a": [1, 2]})]
    (tmp_path / "y.jsonl").write_text('{\n{"a": 1}\n')
    bad, good = json_rows(tmp_path / "y.jsonl")
    assert isinstance(bad[1], BadRow)
    assert good == (2, {"a": 1})


def test_a_folder_or_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no data at"):
        data_files(tmp_path / "nowhere", ".json")
    with pytest.raises(InputError, match=r"no file whose name ends in \.json"):
        data_files(tmp_path, ".json")


def test_files_about_a_data_set_are_no_data(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "dataset_infos.json").write_text("{}")
    (tmp_path / "data" / "x.json").write_text("[]")
    assert tables(tmp_path, ".json") == [tmp_path / "data" / "x.json"]
    assert tables(tmp_path / "dataset_infos.json", ".json") == [tmp_path / "dataset_infos.json"]


@given(st.text() | st.text(alphabet='[]{}",: \n1ae\\u0d8'))
def test_whatever_a_file_holds_it_is_rows_or_bad_rows(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.mktemp("rows") / "x.json"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        rows = list(json_rows(file))
    except InputError:  # no UTF-8
        return
    assert all(isinstance(row, BadRow) or json.dumps(row) for _, row in rows)


@given(st.text(alphabet="()[]{}'\",:-1aTrue\n\\ "))
def test_whatever_a_literal_is_only_a_value_error_comes(text: str) -> None:
    try:
        json.dumps(python_literal(text), allow_nan=False)
    except ValueError:
        return


@pytest.mark.slow
def test_a_table_cannot_unpack_to_gigabytes(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    repeated = pyarrow.DictionaryArray.from_arrays(pyarrow.array([0] * 10_000, pyarrow.int32()), ["x" * 8_000_000])
    parquet.write_table(pyarrow.table({"query": repeated}), tmp_path / "x.parquet")
    read = []
    with pytest.raises(InputError, match="more than 256 MB"):
        read.extend(number for number, _ in parquet_rows(tmp_path / "x.parquet"))
    assert len(read) < 50


def varint(number: int, length: int) -> bytes:
    """A number as Thrift writes it, with a fixed number of bytes."""
    return bytes([number >> 7 * place & 0x7F | 0x80 for place in range(length - 1)] + [number >> 7 * (length - 1)])


def test_a_page_can_be_larger_than_the_metadata_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    path, table = tmp_path / "x.parquet", pyarrow.table({"a": [0] * 200_000, "b": ["x", None] * 100_000})
    parquet.write_table(table, path, compression="zstd", use_dictionary=["b"], data_page_size=1 << 30)
    assert next(parquet_rows(path)) == (1, {"a": 0, "b": "x"})
    data, group = path.read_bytes(), parquet.read_metadata(path).row_group(0)
    for size in (group.total_byte_size, group.column(0).total_uncompressed_size):
        assert size > 1_600_000
        data = data.replace(varint(2 * size, 4), varint(2 * 9, 4))
    path.write_bytes(data)
    assert parquet.read_metadata(path).row_group(0).total_byte_size == 9
    monkeypatch.setattr("toolmark.benchmark.readers.file_rows.MAX_UNPACKED", 1_000_000)
    with pytest.raises(InputError, match="when it is unpacked"):
        next(parquet_rows(path))
    path.write_bytes(data.replace(b"\x15", b"\xff"))
    with pytest.raises(InputError, match="cannot be read"):
        next(parquet_rows(path))
