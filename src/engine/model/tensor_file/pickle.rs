//! Reads the pickle of a `torch.save` file as data: a restricted machine that calls nothing.
//!
//! It supports the opcodes that PyTorch writes and the few names that rebuild tensors; any other name is rejected. Objects live
//! in one table and refer to each other by number, so nesting needs no stack; the numbers of opcodes and objects are bounded.

use std::collections::HashMap;

use super::{Refused, Stored};

/// The maximum size of a pickle, in bytes; a model with 10,000 tensors needs a third of it.
pub(super) const LONGEST: u64 = 8 << 20;
const MOST_OPCODES: usize = 2_000_000;
const MOST_OBJECTS: usize = 1_000_000;
/// The maximum length of a storage name; PyTorch uses numbers.
const LONGEST_KEY: usize = 64;
const MOST_DIMENSIONS: usize = 8;

/// Runs a pickle to its end; returns the machine and the resulting value.
///
/// # Errors
/// If it is damaged, or uses a name that no checkpoint needs.
pub(super) fn unpickle(bytes: &[u8]) -> Result<(Machine<'_>, Value), Refused> {
    let mut machine = Machine {
        rest: bytes,
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
        objects: Vec::new(),
    };
    let top = machine.run()?;
    Ok((machine, top))
}

/// A value; `Object` is an index into the table.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value {
    None,
    Bool,
    Int(i64),
    Float,
    Object(usize),
}

#[derive(Debug, Clone)]
pub(super) enum Object {
    Text(String),
    Sequence(Vec<Value>),
    Dict(Vec<(Value, Value)>),
    Name(Name),
    Storage {
        stored: Stored,
        key: String,
        values: u64,
    },
    Tensor {
        storage: usize,
        offset: u64,
        shape: Vec<u64>,
        strides: Vec<u64>,
    },
}

/// The names that checkpoints need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Name {
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
    Storage(Stored),
}

impl Name {
    fn find(module: &str, name: &str) -> Option<Self> {
        let other = |name, bytes| Self::Storage(Stored::Other { name, bytes });
        Some(match (module, name) {
            ("collections", "OrderedDict") => Self::OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2") => Self::RebuildTensor,
            ("torch._utils", "_rebuild_parameter") => Self::RebuildParameter,
            ("torch", "FloatStorage") => Self::Storage(Stored::F32),
            ("torch", "HalfStorage") => Self::Storage(Stored::F16),
            ("torch", "BFloat16Storage") => Self::Storage(Stored::Bf16),
            ("torch", "DoubleStorage") => other("F64", 8),
            ("torch", "LongStorage") => other("I64", 8),
            ("torch", "IntStorage") => other("I32", 4),
            ("torch", "ShortStorage") => other("I16", 2),
            ("torch", "CharStorage") => other("I8", 1),
            ("torch", "ByteStorage") => other("U8", 1),
            ("torch", "BoolStorage") => other("BOOL", 1),
            _ => return None,
        })
    }
}

pub(super) struct Machine<'a> {
    rest: &'a [u8],
    stack: Vec<Value>,
    /// The stack heights at the open marks.
    marks: Vec<usize>,
    memo: HashMap<u32, Value>,
    pub(super) objects: Vec<Object>,
}

pub(super) fn damaged(what: &str) -> Refused {
    format!("its pickle is damaged: {what}")
}

