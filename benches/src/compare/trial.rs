//! A trial of durability: messages are acknowledged, the server is killed, started again on its files, and
//! asked for the messages.

use std::path::Path;

use millchat_benches::comparison::TRIED;

use super::competitor::Competitor;

/// Returns the number of acknowledged messages in its history before the kill, and after it; `None` without a
/// history.
pub fn survived(competitor: &Competitor, home: &Path) -> Result<Option<(usize, usize)>, String> {
    let Some(history) = &competitor.history else { return Ok(None) };
    eprintln!("  {}: kill -9 after {TRIED} acknowledged messages", competitor.name);
    let contents: Vec<String> = (0..TRIED).map(|number| format!("trial-{number:04}")).collect();
    let count = |text: &str| contents.iter().filter(|content| text.contains(content.as_str())).count();
    let running = competitor.start(home)?;
    for content in &contents {
        (competitor.send)(running.address, content)?;
    }
    let before = count(&history(running.address)?);
    // Dropping it sends SIGKILL: bytes that it has not written are lost.
    drop(running);
    let running = competitor.start(home)?;
    // A server that does not know the room may answer with an error.
    let after = history(running.address).map_or(0, |text| count(&text));
    Ok(Some((before, after)))
}
