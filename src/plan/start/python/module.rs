//! What a Python module does at its top level, as far as a start command depends on it: names that it imports, objects
//! that it makes by calling something, functions that could make one, and whether it does anything when it is run.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::tokens::{Line, Token, lines};

/// The facts about a module.
#[derive(Debug, Clone, Default)]
pub(in crate::plan::start) struct Module {
    /// Imported names: what the name stands for, as an absolute dotted path (or one that begins with a dot).
    imported: BTreeMap<String, String>,
    /// Modules whose names were all imported (`from fasthtml.common import *`).
    starred: Vec<String>,
    /// The first components of all absolute imports.
    pub(in crate::plan::start) heads: BTreeSet<String>,
    /// Whether there is a relative import.
    pub(in crate::plan::start) relative: bool,
    /// Top-level names that the result of a call is assigned to.
    pub(in crate::plan::start) objects: Vec<Object>,
    /// Top-level functions.
    pub(in crate::plan::start) functions: Vec<Function>,
    /// `if __name__ == "__main__":`.
    pub(in crate::plan::start) main_guard: Option<Range<usize>>,
    /// A top-level statement that does something besides defining names.
    pub(in crate::plan::start) acts: Option<Range<usize>>,
}

/// `name = callee(…)` at top level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::plan::start) struct Object {
    /// The name. Of several in a tuple, the first.
    pub(in crate::plan::start) name: String,
    /// What is called, as it is written.
    pub(in crate::plan::start) callee: String,
    /// The statement.
    pub(in crate::plan::start) range: Range<usize>,
}

/// `def name(…)` at top level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::plan::start) struct Function {
    /// The name.
    pub(in crate::plan::start) name: String,
    /// Whether `name()` is a plain call that returns the result: not async, undecorated, and no parameter is required.
    pub(in crate::plan::start) plain: bool,
    /// What is called to make the result, or the annotation of the result; as it is written.
    pub(in crate::plan::start) makes: Vec<String>,
    /// Its `def` statement.
    pub(in crate::plan::start) range: Range<usize>,
}

/// Longer files are not looked at.
const LONGEST: usize = 1 << 20;

impl Module {
    /// Reads a module's text.
    pub(in crate::plan::start) fn read(text: &str) -> Self {
        let mut module = Self::default();
        if text.len() > LONGEST {
            return module;
        }
        let lines = lines(text);
        let mut decorated = false;
        let mut index = 0;
        while let Some(line) = lines.get(index) {
            index += 1;
            module.read_import(&line.tokens);
            if line.indent > 0 {
                continue;
            }
            match line.tokens.as_slice() {
                [Token::Op("@"), ..] => {
                    decorated = !matches!(line.tokens.as_slice(), [.., Token::Name("cache" | "lru_cache"), _, _])
                        && !matches!(line.tokens.last(), Some(Token::Name("cache" | "lru_cache")));
                    continue;
                }
                [Token::Name("def"), ..] | [Token::Name("async"), Token::Name("def"), ..] => {
                    let end = lines[index..]
                        .iter()
                        .position(|line| line.indent == 0)
                        .map_or(lines.len(), |next| index + next);
                    module.functions.extend(read_function(line, &lines[index..end], decorated));
                }
                [Token::Name("class"), Token::Name(name), ..] => {
                    module.imported.remove(*name);
                }
                [Token::Name("if"), condition @ ..] if is_main_guard(condition) => {
                    module.main_guard = Some(line.range.clone());
                }
                [Token::Name("while" | "for" | "with"), ..] => module.acts = Some(line.range.clone()),
                tokens => match assignment(tokens) {
                    Some((name, callee)) => {
                        module.objects.push(Object { name, callee, range: line.range.clone() });
                    }
                    None if call(tokens).is_some() => module.acts = Some(line.range.clone()),
                    None => {}
                },
            }
            decorated = false;
        }
        // Of a name that is assigned more than once, the last counts.
        let mut seen = BTreeSet::new();
        module.objects.reverse();
        module.objects.retain(|object| seen.insert(object.name.clone()));
        module.objects.reverse();
        module
    }

