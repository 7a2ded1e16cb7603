//! Reading: a message's fields, one after the other, borrowed from the file. Nothing is copied, and nothing recurses: a message within is opened by whoever
//! knows that the field is one, so that the depth is that of the reader's own code, whatever the file says.

/// What is wrong, with the byte it is wrong at.
type Result<T> = std::result::Result<T, String>;

/// A varint takes at most so many bytes.
const VARINT: usize = 10;

/// The fields of a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'b> {
    rest: &'b [u8],
    /// Where in the file the rest begins.
    at: usize,
}

/// One field.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field<'b> {
    pub(crate) number: u64,
    /// Where in the file it begins.
    pub(crate) at: usize,
    wire: Wire<'b>,
}

/// What a field holds.
#[derive(Clone, Copy, Debug)]
enum Wire<'b> {
    Varint(u64),
    Eight([u8; 8]),
    /// Text, bytes, a message or packed numbers, and where in the file they begin.
    Bytes(&'b [u8], usize),
    Four([u8; 4]),
}

impl<'b> Fields<'b> {
    /// Of a whole file.
    pub(crate) fn of(file: &'b [u8]) -> Fields<'b> {
        Fields { rest: file, at: 0 }
    }

    /// The next field, if there is one.
    pub(crate) fn next(&mut self) -> Result<Option<Field<'b>>> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let at = self.at;
        let key = self.varint()?;
        let wire = match key & 7 {
            0 => Wire::Varint(self.varint()?),
            1 => Wire::Eight(self.array()?),
            2 => {
                let length = self.varint()?;
                let begin = self.at;
                Wire::Bytes(self.take(length)?, begin)
            }
            5 => Wire::Four(self.array()?),
            kind => return Err(format!("byte {at}: a field of kind {kind}; kinds are 0, 1, 2 and 5")),
        };
        match key >> 3 {
            0 => Err(format!("byte {at}: a field of number 0; numbers begin at 1")),
            number => Ok(Some(Field { number, at, wire })),
        }
    }

    fn take(&mut self, length: u64) -> Result<&'b [u8]> {
        let room = self.rest.len();
        let fits = usize::try_from(length).ok().filter(|&length| length <= room);
        let Some(length) = fits else {
            return Err(format!("byte {}: {length} bytes are announced, and {room} are there", self.at));
        };
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        self.at += length;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let bytes = self.take(N as u64)?;
        Ok(*bytes.first_chunk().expect("so many were taken"))
    }

    fn varint(&mut self) -> Result<u64> {
        let at = self.at;
        let mut number = 0u64;
        for (place, &byte) in self.rest.iter().take(VARINT).enumerate() {
            let bits = u64::from(byte & 0x7f);
            if place == VARINT - 1 && byte > 1 {
                return Err(format!("byte {at}: a number of more than 64 bits"));
            }
            number |= bits << (7 * place);
            if byte < 0x80 {
                self.rest = &self.rest[place + 1..];
                self.at += place + 1;
                return Ok(number);
            }
        }
        Err(format!("byte {at}: the file ends within a number"))
    }
}

impl<'b> Field<'b> {
    fn misfit<T>(&self, wanted: &str) -> Result<T> {
        let found = match self.wire {
            Wire::Varint(_) => "a varint",
            Wire::Eight(_) => "eight bytes",
            Wire::Bytes(..) => "bytes of a length",
            Wire::Four(_) => "four bytes",
        };
        Err(format!("byte {}: field {} holds {found}, where {wanted} belongs", self.at, self.number))
    }

