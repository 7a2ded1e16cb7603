//! Page faults of this process: memory the system had to bring in.

/// Page faults so far that needed no disk, of all threads; None where `/proc` does not tell.
pub fn minor() -> Option<u64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is the program's name, in brackets, and may hold spaces; this is the tenth.
    stat.rsplit_once(')')?.1.split_whitespace().nth(7)?.parse().ok()
}
