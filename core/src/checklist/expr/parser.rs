//! Puts tokens together to a tree, by the grammar of XPath 1.0 without its paths.

use super::fault::FaultKind;
use super::lexer::{Token, Wrong, tokens};
use super::tree::{Node, Operator, Tree};

/// Deepest nesting of parentheses, arguments and minus signs: twice what anybody could still read.
/// It bounds the stack of parser, checker and evaluation.
pub const NESTING_MAX: u32 = 48;

/// Parses an expression. Names are not looked up.
///
/// # Errors
///
/// Returns the first fault of the grammar and the character where it is, from 1.
pub fn parse(text: &str) -> Result<Tree, (u32, FaultKind)> {
    let end = u32::try_from(text.chars().count()).unwrap_or(u32::MAX).saturating_add(1);
    let mut parser = Parser { tokens: tokens(text)?.into_iter().peekable(), end, nesting: 0 };
    if parser.tokens.peek().is_none() {
        return Err((1, FaultKind::Empty));
    }
    let tree = parser.operators()?;
    match parser.tokens.next() {
        None => Ok(tree),
        Some((token, at)) => Err((at, unexpected(&token))),
    }
}

struct Parser {
    tokens: std::iter::Peekable<std::vec::IntoIter<(Token, u32)>>,
    end: u32,
    nesting: u32,
}

/// Operands of one level of binding so far, and the operator behind the last of them.
struct Chain {
    first: Tree,
    rest: Vec<(Operator, Tree)>,
    operator: Operator,
}

impl Chain {
    /// Whether this binds tighter than an operator.
    fn binds(&self, next: Operator) -> bool {
        self.operator.level() > next.level()
    }

    /// Ends with its last operand.
    fn end(mut self, last: Tree) -> Tree {
        self.rest.push((self.operator, last));
        let at = self.first.at;
        Tree { node: Node::Chain(Box::new(self.first), self.rest), at }
    }
}

impl Parser {
    /// Parses operands and the operators between them. Calls itself for what is nested and not for each level of
    /// binding, so that the deepest expression fits a small stack.
    fn operators(&mut self) -> Result<Tree, Wrong> {
        let mut open: Vec<Chain> = Vec::new();
        let mut tree = self.operand()?;
        loop {
            let next = self.operator();
            // What binds tighter than the next operator ends before it.
            while let Some(chain) = open.pop_if(|open| next.is_none_or(|next| open.binds(next))) {
                tree = chain.end(tree);
            }
            let Some(operator) = next else { return Ok(tree) };
            match open.last_mut() {
                Some(chain) if chain.operator.level() == operator.level() => {
                    chain.rest.push((chain.operator, tree));
                    chain.operator = operator;
                }
                _ => open.push(Chain { first: tree, rest: Vec::new(), operator }),
            }
            tree = self.operand()?;
        }
    }

    fn operator(&mut self) -> Option<Operator> {
        match self.tokens.peek() {
            Some((Token::Operator(operator), _)) => {
                let operator = *operator;
                drop(self.tokens.next());
                Some(operator)
            }
            _ => None,
        }
    }

    fn operand(&mut self) -> Result<Tree, Wrong> {
        let Some((token, at)) = self.tokens.next() else {
            return Err((self.end, FaultKind::EndsEarly));
        };
        let node = match token {
            Token::Number(number) => Node::Number(number),
            Token::Text(text) => Node::Text(text),
            Token::Reference(name) => Node::Reference(name),
            Token::Own => Node::Own,
            Token::Operator(Operator::Subtract) => {
                Node::Negate(Box::new(self.nested(at, Self::operand)?))
            }
            Token::Open => {
                let inner = self.nested(at, Self::operators)?;
                self.close()?;
                inner.node
            }
            Token::Name(name) => {
                let arguments = self.arguments(&name, at)?;
                Node::Call(name, arguments)
            }
            token @ (Token::Operator(_) | Token::Close | Token::Comma) => {
                return Err((at, unexpected(&token)));
            }
        };
        Ok(Tree { node, at })
    }

    fn arguments(&mut self, name: &str, at: u32) -> Result<Vec<Tree>, Wrong> {
        // A name that nothing calls would be a path of XPath.
        match self.tokens.next() {
            Some((Token::Open, _)) => {}
            _ => return Err((at, FaultKind::Name { found: shown(name) })),
        }
        let mut arguments = Vec::new();
        if matches!(self.tokens.peek(), Some((Token::Close, _))) {
            drop(self.tokens.next());
            return Ok(arguments);
        }
        loop {
            arguments.push(self.nested(at, Self::operators)?);
            match self.tokens.next() {
                Some((Token::Comma, _)) => {}
                Some((Token::Close, _)) => return Ok(arguments),
                Some((token, at)) => return Err((at, unexpected(&token))),
                None => return Err((self.end, FaultKind::Expected { what: ")" })),
            }
        }
    }

    fn close(&mut self) -> Result<(), Wrong> {
        match self.tokens.next() {
            Some((Token::Close, _)) => Ok(()),
            Some((token, at)) => Err((at, unexpected(&token))),
            None => Err((self.end, FaultKind::Expected { what: ")" })),
        }
    }

    fn nested(
        &mut self,
        at: u32,
        inner: impl FnOnce(&mut Self) -> Result<Tree, Wrong>,
    ) -> Result<Tree, Wrong> {
        if self.nesting == NESTING_MAX {
            return Err((at, FaultKind::TooDeep));
        }
        self.nesting += 1;
        let tree = inner(self);
        self.nesting -= 1;
        tree
    }
}

fn unexpected(token: &Token) -> FaultKind {
    let found = match token {
        Token::Number(number) => number.to_string(),
        Token::Text(_) => "a text".to_owned(),
        Token::Reference(name) => format!("${{{}}}", shown(name)),
        Token::Name(name) => shown(name),
        Token::Own => ".".to_owned(),
        Token::Operator(operator) => operator.sign().to_owned(),
        Token::Open => "(".to_owned(),
        Token::Close => ")".to_owned(),
        Token::Comma => ",".to_owned(),
    };
    FaultKind::Unexpected { found }
}

/// Returns a name of a template as a message may show it: clean, on one line, and short.
pub(super) fn shown(name: &str) -> String {
    const SHOWN_CHARS_MAX: usize = 64;
    let short: String = name.chars().take(SHOWN_CHARS_MAX).collect();
    crate::model::clean(&short).replace(['\n', '\t'], " ")
}
