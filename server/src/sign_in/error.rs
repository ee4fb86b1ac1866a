//! Sign-ins that came to nothing.

use crate::outgoing::CallError;

/// A sign-in that came to nothing. The words are for the log: none has a token, a code or a secret.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// It did not begin here, or too long ago, or it was used already.
    #[error("{0}")]
    Expired(&'static str),
    /// The provider, or `only` of the settings, does not let the person in.
    #[error("{0}")]
    Refused(String),
    /// A check failed.
    #[error("{0}")]
    Invalid(String),
    /// The provider does not answer as one.
    #[error("{0}")]
    Unreachable(String),
    /// The provider cannot be called.
    #[error(transparent)]
    Call(CallError),
    /// As many calls as there may be are under way.
    #[error("too many sign-ins are under way")]
    Busy(#[source] CallError),
}

impl SignInError {
    /// A check failed; the word is one of a provider.
    pub fn invalid(why: impl Into<String>) -> Self {
        Self::Invalid(why.into())
    }

    /// The label of the metric.
    pub fn outcome(&self) -> &'static str {
        match self {
            Self::Expired(_) => "expired",
            Self::Refused(_) => "refused",
            Self::Invalid(_) => "invalid",
            Self::Unreachable(_) | Self::Call(_) => "unreachable",
            Self::Busy(_) => "busy",
        }
    }
}

impl From<CallError> for SignInError {
    fn from(error: CallError) -> Self {
        if matches!(error, CallError::Busy(_)) { Self::Busy(error) } else { Self::Call(error) }
    }
}
