//! Which file needs which other, and which are in a circle.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::source::{Crate, Module, ModulePath};

/// From each file to those whose items it names.
pub type Graph = BTreeMap<PathBuf, BTreeSet<PathBuf>>;

/// Steps that a name may be handed on by `use` until it is taken for a circle of its own.
const MAX_STEPS: usize = 16;

/// The files of `krate`, with those of the same crate that each needs. `super::` and `crate::` are followed to where the item is
/// declared, through `pub use`. A module that only hands on what a module inside it declares does not need it.
pub fn files(krate: &Crate) -> Graph {
    let mut graph = Graph::new();
    for (path, module) in &krate.modules {
        let needed = graph.entry(module.file.clone()).or_default();
        let imports = module.imports.iter().map(|import| (&import.path, Some(import)));
        let mentions = module.mentions.iter().map(|path| (path, None));
        for (named, import) in imports.chain(mentions) {
            let Some(found) = locate(krate, path, named, import.is_some(), 0) else { continue };
            let file = &krate.modules[&found].file;
            let is_handed_on = import.is_some_and(|import| import.is_public) && found.starts_with(path);
            // What is used of a module that was brought in whole is among the mentions.
            let is_module = import.is_some_and(|import| import.name.is_some()) && found.last() == named.last();
            if *file != module.file && !is_handed_on && !is_module {
                needed.insert(file.clone());
            }
        }
    }
    graph
}

/// The module that declares what `named` means in the module `from`; `None` where it is of another crate, or of the file's own.
fn locate(krate: &Crate, from: &ModulePath, named: &[String], is_import: bool, steps: usize) -> Option<ModulePath> {
    let first = named.first().filter(|_| steps < MAX_STEPS)?;
    let (mut at, mut rest) = (from.clone(), named);
    match first.as_str() {
        "crate" => (at, rest) = (Vec::new(), &named[1..]),
        "self" => rest = &named[1..],
        "super" => {}
        name => {
            // In a `use` the first segment is never a name that another `use` brought in.
            let is_known = declares(krate, from, name)
                || !is_import
                    && (imported(&krate.modules[from], name).is_some() || glob(krate, from, name, steps).is_some());
            if !is_known {
                return None;
            }
        }
    }
    while let Some(name) = rest.first() {
        if name == "super" {
            at.pop();
            rest = &rest[1..];
            continue;
        }
        let child = [at.as_slice(), std::slice::from_ref(name)].concat();
        if krate.modules.contains_key(&child) {
            (at, rest) = (child, &rest[1..]);
            continue;
        }
        let module = &krate.modules[&at];
        if module.items.contains(name) {
            break;
        }
        if let Some(import) = imported(module, name) {
            let whole = [import, &rest[1..]].concat();
            // What is of another crate is declared, as far as this one goes, where it is brought in.
            return locate(krate, &at, &whole, true, steps + 1).or(Some(at));
        }
        let Some(through) = glob(krate, &at, name, steps) else { return Some(at) };
        return locate(krate, &through, &[&["self".to_owned()], rest].concat(), true, steps + 1).or(Some(through));
    }
    Some(at)
}

/// The module that `name` comes from by a `use …::*` in the module `at`.
fn glob(krate: &Crate, at: &ModulePath, name: &str, steps: usize) -> Option<ModulePath> {
    let globs = krate.modules[at].imports.iter().filter(|import| import.name.is_none());
    let targets = globs.filter_map(|import| locate(krate, at, &import.path, true, steps + 1));
    let mut with =
        targets.filter(|target| declares(krate, target, name) || imported(&krate.modules[target], name).is_some());
    with.next()
}

/// The module `at` declares an item or a module of that name.
fn declares(krate: &Crate, at: &ModulePath, name: &str) -> bool {
    let child = [at.as_slice(), &[name.to_owned()]].concat();
    krate.modules.contains_key(&child) || krate.modules[at].items.iter().any(|item| item == name)
}

fn imported<'a>(module: &'a Module, name: &str) -> Option<&'a [String]> {
    module.imports.iter().find(|import| import.name.as_deref() == Some(name)).map(|import| import.path.as_slice())
}

/// The circles: sets of nodes that reach each other (Tarjan 1972 finds them faster; here a few hundred nodes are looked at).
pub fn circles<T: Ord + Clone>(graph: &BTreeMap<T, BTreeSet<T>>) -> Vec<BTreeSet<T>> {
    let reachable: BTreeMap<&T, BTreeSet<&T>> = graph.keys().map(|node| (node, reach(graph, node))).collect();
    let mut found: Vec<BTreeSet<T>> = Vec::new();
    for (node, reached) in &reachable {
        if reached.contains(node) && !found.iter().any(|circle| circle.contains(*node)) {
            let mutual = reached.iter().filter(|other| reachable[*other].contains(node));
            found.push(mutual.map(|other| (*other).clone()).collect());
        }
    }
    found
}

/// Everything that can be reached from `start` by one step or more.
fn reach<'a, T: Ord>(graph: &'a BTreeMap<T, BTreeSet<T>>, start: &T) -> BTreeSet<&'a T> {
    let mut found = BTreeSet::new();
    let mut next: Vec<&T> = graph[start].iter().collect();
    while let Some(node) = next.pop() {
        if found.insert(node) {
            next.extend(graph.get(node).into_iter().flatten());
        }
    }
    found
}
