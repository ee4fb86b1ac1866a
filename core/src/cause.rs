//! The cause of an error, kept as an error.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// The cause of an error of the log or of a send: an error of the storage, or a sentence. Cheap to clone.
///
/// It displays the cause's own message and passes on the cause's source, so a chain of sources never says the
/// same thing twice.
#[derive(Clone)]
pub struct Cause(Arc<dyn Error + Send + Sync>);

impl Cause {
    /// Keeps an error.
    pub fn new(error: impl Error + Send + Sync + 'static) -> Self {
        Self(Arc::new(error))
    }
}

impl From<&str> for Cause {
    fn from(sentence: &str) -> Self {
        Self(Arc::from(Box::<dyn Error + Send + Sync>::from(sentence)))
    }
}

impl From<String> for Cause {
    fn from(sentence: String) -> Self {
        Self(Arc::from(Box::<dyn Error + Send + Sync>::from(sentence)))
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Error for Cause {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}
