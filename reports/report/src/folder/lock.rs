//! Only one run at a time writes into a folder: two would overwrite each other's lines.

use std::fs::{File, TryLockError};
use std::path::PathBuf;

use crate::dir::Dir;

/// A folder that no other run has. The lock is the folder's own, so it leaves no file behind, and the kernel takes it away with
/// the process, however that ends: what a killed run left is free.
#[derive(Debug)]
pub(crate) struct Lock {
    _folder: Option<File>,
}

/// Another run writes into the folder.
#[derive(Debug, thiserror::Error)]
#[error("another receiver is writing its report into {}: let it end, or give another folder with --report", .0.display())]
pub struct Taken(PathBuf);

impl Lock {
    /// Takes `folder` until this is dropped.
    ///
    /// # Errors
    /// [`Taken`], which names it.
    pub fn take(folder: &Dir) -> Result<Self, Taken> {
        // A folder that may be written to and not read, or a file system without locks, as some of networks are, can hold a
        // report all the same.
        let Some(opened) = folder.readable() else { return Ok(Self { _folder: None }) };
        match opened.try_lock() {
            Err(TryLockError::WouldBlock) => Err(Taken(folder.path().to_owned())),
            Err(TryLockError::Error(_)) => Ok(Self { _folder: None }),
            Ok(()) => Ok(Self { _folder: Some(opened) }),
        }
    }
}
