//! Tests of the file of rows: interruption at any byte, refused files, and merged shards.

use std::fs;
use std::path::{Path, PathBuf};

use super::journal::{Journal, Reader, Resumed};
use super::made::{header, rows};
use super::merge::{How, Merged, merge};
use super::row::AblationAnswer;
use super::{Experiment, FILE, Row, RowsHeader, Shard};
use crate::core::types::AnswerOutcome;

fn write(folder: &Path, header: &RowsHeader) -> Resumed {
    let (mut journal, resumed) = Journal::open(folder, header).expect("opened");
    for row in &rows(header)[resumed.rows..] {
        journal.append(std::slice::from_ref(row)).expect("written");
    }
    journal.sync().expect("synced");
    resumed
}

fn bytes(folder: &Path) -> Vec<u8> {
    fs::read(folder.join(FILE)).expect("readable")
}

#[test]
fn a_file_cut_at_any_byte_is_gone_on_with_to_the_same_end() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let header = header(3, Shard::default());
    write(folder.path(), &header);
    let whole = bytes(folder.path());
    for cut in 0..whole.len() {
        fs::write(folder.path().join(FILE), &whole[..cut]).expect("written");
        let resumed = write(folder.path(), &header);
        assert_eq!(bytes(folder.path()), whole, "cut at {cut}");
        let lines = whole[..cut].split(|b| *b == b'\n').count() - 1;
        assert_eq!(resumed.rows, lines.saturating_sub(1), "cut at {cut}");
        let after_last = whole[..cut]
            .iter()
            .rposition(|b| *b == b'\n')
            .map_or(0, |at| at + 1);
        assert_eq!(resumed.torn, cut - after_last, "cut at {cut}");
    }
}

#[test]
fn rows_come_back_as_they_were_written() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let header = header(5, Shard::default());
    write(folder.path(), &header);
    let mut reader = Reader::open(folder.path()).expect("opened");
    assert_eq!(reader.header(), &header);
    let read: Vec<Row> = reader.by_ref().map(|row| row.expect("a row")).collect();
    assert_eq!(read, rows(&header));
    assert!(!reader.is_torn());
    let refused = Row {
        refused: Some("too long".to_owned()),
        body: super::Body::none(Experiment::Verdict),
        ..read[0].clone()
    };
    let text = serde_json::to_string(&refused).expect("serialises");
    assert!(
        text.contains("\"experiment\":\"verdict\",\"result\":null"),
        "{text}"
    );
    assert_eq!(serde_json::from_str::<Row>(&text).expect("read"), refused);
}

#[test]
fn a_row_without_an_outcome_is_read_by_its_counts() {
    let text = r#"{"off":[1],"value":"resample","answer":"17","flipped":false,"correct":null,"delta_logprob":-9.16,"n":16,"flips":9}"#;
    let off: AblationAnswer = serde_json::from_str(text).expect("an old row");
    assert_eq!(off.variants().outcome(), AnswerOutcome::Mixed);
    assert!(off.flipped, "by most donors");
    let written = serde_json::to_value(&off).expect("serialises");
    assert_eq!(written["outcome"], "mixed");
    assert_eq!(written["flip_rate"]["n"], 16);
    let again: AblationAnswer = serde_json::from_value(written).expect("a new row");
    assert_eq!(again, off);
}

#[test]
fn another_run_in_the_folder_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let first = header(4, Shard::default());
    write(folder.path(), &first);
    let before = bytes(folder.path());
    let mut seed = first.clone();
    seed.settings.seed = 7;
    let mut weights = first.clone();
    weights.model.sha256 = "00".repeat(32);
    let shard = header(4, Shard { index: 1, of: 2 });
    for (other, said) in [
        (seed, "settings.seed is 7 here and 0 there"),
        (weights, "model.sha256"),
        (shard, "shard is 1/2 here and 1/1 there"),
    ] {
        let error = Journal::open(folder.path(), &other).expect_err("another run");
        assert!(error.to_string().contains(said), "{error}");
        assert_eq!(bytes(folder.path()), before);
    }
}

#[test]
fn damage_before_the_last_line_is_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let header = header(3, Shard::default());
    write(folder.path(), &header);
    let whole = String::from_utf8(bytes(folder.path())).expect("text");
    let mut lines: Vec<&str> = whole.lines().collect();
    lines.swap(2, 4);
    let open = |lines: &[&str]| {
        fs::write(folder.path().join(FILE), lines.join("\n") + "\n").expect("written");
        Journal::open(folder.path(), &header)
            .expect_err("damaged")
            .to_string()
    };
    let error = open(&lines);
    assert!(
        error.contains("line 3") && error.contains("where problem 0"),
        "{error}"
    );
    lines.swap(2, 4);
    lines.push(lines[1]);
    assert!(open(&lines).contains("more rows than the run has"));
    lines[3] = "{\"index\":";
    assert!(open(&lines).contains("line 4"));
    assert!(open(&["{}"]).contains("line 1"));
}

