//! The cases of names that serde knows too.

use syn::LitStr;

use crate::errors::Errors;

#[derive(Clone, Copy)]
pub(crate) enum Case {
    Lower,
    Upper,
    Pascal,
    Camel,
    Snake,
    ScreamingSnake,
    Kebab,
    ScreamingKebab,
}

const CASES: [(&str, Case); 8] = [
    ("lowercase", Case::Lower),
    ("UPPERCASE", Case::Upper),
    ("PascalCase", Case::Pascal),
    ("camelCase", Case::Camel),
    ("snake_case", Case::Snake),
    ("SCREAMING_SNAKE_CASE", Case::ScreamingSnake),
    ("kebab-case", Case::Kebab),
    ("SCREAMING-KEBAB-CASE", Case::ScreamingKebab),
];

impl Case {
    pub(crate) fn of(text: Option<LitStr>, errors: &mut Errors) -> Option<Self> {
        let text = text?;
        let named = CASES.iter().find(|(name, _)| *name == text.value());
        if named.is_none() {
            let all: Vec<&str> = CASES.iter().map(|(name, _)| *name).collect();
            errors.at(&text, format!("unknown case; there are: {}", all.join(", ")));
        }
        named.map(|(_, case)| *case)
    }

    /// A field's name, which is in snake case, in this case.
    pub(crate) fn apply(self, name: &str) -> String {
        match self {
            Self::Lower | Self::Snake => name.to_owned(),
            Self::Upper | Self::ScreamingSnake => name.to_uppercase(),
            Self::Pascal => name.split('_').map(capitalized).collect(),
            Self::Camel => {
                let pascal = Self::Pascal.apply(name);
                let mut characters = pascal.chars();
                let first = characters.next().map(char::to_lowercase);
                first.into_iter().flatten().chain(characters).collect()
            }
            Self::Kebab => name.replace('_', "-"),
            Self::ScreamingKebab => name.to_uppercase().replace('_', "-"),
        }
    }
}

fn capitalized(word: &str) -> String {
    let mut characters = word.chars();
    let first = characters.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(characters).collect()
}
