//! The header: a Python dictionary with three entries, read as what it is and not as a program.

use super::super::number::Number;
use tape::{MAX_RANK, Shape};

const MAGIC: &[u8] = b"\x93NUMPY";
/// The longest header. Numpy's own are 118 bytes; longer ones have records, which are not read.
const LONGEST: usize = 1 << 16;
/// Where the numbers begin is a multiple of this.
const ALIGN: usize = 64;
/// Numpy leaves room for a first axis of so many digits, so that a file can grow.
const GROWTH: usize = 21;

/// What a header says.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) number: Number,
    pub(super) big_endian: bool,
    pub(super) fortran_order: bool,
    pub(super) shape: Shape,
    /// Where the numbers begin.
    pub(super) begin: usize,
}

impl Header {
    /// Reads the header of a file of which the beginning is given.
    pub(super) fn parse(file: &[u8]) -> Result<Header, String> {
        let Some(rest) = file.strip_prefix(MAGIC) else {
            return Err(format!("byte 0: no npy file; one begins with \"{}\"", MAGIC.escape_ascii()));
        };
        let ends = |at: usize| format!("byte {at}: the file ends within the header");
        let (&[major, minor], rest) = rest.split_first_chunk().ok_or_else(|| ends(file.len()))?;
        let (length, rest) = match (major, minor) {
            (1, 0) => rest.split_first_chunk().map(|(n, rest)| (usize::from(u16::from_le_bytes(*n)), rest)),
            (2 | 3, 0) => rest.split_first_chunk().map(|(n, rest)| (u32::from_le_bytes(*n) as usize, rest)),
            _ => return Err(format!("byte 6: npy version {major}.{minor}; 1.0, 2.0 and 3.0 are read")),
        }
        .ok_or_else(|| ends(file.len()))?;
        if length > LONGEST {
            return Err(format!("byte 8: a header of {length} bytes; those of arrays have at most {LONGEST}"));
        }
        let text_begin = file.len() - rest.len();
        let text = rest.get(..length).ok_or_else(|| ends(file.len()))?;
        let mut dict = Dict { text, at: 0 };
        dict.header(text_begin + length).map_err(|problem| format!("byte {}: {problem}", text_begin + dict.at))
    }

    /// Whether a file of this length holds the numbers and nothing else.
    pub(super) fn check(&self, length: u64) -> Result<(), String> {
        let (shape, begin) = (&self.shape, self.begin);
        let wanted = self.number.bytes(shape);
        if wanted == length.checked_sub(begin as u64) {
            return Ok(());
        }
        let wanted = wanted.map_or("more than memory can address".to_string(), |bytes| bytes.to_string());
        let size = self.number.size();
        let there = length.saturating_sub(begin as u64);
        Err(format!(
            "byte {begin}: {shape:?} numbers of {size} bytes take {wanted} bytes, and {there} follow the header"
        ))
    }
}

/// The text and how far it is read; after an error `at` is where it was found.
struct Dict<'t> {
    text: &'t [u8],
    at: usize,
}

impl<'t> Dict<'t> {
    fn header(&mut self, begin: usize) -> Result<Header, String> {
        let (mut descr, mut fortran_order, mut shape) = (None, None, None);
        self.byte(b'{')?;
        while self.peek() != Some(b'}') {
            let key_at = self.at;
            let key = self.string()?;
            self.byte(b':')?;
            let again = match key {
                "descr" => descr.replace(self.descr()?).is_some(),
                "fortran_order" => fortran_order.replace(self.bool()?).is_some(),
                "shape" => shape.replace(self.shape()?).is_some(),
                _ => self.fail(key_at, format!("an entry `{key}`; there are `descr`, `fortran_order` and `shape`"))?,
            };
            if again {
                self.fail(key_at, format!("`{key}` a second time"))?;
            }
            if self.peek() != Some(b',') {
                break;
            }
            self.at += 1;
        }
        self.byte(b'}')?;
        if self.peek().is_some() {
            return Err("more than white space after the closing brace".into());
        }
        let missing = |name| format!("the header has no `{name}`");
        let (number, big_endian) = descr.ok_or_else(|| missing("descr"))?;
        let fortran_order = fortran_order.ok_or_else(|| missing("fortran_order"))?;
        let shape = shape.ok_or_else(|| missing("shape"))?;
        Ok(Header { number, big_endian, fortran_order, shape, begin })
    }

    fn fail<T>(&mut self, at: usize, problem: String) -> Result<T, String> {
        self.at = at;
        Err(problem)
    }

    /// The next byte that is not white space.
    fn peek(&mut self) -> Option<u8> {
        let rest = &self.text[self.at..];
        self.at += rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        self.text.get(self.at).copied()
    }

    fn byte(&mut self, wanted: u8) -> Result<(), String> {
        match self.peek() {
            Some(found) if found == wanted => {
                self.at += 1;
                Ok(())
            }
            Some(found) => Err(format!("`{}` where `{}` should be", found.escape_ascii(), wanted as char)),
            None => Err(format!("the header ends where `{}` should be", wanted as char)),
        }
    }

