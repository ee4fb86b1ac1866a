//! The command line with the variables of the environment. An empty variable counts as unset, since that is
//! what those who compose environments mean by it; and an error about a variable names it, and not only its
//! flag.

use std::env;
use std::ffi::{OsStr, OsString};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, CommandFactory, Error, FromArgMatches};

use crate::origin::Origins;

/// Reads arguments, the first of which is the program, and the variables that are set.
pub fn parse<P: CommandFactory + FromArgMatches>(
    args: impl IntoIterator<Item = impl Into<OsString>>,
) -> Result<(P, Origins), Error> {
    let args: Vec<OsString> = args.into_iter().map(Into::into).collect();
    let command = P::command();
    // What it knows about its own arguments is there once it is built.
    let mut built = command.clone();
    built.build();
    // Without the variables first: then an error is of the flags.
    let flags = match with_variables(command.clone(), &|_| false).try_get_matches_from(&args) {
        Ok(flags) => flags,
        Err(error) if error.use_stderr() => return Err(without_secret(error, &built)),
        // The help names the variables, whatever they are.
        Err(error) => return Err(command.try_get_matches_from(args).err().unwrap_or(error)),
    };
    with_variables(command.clone(), &is_set)
        .try_get_matches_from(&args)
        .and_then(|matches| Ok((P::from_arg_matches(&matches)?, Origins::of(&built, &matches))))
        .map_err(|error| with_names(without_secret(error, &built), &levels(&built, &flags)))
}

/// Returns true if a variable is set, and not to nothing.
pub fn is_set(name: &OsStr) -> bool {
    env::var_os(name).is_some_and(|value| !value.is_empty())
}

/// Leaves a command those of its variables that are to be read.
fn with_variables(command: Command, read: &dyn Fn(&OsStr) -> bool) -> Command {
    let command = command
        .mut_args(|arg| if arg.get_env().is_none_or(read) { arg } else { arg.env(None::<&'static str>) });
    command.mut_subcommands(|command| with_variables(command, read))
}

/// The commands of a command line, from the program on, each with what its flags say.
fn levels<'a>(mut command: &'a Command, mut flags: &'a ArgMatches) -> Vec<(&'a Command, &'a ArgMatches)> {
    let mut levels = vec![(command, flags)];
    while let Some((name, below)) = flags.subcommand()
        && let Some(found) = command.find_subcommand(name)
    {
        (command, flags) = (found, below);
        levels.push((command, flags));
    }
    levels
}

/// Names the variables in an error that is not of the flags.
fn with_names(mut error: Error, levels: &[(&Command, &ArgMatches)]) -> Error {
    let variables = || {
        levels.iter().flat_map(|(command, flags)| {
            command.get_arguments().filter_map(|arg| Some((arg, variable(arg, flags)?)))
        })
    };
    if error.kind() == ErrorKind::InvalidUtf8 {
        let is_wrong = |name: &&OsStr| env::var_os(name).is_some_and(|value| value.to_str().is_none());
        let names: Vec<_> =
            variables().map(|(_, name)| name).filter(is_wrong).map(OsStr::to_string_lossy).collect();
        return Error::raw(
            ErrorKind::InvalidUtf8,
            format!("the variable {} is not UTF-8\n", names.join(", ")),
        );
    }
    let named = |shown: &String| match variables().find(|(arg, _)| arg.to_string() == *shown) {
        Some((_, name)) => format!("{} (the variable of {shown})", name.to_string_lossy()),
        None => shown.clone(),
    };
    for kind in [ContextKind::InvalidArg, ContextKind::PriorArg] {
        let value = match error.get(kind) {
            Some(ContextValue::String(shown)) => ContextValue::String(named(shown)),
            Some(ContextValue::Strings(shown)) => ContextValue::Strings(shown.iter().map(named).collect()),
            _ => continue,
        };
        error.insert(kind, value);
    }
    error
}

/// The variable from which an argument has its value, if it has it from one.
fn variable<'a>(arg: &'a Arg, flags: &ArgMatches) -> Option<&'a OsStr> {
    let is_flag = flags.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine);
    arg.get_env().filter(|name| !is_flag && is_set(name))
}

/// Takes a secret out of the error about it.
fn without_secret(mut error: Error, command: &Command) -> Error {
    fn is_secret(command: &Command, shown: &str) -> bool {
        let mut args = command.get_arguments();
        args.any(|arg| arg.is_hide_env_values_set() && arg.to_string() == shown)
            || command.get_subcommands().any(|command| is_secret(command, shown))
    }
    if let Some(ContextValue::String(shown)) = error.get(ContextKind::InvalidArg)
        && is_secret(command, shown)
        && error.get(ContextKind::InvalidValue).is_some()
    {
        error.insert(ContextKind::InvalidValue, ContextValue::String("\u{2026}".to_owned()));
    }
    error
}
