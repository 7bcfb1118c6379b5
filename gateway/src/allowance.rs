//! How much a connection may say before it has shown who it is: what goes beyond is read and thrown away, and kept nowhere.

use std::{
    fmt, io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::Notify,
};

/// No limit.
const FREE: usize = usize::MAX;

/// How much is thrown away at a time, in bytes.
const SCRAP_BYTES: usize = 4_096;

/// What a connection may say still. A clone is the same; at first there is no limit.
#[derive(Clone)]
pub struct Allowance(Arc<State>);

struct State {
    left: AtomicUsize,
    spent: Notify,
}

impl Default for Allowance {
    fn default() -> Self {
        Self(Arc::new(State { left: AtomicUsize::new(FREE), spent: Notify::new() }))
    }
}

impl fmt::Debug for Allowance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Allowance").field(&self.0.left).finish()
    }
}

impl Allowance {
    /// So many bytes more are heard.
    pub fn limit(&self, bytes: usize) {
        self.0.left.store(bytes, Ordering::Relaxed);
    }

    /// All is heard from now on.
    pub fn lift(&self) {
        self.limit(FREE);
    }

    /// Returns when the limit is reached.
    pub async fn spent(&self) {
        self.0.spent.notified().await;
    }

    fn spend(&self, bytes: usize) {
        let left = self.0.left.load(Ordering::Relaxed).saturating_sub(bytes);
        self.limit(left);
        if left == 0 {
            self.0.spent.notify_one();
        }
    }
}

/// A connection that says no more than it may.
#[derive(Debug)]
pub struct Metered<I> {
    io: I,
    allowance: Allowance,
}

impl<I> Metered<I> {
    /// This connection, with this allowance.
    pub const fn new(io: I, allowance: Allowance) -> Self {
        Self { io, allowance }
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Metered<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.allowance.0.left.load(Ordering::Relaxed) {
            FREE => Pin::new(&mut self.io).poll_read(cx, buf),
            0 => loop {
                let mut scrap = [0; SCRAP_BYTES];
                let mut scrap = ReadBuf::new(&mut scrap);
                ready!(Pin::new(&mut self.io).poll_read(cx, &mut scrap))?;
                if scrap.filled().is_empty() {
                    return Poll::Ready(Ok(()));
                }
            },
            left => {
                let mut scrap = [0; SCRAP_BYTES];
                let most = left.min(buf.remaining()).min(SCRAP_BYTES);
                let mut part = ReadBuf::new(&mut scrap[..most]);
                ready!(Pin::new(&mut self.io).poll_read(cx, &mut part))?;
                buf.put_slice(part.filled());
                self.allowance.spend(part.filled().len());
                Poll::Ready(Ok(()))
            }
        }
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Metered<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn what_goes_beyond_is_thrown_away() {
        let (mut far, near) = tokio::io::duplex(64 * 1024);
        let allowance = Allowance::default();
        let mut near = Metered::new(near, allowance.clone());
        let mut heard = [0; 3];
        far.write_all(b"one").await.unwrap();
        near.read_exact(&mut heard).await.unwrap();
        allowance.limit(4);
        far.write_all(b"two three").await.unwrap();
        near.read_exact(&mut heard).await.unwrap();
        assert!(allowance.spent().now_or_never().is_none());
        assert_eq!(near.read(&mut heard).await.unwrap(), 1);
        assert!(allowance.spent().now_or_never().is_some());
        assert!(near.read(&mut heard).now_or_never().is_none(), "it says nothing more");
        allowance.lift();
        far.write_all(b"six").await.unwrap();
        near.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"six");
    }
}