    /// What a written name stands for: absolute dotted paths, more than one where a star import could have brought it.
    pub(in crate::plan::start) fn resolve(&self, written: &str) -> Vec<String> {
        let (head, rest) = written.split_once('.').map_or((written, ""), |(head, rest)| (head, rest));
        match self.imported.get(head) {
            Some(path) if rest.is_empty() => vec![path.clone()],
            Some(path) => vec![format!("{path}.{rest}")],
            None => self.starred.iter().map(|module| format!("{module}.{written}")).collect(),
        }
    }

    fn read_import(&mut self, tokens: &[Token<'_>]) {
        match tokens {
            [Token::Name("import"), rest @ ..] => {
                for clause in rest.split(|token| *token == Token::Op(",")) {
                    let (path, rest) = dotted(clause);
                    let Some(head) = path.split('.').next().filter(|head| !head.is_empty()) else { continue };
                    self.heads.insert(head.to_owned());
                    match rest {
                        [Token::Name("as"), Token::Name(alias)] => self.imported.insert((*alias).to_owned(), path),
                        _ => self.imported.insert(head.to_owned(), head.to_owned()),
                    };
                }
            }
            [Token::Name("from"), rest @ ..] => {
                let dots = rest.iter().take_while(|token| **token == Token::Op(".")).count();
                let (path, rest) = if rest.get(dots) == Some(&Token::Name("import")) {
                    (String::new(), &rest[dots..])
                } else {
                    dotted(&rest[dots..])
                };
                let [Token::Name("import"), names @ ..] = rest else { return };
                if dots > 0 {
                    self.relative = true;
                } else if let Some(head) = path.split('.').next() {
                    self.heads.insert(head.to_owned());
                }
                let module = format!("{}{path}", ".".repeat(dots));
                let names: Vec<Token<'_>> =
                    names.iter().copied().filter(|token| !matches!(token, Token::Op("(" | ")"))).collect();
                for clause in names.split(|token| *token == Token::Op(",")) {
                    match clause {
                        [Token::Op("*")] => self.starred.push(module.clone()),
                        [Token::Name(name)] | [Token::Name(name), Token::Name("as"), Token::Name(_)] => {
                            let alias = if let [.., Token::Name(alias)] = clause { alias } else { name };
                            self.imported.insert((*alias).to_owned(), format!("{module}.{name}"));
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
}

/// The dotted name that tokens begin with, and what follows it.
fn dotted<'t, 'a>(tokens: &'t [Token<'a>]) -> (String, &'t [Token<'a>]) {
    let mut path = String::new();
    let mut rest = tokens;
    while let [Token::Name(name), after @ ..] = rest {
        path.push_str(name);
        rest = after;
        match rest {
            [Token::Op("."), after @ ..] if matches!(after, [Token::Name(_), ..]) => {
                path.push('.');
                rest = after;
            }
            _ => break,
        }
    }
    (path, rest)
}

/// The callee, when tokens are a call and nothing else.
fn call(tokens: &[Token<'_>]) -> Option<String> {
    let (callee, rest) = dotted(tokens);
    if callee.is_empty() || rest.first() != Some(&Token::Op("(")) {
        return None;
    }
    let mut depth = 0usize;
    for (index, token) in rest.iter().enumerate() {
        match token {
            Token::Op("(" | "[" | "{") => depth += 1,
            Token::Op(")" | "]" | "}") => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return (index + 1 == rest.len()).then_some(callee);
                }
            }
            _ => {}
        }
    }
    None
}

/// Name and callee of `name = callee(…)`, `name: type = callee(…)`, `name, other = callee(…)`, `name = other = callee(…)`.
fn assignment(tokens: &[Token<'_>]) -> Option<(String, String)> {
    let [Token::Name(name), ..] = tokens else { return None };
    let mut depth = 0usize;
    let mut last = None;
    for (index, token) in tokens.iter().enumerate() {
        match token {
            Token::Op("(" | "[" | "{") => depth += 1,
            Token::Op(")" | "]" | "}") => depth = depth.saturating_sub(1),
            Token::Op("=") if depth == 0 => last = Some(index),
            _ => {}
        }
    }
    let last = last?;
    // Attributes (`app.state = …`) and items (`d["x"] = …`) are not names of the module.
    if !matches!(tokens.get(1), Some(Token::Op("=" | ":" | ","))) {
        return None;
    }
    Some(((*name).to_owned(), call(tokens.get(last + 1..)?)?))
}

fn is_main_guard(condition: &[Token<'_>]) -> bool {
    let condition: Vec<&Token<'_>> = condition.iter().filter(|token| !matches!(token, Token::Op("(" | ")"))).collect();
    matches!(
        condition.as_slice(),
        [Token::Name("__name__"), Token::Op("=="), Token::Text("__main__"), Token::Op(":"), ..]
            | [Token::Text("__main__"), Token::Op("=="), Token::Name("__name__"), Token::Op(":"), ..]
    )
}

fn read_function(definition: &Line<'_>, body: &[Line<'_>], decorated: bool) -> Option<Function> {
    let (asynchronous, tokens) = match definition.tokens.as_slice() {
        [Token::Name("async"), Token::Name("def"), tokens @ ..] => (true, tokens),
        [Token::Name("def"), tokens @ ..] => (false, tokens),
        _ => return None,
    };
    let [Token::Name(name), Token::Op("("), rest @ ..] = tokens else { return None };
    let (required, rest) = parameters(rest);
    let mut makes = Vec::new();
    if let [Token::Op("->"), annotation @ ..] = rest {
        if let [Token::Text(text), Token::Op(":"), ..] = annotation {
            makes.push((*text).to_owned());
        } else {
            let (path, rest) = dotted(annotation);
            if rest.first() == Some(&Token::Op(":")) {
                makes.push(path);
            }
        }
    }
    makes.extend(returned(body));
    Some(Function {
        name: (*name).to_owned(),
        plain: !asynchronous && !decorated && !required,
        makes,
        range: definition.range.clone(),
    })
}

/// Whether a parameter list (without its opening bracket) requires an argument, and what follows it.
fn parameters<'t, 'a>(tokens: &'t [Token<'a>]) -> (bool, &'t [Token<'a>]) {
    let mut depth = 1usize;
    let mut end = tokens.len();
    let mut pieces: Vec<Vec<Token<'a>>> = vec![Vec::new()];
    for (index, token) in tokens.iter().enumerate() {
        match token {
            Token::Op("(" | "[" | "{") => depth += 1,
            Token::Op(")" | "]" | "}") => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            end = index;
            break;
        }
        match (token, pieces.last_mut()) {
            (Token::Op(","), _) if depth == 1 => pieces.push(Vec::new()),
            (_, Some(piece)) => piece.push(if depth == 1 { *token } else { Token::Other }),
            (_, None) => {}
        }
    }
    let required =
        pieces.iter().any(|piece| matches!(piece.first(), Some(Token::Name(_))) && !piece.contains(&Token::Op("=")));
    (required, tokens.get(end + 1..).unwrap_or_default())
}

/// What a function's body calls to make its result: `return callee(…)`, or `name = callee(…)` and `return name`.
fn returned(body: &[Line<'_>]) -> Vec<String> {
    let mut made: BTreeMap<String, String> = BTreeMap::new();
    let mut makes = Vec::new();
    let mut inner: Option<usize> = None;
    for line in body {
        // What an inner function or class does is not this function's result.
        if inner.is_some_and(|indent| line.indent > indent) {
            continue;
        }
        inner = None;
        match line.tokens.as_slice() {
            [Token::Name("def" | "class"), ..] | [Token::Name("async"), Token::Name("def"), ..] => {
                inner = Some(line.indent);
            }
            [Token::Name("return"), Token::Name(name)] => makes.extend(made.get(*name).cloned()),
            [Token::Name("return"), value @ ..] => makes.extend(call(value)),
            tokens => {
                if let Some((name, callee)) = assignment(tokens) {
                    made.insert(name, callee);
                }
            }
        }
    }
    makes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn objects(text: &str) -> Vec<(String, Vec<String>)> {
        let module = Module::read(text);
        module.objects.iter().map(|object| (object.name.clone(), module.resolve(&object.callee))).collect()
    }

    #[test]
    fn imports_say_what_a_name_is() {
        for (text, path) in [
            ("from fastapi import FastAPI\napp = FastAPI()", "fastapi.FastAPI"),
            (
                "from fastapi import (\n    Depends,\n    FastAPI as F,\n)\napp: F = F(\n    title='x',\n)",
                "fastapi.FastAPI",
            ),
            ("import fastapi\napp = fastapi.FastAPI()", "fastapi.FastAPI"),
            ("import fastapi as fa, os\napp = fa.FastAPI(debug=(1 == 1))", "fastapi.FastAPI"),
            ("import falcon.asgi\napp = falcon.asgi.App()", "falcon.asgi.App"),
            ("from fasthtml.common import *\napp, rt = fast_app(live=True)", "fasthtml.common.fast_app"),
            ("from .factory import create\napp = create()", ".factory.create"),
            ("from . import create\napp = create()", "..create"),
            ("try:\n    from a import X\nexcept ImportError:\n    pass\napp = api = X()", "a.X"),
        ] {
            assert_eq!(objects(text), [("app".to_owned(), vec![path.to_owned()])], "{text}");
        }
    }

    #[test]
    fn what_only_looks_like_an_object() {
        for text in [
            "from fastapi import FastAPI\n'''\napp = FastAPI()\n'''",
            "from fastapi import FastAPI\n# app = FastAPI()",
            "from fastapi import FastAPI\ndef f():\n    app = FastAPI()",
            "from fastapi import FastAPI\nif True:\n    app = FastAPI()",
            "from fastapi import FastAPI\nx.app = FastAPI()",
            "from fastapi import FastAPI\nd['app'] = FastAPI()",
            "from fastapi import FastAPI\napp = FastAPI().router",
            "from fastapi import FastAPI\napp == FastAPI()",
            "from fastapi import FastAPI\napp = FastAPI",
            "from fastapi import FastAPI\napp += FastAPI()",
            "text = 'from fastapi import FastAPI; app = FastAPI()'",
        ] {
            assert_eq!(objects(text), [], "{text}");
        }
        assert_eq!(objects("app = FastAPI()"), [("app".to_owned(), vec![])]);
        assert_eq!(
            objects("from fastapi import FastAPI\nclass FastAPI: ...\napp = FastAPI()"),
            [("app".to_owned(), vec![])]
        );
    }

    #[test]
    fn factories() {
        let function = |text: &str| Module::read(text).functions.pop().unwrap();
        for (text, plain, makes) in [
            ("def create_app() -> FastAPI:\n    ...", true, vec!["FastAPI"]),
            ("def create_app(a=1, *args, b: int = 2, **kw) -> 'FastAPI': ...", true, vec!["FastAPI"]),
            ("def create_app(config): ...", false, vec![]),
            ("def create_app(*, config): ...", false, vec![]),
            ("async def create_app(): return FastAPI()", false, vec![]),
            (
                "def create_app(x: dict[str, int] = {}):\n    app = FastAPI(\n1)\n    app.x = 1\n    return app",
                true,
                vec!["FastAPI"],
            ),
            (
                "def create_app():\n    def inner():\n        return Flask()\n    return FastAPI()",
                true,
                vec!["FastAPI"],
            ),
            ("@lru_cache\ndef create_app():\n    return FastAPI()", true, vec!["FastAPI"]),
            ("@functools.lru_cache()\ndef create_app():\n    return FastAPI()", true, vec!["FastAPI"]),
            ("@cli.command()\ndef create_app():\n    return FastAPI()", false, vec!["FastAPI"]),
        ] {
            let function = function(text);
            assert_eq!(
                (function.plain, function.makes),
                (plain, makes.iter().map(ToString::to_string).collect()),
                "{text}"
            );
        }
    }

    #[test]
    fn what_a_script_does() {
        assert!(Module::read("def main(): ...\nif __name__ == '__main__':\n    main()").main_guard.is_some());
        assert!(Module::read("if (\"__main__\" == __name__): main()").main_guard.is_some());
        assert!(Module::read("x = '''\nif __name__ == '__main__':\n'''").main_guard.is_none());
        assert!(Module::read("print('hello')").acts.is_some());
        assert!(Module::read("import x\nA = 1\ndef f():\n    print(1)\n").acts.is_none());
    }

    #[test]
    fn heads_of_imports() {
        let module =
            Module::read("import a.b, c as d\nfrom e.f import g\ndef h():\n    import i\n    from . import j\n");
        assert_eq!(module.heads.iter().map(String::as_str).collect::<Vec<_>>(), ["a", "c", "e", "i"]);
        assert!(module.relative);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "((from|import|as|def|return|if|class|async|app|=|\\(|\\)|,|\\.|:|@|\\*|->|\"|'|\n| |    ) ?){0,40}|.{0,40}") {
            let _ = Module::read(&text);
        }
    }
}
