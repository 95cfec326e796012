//! HTTPS without a proxy in front, and its certificate (S18, S26, S28).

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    os::unix::fs::PermissionsExt,
    sync::Arc,
    time::{Duration, Instant},
};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
    version::{TLS12, TLS13},
};

use super::{connections::refused, list};
use crate::harness::{Fixture, Server, eventually};

/// A certificate for this machine, and its key.
struct Pair {
    cert: String,
    key: String,
}

impl Pair {
    fn new() -> Self {
        let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        Self { cert: pair.cert.pem(), key: pair.signing_key.serialize_pem() }
    }

    fn write(&self, fixture: &Fixture) {
        fixture.file("cert.pem", &self.cert);
        fixture.private("key.pem", &self.key);
    }
}

fn with_tls(fixture: Fixture, pair: &Pair) -> Fixture {
    pair.write(&fixture);
    let (cert, key) = (fixture.path("cert.pem"), fixture.path("key.pem"));
    fixture.arg("--tls-cert").arg(cert).arg("--tls-key").arg(key)
}

/// A connection to a server that has this certificate.
fn connect(
    address: SocketAddr,
    pair: &Pair,
    alpn: &[&[u8]],
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> std::io::Result<StreamOwned<ClientConnection, TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(pair.cert.as_bytes()).expect("a certificate")).expect("a root");
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(versions)
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|it| it.to_vec()).collect();
    let name = ServerName::try_from("localhost").expect("a name");
    let client = ClientConnection::new(Arc::new(config), name).expect("a client");
    let tcp = TcpStream::connect(address)?;
    tcp.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut stream = StreamOwned::new(client, tcp);
    while stream.conn.is_handshaking() {
        stream.conn.complete_io(&mut stream.sock)?;
    }
    Ok(stream)
}

/// The status of a list that is asked for with Alice's token.
fn status(server: &Server, pair: &Pair) -> std::io::Result<String> {
    let mut stream = connect(server.address, pair, &[b"http/1.1"], &[&TLS13, &TLS12])?;
    let request = list().without_host().header("Host", "localhost").header("Connection", "close");
    stream.write_all(&request.bytes(server.address))?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).split(' ').nth(1).unwrap_or_default().to_owned())
}

#[test]
fn calls_are_served_over_tls_and_not_beside_it() {
    let pair = Pair::new();
    let server = with_tls(Fixture::new(), &pair).serve();
    assert!(server.process.stderr().contains("serving MCP on https://127.0.0.1:"));
    assert_eq!(status(&server, &pair).expect("an answer"), "200");
    for version in [&TLS12, &TLS13] {
        for (offered, chosen) in
            [(vec![&b"h2"[..], b"http/1.1"], Some(&b"h2"[..])), (vec![b"http/1.1"], Some(b"http/1.1")), (vec![], None)]
        {
            let stream = connect(server.address, &pair, &offered, &[version]).expect("a handshake");
            assert_eq!(stream.conn.alpn_protocol(), chosen);
        }
    }
    assert!(connect(server.address, &Pair::new(), &[], &[&TLS13]).is_err(), "a client that trusts another certificate");
    let mut plain = TcpStream::connect(server.address).expect("the server listens");
    plain.write_all(&list().bytes(server.address)).expect("sent");
    let mut answer = Vec::new();
    drop(plain.read_to_end(&mut answer));
    assert!(!String::from_utf8_lossy(&answer).contains("HTTP"), "{answer:?}");
    eventually("the count", || (refused(&server, "tls_handshake") >= 1).then_some(()));
}

#[test]
fn s27_a_handshake_that_stalls_costs_a_connection_only() {
    let pair = Pair::new();
    let server = with_tls(Fixture::new().arg("--max-connections").arg("8"), &pair).serve();
    let (begun, mut stalled) = (Instant::now(), Vec::new());
    for _ in 0..8 {
        let mut stream = TcpStream::connect(server.address).expect("the server listens");
        stream.write_all(b"\x16\x03\x01\x02").expect("sent");
        stalled.push(stream);
    }
    eventually("no room", || status(&server, &pair).is_err().then_some(()));
    for mut stream in stalled {
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a socket");
        drop(stream.read_to_end(&mut Vec::new()));
    }
    assert!(begun.elapsed() > Duration::from_secs(9) && begun.elapsed() < Duration::from_secs(20));
    assert_eq!(eventually("room", || status(&server, &pair).ok()), "200");
    eventually("the count", || (refused(&server, "slow_head") == 8).then_some(()));
}

