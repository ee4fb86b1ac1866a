//! The log lines that say when this node stops serving and why, when it serves again, and when it leads.

use std::time::Duration;

use millchat::Chat;
use millchat::cluster::NodeState;

/// The node is looked at this often: a change that is undone between two looks is not told.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Tells the changes, until the process ends. A node that starts is not current yet, and that is not told.
pub(super) async fn tell_changes(chat: Chat) {
    let (mut was_current, mut led) = (None, false);
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let Some(state) = chat.cluster() else { continue };
        if state.is_leader != led {
            led = state.is_leader;
            let term = state.mark.term;
            if led {
                tracing::info!(term, "this node leads");
            } else {
                tracing::info!(term, "this node does not lead any more");
            }
        }
        match (was_current, state.is_current) {
            (None | Some(false), true) => tracing::info!("this node is current"),
            (Some(true), false) => {
                tracing::warn!(why = why(&state), "this node is not current, and serves nobody");
            }
            _ => {}
        }
        if was_current.is_some() || state.is_current {
            was_current = Some(state.is_current);
        }
    }
}

fn why(state: &NodeState) -> String {
    if let Some(stopped) = &state.stopped {
        return stopped.clone();
    }
    if let Some(ahead) = state.clock_ahead_ms {
        return format!("its clock is {ahead} ms ahead of the journal's");
    }
    match state.newest.saturating_sub(state.mark.seq) {
        0 => "no entry of the journal came for long, or the other nodes have read another one".to_owned(),
        behind => format!("it has not read the newest entries of the journal: {behind}"),
    }
}
