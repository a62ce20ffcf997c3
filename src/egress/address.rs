//! What an address is for, and which other addresses it stands for. Facts of the registries, no policy.

use ipnet::{Ipv4Net, Ipv6Net};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Who may be behind an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Anybody: global unicast.
    Public,
    /// This machine, its networks, or nobody: whatever the special-purpose registries of IANA name (RFC 6890).
    Special,
    /// Link-local, and where clouds hand out credentials to whoever asks from inside.
    Metadata,
}

pub(super) fn kind(address: IpAddr) -> Kind {
    match address {
        IpAddr::V4(address) => kind_v4(address),
        IpAddr::V6(address) => kind_v6(address),
    }
}

/// The address itself, and every IPv4 address that it carries: a gateway or the kernel takes a packet there.
pub(super) fn faces(address: IpAddr) -> impl Iterator<Item = IpAddr> {
    let address = address.to_canonical();
    let carried = match address {
        IpAddr::V4(_) => None,
        IpAddr::V6(address) => carried(address),
    };
    [Some(address), carried.map(IpAddr::V4)].into_iter().flatten()
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(segments: [u16; 8], prefix: u8) -> Ipv6Net {
    let [a, b, c, d, e, f, g, h] = segments;
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), prefix)
}

/// RFC 3927, and the metadata services outside of it: Alibaba, Azure, Oracle.
const METADATA_V4: [Ipv4Net; 4] =
    [v4(169, 254, 0, 0, 16), v4(100, 100, 100, 200, 32), v4(168, 63, 129, 16, 32), v4(192, 0, 0, 192, 32)];

/// Link-local (RFC 4291), and the metadata services of AWS, Google and Scaleway over IPv6.
const METADATA_V6: [Ipv6Net; 4] = [
    v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10),
    v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0], 32),
    v6([0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254], 128),
    v6([0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42], 128),
];

/// IANA's IPv4 special-purpose registry, multicast and the reserved rest.
const SPECIAL_V4: [Ipv4Net; 18] = [
    v4(0, 0, 0, 0, 8),
    v4(10, 0, 0, 0, 8),
    v4(100, 64, 0, 0, 10),
    v4(127, 0, 0, 0, 8),
    v4(172, 16, 0, 0, 12),
    v4(192, 0, 0, 0, 24),
    v4(192, 0, 2, 0, 24),
    v4(192, 31, 196, 0, 24),
    v4(192, 52, 193, 0, 24),
    v4(192, 88, 99, 0, 24),
    v4(192, 168, 0, 0, 16),
    v4(192, 175, 48, 0, 24),
    v4(198, 18, 0, 0, 15),
    v4(198, 51, 100, 0, 24),
    v4(203, 0, 113, 0, 24),
    v4(224, 0, 0, 0, 4),
    v4(240, 0, 0, 0, 4),
    v4(255, 255, 255, 255, 32),
];

/// What IANA has given out as global unicast.
const GLOBAL_V6: Ipv6Net = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);
/// Within it: protocol assignments (Teredo among them), documentation, 6to4, AS112.
const SPECIAL_V6: [Ipv6Net; 5] = [
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23),
    v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32),
    v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16),
    v6([0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0], 48),
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20),
];
/// RFC 6052: every public IPv4 address on a network without IPv4. What it carries decides.
const NAT64: Ipv6Net = v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96);
/// RFC 8215: the same, of a network's own choice.
const NAT64_LOCAL: Ipv6Net = v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48);

fn kind_v4(address: Ipv4Addr) -> Kind {
    let within = |networks: &[Ipv4Net]| networks.iter().any(|network| network.contains(&address));
    match () {
        () if within(&METADATA_V4) => Kind::Metadata,
        () if within(&SPECIAL_V4) => Kind::Special,
        () => Kind::Public,
    }
}

fn kind_v6(address: Ipv6Addr) -> Kind {
    let within = |networks: &[Ipv6Net]| networks.iter().any(|network| network.contains(&address));
    match () {
        () if within(&METADATA_V6) => Kind::Metadata,
        () if NAT64.contains(&address) => Kind::Public,
        () if !GLOBAL_V6.contains(&address) || within(&SPECIAL_V6) => Kind::Special,
        () => Kind::Public,
    }
}

/// The IPv4 address inside: mapped and compatible (RFC 4291), translated (RFC 2765), NAT64, 6to4 (RFC 3056), Teredo
/// (RFC 4380) and ISATAP (RFC 5214).
fn carried(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let joined = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match (a, b, c, d, e, f) {
        // `::` and `::1` carry nothing.
        _ if address.is_unspecified() || address.is_loopback() => None,
        (0, 0, 0, 0, 0, 0 | 0xffff) | (0, 0, 0, 0, 0xffff, 0) => Some(joined(g, h)),
        _ if NAT64.contains(&address) || NAT64_LOCAL.contains(&address) => Some(joined(g, h)),
        (0x2002, high, low, ..) => Some(joined(high, low)),
        (0x2001, 0, ..) => Some(joined(!g, !h)),
        (.., 0 | 0x200, 0x5efe) => Some(joined(g, h)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(address: &str) -> Vec<String> {
        faces(address.parse().unwrap()).map(|face| face.to_string()).collect()
    }

    #[test]
    fn an_address_inside_an_address_is_found() {
        assert_eq!(all("127.0.0.1"), ["127.0.0.1"]);
        assert_eq!(all("::ffff:127.0.0.1"), ["127.0.0.1"]);
        assert_eq!(all("::127.0.0.1"), ["::7f00:1", "127.0.0.1"]);
        assert_eq!(all("::ffff:0:127.0.0.1"), ["::ffff:0:7f00:1", "127.0.0.1"]);
        assert_eq!(all("64:ff9b::7f00:1"), ["64:ff9b::7f00:1", "127.0.0.1"]);
        assert_eq!(all("64:ff9b:1::7f00:1"), ["64:ff9b:1::7f00:1", "127.0.0.1"]);
        assert_eq!(all("2002:7f00:1::1"), ["2002:7f00:1::1", "127.0.0.1"]);
        // The example of RFC 4380, section 4, has 192.0.2.45 behind it.
        assert_eq!(all("2001:0:4136:e378:8000:63bf:3fff:fdd2"), ["2001:0:4136:e378:8000:63bf:3fff:fdd2", "192.0.2.45"]);
        assert_eq!(all("2a00:1450::5efe:7f00:1"), ["2a00:1450::5efe:7f00:1", "127.0.0.1"]);
        assert_eq!(all("2a00:1450::200:5efe:7f00:1"), ["2a00:1450::200:5efe:7f00:1", "127.0.0.1"]);
        assert_eq!(all("2a00:1450::1"), ["2a00:1450::1"]);
    }

    #[test]
    fn metadata_is_known_in_every_cloud() {
        for address in [
            "169.254.169.254",
            "169.254.170.2",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "fe80::a9fe:a9fe",
            "fd00:ec2::254",
            "fd00:ec2::23",
            "fd20:ce::254",
            "fd00:42::42",
        ] {
            assert_eq!(kind(address.parse().unwrap()), Kind::Metadata, "{address}");
        }
        for address in ["100.100.100.201", "168.63.129.17", "fd00:ec3::254", "10.0.0.1", "::1"] {
            assert_ne!(kind(address.parse().unwrap()), Kind::Metadata, "{address}");
        }
    }
}
