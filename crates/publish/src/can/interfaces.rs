//! Which CAN interfaces there are, as the kernel tells below /sys.

use std::fs;
use std::io;
use std::path::Path;

/// Where the kernel lists network interfaces.
const LIST: &str = "/sys/class/net";
/// The kernel's number for CAN interfaces (ARPHRD_CAN).
const CAN_TYPE: u32 = 280;
/// The kernel's flag of an interface that is up (IFF_UP).
const UP: u32 = 1;
/// The size of an interface's largest frame where it takes CAN FD.
const FD_MTU: u32 = 72;
/// The longest name of an interface: the kernel keeps 16 bytes, with the final zero.
pub const MAX_INTERFACE_NAME: usize = 15;

/// A CAN interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CanInterface {
    /// Its name.
    pub name: String,
    /// Whether it is up.
    pub up: bool,
    /// Whether it takes CAN FD frames.
    pub fd: bool,
}

/// What an interface's name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Found {
    Missing,
    /// An interface, but not of CAN.
    Other,
    Can(CanInterface),
}

/// All CAN interfaces, by name. None where the kernel has no CAN.
///
/// # Errors
/// Where the kernel's list cannot be read.
pub fn can_interfaces() -> io::Result<Vec<CanInterface>> {
    list(Path::new(LIST))
}

pub(super) fn find(name: &str) -> Found {
    look(Path::new(LIST), name)
}

fn list(folder: &Path) -> io::Result<Vec<CanInterface>> {
    let entries = match fs::read_dir(folder) {
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut all: Vec<CanInterface> = names
        .filter_map(|name| match look(folder, &name) {
            Found::Can(interface) => Some(interface),
            Found::Missing | Found::Other => None,
        })
        .collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}

fn look(folder: &Path, name: &str) -> Found {
    let number = |file: &str| {
        let text = fs::read_to_string(folder.join(name).join(file)).ok()?;
        let text = text.trim();
        text.strip_prefix("0x").map_or_else(|| text.parse().ok(), |hex| u32::from_str_radix(hex, 16).ok())
    };
    match number("type") {
        None => Found::Missing,
        Some(CAN_TYPE) => Found::Can(CanInterface {
            name: name.to_owned(),
            up: number("flags").is_some_and(|flags| flags & UP != 0),
            fd: number("mtu").is_some_and(|mtu| mtu >= FD_MTU),
        }),
        Some(_) => Found::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(folder: &Path, name: &str, files: &[(&str, &str)]) {
        fs::create_dir(folder.join(name)).unwrap();
        files.iter().for_each(|(file, text)| fs::write(folder.join(name).join(file), text).unwrap());
    }

    #[test]
    fn can_interfaces_are_told_from_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        interface(path, "vcan0", &[("type", "280\n"), ("flags", "0xc1\n"), ("mtu", "72\n")]);
        interface(path, "can0", &[("type", "280\n"), ("flags", "0x40080\n"), ("mtu", "16\n")]);
        interface(path, "eth0", &[("type", "1\n"), ("flags", "0x1003\n"), ("mtu", "1500\n")]);
        let expected = [("can0", false, false), ("vcan0", true, true)];
        let expected = expected.map(|(name, up, fd)| CanInterface { name: name.into(), up, fd });
        assert_eq!(list(path).unwrap(), expected);
        assert_eq!(look(path, "eth0"), Found::Other);
        assert_eq!(look(path, "can7"), Found::Missing);
        assert_eq!(list(&path.join("nothing")).unwrap(), []);
    }
}
