//! Creates `torch.save` files for tests: well-formed ones, and ones that PyTorch would never write.

use crate::engine::model::tiny::Tensors;

/// Creates a zip archive of stored entries in PyTorch's layout.
pub(crate) fn zip(entries: &[(String, Vec<u8>)]) -> Vec<u8> {
    zip_with(entries, 0)
}

/// Creates the archive with this compression method in the directory.
pub(crate) fn zip_with(entries: &[(String, Vec<u8>)], method: u16) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in entries {
        let at = u32::try_from(file.len()).expect("a small file");
        let length = u32::try_from(bytes.len()).expect("a small entry");
        let name_length = u16::try_from(name.len()).expect("a short name");
        file.extend(b"PK\x03\x04\x14\0\0\0");
        file.extend(method.to_le_bytes());
        file.extend([0; 8]);
        file.extend(length.to_le_bytes());
        file.extend(length.to_le_bytes());
        file.extend(name_length.to_le_bytes());
        file.extend([0; 2]);
        file.extend(name.as_bytes());
        file.extend(bytes);
        directory.extend(b"PK\x01\x02\x14\0\x14\0\0\0");
        directory.extend(method.to_le_bytes());
        directory.extend([0; 8]);
        directory.extend(length.to_le_bytes());
        directory.extend(length.to_le_bytes());
        directory.extend(name_length.to_le_bytes());
        directory.extend([0; 12]);
        directory.extend(at.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let (at, length) = (file.len(), directory.len());
    file.extend(&directory);
    file.extend(b"PK\x05\x06\0\0\0\0");
    let count = u16::try_from(entries.len()).expect("few entries");
    file.extend(count.to_le_bytes());
    file.extend(count.to_le_bytes());
    file.extend(u32::try_from(length).expect("small").to_le_bytes());
    file.extend(u32::try_from(at).expect("small").to_le_bytes());
    file.extend([0; 2]);
    file
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Pickle(pub(crate) Vec<u8>);

impl Pickle {
    pub(crate) fn new() -> Self {
        Self(b"\x80\x02".to_vec())
    }

    pub(crate) fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }

    pub(crate) fn text(self, text: &str) -> Self {
        let length = u32::try_from(text.len()).expect("short");
        self.raw(b"X")
            .raw(&length.to_le_bytes())
            .raw(text.as_bytes())
    }

    pub(crate) fn int(self, n: i64) -> Self {
        match (u8::try_from(n), i32::try_from(n)) {
            (Ok(n), _) => self.raw(&[b'K', n]),
            (_, Ok(n)) => self.raw(b"J").raw(&n.to_le_bytes()),
            _ => self.raw(b"\x8a\x08").raw(&n.to_le_bytes()),
        }
    }

    pub(crate) fn tuple(mut self, numbers: &[i64]) -> Self {
        self = self.raw(b"(");
        for &n in numbers {
            self = self.int(n);
        }
        self.raw(b"t")
    }

    pub(crate) fn global(self, module: &str, name: &str) -> Self {
        self.raw(format!("c{module}\n{name}\n").as_bytes())
    }

    /// Appends key and value of a state dict.
    pub(crate) fn tensor(self, name: &str, tensor: &Described) -> Self {
        self.text(name)
            .global("torch._utils", "_rebuild_tensor_v2")
            .raw(b"(")
            .raw(b"(")
            .text("storage")
            .global("torch", tensor.storage)
            .text(tensor.key)
            .text("cuda:0")
            .int(tensor.values)
            .raw(b"tQ")
            .int(tensor.offset)
            .tuple(tensor.shape)
            .tuple(tensor.strides)
            .raw(b"\x89")
            .global("collections", "OrderedDict")
            .raw(b")RtR")
    }

    pub(crate) fn dict(self, fill: impl FnOnce(Self) -> Self) -> Self {
        fill(self.raw(b"}(")).raw(b"u")
    }

    pub(crate) fn end(self) -> Vec<u8> {
        self.raw(b".").0
    }
}

/// A tensor's description in a pickle.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Described {
    pub(crate) storage: &'static str,
    pub(crate) key: &'static str,
    pub(crate) values: i64,
    pub(crate) offset: i64,
    pub(crate) shape: &'static [i64],
    pub(crate) strides: &'static [i64],
}

/// Six values 0 to 5 in storage "0".
pub(crate) const SIX: Described = Described {
    storage: "FloatStorage",
    key: "0",
    values: 6,
    offset: 0,
    shape: &[2, 3],
    strides: &[3, 1],
};

/// Creates a file with this pickle and the six values.
pub(crate) fn torch_file(pickle: Vec<u8>) -> Vec<u8> {
    let six = (0..6u8).flat_map(|n| f32::from(n).to_le_bytes()).collect();
    zip(&[
        ("m/data.pkl".to_owned(), pickle),
        ("m/byteorder".to_owned(), b"little".to_vec()),
        ("m/data/0".to_owned(), six),
        ("m/version".to_owned(), b"3\n".to_vec()),
    ])
}

fn size(n: usize) -> i64 {
    i64::try_from(n).expect("a small tensor")
}

/// Creates a state dict of these tensors, each in a separate storage.
pub(crate) fn state_dict(tensors: &Tensors) -> Vec<u8> {
    zip(&state_dict_entries(tensors))
}

/// Returns the entries of a state dict file, the pickle first.
pub(crate) fn state_dict_entries(tensors: &Tensors) -> Vec<(String, Vec<u8>)> {
    let mut entries = vec![("m/data.pkl".to_owned(), Vec::new())];
    let mut pickle = Pickle::new().raw(b"}(");
    for (i, (name, (shape, values))) in tensors.iter().enumerate() {
        let sizes: Vec<i64> = shape.iter().map(|&n| size(n)).collect();
        let mut strides = vec![1i64; sizes.len()];
        for d in (1..sizes.len()).rev() {
            strides[d - 1] = strides[d] * sizes[d];
        }
        pickle = pickle
            .text(name)
            .global("torch._utils", "_rebuild_tensor_v2")
            .raw(b"((")
            .text("storage")
            .global("torch", "FloatStorage")
            .text(&i.to_string())
            .text("cpu")
            .int(size(values.len()))
            .raw(b"tQ")
            .int(0)
            .tuple(&sizes)
            .tuple(&strides)
            .raw(b"\x89")
            .global("collections", "OrderedDict")
            .raw(b")RtR");
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        entries.push((format!("m/data/{i}"), bytes));
    }
    entries[0].1 = pickle.raw(b"u").end();
    entries
}