    /// The bytes.
    pub(crate) fn bytes(&self) -> Result<&'b [u8]> {
        match self.wire {
            Wire::Bytes(bytes, _) => Ok(bytes),
            _ => self.misfit("a text or bytes"),
        }
    }

    /// The text.
    pub(crate) fn text(&self) -> Result<&'b str> {
        std::str::from_utf8(self.bytes()?).map_err(|_| format!("byte {}: a text that is not UTF-8", self.at))
    }

    /// The message.
    pub(crate) fn message(&self) -> Result<Fields<'b>> {
        match self.wire {
            Wire::Bytes(rest, at) => Ok(Fields { rest, at }),
            _ => self.misfit("a message"),
        }
    }

    /// The whole number, negative ones in two's complement.
    pub(crate) fn int(&self) -> Result<i64> {
        match self.wire {
            Wire::Varint(number) => Ok(number.cast_signed()),
            _ => self.misfit("a whole number"),
        }
    }

    /// The number.
    pub(crate) fn float(&self) -> Result<f32> {
        match self.wire {
            Wire::Four(bytes) => Ok(f32::from_le_bytes(bytes)),
            _ => self.misfit("a number of four bytes"),
        }
    }

    /// Whole numbers of a repeated field, packed or one alone, to the end of a list.
    pub(crate) fn ints(&self, to: &mut Vec<i64>) -> Result<()> {
        match self.wire {
            Wire::Varint(number) => to.push(number.cast_signed()),
            Wire::Bytes(rest, at) => {
                let mut packed = Fields { rest, at };
                while !packed.rest.is_empty() {
                    to.push(packed.varint()?.cast_signed());
                }
            }
            _ => return self.misfit("whole numbers"),
        }
        Ok(())
    }

    /// Numbers of a repeated field, packed or one alone, to the end of a list.
    pub(crate) fn floats(&self, to: &mut Vec<f32>) -> Result<()> {
        match self.wire {
            Wire::Four(bytes) => to.push(f32::from_le_bytes(bytes)),
            Wire::Bytes(bytes, _) => match bytes.as_chunks() {
                (numbers, []) => to.extend(numbers.iter().map(|&bytes| f32::from_le_bytes(bytes))),
                _ => return Err(format!("byte {}: {} bytes are no whole number of floats", self.at, bytes.len())),
            },
            _ => return self.misfit("numbers of four bytes"),
        }
        Ok(())
    }

    /// As [`Field::floats`], of eight bytes each.
    pub(crate) fn doubles(&self, to: &mut Vec<f64>) -> Result<()> {
        match self.wire {
            Wire::Eight(bytes) => to.push(f64::from_le_bytes(bytes)),
            Wire::Bytes(bytes, _) => match bytes.as_chunks() {
                (numbers, []) => to.extend(numbers.iter().map(|&bytes| f64::from_le_bytes(bytes))),
                _ => return Err(format!("byte {}: {} bytes are no whole number of doubles", self.at, bytes.len())),
            },
            _ => return self.misfit("numbers of eight bytes"),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protobuf::Message;

    fn all(bytes: &[u8]) -> Result<Vec<Field<'_>>> {
        let (mut fields, mut list) = (Fields::of(bytes), Vec::new());
        while let Some(field) = fields.next()? {
            list.push(field);
        }
        Ok(list)
    }

    #[test]
    fn what_is_written_is_read() {
        let mut message = Message::default();
        message.varint(1, u64::MAX);
        message.varint(500, 300);
        message.double(2, -0.1);
        message.float(3, 1.5);
        message.bytes(4, "größer".as_bytes());
        message.doubles(5, &[1.0, f64::INFINITY]);
        message.message(6, |inner| inner.varint(1, 7));
        message.bytes(7, &[1, 0x80, 1, 0]);
        let fields = all(message.as_bytes()).unwrap();
        assert_eq!(fields.iter().map(|field| field.number).collect::<Vec<_>>(), [1, 500, 2, 3, 4, 5, 6, 7]);
        assert_eq!((fields[0].int().unwrap(), fields[1].int().unwrap(), fields[3].float().unwrap()), (-1, 300, 1.5));
        assert_eq!(fields[4].text().unwrap(), "größer");
        let (mut doubles, mut ints) = (Vec::new(), Vec::new());
        fields[2].doubles(&mut doubles).unwrap();
        fields[5].doubles(&mut doubles).unwrap();
        fields[7].ints(&mut ints).unwrap();
        assert_eq!((doubles, ints), (vec![-0.1, 1.0, f64::INFINITY], vec![1, 128, 0]));
        let inner = fields[6].message().unwrap().next().unwrap().unwrap();
        assert_eq!((inner.int().unwrap(), inner.at), (7, fields[6].at + 2));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_byte() {
        let problem = |bytes: &[u8]| all(bytes).unwrap_err();
        assert_eq!(problem(&[8, 1, 0x12, 5, 1]), "byte 4: 5 bytes are announced, and 1 are there");
        assert_eq!(problem(&[0x12, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1]).split(':').next(), Some("byte 11"));
        assert_eq!(problem(&[8, 0x80]), "byte 1: the file ends within a number");
        assert_eq!(problem(&[&[8][..], &[255; 10]].concat()), "byte 1: a number of more than 64 bits");
        assert_eq!(problem(&[&[8][..], &[0x80; 10], &[1]].concat()), "byte 1: a number of more than 64 bits");
        assert_eq!(problem(&[8, 1, 0x0b]), "byte 2: a field of kind 3; kinds are 0, 1, 2 and 5");
        assert_eq!(problem(&[2, 0]), "byte 0: a field of number 0; numbers begin at 1");
        assert_eq!(problem(&[0x0d, 1, 2]), "byte 1: 4 bytes are announced, and 2 are there");
        let field = all(&[8, 1]).unwrap()[0];
        assert_eq!(field.text().unwrap_err(), "byte 0: field 1 holds a varint, where a text or bytes belongs");
        assert!(field.message().is_err() && field.float().is_err() && field.int() == Ok(1));
        assert!(all(&[0x12, 3, 1, 2, 3]).unwrap()[0].floats(&mut Vec::new()).is_err());
        assert!(all(&[0x12, 1, 0x80]).unwrap()[0].ints(&mut Vec::new()).is_err());
        assert_eq!(all(&[0x12, 1, 0xff]).unwrap()[0].text().unwrap_err(), "byte 0: a text that is not UTF-8");
    }
}
