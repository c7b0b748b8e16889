//! Folders and files that no other account of the machine may look into, whatever its umask is.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io;
use std::path::Path;

/// Makes a folder that only the present account may look into, and those above it that are missing likewise. One
/// that is there stays as it is.
///
/// # Errors
///
/// Returns what the operating system said.
pub fn make_private_folder(path: &Path) -> io::Result<()> {
    private_folder().recursive(true).create(path)
}

/// Returns how a folder is made that only the present account may look into.
#[must_use]
pub fn private_folder() -> DirBuilder {
    // Only unix has something to add.
    #[cfg_attr(not(unix), allow(unused_mut))]
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

/// Returns how a file is opened that, if it is made, only the present account may read.
#[must_use]
pub fn private_file() -> OpenOptions {
    // Only unix has something to add.
    #[cfg_attr(not(unix), allow(unused_mut))]
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Takes from a file or folder what other accounts may do with it, and returns whether they could do anything.
/// Where the system has no such modes nothing is done.
///
/// # Errors
///
/// Returns what the operating system said; it is as it was then.
pub fn close_to_others(path: &Path) -> io::Result<bool> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mut permissions = fs::metadata(path)?.permissions();
        let mode = permissions.mode();
        if mode & 0o077 == 0 {
            return Ok(false);
        }
        permissions.set_mode(mode & !0o077);
        fs::set_permissions(path, permissions)?;
        Ok(true)
    }
    #[cfg(not(unix))]
    fs::metadata(path).map(|_| false)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_is_made_is_closed_to_others_and_what_was_open_is_closed_once() {
        let above = tempfile::tempdir().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let folder = above.path().join("one/two");
        make_private_folder(&folder).unwrap();
        make_private_folder(&folder).unwrap();
        assert_eq!((mode(&folder), mode(&above.path().join("one"))), (0o700, 0o700));
        let file = folder.join("file");
        private_file().write(true).create(true).open(&file).unwrap().write_all(b"x").unwrap();
        assert_eq!(mode(&file), 0o600);
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o664)).unwrap();
        assert!(close_to_others(&folder).unwrap() && close_to_others(&file).unwrap());
        assert_eq!((mode(&folder), mode(&file)), (0o700, 0o600));
        assert!(!close_to_others(&folder).unwrap() && !close_to_others(&file).unwrap());
        assert!(close_to_others(&above.path().join("nothing")).is_err());
    }
}
