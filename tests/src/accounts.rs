//! The users and roles of the v2 API, which has others than v3.

use serde_json::{Value, json};

use crate::server::Server;

impl Server {
    /// Makes the user `root` with this password and turns the v2 API's authentication on, with
    /// nothing left to guests; from then on writes over v2 are root's.
    pub fn enable_auth_v2(&self, password: &str) {
        self.account("users/root", &json!({"user": "root", "password": password}));
        self.account("enable", &Value::Null);
        self.set_user(Some(&format!("root:{password}")));
        self.account("roles/guest", &permissions("guest", "revoke", "/"));
    }

    /// Makes a user of the v2 API with a role of the same name that may read and write below
    /// `prefix`.
    pub fn add_user_v2(&self, name: &str, password: &str, prefix: &str) {
        self.account(&format!("roles/{name}"), &permissions(name, "permissions", prefix));
        self.account(&format!("users/{name}"), &json!({"user": name, "password": password, "roles": [name]}));
    }

    /// Changes the password of a user of the v2 API.
    pub fn change_password_v2(&self, name: &str, password: &str) {
        self.account(&format!("users/{name}"), &json!({"user": name, "password": password}));
    }

    /// Whether a role of the v2 API may read and write below `prefix`, from now on.
    pub fn permit_v2(&self, role: &str, prefix: &str, permit: bool) {
        let what = if permit { "grant" } else { "revoke" };
        self.account(&format!("roles/{role}"), &permissions(role, what, prefix));
    }

    fn account(&self, path: &str, what: &Value) {
        let body = if what.is_null() { String::new() } else { what.to_string() };
        let reply = self.v2_request("PUT", &format!("/v2/auth/{path}"), "application/json", &body);
        let (status, _, body) = reply.unwrap_or_else(|error| panic!("{path}: {error}"));
        assert!(status < 300, "{path}: {status} {body}");
    }
}

fn permissions(role: &str, what: &str, prefix: &str) -> Value {
    let keys = [format!("{prefix}*")];
    json!({"role": role, what: {"kv": {"read": keys, "write": keys}}})
}
