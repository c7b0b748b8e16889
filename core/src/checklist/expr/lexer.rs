//! Cuts an expression into tokens. Knows words, not grammar.

use super::fault::FaultKind;
use super::number::Number;
use super::tree::Operator;

/// Longest expression, in characters: a quarter of what a cell of a spreadsheet holds. It bounds
/// the tree, and with it every step of an evaluation.
pub const EXPRESSION_CHARS_MAX: usize = 8_192;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    Number(Number),
    Text(String),
    Reference(String),
    Name(String),
    Own,
    Operator(Operator),
    Open,
    Close,
    Comma,
}

impl Token {
    /// Returns whether an operand may end here, so that a name that follows is an operator.
    fn ends_operand(&self) -> bool {
        !matches!(self, Self::Operator(_) | Self::Open | Self::Comma | Self::Name(_))
    }
}

/// What is wrong, and at which character.
pub(super) type Wrong = (u32, FaultKind);

/// Cuts a text into tokens with the characters where they begin, from 1.
pub(super) fn tokens(text: &str) -> Result<Vec<(Token, u32)>, Wrong> {
    let characters = text.chars().count();
    if characters > EXPRESSION_CHARS_MAX {
        return Err((1, FaultKind::TooLong { characters }));
    }
    let mut lexer = Lexer { rest: text, at: 1 };
    let mut tokens: Vec<(Token, u32)> = Vec::new();
    loop {
        lexer.skip_space();
        let at = lexer.at;
        let after_operand = tokens.last().is_some_and(|(token, _)| token.ends_operand());
        match lexer.token(after_operand)? {
            Some(token) => tokens.push((token, at)),
            None => return Ok(tokens),
        }
    }
}

struct Lexer<'a> {
    rest: &'a str,
    at: u32,
}

impl<'a> Lexer<'a> {
    fn skip_space(&mut self) {
        // Excel's no-break space is white space too.
        let _ = self.take(char::is_whitespace);
    }

    /// Takes the characters that a rule allows.
    fn take(&mut self, allowed: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !allowed(c)).unwrap_or(self.rest.len());
        self.skip(end)
    }

    /// Takes so many bytes, which end at a character.
    fn skip(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.rest = rest;
        self.at = self.at.saturating_add(u32::try_from(taken.chars().count()).unwrap_or(u32::MAX));
        taken
    }

    fn token(&mut self, after_operand: bool) -> Result<Option<Token>, Wrong> {
        let at = self.at;
        let mut ahead = self.rest.chars();
        let (Some(first), second) = (ahead.next(), ahead.next()) else {
            return Ok(None);
        };
        let (token, length) = match (first, second) {
            ('(', _) => (Token::Open, 1),
            (')', _) => (Token::Close, 1),
            (',', _) => (Token::Comma, 1),
            ('+', _) => (Token::Operator(Operator::Add), 1),
            ('-', _) => (Token::Operator(Operator::Subtract), 1),
            ('*', _) => (Token::Operator(Operator::Multiply), 1),
            ('=', Some('=')) => return Err((at, FaultKind::Unexpected { found: "==".to_owned() })),
            ('=', _) => (Token::Operator(Operator::Equal), 1),
            ('!', Some('=')) => (Token::Operator(Operator::NotEqual), 2),
            ('<', Some('=')) => (Token::Operator(Operator::LessOrEqual), 2),
            ('<', _) => (Token::Operator(Operator::Less), 1),
            ('>', Some('=')) => (Token::Operator(Operator::GreaterOrEqual), 2),
            ('>', _) => (Token::Operator(Operator::Greater), 1),
            ('.', Some('.')) | ('/' | '@' | '[' | ']' | '|', _) => {
                return Err((at, FaultKind::Path));
            }
            ('.', Some(digit)) if digit.is_ascii_digit() => return self.number().map(Some),
            ('.', _) => (Token::Own, 1),
            ('$', Some('{')) => return self.reference().map(Some),
            ('\'' | '"', _) => return self.text(first).map(Some),
            (digit, _) if digit.is_ascii_digit() => return self.number().map(Some),
            (letter, _) if letter.is_alphabetic() || letter == '_' => {
                return Ok(Some(self.name(after_operand)));
            }
            _ => return Err((at, FaultKind::Unexpected { found: first.to_string() })),
        };
        let _ = self.skip(length);
        Ok(Some(token))
    }

    fn number(&mut self) -> Result<Token, Wrong> {
        let at = self.at;
        let written = self.take(|c| c.is_ascii_digit() || c == '.');
        // XPath allows the full stop at the end.
        let written = written.strip_suffix('.').unwrap_or(written);
        match Number::parse(written) {
            Ok(number) => Ok(Token::Number(number)),
            Err(reason) => Err((at, FaultKind::Number { reason })),
        }
    }

    fn text(&mut self, quote: char) -> Result<Token, Wrong> {
        let at = self.at;
        let _ = self.skip(quote.len_utf8());
        let text = self.take(|c| c != quote);
        if self.rest.is_empty() {
            return Err((at, FaultKind::Unclosed { what: "text" }));
        }
        let _ = self.skip(quote.len_utf8());
        Ok(Token::Text(text.to_owned()))
    }

    fn reference(&mut self) -> Result<Token, Wrong> {
        let at = self.at;
        let _ = self.skip("${".len());
        let name = self.take(|c| c != '}').trim();
        if self.rest.is_empty() {
            return Err((at, FaultKind::Unclosed { what: "reference" }));
        }
        let _ = self.skip("}".len());
        Ok(Token::Reference(name.to_owned()))
    }

    fn name(&mut self, after_operand: bool) -> Token {
        let name = self.take(|c| c.is_alphanumeric() || "_-.:".contains(c));
        let operator = match name {
            "or" => Operator::Or,
            "and" => Operator::And,
            "div" => Operator::Divide,
            "mod" => Operator::Modulo,
            _ => return Token::Name(name.to_owned()),
        };
        if after_operand { Token::Operator(operator) } else { Token::Name(name.to_owned()) }
    }
}
