//! The modules of a crate, as its files declare them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use quote::ToTokens as _;
use syn::{Attribute, Item, UseTree, Visibility};

/// A module by its path from the crate's root; the root is empty.
pub type ModulePath = Vec<String>;

/// The modules of one crate, without its tests.
#[derive(Debug, Default)]
pub struct Crate {
    pub modules: BTreeMap<ModulePath, Module>,
}

/// One module.
#[derive(Debug, Default)]
pub struct Module {
    /// Relative to the workspace's root.
    pub file: PathBuf,
    pub imports: Vec<Import>,
    /// Every other path of two segments and more.
    pub mentions: Vec<Vec<String>>,
    /// Names of the items that are declared here.
    pub items: Vec<String>,
}

/// A leaf of a `use` declaration.
#[derive(Clone, Debug)]
pub struct Import {
    /// Without a leading `::`.
    pub path: Vec<String>,
    /// What it is called here; `None` for `*`.
    pub name: Option<String>,
    /// Handed on to others.
    pub is_public: bool,
}

/// What a crate's text is read from: the disk, or a test's own text.
pub trait Files {
    /// The text of the file at `path`, relative to the workspace's root; `None` where there is none.
    fn read(&self, path: &Path) -> Option<String>;
}

/// The workspace below a folder.
#[derive(Debug)]
pub struct Disk(pub PathBuf);

impl Files for Disk {
    fn read(&self, path: &Path) -> Option<String> {
        std::fs::read_to_string(self.0.join(path)).ok()
    }
}

impl Crate {
    /// The modules of the library or program whose root is the file `root`. What is compiled for tests only is left out.
    pub fn read(files: &impl Files, root: &Path) -> Self {
        let mut krate = Self::default();
        krate.module(files, root, root.parent().expect("a root file lies in a folder"), Vec::new());
        krate
    }

    fn module(&mut self, files: &impl Files, file: &Path, dir: &Path, path: ModulePath) {
        let text = files.read(file).unwrap_or_else(|| panic!("{} is declared and missing", file.display()));
        let parsed = syn::parse_file(&text).unwrap_or_else(|why| panic!("{}: {why}", file.display()));
        self.items(files, file, dir, path, parsed.items);
    }

    /// `dir` is where the files of child modules lie.
    fn items(&mut self, files: &impl Files, file: &Path, dir: &Path, path: ModulePath, items: Vec<Item>) {
        let mut module = Module { file: file.to_owned(), ..Module::default() };
        for item in items {
            if is_for_tests(attributes(&item)) {
                continue;
            }
            match item {
                Item::Mod(child) => {
                    let name = child.ident.to_string();
                    let path = [path.as_slice(), std::slice::from_ref(&name)].concat();
                    let dir = dir.join(&name);
                    match child.content {
                        Some((_, items)) => self.items(files, file, &dir, path, items),
                        None => {
                            let beside = dir.with_extension("rs");
                            let inside = dir.join("mod.rs");
                            let file = if files.read(&beside).is_some() { beside } else { inside };
                            self.module(files, &file, &dir, path);
                        }
                    }
                }
                Item::Use(declaration) => {
                    let is_public = !matches!(declaration.vis, Visibility::Inherited);
                    let mut found = Vec::new();
                    leaves(&declaration.tree, &mut Vec::new(), &mut found);
                    module.imports.extend(found.into_iter().map(|(path, name)| Import { path, name, is_public }));
                }
                other => {
                    module.items.extend(name(&other));
                    mentions(other.to_token_stream(), &mut module.mentions);
                }
            }
        }
        self.modules.insert(path, module);
    }
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(i) => &i.attrs,
        Item::Enum(i) => &i.attrs,
        Item::Fn(i) => &i.attrs,
        Item::Impl(i) => &i.attrs,
        Item::Macro(i) => &i.attrs,
        Item::Mod(i) => &i.attrs,
        Item::Static(i) => &i.attrs,
        Item::Struct(i) => &i.attrs,
        Item::Trait(i) => &i.attrs,
        Item::Type(i) => &i.attrs,
        Item::Use(i) => &i.attrs,
        _ => &[],
    }
}

fn is_for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("test")
            || attribute.path().is_ident("cfg") && {
                let condition = attribute.meta.to_token_stream().to_string();
                condition.contains("test") && !condition.contains("not")
            }
    })
}

fn name(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(i) => &i.ident,
        Item::Enum(i) => &i.ident,
        Item::Fn(i) => &i.sig.ident,
        Item::Macro(i) => i.ident.as_ref()?,
        Item::Static(i) => &i.ident,
        Item::Struct(i) => &i.ident,
        Item::Trait(i) => &i.ident,
        Item::Type(i) => &i.ident,
        _ => return None,
    };
    Some(ident.to_string())
}

/// The path of each leaf, and what it is called.
type Leaf = (Vec<String>, Option<String>);

fn leaves(tree: &UseTree, path: &mut Vec<String>, found: &mut Vec<Leaf>) {
    match tree {
        UseTree::Path(step) => {
            path.push(step.ident.to_string());
            leaves(&step.tree, path, found);
            path.pop();
        }
        UseTree::Group(group) => group.items.iter().for_each(|tree| leaves(tree, path, found)),
        UseTree::Glob(_) => found.push((path.clone(), None)),
        UseTree::Name(leaf) => found.push(named(path, leaf.ident.to_string(), None)),
        UseTree::Rename(leaf) => found.push(named(path, leaf.ident.to_string(), Some(leaf.rename.to_string()))),
    }
}

/// `use a::b::{self}` imports `a::b`.
fn named(path: &[String], leaf: String, rename: Option<String>) -> Leaf {
    let path =
        if leaf == "self" && !path.is_empty() { path.to_vec() } else { [path, std::slice::from_ref(&leaf)].concat() };
    let name = rename.or_else(|| path.last().cloned());
    (path, name)
}

/// Finds `a::b::c` in whatever is written, in macros too.
fn mentions(tokens: proc_macro2::TokenStream, found: &mut Vec<Vec<String>>) {
    use proc_macro2::TokenTree;
    let mut path: Vec<String> = Vec::new();
    let mut colons = 0;
    let mut end = |path: &mut Vec<String>| {
        let path = std::mem::take(path);
        if path.len() > 1 {
            found.push(path);
        }
    };
    let mut groups = Vec::new();
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => {
                if colons != 2 {
                    end(&mut path);
                }
                path.push(ident.to_string());
                colons = 0;
            }
            TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
            other => {
                // `pub(in a::b)` says who may use something, and uses nothing.
                let is_visibility = path.last().is_some_and(|last| last == "pub");
                end(&mut path);
                colons = 0;
                if let TokenTree::Group(group) = other
                    && !is_visibility
                {
                    groups.push(group.stream());
                }
            }
        }
    }
    end(&mut path);
    groups.into_iter().for_each(|group| mentions(group, found));
}
