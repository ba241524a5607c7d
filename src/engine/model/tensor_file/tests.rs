//! Tests of the directories of well-formed files of each kind, and of the errors for each kind of damage.

use super::made::{Described, Pickle, SIX, state_dict, torch_file, zip, zip_with};
use super::*;
use crate::engine::model::tiny;

fn open(bytes: Vec<u8>) -> Result<TensorFile> {
    TensorFile::open("m", &Source::Memory(bytes.into()))
}

fn refused(bytes: Vec<u8>) -> String {
    open(bytes).expect_err("refused").to_string()
}

fn read(file: &TensorFile, name: &str) -> Vec<f32> {
    let mut values = Vec::new();
    file.values(&file.entries()[name], |bytes| {
        values.extend(
            bytes
                .as_chunks::<4>()
                .0
                .iter()
                .map(|b| f32::from_le_bytes(*b)),
        );
    })
    .expect("readable");
    values
}

fn of(tensor: &Described) -> Vec<u8> {
    torch_file(Pickle::new().dict(|p| p.tensor("w", tensor)).end())
}

#[test]
fn torch_and_safetensors_files_of_the_same_tensors_have_the_same_directory() {
    let tensors = tiny::tensors_of(3);
    let torch = open(state_dict(&tensors)).expect("torch.save");
    let safe = open(tiny::serialize(&tensors)).expect("safetensors");
    assert_eq!(torch.entries().len(), tensors.len());
    for (name, (shape, values)) in &tensors {
        for file in [&torch, &safe] {
            assert_eq!(&file.entries()[name].shape, shape);
            assert_eq!(&read(file, name), values);
        }
    }
}

#[test]
fn offsets_strides_and_shared_storages_are_followed() {
    let pickle = Pickle::new()
        .dict(|p| {
            p.tensor("plain", &SIX)
                .tensor("shared", &SIX)
                .tensor(
                    "turned",
                    &Described {
                        shape: &[3, 2],
                        strides: &[1, 3],
                        ..SIX
                    },
                )
                .tensor(
                    "last",
                    &Described {
                        offset: 4,
                        shape: &[2],
                        strides: &[1],
                        ..SIX
                    },
                )
                .tensor(
                    "column",
                    &Described {
                        offset: 1,
                        shape: &[2],
                        strides: &[3],
                        ..SIX
                    },
                )
                .tensor(
                    "scalar",
                    &Described {
                        offset: 5,
                        shape: &[],
                        strides: &[],
                        ..SIX
                    },
                )
                .tensor(
                    "none",
                    &Described {
                        shape: &[0, 3],
                        strides: &[3, 1],
                        ..SIX
                    },
                )
        })
        .end();
    let file = open(torch_file(pickle)).expect("well-formed");
    for (name, values) in [
        ("plain", &[0., 1., 2., 3., 4., 5.][..]),
        ("shared", &[0., 1., 2., 3., 4., 5.]),
        ("turned", &[0., 3., 1., 4., 2., 5.]),
        ("last", &[4., 5.]),
        ("column", &[1., 4.]),
        ("scalar", &[5.]),
        ("none", &[]),
    ] {
        assert_eq!(read(&file, name), values, "{name}");
    }
}

#[test]
fn what_pytorch_writes_around_a_state_dict_is_understood() {
    let inner = |p: Pickle| p.tensor("w", &SIX);
    let ordered = |p: Pickle| inner(p.global("collections", "OrderedDict").raw(b")R(")).raw(b"u");
    let cases = [
        // An ordered dict with the module versions set on it.
        ordered(Pickle::new())
            .raw(b"}")
            .text("_metadata")
            .raw(b"}sb")
            .end(),
        Pickle::new()
            .dict(|p| ordered(p.text("epoch").int(33).text("model")))
            .end(),
        Pickle::new().dict(|p| ordered(p.text("state_dict"))).end(),
        // With the state of a random generator, a tensor that is not a parameter.
        Pickle::new()
            .dict(|p| {
                let rng = Described {
                    storage: "ByteStorage",
                    shape: &[6],
                    strides: &[1],
                    ..SIX
                };
                ordered(p.tensor("rng_state", &rng).text("state_dict"))
            })
            .end(),
        // Protocol 4: a frame, short texts, names from the stack, the numbered memo.
        Pickle(b"\x80\x04\x95\0\0\0\0\0\0\0\0".to_vec())
            .raw(b"}\x94(\x8c\x01w\x8c\x0ctorch._utils\x8c\x12_rebuild_tensor_v2\x93((")
            .text("storage")
            .raw(b"\x8c\x05torch\x8c\x0cFloatStorage\x93\x94")
            .text("0")
            .text("cpu")
            .int(6)
            .raw(b"tQK\x00K\x02K\x03\x86K\x03K\x01\x86\x89Nt\x94Ru")
            .end(),
        Pickle::new()
            .dict(|p| {
                let p = p.text("w").global("torch._utils", "_rebuild_parameter");
                let tensor = Pickle::default().tensor("w", &SIX).0;
                p.raw(b"(").raw(&tensor[6..]).raw(b"\x88}tR")
            })
            .end(),
    ];
    for (i, pickle) in cases.into_iter().enumerate() {
        let file = open(torch_file(pickle)).unwrap_or_else(|e| panic!("case {i}: {e}"));
        assert_eq!(read(&file, "w"), [0., 1., 2., 3., 4., 5.], "case {i}");
    }
}

