//! Numbers below 2^32 in one to five bytes: LEB128, 7 bits a byte, low first, in the shortest spelling only.
//!
//! Owns both directions; knows nothing of what the numbers mean. Invariant: a number has one spelling, and reading never
//! goes past the end.

/// Appends a number.
pub fn write(bytes: &mut Vec<u8>, mut number: u32) {
    while number > 0x7f {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Takes a number from the front; none where there is no such number.
pub fn read(bytes: &mut &[u8]) -> Option<u32> {
    // Most numbers are small, and there are millions of them.
    if let [byte @ ..0x80, rest @ ..] = *bytes {
        let number = u32::from(*byte);
        *bytes = rest;
        return Some(number);
    }
    let mut number = 0_u64;
    for at in 0..5 {
        let byte = *take(bytes, 1)?.first()?;
        number |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            let is_shortest = at == 0 || byte > 0;
            return u32::try_from(number).ok().filter(|_| is_shortest);
        }
    }
    None
}

/// Takes bytes from the front; none where there are fewer.
pub fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_and_have_one_spelling() {
        for shift in 0..32 {
            for number in [1_u32 << shift, (1 << shift) - 1, u32::MAX >> shift] {
                let mut bytes = Vec::new();
                write(&mut bytes, number);
                for length in 0..bytes.len() {
                    assert_eq!(read(&mut &bytes[..length]), None);
                }
                bytes.push(7);
                let mut rest = &bytes[..];
                assert_eq!((read(&mut rest), rest), (Some(number), &[7][..]));
            }
        }
        for other in [
            &[0x80, 0][..],
            &[0xff, 0xff, 0xff, 0xff, 0x1f],
            &[0x80, 0x80, 0x80, 0x80, 0x80, 0],
        ] {
            assert_eq!(read(&mut &other[..]), None);
        }
    }
}
