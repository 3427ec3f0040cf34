//! The seam between the store and the file system. Tests put a disk behind it that fills up, fails,
//! and forgets at a power cut what was not synced.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

/// One folder with files in it.
pub trait Disk: Send {
    /// The folder, for messages.
    fn folder(&self) -> &Path;

    /// Names and lengths in bytes of all files.
    ///
    /// # Errors
    /// Where the folder cannot be read.
    fn list(&self) -> io::Result<Vec<(String, u64)>>;

    /// Makes a file that is not there yet.
    ///
    /// # Errors
    /// Where it is there, or cannot be made.
    fn create(&mut self, name: &str) -> io::Result<Box<dyn DiskFile>>;

    /// The bytes of a file from `from` up to `to`, or its end where that comes first.
    ///
    /// # Errors
    /// Where it cannot be read.
    fn read(&self, name: &str, from: u64, to: u64) -> io::Result<Vec<u8>>;

    /// Makes the content of a file durable that an earlier process wrote.
    ///
    /// # Errors
    /// Where the disk cannot.
    fn sync_file(&mut self, name: &str) -> io::Result<()>;

    /// Makes it durable which files there are.
    ///
    /// # Errors
    /// Where the disk cannot.
    fn sync_folder(&mut self) -> io::Result<()>;

    /// Removes a file.
    ///
    /// # Errors
    /// Where it cannot be removed.
    fn remove(&mut self, name: &str) -> io::Result<()>;
}

/// A file that is being written.
pub trait DiskFile: Send {
    /// Adds bytes at the end. After an error a part of them may be there.
    ///
    /// # Errors
    /// Where they could not all be written.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Makes all that was written durable.
    ///
    /// # Errors
    /// Where the disk cannot. What was written since the last success may be lost then.
    fn sync(&mut self) -> io::Result<()>;

    /// Cuts the file off after `length` bytes.
    ///
    /// # Errors
    /// Where it cannot be cut.
    fn cut(&mut self, length: u64) -> io::Result<()>;
}

/// A real folder, locked against a second process for as long as this lives.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    /// Holds the lock. The folder itself is locked: that works on a read-only disk too.
    handle: File,
}

/// Why a folder cannot be used.
#[derive(Debug)]
pub(crate) enum FolderFault {
    /// Another process has it.
    InUse,
    /// The system said so.
    Io(io::Error),
}

impl From<io::Error> for FolderFault {
    fn from(fault: io::Error) -> Self {
        Self::Io(fault)
    }
}

impl Folder {
    /// Opens the folder and locks it; makes it where it is missing, for its owner only.
    pub(crate) fn open(path: &Path) -> Result<Self, FolderFault> {
        if !path.exists() {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        }
        let handle = File::open(path)?;
        match handle.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), handle }),
            Err(TryLockError::WouldBlock) => Err(FolderFault::InUse),
            Err(TryLockError::Error(fault)) => Err(fault.into()),
        }
    }
}

impl Disk for Folder {
    fn folder(&self) -> &Path {
        &self.path
    }

    fn list(&self) -> io::Result<Vec<(String, u64)>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            // A name that is no text is not one of ours.
            if let Ok(name) = entry.file_name().into_string() {
                files.push((name, entry.metadata()?.len()));
            }
        }
        Ok(files)
    }

    fn create(&mut self, name: &str) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(File::create_new(self.path.join(name))?))
    }

    fn read(&self, name: &str, from: u64, to: u64) -> io::Result<Vec<u8>> {
        let mut file = File::open(self.path.join(name))?;
        file.seek(SeekFrom::Start(from))?;
        let length = to.saturating_sub(from);
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
        file.take(length).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn sync_file(&mut self, name: &str) -> io::Result<()> {
        OpenOptions::new().append(true).open(self.path.join(name))?.sync_data()
    }

    fn sync_folder(&mut self) -> io::Result<()> {
        self.handle.sync_all()
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path.join(name))
    }
}

impl DiskFile for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        // The length is synced with the data; the times are of no use.
        self.sync_data()
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)?;
        self.seek(SeekFrom::Start(length)).map(drop)
    }
}
