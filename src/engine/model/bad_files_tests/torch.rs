//! Bad `torch.save` files, including malicious ones.

use super::{CONFIG, Case, LoadOptions, TORCH, cases_of, toy_but};
use crate::engine::model::tensor_file::made::{
    Described, Pickle, SIX, state_dict, torch_file, zip, zip_with,
};
use crate::engine::model::tiny;

/// A command that would leave a file behind if it were run.
const COMMAND: &str = "touch /tmp/undertone-was-here";

fn whole() -> Vec<u8> {
    state_dict(&tiny::tensors_of(1))
}

fn of(tensor: Described) -> Vec<u8> {
    torch_file(
        Pickle::new()
            .dict(|p| p.tensor("transformer.wte.weight", &tensor))
            .end(),
    )
}

fn system() -> Vec<u8> {
    let pickle = Pickle::new()
        .global("os", "system")
        .raw(b"(")
        .text(COMMAND)
        .raw(b"tR");
    pickle.end()
}

/// The toy with many more blocks, all tensors cut from one storage with values `stride` apart.
fn aliases(stride: i64, values: usize) -> (Vec<u8>, Vec<u8>) {
    const LAYERS: usize = 60;
    let tensors = tiny::tensors_of(1);
    let mut pickle = Pickle::new().raw(b"}(");
    let mut put = |name: &str, shape: &[usize]| {
        let sizes: Vec<i64> = shape
            .iter()
            .map(|&n| i64::try_from(n).expect("small"))
            .collect();
        let last = sizes.last().copied().unwrap_or(1);
        // Only vectors are strided; matrices would not fit.
        let strides = if sizes.len() == 1 {
            vec![stride]
        } else {
            vec![last, 1]
        };
        let next = std::mem::take(&mut pickle);
        pickle = next
            .text(name)
            .global("torch._utils", "_rebuild_tensor_v2")
            .raw(b"((")
            .text("storage")
            .global("torch", "FloatStorage")
            .text("0")
            .text("cpu")
            .int(i64::try_from(values).expect("small"))
            .raw(b"tQ")
            .int(0)
            .tuple(&sizes)
            .tuple(&strides)
            .raw(b"\x89tR");
    };
    for (name, (shape, _)) in &tensors {
        match name.split_once(".h.0.") {
            Some((before, after)) => {
                for i in 0..LAYERS {
                    put(&format!("{before}.h.{i}.{after}"), shape);
                }
            }
            None if name.contains(".h.") => {}
            None => put(name, shape),
        }
    }
    let storage: Vec<u8> = (0..values).flat_map(|_| 0.5f32.to_le_bytes()).collect();
    let file = zip(&[
        ("m/data.pkl".to_owned(), pickle.raw(b"u").end()),
        ("m/data/0".to_owned(), storage),
    ]);
    let config = super::config().replace("\"n_layer\":2", &format!("\"n_layer\":{LAYERS}"));
    (file, config.into_bytes())
}

/// A state dict with one more value, which this name makes.
fn beside(module: &str, name: &str, call: &[u8]) -> Vec<u8> {
    let pickle = Pickle::new().dict(|p| {
        p.tensor("transformer.wte.weight", &SIX)
            .text("best")
            .global(module, name)
            .raw(call)
    });
    torch_file(pickle.end())
}

/// A file of a pickle's body.
fn body(bytes: &[u8]) -> Vec<u8> {
    torch_file(Pickle::new().raw(bytes).end())
}

/// An archive of entries with one byte each.
fn archive(names: &[&str], method: u16) -> Vec<u8> {
    let entries: Vec<_> = names
        .iter()
        .map(|name| ((*name).to_owned(), b"x".to_vec()))
        .collect();
    zip_with(&entries, method)
}

/// An archive of this pickle alone.
fn alone(pickle: &[u8]) -> Vec<u8> {
    zip(&[("m/data.pkl".into(), pickle.to_vec())])
}

