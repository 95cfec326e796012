//! Room for connections (S27).

use std::{net::IpAddr, sync::Arc};

use super::super::{connections::Room, forwarded::Proxies};

fn room(most: usize, trusted: &[&str], behind_one: bool) -> Arc<Room> {
    let trusted: Vec<_> = trusted.iter().map(|it| (*it).to_owned()).collect();
    Room::new(most, Arc::new(Proxies::new(&trusted, behind_one, false).unwrap()))
}

fn at(address: &str) -> IpAddr {
    address.parse().unwrap()
}

#[test]
fn s27_one_address_has_a_share_of_the_connections() {
    let room = room(16, &["10.0.0.0/8"], false);
    let mut held: Vec<_> = (0..4).map(|_| room.take(at("203.0.113.1")).expect("its share")).collect();
    assert!(room.take(at("203.0.113.1")).is_none() && room.take(at("::ffff:203.0.113.1")).is_none());
    held.extend((1..=4).map(|host| room.take(at(&format!("2001:db8::{host}"))).expect("another one has its own")));
    assert!(room.take(at("2001:db8::5")).is_none(), "an IPv6 network is one place");
    held.extend((0..6).map(|_| room.take(at("10.1.1.1")).expect("behind a trusted proxy are many")));
    held.extend((0..2).map(|_| room.take(at("127.0.0.1")).expect("on this machine, too")));
    assert!(room.take(at("198.51.100.1")).is_none() && room.take(at("10.1.1.1")).is_none(), "of all together");
    held.remove(0);
    assert!(room.take(at("203.0.113.1")).is_some());
    drop(held);
    assert!(room.is_empty());
}

#[test]
fn a_proxy_that_nobody_named_has_all_connections() {
    let behind_one = room(8, &[], true);
    let held: Vec<_> = (0..8).map(|_| behind_one.take(at("203.0.113.1")).expect("room")).collect();
    assert!(behind_one.take(at("203.0.113.1")).is_none());
    drop(held);
    let tiny = room(1, &[], false);
    assert!(tiny.take(at("203.0.113.1")).is_some(), "a share is one at least");
}
