//! Wrong as CBOR: not canonical, not complete, not of this shape.

use crate::{Wrong, replaced, sample, with_last, without_last};

pub fn all() -> Vec<Wrong> {
    let hello = sample("hello");
    let want_log = sample("want-log");
    let named = sample("audience-named");
    let unsorted = [&[0x82, 0x01, 0x81, 0x82, 0x58, 0x20][..], &[2; 32], &[0x58, 0x20], &[1; 32]].concat();
    let twice = [&[0x82, 0x01, 0x81, 0x82, 0x58, 0x20][..], &[1; 32], &[0x58, 0x20], &[1; 32]].concat();
    assert_eq!(named.len(), unsorted.len());
    let mut deep = vec![0x81; 8];
    deep.push(0x01);
    vec![
        ("nothing-at-all", "sync message", vec![], "malformed"),
        ("trailing-byte", "sync message", with_last(hello.clone(), 0), "bytes after the end"),
        ("cut-short", "sync message", without_last(hello.clone()), "malformed"),
        (
            "overlong-integer",
            "sync message",
            replaced(&hello, &[0x83, 0x01], &[0x83, 0x18, 0x01]),
            "canonical",
        ),
        (
            "overlong-position",
            "sync message",
            replaced(&want_log, &[0x19, 0x01, 0x2c], &[0x1a, 0, 0, 0x01, 0x2c]),
            "canonical",
        ),
        (
            "overlong-length",
            "sync message",
            replaced(&sample("heads"), &[0x58, 0x20], &[0x59, 0x00, 0x20]),
            "canonical",
        ),
        ("indefinite-array", "sync message", [&[0x9f][..], &hello[1..], &[0xff]].concat(), "sync message:"),
        ("unknown-message", "sync message", vec![0x82, 0x18, 0x63, 0x80], "unknown enum variant"),
        ("an-element-too-many", "sync message", vec![0x82, 0x02, 0x82, 0x80, 0x00], "canonical"),
        (
            "length-of-2-to-the-63",
            "sync message",
            vec![0x82, 0x02, 0x81, 0x9b, 0x80, 0, 0, 0, 0, 0, 0, 0],
            "malformed",
        ),
        ("bad-utf8-address", "sync message", replaced(&hello, b"192.0.2.1", b"192.0.\xff.1"), "malformed"),
        (
            "id-of-31-bytes",
            "sync message",
            [&[0x82, 0x02, 0x81, 0x81, 0x58, 0x1f][..], &[1; 31]].concat(),
            "malformed",
        ),
        ("empty-audience", "audience", vec![0x82, 0x01, 0x81, 0x80], "nobody"),
        ("unsorted-readers", "audience", unsorted, "canonical"),
        ("a-reader-twice", "audience", twice, "canonical"),
        ("float-value", "value", vec![0xfa, 0x40, 0x60, 0, 0], "a value cannot be"),
        ("null-value", "value", vec![0xf6], "a value cannot be"),
        ("bytes-value", "value", vec![0x41, 0x00], "a value cannot be"),
        ("tagged-value", "value", vec![0xc1, 0x01], "a value cannot be"),
        (
            "integer-beyond-64-bits",
            "value",
            vec![0x3b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            "malformed",
        ),
        ("key-twice", "value", vec![0xa2, 0x61, 0x61, 0x01, 0x61, 0x61, 0x01], "a key twice"),
        ("keys-out-of-order", "value", vec![0xa2, 0x61, 0x62, 0x01, 0x61, 0x61, 0x01], "canonical"),
        ("value-too-deep", "value", deep, "malformed"),
        ("announcement-too-long", "announcement", vec![0; 97], "97 bytes, at most 96"),
    ]
}
