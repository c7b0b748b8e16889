//! Rust source as tokens: which paths it names, outside comments, strings and its own tests.
//!
//! Tokens and not a syntax tree, because paths inside macros count as well.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// A path as written, resolved from the crate's root where it is relative to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    /// The line it starts on.
    pub(crate) line: usize,
    /// Its parts, for instance `std`, `fs`, `read`. A path of this crate starts with `crate`.
    pub(crate) parts: Vec<String>,
}

/// A module's tokens.
pub(crate) struct Source {
    stream: TokenStream,
}

impl Source {
    /// Reads source text; a file that is not Rust is a problem of the compiler's, not of ours.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        text.parse().ok().map(|stream| Self { stream })
    }

    /// Returns all tokens, nested groups flattened, tests included.
    pub(crate) fn flat(&self) -> Vec<TokenTree> {
        let mut tokens = Vec::new();
        flatten(self.stream.clone(), &mut tokens);
        tokens
    }

    /// Returns every path of two parts or more that is named outside tests. `module` is the path of
    /// the file's own module, from which `self` and `super` are resolved.
    pub(crate) fn paths(&self, module: &[String]) -> Vec<Named> {
        let mut found = Vec::new();
        walk(self.stream.clone(), module, &mut found);
        found
    }

    /// Returns the names of the modules that are declared `#[cfg(test)] mod name;`.
    pub(crate) fn test_modules(&self) -> Vec<String> {
        let tokens: Vec<_> = self.stream.clone().into_iter().collect();
        let mut names = Vec::new();
        for (at, _) in tokens.iter().enumerate() {
            if let Some(after) = skip_test_attribute(&tokens, at)
                && is_ident(tokens.get(after), "mod")
                && let Some(TokenTree::Ident(name)) = tokens.get(after + 1)
            {
                names.push(name.to_string());
            }
        }
        names
    }
}

/// Returns whether a token is this identifier.
pub(crate) fn is_ident(token: Option<&TokenTree>, name: &str) -> bool {
    matches!(token, Some(TokenTree::Ident(ident)) if ident == name)
}

/// Returns whether a token is this punctuation.
pub(crate) fn is_punct(token: Option<&TokenTree>, mark: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == mark)
}

/// Returns the text of a string literal without its quotes and escapes undone as far as needed here.
pub(crate) fn string_of(token: Option<&TokenTree>) -> Option<String> {
    let Some(TokenTree::Literal(literal)) = token else { return None };
    let text = literal.to_string();
    Some(text.strip_prefix('"')?.strip_suffix('"')?.to_owned())
}

fn flatten(stream: TokenStream, into: &mut Vec<TokenTree>) {
    for token in stream {
        let inner = match &token {
            TokenTree::Group(group) => Some(group.stream()),
            _ => None,
        };
        into.push(token);
        if let Some(inner) = inner {
            flatten(inner, into);
        }
    }
}

fn walk(stream: TokenStream, module: &[String], found: &mut Vec<Named>) {
    let tokens: Vec<_> = stream.into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        if let Some(after) = skip_test_attribute(&tokens, at) {
            at = skip_item(&tokens, after);
            continue;
        }
        if is_ident(tokens.get(at), "mod")
            && let (Some(TokenTree::Ident(name)), Some(TokenTree::Group(body))) =
                (tokens.get(at + 1), tokens.get(at + 2))
        {
            let mut inner = module.to_vec();
            inner.push(name.to_string());
            walk(body.stream(), &inner, found);
            at += 3;
            continue;
        }
        match &tokens[at] {
            TokenTree::Ident(_) => at = path(&tokens, at, &[], module, found),
            TokenTree::Group(group) => {
                walk(group.stream(), module, found);
                at += 1;
            }
            _ => at += 1,
        }
    }
}

/// Reads the path that starts at an identifier and returns where it ends.
fn path(
    tokens: &[TokenTree],
    start: usize,
    prefix: &[String],
    module: &[String],
    found: &mut Vec<Named>,
) -> usize {
    let line = tokens[start].span().start().line;
    let mut parts = prefix.to_vec();
    let mut at = start;
    while let Some(TokenTree::Ident(ident)) = tokens.get(at) {
        parts.push(ident.to_string().trim_start_matches("r#").to_owned());
        at += 1;
        if !(is_punct(tokens.get(at), ':') && is_punct(tokens.get(at + 1), ':')) {
            break;
        }
        at += 2;
        if let Some(TokenTree::Group(group)) = tokens.get(at)
            && group.delimiter() == Delimiter::Brace
        {
            branches(group, &parts, module, found);
            return at + 1;
        }
    }
    // One identifier alone names no module, but inside a branch it ends a longer path.
    if parts.len() > 1 {
        found.push(Named { line, parts: resolve(parts, module) });
    }
    at
}

