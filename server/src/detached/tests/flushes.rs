//! Flushes for readers that take all, a part, or nothing, by either backend.

use std::io::ErrorKind;
use std::pin::Pin;
use std::task::{Context, Waker};

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWrite as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::detached::StreamWriter;
use crate::detached::backend::BATCH_MAX;
use crate::detached::batcher::WriteBatcher;
use crate::detached::socket::{Outcome, ReaderSocket, SharedSocket};

/// More than a submission needs to be worth it, and than one flush takes.
const READERS: usize = BATCH_MAX + 50;

/// Our end of a connection, and the reader's.
async fn pair(listener: &TcpListener) -> (TcpStream, TcpStream) {
    let address = listener.local_addr().unwrap();
    let (theirs, ours) = tokio::join!(TcpStream::connect(address), listener.accept());
    (ours.unwrap().0, theirs.unwrap())
}

/// Runs a check with both backends. That there is `io_uring` where the tests run is not taken for granted by
/// the server, and is by its tests: a machine that forbids it says so here.
async fn by_each_sender(check: impl AsyncFn(WriteBatcher, TcpListener)) {
    assert_eq!(StreamWriter::Uring.resolve().unwrap(), StreamWriter::Uring);
    for writer in [StreamWriter::Write, StreamWriter::Uring] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        check(WriteBatcher::new(writer.backend().unwrap()), listener).await;
    }
}

/// Flushes once.
async fn flush(batcher: &WriteBatcher) {
    tokio::select! {
        biased;
        () = batcher.run() => {}
        () = tokio::task::yield_now() => {}
    }
}

fn content(reader: usize) -> Bytes {
    format!("for reader {reader}: {}\n", "x".repeat(reader)).into()
}

#[tokio::test]
async fn each_reader_gets_its_own_bytes_whole() {
    by_each_sender(async |batcher, listener| {
        let mut readers = Vec::new();
        for number in 0..READERS {
            let (ours, theirs) = pair(&listener).await;
            let reader = ReaderSocket::new(ours, None);
            batcher.push(&reader, content(number));
            // The first of them went with the flush that was full.
            assert_eq!(reader.is_queued(), number != BATCH_MAX - 1);
            readers.push((reader, theirs));
        }
        flush(&batcher).await;
        for (number, (reader, theirs)) in readers.iter_mut().enumerate() {
            assert!(matches!(reader.outcome(), Outcome::Idle));
            let mut got = vec![0; content(number).len()];
            theirs.read_exact(&mut got).await.unwrap();
            assert_eq!(got, content(number));
            assert_eq!(theirs.try_read(&mut got).unwrap_err().kind(), ErrorKind::WouldBlock);
        }
    })
    .await;
}

#[tokio::test]
async fn what_a_full_socket_does_not_take_is_left_over_to_the_byte_and_the_task_is_woken() {
    by_each_sender(async |batcher, listener| {
        let all: Bytes = (0..16 * 1024 * 1024_u32).map(|n| (n % 251) as u8).collect::<Vec<_>>().into();
        let mut readers = Vec::new();
        for _ in 0..40 {
            let (ours, theirs) = pair(&listener).await;
            let reader = ReaderSocket::new(ours, None);
            readers.push((reader, theirs, all.clone()));
        }
        let mut taken = usize::MAX;
        // Until all are full, and take nothing.
        while taken > 0 {
            taken = 0;
            let woken = Woken::default();
            for (reader, _, rest) in &readers {
                reader.wake_on_trouble(&woken.waker());
                batcher.push(reader, rest.clone());
            }
            flush(&batcher).await;
            assert_eq!(woken.count(), readers.len());
            for (reader, _, rest) in &mut readers {
                let Outcome::Partial(left) = reader.outcome() else { panic!("no socket takes 16 MiB") };
                taken += rest.len() - left.len();
                *rest = left;
            }
        }
        for (reader, mut theirs, rest) in readers {
            let write = async {
                let mut shared = SharedSocket(reader);
                shared.write_all(&rest).await.unwrap();
                std::future::poll_fn(|cx| Pin::new(&mut shared).poll_shutdown(cx)).await.unwrap();
            };
            let mut got = Vec::new();
            tokio::join!(write, async { theirs.read_to_end(&mut got).await.unwrap() });
            assert!(got == all, "bytes were lost, doubled or out of order");
        }
    })
    .await;
}

