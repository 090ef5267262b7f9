//! How the options of the async calls are passed on to them.

/// Options of calls, as methods of the pending blocking ones.
macro_rules! options {
    ($($call:ty { $($option:ident($($name:ident: $type:ty),*);)* })*) => {
        $(impl Pending<$call> {
            $(
                #[doc = concat!("The option `", stringify!($option), "` of the async call.")]
                pub fn $option(self, $($name: $type),*) -> Self {
                    self.map(|call| call.$option($($name),*))
                }
            )*
        })*
    };
}

pub(super) use options;