#[test]
fn a_second_writer_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let header = header(3, Shard::default());
    let first = Journal::open(folder.path(), &header).expect("opened");
    let error = Journal::open(folder.path(), &header).expect_err("locked");
    assert!(error.to_string().contains("another run"), "{error}");
    drop(first);
    Journal::open(folder.path(), &header).expect("free again");
}

fn shards(folder: &Path, n: usize, of: usize) -> Vec<PathBuf> {
    (1..=of)
        .map(|index| {
            let shard = folder.join(format!("{index}"));
            write(&shard, &header(n, Shard { index, of }));
            shard
        })
        .collect()
}

#[test]
fn merged_shards_are_the_single_run() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let single = folder.path().join("single");
    for (n, of) in [(13, 4), (13, 1), (2, 3), (7, 7)] {
        let parts = folder.path().join(format!("{n}-{of}"));
        fs::remove_dir_all(&single).ok();
        write(&single, &header(n, Shard::default()));
        let mut folders = shards(&parts, n, of);
        folders.reverse();
        let out = parts.join("merged");
        let merged = merge(&folders, &out, How::default()).expect("merged");
        assert_eq!(
            merged,
            Merged {
                rows: 2 * n,
                problems: n,
                torn: Vec::new()
            }
        );
        assert_eq!(bytes(&out), bytes(&single), "{n} problems in {of}");
        let again = merge(&folders, &out, How::default()).expect_err("it exists");
        assert!(again.to_string().contains("already exists"), "{again}");
        let force = How {
            force: true,
            parquet: false,
        };
        merge(&folders, &out, force).expect("replaced");
        assert_eq!(bytes(&out), bytes(&single), "{n} problems in {of}");
        let onto = merge(&folders, &folders[0], force).expect_err("its own input");
        assert!(onto.to_string().contains("is also an input"), "{onto}");
    }
}

#[test]
fn overlaps_gaps_and_mixed_settings_are_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let parts = shards(folder.path(), 9, 3);
    let out = folder.path().join("out");
    let refused = |folders: &[PathBuf]| {
        let error = merge(folders, &out, How::default())
            .expect_err("refused")
            .to_string();
        assert!(!out.join(FILE).exists(), "{error}");
        error
    };
    assert!(refused(&parts[..2]).contains("shard 3/3 is missing"));
    let twice = [parts[0].clone(), parts[1].clone(), parts[1].clone()];
    assert!(refused(&twice).contains("are both shard 2/3"));
    // A huge shard count in a header must not cost memory.
    let file = parts[0].join(FILE);
    let whole = fs::read_to_string(&file).expect("readable");
    let many = whole.replacen("\"of\":3", &format!("\"of\":{}", usize::MAX / 2), 1);
    assert_ne!(many, whole);
    fs::write(&file, many).expect("written");
    assert!(refused(&parts[..1]).contains("shard 2/"));
    fs::write(&file, whole).expect("written");
    let other = folder.path().join("other");
    write(&other, &header(10, Shard { index: 3, of: 3 }));
    let mixed = [parts[0].clone(), parts[1].clone(), other];
    assert!(refused(&mixed).contains("data.n is 9 here and 10 there"));
    let other = folder.path().join("of-four");
    write(&other, &header(9, Shard { index: 3, of: 4 }));
    let mixed = [parts[0].clone(), parts[1].clone(), other];
    assert!(refused(&mixed).contains("one is shard 1/3, the other 3/4"));
    let path = parts[1].join(FILE);
    let whole = fs::read(&path).expect("readable");
    fs::write(&path, &whole[..whole.len() - 3]).expect("written");
    let error = refused(&parts);
    assert!(
        error.contains(
            "is not finished: problem 8 accuracy is missing; its last line was cut short"
        ),
        "{error}"
    );
    let mut lines: Vec<&[u8]> = whole.split_inclusive(|b| *b == b'\n').collect();
    lines.swap(1, 2);
    fs::write(&path, lines.concat()).expect("written");
    let error = refused(&parts);
    assert!(
        error.contains(
            "line 2: row out of order: problem 2 accuracy where problem 2 problem belongs"
        ),
        "{error}"
    );
    lines.swap(1, 2);
    lines.push(lines[1]);
    fs::write(&path, lines.concat()).expect("written");
    assert!(refused(&parts).contains("more rows than the run has"));
    assert!(refused(&[]).contains("no folder"));
}

