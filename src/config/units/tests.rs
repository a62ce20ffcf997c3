use super::*;

#[test]
fn durations_as_users_write_them() {
    for (text, milliseconds) in
        [("500ms", 500), ("30s", 30_000), ("5m", 300_000), ("1h30m", 5_400_000), ("0s", 0), ("1h2m3s4ms", 3_723_004)]
    {
        assert_eq!(parse_duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
    }
}

#[test]
fn sizes_as_users_write_them() {
    for (text, bytes) in [
        ("100B", 100),
        ("64KiB", 65_536),
        ("1MiB", 1_048_576),
        ("1MB", 1_000_000),
        ("2KB", 2_000),
        ("3GB", 3_000_000_000),
        ("1GiB", 1_073_741_824),
        ("0B", 0),
    ] {
        assert_eq!(parse_size(text), Ok(bytes), "{text}");
    }
}

#[test]
fn mistakes_are_named() {
    let message = |text| parse_duration(text).expect_err(text).to_string();
    assert_eq!(message(""), "empty; write 500ms, 30s, 5m or 1h30m");
    assert_eq!(message("30"), "30 has no unit; write 30 followed by one of ms, s, m, h");
    assert_eq!(message("1h30"), "30 has no unit; write 30 followed by one of ms, s, m, h");
    assert_eq!(message("5 m"), "unknown unit \" m\"; known are ms, s, m, h");
    assert_eq!(message("1.5s"), "unknown unit \".\"; known are ms, s, m, h");
    assert_eq!(message("-5s"), "\"-5s\" does not start with a whole number; write 500ms, 30s, 5m or 1h30m");
    assert_eq!(message("1d"), "unknown unit \"d\"; known are ms, s, m, h");
    assert_eq!(
        message("30m1h"),
        "the units of \"30m1h\" do not go from large to small, each once; write them as 1h30m"
    );
    assert_eq!(message("1s1s"), "the units of \"1s1s\" do not go from large to small, each once; write them as 1h30m");
    assert_eq!(message("18446744073709551615h"), "\"18446744073709551615h\" is too large");
    assert_eq!(message("99999999999999999999s"), "\"99999999999999999999s\" is too large");

    let message = |text| parse_size(text).expect_err(text).to_string();
    assert_eq!(message("1024"), "1024 has no unit; write 1024 followed by one of B, KB, MB, GB, KiB, MiB, GiB");
    assert_eq!(message("1mib"), "unknown unit \"mib\"; known are B, KB, MB, GB, KiB, MiB, GiB");
    assert_eq!(message("1MiB2KiB"), "unknown unit \"MiB2KiB\"; known are B, KB, MB, GB, KiB, MiB, GiB");
    assert_eq!(message("1MiB "), "unknown unit \"MiB \"; known are B, KB, MB, GB, KiB, MiB, GiB");
    assert_eq!(message("18446744073709551615KB"), "\"18446744073709551615KB\" is too large");
}

#[test]
fn rates_as_users_write_them() {
    for (text, count, microseconds) in [
        ("1/s", 1, 1_000_000),
        ("10/s", 10, 100_000),
        ("600/m", 600, 100_000),
        ("1000/h", 1000, 3_600_000),
        ("1/h", 1, 3_600_000_000),
        ("1000000/s", 1_000_000, 1),
    ] {
        let rate = parse_rate(text).expect(text);
        assert_eq!((rate.count().get(), rate.interval()), (count, Duration::from_micros(microseconds)), "{text}");
    }
}

#[test]
fn mistakes_in_rates_are_named() {
    let message = |text| parse_rate(text).expect_err(text).to_string();
    assert_eq!(message(""), "empty; write 10/s, 600/m or 1000/h");
    for text in ["10", "10s", "10/", "5.5/s", "10 /s"] {
        let expected =
            format!("{text:?} is not a whole number, a slash and one of s, m, h; write 10/s, 600/m or 1000/h");
        assert_eq!(message(text), expected);
    }
    assert_eq!(message("/s"), "\"/s\" does not start with a whole number; write 10/s, 600/m or 1000/h");
    assert_eq!(message("-1/s"), "\"-1/s\" does not start with a whole number; write 10/s, 600/m or 1000/h");
    assert_eq!(message("10/d"), "unknown unit \"d\"; known are s, m, h");
    assert_eq!(message("10/sec"), "unknown unit \"sec\"; known are s, m, h");
    assert_eq!(message("10/s "), "unknown unit \"s \"; known are s, m, h");
    assert_eq!(message("0/s"), "\"0/s\" lets nothing through; the least is 1/h");
    assert_eq!(message("1000001/s"), "\"1000001/s\" is too large");
    assert_eq!(message("99999999999/h"), "\"99999999999/h\" is too large");
}

proptest::proptest! {
    #[test]
    fn never_panics(text in "\\PC*") {
        let _ = parse_duration(&text);
        let _ = parse_size(&text);
        let _ = parse_rate(&text);
    }

    #[test]
    fn rates_round_trip(count in 1_u32..=1_000_000, unit in 0_usize..3) {
        let (letter, seconds) = [("s", 1), ("m", 60), ("h", 3600)][unit];
        let rate = parse_rate(&format!("{count}/{letter}")).expect("a rate");
        proptest::prop_assert_eq!(rate.to_string(), format!("{count}/{letter}"));
        proptest::prop_assert_eq!(rate.interval(), Duration::from_secs(seconds) / count);
    }

    #[test]
    fn whole_durations_round_trip(hours in 0_u64..1000, minutes in 0_u64..60, rest in 0_u64..60_000) {
        let text = format!("{hours}h{minutes}m{}s{}ms", rest / 1000, rest % 1000);
        let expected = Duration::from_millis((hours * 60 + minutes) * 60_000 + rest);
        proptest::prop_assert_eq!(parse_duration(&text), Ok(expected));
    }
}

#[test]
fn a_shown_duration_is_one_that_can_be_written() {
    for text in ["0s", "1ms", "2s400ms", "25s", "1m1s", "2m30s", "1h30m", "24h"] {
        assert_eq!(show_duration(parse_duration(text).unwrap()), text);
    }
    assert_eq!(show_duration(Duration::from_micros(2_500)), "2ms");
}
