//! What the fuzz targets call.

use crate::cache::Image;

/// A cache file is read from whatever bytes, without and with the right checksum before them; what
/// can be read is written as it was.
pub fn cache(bytes: &[u8]) {
    let sealed = Image::sealed(bytes);
    for file in [bytes, &sealed] {
        if let Ok(image) = Image::decode(file) {
            assert_eq!(image.encode().as_deref(), Ok(file));
        }
    }
}