impl Machine<'_> {
    /// Runs to the end; returns the value left on the stack.
    #[expect(
        clippy::too_many_lines,
        reason = "one arm per opcode: everything that a pickle may do is in one place"
    )]
    fn run(&mut self) -> Result<Value, Refused> {
        for _ in 0..MOST_OPCODES {
            let [opcode] = self.array::<1>()?;
            match opcode {
                b'.' => return self.pop(),
                b'\x80' => match self.array::<1>()? {
                    [2..=5] => {}
                    [version] => return Err(format!("it is a pickle of protocol {version}")),
                },
                // The length of a frame, not needed here.
                b'\x95' => drop(self.array::<8>()?),
                b'N' => self.stack.push(Value::None),
                b'\x88' | b'\x89' => self.stack.push(Value::Bool),
                b'K' => {
                    let [n] = self.array::<1>()?;
                    self.stack.push(Value::Int(i64::from(n)));
                }
                b'M' => {
                    let n = u16::from_le_bytes(self.array()?);
                    self.stack.push(Value::Int(i64::from(n)));
                }
                b'J' => {
                    let n = i32::from_le_bytes(self.array()?);
                    self.stack.push(Value::Int(i64::from(n)));
                }
                b'\x8a' => {
                    let n = self.long()?;
                    self.stack.push(Value::Int(n));
                }
                b'G' => {
                    self.array::<8>()?;
                    self.stack.push(Value::Float);
                }
                b'X' => {
                    let n = u64::from(u32::from_le_bytes(self.array()?));
                    self.text(n)?;
                }
                b'\x8c' => {
                    let [n] = self.array::<1>()?;
                    self.text(u64::from(n))?;
                }
                b'\x8d' => {
                    let n = u64::from_le_bytes(self.array()?);
                    self.text(n)?;
                }
                b'(' => self.marks.push(self.stack.len()),
                b')' | b']' => self.make(Object::Sequence(Vec::new()))?,
                b'}' => self.make(Object::Dict(Vec::new()))?,
                b't' | b'l' => {
                    let items = self.since_mark()?;
                    self.make(Object::Sequence(items))?;
                }
                b'\x85'..=b'\x87' => {
                    let n = usize::from(opcode - b'\x84');
                    let from = self.height_below(n)?;
                    let items = self.stack.split_off(from);
                    self.make(Object::Sequence(items))?;
                }
                b'd' => {
                    let items = self.since_mark()?;
                    let pairs = pairs(&items)?;
                    self.make(Object::Dict(pairs))?;
                }
                b's' => {
                    let (value, key) = (self.pop()?, self.pop()?);
                    self.dict()?.push((key, value));
                }
                b'u' => {
                    let pairs = pairs(&self.since_mark()?)?;
                    self.dict()?.extend(pairs);
                }
                b'a' => {
                    let value = self.pop()?;
                    self.list()?.push(value);
                }
                b'e' => {
                    let items = self.since_mark()?;
                    self.list()?.extend(items);
                }
                b'q' | b'r' | b'\x94' => {
                    let at = match opcode {
                        b'q' => u32::from(self.array::<1>()?[0]),
                        b'r' => u32::from_le_bytes(self.array()?),
                        _ => u32::try_from(self.memo.len()).unwrap_or(u32::MAX),
                    };
                    let value = self.top()?;
                    if self.memo.len() >= MOST_OBJECTS {
                        return Err(too_much());
                    }
                    self.memo.insert(at, value);
                }
                b'h' | b'j' => {
                    let at = match opcode {
                        b'h' => u32::from(self.array::<1>()?[0]),
                        _ => u32::from_le_bytes(self.array()?),
                    };
                    let value = self.memo.get(&at).copied();
                    self.stack
                        .push(value.ok_or_else(|| damaged("it refers to nothing"))?);
                }
                b'0' => drop(self.pop()?),
                b'c' => {
                    let (module, name) = (self.line()?, self.line()?);
                    self.name(&module, &name)?;
                }
                b'\x93' => {
                    let (name, module) = (self.pop()?, self.pop()?);
                    let (name, module) = (self.str(name)?.to_owned(), self.str(module)?.to_owned());
                    self.name(&module, &name)?;
                }
                b'R' => {
                    let (arguments, callable) = (self.pop()?, self.pop()?);
                    self.rebuild(callable, arguments)?;
                }
                b'Q' => {
                    let id = self.pop()?;
                    self.storage(id)?;
                }
                // State set on an ordered dict: the versions of the modules, not needed here.
                b'b' => {
                    self.pop()?;
                    self.dict()?;
                }
                other => {
                    return Err(format!(
                        "its pickle holds the instruction {:?}, which a checkpoint does not need; nothing in it was run",
                        char::from(other)
                    ));
                }
            }
        }
        Err(too_much())
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Refused> {
        let (bytes, rest) = self
            .rest
            .split_first_chunk::<N>()
            .ok_or_else(|| damaged("it ends early"))?;
        self.rest = rest;
        Ok(*bytes)
    }

    fn bytes(&mut self, n: u64) -> Result<&[u8], Refused> {
        let parts = usize::try_from(n)
            .ok()
            .and_then(|n| self.rest.split_at_checked(n));
        let (bytes, rest) = parts.ok_or_else(|| damaged("it ends early"))?;
        self.rest = rest;
        Ok(bytes)
    }

    fn text(&mut self, n: u64) -> Result<(), Refused> {
        let text = std::str::from_utf8(self.bytes(n)?);
        let text = text.map_err(|_| damaged("a name is not UTF-8"))?.to_owned();
        self.make(Object::Text(text))
    }

    /// Reads a signed little-endian number of up to eight bytes.
    fn long(&mut self) -> Result<i64, Refused> {
        let [n] = self.array::<1>()?;
        let digits = self.bytes(u64::from(n))?;
        let negative = digits.last().is_some_and(|b| b & 0x80 != 0);
        let mut wide = [if negative { 0xff } else { 0 }; 8];
        wide.get_mut(..digits.len())
            .ok_or_else(|| damaged("a number has more than 64 bits"))?
            .copy_from_slice(digits);
        Ok(i64::from_le_bytes(wide))
    }

    fn line(&mut self) -> Result<String, Refused> {
        let end = self.rest.iter().position(|&b| b == b'\n');
        let end = end.ok_or_else(|| damaged("it ends early"))?;
        let line = String::from_utf8_lossy(&self.rest[..end]).into_owned();
        self.rest = &self.rest[end + 1..];
        Ok(line)
    }

    fn make(&mut self, object: Object) -> Result<(), Refused> {
        if self.objects.len() >= MOST_OBJECTS {
            return Err(too_much());
        }
        self.stack.push(Value::Object(self.objects.len()));
        self.objects.push(object);
        Ok(())
    }

    /// Returns the stack height below its top `n` values, which must not reach below the last mark.
    fn height_below(&self, n: usize) -> Result<usize, Refused> {
        let floor = self.marks.last().copied().unwrap_or(0);
        self.stack
            .len()
            .checked_sub(n)
            .filter(|&height| height >= floor)
            .ok_or_else(|| damaged("it takes what is not there"))
    }

    fn top(&self) -> Result<Value, Refused> {
        Ok(self.stack[self.height_below(1)?])
    }

    fn pop(&mut self) -> Result<Value, Refused> {
        let value = self.top()?;
        self.stack.pop();
        Ok(value)
    }

    fn since_mark(&mut self) -> Result<Vec<Value>, Refused> {
        let mark = self
            .marks
            .pop()
            .ok_or_else(|| damaged("a mark is missing"))?;
        Ok(self.stack.split_off(mark))
    }

    fn dict(&mut self) -> Result<&mut Vec<(Value, Value)>, Refused> {
        let top = self.top()?;
        match self.object_mut(top) {
            Some(Object::Dict(pairs)) => Ok(pairs),
            _ => Err(damaged("it adds items to a value that is not a dict")),
        }
    }

    fn list(&mut self) -> Result<&mut Vec<Value>, Refused> {
        let top = self.top()?;
        match self.object_mut(top) {
            Some(Object::Sequence(items)) => Ok(items),
            _ => Err(damaged("it adds items to a value that is not a list")),
        }
    }

    pub(super) fn object(&self, value: Value) -> Option<&Object> {
        match value {
            Value::Object(at) => self.objects.get(at),
            _ => None,
        }
    }

    fn object_mut(&mut self, value: Value) -> Option<&mut Object> {
        match value {
            Value::Object(at) => self.objects.get_mut(at),
            _ => None,
        }
    }

    pub(super) fn str(&self, value: Value) -> Result<&str, Refused> {
        match self.object(value) {
            Some(Object::Text(text)) => Ok(text),
            _ => Err(damaged("a name is not a text")),
        }
    }

    fn sequence(&self, value: Value) -> Result<&[Value], Refused> {
        match self.object(value) {
            Some(Object::Sequence(items)) => Ok(items),
            _ => Err(damaged("arguments are not a tuple")),
        }
    }

    fn name(&mut self, module: &str, name: &str) -> Result<(), Refused> {
        let name = Name::find(module, name).ok_or_else(|| unknown(module, name))?;
        self.make(Object::Name(name))
    }

    /// Builds the result of a call to a known name.
    fn rebuild(&mut self, callable: Value, arguments: Value) -> Result<(), Refused> {
        let Some(&Object::Name(name)) = self.object(callable) else {
            return Err(damaged("it calls a value that is not a function"));
        };
        let arguments = self.sequence(arguments)?;
        let built = match (name, arguments) {
            (Name::OrderedDict, []) => Object::Dict(Vec::new()),
            (Name::RebuildParameter, [tensor, ..]) => {
                let tensor = *tensor;
                if !matches!(self.object(tensor), Some(Object::Tensor { .. })) {
                    return Err(damaged("a parameter is no tensor"));
                }
                self.stack.push(tensor);
                return Ok(());
            }
            (Name::RebuildTensor, &[Value::Object(storage), offset, shape, strides, ..]) => {
                if !matches!(self.objects.get(storage), Some(Object::Storage { .. })) {
                    return Err(damaged("a tensor has no storage"));
                }
                let (shape, strides) = (self.sizes(shape)?, self.sizes(strides)?);
                if shape.len() != strides.len() || shape.len() > MOST_DIMENSIONS {
                    return Err(damaged("the shape of a tensor makes no sense"));
                }
                Object::Tensor {
                    storage,
                    offset: size(offset)?,
                    shape,
                    strides,
                }
            }
            _ => return Err(damaged("a call has the wrong arguments")),
        };
        self.make(built)
    }

    fn sizes(&self, value: Value) -> Result<Vec<u64>, Refused> {
        let items = self.sequence(value)?;
        if items.len() > MOST_DIMENSIONS {
            return Err(damaged("a tensor has too many dimensions"));
        }
        items.iter().map(|&item| size(item)).collect()
    }

    /// Reads `("storage", TYPE, key, location, values)`; the location is ignored.
    fn storage(&mut self, id: Value) -> Result<(), Refused> {
        let &[kind, storage, key, _, values] = self.sequence(id)? else {
            return Err(damaged("a storage is described in another way"));
        };
        let (kind, key) = (self.str(kind)?, self.str(key)?);
        let Some(&Object::Name(Name::Storage(stored))) = self.object(storage) else {
            return Err(damaged("a storage has no type"));
        };
        if kind != "storage" {
            return Err(damaged("it refers to a value that is not a storage"));
        }
        // A pickle can contain one long text and copy it any number of times.
        if key.len() > LONGEST_KEY {
            return Err(damaged("the name of a storage is too long"));
        }
        self.make(Object::Storage {
            stored,
            key: key.to_owned(),
            values: size(values)?,
        })
    }
}

