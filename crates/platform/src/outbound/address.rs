//! Which addresses requests may go to: global unicast only, judged after taking IPv4 out of every IPv6 form that
//! carries it (IANA's special-purpose registries, RFC 6890 and its updates).
//!
//! Not here: names and their resolution. The default for IPv6 is to refuse: only 2000::/3 is handed out as global
//! unicast, so a form that this file does not know does not pass.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

/// What kind of address it is; everything but `Public` is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AddressClass {
    Public,
    Unspecified,
    /// 0.0.0.0/8: "this network", which Linux takes for the machine itself.
    ThisNetwork,
    Loopback,
    /// RFC 1918.
    Private,
    LinkLocal,
    /// 100.64.0.0/10, carrier-grade NAT (RFC 6598).
    Shared,
    /// 192.0.0.0/24, 192.88.99.0/24, 2001::/23 (which holds Teredo and ORCHID): protocols' own.
    Protocol,
    Documentation,
    Benchmarking,
    Multicast,
    Broadcast,
    Reserved,
    /// fc00::/7.
    UniqueLocal,
    /// fec0::/10, deprecated but still routed in places.
    SiteLocal,
    /// ::/96 and 64:ff9b:1::/48: IPv4 behind a translation that is local by definition.
    LocalTranslation,
}

impl AddressClass {
    /// Stable, for records of attempts.
    pub fn code(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Unspecified => "refused_unspecified",
            Self::ThisNetwork => "refused_this_network",
            Self::Loopback => "refused_loopback",
            Self::Private => "refused_private",
            Self::LinkLocal => "refused_link_local",
            Self::Shared => "refused_shared",
            Self::Protocol => "refused_protocol",
            Self::Documentation => "refused_documentation",
            Self::Benchmarking => "refused_benchmarking",
            Self::Multicast => "refused_multicast",
            Self::Broadcast => "refused_broadcast",
            Self::Reserved => "refused_reserved",
            Self::UniqueLocal => "refused_unique_local",
            Self::SiteLocal => "refused_site_local",
            Self::LocalTranslation => "refused_local_translation",
        }
    }
}

const fn net4(a: u8, b: u8, c: u8, d: u8, length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

const fn net6(first: u16, second: u16, third: u16, length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(first, second, third, 0, 0, 0, 0, 0), length)
}

/// The first match counts.
const IPV4: [(Ipv4Net, AddressClass); 16] = [
    (net4(0, 0, 0, 0, 32), AddressClass::Unspecified),
    (net4(0, 0, 0, 0, 8), AddressClass::ThisNetwork),
    (net4(127, 0, 0, 0, 8), AddressClass::Loopback),
    (net4(10, 0, 0, 0, 8), AddressClass::Private),
    (net4(172, 16, 0, 0, 12), AddressClass::Private),
    (net4(192, 168, 0, 0, 16), AddressClass::Private),
    (net4(169, 254, 0, 0, 16), AddressClass::LinkLocal),
    (net4(100, 64, 0, 0, 10), AddressClass::Shared),
    (net4(192, 0, 0, 0, 24), AddressClass::Protocol),
    (net4(192, 88, 99, 0, 24), AddressClass::Protocol),
    (net4(192, 0, 2, 0, 24), AddressClass::Documentation),
    (net4(198, 51, 100, 0, 24), AddressClass::Documentation),
    (net4(203, 0, 113, 0, 24), AddressClass::Documentation),
    (net4(198, 18, 0, 0, 15), AddressClass::Benchmarking),
    (net4(224, 0, 0, 0, 4), AddressClass::Multicast),
    (net4(255, 255, 255, 255, 32), AddressClass::Broadcast),
];

const RESERVED_IPV4: Ipv4Net = net4(240, 0, 0, 0, 4);

