//! One schema of a type and a prefix for all configurations of the process.

use std::any::TypeId;
use std::collections::HashMap;
use std::ffi::OsString;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use etcd_client_core::Prefix;

use super::context::Context;
use super::derived::Derived;
use super::survey::Type;
use crate::leaf::IN_SOURCE;
use crate::problem::Problem;
use crate::runtime::process::PerProcess;
use crate::schema::Schema;
use crate::schema::secrecy::Secrecy;

type Schemas = HashMap<(TypeId, Prefix), Weak<Schema>>;

/// The schemas of all configurations whose literal defaults are good.
static SCHEMAS: PerProcess<Mutex<Schemas>> = PerProcess::new();

impl Context {
    /// For reading a `T` from below `prefix`, with the environment of this process.
    pub fn new<T: Derived>(prefix: Prefix) -> Self {
        Self::with_environment::<T>(prefix, |name| std::env::var_os(name))
    }

    /// The same with another environment.
    pub fn with_environment<T: Derived>(prefix: Prefix, variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let (schema, defaults) = schema_of(Type::of::<T>(), &prefix);
        Self::of(schema, defaults, prefix, &variable)
    }
}

/// The fields of a type below a prefix, with what is wrong with their literal defaults: as found for another
/// configuration that is still there, if nothing was wrong.
fn schema_of(ty: Type, prefix: &Prefix) -> (Arc<Schema>, Vec<Problem>) {
    let place = (ty.id, prefix.clone());
    if let Some(schema) = with_schemas(|all| all.get(&place).and_then(Weak::upgrade)) {
        return (schema, Vec::new());
    }
    // Not under the lock: it runs the user's code.
    let (branch, mut defaults) = ty.survey(Some(prefix));
    let schema = Arc::new(Schema::new(branch, prefix));
    hide_secrets(&mut defaults, &schema, prefix);
    if defaults.is_empty() {
        with_schemas(|all| {
            // Not each time, so that adding many prefixes does not cost the square of their number.
            if all.len().is_power_of_two() {
                all.retain(|_, schema| schema.strong_count() > 0);
            }
            all.insert(place, Arc::downgrade(&schema));
        });
    }
    (schema, defaults)
}

fn with_schemas<R>(work: impl FnOnce(&mut Schemas) -> R) -> R {
    SCHEMAS.with(|all| work(&mut all.lock().unwrap_or_else(PoisonError::into_inner)))
}

/// What one field calls secret is secret for the others that read its key.
fn hide_secrets(problems: &mut [Problem], schema: &Schema, prefix: &Prefix) {
    if problems.is_empty() {
        return;
    }
    let secrecy = Secrecy::of(schema.branch(), prefix);
    for problem in problems.iter_mut().filter(|problem| problem.value.is_some()) {
        if prefix.relative(problem.key.as_bytes()).is_some_and(|path| secrecy.is_secret(path)) {
            problem.value = None;
            problem.what = format!("(secret) is of no use{IN_SOURCE}");
        }
    }
}
