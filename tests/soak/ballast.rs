//! Large values that no field reads, below the prefix: they are on their way for a while where the
//! link is slow.

use std::sync::Arc;

use etcd_client_core::{Error, Kind, v2, v3};

use crate::observer::Mark;
use crate::stage::Stage;
use crate::writer::Writer;

const DIRECTORY: &str = "/soak/ballast";
const KEYS: u32 = 20;
const ROUNDS: u32 = 15;
const BYTES: usize = 60 << 10;

/// Writes each key several times, in each key space.
pub(crate) async fn write(stage: &Stage) -> Result<(), Error> {
    let v3 = v3::Client::new(stage.cluster.endpoints())?;
    let v2 = v2::Client::new(stage.cluster.endpoints())?;
    let value = "b".repeat(BYTES);
    for number in 0..KEYS * ROUNDS {
        let key = format!("{DIRECTORY}/{}", number % KEYS);
        v3.put(&*key, value.clone()).await?;
        if stage.has_v2 {
            v2.set(&key, value.clone()).await?;
        }
    }
    Ok(())
}

/// How far each key space has come: what every configuration must have that says to be as far.
pub(crate) async fn marks(stage: &Stage, writers: &[Writer]) -> Result<Vec<Mark>, Error> {
    let mut marks = Vec::new();
    for Writer { api, truth, .. } in writers {
        let (truth, step) = (Arc::clone(truth), truth.confirmed());
        let revision = if *api == "v3" {
            v3::Client::new(stage.cluster.endpoints())?.get(DIRECTORY).await?.header.revision
        } else {
            let answer = v2::Client::new(stage.cluster.endpoints())?.get(DIRECTORY).quorum(true).await?;
            answer.headers().etcd_index().unwrap_or(0)
        };
        marks.push(Mark { truth, revision, step });
    }
    Ok(marks)
}

/// Deletes all of it.
pub(crate) async fn clear(stage: &Stage) -> Result<(), Error> {
    v3::Client::new(stage.cluster.endpoints())?.delete(format!("{DIRECTORY}/")).prefix().await?;
    if stage.has_v2 {
        let deleted = v2::Client::new(stage.cluster.endpoints())?.rmdir(DIRECTORY).recursive(true).await;
        deleted
            .map(drop)
            .or_else(|error| if error.kind() == Kind::NotFound { Ok(()) } else { Err(error) })?;
    }
    Ok(())
}