/// Returns the error for a name that no checkpoint needs.
fn unknown(module: &str, name: &str) -> Refused {
    let quote: String = format!("{module}.{name}").chars().take(80).collect();
    let package = module.split('.').next().unwrap_or_default();
    let what = match package {
        "numpy" | "_codecs" => {
            "a value of numpy beside the tensors: save the state dict alone (torch.save(model.state_dict(), FILE))"
        }
        "torch" if module.starts_with("torch.nn") => WHOLE_MODULE,
        "transformers" | "peft" | "__main__" | "accelerate" => WHOLE_MODULE,
        _ => "which a checkpoint does not need",
    };
    format!("its pickle names {quote:?}, {what}; nothing in it was run")
}

const WHOLE_MODULE: &str = "an object and not its tensors: save the state dict instead of the whole model \
     (torch.save(model.state_dict(), FILE))";

fn too_much() -> Refused {
    "its pickle is longer than that of any checkpoint".to_owned()
}

fn size(value: Value) -> Result<u64, Refused> {
    match value {
        Value::Int(n) => u64::try_from(n).map_err(|_| damaged("a size is negative")),
        _ => Err(damaged("a size is not a number")),
    }
}

fn pairs(items: &[Value]) -> Result<Vec<(Value, Value)>, Refused> {
    let (pairs, []) = items.as_chunks::<2>() else {
        return Err(damaged("a key has no value"));
    };
    Ok(pairs.iter().map(|&[key, value]| (key, value)).collect())
}
