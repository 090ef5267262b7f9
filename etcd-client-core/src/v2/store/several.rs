//! Several directories, which the API reads one by one.
//!
//! There is no read of more than one directory at one index. So they are read in rounds until two of them agree: then they
//! are what they were when the first one ended. A watch of one says nothing of the others, so with each change they are
//! read again.

use super::listing::path_names;
use crate::store::{BoxFuture, Listing, Prefix, Store, concurrently};
use crate::v2::client::Client;
use crate::{Error, Kind, Printable};

/// How often they are read, if they change meanwhile.
const ROUNDS: usize = 10;

pub(super) async fn list(client: Client, prefix: Prefix) -> Result<Listing, Error> {
    check_spelling(&prefix)?;
    let mut before = round(&client, &prefix).await?;
    for _ in 1..ROUNDS {
        let after = round(&client, &prefix).await?;
        if before.iter().zip(&after).all(|(before, after)| before.entries == after.entries) {
            return joined(before);
        }
        before = after;
    }
    let message = format!("{prefix} change faster than they can be read");
    Err(Error::new(Kind::Unavailable, message))
}

/// Each directory, at an index of its own.
async fn round(client: &Client, prefix: &Prefix) -> Result<Vec<Listing>, Error> {
    let calls = prefix.parts().map(|directory| -> BoxFuture<_> {
        let call = client.list(&directory);
        Box::pin(async move { call.await.map_err(|error| directory.name_refusal(error)) })
    });
    concurrently(calls.collect()).await
}

/// The directories of a round, at the last of its indexes.
fn joined(round: Vec<Listing>) -> Result<Listing, Error> {
    let mut all = Listing::default();
    for Listing { revision, cluster, entries } in round {
        if cluster != 0 && all.cluster != 0 && cluster != all.cluster {
            let message = "the endpoints belong to different clusters, so that no listing is of one";
            return Err(Error::new(Kind::Unavailable, message));
        }
        (all.revision, all.cluster) = (all.revision.max(revision), all.cluster.max(cluster));
        all.entries.extend(entries);
    }
    Ok(all)
}

/// `app` and `/app` are one directory here.
pub(super) fn check_spelling(prefix: &Prefix) -> Result<(), Error> {
    let directories: Vec<(&str, Vec<&str>)> =
        prefix.directories().map(|directory| (directory, path_names(directory).collect())).collect();
    for (number, (one, names)) in directories.iter().enumerate() {
        for (other, others) in &directories[number + 1..] {
            if names.starts_with(others) || others.starts_with(names) {
                let [one, other] = [*one, *other].map(|one| Printable::line(one).to_string());
                let message =
                    format!("over the v2 API {one} and {other} are one directory, or one lies in the other");
                return Err(Error::new(Kind::InvalidRequest, message));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_that_only_v2_has_as_one_are_refused() {
        let check =
            |one: &str, other: &str| check_spelling(&Prefix::new(one).and(&Prefix::new(other)).unwrap());
        assert!(check("/app", "/app@eu").is_ok());
        for (one, other) in [("/app", "app"), ("//app", "/app"), ("/app", "app/eu"), ("/", "app")] {
            let error = check(one, other).unwrap_err();
            assert!(error.kind() == Kind::InvalidRequest && error.to_string().contains("v2"), "{error}");
        }
    }

    #[test]
    fn a_round_is_at_the_last_of_its_indexes_and_of_one_cluster() {
        let of = |revision, cluster| Listing { revision, cluster, entries: Vec::new() };
        let all = joined(vec![of(7, 3), of(9, 0), of(8, 3)]).unwrap();
        assert_eq!((all.revision, all.cluster), (9, 3));
        assert!(joined(vec![of(7, 3), of(7, 4)]).is_err());
    }
}