#[tokio::test]
async fn a_reader_that_is_gone_breaks_its_own_line_only() {
    by_each_sender(async |batcher, listener| {
        let mut readers = Vec::new();
        for number in 0..40 {
            let (ours, theirs) = pair(&listener).await;
            if number % 2 == 0 {
                // Closed over bytes that nobody read: the peer gets a reset.
                ours.try_write(b"unread").unwrap();
                theirs.readable().await.unwrap();
                drop(theirs);
                let gone = ours.ready(tokio::io::Interest::ERROR).await.unwrap();
                assert!(gone.is_error());
                readers.push((ReaderSocket::new(ours, None), None));
            } else {
                readers.push((ReaderSocket::new(ours, None), Some(theirs)));
            }
        }
        let woken = Woken::default();
        for (number, (reader, _)) in readers.iter().enumerate() {
            reader.wake_on_trouble(&woken.waker());
            batcher.push(reader, content(number));
        }
        flush(&batcher).await;
        assert_eq!(woken.count(), readers.len() / 2);
        for (number, (reader, theirs)) in readers.into_iter().enumerate() {
            match theirs {
                None => {
                    let Outcome::Broken(error) = reader.outcome() else { panic!("it is gone") };
                    assert!(matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe));
                }
                Some(mut theirs) => {
                    assert!(matches!(reader.outcome(), Outcome::Idle));
                    let mut got = vec![0; content(number).len()];
                    theirs.read_exact(&mut got).await.unwrap();
                    assert_eq!(got, content(number));
                }
            }
        }
    })
    .await;
}

#[tokio::test]
async fn a_descriptor_that_is_in_a_pass_is_not_taken_by_another_connection() {
    by_each_sender(async |batcher, listener| {
        let mut readers = Vec::new();
        for number in 0..40 {
            let (ours, theirs) = pair(&listener).await;
            batcher.push(&ReaderSocket::new(ours, None), content(number));
            readers.push(theirs);
        }
        // The tasks of all of them have ended; who comes now is given the lowest descriptors that are free.
        let mut others = Vec::new();
        for _ in 0..40 {
            others.push(pair(&listener).await);
        }
        flush(&batcher).await;
        for (number, mut theirs) in readers.into_iter().enumerate() {
            let mut got = Vec::new();
            theirs.read_to_end(&mut got).await.unwrap();
            assert_eq!(got, content(number));
        }
        for (_, theirs) in others {
            assert_eq!(theirs.try_read(&mut [0; 1]).unwrap_err().kind(), ErrorKind::WouldBlock);
        }
    })
    .await;
}

#[tokio::test]
async fn the_task_is_woken_after_the_pass_when_it_asked_to_be_and_not_otherwise() {
    by_each_sender(async |batcher, listener| {
        let (ours, _theirs) = pair(&listener).await;
        let reader = ReaderSocket::new(ours, None);
        for asked in [false, true, false] {
            let woken = Woken::default();
            reader.wake_on_trouble(&woken.waker());
            batcher.push(&reader, content(1));
            if asked {
                reader.wake_after(&woken.waker());
            }
            flush(&batcher).await;
            assert_eq!(woken.count(), usize::from(asked));
        }
    })
    .await;
}

#[tokio::test]
async fn the_first_who_queues_wakes_the_pass_and_the_rest_go_with_it() {
    by_each_sender(async |batcher, listener| {
        let woken = Woken::default();
        let mut run = Box::pin(batcher.run());
        let waker = woken.waker();
        assert!(run.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        let mut readers = Vec::new();
        for number in 0..40 {
            let (ours, theirs) = pair(&listener).await;
            let reader = ReaderSocket::new(ours, None);
            batcher.push(&reader, content(number));
            readers.push((reader, theirs));
        }
        assert_eq!(woken.count(), 1);
        assert!(run.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        assert!(readers.iter().all(|(reader, _)| matches!(reader.outcome(), Outcome::Idle)));
    })
    .await;
}

/// Counts how often its wakers were called.
#[derive(Default)]
struct Woken(std::sync::Arc<Count>);

#[derive(Default)]
struct Count(std::sync::atomic::AtomicUsize);

impl std::task::Wake for Count {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }
}

impl Woken {
    fn waker(&self) -> Waker {
        std::sync::Arc::clone(&self.0).into()
    }

    fn count(&self) -> usize {
        self.0.0.load(std::sync::atomic::Ordering::Relaxed)
    }
}

#[test]
fn a_sender_that_is_asked_for_by_name_is_the_one() {
    assert_eq!(StreamWriter::Write.resolve().unwrap(), StreamWriter::Write);
    assert_eq!(StreamWriter::Auto.resolve().unwrap(), StreamWriter::Uring);
    assert_eq!(StreamWriter::Hyper.resolve().unwrap(), StreamWriter::Hyper);
    assert!(StreamWriter::Hyper.backend().is_none());
}
