//! The thread that sends: one connection after the other, until it is stopped.

use std::sync::Arc;
use std::time::Duration;

use common::backoff::Backoff;
use common::clock::Clock;
use common::media::{EncodedFrame, IdrGate};
use crossbeam_channel::{Receiver, RecvTimeoutError, never, select};

use super::shared::Shared;
use super::tcp::Input;
use super::{Connection, Connector, Error, Event, Notify, Queued};

/// How often to check, before the first IDR picture, whether it was dropped.
const KEY_POLL_INTERVAL: Duration = Duration::from_millis(100);

pub(super) struct Worker<C> {
    pub(super) connector: C,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) shared: Arc<Shared>,
    pub(super) queue: Receiver<Queued>,
    pub(super) notify: Notify,
    /// Disconnected when it is time to stop.
    pub(super) stopped: Receiver<()>,
}

/// Why a connection is no more.
enum Ended {
    Stopped,
    Lost(Error),
}

impl<C: Connector> Worker<C> {
    /// Sends until it is stopped. Only the first connection may fail for good.
    pub(super) fn run(mut self) {
        let Some(first) = self.first_key() else { return };
        // The next connection begins with the newest one's parameter sets.
        let mut newest = first.sealed.frame.clone();
        let mut connection = match self.connect(&newest) {
            Ok(connection) => connection,
            Err(error) => {
                tracing::debug!("{error}");
                self.shared.fail(error);
                return;
            }
        };
        let mut ended = self.serve(&mut connection, &mut newest, Some(first));
        while let Ended::Lost(error) = ended {
            self.connector.lost(connection);
            self.shared.set_away();
            tracing::warn!("{error}: reconnecting");
            (self.notify)(Event::Lost(error));
            let Some(next) = self.reconnect(&newest) else { return };
            connection = next;
            ended = self.serve(&mut connection, &mut newest, None);
        }
    }

    fn connect(&mut self, first: &EncodedFrame) -> Result<C::Connection, Error> {
        let connection = self.connector.connect(first, &self.shared.abort)?;
        (self.notify)(Event::Connected);
        Ok(connection)
    }

    /// Tries until there is a connection; `None` when it is time to stop.
    fn reconnect(&mut self, first: &EncodedFrame) -> Option<C::Connection> {
        let mut backoff = Backoff::reconnect();
        while self.stopped.recv_timeout(backoff.advance()) == Err(RecvTimeoutError::Timeout) {
            match self.connect(first) {
                Ok(connection) => return Some(connection),
                Err(error) => tracing::info!("{error}: trying again in {} s", backoff.peek().as_secs_f32()),
            }
        }
        None
    }

    /// Sends what comes through the queue, after `first`. Without `first`, what is in the queue is from before the connection:
    /// it is dropped, and a new IDR picture asked for.
    fn serve(&self, connection: &mut C::Connection, newest: &mut EncodedFrame, first: Option<Queued>) -> Ended {
        let mut gate = if first.is_some() { IdrGate::open() } else { IdrGate::closed() };
        let result = match first {
            Some(first) => self.send(connection, newest, &first),
            None => {
                self.shared.count_dropped(self.queue.try_iter().count() as u64);
                self.shared.resume();
                Ok(())
            }
        };
        if let Err(error) = result {
            return Ended::Lost(error);
        }
        let nothing = never();
        let mut stopping = false;
        while !(stopping && self.queue.is_empty()) {
            let result = select! {
                recv(self.queue) -> queued => match queued {
                    Ok(queued) if gate.admits(queued.is_key()) => self.send(connection, newest, &queued),
                    _ => {
                        self.shared.count_dropped(1);
                        Ok(())
                    }
                },
                recv(connection.input()) -> input => connection.handle(input.unwrap_or(Input::Ended(None))),
                recv(if stopping { &nothing } else { &self.stopped }) -> _ => {
                    stopping = true;
                    Ok(())
                }
                default(self.idle(connection)) => connection.service(),
            };
            // Where one is awaited already it serves the reader too.
            if connection.take_key_request() && !self.shared.congestion().awaits_key() {
                self.shared.request_key();
            }
            connection.take_shift().into_iter().for_each(|phase| self.shared.request_shift(phase));
            self.request_key_after_drop();
            if let Err(error) = result {
                return Ended::Lost(error);
            }
        }
        connection.close();
        Ended::Stopped
    }

    /// How long until something is due.
    fn idle(&self, connection: &C::Connection) -> Duration {
        let ask = self.shared.congestion().ask_in(self.clock.now().mono);
        ask.map_or(connection.idle(), |ask| ask.min(connection.idle()))
    }

    /// Asks for an IDR picture where frames were dropped and everything is written now.
    fn request_key_after_drop(&self) {
        let now = self.clock.now().mono;
        if self.queue.is_empty() && self.shared.congestion().take_ask(now) {
            self.shared.request_key();
        }
        let ended = self.shared.congestion().take_ended(now);
        self.shared.log_episode(ended);
    }

    fn send(&self, connection: &mut C::Connection, newest: &mut EncodedFrame, queued: &Queued) -> Result<(), Error> {
        if queued.is_key() {
            newest.clone_from(&queued.sealed.frame);
        }
        match connection.send(&queued.sealed)? {
            Some(sent) => self.shared.count_sent(sent),
            None => self.shared.count_congested(self.clock.now().mono, 1, true),
        }
        Ok(())
    }

    /// Waits for the first IDR picture; `None` when it is time to stop.
    fn first_key(&self) -> Option<Queued> {
        loop {
            select! {
                recv(self.queue) -> queued => match queued {
                    Ok(queued) if queued.is_key() => return Some(queued),
                    Ok(_) => self.shared.count_dropped(1),
                    Err(_) => return None,
                },
                default(KEY_POLL_INTERVAL) => self.request_key_after_drop(),
                // A stream may be so short that it has ended already.
                recv(self.stopped) -> _ => return self.queue.try_iter().find(Queued::is_key),
            }
        }
    }
}
