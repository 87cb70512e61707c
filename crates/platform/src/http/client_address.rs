//! Whose address a request comes from, also behind proxies that the configuration trusts.
//!
//! Every proxy appends to `X-Forwarded-For` the address that it was called from, so only the right end of the list is
//! worth anything: it is read from there as long as the hop that wrote it is trusted. Not here: `Forwarded` (RFC 7239)
//! and the PROXY protocol, which common proxies need not speak.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv6Net};
use poem::http::HeaderMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Hops that are looked at; a longer list was not written by proxies of ours.
const HOPS_MAX: usize = 16;
/// One customer's part of an IPv6 address (RFC 6177): what is counted together.
const IPV6_PREFIX_BITS: u8 = 64;

/// A range of addresses: `10.0.0.0/8`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressRange(IpNet);

impl AddressRange {
    fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address)
    }
}

impl FromStr for AddressRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<IpNet>()
            .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
            .map(Self)
            .map_err(|_| format!("{text:?} is neither an address nor a range such as 10.0.0.0/8"))
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for AddressRange {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for AddressRange {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

/// The address of who asks: the peer's, or what trusted proxies say about it. A peer without an address, such as one
/// of a Unix socket, is `0.0.0.0`.
pub fn client_address(peer: Option<&SocketAddr>, headers: &HeaderMap, trusted: &[AddressRange]) -> IpAddr {
    let mut address = peer.map_or(IpAddr::from([0, 0, 0, 0]), |peer| peer.ip().to_canonical());
    if trusted.is_empty() {
        return address;
    }
    let is_trusted = |address: IpAddr| trusted.iter().any(|range| range.contains(address));
    let fields = headers.get_all("x-forwarded-for").iter().rev();
    let hops = fields.flat_map(|field| field.as_bytes().rsplit(|byte| *byte == b','));
    for hop in hops.take(HOPS_MAX) {
        if !is_trusted(address) {
            break;
        }
        match written(hop) {
            Some(earlier) => address = earlier,
            // What stands left of it was written by nobody we know.
            None => break,
        }
    }
    address
}

/// An entry of the list; some proxies add the port.
fn written(hop: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(hop).ok()?.trim();
    let bare = text
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(text);
    bare.parse()
        .or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()))
        .ok()
        .map(|address: IpAddr| address.to_canonical())
}

/// What is counted as one client: an IPv4 address, or the /64 that an IPv6 address is one of.
pub fn counted_as_one(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let net = Ipv6Net::new(v6, IPV6_PREFIX_BITS).map_or(Ipv6Addr::UNSPECIFIED, |net| net.network());
            IpAddr::V6(net)
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use poem::http::HeaderValue;

    use super::*;

    fn seen(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for field in forwarded {
            headers.append("x-forwarded-for", HeaderValue::from_str(field).unwrap());
        }
        let peer = peer.parse::<IpAddr>().unwrap();
        let trusted: Vec<AddressRange> = trusted.iter().map(|range| range.parse().unwrap()).collect();
        client_address(Some(&SocketAddr::new(peer, 4711)), &headers, &trusted).to_string()
    }

    #[test]
    fn nobody_is_trusted_unless_configured() {
        assert_eq!(seen("10.0.0.1", &["203.0.113.9"], &[]), "10.0.0.1");
        assert_eq!(
            seen("198.51.100.7", &["203.0.113.9"], &["10.0.0.0/8"]),
            "198.51.100.7"
        );
    }

    #[test]
    fn the_rightmost_hop_that_is_not_trusted_is_the_client() {
        let trusted = ["10.0.0.0/8", "192.0.2.1"];
        assert_eq!(seen("10.0.0.1", &["203.0.113.9"], &trusted), "203.0.113.9");
        assert_eq!(
            seen(
                "10.0.0.1",
                &["6.6.6.6, 203.0.113.9 , 192.0.2.1", "10.3.3.3"],
                &trusted
            ),
            "203.0.113.9",
            "what a client writes itself stands to the left"
        );
        assert_eq!(seen("10.0.0.1", &["10.2.2.2"], &trusted), "10.2.2.2");
        assert_eq!(seen("10.0.0.1", &[], &trusted), "10.0.0.1");
    }

    #[test]
    fn what_is_no_address_ends_the_search_at_the_last_hop_that_is_one() {
        for nonsense in ["unknown", "203.0.113.9, x", "", "1.2.3.4.5", "[::1"] {
            assert_eq!(
                seen("10.0.0.1", &[nonsense], &["10.0.0.1"]),
                "10.0.0.1",
                "{nonsense}"
            );
        }
    }

    #[test]
    fn ports_brackets_and_mapped_addresses_are_understood() {
        assert_eq!(seen("::ffff:10.0.0.1", &["1.2.3.4:99"], &["10.0.0.1"]), "1.2.3.4");
        assert_eq!(
            seen("10.0.0.1", &["[2001:db8::1]:99"], &["10.0.0.1"]),
            "2001:db8::1"
        );
        assert_eq!(seen("10.0.0.1", &["[2001:db8::1]"], &["10.0.0.1"]), "2001:db8::1");
    }

    #[test]
    fn a_list_without_end_is_cut() {
        let hops = vec!["10.0.0.2"; 1_000].join(",");
        assert_eq!(
            seen("10.0.0.1", &[&format!("6.6.6.6,{hops}")], &["10.0.0.0/8"]),
            "10.0.0.2"
        );
    }

    #[test]
    fn an_ipv6_customer_counts_as_one() {
        let one = |text: &str| counted_as_one(text.parse().unwrap()).to_string();
        assert_eq!(one("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(one("203.0.113.9"), "203.0.113.9");
    }
}
