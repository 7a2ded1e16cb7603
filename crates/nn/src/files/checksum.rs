//! Cyclic checksums of 32 bits, eight bytes at a time ("slicing by 8", Kounavis and Berry 2005).

/// A polynomial's remainders of every byte, followed by 0 to 7 zero bytes.
pub(crate) struct Crc([[u32; 256]; 8]);

/// CRC-32 as gzip, zip and PNG have it (RFC 1952, section 8).
pub(crate) static CRC32: Crc = Crc::of(0xEDB8_8320);
/// CRC-32C, Castagnoli's (RFC 3720, appendix B.4), as TensorBoard's files have it.
pub(crate) static CRC32C: Crc = Crc::of(0x82F6_3B78);

impl Crc {
    /// Of a polynomial, bits reversed.
    const fn of(polynomial: u32) -> Crc {
        let mut tables = [[0; 256]; 8];
        let mut byte = 0;
        while byte < 256 {
            let mut remainder = byte as u32;
            let mut bit = 0;
            while bit < 8 {
                remainder = (remainder >> 1) ^ if remainder & 1 == 1 { polynomial } else { 0 };
                bit += 1;
            }
            tables[0][byte] = remainder;
            byte += 1;
        }
        let mut zeros = 1;
        while zeros < 8 {
            let mut byte = 0;
            while byte < 256 {
                let before = tables[zeros - 1][byte];
                tables[zeros][byte] = (before >> 8) ^ tables[0][(before & 0xff) as usize];
                byte += 1;
            }
            zeros += 1;
        }
        Crc(tables)
    }

    /// The checksum of these bytes.
    pub(crate) fn sum(&self, bytes: &[u8]) -> u32 {
        self.sum_of_parts(&[bytes])
    }

    /// The checksum of these bytes, one part after the other.
    pub(crate) fn sum_of_parts(&self, parts: &[&[u8]]) -> u32 {
        !parts.iter().fold(!0, |crc, part| self.after(crc, part))
    }

    fn after(&self, mut crc: u32, bytes: &[u8]) -> u32 {
        let Crc(tables) = self;
        let (eights, rest) = bytes.as_chunks::<8>();
        for &[a, b, c, d, e, f, g, h] in eights {
            let first = (crc ^ u32::from_le_bytes([a, b, c, d])).to_le_bytes();
            let second = [e, f, g, h];
            let at = |table: usize, byte: u8| tables[table][usize::from(byte)];
            crc = (0..4).fold(0, |crc, i| crc ^ at(7 - i, first[i]) ^ at(3 - i, second[i]));
        }
        rest.iter().fold(crc, |crc, &byte| (crc >> 8) ^ tables[0][usize::from(crc as u8 ^ byte)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_values() {
        assert_eq!(CRC32.sum(b"123456789"), 0xCBF4_3926);
        assert_eq!(CRC32C.sum(b"123456789"), 0xE306_9283);
        assert_eq!(CRC32C.sum(&[0; 32]), 0x8A91_36AA);
        assert_eq!(CRC32C.sum(&[0xFF; 32]), 0x62A8_AB43);
    }

    #[test]
    fn every_length_around_eight_and_every_cut() {
        let bytes: Vec<u8> = (0..40u8).map(|i| i.wrapping_mul(73)).collect();
        let bit_by_bit = |bytes: &[u8]| {
            let step = |crc: u32| (crc >> 1) ^ if crc & 1 == 1 { 0xEDB8_8320 } else { 0 };
            !bytes.iter().fold(!0u32, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), |crc, _| step(crc)))
        };
        for length in 0..=bytes.len() {
            assert_eq!(CRC32.sum(&bytes[..length]), bit_by_bit(&bytes[..length]), "{length}");
            let (before, after) = bytes.split_at(length);
            assert_eq!(CRC32.sum_of_parts(&[before, after]), CRC32.sum(&bytes), "cut at {length}");
        }
    }
}