/// Reads the comma-separated branches of `use a::{b, c::d};`.
fn branches(group: &Group, prefix: &[String], module: &[String], found: &mut Vec<Named>) {
    let tokens: Vec<_> = group.stream().into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        if matches!(tokens[at], TokenTree::Ident(_)) {
            at = path(&tokens, at, prefix, module, found);
        }
        while at < tokens.len() && !is_punct(tokens.get(at), ',') {
            at += 1;
        }
        at += 1;
    }
}

/// Turns leading `self` and `super` into a path from the crate's root.
fn resolve(parts: Vec<String>, module: &[String]) -> Vec<String> {
    let ups = parts.iter().take_while(|part| *part == "super" || *part == "self").count();
    if ups == 0 {
        return parts;
    }
    let supers = parts[..ups].iter().filter(|part| *part == "super").count();
    let kept = &module[..module.len().saturating_sub(supers)];
    std::iter::once("crate".to_owned())
        .chain(kept.iter().cloned())
        .chain(parts[ups..].iter().cloned())
        .collect()
}

/// Returns the place after `#[cfg(test)]` and any further attributes, if it stands here.
fn skip_test_attribute(tokens: &[TokenTree], at: usize) -> Option<usize> {
    let attribute = |at: usize| match (tokens.get(at), tokens.get(at + 1)) {
        (Some(TokenTree::Punct(mark)), Some(TokenTree::Group(group)))
            if mark.as_char() == '#' && group.delimiter() == Delimiter::Bracket =>
        {
            Some(group.stream().to_string().replace(' ', ""))
        }
        _ => None,
    };
    if attribute(at)? != "cfg(test)" {
        return None;
    }
    let mut after = at + 2;
    while attribute(after).is_some() {
        after += 2;
    }
    Some(after)
}

/// Returns the place after an item: its body in braces, or its semicolon.
fn skip_item(tokens: &[TokenTree], mut at: usize) -> usize {
    while at < tokens.len() {
        let ends = is_punct(tokens.get(at), ';')
            || matches!(&tokens[at], TokenTree::Group(group) if group.delimiter() == Delimiter::Brace);
        at += 1;
        if ends {
            // `use a::{b};` under the attribute ends with both.
            return if is_punct(tokens.get(at), ';') { at + 1 } else { at };
        }
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(text: &str) -> Vec<String> {
        let module = ["model".to_owned(), "ids".to_owned()];
        let source = Source::parse(text).unwrap();
        source.paths(&module).into_iter().map(|named| named.parts.join("::")).collect()
    }

    #[test]
    fn finds_paths_in_uses_types_and_macros() {
        assert_eq!(
            named(
                "use crate::store::{Store, mem::{A, self as b}}; fn f() { vec![std::fs::read(x)] }"
            ),
            [
                "crate::store::Store",
                "crate::store::mem::A",
                "crate::store::mem::self",
                "std::fs::read"
            ]
        );
    }

    #[test]
    fn resolves_relative_paths_from_the_root() {
        assert_eq!(named("use super::super::net::Link;"), ["crate::net::Link"]);
        assert_eq!(named("use self::x::Y;"), ["crate::model::ids::x::Y"]);
        assert_eq!(named("mod inner { use super::super::text::T; }"), ["crate::model::text::T"]);
    }

    #[test]
    fn passes_over_comments_strings_and_tests() {
        let text = "// std::fs::read\n/// [`std::fs::read`]\nconst A: &str = \"std::fs::read\";\n\
                    #[cfg(test)] mod tests { use std::fs::read; } #[cfg(test)] use std::net::{IpAddr};\n\
                    use std::fmt::Write;";
        assert_eq!(named(text), ["std::fmt::Write"]);
    }

    #[test]
    fn knows_modules_that_are_only_for_tests() {
        let source =
            Source::parse("mod a; #[cfg(test)] mod b; #[cfg(test)] #[path = \"x\"] mod c;");
        assert_eq!(source.unwrap().test_modules(), ["b", "c"]);
    }

    #[test]
    fn knows_the_line_of_a_path() {
        let source = Source::parse("\n\nuse a::b;").unwrap();
        assert_eq!(source.paths(&[])[0].line, 3);
    }
}
