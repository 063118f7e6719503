//! What the whole workspace says of itself: its crates, what each depends on, and which file names which library.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::graph::{self, Graph};
use super::source::{Crate, Files};

/// The crates of a workspace, without their tests.
pub struct Workspace {
    members: BTreeMap<String, Member>,
}

struct Member {
    /// Names, in Rust's spelling, of what `[dependencies]` has.
    dependencies: BTreeSet<String>,
    /// The library and the program, as far as there are such.
    crates: Vec<Crate>,
}

impl Workspace {
    /// Reads the crates in `folders`, relative to the workspace's root.
    pub fn read(files: &impl Files, folders: &[&str]) -> Self {
        let member = |folder: &&str| {
            let folder = Path::new(folder);
            let manifest = files.read(&folder.join("Cargo.toml")).expect("each crate has a manifest");
            let manifest = toml::de::DeTable::parse(&manifest).expect("a manifest is TOML");
            let dependencies = manifest.get_ref().get("dependencies").and_then(|found| found.get_ref().as_table());
            let dependencies = dependencies.into_iter().flat_map(|table| table.keys());
            let roots = ["src/lib.rs", "src/main.rs"].map(|root| folder.join(root));
            let there = roots.into_iter().filter(|root| files.read(root).is_some());
            let member = Member {
                dependencies: dependencies.map(|name| name.get_ref().replace('-', "_")).collect(),
                crates: there.map(|root| Crate::read(files, &root)).collect(),
            };
            (crate_name(folder.to_str().expect("our names are text")).to_owned(), member)
        };
        Self { members: folders.iter().map(member).collect() }
    }

    /// Dependencies on crates of the workspace that `allowed` does not have.
    pub fn upward(&self, allowed: &[(&str, &[&str])]) -> Vec<String> {
        let mut wrong = Vec::new();
        for (name, member) in &self.members {
            let allowed =
                allowed.iter().find(|(folder, _)| crate_name(folder) == name.as_str()).map_or(&[][..], |(_, to)| to);
            let ours = member.dependencies.iter().filter(|dependency| self.members.contains_key(*dependency));
            let upward = ours.filter(|dependency| !allowed.contains(&dependency.as_str()));
            wrong.extend(upward.map(|dependency| format!("{name} depends on {dependency}")));
        }
        wrong
    }

    /// Files that name a library which only the files below `homes` are to know.
    pub fn strangers(&self, library: &str, homes: &[&str]) -> Vec<String> {
        let named = self.files_naming(|path| path.first().is_some_and(|first| first == library));
        let strangers = named.into_iter().filter(|file| !homes.iter().any(|home| is_below(file, home)));
        strangers.map(|file| format!("{} names {library}", file.display())).collect()
    }

    /// Files of the crate `member` that name something below `path`, other than those below `home`.
    pub fn impure(&self, member: &str, path: &[&str], home: &str) -> Vec<String> {
        let within = |file: &Path| file.starts_with(member) && !is_below(file, home);
        let named = self.files_naming(|named| named.len() >= path.len() && named.iter().zip(path).all(|(a, b)| a == b));
        let found = named.into_iter().filter(|file| within(file));
        found.map(|file| format!("{} names {}", file.display(), path.join("::"))).collect()
    }

    /// Files in `folder` that name the module `codec` of another folder, other than those of that name. The file beside one of
    /// that name chooses it, by `super::`.
    pub fn naming_codec(&self, codec: &str, folder: &str) -> Vec<PathBuf> {
        let is_meant = |path: &[String]| {
            path.iter().any(|name| name == codec)
                && path.first().is_some_and(|first| first != "super" && first != codec)
        };
        let has_its_name = |file: &Path| file.iter().any(|part| Path::new(part).file_stem() == Some(codec.as_ref()));
        self.files_naming(is_meant).into_iter().filter(|file| file.starts_with(folder) && !has_its_name(file)).collect()
    }

    /// Paths that begin with a name of our own, as a module `csv`, name no library.
    fn files_naming(&self, is_meant: impl Fn(&[String]) -> bool) -> BTreeSet<PathBuf> {
        let crates = self.members.values().flat_map(|member| &member.crates);
        let modules = crates.flat_map(|krate| krate.modules.iter().map(move |(path, module)| (krate, path, module)));
        let naming = modules.filter(|(krate, at, module)| {
            let is_child =
                |name: &String| krate.modules.contains_key(&[at.as_slice(), std::slice::from_ref(name)].concat());
            let is_brought = |name: &String| {
                module
                    .imports
                    .iter()
                    .any(|import| import.name.as_ref() == Some(name) && import.path.first() != Some(name))
            };
            let imports = module.imports.iter().map(|import| &import.path).filter(|path| !is_child(&path[0]));
            let mentions = module.mentions.iter().filter(|path| !is_child(&path[0]) && !is_brought(&path[0]));
            imports.chain(mentions).any(|path| is_meant(path))
        });
        naming.map(|(_, _, module)| module.file.clone()).collect()
    }

    /// Files that need each other, each circle with the steps that make it one.
    pub fn circles(&self) -> Vec<String> {
        let crates = self.members.values().flat_map(|member| &member.crates);
        crates
            .flat_map(|krate| {
                let needs = graph::files(krate);
                graph::circles(&needs).into_iter().map(move |circle| told(&needs, &circle)).collect::<Vec<_>>()
            })
            .collect()
    }
}

/// A crate goes by the name of its folder.
fn crate_name(folder: &str) -> &str {
    folder.rsplit('/').next().unwrap_or(folder)
}

fn told(needs: &Graph, circle: &BTreeSet<PathBuf>) -> String {
    let steps = circle.iter().flat_map(|file| {
        let within = needs[file].intersection(circle);
        within.map(move |other| format!("  {} → {}", file.display(), other.display()))
    });
    steps.collect::<Vec<_>>().join("\n")
}

/// `home` is the file itself, its folder, or both: `a/b` stands for `a/b.rs` and everything in `a/b/`.
fn is_below(file: &Path, home: &str) -> bool {
    file.starts_with(home) || file == Path::new(home).with_extension("rs")
}