#[test]
fn a_pickle_calls_nothing() {
    let call = |module: &str, name: &str| {
        Pickle::new()
            .dict(|p| {
                p.text("w")
                    .global(module, name)
                    .raw(b"(")
                    .text("echo")
                    .raw(b"tR")
            })
            .end()
    };
    for (module, name) in [
        ("os", "system"),
        ("posix", "system"),
        ("builtins", "eval"),
        ("subprocess", "Popen"),
        ("torch._utils", "_rebuild_tensor_v3"),
        ("torch", "load"),
        ("collections", "OrderedDict\x1b[2J"),
    ] {
        let error = refused(torch_file(call(module, name)));
        assert!(error.contains("nothing in it was run"), "{error}");
        assert!(!error.contains('\x1b'), "{error:?}");
    }
    let stacked = Pickle::new().text("os").text("system").raw(b"\x93)R").end();
    assert!(refused(torch_file(stacked)).contains("os.system"));
    // Opcodes that build instances or use extensions.
    for opcode in [
        &b"i"[..],
        b"o",
        b"\x81",
        b"\x92",
        b"\x82\x01",
        b"P1\n",
        b"\x97",
    ] {
        let error = refused(torch_file(Pickle::new().raw(b"}").raw(opcode).end()));
        assert!(error.contains("nothing in it was run"), "{error}");
    }
    let bare = Pickle::new()
        .global("os", "system")
        .text("echo")
        .raw(b"\x85R")
        .end();
    assert!(refused(bare).contains("never run"));
}

