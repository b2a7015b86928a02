//! The documents that hold a term, ascending: numbers as differences, most of them one byte.

/// The documents that hold a term.
pub(super) enum Postings {
    /// Most terms stand in one document.
    One(u32),
    /// The last, and the differences between one and the next from 0 on, as in LEB128.
    Many { last: u32, bytes: Vec<u8> },
}

impl Postings {
    /// Takes in a document that comes after all others.
    pub(super) fn push(&mut self, number: u32) {
        match self {
            Postings::One(first) if *first == number => {}
            Postings::One(first) => {
                let mut bytes = Vec::with_capacity(8);
                leb128(&mut bytes, *first);
                leb128(&mut bytes, number.saturating_sub(*first));
                *self = Postings::Many { last: number, bytes };
            }
            Postings::Many { last, .. } if *last == number => {}
            Postings::Many { last, bytes } => {
                leb128(bytes, number.saturating_sub(*last));
                *last = number;
            }
        }
    }

    pub(super) fn each(&self, visit: &mut dyn FnMut(u32)) {
        match self {
            Postings::One(number) => visit(*number),
            Postings::Many { bytes, .. } => each(bytes, visit),
        }
    }

    /// Bytes beside its own size.
    pub(super) fn heap(&self) -> usize {
        match self {
            Postings::One(_) => 0,
            Postings::Many { bytes, .. } => bytes.capacity(),
        }
    }
}

/// Numbers that ascend, as differences from 0 on.
pub(super) fn differences(numbers: &[u32]) -> Vec<u8> {
    let (mut bytes, mut last) = (Vec::with_capacity(numbers.len() + 4), 0);
    for number in numbers {
        leb128(&mut bytes, number.saturating_sub(last));
        last = *number;
    }
    bytes
}

/// Visits the numbers that these are the differences of.
pub(super) fn each(mut bytes: &[u8], visit: &mut dyn FnMut(u32)) {
    let mut number = 0u32;
    while let Some(step) = read_leb128(&mut bytes) {
        number = number.wrapping_add(step);
        visit(number);
    }
}

/// Seven bits a byte, the lowest first, the highest bit set in all but the last.
pub(super) fn leb128(bytes: &mut Vec<u8>, mut number: u32) {
    while number >= 0x80 {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Takes a number off the beginning; nothing where there is none.
pub(super) fn read_leb128(bytes: &mut &[u8]) -> Option<u32> {
    let (mut number, mut shift) = (0u32, 0u32);
    loop {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u32::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(number);
        }
        shift += 7;
    }
}
