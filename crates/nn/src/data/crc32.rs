//! CRC-32 as gzip and zip have it (RFC 1952, section 8): the polynomial 0xEDB88320, eight bytes at a time ("slicing by 8", Kounavis and
//! Berry 2005).

/// The remainders of every byte, followed by 0 to 7 zero bytes.
const TABLES: [[u32; 256]; 8] = tables();

const fn tables() -> [[u32; 256]; 8] {
    let mut tables = [[0; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut remainder = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            remainder = (remainder >> 1) ^ if remainder & 1 == 1 { 0xEDB8_8320 } else { 0 };
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
    tables
}

/// The checksum of these bytes.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    let (eights, rest) = bytes.as_chunks::<8>();
    let mut crc = !0u32;
    for &[a, b, c, d, e, f, g, h] in eights {
        let low = (crc ^ u32::from_le_bytes([a, b, c, d])).to_le_bytes();
        let at = |table: usize, byte: u8| TABLES[table][usize::from(byte)];
        let (first, second) = ([low[0], low[1], low[2], low[3]], [e, f, g, h]);
        crc = (0..4).fold(0, |crc, i| crc ^ at(7 - i, first[i]) ^ at(3 - i, second[i]));
    }
    let one = |crc: u32, &byte: &u8| (crc >> 8) ^ TABLES[0][usize::from(crc as u8 ^ byte)];
    !rest.iter().fold(crc, one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_value_and_every_length_around_eight() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        let bytes: Vec<u8> = (0..40u8).map(|i| i.wrapping_mul(73)).collect();
        let bit_by_bit = |bytes: &[u8]| {
            let crc = bytes.iter().fold(!0u32, |crc, &byte| {
                (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ if crc & 1 == 1 { 0xEDB8_8320 } else { 0 })
            });
            !crc
        };
        for length in 0..bytes.len() {
            assert_eq!(crc32(&bytes[..length]), bit_by_bit(&bytes[..length]), "{length}");
        }
    }
}