/// The first match counts; what carries IPv4 has been taken out before.
const IPV6: [(Ipv6Net, AddressClass); 10] = [
    (net6(0, 0, 0, 96), AddressClass::LocalTranslation),
    (net6(0x64, 0xff9b, 1, 48), AddressClass::LocalTranslation),
    (net6(0xfc00, 0, 0, 7), AddressClass::UniqueLocal),
    (net6(0xfe80, 0, 0, 10), AddressClass::LinkLocal),
    (net6(0xfec0, 0, 0, 10), AddressClass::SiteLocal),
    (net6(0xff00, 0, 0, 8), AddressClass::Multicast),
    (net6(0x2001, 0, 0, 23), AddressClass::Protocol),
    (net6(0x2001, 0xdb8, 0, 32), AddressClass::Documentation),
    (net6(0x3fff, 0, 0, 20), AddressClass::Documentation),
    // 100::/64 (discard), 5f00::/16 (segment routing) and all that is not handed out: see `GLOBAL_IPV6`.
    (net6(0x100, 0, 0, 64), AddressClass::Reserved),
];

/// The only block that global unicast addresses come from.
const GLOBAL_IPV6: Ipv6Net = net6(0x2000, 0, 0, 3);
/// The translation whose IPv4 part is a real destination (RFC 6052).
const NAT64: Ipv6Net = net6(0x64, 0xff9b, 0, 96);
const SIX_TO_FOUR: Ipv6Net = net6(0x2002, 0, 0, 16);

/// Says what an address is, as a router would treat it.
pub fn classify(address: IpAddr) -> AddressClass {
    match address {
        IpAddr::V4(address) => classify_v4(address),
        IpAddr::V6(address) => classify_v6(address),
    }
}

fn classify_v4(address: Ipv4Addr) -> AddressClass {
    let listed = IPV4
        .iter()
        .find(|(net, _)| net.contains(&address))
        .map(|(_, class)| *class);
    listed.unwrap_or(if RESERVED_IPV4.contains(&address) {
        AddressClass::Reserved
    } else {
        AddressClass::Public
    })
}

fn classify_v6(address: Ipv6Addr) -> AddressClass {
    if address.is_unspecified() {
        return AddressClass::Unspecified;
    }
    if address.is_loopback() {
        return AddressClass::Loopback;
    }
    // A mapped address is dialled as IPv4, and NAT64 reaches the IPv4 address: nothing else about them matters.
    if let Some(inner) = address.to_ipv4_mapped() {
        return classify_v4(inner);
    }
    if NAT64.contains(&address) {
        return classify_v4(last_32_bits(address));
    }
    if let Some((_, class)) = IPV6.iter().find(|(net, _)| net.contains(&address)) {
        return *class;
    }
    if !GLOBAL_IPV6.contains(&address) {
        return AddressClass::Reserved;
    }
    let [_, high, low, _, _, marker, ..] = address.segments();
    let interface = address.segments()[4];
    if SIX_TO_FOUR.contains(&address) {
        let outer = classify_v4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
        if outer != AddressClass::Public {
            return outer;
        }
    }
    // ISATAP (RFC 5214): any prefix, then 0000:5efe or 0200:5efe, then the IPv4 address behind the tunnel.
    if marker == 0x5efe && matches!(interface, 0 | 0x200) {
        return classify_v4(last_32_bits(address));
    }
    AddressClass::Public
}

