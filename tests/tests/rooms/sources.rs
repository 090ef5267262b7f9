//! The modules of a crate, and what they import.

use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A crate's modules that are files, by their paths; the root's is empty.
pub(crate) struct Sources {
    imports: Vec<Import>,
}

/// One module takes a name from another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Import {
    pub(crate) from: String,
    pub(crate) to: String,
}

/// A path in the source, such as `crate::a::b::C`, and whether a `use` has it.
#[derive(Clone, Debug)]
struct Named {
    path: Vec<String>,
    is_use: bool,
    /// In how many modules of the same file it stands.
    depth: usize,
}

impl Sources {
    /// All files below `src`.
    pub(crate) fn read(src: &Path) -> Self {
        let mut files = Vec::new();
        collect(src, src, &mut files);
        let files: Vec<(&str, &str)> = files.iter().map(|(module, text)| (&module[..], &text[..])).collect();
        Self::of(&files)
    }

    /// These modules, with their texts.
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let mut named = BTreeMap::new();
        for (module, text) in files {
            let tokens = TokenStream::from_str(text).unwrap_or_else(|error| panic!("{module}: {error}"));
            let mut found = Vec::new();
            walk(tokens, 0, &mut found);
            named.insert((*module).to_owned(), found);
        }
        let mut imports = Vec::new();
        for (module, found) in &named {
            for one in found {
                let Some(path) = absolute(one, module, &named) else { continue };
                let to = origin(&path, &named, 8);
                if to != *module {
                    imports.push(Import { from: module.clone(), to });
                }
            }
        }
        Self { imports }
    }

    pub(crate) fn imports(&self) -> &[Import] {
        &self.imports
    }
}

fn collect(src: &Path, folder: &Path, files: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            collect(src, &path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let below = path.strip_prefix(src).expect("it is below").with_extension("");
            let segments: Vec<_> = below.iter().map(|segment| segment.to_string_lossy()).collect();
            let module = segments.join("::");
            let module = if module == "lib" { String::new() } else { module };
            if module.ends_with("::tests") {
                continue;
            }
            files.push((module, std::fs::read_to_string(&path).expect("the file can be read")));
        }
    }
}

/// Finds the paths that begin in this crate. Comments are no tokens, and texts are none of these.
fn walk(tokens: TokenStream, depth: usize, found: &mut Vec<Named>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Ident(word) if word == "mod" => {
                if let (Some(name), Some(TokenTree::Group(group))) = (tokens.get(at + 1), tokens.get(at + 2))
                {
                    // Unit tests may use what is above.
                    if name.to_string() != "tests" {
                        walk(group.stream(), depth + 1, found);
                    }
                    at += 2;
                }
            }
            TokenTree::Ident(word) if word == "use" => {
                let end = (at..tokens.len()).find(|&end| is_mark(&tokens[end], ';')).unwrap_or(tokens.len());
                let mut leaves = Vec::new();
                tree(&tokens[at + 1..end], &[], &mut leaves);
                found.extend(leaves.into_iter().map(|path| Named { path, is_use: true, depth }));
                at = end;
            }
            TokenTree::Ident(word) if word == "crate" || word == "super" => {
                let end = path_end(&tokens, at);
                let path: Vec<String> = words(&tokens[at..end]);
                // Alone it is a visibility: pub(crate).
                if path.len() > 1 && !is_visibility(&tokens, at) {
                    found.push(Named { path, is_use: false, depth });
                }
                at = end - 1;
            }
            TokenTree::Group(group) => walk(group.stream(), depth, found),
            _ => {}
        }
        at += 1;
    }
}

/// `pub(in crate::v2)`: the path says how far a name may be seen, and takes none.
fn is_visibility(tokens: &[TokenTree], at: usize) -> bool {
    at.checked_sub(1).is_some_and(|before| matches!(&tokens[before], TokenTree::Ident(word) if word == "in"))
        && at == 1
}

fn is_mark(token: &TokenTree, mark: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == mark)
}

/// One after the last token of the path that begins at `at`.
fn path_end(tokens: &[TokenTree], at: usize) -> usize {
    let mut end = at + 1;
    while tokens.len() > end + 2
        && is_mark(&tokens[end], ':')
        && is_mark(&tokens[end + 1], ':')
        && matches!(tokens[end + 2], TokenTree::Ident(_))
    {
        end += 3;
    }
    end
}

fn words(tokens: &[TokenTree]) -> Vec<String> {
    let words = tokens.iter().filter_map(|token| match token {
        TokenTree::Ident(word) => Some(word.to_string()),
        _ => None,
    });
    words.collect()
}

/// The leaves of a `use` tree.
fn tree(tokens: &[TokenTree], before: &[String], leaves: &mut Vec<Vec<String>>) {
    for branch in tokens.split(|token| is_mark(token, ',')) {
        let group = branch.iter().position(
            |token| matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace),
        );
        let end = group.unwrap_or(branch.len());
        let names = words(&branch[..end]);
        // What it is called here is no part of the path.
        let names: Vec<String> = names.into_iter().take_while(|name| name != "as").collect();
        let path: Vec<String> = before.iter().cloned().chain(names).filter(|name| !name.is_empty()).collect();
        match group.map(|at| &branch[at]) {
            Some(TokenTree::Group(group)) => {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                tree(&inner, &path, leaves);
            }
            _ if path.is_empty() => {}
            _ => leaves.push(path),
        }
    }
}

/// The path from the root of the crate, if it leads into the crate.
fn absolute(named: &Named, module: &str, all: &BTreeMap<String, Vec<Named>>) -> Option<Vec<String>> {
    let mut base: Vec<String> =
        module.split("::").filter(|name| !name.is_empty()).map(str::to_owned).collect();
    let mut depth = named.depth;
    let mut path = &named.path[..];
    match path.first()?.as_str() {
        "crate" => return Some(path[1..].to_vec()),
        "self" | "super" => {
            while let Some(first) = path.first().filter(|first| *first == "self" || *first == "super") {
                match first.as_str() {
                    "super" if depth > 0 => depth -= 1,
                    "super" => {
                        base.pop()?;
                    }
                    _ => {}
                }
                path = &path[1..];
            }
            // It stays within the file.
            if depth > 0 {
                return None;
            }
        }
        child => {
            let own = base.iter().map(String::as_str).chain([child]).collect::<Vec<_>>().join("::");
            if !all.contains_key(&own) {
                return None;
            }
        }
    }
    base.extend(path.iter().cloned());
    Some(base)
}

/// The module that a path leads to, through what modules hand on.
fn origin(path: &[String], all: &BTreeMap<String, Vec<Named>>, hops: usize) -> String {
    let lengths = (0..=path.len()).rev();
    let longest = lengths.map(|length| path[..length].join("::")).find(|module| all.contains_key(module));
    let module = longest.unwrap_or_default();
    let length = module.split("::").filter(|name| !name.is_empty()).count();
    let Some(name) = path.get(length).filter(|name| *name != "self") else {
        return module;
    };
    let handed_on = all[&module].iter().filter(|named| named.is_use && named.depth == 0);
    let mut handed_on = handed_on.filter(|named| named.path.last() == Some(name));
    if let Some(next) = handed_on.next().filter(|_| hops > 0)
        && let Some(next) = absolute(next, &module, all)
        && next != path
    {
        return origin(&next, all, hops - 1);
    }
    module
}
