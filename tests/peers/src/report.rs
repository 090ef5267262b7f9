//! The results as one page with pictures, readable without a network: `target/report/index.html`. The pictures are
//! kept in `pictures/`, too, for documents.

mod page;
mod plot;
mod record;

use std::fs;
use std::io;
use std::path::PathBuf;

use crate::report::page::Section;
use crate::report::record::Record;
use crate::rows::ROWS;
use crate::subjects::home;

/// Writes the page and the pictures; answers where the page is.
pub(crate) fn write() -> io::Result<PathBuf> {
    let records = record::read_all(&home().join("results"))?;
    let sections: Vec<Section> =
        ROWS.iter().filter_map(|row| Section::of(row.name, row.what, &records)).collect();
    let (folder, pictures) = (home().join("../../target/report"), home().join("pictures"));
    fs::create_dir_all(&folder)?;
    fs::create_dir_all(&pictures)?;
    for (name, picture) in sections.iter().flat_map(Section::files) {
        fs::write(pictures.join(name), picture)?;
    }
    let page = folder.join("index.html");
    fs::write(&page, page::html(&sections, records.iter().map(Record::session).max()))?;
    page.canonicalize()
}
