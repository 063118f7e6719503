//! One run at a time writes into a folder: two of them would write over each other's lines.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use super::Error;

/// A folder that no other run has. The lock is the folder's own, so it leaves no file behind, and the kernel takes it away with
/// the process, however that ends: what a killed run left is free.
#[derive(Debug)]
pub struct Lock {
    _folder: Option<File>,
}

/// Why a folder cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// It cannot be made.
    #[error(transparent)]
    Unwritable(#[from] Error),
    /// Another run writes into it.
    #[error("another receiver is writing its report into {}: let it end, or give another folder with --report", .0.display())]
    Taken(PathBuf),
}

impl Lock {
    /// Takes `folder`, made where it is missing, until this is dropped.
    ///
    /// # Errors
    /// [`Refused`], which names it.
    pub fn take(folder: &Path) -> Result<Self, Refused> {
        fs::create_dir_all(folder).map_err(|source| Error { path: folder.to_owned(), source })?;
        // A folder that may be written to and not read, or a file system without locks, as some of networks are, can hold a
        // report all the same.
        let Ok(opened) = File::open(folder) else { return Ok(Self { _folder: None }) };
        match opened.try_lock() {
            Err(TryLockError::WouldBlock) => Err(Refused::Taken(folder.to_owned())),
            Err(TryLockError::Error(_)) => Ok(Self { _folder: None }),
            Ok(()) => Ok(Self { _folder: Some(opened) }),
        }
    }
}