/// Files whose pickles use one long text many times, as names of storages and of tensors: copied each time, it would fill the memory.
fn copies() -> [Vec<u8>; 2] {
    let long = "k".repeat(4 << 20);
    let long = || {
        Pickle::new()
            .text(&long)
            .raw(b"q\x010}q\x02(")
            .tensor("a", &SIX)
    };
    let storages = (0..10_000).fold(long(), |p, _| {
        let p = p.raw(b"N(").text("storage").global("torch", "FloatStorage");
        p.raw(b"h\x01").text("cpu").int(6).raw(b"tQ")
    });
    let names = (0..10_000).fold(long().raw(b"q\x03"), |p, _| p.raw(b"h\x01h\x03"));
    [storages, names].map(|pickle| torch_file(pickle.raw(b"u.").0))
}

pub(super) fn cases() -> Vec<Case> {
    let n = whole().len();
    let call: &[u8] = b"(X\x04\0\0\0echotR";
    let deep = [&b"("[..], b"t"]
        .map(|step| step.repeat(1_000_000))
        .concat();
    let big_endian = zip(&[
        ("m/byteorder".into(), b"big".to_vec()),
        ("m/data.pkl".into(), b"x".to_vec()),
    ]);
    let [storages, names] = copies();
    let table = table! {
        "a pickle that would run a program": torch_file(system()) => "os.system", "nothing in it was run";
        "the same without its archive": system() => "bare pickle", "never run";
        "the same in the oldest form": format!("cos\nsystem\n(S'{COMMAND}'\ntR.") => "bare pickle", "never run";
        "torch.save before PyTorch 1.6": b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M" => "bare pickle";
        "a name from the stack": body(b"X\x08\0\0\0builtinsX\x04\0\0\0eval\x93(X\x01\0\0\x001tR") => "builtins.eval";
        "a call of POSIX": beside("posix", "system", call) => "posix.system", "nothing in it was run";
        "a call of Python": beside("builtins", "eval", call) => "builtins.eval", "nothing in it was run";
        "a call of a program": beside("subprocess", "Popen", call) => "subprocess.Popen", "nothing in it was run";
        "a name like one that is known": beside("torch._utils", "_rebuild_tensor_v3", call) => "nothing in it was run";
        "a name of torch": beside("torch", "load", call) => "torch.load", "nothing in it was run";
        "a name with control bytes": beside("collections", "OrderedDict\x1b[2J", call) => "nothing in it was run";
        "a whole model": beside("transformers.models.gpt2.modeling_gpt2", "GPT2LMHeadModel", b")\x81") => "GPT2LMHeadModel", "whole model", "state_dict()";
        "a whole module of torch": beside("torch.nn.modules.container", "ModuleDict", b")\x81") => "whole model";
        "a model of a training script": beside("__main__", "Coconut", b")\x81") => "__main__.Coconut", "whole model";
        "a number of numpy": beside("numpy.core.multiarray", "scalar", b")\x81") => "value of numpy", "state dict alone";
        "the arguments of a script": beside("argparse", "Namespace", b")\x81") => "argparse.Namespace", "does not need";
        "another way to call": body(b"(X\x01\0\0\0xios\nsystem\n") => "instruction", "nothing in it was run";
        "an instance": body(b"}i") => "nothing in it was run";
        "an object": body(b"}o") => "nothing in it was run";
        "a new object": body(b"}\x81") => "nothing in it was run";
        "a new object with names": body(b"}\x92") => "nothing in it was run";
        "an extension": body(b"}\x82\x01") => "nothing in it was run";
        "a persistent id as text": body(b"}P1\n") => "nothing in it was run";
        "a buffer elsewhere": body(b"}\x97") => "nothing in it was run";
        "a cut archive": &whole()[..n - 30] => "cut short";
        "half an archive": &whole()[..n / 2] => "cut short";
        "the start of an archive": b"PK\x03\x04rest" => "cut short";
        "another archive": archive(&["word/document.xml"], 0) => "not one that torch.save wrote", "no single data.pkl";
        "two pickles": archive(&["a/data.pkl", "b/data.pkl"], 0) => "not one that torch.save wrote";
        "an entry twice": archive(&["m/data.pkl", "m/data.pkl"], 0) => "twice";
        "a packed archive": archive(&["m/data.pkl"], 8) => "compressed", "torch.save";
        "a big-endian file": big_endian => "big-endian";
        "an empty dict": alone(b"\x80\x02}.") => "no dict of tensors";
        "nothing in a pickle": alone(b"\x80\x02N.") => "no dict";
        "a pickle of another time": alone(b"\x80\x09N.") => "protocol 9";
        "a cut pickle": torch_file(b"\x80\x02}(X\xff\xff\xff\xffa".to_vec()) => "pickle is damaged";
        "a deep pickle": body(&deep) => "longer than";
        // A recursive reader would overflow its stack.
        "nested tuples": body(&[&b")"[..], &b"\x85".repeat(200_000)].concat()) => "no dict";
        "many objects": body(&b")".repeat(1_500_000)) => "longer than that of any checkpoint";
        "a long memo": body(&[&b"}"[..], &b"\x94".repeat(1_500_000)].concat()) => "longer than that of any checkpoint";
        "a long pickle": torch_file(vec![b'0'; 9 << 20]) => "bytes long";
        "a dict in itself": body(b"}q\0X\x01\0\0\0wh\0s") => "no dict of tensors";
        "a list": body(b"]") => "no dict of tensors";
        "a storage of more values": of(Described { values: 7, ..SIX }) => "claims a storage of 7";
        "a storage of terabytes": of(Described { values: 1 << 40, ..SIX }) => "claims a storage";
        "the longest storage": of(Described { values: i64::MAX, ..SIX }) => "claims a storage";
        "a storage below zero": of(Described { values: -1, ..SIX }) => "negative";
        "a storage that is missing": of(Described { key: "7", ..SIX }) => "missing";
        "a storage that is no type": of(Described { storage: "OrderedDict", ..SIX }) => "nothing in it was run";
        "an offset that leaves too little": of(Described { offset: 1, ..SIX }) => "beyond its storage";
        "an offset behind the end": of(Described { offset: i64::MAX, ..SIX }) => "beyond its storage";
        "strides that leave too little": of(Described { strides: &[4, 1], ..SIX }) => "beyond its storage";
        "strides that overflow": of(Described { strides: &[i64::MAX, i64::MAX], ..SIX }) => "beyond its storage";
        "a stride that overflows": of(Described { shape: &[2, 1], strides: &[i64::MAX, 1], ..SIX }) => "beyond its storage";
        "a size of gigabytes": of(Described { shape: &[1 << 31, 4], ..SIX }) => "more values than its storage";
        "a value repeated": of(Described { shape: &[1 << 31, 4], strides: &[0, 0], ..SIX }) => "more values than its storage";
        "a size that overflows": of(Described { shape: &[1 << 62, 4], ..SIX }) => "more values than its storage";
        "a size below zero": of(Described { shape: &[-2, 3], ..SIX }) => "negative";
        "fewer sizes than strides": of(Described { shape: &[2], ..SIX }) => "no sense";
        "nine dimensions": of(Described { shape: &[1; 9], strides: &[1; 9], ..SIX }) => "too many dimensions";
        "one long storage name many times": storages => "storage is too long";
        "one long name many times": names => "4194304 bytes long";
    };
    let many = [
        (
            "many names for the same values",
            1,
            2048,
            &["one of many names"][..],
        ),
        (
            "many tensors with values far apart",
            4000,
            260_000,
            &["scattered"],
        ),
    ];
    let many = many.into_iter().map(|(what, stride, values, says)| {
        let (file, config) = aliases(stride, values);
        Case::new(what, toy_but(vec![(TORCH, file), (CONFIG, config)]), says)
    });
    cases_of(TORCH, table).chain(many).collect()
}

#[test]
fn nothing_was_run() {
    for bytes in [torch_file(system()), system()] {
        let (_parent, folder) = super::folder_of(&toy_but(vec![(TORCH, bytes)]));
        assert!(super::open(&folder, &LoadOptions::default()).is_err());
        assert!(!std::path::Path::new("/tmp/undertone-was-here").exists());
    }
}