#[test]
fn s26_a_bad_certificate_keeps_the_old_one() {
    let (old, new) = (Pair::new(), Pair::new());
    let server = with_tls(Fixture::new(), &old).serve();
    let fixture = &server.fixture;
    let mut kept = connect(server.address, &old, &[b"http/1.1"], &[&TLS13]).expect("a handshake");
    let garbled = new.key.replace('M', "N");
    let cases: [(&dyn Fn(), &str); 6] = [
        (&|| drop(fixture.file("cert.pem", &new.cert)), "key.pem: expected the key of the certificate"),
        (&|| drop(fixture.file("cert.pem", "s3cret")), "cert.pem: expected at least one certificate in PEM"),
        (&|| drop(fixture.private("key.pem", "s3cret")), "key.pem: expected a private key in PEM"),
        (&|| drop(fixture.private("key.pem", &garbled)), "expected a"),
        (&|| fs::remove_file(fixture.path("key.pem")).expect("removes"), "key.pem: can't be read"),
        (
            &|| {
                new.write(fixture);
                let mode = fs::Permissions::from_mode(0o640);
                fs::set_permissions(fixture.path("key.pem"), mode).expect("changes the mode");
            },
            "mode 0600",
        ),
    ];
    for (spoil, why) in cases {
        old.write(fixture);
        spoil();
        let said = server.process.reload();
        assert!(said.contains("RELOAD REFUSED") && said.contains(why), "{why}: {said}");
        let lines = || [&old.key, &new.key, &garbled].into_iter().flat_map(|key| key.lines()).filter(|it| it.len() > 8);
        assert!(!said.contains("s3cret") && lines().all(|line| !said.contains(line) || line.contains("KEY")), "{said}");
        assert_eq!(status(&server, &old).expect("an answer"), "200", "{why}");
        assert!(status(&server, &new).is_err(), "{why}");
    }
    fs::set_permissions(fixture.path("key.pem"), fs::Permissions::from_mode(0o600)).expect("changes the mode");
    assert!(server.process.reload().contains("reloaded"));
    assert_eq!(status(&server, &new).expect("an answer"), "200");
    assert!(status(&server, &old).is_err(), "new connections have the new certificate");
    kept.write_all(&list().bytes(server.address)).expect("sent");
    let mut answer = [0; 12];
    kept.read_exact(&mut answer).expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 200", "a connection that exists goes on");
}

#[test]
fn s26_a_certificate_is_read_again_when_it_changes() {
    let (old, new) = (Pair::new(), Pair::new());
    let server = with_tls(Fixture::new().arg("--watch"), &old).serve();
    let before = server.process.written();
    new.write(&server.fixture);
    assert!(server.process.reloads_after(before).contains("reloaded"));
    assert_eq!(status(&server, &new).expect("an answer"), "200");
}

#[test]
fn s28_a_start_asks_for_a_pair_that_fits() {
    let (one, other) = (Pair::new(), Pair::new());
    let fixture = with_tls(Fixture::new().arg("--http").arg("127.0.0.1:0"), &one);
    fixture.private("key.pem", &other.key);
    let (code, said) = fixture.refuses();
    assert!(code == 1 && said.contains("expected the key of the certificate"), "{said}");
    fixture.file("key.pem", &one.key);
    let (code, said) = fixture.refuses();
    assert!(code == 1 && said.contains("0600") && !said.contains("PRIVATE"), "{said}");
    let (code, said) = Fixture::new().arg("--tls-cert").arg("x").refuses();
    assert!(code != 0 && said.contains("--tls-key"), "{said}");
}

#[test]
fn beyond_this_machine_tls_is_enough() {
    let pair = Pair::new();
    let open = |fixture: Fixture| with_tls(fixture, &pair).arg("--http").arg("0.0.0.0:0");
    let (code, said) = open(Fixture::bare()).refuses();
    assert!(code == 1 && said.contains("--tokens"), "{said}");
    let (code, said) = Fixture::new().arg("--http").arg("0.0.0.0:0").refuses();
    assert!(code == 1 && said.contains("--tls-cert") && said.contains("--behind-tls-proxy"), "{said}");
    let server = with_tls(Fixture::new(), &pair).serve_at("0.0.0.0:0");
    assert!(server.process.stderr().contains("serving MCP on https://0.0.0.0:"));
    assert_eq!(status(&server, &pair).expect("an answer"), "200");
}