    fn string(&mut self) -> Result<&'t str, String> {
        let quote = match self.peek() {
            Some(quote @ (b'\'' | b'"')) => quote,
            _ => return Err("no text in quotes where there should be one".into()),
        };
        let rest = &self.text[self.at + 1..];
        let length = rest.iter().position(|&byte| byte == quote).ok_or("a quote that is never closed")?;
        let text = std::str::from_utf8(&rest[..length]).ok().filter(|text| !text.contains('\\'));
        self.at += length + 2;
        text.ok_or_else(|| "a text that is not plain".into())
    }

    /// The type and whether it is big-endian.
    fn descr(&mut self) -> Result<(Number, bool), String> {
        if self.peek() == Some(b'[') {
            return Err("records are not read; save each field as an array of its own".into());
        }
        let at = self.at;
        let descr = self.string()?;
        match number(descr) {
            Ok(found) => Ok(found),
            Err(problem) => self.fail(at, format!("the type `{descr}`: {problem}")),
        }
    }

    fn bool(&mut self) -> Result<bool, String> {
        self.peek();
        for (word, value) in [("True", true), ("False", false)] {
            if self.text[self.at..].starts_with(word.as_bytes()) {
                self.at += word.len();
                return Ok(value);
            }
        }
        Err("neither True nor False".into())
    }

    fn shape(&mut self) -> Result<Shape, String> {
        self.byte(b'(')?;
        let (begin, mut sizes, mut comma) = (self.at, Vec::new(), false);
        while self.peek() != Some(b')') {
            if sizes.len() == MAX_RANK {
                return Err(format!("more than {MAX_RANK} axes"));
            }
            sizes.push(self.size()?);
            comma = self.peek() == Some(b',');
            if !comma {
                break;
            }
            self.at += 1;
        }
        self.byte(b')')?;
        if sizes.len() == 1 && !comma {
            return self.fail(begin, "a shape of one axis is written `(n,)`".into());
        }
        Shape::new(&sizes).or_else(|error| self.fail(begin, error.to_string()))
    }

    fn size(&mut self) -> Result<usize, String> {
        self.peek();
        let digits = self.text[self.at..].iter().take_while(|byte| byte.is_ascii_digit());
        let add = |(size, count): (Option<usize>, usize), digit: &u8| {
            let next = size.and_then(|size| size.checked_mul(10)?.checked_add(usize::from(digit - b'0')));
            (next, count + 1)
        };
        match digits.fold((Some(0), 0), add) {
            (_, 0) => Err("no size of an axis where there should be one".into()),
            (None, _) => Err("the size of an axis is beyond what memory can address".into()),
            (Some(size), count) => {
                self.at += count;
                // Python 2 wrote long numbers with an L.
                self.at += usize::from(self.text.get(self.at) == Some(&b'L'));
                Ok(size)
            }
        }
    }
}

/// The type and whether it is big-endian.
fn number(descr: &str) -> Result<(Number, bool), &'static str> {
    let (order, kind) = descr.split_at_checked(1).ok_or("empty")?;
    let number = match kind {
        "b1" => Number::Bool,
        "f2" => Number::F16,
        "f4" => Number::F32,
        "f8" => Number::F64,
        "i1" => Number::I8,
        "i2" => Number::I16,
        "i4" => Number::I32,
        "i8" => Number::I64,
        "u1" => Number::U8,
        "u2" => Number::U16,
        "u4" => Number::U32,
        "u8" => Number::U64,
        _ if kind.starts_with('O') => {
            return Err("an array of objects is a pickle, which can run any program; save numbers (`x.astype(float)`)");
        }
        _ => return Err("bool, f2, f4, f8, i1 to i8 and u1 to u8 are read; convert it with `x.astype(…)`"),
    };
    match order {
        "<" => Ok((number, false)),
        ">" => Ok((number, true)),
        "=" => Ok((number, cfg!(target_endian = "big"))),
        "|" if number.size() == 1 => Ok((number, false)),
        _ => Err("it does not say which byte comes first, with `<` or `>`"),
    }
}

/// Magic, version 1.0 and header, as numpy writes them.
pub(super) fn text(descr: &str, shape: &Shape) -> Vec<u8> {
    let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
    let comma = if sizes.len() == 1 { "," } else { "" };
    let mut text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({}{comma}), }}", sizes.join(", "));
    let growth = sizes.first().map_or(0, |first| GROWTH - first.len());
    text.extend(std::iter::repeat_n(' ', growth));
    let before = MAGIC.len() + 2 + 2;
    let padding = ALIGN - (before + text.len() + 1) % ALIGN;
    text.extend(std::iter::repeat_n(' ', padding));
    text.push('\n');
    let length = u16::try_from(text.len()).expect("eight axes take less");
    [MAGIC, &[1, 0], &length.to_le_bytes(), text.as_bytes()].concat()
}