fn last_32_bits(address: Ipv6Addr) -> Ipv4Addr {
    let [.., a, b, c, d] = address.octets();
    Ipv4Addr::new(a, b, c, d)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_classified_as_a_router_treats_them() {
        use AddressClass as C;
        let vectors: &[(&str, AddressClass)] = &[
            // Public, both ends of neighbours of refused blocks included.
            ("1.1.1.1", C::Public),
            ("8.8.8.8", C::Public),
            ("9.255.255.255", C::Public),
            ("11.0.0.0", C::Public),
            ("100.63.255.255", C::Public),
            ("100.128.0.0", C::Public),
            ("126.255.255.255", C::Public),
            ("128.0.0.1", C::Public),
            ("169.253.255.255", C::Public),
            ("172.15.255.255", C::Public),
            ("172.32.0.0", C::Public),
            ("192.0.1.0", C::Public),
            ("192.167.255.255", C::Public),
            ("192.169.0.0", C::Public),
            ("198.17.255.255", C::Public),
            ("198.20.0.0", C::Public),
            ("223.255.255.255", C::Public),
            ("2606:4700:4700::1111", C::Public),
            ("2a00:1450:4001::200e", C::Public),
            ("2001:200::1", C::Public),
            ("2001:4860:4860::8888", C::Public),
            ("3fff:1000::1", C::Public),
            // IPv4 that is not.
            ("0.0.0.0", C::Unspecified),
            ("0.1.2.3", C::ThisNetwork),
            ("127.0.0.1", C::Loopback),
            ("127.255.255.254", C::Loopback),
            ("10.0.0.1", C::Private),
            ("172.16.0.1", C::Private),
            ("172.31.255.255", C::Private),
            ("192.168.1.1", C::Private),
            ("169.254.169.254", C::LinkLocal),
            ("100.64.0.1", C::Shared),
            ("100.127.255.255", C::Shared),
            ("192.0.0.1", C::Protocol),
            ("192.0.0.170", C::Protocol),
            ("192.88.99.1", C::Protocol),
            ("192.0.2.1", C::Documentation),
            ("198.51.100.1", C::Documentation),
            ("203.0.113.1", C::Documentation),
            ("198.18.0.1", C::Benchmarking),
            ("198.19.255.255", C::Benchmarking),
            ("224.0.0.1", C::Multicast),
            ("239.255.255.255", C::Multicast),
            ("240.0.0.1", C::Reserved),
            ("255.255.255.254", C::Reserved),
            ("255.255.255.255", C::Broadcast),
            // IPv6 that is not.
            ("::", C::Unspecified),
            ("::1", C::Loopback),
            ("fc00::1", C::UniqueLocal),
            ("fd12:3456::1", C::UniqueLocal),
            ("fe80::1", C::LinkLocal),
            ("febf::1", C::LinkLocal),
            ("fec0::1", C::SiteLocal),
            ("ff02::1", C::Multicast),
            ("2001:db8::1", C::Documentation),
            ("3fff:fff::1", C::Documentation),
            ("2001:2::1", C::Protocol),
            ("2001:10::1", C::Protocol),
            ("2001:20::1", C::Protocol),
            ("2001:1ff::1", C::Protocol),
            ("100::1", C::Reserved),
            ("100:0:0:1::1", C::Reserved),
            ("5f00::1", C::Reserved),
            ("4000::1", C::Reserved),
            ("1fff::1", C::Reserved),
            // IPv4 inside IPv6.
            ("::ffff:127.0.0.1", C::Loopback),
            ("::ffff:10.0.0.1", C::Private),
            ("::ffff:a9fe:a9fe", C::LinkLocal),
            ("::ffff:0.0.0.0", C::Unspecified),
            ("::ffff:8.8.8.8", C::Public),
            ("::127.0.0.1", C::LocalTranslation),
            ("::8.8.8.8", C::LocalTranslation),
            ("::ffff:0:127.0.0.1", C::Reserved),
            ("64:ff9b::127.0.0.1", C::Loopback),
            ("64:ff9b::10.1.2.3", C::Private),
            ("64:ff9b::a9fe:a9fe", C::LinkLocal),
            ("64:ff9b::8.8.8.8", C::Public),
            ("64:ff9b:1::8.8.8.8", C::LocalTranslation),
            ("64:ff9b:1::10.0.0.1", C::LocalTranslation),
            ("64:ff9b:2::8.8.8.8", C::Reserved),
            ("2002:7f00:1::", C::Loopback),
            ("2002:a00:1::1", C::Private),
            ("2002:c0a8:101::1", C::Private),
            ("2002:a9fe:a9fe::1", C::LinkLocal),
            ("2002:808:808::1", C::Public),
            ("2002:808:808::5efe:10.0.0.1", C::Private),
            ("2001:0:808:808:0:0:f5ff:fffe", C::Protocol),
            ("2001::1", C::Protocol),
            ("2606:4700::5efe:10.0.0.1", C::Private),
            ("2606:4700::200:5efe:127.0.0.1", C::Loopback),
            ("2606:4700::5efe:8.8.8.8", C::Public),
            ("fe80::5efe:8.8.8.8", C::LinkLocal),
        ];
        for (text, class) in vectors {
            assert_eq!(classify(text.parse().unwrap()), *class, "{text}");
        }
    }
}
