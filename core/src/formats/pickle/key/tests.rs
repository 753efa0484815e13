use super::*;

#[test]
fn keys_are_pickled_as_diskcache_pickles_them() {
    // pickletools.optimize(pickle.dumps(key, protocol=5)) of CPython 3.13.
    for (plain, expected) in [
        (&b"\x80\x04\x88."[..], &b"\x80\x05\x88."[..]),
        (
            b"\x80\x03X\x01\x00\x00\x00aq\x00K\x01\x86q\x01.",
            b"\x80\x05\x95\x07\x00\x00\x00\x00\x00\x00\x00\x8c\x01aK\x01\x86.",
        ),
        // ('a', 'a'): CPython has one object of each such character.
        (
            b"\x80\x04\x8c\x01a\x94\x8c\x01a\x94\x86.",
            b"\x80\x05\x95\x08\0\0\0\0\0\0\0\x8c\x01a\x94h\x00\x86.",
        ),
    ] {
        assert_eq!(canonical(plain).as_deref(), Some(expected), "{plain:?}");
    }
    // 2 ** 70, -(2 ** 63) - 1, -(2 ** 71) and -(2 ** 64), as protocol 1 has them.
    let two = |n: &str| [b"L", n.as_bytes(), b"L\nN\x86."].concat();
    for (digits, long) in [
        (
            "1180591620717411303424",
            &b"\x8a\x09\0\0\0\0\0\0\0\0\x40"[..],
        ),
        (
            "-9223372036854775809",
            b"\x8a\x09\xff\xff\xff\xff\xff\xff\xff\x7f\xff",
        ),
        ("-2361183241434822606848", b"\x8a\x09\0\0\0\0\0\0\0\0\x80"),
        ("-18446744073709551616", b"\x8a\x09\0\0\0\0\0\0\0\0\xff"),
    ] {
        let expected = [b"\x80\x05\x95\x0e\0\0\0\0\0\0\0", long, b"N\x86."].concat();
        assert_eq!(canonical(&two(digits)), Some(expected), "{digits}");
    }
}
