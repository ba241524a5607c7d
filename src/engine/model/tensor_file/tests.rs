//! Tests of the directories of well-formed files of each kind. What is refused is in `bad_files_tests`.

use super::made::{Described, Pickle, SIX, state_dict, torch_file};
use super::*;
use crate::engine::model::tiny;

fn open(bytes: Vec<u8>) -> Result<TensorFile> {
    TensorFile::open("m", &ByteSource::Memory(bytes.into()))
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
        let source = ByteSource::open(&at("i.json")).expect("open");
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
            let hash = ByteSource::open(&at(name))
                .and_then(|f| f.sha256(&go))
                .expect("hash");
            format!("{hash}  {name}\n")
        })
        .concat();
    let expected = ByteSource::Memory(lines.into_bytes().into())
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
