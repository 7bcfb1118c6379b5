//! An agent's folder, and the one way to a file in it.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read as _},
    path::{Component, Path, PathBuf},
};

use bytes::Bytes;

/// An agent's folder.
#[derive(Clone, Debug)]
pub enum Folder {
    /// On the machine's disk.
    Disk(PathBuf),
    /// In memory, where there is no machine: the files by their path.
    Memory(BTreeMap<PathBuf, Bytes>),
}

impl Folder {
    /// Where it is, if that is on the disk.
    pub fn on_disk(&self) -> Option<&Path> {
        match self {
            Self::Disk(folder) => Some(folder),
            Self::Memory(_) => None,
        }
    }

    /// Reads a file of at most `bytes_max` bytes that is inside, also when all links are followed.
    ///
    /// # Errors
    ///
    /// `PermissionDenied` for what is not inside, `FileTooLarge`, and what the disk says.
    #[expect(
        clippy::disallowed_methods,
        reason = "a real disk may be slow; a simulation's files are in memory"
    )]
    pub async fn read(&self, path: &Path, bytes_max: usize) -> io::Result<Bytes> {
        match self {
            Self::Disk(folder) => {
                let (folder, path) = (folder.clone(), path.to_owned());
                let read = move || read_inside(&folder, &path, bytes_max);
                tokio::task::spawn_blocking(read).await.map_err(io::Error::other)?
            }
            Self::Memory(files) => {
                let is_inside = |it: &Component<'_>| !matches!(it, Component::CurDir);
                let path: PathBuf = path.components().filter(is_inside).collect();
                let plain = path.components().all(|it| matches!(it, Component::Normal(_)));
                if !plain {
                    return Err(io::Error::from(io::ErrorKind::PermissionDenied));
                }
                let found = files.get(&path).ok_or(io::ErrorKind::NotFound)?;
                if found.len() > bytes_max {
                    return Err(io::Error::from(io::ErrorKind::FileTooLarge));
                }
                Ok(found.clone())
            }
        }
    }
}

fn read_inside(folder: &Path, path: &Path, bytes_max: usize) -> io::Result<Bytes> {
    let folder = folder.canonicalize()?;
    let path = folder.join(path).canonicalize()?;
    if !path.starts_with(&folder) {
        return Err(io::Error::from(io::ErrorKind::PermissionDenied));
    }
    // Before it is opened: opening a pipe would wait for somebody to write.
    if !path.metadata()?.is_file() {
        return Err(io::Error::from(io::ErrorKind::InvalidInput));
    }
    let file = File::open(path)?;
    let mut bytes = Vec::new();
    file.take(bytes_max as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > bytes_max {
        return Err(io::Error::from(io::ErrorKind::FileTooLarge));
    }
    Ok(Bytes::from(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_only_if_it_is_inside() {
        let place = tempfile::tempdir().unwrap();
        let (inside, outside) = (place.path().join("inside"), place.path().join("secret"));
        std::fs::create_dir(&inside).unwrap();
        std::fs::write(inside.join("a"), "12345").unwrap();
        std::fs::write(&outside, "s").unwrap();
        std::os::unix::fs::symlink(&outside, inside.join("link")).unwrap();
        let read = |path: &Path| {
            let found = read_inside(&inside, path, 5);
            found.map(|it| it.len()).map_err(|it| it.kind())
        };
        assert_eq!(read(Path::new("./a")), Ok(5));
        assert_eq!(read(&inside.join("a")), Ok(5));
        let denied = Err(io::ErrorKind::PermissionDenied);
        assert_eq!(read(Path::new("../secret")), denied);
        assert_eq!(read(&outside), denied);
        assert_eq!(read(Path::new("link")), denied, "links are followed first");
        assert_eq!(read(Path::new("b")), Err(io::ErrorKind::NotFound));
        assert_eq!(read(Path::new("")), Err(io::ErrorKind::InvalidInput));
        std::fs::write(inside.join("a"), "123456").unwrap();
        assert_eq!(read(Path::new("a")), Err(io::ErrorKind::FileTooLarge));
    }
}
