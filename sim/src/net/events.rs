//! An event-driven network: no ticks, packets travel as timers of one paused runtime, and idle time costs nothing.
//!
//! turmoil-net has the hosts' TCP stacks and no clock. What they put on the wire is collected whenever the runtime has
//! nothing left to do, and delivered by [`Carrier::carry`] when its time has come; tokio jumps to the next timer by
//! itself. A socket selects its own host's stack before every operation, so that whoever holds it may spawn tasks freely.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    fmt, io,
    net::{IpAddr, SocketAddr},
    ops::Range,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use creel_gateway::net::Net;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::Notify,
    time::{Instant, sleep_until},
};
use turmoil_net::{EnterGuard, HostId, KernelConfig, Packet, shim::tokio::net as stack};

/// How much a connection takes before its writer waits, in bytes. More than any message, as in turmoil's own network.
const BUFFER_BYTES: usize = 8 * 1024 * 1024;

/// The largest packet, in bytes.
const PACKET_BYTES_MAX: u32 = 60_000;

thread_local! {
    /// The wire of the simulation that runs on this thread: the runtime's hook can be given nothing else.
    static WIRE: RefCell<Option<Wire>> = const { RefCell::new(None) };
}

/// What is under way between the hosts.
struct Wire {
    stacks: EnterGuard,
    latency: Range<Duration>,
    chance: Chance,
    /// By when each is due, and in which order it was sent.
    packets: BTreeMap<(Instant, u64), Packet>,
    sent: u64,
    /// When the newest packet of each direction is due: none overtakes another.
    latest: BTreeMap<(IpAddr, IpAddr), Instant>,
    /// The next delivery that the carrier knows of.
    next: Option<Instant>,
    sooner: Arc<Notify>,
}

/// The network of one simulation. It ends with this.
#[derive(Debug)]
pub struct Carrier {
    sooner: Arc<Notify>,
}

impl Carrier {
    /// A network with a host of each name, in order. `latency` is one way, from 0; `seed` decides it where it changes.
    pub fn start<const N: usize>(
        hosts: [&str; N],
        latency: Range<Duration>,
        seed: u64,
    ) -> (Self, [EventNet; N]) {
        let stacks = KernelConfig::default()
            .mtu(PACKET_BYTES_MAX)
            .send_buf_cap(BUFFER_BYTES)
            .recv_buf_cap(BUFFER_BYTES)
            // Nothing is ever lost, so nothing is sent twice.
            .retx_threshold(u32::MAX);
        let mut net = turmoil_net::Net::with_config(stacks);
        let hosts = hosts.map(|it| EventNet(net.add_host(it)));
        let sooner = Arc::new(Notify::new());
        let wire = Wire {
            stacks: net.enter(),
            latency,
            chance: Chance(seed),
            packets: BTreeMap::new(),
            sent: 0,
            latest: BTreeMap::new(),
            next: None,
            sooner: sooner.clone(),
        };
        WIRE.set(Some(wire));
        (Self { sooner }, hosts)
    }

    /// Delivers packets when their time has come, for as long as the future is polled.
    pub async fn carry(&self) -> std::convert::Infallible {
        loop {
            match with_wire(|it| it.next) {
                None => self.sooner.notified().await,
                Some(due) => tokio::select! {
                    biased;
                    () = sleep_until(due) => (),
                    () = self.sooner.notified() => (),
                },
            }
            with_wire(Wire::deliver);
        }
    }

    /// What the runtime does when no task can go on: what was written becomes packets on their way.
    pub fn on_park() {
        WIRE.with_borrow_mut(|it| it.as_mut().map(Wire::collect));
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        WIRE.set(None);
    }
}

fn with_wire<T>(action: impl FnOnce(&mut Wire) -> T) -> T {
    WIRE.with_borrow_mut(|it| action(it.as_mut().expect("the carrier lives as long as its wire")))
}

impl Wire {
    #[expect(clippy::disallowed_methods, reason = "packets travel on the runtime's virtual clock")]
    fn collect(&mut self) {
        let mut packets = Vec::new();
        self.stacks.egress_all(&mut packets);
        let now = Instant::now();
        for packet in packets {
            let direction = (packet.src, packet.dst);
            let latest = self.latest.get(&direction).copied();
            let due = (now + self.chance.between(&self.latency)).max(latest.unwrap_or(now));
            self.latest.insert(direction, due);
            self.sent += 1;
            self.packets.insert((due, self.sent), packet);
        }
        let next = self.packets.first_key_value().map(|((due, _), _)| *due);
        if next != self.next {
            self.next = next;
            self.sooner.notify_one();
        }
    }

    #[expect(clippy::disallowed_methods, reason = "packets travel on the runtime's virtual clock")]
    fn deliver(&mut self) {
        let now = Instant::now();
        while let Some(first) = self.packets.first_entry() {
            if first.key().0 > now {
                break;
            }
            self.stacks.deliver(first.remove());
        }
        self.next = self.packets.first_key_value().map(|((due, _), _)| *due);
    }
}

