//! Lists of servers, as programs have them.

/// What names the servers of a cluster: a list of addresses, or one address alone.
///
/// Anything over which one can iterate and whose items are text is a list; text is a list of one. For the
/// forms of an address see [`v2::ClientBuilder::endpoints`](crate::v2::ClientBuilder::endpoints),
/// [`v3::ClientBuilder::endpoints`](crate::v3::ClientBuilder::endpoints).
///
/// ```
/// use etcd_client_core::v2::Client;
///
/// Client::new("127.0.0.1:2379")?;
/// Client::new(["http://10.0.0.1:2379", "http://10.0.0.2:2379"])?;
/// Client::new("10.0.0.1:2379,10.0.0.2:2379".split(','))?;
/// # Ok::<(), etcd_client_core::Error>(())
/// ```
///
/// `Form` keeps the two apart for the compiler, which finds it by itself.
#[diagnostic::on_unimplemented(
    message = "`{Self}` names no endpoints",
    label = "give an address, or a list of addresses, as text"
)]
pub trait Endpoints<Form> {
    /// The addresses, in their order.
    fn into_list(self) -> Vec<String>;
}

/// The form of one address.
#[derive(Clone, Copy, Debug)]
pub enum One {}

/// The form of a list.
#[derive(Clone, Copy, Debug)]
pub enum Many {}

impl<S: Into<String>> Endpoints<One> for S {
    fn into_list(self) -> Vec<String> {
        vec![self.into()]
    }
}

impl<I: IntoIterator<Item: Into<String>>> Endpoints<Many> for I {
    fn into_list(self) -> Vec<String> {
        self.into_iter().map(Into::into).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list<Form>(endpoints: impl Endpoints<Form>) -> Vec<String> {
        endpoints.into_list()
    }

    #[test]
    fn one_address_is_a_list_of_one() {
        let owned = "a:1".to_owned();
        assert_eq!(
            [list("a:1"), list(&owned), list(owned.clone()), list(['a'])].concat(),
            ["a:1", "a:1", "a:1", "a"]
        );
        let many = ["a:1", "b:2"];
        let vec = vec![owned, "b:2".to_owned()];
        for read in [list(many), list(&vec), list(vec.clone()), list("a:1,b:2".split(',')), list(vec.iter())]
        {
            assert_eq!(read, many);
        }
        assert!(list([""; 0]).is_empty());
    }
}
