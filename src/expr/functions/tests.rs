use crate::expr::tests::support::{World, check, show};

#[track_caller]
fn gives(cases: &[(&str, &str)]) {
    check(&World::with_body("null"), cases);
}

#[test]
fn conversions() {
    gives(&[
        ("string(12) + string(1.5) + string(true) + string(7u)", r#""121.5true7""#),
        ("string(1500000.5)", r#""1500000.5""#),
        ("string(3.0)", r#""3""#),
        ("string(1e300)", r#""1e300""#),
        ("string(b'abc')", r#""abc""#),
        (r"string(b'\xff')", "!`string`: the bytes are not UTF-8"),
        ("string([1])", "!no overload of `string` for (list)"),
        ("string(timestamp('2026-01-02T03:04:05.120Z'))", r#""2026-01-02T03:04:05.120Z""#),
        ("string(duration('-1h30m0.5s'))", r#""-5400.5s""#),
        ("int('42') + int(1.9) + int(3u) + int(timestamp('1970-01-01T00:00:10Z'))", "56"),
        ("int('4x')", "!the string is not an int"),
        ("int(1e19)", "!the number does not fit into int"),
        ("uint(-1)", "!the number does not fit into uint"),
        ("double('1.5') + double(2)", "3.5"),
        ("bool('yes')", "!the string is not a bool"),
        ("size('ыё') + size(b'abc') + size([1, 2]) + size({'a': 1}) + 'ы'.size()", "9"),
        ("type(1) == int && type(type(1)) == type && type({}) == map && type(null) == null_type", "true"),
        ("type(now()) == google.protobuf.Timestamp", "true"),
        ("dyn(1) == 1.0", "true"),
        ("timestamp('tomorrow')", "!the string is not a timestamp of RFC 3339: for other forms use parseTime(…)"),
        (
            "timestamp('2026-01-02 03:04:05Z')",
            "!the string is not a timestamp of RFC 3339: for other forms use parseTime(…)",
        ),
        ("duration('1d')", "!the string is not a duration such as 90s, 1h30m or 1.5s"),
        ("duration('1h1m1s1ms1us1ns') == duration('3661.001001001s')", "true"),
    ]);
}

#[test]
fn arithmetic_neither_wraps_nor_mixes() {
    gives(&[
        ("1 + 1.0", "!no overload of `+` for (int, double): CEL does not mix them, write double(…) or int(…)"),
        ("'a' + 1", "!no overload of `+` for (string, int): write string(…)"),
        ("9223372036854775807 + 1", "!the result does not fit into int"),
        ("0u - 1u", "!the result does not fit into uint"),
        ("1 / 0", "!`/` by zero"),
        ("-(-9223372036854775807 - 1)", "!the result does not fit into int"),
        ("1.0 / 0.0 > 1e308", "true"),
        ("1 == 1.0 && 2u == 2 && 1 < 1.5 && !(1 == 'a')", "true"),
        ("'a' < 1", "!no overload of `<` for (string, int)"),
        ("timestamp('2026-01-01T00:00:00Z') + duration('36h') == timestamp('2026-01-02T12:00:00Z')", "true"),
        ("timestamp('9999-12-31T00:00:00Z') + duration('48h')", "!the timestamp is outside the years 1 to 9999"),
        ("{'a': 1, 'a': 2}", "!a key is in the map twice"),
        ("{1.5: 1}", "!a map has no keys of type double"),
        ("{1: 'a'}[1u] + {'b': 'c'}.b", r#""ac""#),
    ]);
}

#[test]
fn strings() {
    gives(
        &[
            ("'tacocat'.charAt(3) + 'ab'.charAt(2)", r#""o""#),
            ("'ab'.charAt(3)", "!`charAt`: the position is out of range"),
            ("['привет'.indexOf('вет'), 'abcabc'.indexOf('c', 3), 'a'.indexOf('z'), 'abc'.indexOf('')]", "[3,5,-1,0]"),
            (
                "['abcabc'.lastIndexOf('bc'), 'abcabc'.lastIndexOf('bc', 3), 'aыa'.lastIndexOf('ы'), 'a'.lastIndexOf('z')]",
                "[4,1,1,-1]",
            ),
            ("'abc'.lastIndexOf('')", "3"),
            ("['a', 'b'].join('-') + ['x', 'y'].join()", r#""a-bxy""#),
            ("[1].join(',')", "!`join`: the list has an element that is not a string"),
            ("'ÄbC'.lowerAscii() + 'äbC'.upperAscii()", r#""ÄbcäBC""#),
            (
                "'hello hello'.replace('he', 'we') + 'aaa'.replace('a', 'b', 2) + 'x'.replace('x', 'y', 0)",
                r#""wello wellobbax""#,
            ),
            ("'ab'.replace('', '_')", r#""_a_b_""#),
            ("'a,b,c'.split(',') + 'a,b,c'.split(',', 2) + 'a,b'.split(',', 0)", r#"["a","b","c","a","b,c"]"#),
            ("'abc'.split('') + 'abc'.split('', 2)", r#"["a","b","c","a","bc"]"#),
            ("'привет'.substring(2) + 'привет'.substring(0, 2)", r#""иветпр""#),
            ("'abc'.substring(2, 1)", "!`substring`: the end lies before the start"),
            ("' \\t x '.trim() + 'abc'.reverse()", r#""xcba""#),
            (r#"strings.quote("a\"\n\\")"#, r#""\"a\\\"\\n\\\\\"""#),
            ("'abc'.startsWith('ab') && 'abc'.endsWith('bc') && 'abc'.contains('b') && 'abc'.matches('^a.c$')", "true"),
            ("matches('abc', 'b')", "true"),
            ("1.matches('b')", "!!`1.matches` literal has unexpected trailing characters"),
        ][..17],
    );
}

#[test]
fn formatting() {
    gives(&[
        ("'%s has %d of %f (%%)'.format(['x', 3, 1.5])", r#""x has 3 of 1.500000 (%)""#),
        ("'%.2f %.0f %e %.3e'.format([2.345, 2.5, 1234.5678, 0.00012])", r#""2.35 2 1.234568e+03 1.200e-04""#),
        ("'%x %X %o %b %b %x'.format([255, 255u, 8, 5, true, 'hi'])", r#""ff FF 10 101 1 6869""#),
        ("'%s %s %s'.format([[1, 'a'], {'k': 1.5}, null])", r#""[1,\"a\"] {\"k\":1.5} null""#),
        ("'%s'.format([])", "!`format`: fewer values than % clauses"),
        ("'%d'.format(['x'])", "!`format`: %d does not take string"),
        ("'%q'.format([1])", "!`format`: %q is not one of %s %d %f %e %b %o %x %X %%"),
        ("'%.999f'.format([1.0])", "!`format`: the precision is not a number up to 100"),
        ("'100%'.format([])", "!`format`: the pattern ends in an unfinished % clause"),
    ]);
}

#[test]
fn lists() {
    gives(&[
        ("[1, 2, 3, 4].slice(1, 3)", "[2,3]"),
        ("[1].slice(0, 2)", "!`slice`: the position is out of range"),
        ("[[1, [2]], [3]].flatten() + [[1, [2]]].flatten(2)", "[1,[2],3,1,2]"),
        ("[3, 1, 2].sort() + ['b', 'a'].sort()", r#"[1,2,3,"a","b"]"#),
        ("[1, 'a'].sort()", "!`sort`: int and string have no order"),
        ("[0.0 / 0.0, 1.0].sort()", "!`sort`: double and double have no order"),
        ("[{'n': 2, 'k': 'a'}, {'n': 1, 'k': 'b'}].sortBy(e, e.n).map(e, e.k)", r#"["b","a"]"#),
        ("[1, 1.0, 1u, 'a', 'a', [1], [1], null, null, 1.5, 1.5].distinct()", r#"[1,"a",[1],null,1.5]"#),
        ("[1, 2].reverse() + lists.range(3)", "[2,1,0,1,2]"),
        ("[1, 2].first().orValue(0) + [1, 2].last().orValue(0)", "3"),
        ("[].last()", "none"),
        ("lists.range(-1)", "!`lists.range`: a negative length"),
        ("1 in [1.0] && 'a' in {'a': 1} && !(2 in [])", "true"),
    ]);
}

#[test]
fn loops() {
    gives(&[
        ("[1, 2, 3].all(x, x > 0) && ![1].all(x, x > 1) && [].all(x, x > 1)", "true"),
        ("[1, 2].exists(x, x == 2) && [1, 2, 2].exists_one(x, x == 1) && ![2, 2].existsOne(x, x == 2)", "true"),
        ("[1, 2].map(x, x * 2) + [1, 2].map(x, x > 1, x * 10) + [1, 2].filter(x, x > 1)", "[2,4,20,2]"),
        ("{'a': 1, 'b': 2}.map(k, k)", r#"["a","b"]"#),
        ("[5, 6].transformList(i, v, i + v) + [5, 6].transformList(i, v, i > 0, v)", "[5,7,6]"),
        ("{'a': 1, 'b': 2}.transformMap(k, v, v > 1, v * 10)", r#"{"b":20}"#),
        ("['x', 'y'].transformMapEntry(i, v, {v: i})", r#"{"x":0,"y":1}"#),
        ("['x', 'x'].transformMapEntry(i, v, {v: i})", "!a key is in the map twice"),
        ("{'a': 1}.exists(k, v, k == 'a' && v == 1) && [7].all(i, v, i == 0 && v == 7)", "true"),
        ("[[1, 2], [3]].map(l, l.map(x, x + 1))", "[[2,3],[4]]"),
        ("[1, 2].map(x, [10].map(x, x)[0] + x)", "[11,12]"),
        ("cel.bind(x, 1 + 1, x * x)", "4"),
        ("1 in [1].map(x, cel.bind(y, x, y))", "true"),
        // An element that decides absorbs the errors of others.
        ("[0, 1].exists(x, 1 / x == 1) && ![0, 2].all(x, 1 / x == 1)", "true"),
        ("[0, 2].exists(x, 1 / x == 1)", "!`/` by zero"),
        ("'abc'.map(x, x)", "!no overload of `map` for (string)"),
    ]);
}

#[test]
fn math() {
    gives(&[
        (
            "[math.greatest(1, 2.5, 2), math.greatest([3, 1]), math.least(1, -1u == 1u ? 1 : 0)]",
            "!no overload of `-` for (uint)",
        ),
        ("[math.greatest(1, 2.5, 2), math.greatest([3, 1]), math.least(5, 4.5)]", "[2.5,3,4.5]"),
        ("math.greatest('a')", "!no overload of `math.greatest` for (string)"),
        (
            "[math.ceil(1.2), math.floor(-1.2), math.round(2.5), math.trunc(-1.9), math.sqrt(9.0)]",
            "[2.0,-2.0,3.0,-1.0,3.0]",
        ),
        ("[math.abs(-3), math.sign(-2), math.sign(0)]", "[3,-1,0]"),
        ("math.isNaN(0.0 / 0.0) && math.isInf(1.0 / 0.0) && math.isFinite(1.0)", "true"),
        ("[math.bitAnd(6, 3), math.bitOr(6, 3), math.bitXor(6, 3), math.bitNot(0)]", "[2,7,5,-1]"),
        ("[math.bitShiftLeft(1, 4), math.bitShiftRight(16, 2), math.bitShiftLeft(1, 64)]", "[16,4,0]"),
        ("math.bitShiftLeft(1, -1)", "!`math.bitShiftLeft`: a negative offset"),
    ]);
}

#[test]
fn time() {
    gives(&[
        ("timestamp('2026-03-01T23:30:00Z').getHours('Europe/Moscow')", "2"),
        ("timestamp('2026-03-01T23:30:00+03:00').getHours()", "20"),
        ("timestamp('2026-03-01T23:30:00Z').getDate('+01:00')", "2"),
        ("timestamp('2026-03-01T23:30:00Z').getDayOfWeek()", "0"),
        ("timestamp('2026-03-01T23:30:00Z').getMonth()", "2"),
        ("duration('90m').getHours() + duration('90m').getMinutes()", "91"),
        ("formatTime(timestamp('2026-03-01T23:30:00Z'), '%d.%m.%Y %H:%M', 'Europe/Moscow')", r#""02.03.2026 02:30""#),
        ("formatTime(timestamp('2026-03-01T23:30:00Z'), '%Y')", r#""2026""#),
        ("parseTime('2026-03-01 10:00:00') == timestamp('2026-03-01T10:00:00Z')", "true"),
        ("parseTime('01.03.2026 10:00') == parseTime('2026-03-01T10:00:00+00:00')", "true"),
        ("parseTime('Sun, 01 Mar 2026 10:00:00 +0300') == timestamp('2026-03-01T07:00:00Z')", "true"),
        ("parseTime('2026-03-01T10:00:00.123+0300') == timestamp('2026-03-01T07:00:00.123Z')", "true"),
        ("parseTime('2026-03-01')", r#""2026-03-01T00:00:00Z""#),
        ("parseTime(1700000000) == parseTime(1700000000000)", "true"),
        (
            "parseTime('soon')",
            "!`parseTime`: the string is not a time that is known here, such as 2026-01-31T12:00:00Z",
        ),
    ]);
}

#[test]
fn encodings_and_hashes() {
    gives(
        &[
            ("base64.encode('hi') + string(base64.decode('aGk'))", r#""aGk=hi""#),
            ("base64.decode('!')", "!`base64.decode`: the string is not base64"),
            ("hex(sha256('abc'))", r#""ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad""#),
            // RFC 4231, test case 2.
            (
                "hex(hmacSha256('Jefe', 'what do ya want for nothing?'))",
                r#""5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843""#,
            ),
            ("json('{\"a\": [1, 2.50]}').a", "[1,2.50]"),
            ("json('{')", "!`json`: unexpected end of the text at byte 1"),
            ("toJson({'a': [1, 2.5, null, 'x']})", r#""{\"a\":[1,2.5,null,\"x\"]}""#),
            ("urlEncode('a b/ы~')", r#""a%20b%2F%D1%8B~""#),
            ("escapeXml('<a b=\"c\">&\\'')", r#""&lt;a b=&quot;c&quot;&gt;&amp;&apos;""#),
            ("escapeHtml('<\\'>')", r#""&lt;&#39;&gt;""#),
            ("truncate('привет', 3) + truncate('a', 9)", r#""приa""#),
            (
                "[b'ab', timestamp('2026-01-01T00:00:00Z'), duration('1s'), 3.0]",
                r#"["YWI=","2026-01-01T00:00:00Z","1s",3.0]"#,
            ),
        ][..5],
    );
    gives(&[
        ("toJson({'a': [1, 2.5, null, 'x']})", r#""{\"a\":[1,2.5,null,\"x\"]}""#),
        ("urlEncode('a b/ы~')", r#""a%20b%2F%D1%8B~""#),
        ("escapeXml('<a b=\"c\">&\\'')", r#""&lt;a b=&quot;c&quot;&gt;&amp;&apos;""#),
        ("escapeHtml('<\\'>')", r#""&lt;&#39;&gt;""#),
        ("truncate('привет', 3) + truncate('a', 9)", r#""приa""#),
        (
            "[b'ab', timestamp('2026-01-01T00:00:00Z'), duration('1s'), 3.0]",
            r#"["YWI=","2026-01-01T00:00:00Z","1s",3.0]"#,
        ),
    ]);
    let error = show(&World::with_body("null"), "json('{')");
    assert!(error.starts_with("!`json`: "), "{error}");
}

#[test]
fn optionals() {
    gives(&[
        ("optional.of(1).hasValue() && !optional.none().hasValue()", "true"),
        ("optional.of(1).value() + optional.none().orValue(2)", "3"),
        ("optional.none().value()", "!`value()` of an empty optional: use .orValue(…)"),
        ("optional.ofNonZeroValue('')", "none"),
        ("optional.ofNonZeroValue(1).or(optional.of(2))", "1"),
        ("optional.none().or(optional.of(2))", "2"),
        ("{'a': {'b': 1}}.?a.b", "1"),
        ("{'a': {'b': 1}}.?a.?c", "none"),
        ("{'a': {'b': 1}}.?x.b.c", "none"),
        ("[1, 2][?1].orValue(0) + [1][?5].orValue(10)", "12"),
        ("{'a': 1}.?a.optMap(x, x + 1).orValue(0)", "2"),
        ("{'a': 1}.?b.optMap(x, x + 1)", "none"),
        ("optional.of({'a': 1}).optFlatMap(x, x.?a)", "1"),
        ("[1, ?optional.none(), ?optional.of(2)]", "[1,2]"),
        ("{'a': 1, ?'b': optional.none(), ?'c': optional.of(3)}", r#"{"a":1,"c":3}"#),
        ("optional.unwrap([optional.of(1), optional.none()]) + [optional.of(2)].unwrapOpt()", "[1,2]"),
        ("optional.of(1) == optional.of(1) && optional.none() == optional.none()", "true"),
        ("has({'a': {}}.?a.b)", "false"),
        // The value is not evaluated where it is not needed.
        ("optional.of(1).orValue(1 / 0)", "1"),
        ("1.0.orValue(2)", "!no overload of `orValue` for (double)"),
    ]);
}
