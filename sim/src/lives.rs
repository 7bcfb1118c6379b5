//! The lives of the gateway under test: the conductor ends one and lets the next begin, and the world does it.

use std::{fmt, sync::Arc};

use creel_gateway::{clock::WallClock, state::StateFolder};
use tokio::sync::{Mutex, mpsc, oneshot};

use crate::recorder::Recorder;

/// How the conductor ends and begins lives, and what they leave in the state folder.
#[derive(Clone, Debug)]
pub struct Lives {
    orders: mpsc::Sender<Order>,
    /// The state folder, which outlives them.
    pub state: StateFolder,
    zero: Zero,
}

/// What the wall clock shows at a scenario's zero.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Zero {
    /// This date, in seconds since 1970.
    At(i64),
    /// What the machine's clock showed then.
    Machine,
}

/// Where the world gets its orders from.
#[derive(Clone)]
pub(crate) struct Orders(Arc<Mutex<mpsc::Receiver<Order>>>);

/// What the conductor wants.
#[derive(Debug)]
pub(crate) enum Order {
    /// The gateway is to end in order, and to tell how it ended.
    End(oneshot::Sender<Exit>),
    /// It is to begin anew.
    Begin,
}

/// How a life ended.
#[derive(Debug)]
pub struct Exit {
    /// The exit code of a process, if it had one.
    pub code: Option<i32>,
    /// What it wrote last.
    pub last_words: String,
}

impl Lives {
    /// Lives around this state folder, and where the world gets its orders.
    pub(crate) fn new(state: StateFolder, zero: Zero) -> (Self, Orders) {
        let (orders, given) = mpsc::channel(1);
        (Self { orders, state, zero }, Orders(Arc::new(Mutex::new(given))))
    }

    /// The date at the scenario's zero, in milliseconds since 1970.
    pub(crate) fn zero_unix_ms(&self, recorder: &Recorder) -> i64 {
        match self.zero {
            Zero::At(unix_s) => unix_s * 1_000,
            Zero::Machine => {
                WallClock::system().now().as_unix_ms() - recorder.now_us().div_euclid(1_000)
            }
        }
    }

    /// Ends the present life; none if nobody takes the order.
    pub async fn end(&self) -> Option<Exit> {
        let (tell, told) = oneshot::channel();
        self.orders.send(Order::End(tell)).await.ok()?;
        told.await.ok()
    }

    /// Begins the next.
    pub async fn begin(&self) {
        // An error means that the run is over, and nobody needs another life.
        _ = self.orders.send(Order::Begin).await;
    }
}

impl Orders {
    /// The next order; never, when there will be none.
    pub(crate) async fn next(&self) -> Order {
        match self.0.lock().await.recv().await {
            Some(order) => order,
            None => std::future::pending().await,
        }
    }

    /// Waits until a life is to end, and says whom to tell.
    pub(crate) async fn end(&self) -> oneshot::Sender<Exit> {
        loop {
            if let Order::End(tell) = self.next().await {
                return tell;
            }
        }
    }

    /// Waits until a life is to begin.
    pub(crate) async fn begin(&self) {
        while !matches!(self.next().await, Order::Begin) {}
    }

    /// Lives one life after the other: each is given its end, and lives until then.
    ///
    /// # Errors
    ///
    /// Why a life ended by itself.
    pub(crate) async fn live<L>(
        &self,
        mut life: impl FnMut(Asked) -> Result<L, String>,
    ) -> Result<(), String>
    where
        L: Future<Output = Result<(), String>>,
    {
        loop {
            let (ask, asked) = oneshot::channel();
            let living = life(Asked(asked))?;
            tokio::pin!(living);
            let tell = tokio::select! {
                biased;
                tell = self.end() => tell,
                ended = &mut living => return ended,
            };
            // It may have ended by itself at this very moment.
            _ = ask.send(());
            living.await?;
            _ = tell.send(Exit { code: Some(0), last_words: String::new() });
            self.begin().await;
        }
    }
}

impl fmt::Debug for Orders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Orders").finish_non_exhaustive()
    }
}

/// When a life is asked to end.
pub(crate) struct Asked(oneshot::Receiver<()>);

impl Asked {
    /// Returns when it is; never, if nobody will.
    pub(crate) async fn wait(self) {
        if self.0.await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
