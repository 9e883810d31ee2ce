//! Numbers of four bytes as they lie in files and cross to callers: little-endian, end to end.
//!
//! Owns both directions; must not know what the numbers are. Invariant: what is read back equals what was written, bit for
//! bit, on every target.

/// A number of four bytes.
pub trait Number: Copy {
    /// The number that these bytes are.
    fn of_bytes(bytes: [u8; 4]) -> Self;
    /// Its bytes.
    fn bytes(self) -> [u8; 4];
}

impl Number for f32 {
    fn of_bytes(bytes: [u8; 4]) -> f32 {
        f32::from_le_bytes(bytes)
    }
    fn bytes(self) -> [u8; 4] {
        self.to_le_bytes()
    }
}

impl Number for u32 {
    fn of_bytes(bytes: [u8; 4]) -> u32 {
        u32::from_le_bytes(bytes)
    }
    fn bytes(self) -> [u8; 4] {
        self.to_le_bytes()
    }
}

/// The numbers of whole groups of four bytes; whether bytes are left over is the caller's to check.
pub fn read<N: Number>(bytes: &[u8]) -> Vec<N> {
    let (groups, _) = bytes.as_chunks::<4>();
    groups.iter().map(|group| N::of_bytes(*group)).collect()
}

/// The bytes of numbers.
pub fn write<N: Number>(numbers: &[N]) -> Vec<u8> {
    let groups: Vec<[u8; 4]> = numbers.iter().map(|number| number.bytes()).collect();
    groups.into_flattened()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_little_endian_and_come_back_bit_for_bit() {
        assert_eq!(
            write(&[1_u32, 0xA1B2_C3D4]),
            [1, 0, 0, 0, 0xD4, 0xC3, 0xB2, 0xA1]
        );
        assert_eq!(write(&[1.0_f32]), [0, 0, 0x80, 0x3F]);
        let bytes: Vec<u8> = (0..=255).collect();
        assert_eq!(write(&read::<f32>(&bytes)), bytes);
        assert_eq!(write(&read::<u32>(&bytes)), bytes);
        assert_eq!(read::<u32>(&bytes[..7]), [0x0302_0100]);
    }
}
