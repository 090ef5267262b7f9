//! What the fuzz targets call.

use crate::cache::Image;
use crate::document::Format;
use crate::document::round_trips::{any_text, round_trip};

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

/// A text is read as a document in each format, and as the text of a key that is in one.
pub fn document(text: &str, format: Format) {
    any_text(text, format);
    round_trip(text);
}