#[test]
fn claims_that_the_file_does_not_bear_out_are_refused() {
    let huge = i64::MAX;
    for (tensor, expected) in [
        (Described { values: 7, ..SIX }, "claims a storage of 7"),
        (Described { values: -1, ..SIX }, "negative"),
        (Described { key: "9", ..SIX }, "missing"),
        (Described { offset: 1, ..SIX }, "beyond its storage"),
        (
            Described {
                offset: i64::MAX,
                ..SIX
            },
            "beyond its storage",
        ),
        (
            Described {
                strides: &[4, 1],
                ..SIX
            },
            "beyond its storage",
        ),
        (
            Described {
                shape: &[1 << 31, 4],
                ..SIX
            },
            "more values",
        ),
        // One value, repeated.
        (
            Described {
                shape: &[1 << 31, 4],
                strides: &[0, 0],
                ..SIX
            },
            "more values",
        ),
        (
            Described {
                shape: &[1 << 62, 4],
                ..SIX
            },
            "more values",
        ),
        (
            Described {
                shape: &[-2, 3],
                ..SIX
            },
            "negative",
        ),
        (Described { shape: &[2], ..SIX }, "no sense"),
        (
            Described {
                shape: &[1; 9],
                strides: &[1; 9],
                ..SIX
            },
            "too many dimensions",
        ),
        (
            Described {
                shape: &[2, 1],
                strides: &[i64::MAX, 1],
                ..SIX
            },
            "beyond its storage",
        ),
        (
            Described {
                storage: "OrderedDict",
                ..SIX
            },
            "nothing in it was run",
        ),
        (
            Described {
                values: huge,
                ..SIX
            },
            "claims a storage",
        ),
    ] {
        let error = refused(of(&tensor));
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn depth_and_length_cost_no_stack_and_little_memory() {
    // 200,000 nested tuples: a recursive reader overflows its stack.
    let nested = Pickle::new().raw(b")").raw(&b"\x85".repeat(200_000)).end();
    assert!(refused(torch_file(nested)).contains("no dict"));
    let objects = Pickle::new().raw(&b")".repeat(1_500_000)).end();
    assert!(refused(torch_file(objects)).contains("longer than that of any checkpoint"));
    let memo = Pickle::new()
        .raw(b"}")
        .raw(&b"\x94".repeat(1_500_000))
        .end();
    assert!(refused(torch_file(memo)).contains("longer than that of any checkpoint"));
    let pickle = vec![b'0'; 9 << 20];
    assert!(refused(torch_file(pickle)).contains("bytes long"));
    // A dict that contains itself.
    let own = Pickle::new().raw(b"}q\0").text("w").raw(b"h\0s").end();
    assert!(refused(torch_file(own)).contains("no dict of tensors"));
}

#[test]
fn a_torch_file_cut_anywhere_or_changed_anywhere_is_an_error_or_whole() {
    let whole = of(&SIX);
    for n in 0..whole.len() {
        assert!(open(whole[..n].to_vec()).is_err(), "cut at {n}");
        for bit in [0x01, 0x80, 0xff] {
            let mut changed = whole.clone();
            changed[n] ^= bit;
            if let Ok(file) = open(changed) {
                for entry in file.entries().values() {
                    file.values(entry, |_| ()).expect("inside the file");
                }
            }
        }
    }
}

#[test]
fn archives_that_torch_did_not_write_are_refused() {
    let entry = |name: &str| (name.to_owned(), b"x".to_vec());
    for (bytes, expected) in [
        (
            zip(&[entry("word/document.xml")]),
            "not one that torch.save wrote",
        ),
        (
            zip(&[entry("a/data.pkl"), entry("b/data.pkl")]),
            "not one that torch.save wrote",
        ),
        (zip(&[entry("m/data.pkl"), entry("m/data.pkl")]), "twice"),
        (zip_with(&[entry("m/data.pkl")], 8), "compressed"),
        (
            zip(&[("m/byteorder".into(), b"big".to_vec()), entry("m/data.pkl")]),
            "big-endian",
        ),
        (
            zip(&[("m/data.pkl".into(), b"\x80\x02}.".to_vec())]),
            "no dict of tensors",
        ),
        (
            zip(&[("m/data.pkl".into(), b"\x80\x02N.".to_vec())]),
            "no dict",
        ),
        (
            zip(&[("m/data.pkl".into(), b"\x80\x09N.".to_vec())]),
            "protocol 9",
        ),
    ] {
        let error = refused(bytes);
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn wide_archives_are_read() {
    // The 64-bit records that PyTorch writes for large files: the narrow fields hold all ones.
    let narrow = of(&SIX);
    let end = narrow.len() - 22;
    let number = |at: usize| u32::from_le_bytes(narrow[at..at + 4].try_into().expect("four"));
    let (length, at) = (u64::from(number(end + 12)), u64::from(number(end + 16)));
    let mut wide = narrow[..end].to_vec();
    wide.extend(b"PK\x06\x06");
    wide.extend([0; 36]);
    wide.extend(length.to_le_bytes());
    wide.extend(at.to_le_bytes());
    wide.extend(b"PK\x06\x07\0\0\0\0");
    wide.extend((end as u64).to_le_bytes());
    wide.extend([0; 4]);
    wide.extend(&narrow[end..end + 12]);
    wide.extend([0xff; 8]);
    wide.extend([0; 2]);
    let file = open(wide).expect("64-bit records");
    assert_eq!(read(&file, "w").len(), 6);
}

#[test]
fn headers_of_safetensors_files_are_checked() {
    let file = |header: &str, data: usize| {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes.resize(bytes.len() + data, 0);
        bytes
    };
    let one = |dtype: &str, shape: &str, from: u64, to: u64| {
        format!(r#"{{"w":{{"dtype":"{dtype}","shape":{shape},"data_offsets":[{from},{to}]}}}}"#)
    };
    assert!(open(file(&one("F32", "[2]", 0, 8), 8)).is_ok());
    for (bytes, expected) in [
        (file(&one("F32", "[2]", 0, 8), 7), "cut short"),
        (file(&one("F32", "[2]", 0, 8), 9), "1 more follow"),
        (file(&one("F32", "[3]", 0, 8), 8), "header cannot be read"),
        (file(&one("F32", "[2]", 4, 12), 12), "header cannot be read"),
        (file(&one("F32", "[2]", 8, 0), 8), "header cannot be read"),
        (
            file(&one("F32", "[9223372036854775807,4]", 0, 8), 8),
            "header cannot be read",
        ),
        (file(&one("F99", "[2]", 0, 8), 8), "header cannot be read"),
        (file(&one("F32", "[-2]", 0, 8), 8), "header cannot be read"),
        (file("{", 0), "header cannot be read"),
        (file("{}", 0), "no tensors"),
        (u64::MAX.to_le_bytes().to_vec(), "longer than the file"),
        (
            [&(17u64 << 20).to_le_bytes()[..], &vec![b' '; 17 << 20]].concat(),
            "bytes long",
        ),
        (b"short".to_vec(), "too short"),
    ] {
        let error = refused(bytes);
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn files_that_are_no_checkpoints_are_called_what_they_are() {
    let mut tar = vec![0; 512];
    tar[257..262].copy_from_slice(b"ustar");
    for (bytes, expected) in [
        (Vec::new(), "empty"),
        (
            b"<!DOCTYPE html><html><body>404</body></html>".to_vec(),
            "web page",
        ),
        (b"\n<html>".to_vec(), "web page"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0".to_vec(),
            "Git LFS",
        ),
        (br#"{"model_type":"gpt2"}"#.to_vec(), "JSON"),
        (b"GGUF\x03\0\0\0\0\0\0\0".to_vec(), "GGUF"),
        (b"\x1f\x8b\x08\0\0\0\0\0\0\0".to_vec(), "gzip"),
        (tar, "tar archive"),
        // The format of torch.save before PyTorch 1.6.
        (
            b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M".to_vec(),
            "bare pickle",
        ),
        (b"cos\nsystem\n(S'echo'\ntR.".to_vec(), "bare pickle"),
    ] {
        let error = refused(bytes);
        assert!(error.contains(expected), "{error}");
        assert!(error.contains("weights of m"), "{error}");
    }
}

#[test]
fn an_index_joins_files_beside_it_and_no_others() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let at = |name: &str| folder.path().join(name);
    let tensors = tiny::tensors_of(1);
    let (mut first, mut second) = (tensors.clone(), tensors.clone());
    let names: Vec<&String> = tensors.keys().collect();
    first.retain(|name, _| name < names[5]);
    second.retain(|name, _| name >= names[5]);
    let write = |name: &str, bytes: Vec<u8>| std::fs::write(at(name), bytes).expect("write");
    write("a.safetensors", tiny::serialize(&first));
    write("b.safetensors", tiny::serialize(&second));
    let index = |edit: &dyn Fn(&mut BTreeMap<&str, &str>)| {
        let mut map: BTreeMap<&str, &str> = BTreeMap::new();
        map.extend(first.keys().map(|name| (name.as_str(), "a.safetensors")));
        map.extend(second.keys().map(|name| (name.as_str(), "b.safetensors")));
        edit(&mut map);
        let text = serde_json::json!({"metadata": {"total_size": 1}, "weight_map": map});
        write("i.json", text.to_string().into());
        let source = Source::open(&at("i.json")).expect("open");
        TensorFile::open("m", &source)
    };
    let whole = index(&|_| ()).expect("two files");
    let go = AtomicBool::new(false);
    for (name, (_, values)) in &tensors {
        assert_eq!(&read(&whole, name), values);
    }
    // The output of `sha256sum a.safetensors b.safetensors | sha256sum`.
    let lines: String = ["a.safetensors", "b.safetensors"]
        .map(|name| {
            let hash = Source::open(&at(name))
                .and_then(|f| f.sha256(&go))
                .expect("hash");
            format!("{hash}  {name}\n")
        })
        .concat();
    let expected = Source::Memory(lines.into_bytes().into())
        .sha256(&go)
        .expect("hash");
    assert_eq!(whole.sha256(&go).expect("hash"), expected);

    let refused = |edit: &dyn Fn(&mut BTreeMap<&str, &str>), expected: &str| {
        let error = index(edit).expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}");
    };
    let first_to = |file: &'static str| {
        move |map: &mut BTreeMap<&str, &str>| *map.values_mut().next().expect("some") = file
    };
    refused(&first_to("c.safetensors"), "c.safetensors");
    refused(&first_to("../b.safetensors"), "not a file beside it");
    refused(&first_to("/etc/passwd"), "not a file beside it");
    refused(&first_to("b.safetensors"), "does not place there");
    refused(&|map| _ = map.pop_first(), "does not place there");
    refused(&|map| _ = map.insert("x", "a.safetensors"), "not there");
    refused(&|map| map.clear(), "names 0 files");
    write("b.safetensors", b"<html>".to_vec());
    refused(&|_| (), "b.safetensors");
}
