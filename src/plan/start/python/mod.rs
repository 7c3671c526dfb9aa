//! Reads Python source as text: never imported, never run. `tokens` splits a file into logical lines, so that nothing in
//! a string or comment is taken for code; `module` collects what a module imports, defines and does at its top level.

pub(super) mod module;
mod stdlib;
mod tokens;

pub(super) use module::Module;
pub(super) use stdlib::is_stdlib;

/// Whether a text is a dotted name such as `app.main`: what may stand before and after the colon of an import string.
pub(super) fn is_dotted_name(text: &str) -> bool {
    text.split('.').all(is_identifier)
}

/// Whether a text is a plain ASCII identifier and no keyword.
pub(super) fn is_identifier(text: &str) -> bool {
    const KEYWORDS: &[&str] = &[
        "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del",
        "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal",
        "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
    ];
    text.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !KEYWORDS.contains(&text)
}
