//! The script against the arithmetic in Rust, on a real server.

use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

use doorman_grammar::rate::Calendar;

use super::{Address, Redis, read};
use crate::{
    limits::{Caller, Limits, Quotas},
    state::{
        Ask, Now, Op, Place, Shape, Share, Store,
        table::{Table, decide},
    },
};

/// A server of its own, on a socket in a folder of its own.
struct Server {
    process: Child,
    folder: tempfile::TempDir,
}

impl Server {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("redis");
        let process = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"])
            .arg(&socket)
            .stdout(Stdio::null())
            .spawn();
        let process = process.expect("redis-server is installed: `tests/run` does it");
        let server = Self { process, folder };
        for _ in 0..500 {
            if std::os::unix::net::UnixStream::connect(&socket).is_ok() {
                return server;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("redis-server doesn't come up");
    }

    fn url(&self) -> String {
        format!("redis+unix://{}", self.folder.path().join("redis").display())
    }

    async fn store(&self, application: &str) -> Store {
        let address = Address::parse(&self.url()).expect("a URL");
        let store = Store::Redis(Redis::new(&address, application, None).expect("a client").into());
        store.start().await;
        store
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

fn ask(rule: u128, shape: Shape, weight: u32) -> Ask {
    Ask { place: Place { rule, index: 0, key: None }, shape, weight, budget: true, left: 0 }
}

/// The arithmetic in Rust on cells of its own, told the server's time.
#[derive(Default)]
struct Model(std::collections::HashMap<u128, u64>);

impl Table for Model {
    type Slot = u128;
    type Error = std::convert::Infallible;

    fn find(&mut self, place: Place, _: Now) -> Result<(u128, u64), Self::Error> {
        Ok((place.rule, self.0.get(&place.rule).copied().unwrap_or(0)))
    }

    fn commit(&mut self, cells: impl Iterator<Item = (u128, u64)>, _: Now) -> Result<(), Self::Error> {
        self.0.extend(cells);
        Ok(())
    }
}

#[tokio::test]
async fn s23_the_script_and_the_arithmetic_agree() {
    let server = Server::start();
    let store = server.store("agree").await;
    let mut model = Model::default();
    let mut random = 88_172_645_463_325_252_u64;
    let mut below = |n: u64| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random % n
    };
    let shapes = [
        Shape::rolling(7, Duration::from_secs(1), 7),
        Shape::rolling(60, Duration::from_secs(60), 10),
        Shape::rolling(1_000_000_000, Duration::from_secs(1), 1_000_000_000),
        Shape::rolling(1, Duration::from_secs(86_400), 100),
        Shape::rolling(3, Duration::from_secs(86_400), 3),
        Shape::Window { unit: Calendar::Hour, count: 50 },
        Shape::Window { unit: Calendar::Day, count: 1_000_000_000 },
        Shape::Window { unit: Calendar::Month, count: 5 },
    ];
    let (mut sinces, mut refusals) = (vec![0], 0);
    for round in 0..4_000_u64 {
        let which = below(shapes.len() as u64) as usize;
        let more = below(shapes.len() as u64) as usize;
        let weights = [1, 2, 5, 40, 200, 1_000_000_000];
        let mut asks = vec![ask(which as u128, shapes[which], weights[below(6) as usize])];
        if more != which {
            asks.push(ask(more as u128, shapes[more], 1));
        }
        let since = sinces[below(sinces.len() as u64) as usize];
        let op = match below(12) {
            0 => Op::GiveBack { since },
            1 => Op::Peek,
            2 if round % 5 == 0 => Op::Charge,
            _ => Op::Take,
        };
        let mut expected = asks.clone();
        let answer = store.run(op, &mut asks).await.expect("it answers");
        let now = Now { ns: answer.at, utc: answer.at };
        let model = decide(&mut model, op, now, &mut expected).expect("a model");
        assert_eq!(answer, model, "round {round}: {op:?} {expected:?}");
        assert_eq!(
            asks.iter().map(|ask| ask.left).collect::<Vec<_>>(),
            expected.iter().map(|ask| ask.left).collect::<Vec<_>>(),
            "round {round}: {op:?} {expected:?}"
        );
        refusals += u32::from(answer.refused.is_some());
        sinces.push(answer.at);
    }
    assert!((100..3_900).contains(&refusals), "{refusals}");
}

#[tokio::test(flavor = "multi_thread")]
async fn s23_no_more_than_the_burst_from_many_tasks_on_two_connections() {
    let server = Server::start();
    let stores = [server.store("race").await, server.store("race").await];
    let rule = ask(1, Shape::rolling(20, Duration::from_secs(3_600), 20), 1);
    let tasks = (0..64).map(|n| {
        let (store, rule) = (stores[n % 2].clone(), rule.clone());
        tokio::spawn(async move {
            let mut passed = 0;
            for _ in 0..5 {
                passed +=
                    u32::from(store.run(Op::Take, &mut [rule.clone()]).await.is_ok_and(|it| it.refused.is_none()));
            }
            passed
        })
    });
    let mut passed = 0;
    for task in tasks.collect::<Vec<_>>() {
        passed += task.await.expect("no panic");
    }
    assert_eq!(passed, 20);
    let other = server.store("another application").await;
    assert!(other.run(Op::Take, &mut [rule]).await.expect("it answers").refused.is_none());
}

#[tokio::test]
async fn s23_a_key_is_claimed_once_and_for_its_time() {
    let server = Server::start();
    let (one, two) = (server.store("claims").await, server.store("claims").await);
    let claim = async |store: &Store, purpose| {
        store.claim(purpose, 5, Duration::from_secs(1), Share { claimer: 1, most: 9 }).await.expect("it answers")
    };
    let first = claim(&one, 1).await.expect("free");
    assert!(claim(&two, 1).await.is_err());
    assert!(claim(&two, 2).await.is_ok(), "another purpose");
    first.give_back().await;
    let late = claim(&two, 1).await.expect("given back");
    assert!(claim(&one, 1).await.is_err(), "once");
    tokio::time::sleep(Duration::from_millis(1_010)).await;
    assert!(claim(&one, 1).await.is_ok(), "its time is over");
    late.give_back().await;
    assert!(claim(&two, 1).await.is_err(), "what is given back late is nobody else's");
}

#[tokio::test(flavor = "multi_thread")]
async fn s25_of_many_takers_on_two_connections_one_wins() {
    let server = Server::start();
    let limits =
        [server.store("once").await, server.store("once").await].map(|it| Limits::over(it, &Quotas::default()));
    for id in 0..8 {
        let caller = Caller::Anonymous { peer: None }.key();
        let takers = (0..64).map(|taker| {
            let limits = limits[taker % 2].clone();
            tokio::spawn(async move { limits.take_once(caller, &[id; 16], Duration::from_secs(60)).await })
        });
        let mut won = 0;
        for taker in takers.collect::<Vec<_>>() {
            won += u32::from(taker.await.expect("no panic").expect("it answers").is_ok());
        }
        assert_eq!(won, 1, "id {id}");
    }
}

#[tokio::test]
async fn s24_a_foreign_value_in_a_key_refuses_and_takes_nothing() {
    let server = Server::start();
    let store = server.store("foreign").await;
    let rules = [1, 2].map(|rule| ask(rule, Shape::rolling(3, Duration::from_secs(60), 3), 1));
    let client = redis::Client::open(server.url()).expect("a client");
    let mut to = client.get_multiplexed_async_connection().await.expect("connected");
    let key = format!("doorman:{{foreign}}:{:032x}", 2);
    for command in [["SET", &key, "tampered"], ["SET", &key, "b 1 2 3"], ["LPUSH", &key, "x"]] {
        redis::cmd("DEL").arg(&key).query_async::<()>(&mut to).await.expect("deleted");
        redis::cmd(command[0]).arg(&command[1..]).query_async::<()>(&mut to).await.expect("set");
        assert!(store.run(Op::Take, &mut rules.clone()).await.is_err(), "{command:?}");
        assert_eq!(store.answers(), Some(false));
    }
    redis::cmd("DEL").arg(&key).query_async::<()>(&mut to).await.expect("deleted");
    let mut asks = rules.clone();
    assert!(store.run(Op::Take, &mut asks).await.expect("it answers").refused.is_none());
    assert_eq!((asks[0].left, store.answers()), (2, Some(true)), "the first rule was never taken from before");
    // Idle keys go away by themselves.
    let ttl: i64 = redis::cmd("PTTL").arg(&key).query_async(&mut to).await.expect("a time");
    assert!((20_000..=21_000).contains(&ttl), "{ttl}");
}

#[test]
fn s24_an_answer_that_makes_no_sense_is_none() {
    let one = || [ask(1, Shape::rolling(1, Duration::from_secs(1), 1), 1)];
    assert!(read(&[1, -1, 0], &mut one()).is_ok());
    for reply in [&[][..], &[1], &[1, -1], &[1, -1, 0, 0], &[-1, -1, 0], &[1, -3, 0], &[1, -1, -1], &[1, -1, i64::MAX]]
    {
        assert!(read(reply, &mut one()).is_err(), "{reply:?}");
    }
}
