//! Bad `torch.save` files, including malicious ones.

use super::{CONFIG, Case, TORCH, toy_but};
use crate::engine::model::tensor_file::made::{
    Described, Pickle, SIX, state_dict, torch_file, zip, zip_with,
};
use crate::engine::model::tiny;

/// A command that would leave a file behind if it were run.
const COMMAND: &str = "touch /tmp/undertone-was-here";

fn whole() -> Vec<u8> {
    state_dict(&tiny::tensors_of(1))
}

fn of(tensor: &Described) -> Vec<u8> {
    torch_file(
        Pickle::new()
            .dict(|p| p.tensor("transformer.wte.weight", tensor))
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

#[expect(clippy::too_many_lines, reason = "one table")]
pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut case = |what, bytes: Vec<u8>, says| {
        cases.push(Case::new(what, toy_but(vec![(TORCH, bytes)]), says));
    };
    let n = whole().len();
    case(
        "a pickle that would run a program",
        torch_file(system()),
        &["os.system", "nothing in it was run"],
    );
    case(
        "the same without its archive",
        system(),
        &["bare pickle", "never run"],
    );
    let text = format!("cos\nsystem\n(S'{COMMAND}'\ntR.").into_bytes();
    case(
        "the same in the oldest form",
        text,
        &["bare pickle", "never run"],
    );
    let evaluated = Pickle::new()
        .text("builtins")
        .text("eval")
        .raw(b"\x93(")
        .text("1")
        .raw(b"tR")
        .end();
    case(
        "a name from the stack",
        torch_file(evaluated),
        &["builtins.eval"],
    );
    for (what, module, name, says) in [
        (
            "a whole model",
            "transformers.models.gpt2.modeling_gpt2",
            "GPT2LMHeadModel",
            &["GPT2LMHeadModel", "whole model", "state_dict()"][..],
        ),
        (
            "a whole module of torch",
            "torch.nn.modules.container",
            "ModuleDict",
            &["whole model"],
        ),
        (
            "a model of a training script",
            "__main__",
            "Coconut",
            &["__main__.Coconut", "whole model"],
        ),
        (
            "a number of numpy beside the tensors",
            "numpy.core.multiarray",
            "scalar",
            &["value of numpy", "state dict alone"],
        ),
        (
            "the arguments of a training script",
            "argparse",
            "Namespace",
            &["argparse.Namespace", "does not need"],
        ),
    ] {
        let pickle = Pickle::new().dict(|p| {
            p.tensor("transformer.wte.weight", &SIX)
                .text("best")
                .global(module, name)
                .raw(b")\x81")
        });
        case(what, torch_file(pickle.end()), says);
    }
    let reduced = Pickle::new()
        .raw(b"(")
        .text("x")
        .raw(b"ios\nsystem\n")
        .end();
    case(
        "another way to call",
        torch_file(reduced),
        &["instruction", "nothing in it was run"],
    );
    case("a cut archive", whole()[..n - 30].to_vec(), &["cut short"]);
    case("half an archive", whole()[..n / 2].to_vec(), &["cut short"]);
    case(
        "another archive",
        zip(&[("a.txt".into(), b"hello".to_vec())]),
        &["no single data.pkl"],
    );
    let packed = zip_with(&[("m/data.pkl".into(), b"\x80\x02.".to_vec())], 8);
    case("a packed archive", packed, &["compressed", "torch.save"]);
    case(
        "a cut pickle",
        torch_file(b"\x80\x02}(X\xff\xff\xff\xffa".to_vec()),
        &["pickle is damaged"],
    );
    let deep = [
        b"\x80\x02".to_vec(),
        b"(".repeat(1_000_000),
        b"t".repeat(1_000_000),
        b".".to_vec(),
    ]
    .concat();
    case("a deep pickle", torch_file(deep), &["longer than"]);
    case(
        "a list",
        torch_file(Pickle::new().raw(b"]").end()),
        &["no dict of tensors"],
    );
    case(
        "a size that overflows",
        of(&Described {
            shape: &[1 << 62, 4],
            ..SIX
        }),
        &["more values than its storage"],
    );
    case(
        "a size below zero",
        of(&Described {
            shape: &[-1, 3],
            ..SIX
        }),
        &["negative"],
    );
    case(
        "strides that overflow",
        of(&Described {
            strides: &[i64::MAX, i64::MAX],
            ..SIX
        }),
        &["beyond its storage"],
    );
    case(
        "an offset behind the end",
        of(&Described {
            offset: i64::MAX,
            ..SIX
        }),
        &["beyond its storage"],
    );
    case(
        "a storage that is not all there",
        of(&Described {
            values: 1 << 40,
            ..SIX
        }),
        &["claims a storage"],
    );
    case(
        "a storage that is missing",
        of(&Described { key: "7", ..SIX }),
        &["missing"],
    );
    // A long text, written once and used repeatedly, would be copied each time.
    let long = "k".repeat(4 << 20);
    let long = || Pickle::new().text(&long).raw(b"q\x010}q\x02(");
    let tensor = |p: Pickle| p.tensor("a", &SIX);
    let storages = (0..10_000).fold(tensor(long()), |p, _| {
        let p = p.raw(b"N(").text("storage").global("torch", "FloatStorage");
        p.raw(b"h\x01").text("cpu").int(6).raw(b"tQ")
    });
    let storages = storages.raw(b"u.").0;
    case(
        "one long storage name many times",
        torch_file(storages),
        &["storage is too long"],
    );
    let names = tensor(long()).raw(b"q\x03");
    let names = (0..10_000).fold(names, |p, _| p.raw(b"h\x01h\x03"));
    let names = names.raw(b"u.").0;
    case(
        "one long name many times",
        torch_file(names),
        &["4194304 bytes long"],
    );

    for (what, stride, values, says) in [
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
    ] {
        let (file, config) = aliases(stride, values);
        cases.push(Case::new(
            what,
            toy_but(vec![(TORCH, file), (CONFIG, config)]),
            says,
        ));
    }
    cases
}

#[test]
fn nothing_was_run() {
    for bytes in [torch_file(system()), system()] {
        let folder = tempfile::tempdir().expect("temporary folder");
        for (name, bytes) in toy_but(vec![(TORCH, bytes)]) {
            std::fs::write(folder.path().join(name), bytes).expect("a writable folder");
        }
        assert!(super::open(folder.path(), &crate::engine::model::LoadOptions::default()).is_err());
        assert!(!std::path::Path::new("/tmp/undertone-was-here").exists());
    }
}