#[test]
fn blank_lines_and_a_mark_do_no_harm() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let header = header(3, Shard::default());
    write(folder.path(), &header);
    let whole = String::from_utf8(bytes(folder.path())).expect("text");
    let path = folder.path().join(FILE);
    fs::write(
        &path,
        format!("\u{feff}{}\n \r\n", whole.replace('\n', "\r\n\n")),
    )
    .expect("written");
    let read: Vec<Row> = Reader::open(folder.path())
        .expect("opened")
        .map(|row| row.expect("a row"))
        .collect();
    assert_eq!(read, rows(&header));
    let (_, resumed) = Journal::open(folder.path(), &header).expect("opened");
    assert_eq!((resumed.rows, resumed.torn), (read.len(), 0));
    let mut watch = super::watch::Watch::open(folder.path())
        .expect("readable")
        .expect("a header");
    let items = watch.read(u64::MAX).expect("rows").items;
    assert_eq!(items.len(), 3);
    for item in items {
        super::watch::problem(folder.path(), &header, item.index, item.offset).expect("there");
    }
    assert!(watch.read(u64::MAX).expect("nothing").items.is_empty());
}

#[test]
fn what_is_no_file_of_rows_is_left_alone() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let header = header(3, Shard::default());
    let path = folder.path().join(FILE);
    for other in ["{\"question\":\"1 2\"}", "[", "x\n"] {
        fs::write(&path, other).expect("written");
        let error = Journal::open(folder.path(), &header).expect_err("not ours");
        assert_eq!(error.exit_code(), 3, "{error}");
        assert_eq!(bytes(folder.path()), other.as_bytes());
    }
    // A sparse file: no disk space, and no line end.
    let hole = fs::File::create(&path).expect("created");
    hole.set_len(3 << 30).expect("a file system with holes");
    for error in [
        Reader::open(folder.path()).expect_err("no rows"),
        Journal::open(folder.path(), &header).expect_err("no rows"),
        super::watch::Watch::open(folder.path())
            .err()
            .expect("no rows"),
    ] {
        assert!(
            error.to_string().contains("exceeds the limit of 32 MiB"),
            "{error}"
        );
    }
    let many = format!(
        "{}\n{{\"x\":[{}0]}}\n",
        serde_json::to_string(&header).expect("text"),
        "[],".repeat(5 << 20)
    );
    fs::write(&path, many).expect("written");
    let error = Reader::open(folder.path())
        .expect("a header")
        .value()
        .expect_err("too many");
    assert!(
        error
            .to_string()
            .contains("line 2: the line holds too many values"),
        "{error}"
    );
}

#[test]
fn shards_are_read_as_they_are_written() {
    assert_eq!(Shard::parse("2/4"), Ok(Shard { index: 2, of: 4 }));
    for wrong in ["", "2", "0/4", "5/4", "a/b", "1/0", "-1/2"] {
        assert!(Shard::parse(wrong).is_err(), "{wrong}");
    }
    let of: Vec<usize> = header(11, Shard { index: 2, of: 3 }).problems().collect();
    assert_eq!(of, [2, 3, 8, 9]);
}

#[cfg(feature = "parquet")]
#[test]
fn parquet_holds_every_row_of_an_experiment_and_the_header() {
    use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    let folder = tempfile::tempdir().expect("a temporary folder");
    let header = header(1100, Shard::default());
    write(folder.path(), &header);
    let written = super::parquet::write(folder.path()).expect("written");
    let names: Vec<_> = written.iter().filter_map(|path| path.file_name()).collect();
    assert_eq!(names, ["problem.parquet", "accuracy.parquet"]);
    for path in written {
        let file = fs::File::open(&path).expect("there");
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).expect("a Parquet file");
        let metadata = builder.metadata().file_metadata().key_value_metadata();
        let kept = metadata
            .into_iter()
            .flatten()
            .find(|pair| pair.key == super::parquet::HEADER)
            .and_then(|pair| pair.value.as_deref())
            .expect("the header");
        assert_eq!(
            serde_json::from_str::<RowsHeader>(kept).expect("a header"),
            header
        );
        let names: Vec<String> = builder
            .schema()
            .fields()
            .iter()
            .map(|f| f.name().clone())
            .collect();
        assert_eq!(
            names,
            [
                "index",
                "experiment",
                "steps",
                "correct",
                "refused",
                "result"
            ]
        );
        let rows: usize = builder
            .build()
            .expect("a reader")
            .map(|batch| batch.expect("rows").num_rows())
            .sum();
        assert_eq!(rows, 1100);
    }
}