/// A seeded sequence of numbers (splitmix64).
#[derive(Debug)]
struct Chance(u64);

impl Chance {
    /// A span in whole microseconds, both ends included.
    fn between(&mut self, range: &Range<Duration>) -> Duration {
        let width = range.end.saturating_sub(range.start).as_micros();
        match u64::try_from(width) {
            Ok(0) | Err(_) => range.start,
            Ok(width) => range.start + Duration::from_micros(self.next() % (width + 1)),
        }
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// The network as one host sees it.
#[derive(Clone, Copy, Debug)]
pub struct EventNet(HostId);

impl Net for EventNet {
    type Stream = EventStream;
    type Listener = EventListener;

    async fn bind(&self, address: SocketAddr) -> io::Result<Self::Listener> {
        let listener = self.scoped(stack::TcpListener::bind(address)).await?;
        Ok(EventListener(*self, listener))
    }

    async fn connect(&self, host: &str, port: u16) -> io::Result<Self::Stream> {
        let address = turmoil_net::lookup_host(host).ok_or(io::ErrorKind::NotFound)?;
        let connect = stack::TcpStream::connect(SocketAddr::new(address, port));
        Ok(EventStream(*self, self.scoped(connect).await?))
    }
}

impl EventNet {
    fn select(self) {
        turmoil_net::set_current(self.0);
    }

    /// Polls `work` as this host.
    async fn scoped<F: Future>(self, work: F) -> F::Output {
        let mut work = Box::pin(work);
        std::future::poll_fn(move |context| {
            self.select();
            work.as_mut().poll(context)
        })
        .await
    }
}

/// A connection.
pub struct EventStream(EventNet, stack::TcpStream);

/// A listener.
pub struct EventListener(EventNet, stack::TcpListener);

impl fmt::Debug for EventStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EventStream").field(&self.0).finish_non_exhaustive()
    }
}

impl fmt::Debug for EventListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EventListener").field(&self.0).finish_non_exhaustive()
    }
}

// Closing a socket is an operation of its host, too.
impl Drop for EventStream {
    fn drop(&mut self) {
        self.0.select();
    }
}

impl Drop for EventListener {
    fn drop(&mut self) {
        self.0.select();
    }
}

impl AsyncRead for EventStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.0.select();
        Pin::new(&mut self.1).poll_read(context, buffer)
    }
}

impl AsyncWrite for EventStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.select();
        Pin::new(&mut self.1).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.select();
        Pin::new(&mut self.1).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.select();
        Pin::new(&mut self.1).poll_shutdown(context)
    }
}

impl axum::serve::Listener for EventListener {
    type Io = EventStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let host = self.0;
            let accepted = std::future::poll_fn(|context| {
                host.select();
                self.1.poll_accept(context)
            });
            // A connection that went away before it was accepted is no error of the listener's.
            if let Ok((stream, address)) = accepted.await {
                return (EventStream(host, stream), address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.select();
        self.1.local_addr()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// Sends ten numbers from one host to another. Returns when each arrived, in milliseconds after the connection stood.
    #[expect(clippy::disallowed_methods, reason = "the runtime's clock is virtual")]
    fn arrivals(latency: Range<u64>, seed: u64) -> Vec<(u8, u128)> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .on_thread_park(Carrier::on_park)
            .build()
            .unwrap();
        let ms = Duration::from_millis;
        let (carrier, [near, far]) =
            Carrier::start(["near", "far"], ms(latency.start)..ms(latency.end), seed);
        let arrived = runtime.block_on(async {
            let mut listener = far.bind(([0, 0, 0, 0], 80).into()).await.unwrap();
            let writer = async {
                let mut stream = near.connect("far", 80).await.unwrap();
                for number in 0..10 {
                    stream.write_all(&[number]).await.unwrap();
                    tokio::time::sleep(ms(2)).await;
                }
                stream
            };
            let reader = async {
                let (mut stream, _) = axum::serve::Listener::accept(&mut listener).await;
                let start = Instant::now();
                let mut seen = Vec::new();
                for _ in 0..10 {
                    let number = stream.read_u8().await.unwrap();
                    seen.push((number, start.elapsed().as_millis()));
                }
                seen
            };
            tokio::select! {
                never = carrier.carry() => match never {},
                (seen, _) = async { tokio::join!(reader, writer) } => seen,
            }
        });
        drop(runtime);
        arrived
    }

    #[test]
    fn a_fixed_latency_is_exact() {
        let arrived = arrivals(5..5, 1);
        let first = arrived[0].1;
        for (index, (number, at)) in arrived.into_iter().enumerate() {
            assert_eq!((usize::from(number), at - first), (index, index as u128 * 2));
        }
    }

    #[test]
    fn a_changing_latency_is_the_seeds_and_nothing_overtakes() {
        let arrived = arrivals(1..30, 7);
        assert!(arrived.is_sorted_by_key(|it| it.0) && arrived.is_sorted_by_key(|it| it.1));
        assert_eq!(arrived, arrivals(1..30, 7));
        assert_ne!(arrived, arrivals(1..30, 8));
    }
}
