//! The kinds of fleets that are measured.

/// A fleet of one kind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scene {
    pub(crate) name: &'static str,
    /// Whether the instances are listed in the fleet.
    pub(crate) is_listed: bool,
    /// Whether each has a layer of its zone and one of its own over the prefix.
    pub(crate) is_layered: bool,
    /// Whether etcd's proxy for gRPC is between.
    pub(crate) has_proxy: bool,
}

pub(crate) const SCENES: [Scene; 5] = [
    Scene { name: "one prefix, not listed", is_listed: false, is_layered: false, has_proxy: false },
    Scene { name: "one prefix", is_listed: true, is_layered: false, has_proxy: false },
    Scene { name: "three layers, not listed", is_listed: false, is_layered: true, has_proxy: false },
    Scene { name: "three layers", is_listed: true, is_layered: true, has_proxy: false },
    Scene { name: "three layers, grpc-proxy", is_listed: true, is_layered: true, has_proxy: true },
];
