//! Compaction of the hub's journal, in the background: `core::replica` decides what is kept and how, this
//! says when.

use std::sync::Arc;
use std::time::Duration;

use bienban_core::clock;
use bienban_core::replica::Hub;
use tokio::sync::watch;

/// Between two parts of the journal: whoever pushes or asks meanwhile has the disk for himself.
const PAUSE: Duration = Duration::from_millis(500);

/// Looks for something to do after each `every`, until `stop` turns true; never where that is zero. A failure is told in the log, and
/// it is tried again; nothing depends on it.
pub(crate) async fn run(hub: Arc<Hub>, every: Duration, mut stop: watch::Receiver<bool>) {
    if every.is_zero() {
        return;
    }
    let mut wait = every;
    loop {
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            _ = stop.wait_for(|stop| *stop) => return,
        }
        let hub = hub.clone();
        let step = tokio::task::spawn_blocking(move || hub.replica().condense(clock::now())).await;
        wait = every;
        match step {
            Ok(Ok(Some(done))) => {
                if done.lengths.after < done.lengths.before {
                    tracing::info!(
                        segment = done.segment,
                        before = done.lengths.before,
                        after = done.lengths.after,
                        "a part of the journal was shortened"
                    );
                }
                if let Some(why) = &done.stayed {
                    tracing::warn!(
                        segment = done.segment,
                        error = %why,
                        "a part of the journal stays as long as it is"
                    );
                }
                wait = PAUSE;
            }
            Ok(Ok(None)) => {}
            Ok(Err(error)) => tracing::warn!(error = %error, "the journal was not shortened"),
            Err(error) => tracing::error!(error = %error, "shortening the journal stopped"),
        }
    }
}
