//! Giving entries a new expiry, as the window drives it: asked for, planned and shown as a clear is.

use cachescope_core::clear::Fresh;
use cachescope_core::model::Time;
use cachescope_core::ops::query::units;

use super::command::KeepCommand;
use super::session::Session;
use super::state::{AskedFor, Dialog, KeepForm, Request, Scope};

/// What stands in the field at first.
const SPAN: &str = "30d";

impl Session {
    pub(crate) fn keep(&mut self, command: KeepCommand) {
        match command {
            KeepCommand::Ask(scope) => {
                let n_entries = self.state.shown().map_or(0, |store| match scope {
                    Scope::Selected => store.entries.selection.len() as u64,
                    Scope::Found => {
                        let arranged = store.entries.arranged.as_ref();
                        arranged.map_or(0, |arranged| arranged.rows.len() as u64)
                    }
                });
                self.state.dialog = Some(Dialog::Keep(KeepForm {
                    scope,
                    n_entries,
                    span: SPAN.to_owned(),
                    error: None,
                }));
            }
            KeepCommand::Plan => self.plan_to_keep(),
        }
    }

    fn plan_to_keep(&mut self) {
        let now = (self.clock)();
        let Some(Dialog::Keep(form)) = &mut self.state.dialog else {
            return;
        };
        let expires = match expiry(&form.span, now) {
            Ok(expires) => expires,
            Err(why) => {
                form.error = Some(why);
                return;
            }
        };
        let (scope, span) = (form.scope, form.span.trim().to_owned());
        let Some((snapshot, chosen)) = self.chosen(Some(scope)) else {
            return;
        };
        let asked = AskedFor {
            expires: Some(span),
            ..self.asked_for(scope)
        };
        let request = Request {
            snapshot,
            chosen,
            policy: None,
            fresh: Fresh::Stays,
            expires: Some(expires),
        };
        self.show_plan(asked, request);
    }
}

/// The time that lies a typed span ahead.
fn expiry(span: &str, now: Time) -> Result<Time, String> {
    let secs = units::span_secs(span.trim())?;
    Time::from_unix_f64(now.unix_f64() + secs).ok_or_else(|| "That is too long".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_leads_to_a_time_or_to_a_sentence() {
        let now = Time::from_unix(1_000_000, 0);
        let in_two_days = Time::from_unix(1_000_000 + 2 * 86_400, 0);
        assert_eq!(expiry(" 2d ", now), Ok(in_two_days));
        assert!(expiry("soon", now).is_err());
        assert!(expiry("", now).is_err());
    }
}
